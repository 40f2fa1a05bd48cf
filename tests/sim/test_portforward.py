"""HTTP on a forwarded port of the built-in cluster, as a ztunnel's admin port answers it."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import h11
import pytest

from meshtui.sim.kinds import POD
from meshtui.sim.kubelet import Handler, Log
from meshtui.sim.portforward import http
from meshtui.sim.serve import serve
from meshtui.sim.store import Store
from tests.cluster.forward import forwarded, frame
from tests.cluster.kubeconfig import Api

PATH = "/api/v1/namespaces/default/pods/ztunnel"
LARGE = bytes(range(256)) * 36_000
"""9 MB, as the dump of a mesh with ten thousand workloads is."""


class Ztunnel:
    """A kubelet with one pod that answers HTTP on one port."""

    def log(self, namespace: str, pod: str, container: str, *, previous: bool) -> Log | None:
        return None

    def port(self, namespace: str, pod: str, port: int) -> Handler | None:
        return http(self._answer) if port == 15000 else None

    async def _answer(self, path: str) -> tuple[int, str, bytes]:
        if path == "/config_dump":
            return 200, "application/json", LARGE
        return 404, "text/plain", b"no such page\n"


@pytest.fixture
async def socket() -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    store = Store()
    metadata = {"name": "ztunnel", "namespace": "default"}
    store.create(POD, {"metadata": metadata, "spec": {"nodeName": "node-1"}})
    async with (
        serve(store, Ztunnel()) as served,
        Api.connected(served.kubeconfig) as api,
        forwarded(api, PATH, [15000]) as opened,
    ):
        assert [await frame(opened), await frame(opened)] == [(0, b"\x98:"), (1, b"\x98:")]
        yield opened


class Client:
    """HTTP over the first channel."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._connection = h11.Connection(h11.CLIENT)

    async def get(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        request = h11.Request(method=method, target=path, headers=[("host", "localhost")])
        sent = self._connection.send(request) or b""
        sent += self._connection.send(h11.EndOfMessage()) or b""
        await self._socket.send_bytes(b"\0" + sent)
        status, body = 0, b""
        while True:
            match event := self._connection.next_event():
                case h11.NEED_DATA:
                    channel, data = await frame(self._socket)
                    assert channel == 0
                    assert len(data) <= 32 * 1024
                    self._connection.receive_data(data)
                case h11.Response():
                    status = event.status_code
                case h11.Data():
                    body += event.data
                case h11.EndOfMessage():
                    self._connection.start_next_cycle()
                    return status, body


async def test_nine_megabytes_come_whole(socket: aiohttp.ClientWebSocketResponse) -> None:
    async with asyncio.timeout(10):
        assert await Client(socket).get("/config_dump") == (200, LARGE)


async def test_one_connection_answers_several_requests(
    socket: aiohttp.ClientWebSocketResponse,
) -> None:
    client = Client(socket)
    async with asyncio.timeout(10):
        assert await client.get("/nothing") == (404, b"no such page\n")
        assert (await client.get("/config_dump", "POST"))[0] == 405
        assert (await client.get("/nothing"))[0] == 404


async def test_what_is_no_http_is_refused_and_the_stream_stays_open(
    socket: aiohttp.ClientWebSocketResponse,
) -> None:
    await socket.send_bytes(b"\0nonsense\r\n\r\n")
    answer = b""
    while not answer.endswith(b"bytearray(b'nonsense')\n"):
        channel, data = await frame(socket)
        assert channel == 0
        answer += data
    assert answer.startswith(b"HTTP/1.1 400 ")
    with pytest.raises(asyncio.TimeoutError):
        await socket.receive(timeout=0.1)
