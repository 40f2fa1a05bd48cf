"""pods/portforward over a WebSocket with the subprotocol `v4.channel.k8s.io`, as kube-apiserver 1.36 speaks it.

Each frame starts with a channel: twice the port's index for data, one more for errors. The first frame of either
channel is the port in two bytes, little-endian; then bytes flow. The server does not end the stream when the other side
has closed: the client has to know when it has read enough.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import h11
from aiohttp import WSMsgType, web

from meshtui.sim.calls import Call
from meshtui.sim.errors import BadRequest
from meshtui.sim.kubelet import Handler, Kubelet, Writer
from meshtui.sim.objects import text
from meshtui.sim.store import Store

PROTOCOL = "v4.channel.k8s.io"
_FRAME = 32 * 1024
"""Bytes in a frame at most, as kube-apiserver copies them."""

Answer = Callable[[str], Awaitable[tuple[int, str, bytes]]]
"""From the target of a GET to status, content type and body."""


class _Channel:
    """The writing half of one forwarded port."""

    def __init__(self, socket: web.WebSocketResponse, number: int) -> None:
        self._socket = socket
        self._mark = bytes([number])
        self._waiting = bytearray()

    def write(self, data: bytes) -> None:
        self._waiting += data

    async def drain(self) -> None:
        data, self._waiting = bytes(self._waiting), bytearray()
        for start in range(0, len(data), _FRAME):
            await self._socket.send_bytes(self._mark + data[start : start + _FRAME])

    def close(self) -> None:
        """Nothing: what has been written is sent by `drain`, and the stream stays open, see above."""


async def forward(
    store: Store, kubelet: Kubelet, call: Call, request: web.Request
) -> web.StreamResponse:
    """Forwards until the client closes. Raises BadRequest or NotFound before the upgrade."""
    pod = store.need(call.kind, call.namespace, call.name)
    if not text(pod, "spec", "nodeName"):
        raise BadRequest(f"pod {call.name} does not have a host assigned")
    upgrade = request.headers.get("Upgrade", "").lower()
    if upgrade.startswith("spdy"):
        raise BadRequest(f"the built-in cluster forwards ports by WebSocket and {PROTOCOL} alone")
    if upgrade != "websocket":
        raise BadRequest("Upgrade request required")
    ports = _ports(request)
    if not ports or PROTOCOL not in request.headers.get("Sec-WebSocket-Protocol", ""):
        return web.Response(status=406, text="406: Not Acceptable\n\nAvailable representations: ")
    socket = web.WebSocketResponse(protocols=(PROTOCOL,))
    await socket.prepare(request)
    readers: dict[int, asyncio.StreamReader] = {}
    async with asyncio.TaskGroup() as group:
        handlers: list[asyncio.Task[None]] = []
        for index, port in enumerate(ports):
            readers[2 * index] = reader = asyncio.StreamReader()
            handler = kubelet.port(call.namespace, call.name, port)
            serving = _serve(socket, index, port, handler, reader, call.name)
            handlers.append(group.create_task(serving))
        await _receive(socket, readers)
        for task in handlers:
            task.cancel()
    return socket


def _ports(request: web.Request) -> list[int]:
    said = [port for each in request.query.getall("ports", []) for port in each.split(",")]
    for port in said:
        if not port.isdecimal():
            raise BadRequest(
                f'cannot convert to []int32: strconv.ParseUint: parsing "{port}": invalid syntax'
            )
    return [int(port) for port in said]


async def _serve(
    socket: web.WebSocketResponse,
    index: int,
    port: int,
    handler: Handler | None,
    reader: asyncio.StreamReader,
    pod: str,
) -> None:
    data, error = _Channel(socket, 2 * index), _Channel(socket, 2 * index + 1)
    try:
        for channel in (data, error):
            channel.write(port.to_bytes(2, "little"))
            await channel.drain()
        if handler is None:
            error.write(
                f"error forwarding port {port} to pod {pod}, uid : failed to execute portforward in network "
                f"namespace: failed to connect to localhost:{port} inside namespace, IPv4: dial tcp4 "
                f"127.0.0.1:{port}: connect: connection refused".encode()
            )
            await error.drain()
            return
        await handler(reader, data)
        await data.drain()
    except ConnectionError:
        return  # the client has gone


async def _receive(socket: web.WebSocketResponse, readers: dict[int, asyncio.StreamReader]) -> None:
    """Give what the client sends to the handlers, until it closes."""
    async for message in socket:
        if message.type is not WSMsgType.BINARY or not message.data:
            continue
        reader = readers.get(message.data[0])
        if reader is not None:
            reader.feed_data(message.data[1:])
    for reader in readers.values():
        reader.feed_eof()


def http(answer: Answer, post: Answer | None = None) -> Handler:
    """Serves HTTP/1.1 on a forwarded port: `answer` gives what a GET of a path gets, and `post` what a POST does."""

    async def handler(reader: asyncio.StreamReader, writer: Writer) -> None:
        connection = h11.Connection(h11.SERVER)
        while True:
            try:
                event = connection.next_event()
            except h11.RemoteProtocolError as error:
                await _send(connection, writer, 400, "text/plain", f"{error}\n".encode())
                return
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(_FRAME))
            elif isinstance(event, h11.Request):
                status, content_type, body = 405, "text/plain", b"method not allowed\n"
                asked = {b"GET": answer, b"POST": post}.get(event.method)
                if asked is not None:
                    status, content_type, body = await asked(event.target.decode())
                await _send(connection, writer, status, content_type, body)
            elif event is h11.PAUSED and connection.our_state is h11.DONE:
                connection.start_next_cycle()
            elif event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return

    return handler


async def _send(
    connection: h11.Connection, writer: Writer, status: int, content_type: str, body: bytes
) -> None:
    headers = [("content-type", content_type), ("content-length", str(len(body)))]
    writer.write(connection.send(h11.Response(status_code=status, headers=headers)) or b"")
    for start in range(0, len(body), _FRAME):
        writer.write(connection.send(h11.Data(data=body[start : start + _FRAME])) or b"")
        await writer.drain()
    writer.write(connection.send(h11.EndOfMessage()) or b"")
    await writer.drain()
