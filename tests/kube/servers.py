"""Servers on loopback that tests connect to: an API that says who asked, proxies, and silence."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aiohttp import web

from meshtui.sim.serve import hosting

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Server:
    port: int = 0
    requests: list[web.Request] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    """The server names that clients asked for in TLS."""


async def echo(request: web.Request) -> web.StreamResponse:
    """What came, as JSON; a WebSocket where one is asked for, which sends everything back."""
    if request.headers.get("Upgrade") == "websocket":
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await socket.prepare(request)
        async for message in socket:
            await socket.send_bytes(message.data)
        return socket
    certificate = request.get_extra_info("peercert") or {}
    return web.json_response(
        {
            "method": request.method,
            "path": request.raw_path,
            "headers": [[name, value] for name, value in request.headers.items()],
            "body": await request.text(),
            "client": dict(part[0] for part in certificate.get("subject", ())).get("commonName"),
        }
    )


@asynccontextmanager
async def api(
    context: ssl.SSLContext | None = None, handler: Handler = echo, host: str = "127.0.0.1"
) -> AsyncIterator[Server]:
    server = Server()

    async def handle(request: web.Request) -> web.StreamResponse:
        server.requests.append(request)
        return await handler(request)

    if context is not None:
        context.sni_callback = lambda _, name, __: server.names.append(name)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    async with hosting(application, context, host) as server.port:
        yield server


async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Takes all that comes and never says a word."""
    while await reader.read(1024):
        pass


async def _join(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    there_reader: asyncio.StreamReader,
    there_writer: asyncio.StreamWriter,
) -> None:
    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.close()

    try:
        await asyncio.gather(copy(reader, there_writer), copy(there_reader, writer))
    finally:
        there_writer.close()


@dataclass
class Proxy:
    """An HTTP proxy (CONNECT) or a SOCKS5 proxy; every name leads to 127.0.0.1, as in a network of its own."""

    login: str = ""
    """"user:password" where it wants one."""
    answer: str = "200 Connection established"
    asked: list[str] = field(default_factory=list)
    """The places that clients asked for, as HOST:PORT."""

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, place, _ = head.split("\r\n")[0].split(" ")
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        assert method == "CONNECT", head
        self.asked.append(place)
        given = fields.get("Proxy-Authorization", "").removeprefix("Basic ")
        answer = self.answer
        if self.login and b64decode(given).decode() != self.login:
            answer = "407 Proxy Authentication Required"
        writer.write(f"HTTP/1.1 {answer}\r\n\r\n".encode())
        await writer.drain()
        if answer.startswith("200"):
            port = int(place.rpartition(":")[2])
            await _join(reader, writer, *await asyncio.open_connection("127.0.0.1", port))

    async def socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """RFC 1928, with names and the user and password of RFC 1929."""
        _, count = await reader.readexactly(2)
        await reader.readexactly(count)
        if self.login:
            writer.write(b"\5\2")
            _, length = await reader.readexactly(2)
            user = await reader.readexactly(length)
            password = await reader.readexactly((await reader.readexactly(1))[0])
            right = f"{user.decode()}:{password.decode()}" == self.login
            writer.write(b"\1\0" if right else b"\1\1")
            if not right:
                return
        else:
            writer.write(b"\5\0")
        *_, kind = await reader.readexactly(4)
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            host = ".".join(map(str, await reader.readexactly(4)))
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.asked.append(f"{host}:{port}")
        try:
            there = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            writer.write(b"\5\5\0\1\0\0\0\0\0\0")
            await writer.drain()
        else:
            writer.write(b"\5\0\0\1\0\0\0\0\0\0")
            await _join(reader, writer, *there)
