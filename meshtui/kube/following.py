"""Following: one follower for each scope that is wanted, and for a while after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Any

from msgspec import Struct

from meshtui.kube.follow import Follower
from meshtui.kube.pace import Pace
from meshtui.kube.store import Store
from meshtui.mesh.snapshot import Phase, Scope, Source


class _Followed(Struct):
    follower: Follower
    task: asyncio.Task[None]
    ending: asyncio.TimerHandle | None = None
    """Set while nobody wants the scope any more."""


class Following:
    """Starts and ends followers; `start` runs them as tasks of the session."""

    def __init__(
        self,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        store: Store,
        pace: Pace,
        follower: Callable[[Scope], Follower],
        changed: Callable[[], None],
    ) -> None:
        self._start = start
        self._store = store
        self._pace = pace
        self._follower = follower
        self._changed = changed
        self._followed: dict[Scope, _Followed] = {}

    def sources(self) -> Mapping[Scope, Source]:
        """Where each scope stands that is wanted now."""
        return {
            scope: followed.follower.source
            for scope, followed in self._followed.items()
            if followed.ending is None
        }

    @property
    def listing(self) -> bool:
        """Whether a list that is wanted is still being read for the first time."""
        return any(
            source.phase is Phase.LOADING and source.count and source.problem is None
            for source in self.sources().values()
        )

    def want(self, scopes: Collection[Scope]) -> None:
        """Follow these; others are given up after a while, so that coming back to them is instant."""
        for scope in scopes:
            followed = self._followed.get(scope)
            if followed is None:
                follower = self._follower(scope)
                self._followed[scope] = _Followed(follower, self._start(follower.run()))
                self._changed()
            elif followed.ending is not None:
                followed.ending.cancel()
                followed.ending = None
                self._changed()
        for scope, followed in list(self._followed.items()):
            if scope not in scopes and followed.ending is None:
                self._release(scope, followed)

    def again(self, *, failed_only: bool = False) -> None:
        """List again at once; `failed_only` leaves alone what is live."""
        for followed in self._followed.values():
            if not (failed_only and followed.follower.source.phase is Phase.LIVE):
                followed.task.cancel()
                followed.task = self._start(followed.follower.run())

    def end(self) -> None:
        """Start nothing more; the tasks are the session's to end."""
        for followed in self._followed.values():
            if followed.ending is not None:
                followed.ending.cancel()

    def _release(self, scope: Scope, followed: _Followed) -> None:
        narrow = bool(scope.namespace and scope.fields)
        linger = self._pace.linger_narrow if narrow else self._pace.linger
        if followed.follower.source.phase is not Phase.LIVE:
            linger = 0
        loop = asyncio.get_running_loop()
        followed.ending = loop.call_later(linger, self._give_up, scope)
        self._changed()

    def _give_up(self, scope: Scope) -> None:
        self._followed.pop(scope).task.cancel()
        self._store.drop(scope)
