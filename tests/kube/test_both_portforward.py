"""Port-forwards over a WebSocket: the frames, as clients have to read and write them."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.cluster.cluster import Cluster, pod
from tests.cluster.forward import PROTOCOL, forwarded, frame
from tests.cluster.local import talking


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data.upper())
        await writer.drain()


async def received(socket: aiohttp.ClientWebSocketResponse, channel: int, size: int) -> bytes:
    """So many bytes from one channel; nothing may come on another one."""
    found = b""
    while len(found) < size:
        came, data = await frame(socket)
        assert came == channel, data
        found += data
    return found


async def test_each_channel_begins_with_its_port_and_then_bytes_flow(cluster: Cluster) -> None:
    async with talking(echo) as local:
        await cluster.add_pod("web", ports={15000: local})
        async with forwarded(cluster.api, cluster.path("pods", "web"), [15000]) as socket:
            assert socket.protocol == PROTOCOL
            opening = dict([await frame(socket), await frame(socket)])
            assert opening == {0: (15000).to_bytes(2, "little"), 1: (15000).to_bytes(2, "little")}
            await socket.send_bytes(b"\0hello ")
            await socket.send_bytes(b"\0there")
            assert await received(socket, 0, 11) == b"hello there"


async def test_several_ports_have_two_channels_each(cluster: Cluster) -> None:
    async with talking(echo) as quiet, talking(shout) as loud:
        await cluster.add_pod("web", ports={8080: quiet, 9090: loud})
        path = cluster.path("pods", "web")
        async with forwarded(cluster.api, path, [8080, 9090]) as socket:
            opening = dict([await frame(socket) for _ in range(4)])
            assert {
                channel: int.from_bytes(data, "little") for channel, data in opening.items()
            } == {
                0: 8080,
                1: 8080,
                2: 9090,
                3: 9090,
            }
            await socket.send_bytes(b"\2hello")
            assert await received(socket, 2, 5) == b"HELLO"
            await socket.send_bytes(b"\0hello")
            assert await received(socket, 0, 5) == b"hello"


async def test_megabytes_come_whole_and_in_their_order(cluster: Cluster) -> None:
    sent = b"".join(number.to_bytes(4, "big") for number in range(750_000))

    async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(sent)
        await writer.drain()
        await reader.read()

    async with talking(tell) as local:
        await cluster.add_pod("web", ports={15000: local})
        async with forwarded(cluster.api, cluster.path("pods", "web"), [15000]) as socket:
            await frame(socket), await frame(socket)
            await socket.send_bytes(b"\0go\n")
            assert await received(socket, 0, len(sent)) == sent


async def test_a_port_where_nobody_listens_is_an_error_on_the_error_channel(
    cluster: Cluster,
) -> None:
    async with talking(echo) as local:
        await cluster.add_pod("web", ports={15000: local})
        async with forwarded(cluster.api, cluster.path("pods", "web"), [15001]) as socket:
            await frame(socket), await frame(socket)
            channel, data = await frame(socket)
    assert channel == 1
    assert b"15001" in data


async def test_without_such_a_pod_there_is_nothing_to_forward(cluster: Cluster) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        async with forwarded(cluster.api, cluster.path("pods", "nobody"), [15000]):
            pass
    assert refusal.value.status == 404


async def test_a_pod_on_no_node_cannot_be_reached(cluster: Cluster) -> None:
    body = pod("waiting", "", {})
    del body["spec"]["nodeName"]
    await cluster.api.create(cluster.path("pods"), body)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        async with forwarded(cluster.api, cluster.path("pods", "waiting"), [15000]):
            pass
    assert refusal.value.status == 400
