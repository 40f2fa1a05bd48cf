"""One HTTP request at a port inside a pod, through the API server's port-forward.

The protocol is Kubernetes' `v4.channel.k8s.io` over WebSocket: each frame begins with a channel byte (0 data, 1 error),
and the first two bytes of either channel repeat the port, little-endian. The server does not end the stream when the
other side has closed its own, so the answer is read by HTTP's framing, never to the end of the stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from io import BytesIO

import aiohttp
import h11

from meshtui.kube.api import Api, address, status_error, translated
from meshtui.kube.errors import Unreachable
from meshtui.mesh.kinds import POD
from meshtui.mesh.snapshot import Problem, Trouble

PROTOCOL = "v4.channel.k8s.io"
LONGEST = 64 * 1024 * 1024  # bytes of a body; a dump of 10,000 workloads has 9 MB
DEADLINE = 120.0  # seconds for all of it: a pod may dribble
_DATA, _ERROR = b"\0", b"\1"
_ENDED = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED)


async def get(
    api: Api, namespace: str, pod: str, port: int, path: str, *, longest: int = LONGEST
) -> bytes:
    """The body of the answer, of at most `longest` bytes. Raises KubeError, also where the port answers with
    an HTTP error."""
    return await _ask(api, namespace, pod, port, "GET", path, longest)


async def post(api: Api, namespace: str, pod: str, port: int, target: str) -> bytes:
    """The same with a POST, which has no body: what it says is in its target. For `writes` alone."""
    return await _ask(api, namespace, pod, port, "POST", target, LONGEST)


async def _ask(
    api: Api, namespace: str, pod: str, port: int, method: str, path: str, longest: int
) -> bytes:
    http = h11.Connection(h11.CLIENT)
    headers = [("Host", f"localhost:{port}"), ("Accept", "*/*"), ("Connection", "close")]
    if method == "POST":
        headers.append(("Content-Length", "0"))
    asked = http.send(h11.Request(method=method, target=path, headers=headers)) or b""
    http.send(h11.EndOfMessage())
    where = f"{path} at port {port} of {namespace}/{pod}"
    with translated(DEADLINE):
        async with asyncio.timeout(DEADLINE), _forwarded(api, namespace, pod, port) as socket:
            with suppress(ConnectionResetError):  # refused at once: the frames that came say why
                await socket.send_bytes(_DATA + asked)
            return await _body(http, _stream(socket, api.timeout, where), where, longest)


@asynccontextmanager
async def _forwarded(
    api: Api, namespace: str, pod: str, port: int
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    path = address(POD, "v1", namespace, pod, "portforward")
    try:
        async with api.connection.websocket(
            path, params={"ports": str(port)}, protocols=(PROTOCOL,)
        ) as socket:
            yield socket
    except aiohttp.WSServerHandshakeError as error:
        words = (
            f"no port-forward to {namespace}/{pod}: the server answered with status {error.status}"
        )
        raise status_error(error.status, words.encode(), error.headers or {}) from error


async def _stream(
    socket: aiohttp.ClientWebSocketResponse, silence: float, where: str
) -> AsyncIterator[bytes]:
    """The bytes of the data channel as they come. Raises Unreachable with what the error channel says."""
    port_bytes = {_DATA: 2, _ERROR: 2}
    while True:
        with translated(silence):
            async with asyncio.timeout(silence):
                message = await socket.receive()
        if message.type in _ENDED:
            return
        if message.type is aiohttp.WSMsgType.ERROR:
            raise Unreachable(Problem(Trouble.UNREACHABLE, f"{where}: {message.data}"))
        if message.type is not aiohttp.WSMsgType.BINARY:
            continue
        channel, data = message.data[:1], message.data[1:]
        skipped = min(len(data), port_bytes.get(channel, 0))
        if skipped:
            port_bytes[channel] -= skipped
            data = data[skipped:]
        if channel == _ERROR and data:
            raise Unreachable(_refused(where, data.decode("utf-8", "replace")))
        if channel == _DATA and data:
            yield data


def _refused(where: str, words: str) -> Problem:
    trouble = Trouble.REFUSED if "refused" in words else Trouble.UNREACHABLE
    return Problem(trouble, f"{where}: {words.strip()}")


async def _body(
    http: h11.Connection, stream: AsyncIterator[bytes], where: str, longest: int
) -> bytes:
    """The body of the one answer on the stream, whether it has a length, comes in chunks, or ends with the stream."""
    body = BytesIO()  # gives what it has without a copy: 8 MB are 2,000 pages to fill
    cut_off = Unreachable(Problem(Trouble.UNREACHABLE, f"{where} was cut off"))
    ended = False
    while True:
        try:
            event = http.next_event()
        except h11.RemoteProtocolError as error:
            if ended:
                raise cut_off from error
            problem = Problem(Trouble.BROKEN, f"{where} did not speak HTTP: {error}")
            raise Unreachable(problem) from error
        match event:
            case h11.NEED_DATA:
                piece = await anext(stream, b"")
                http.receive_data(piece)
                ended = not piece
            case h11.Response() if event.status_code != 200:
                words = f"{where} answered with status {event.status_code}"
                raise Unreachable(Problem(Trouble.SERVER, words))
            case h11.Data():
                body.write(event.data)
                if body.tell() > longest:
                    words = f"{where} is longer than {longest:,} bytes"
                    raise Unreachable(Problem(Trouble.BROKEN, words))
            case h11.EndOfMessage():
                return body.getvalue()
            case h11.ConnectionClosed() | h11.PAUSED:
                raise cut_off
