"""A server that answers as a test tells it to, for what a well-behaved API server does not do on demand: cut streams,
expired versions, refusals, silence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from meshtui.kube.pace import Pace
from meshtui.sim.serve import hosting

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

QUICK = Pace(
    settle=0.01,
    heartbeat=0.05,
    silence=5,
    poll=0.05,
    absent=0.05,
    first_retry=0.01,
    last_retry=0.05,
    linger=0.05,
    linger_narrow=0.01,
    probe=0.05,
    ref=0.05,
    hearing=0.02,
)
"""A pace at which tests need not wait."""

DISCOVERY = {
    "kind": "APIGroupDiscoveryList",
    "items": [
        {
            "metadata": {"name": "gateway.networking.k8s.io"},
            "versions": [
                {
                    "version": version,
                    "resources": [
                        {
                            "resource": "gateways",
                            "scope": "Namespaced",
                            "responseKind": {"kind": "Gateway"},
                        }
                    ],
                }
                for version in ("v1", "v1beta1")
            ],
        },
        {
            "metadata": {"name": "security.istio.io"},
            "versions": [
                {
                    "version": "v1alpha7",
                    "resources": [
                        {
                            "resource": "peerauthentications",
                            "scope": "Namespaced",
                            "responseKind": {"kind": "PeerAuthentication"},
                        }
                    ],
                }
            ],
        },
    ],
}
CORE = {
    "kind": "APIGroupDiscoveryList",
    "items": [
        {
            "metadata": {},
            "versions": [
                {
                    "version": "v1",
                    "resources": [
                        {"resource": plural, "scope": scope, "responseKind": {"kind": kind}}
                        for plural, kind, scope in (
                            ("pods", "Pod", "Namespaced"),
                            ("secrets", "Secret", "Namespaced"),
                            ("events", "Event", "Namespaced"),
                            ("namespaces", "Namespace", "Cluster"),
                        )
                    ],
                }
            ],
        }
    ],
}


def status(
    code: int, message: str, headers: Mapping[str, str] | None = None, **more: Any
) -> Handler:
    """A handler that refuses, as an API server does."""

    async def handle(_: web.Request) -> web.Response:
        body = {"kind": "Status", "code": code, "message": message, **more}
        return web.json_response(body, status=code, headers=headers)

    return handle


def answer(body: Any) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        return web.json_response(body)

    return handle


def pod(name: str, version: int = 1, namespace: str = "shop", **labels: str) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{name}",
            "resourceVersion": str(version),
            "labels": labels,
        }
    }


def listing(*items: Any, version: int = 1, token: str = "") -> dict[str, Any]:
    return {"metadata": {"resourceVersion": str(version), "continue": token}, "items": list(items)}


def event(kind: str, raw: Any) -> bytes:
    return json.dumps({"type": kind, "object": raw}).encode() + b"\n"


@dataclass
class Scripted:
    """Handlers by path; the requests that came; and one watch for each path, to write to while it is open."""

    handlers: dict[str, Handler] = field(default_factory=dict)
    requests: list[web.Request] = field(default_factory=list)
    url: str = ""

    def on(self, path: str, handler: Handler) -> None:
        self.handlers[path] = handler

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        handler = self.handlers.get(request.path, status(404, "the server could not find that"))
        return await handler(request)

    def asked(self, path: str) -> list[Mapping[str, str]]:
        """The queries of the requests for a path so far."""
        return [request.query for request in self.requests if request.path == path]


class Watched:
    """A collection whose list and whose watches a test writes."""

    def __init__(self, *items: Any, version: int = 1) -> None:
        self.list: Handler = answer(listing(*items, version=version))
        self.lists = 0
        self.watches: list[Mapping[str, str]] = []
        self.open = 0
        """Watches that are open now."""
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            self.lists += 1
            return await self.list(request)
        self.watches.append(request.query)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        self.open += 1
        try:
            while (piece := await self._pieces.get()) is not None:
                await response.write(piece)
        finally:
            self.open -= 1
        return response

    def send(self, piece: bytes) -> None:
        """Bytes for the watch that is open, or for the next one."""
        self._pieces.put_nowait(piece)

    def cut(self) -> None:
        """Ends the watch that is open."""
        self._pieces.put_nowait(None)


@asynccontextmanager
async def serving() -> AsyncIterator[Scripted]:
    scripted = Scripted(
        {
            "/version": answer({"gitVersion": "v1.36.3"}),
            "/api": answer(CORE),
            "/apis": answer(DISCOVERY),
        }
    )
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", scripted.handle)
    async with hosting(app) as port:
        scripted.url = f"http://127.0.0.1:{port}"
        yield scripted


def forwarded(*said: bytes, error: bytes = b"", ends: bool = False, frame: int = 1000) -> Handler:
    """The port-forward of a pod that answers any request with these bytes, a frame at a time, and leaves the stream
    open unless it `ends`, as the API server does."""

    async def handle(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await socket.prepare(request)
        port = int(request.query["ports"]).to_bytes(2, "little")
        await socket.send_bytes(b"\0" + port)
        await socket.send_bytes(b"\1" + port)
        if error:
            await socket.send_bytes(b"\1" + error)
        await socket.receive_bytes()
        for piece in said:
            for start in range(0, len(piece), frame):
                await socket.send_bytes(b"\0" + piece[start : start + frame])
        if not ends:
            await socket.receive()
        return socket

    return handle
