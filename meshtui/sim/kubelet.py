"""What the API server asks a kubelet for: a container's log, and a connection to a port of a pod."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Protocol

from msgspec import Struct


class LogLine(Struct, frozen=True):
    at: datetime
    text: str


class Log:
    """What one run of a container has printed, and what it prints yet: the newest lines, oldest first."""

    def __init__(self, size: int = 5_000) -> None:
        self._lines: deque[LogLine] = deque(maxlen=size)
        self._written = 0
        self._more: asyncio.Event | None = None
        """Set when there is more, for those who wait; None where nobody does."""
        self._ended = False

    @property
    def lines(self) -> list[LogLine]:
        return list(self._lines)

    def write(self, at: datetime, text: str) -> None:
        self._lines.append(LogLine(at, text))
        self._written += 1
        self._wake()

    def end(self) -> None:
        """The container has ended: who follows has read all of it."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        if self._more is not None:
            self._more.set()
            self._more = None

    def follow(self) -> AsyncIterator[LogLine]:
        """The lines written from now on, until the container ends."""
        return self._after(self._written)

    async def _after(self, read: int) -> AsyncIterator[LogLine]:
        while True:
            behind = min(self._written - read, len(self._lines))
            read = self._written
            for line in list(self._lines)[len(self._lines) - behind :]:
                yield line
            if read == self._written:
                if self._ended:
                    return
                if self._more is None:
                    self._more = asyncio.Event()
                await self._more.wait()


class Writer(Protocol):
    """The half of a connection that one writes to, as asyncio's StreamWriter has it."""

    def write(self, data: bytes) -> None: ...
    async def drain(self) -> None: ...
    def close(self) -> None: ...


Handler = Callable[[asyncio.StreamReader, Writer], Awaitable[None]]
"""Serves one connection. `portforward.http` makes one that answers HTTP."""


class Kubelet(Protocol):
    """The kubelets of all nodes; the API server has made sure that the pod exists before it asks."""

    def log(self, namespace: str, pod: str, container: str, *, previous: bool) -> Log | None:
        """The log of a container, or of the run before its last restart; None where there is none."""
        ...

    def port(self, namespace: str, pod: str, port: int) -> Handler | None:
        """Who listens on a port of a pod; None where the connection is refused."""
        ...
