"""What serves an application leaves no connection behind, whoever is at the other end of it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

from aiohttp import web

from meshtui.sim.serve import hosting
from tests.cluster.authority import LOOPBACK, Authority


async def test_a_client_that_does_not_say_goodbye_is_cut(tmp_path: Path) -> None:
    """One in another process, for example, that did not come to it yet: TLS would wait half a minute for it."""
    sockets: list[socket.socket] = []

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        sockets.append(request.transport.get_extra_info("socket"))
        return web.Response()

    app = web.Application()
    app.router.add_get("/", answer)
    async with hosting(app, host_of_tls(tmp_path / "host.pem")) as port:
        client = await asyncio.to_thread(answered, port)
    with client:
        assert [at_server.fileno() for at_server in sockets] == [-1]


def host_of_tls(file: Path) -> ssl.SSLContext:
    pair = Authority.new("hosts").server("host")
    file.write_bytes(pair.certificate + pair.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context


def answered(port: int) -> ssl.SSLSocket:
    """A connection that was answered and is kept, by a client that listens no more."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    client = trusting.wrap_socket(socket.create_connection((LOOPBACK, port)))
    client.sendall(b"GET / HTTP/1.1\r\nhost: host\r\n\r\n")
    assert client.recv(12) == b"HTTP/1.1 200"
    return client
