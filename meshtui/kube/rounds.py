"""Rounds: one thing done for each of several keys, now and again every so often."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any, Generic, TypeVar

K = TypeVar("K")


class Rounds(Generic[K]):
    """`ask` is done for every wanted key, at once and again after as many seconds as it gives; `start` runs it as a
    task."""

    def __init__(
        self,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        ask: Callable[[K], Awaitable[float]],
    ) -> None:
        self._start = start
        self._ask = ask
        self._asking: dict[K, asyncio.Task[None]] = {}

    @property
    def wanted(self) -> Collection[K]:
        return self._asking.keys()

    def want(self, keys: Collection[K]) -> None:
        for key in self._asking.keys() - set(keys):
            self._asking.pop(key).cancel()
        for key in keys:
            if key not in self._asking:
                self._asking[key] = self._start(self._round(key))

    def again(self) -> None:
        """At once, for all that are wanted."""
        for key, task in self._asking.items():
            task.cancel()
            self._asking[key] = self._start(self._round(key))

    async def _round(self, key: K) -> None:
        while True:
            rest = await self._ask(key)
            await asyncio.sleep(rest)
