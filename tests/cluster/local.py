"""Local servers: those that a pod's ports lead to, and a relay before an API server that can break."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from aiohttp import web

from meshtui.sim.serve import hosting
from tests.cluster.authority import LOOPBACK

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def talking(talk: Talk, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A port where `talk` speaks with whoever connects; nobody is left on the line in the end."""
    talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await talk(reader, writer)
        finally:
            writer.close()

    def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A coroutine in this place could be cancelled before its first line, and would know of no writer then.
        talks[asyncio.ensure_future(speak(reader, writer))] = writer

    server = await asyncio.start_server(met, LOOPBACK, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task, writer in talks.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*talks, return_exceptions=True)


@asynccontextmanager
async def answering(bodies: Mapping[str, bytes]) -> AsyncIterator[int]:
    """A port where HTTP is spoken, with these bodies by path."""

    async def answer(request: web.Request) -> web.Response:
        body = bodies.get(request.path)
        return web.Response(status=404) if body is None else web.Response(body=body)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with hosting(app) as port:
        yield port


_OF_TLS = 1
"""How often a client speaks before it asks: its hello. What ends its part of the handshake comes with what it asks
(RFC 8446, 2), and it waits for nothing of the server's in between."""


@dataclass(slots=True)
class _Way:
    """One of the two ways of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    said: int = 0
    """How often something came this way."""


class Relay:
    """Passes bytes on to a port and back, until it is told to cut the connections, or to take no more."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._lost: Callable[[], None] | None = None
        self._losing = False
        self.port = 0

    async def __aenter__(self) -> Relay:
        await self.mend()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.tear()

    def cut(self) -> None:
        """Ends every connection that is open; new ones are taken."""
        for writer in list(self._open):
            writer.transport.abort()

    def lose_answer(self, then: Callable[[], None] = lambda: None) -> None:
        """The next that the server says is lost, and its connection ends in its place; `then` is called."""
        self._lost = then

    def lose_answers(self, losing: bool) -> None:
        """From now on all answers of the server are lost, and the connections end in their place; or no longer. Its
        part of the handshake of TLS 1.3 comes through: what is asked on a new connection is asked all the same."""
        self._losing = losing

    def refuse(self) -> None:
        """Takes no new connections."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def tear(self) -> None:
        """Ends every connection and refuses new ones."""
        self.refuse()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def mend(self) -> None:
        """Takes connections, at the same port as before."""
        self._server = await asyncio.start_server(self._met, LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        task = asyncio.ensure_future(self._connect(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = {writer}
        try:
            there, back = await asyncio.open_connection(LOOPBACK, self._target)
            ends.add(back)
            self._open.add(back)
            async with asyncio.TaskGroup() as group:
                of_client = _Way(reader, back)
                group.create_task(self._pass(of_client))
                group.create_task(self._pass(_Way(there, writer), client=of_client))
        finally:
            for end in ends:
                end.close()
                with suppress(ConnectionError):
                    await end.wait_closed()
            self._open -= ends

    async def _pass(self, way: _Way, client: _Way | None = None) -> None:
        try:
            while data := await way.reader.read(65536):
                way.said += 1
                if client is not None and self._lost is not None:
                    then, self._lost = self._lost, None
                    then()
                    return
                if client is not None and self._losing and client.said > _OF_TLS:
                    return
                way.writer.write(data)
                await way.writer.drain()
        except ConnectionError:
            pass
        finally:
            way.writer.close()
