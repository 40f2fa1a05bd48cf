"""Local servers that a pod's ports lead to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from tests.cluster.authority import LOOPBACK

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    """A port where every connection is served so; all of them are closed in the end."""
    connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections[task] = writer
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(connected, LOOPBACK, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for writer in connections.values():
            writer.close()
        await asyncio.gather(*connections, return_exceptions=True)


@asynccontextmanager
async def answering(bodies: Mapping[str, bytes]) -> AsyncIterator[int]:
    """A port where HTTP is spoken, with these bodies by path."""

    async def answer(request: web.Request) -> web.Response:
        body = bodies.get(request.path)
        return web.Response(status=404) if body is None else web.Response(body=body)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, LOOPBACK, 0)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
