"""LiveSession: a session with a cluster that is reached through a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from meshtui.kube.api import Api, Connection
from meshtui.kube.discovery import Discovery
from meshtui.kube.follow import Follower
from meshtui.kube.following import Following
from meshtui.kube.heart import Heart
from meshtui.kube.pace import Pace
from meshtui.kube.store import Store
from meshtui.mesh.snapshot import Memo, Probe, Ref, Scope, Server, Snapshot
from meshtui.settings import Settings


class LiveSession:
    """Opening does no network; closing ends all that was started, at once."""

    def __init__(
        self, settings: Settings, connection: Connection, pace: Pace | None = None
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._pace = pace or Pace()
        self._memo = Memo()
        self._store = Store()
        self._api = Api(connection, settings.request_timeout)
        self._discovery = Discovery(self._api, self._pace)
        self._following = Following(
            self._start, self._store, self._pace, self._follower, self._change
        )
        self._heart = Heart(self._api, self._pace, self._change, self._recovered)
        self._tasks = asyncio.TaskGroup()
        self._running: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._closed = False
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._connection)
        await self._stack.enter_async_context(self._tasks)
        self._start(self._heart.run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closed = True
        self._change()
        self._following.end()
        for task in self._running:
            task.cancel()
        await self._stack.__aexit__(kind, error, traceback)

    async def snapshots(self) -> AsyncIterator[Snapshot]:
        while not self._closed:
            self._changed.clear()
            yield self._snapshot()
            await self._changed.wait()
            await asyncio.sleep(self._pace.settle)

    def want(
        self,
        scopes: Collection[Scope],
        probes: Collection[Probe] = (),
        refs: Collection[Ref] = (),
    ) -> None:
        self._following.want(scopes)

    def refresh(self) -> None:
        self._following.again()

    def _snapshot(self) -> Snapshot:
        return Snapshot(
            now=datetime.now(UTC),
            server=self._server(),
            objects=self._store.objects(),
            sources=self._following.sources(),
            memo=self._memo,
        )

    def _server(self) -> Server:
        connection, heart = self._connection, self._heart
        return Server(
            context=connection.context,
            cluster=connection.cluster,
            url=connection.url,
            user=heart.user or connection.user,
            insecure=connection.insecure,
            version=heart.version,
            kinds=self._discovery.kinds,
            answered=heart.answered,
            problem=heart.problem,
            retry_at=heart.retry_at,
        )

    def _follower(self, scope: Scope) -> Follower:
        return Follower(scope, self._api, self._discovery, self._store, self._pace, self._change)

    def _recovered(self) -> None:
        self._following.again(failed_only=True)

    def _change(self) -> None:
        self._changed.set()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._tasks.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task
