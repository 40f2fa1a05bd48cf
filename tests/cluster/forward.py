"""Port-forwards as bytes on a WebSocket (`v4.channel.k8s.io`), with nothing of the program under test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp

from tests.cluster.kubeconfig import Api

PROTOCOL = "v4.channel.k8s.io"


@asynccontextmanager
async def forwarded(
    api: Api, pod: str, ports: Sequence[int], *, protocols: Sequence[str] = (PROTOCOL,)
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """The open WebSocket to ports of the pod at this path. aiohttp.WSServerHandshakeError where refused."""
    asked = "&".join(f"ports={port}" for port in ports)
    async with api.http.ws_connect(
        f"{pod}/portforward?{asked}", protocols=protocols, max_msg_size=0
    ) as socket:
        yield socket


async def frame(socket: aiohttp.ClientWebSocketResponse) -> tuple[int, bytes]:
    """The next frame: its channel and its bytes. EOFError where the server closed."""
    message = await socket.receive(timeout=10)
    if message.type is not aiohttp.WSMsgType.BINARY:
        raise EOFError(f"closed: {message}")
    return message.data[0], message.data[1:]


async def answers(api: Api, pod: str, port: int) -> bool:
    """Whether somebody at that port answers what an HTTP client says. A refusal comes on the error channel."""
    try:
        async with forwarded(api, pod, [port]) as socket:
            await frame(socket), await frame(socket)
            await socket.send_bytes(b"\0GET / HTTP/1.0\r\n\r\n")
            return (await frame(socket))[0] == 0
    except (EOFError, aiohttp.ClientError):
        return False
