"""Sockets: those of a connection, so that quitting can end them.

TLS says goodbye and waits for the other side to say it too: asyncio keeps the socket of a watch that was left for up to
30 s where the server is dead, and past the end of the event loop.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any
from weakref import WeakSet


class Sockets:
    """Makes sockets, and ends those that are still open."""

    def __init__(self) -> None:
        self._made: WeakSet[socket.socket] = WeakSet()

    def make(self, address: tuple[Any, ...]) -> socket.socket:
        """A socket for an address as `getaddrinfo` gives it."""
        family, kind, protocol, *_ = address
        made = socket.socket(family, kind, protocol)
        self._made.add(made)
        return made

    async def end(self, seconds: float) -> None:
        """Returns when all are closed, or after so many seconds."""
        for each in self._open():
            with suppress(OSError):  # not connected yet, or not any more
                each.shutdown(socket.SHUT_RDWR)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._open():  # noqa: ASYNC110 - nobody tells when the loop has closed one
                    await asyncio.sleep(0.001)

    def _open(self) -> list[socket.socket]:
        return [each for each in self._made if each.fileno() != -1]
