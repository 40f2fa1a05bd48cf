"""Runner: controllers that react to changes in the store, level-triggered.

A controller names the keys that a change concerns, and is asked to look at each of them a little later. It compares
what is wanted with what is there and writes what is missing; what it wrote is a change again.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Protocol

from meshtui.sim.behaviour.world import World
from meshtui.sim.errors import Expired
from meshtui.sim.kinds import Kind
from meshtui.sim.store import Change, Key

_SLICE = 0.005
"""Seconds of work in one go; then others on the loop have their turn."""


class Controller(Protocol):
    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds whose changes it is told of."""
        ...

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        """The keys to look at because of a change, and in how many seconds: what a real controller takes."""
        ...

    def look(self, key: Key) -> float | None:
        """Make a key as it should be; the seconds until it wants to look again, if it does."""
        ...


class Runner:
    """Feeds controllers, in the order given where nothing else decides."""

    def __init__(self, world: World, controllers: Sequence[Controller]) -> None:
        self._world = world
        self._concerned: dict[Kind, list[Controller]] = {}
        for controller in controllers:
            for kind in controller.kinds:
                self._concerned.setdefault(kind, []).append(controller)
        self._seen: int | None = None
        self._due: dict[tuple[Controller, Key], float] = {}
        self._queue: list[tuple[float, int, Controller, Key]] = []
        self._appointments: list[tuple[float, int, Controller, Key]] = []
        self._count = itertools.count()

    def settle(self) -> None:
        """Work until nothing is left to do, without waiting; appointments stay."""
        self._feed(latency=False)
        while item := self._next(float("inf")):
            self._look(*item)
            self._feed(latency=False)

    def appoint(self, controller: Controller, key: Key, after: float) -> None:
        """Look at a key in so many seconds of `run`, not before."""
        due = time.monotonic() + after
        heapq.heappush(self._appointments, (due, next(self._count), controller, key))

    async def run(self) -> None:
        """Work for ever, as changes come and appointments are due."""
        with self._world.store.subscribe() as changes:
            self._feed()
            while True:
                self._work()
                await asyncio.sleep(0)
                heads = [each[0][0] for each in (self._queue, self._appointments) if each]
                pause = max(min(heads) - time.monotonic(), 0) if heads else None
                try:
                    async with asyncio.timeout(pause):
                        await changes.take()
                except TimeoutError:
                    pass
                except Expired:
                    self._seen = None
                self._feed()

    def _work(self) -> None:
        started = time.monotonic()
        while self._appointments and self._appointments[0][0] <= started:
            due, _, controller, key = heapq.heappop(self._appointments)
            self._want(controller, key, due)
        while time.monotonic() - started < _SLICE and (item := self._next(time.monotonic())):
            self._look(*item)
            self._feed()

    def _look(self, controller: Controller, key: Key) -> None:
        again = controller.look(key)
        if again is not None:
            self.appoint(controller, key, again)

    def _feed(self, *, latency: bool = True) -> None:
        """Tell the controllers of all changes since the last time."""
        now = time.monotonic()
        for change in self._changes():
            for index in self._world.indexes.get(change.kind, ()):
                index.apply(change)
            for controller in self._concerned.get(change.kind, ()):
                for key, delay in controller.concerns(change):
                    self._want(controller, key, now + (delay if latency else 0))

    def _changes(self) -> Iterable[Change]:
        store = self._world.store
        seen, self._seen = self._seen, store.version
        if seen is not None:
            with suppress(Expired):  # more at once than the store remembers: all anew
                return store.changes(seen)
        for index in itertools.chain.from_iterable(self._world.indexes.values()):
            index.clear()
        return [
            Change("ADDED", kind, None, obj, seen or 0)
            for kind in store.kinds
            for obj in store.list(kind)
        ]

    def _want(self, controller: Controller, key: Key, due: float) -> None:
        known = self._due.get((controller, key))
        if known is None or due < known:
            self._due[controller, key] = due
            heapq.heappush(self._queue, (due, next(self._count), controller, key))

    def _next(self, now: float) -> tuple[Controller, Key] | None:
        """Take the next key that is due; entries that an earlier wish has overtaken are dropped."""
        while self._queue and self._queue[0][0] <= now:
            due, _, controller, key = heapq.heappop(self._queue)
            if self._due.get((controller, key)) == due:
                del self._due[controller, key]
                return controller, key
        return None
