"""LiveSession: a session with a cluster that is reached through a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine, Mapping
from contextlib import AsyncExitStack, aclosing, suppress
from datetime import UTC, datetime
from time import monotonic
from types import TracebackType
from typing import Any, Self, TypeVar

from meshtui.kube import dry_runs, logs, writes
from meshtui.kube.api import Api
from meshtui.kube.connect import Connection
from meshtui.kube.discovery import Discovery
from meshtui.kube.errors import Unreachable
from meshtui.kube.exec_plugin import Suspend
from meshtui.kube.follow import Follower
from meshtui.kube.following import Following
from meshtui.kube.gets import Gets, whole
from meshtui.kube.heart import Heart
from meshtui.kube.kubeconfig import Kubeconfig
from meshtui.kube.listening import Listening
from meshtui.kube.log_ends import LogEnds
from meshtui.kube.pace import Pace
from meshtui.kube.probes import Probing
from meshtui.kube.rights import Rights
from meshtui.kube.session import Written
from meshtui.kube.store import Store
from meshtui.kube.sweeping import Sweeping
from meshtui.kube.tables import Tables
from meshtui.mesh.changes import Change
from meshtui.mesh.doctor.configuration.schema import Tried
from meshtui.mesh.kinds import POD, Kind
from meshtui.mesh.logs import LogLine, LogOptions
from meshtui.mesh.memo import Memo
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import (
    Answer,
    Phase,
    Probe,
    Problem,
    Ref,
    Right,
    Scope,
    Server,
    Snapshot,
    Source,
    Tail,
    Trouble,
)
from meshtui.settings import Settings

K = TypeVar("K")
T = TypeVar("T")

_LONGEST_REST = 2.0  # seconds between two snapshots, however long it takes to look at one
_WHILE_LISTING = 2

_CLOSED = Problem(Trouble.UNREACHABLE, "the connection to this cluster was closed")


class LiveSession:
    """Opening does no network; closing ends all that was started, at once. Raises ConfigError where the kubeconfig
    does not lead to a server."""

    def __init__(
        self,
        kubeconfig: Kubeconfig,
        context: str,
        settings: Settings,
        *,
        suspend: Suspend | None = None,
        pace: Pace | None = None,
    ) -> None:
        """`context` is as for a Connection, and so is `suspend`."""
        self._connection = Connection(
            kubeconfig, settings, context, suspend=suspend, changed=self._change
        )
        self._pace = pace or Pace()
        self._memo = Memo()
        self._store = Store()
        self._api = Api(self._connection, settings.request_timeout)
        self._discovery = Discovery(self._api, self._pace)
        self._following = Following(
            self._start, self._store, self._pace, self._follower, self._change
        )
        self._tables = Tables(self._start, self._api, self._discovery, self._pace, self._change)
        self._heart = Heart(self._api, self._pace, self._change, self._recovered)
        self._rights = Rights(self._start, self._api, self._pace, lambda: self._user)
        self._probing = Probing(self._start, self._api, self._rights, self._pace, self._answer)
        self._gets = Gets(self._start, self.get, self._pace, self._change)
        self._log_ends = LogEnds(self._start, self, self._pace, self._change)
        self._latest = self._looked_at = Snapshot(datetime.now(UTC))
        self._sweeping = Sweeping(
            self._start,
            self._probing,
            self._pace,
            lambda: self._looked_at,  # of which all is derived already
            self._answer_later,
            enabled=settings.sweep,
        )
        self._listening = Listening(
            self._start, self, self._pace, lambda: self._latest, self._change
        )
        self._tasks = asyncio.TaskGroup()
        self._running: set[asyncio.Task[Any]] = set()
        self._changed = asyncio.Event()
        self._later: asyncio.TimerHandle | None = None
        self._answered = False
        """There are answers that the next snapshot is to carry."""
        self._closed = asyncio.Event()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._connection)
        await self._stack.enter_async_context(self._tasks)
        self._start(self._heart.run())
        self._start(self._sweeping.run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closed.set()
        self._change()
        self._following.end()
        self._tables.end()
        self._listening.end()
        for task in self._running:
            task.cancel()
        await self._stack.__aexit__(kind, error, traceback)

    async def snapshots(self) -> AsyncIterator[Snapshot]:
        while not self._closed.is_set():
            self._changed.clear()
            self._latest, began = self._snapshot(), monotonic()
            try:
                yield self._latest
            finally:
                self._looked_at = self._latest
            ended = monotonic()
            await self._changed.wait()
            await asyncio.sleep(self._pace.settle)
            await self._rest(ended, ended - began)

    async def _rest(self, since: float, took: float) -> None:
        """As long as it took to look at the last snapshot: while 1,000 objects change each second no more than half of
        the time goes into looking at what has come, and keys have the rest; while 10,000 pods come in pages a third
        does, until all lists are complete."""
        listing = self._following.listing
        rest = min(took * _WHILE_LISTING if listing else took, _LONGEST_REST)
        with suppress(TimeoutError):
            async with asyncio.timeout(max(since + rest - monotonic(), 0)):
                if not listing:
                    await self._closed.wait()
                while self._following.listing and not self._closed.is_set():
                    self._changed.clear()
                    await self._changed.wait()

    def want(
        self,
        scopes: Collection[Scope],
        probes: Collection[Probe] = (),
        refs: Collection[Ref] = (),
        tables: Collection[Scope] = (),
        tails: Collection[Tail] = (),
        *,
        denials: bool = False,
    ) -> None:
        if self._closed.is_set():
            return
        self._tables.want(tables)
        self._following.want(scopes)
        self._probing.want(probes)
        self._gets.want(refs)
        self._log_ends.want(tails)
        self._listening.want(denials)

    def refresh(self) -> None:
        if self._closed.is_set():
            return
        self._rights.again()
        self._discovery.again()
        self._following.again()
        self._tables.again()
        self._probing.again()
        self._gets.again()
        self._log_ends.again()
        self._listening.again()
        self._heart.again()

    async def get(self, ref: Ref, *, managed_fields: bool = False) -> Raw:
        if self._closed.is_set():
            raise Unreachable(_CLOSED)
        return await whole(self._api, self._discovery, ref, managed_fields=managed_fields)

    async def logs(self, pod: Ref, options: LogOptions) -> AsyncIterator[LogLine]:
        if self._closed.is_set():
            raise Unreachable(_CLOSED)
        async with aclosing(logs.follow(self._api, pod, options, self._pace)) as lines:
            async for line in lines:
                if self._closed.is_set():
                    return
                yield line

    async def may(
        self,
        verb: str,
        kind: Kind,
        namespace: str | None = None,
        subresource: str = "",
        *,
        name: str = "",
    ) -> Right:
        if self._closed.is_set():
            return Right(None, _CLOSED.text)
        return await self._rights.may(verb, kind, namespace, subresource, name)

    async def tried(self, raw: Raw, namespace: str) -> Tried:
        """Whether the server would take an object of a file, by a dry run."""
        return await dry_runs.tried(self._api, self._discovery, raw, namespace)

    async def preview(self, change: Change) -> Written:
        return await self._write(change, dry_run=True)

    async def apply(self, change: Change) -> Written:
        return await self._write(change, dry_run=False)

    async def admin(self, pod: Ref, port: int, target: str) -> bytes:
        if self._closed.is_set():
            raise Unreachable(_CLOSED)
        return await writes.admin(self._api, pod, port, target)

    async def _write(self, change: Change, *, dry_run: bool) -> Written:
        if self._closed.is_set():
            raise Unreachable(_CLOSED)
        return await writes.write(self._api, self._discovery, change, dry_run=dry_run)

    def _snapshot(self) -> Snapshot:
        sources = self._following.sources()
        objects = self._store.objects(sources)
        pods = objects.get(POD, {})
        if pods is not self._latest.objects.get(POD):  # of which there are the most
            self._memo.turn()
        live = {
            scope.namespace
            for scope, source in sources.items()
            if _tells_of_all_pods(scope, source)
        }
        self._probing.forget(
            lambda probe: (
                not live.isdisjoint((None, probe.namespace))
                and f"{probe.namespace}/{probe.pod}" not in pods
            )
        )
        answers = self._answers()
        return Snapshot(
            now=datetime.now(UTC),
            server=self._server(),
            objects=objects,
            sources=sources,
            answers=answers,
            tables=self._tables.printed(),
            gets=_same_or_copied(self._latest.gets, self._gets.answers),
            tails=_same_or_copied(self._latest.tails, self._log_ends.answers),
            sweep=self._sweeping.progress(answers),
            heard=self._listening.heard,
            memo=self._memo,
        )

    def _answers(self) -> Mapping[Probe, Answer]:
        """Those of the snapshot before until others are due: a snapshot that a change of an object asked for would
        otherwise be derived from anew for each of the sweep's too."""
        if not self._answered:
            return self._latest.answers
        self._answered = False
        if self._later is not None:
            self._later.cancel()
            self._later = None
        return _same_or_copied(self._latest.answers, self._probing.answers)

    def _server(self) -> Server:
        connection, heart = self._connection, self._heart
        requests, websockets = connection.sent
        return Server(
            context=connection.context,
            cluster=connection.cluster,
            namespace=connection.namespace,
            url=connection.url,
            user=connection.user if connection.impersonation.user else self._user,
            impersonating=connection.impersonation.user,
            insecure=connection.insecure,
            version=heart.version,
            kinds=self._discovery.kinds,
            served=self._discovery.served,
            answered=heart.answered,
            problem=heart.problem or connection.delay,
            retry_at=heart.retry_at,
            requests=requests + websockets,
            forwards=websockets,
        )

    @property
    def _user(self) -> str:
        return self._heart.user or self._connection.user

    def _follower(self, scope: Scope) -> Follower:
        return Follower(scope, self._api, self._discovery, self._store, self._pace, self._change)

    def _recovered(self) -> None:
        self._following.again(failed_only=True)
        self._tables.again(failed_only=True)

    def _change(self) -> None:
        self._changed.set()

    def _answer(self) -> None:
        self._answered = True
        self._change()

    def _answer_later(self, *, soon: bool) -> None:
        """The sweep brought something that can wait for what else it brings meanwhile."""
        lull = self._pace.lull if soon else self._pace.long_lull
        loop = asyncio.get_running_loop()
        at = loop.time() + lull * self._sweeping.total
        if self._later is not None:
            if self._later.when() <= at:
                return
            self._later.cancel()
        self._later = loop.call_at(at, self._answer)

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = self._tasks.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task


def _same_or_copied(before: Mapping[K, Answer], now: Mapping[K, Answer]) -> Mapping[K, Answer]:
    """What was handed out last where nothing is new: what was derived from it is remembered then."""
    if len(before) == len(now) and all(before.get(key) is answer for key, answer in now.items()):
        return before
    return dict(now)


def _tells_of_all_pods(scope: Scope, source: Source) -> bool:
    """Whether a pod that the scope does not have is gone."""
    return scope.kind == POD and source.phase is Phase.LIVE and not (scope.labels or scope.fields)
