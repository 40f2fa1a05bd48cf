"""Kubeconfig files for the tests, and a small client that reads one: nothing of the program under test."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from tests.cluster.authority import Pair
from tests.cluster.waiting import until

Raw = dict[str, Any]

MERGE = "application/merge-patch+json"


def write_kubeconfig(path: Path, name: str, url: str, ca: bytes, user: Raw) -> Path:
    """A kubeconfig with one context, called `name`, whose credentials are `user` in kubeconfig's own words."""
    cluster = {"server": url, "certificate-authority-data": _base64(ca)}
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": name,
                "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
                "clusters": [{"name": name, "cluster": cluster}],
                "users": [{"name": name, "user": user}],
            }
        )
    )
    path.chmod(0o600)
    return path


def client_certificate(pair: Pair) -> Raw:
    """A kubeconfig user that is a client certificate."""
    return {
        "client-certificate-data": _base64(pair.certificate),
        "client-key-data": _base64(pair.key),
    }


@dataclass(frozen=True, slots=True)
class Response:
    """What came back, whatever its status."""

    status: int
    body: Any
    """JSON, or text where it is none."""
    headers: Raw


class Api:
    """Requests to an API server as the user of a kubeconfig, without any opinion on the answers."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http

    @classmethod
    @asynccontextmanager
    async def connected(cls, kubeconfig: Path) -> AsyncIterator[Api]:
        url, trust, headers = _credentials(kubeconfig)
        sockets: list[socket.socket] = []

        def make(address: aiohttp.AddrInfoType) -> socket.socket:
            sockets.append(socket.socket(*address[:3]))
            return sockets[-1]

        connector = aiohttp.TCPConnector(ssl=trust, socket_factory=make)
        async with aiohttp.ClientSession(url, connector=connector, headers=headers) as http:
            yield cls(http)
        # The session does not wait for the TLS of a WebSocket, which waits for the server's goodbye.
        await until(partial(_closed, sockets))

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
        query: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        headers = {"Accept": accept, **(headers or {})}
        data = None
        if body is not None:
            headers["Content-Type"] = content_type
            data = body if isinstance(body, bytes) else json.dumps(body)
        async with self.http.request(
            method, path, data=data, params=query, headers=headers
        ) as answer:
            text = await answer.text()
            is_json = "json" in answer.headers.get("Content-Type", "")
            return Response(
                answer.status, json.loads(text) if is_json else text, dict(answer.headers)
            )

    @asynccontextmanager
    async def stream(
        self, path: str, query: Mapping[str, str | int]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer that goes on until one leaves: its connection is then cut, or it would wait for the server to
        say goodbye, which it does not while it has more to say."""
        async with self.http.get(path, params=query) as answer:
            try:
                yield answer
            finally:
                if answer.connection is not None and answer.connection.transport is not None:
                    answer.connection.transport.abort()

    async def get(self, path: str, **query: str | int) -> Response:
        return await self.send("GET", path, query=query)

    async def create(self, path: str, body: Raw) -> Raw:
        """The object as created. AssertionError where the server did not take it."""
        return _taken(await self.send("POST", path, body))

    async def patch(self, path: str, body: Raw) -> Raw:
        """The object after a merge patch. AssertionError where the server did not take it."""
        return _taken(await self.send("PATCH", path, body, content_type=MERGE))

    async def delete(self, path: str, **query: str | int) -> Raw:
        """AssertionError where the server did not take it."""
        return _taken(await self.send("DELETE", path, query=query))


async def _closed(sockets: Iterable[socket.socket]) -> bool:
    open_ones = [each for each in sockets if each.fileno() != -1]
    for each in open_ones:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
    return not open_ones


def _credentials(kubeconfig: Path) -> tuple[str, ssl.SSLContext, dict[str, str]]:
    """The server, whom to trust (and as whom to come), and headers: of the first of everything in the file."""
    config = yaml.safe_load(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    trust = ssl.create_default_context(cadata=authority)
    if "client-certificate-data" in user:
        with tempfile.NamedTemporaryFile() as pair:
            pair.write(base64.b64decode(user["client-certificate-data"]))
            pair.write(base64.b64decode(user["client-key-data"]))
            pair.flush()
            trust.load_cert_chain(pair.name)
    token = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
    return cluster["server"], trust, token


def _taken(response: Response) -> Raw:
    assert response.status in (200, 201, 202), response.body
    assert isinstance(response.body, dict)
    return response.body


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
