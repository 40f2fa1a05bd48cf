"""What serves an application leaves no connection behind, whoever is at the other end of it."""

from __future__ import annotations

import asyncio
import socket
import ssl

from aiohttp import web

from meshtui.sim.serve import LOOPBACK, hosting
from tests.kube.pki import Authority


async def test_a_client_that_does_not_say_goodbye_is_cut() -> None:
    """One in another process, for example, that did not come to it yet: TLS would wait half a minute for it."""
    sockets: list[socket.socket] = []

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        sockets.append(request.transport.get_extra_info("socket"))
        return web.Response()

    app = web.Application()
    app.router.add_get("/", answer)
    async with hosting(app, Authority().issue(LOOPBACK).server()) as port:
        client = await asyncio.to_thread(answered, port)
    with client:
        assert [at_server.fileno() for at_server in sockets] == [-1]


def answered(port: int) -> ssl.SSLSocket:
    """A connection that was answered and is kept, by a client that listens no more."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    client = trusting.wrap_socket(socket.create_connection((LOOPBACK, port)))
    client.sendall(b"GET / HTTP/1.1\r\nhost: host\r\n\r\n")
    assert client.recv(12) == b"HTTP/1.1 200"
    return client
