"""The API server's front door: who asks, whether they may, and who answers."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from msgspec import Struct, field
from msgspec.structs import replace

from meshtui.sim import (
    calls,
    discovery,
    openapi,
    podlogs,
    portforward,
    reads,
    reviews,
    scales,
    watches,
    writes,
)
from meshtui.sim.calls import Call
from meshtui.sim.errors import (
    Forbidden,
    MethodNotAllowed,
    NoSuchPath,
    StatusError,
)
from meshtui.sim.kinds import POD, SERVICE_ACCOUNT
from meshtui.sim.kubelet import Kubelet
from meshtui.sim.rights import Action, User, allowed, demand
from meshtui.sim.store import Store
from meshtui.sim.tables import form
from meshtui.sim.tokens import Tokens, impersonated, requested
from meshtui.sim.wire import answer, body_of, refused

_HEALTH = ("/healthz", "/livez", "/readyz")


class Api(Struct, eq=False):
    """Answers the requests of all clients from one store."""

    store: Store
    kubelet: Kubelet
    tokens: Tokens
    bookmark_every: float = 60.0
    """Seconds between the bookmarks of a watch."""
    _streams: set[asyncio.Task[Any]] = field(default_factory=set)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The answer to any request; a refusal is a Status object."""
        try:
            user = impersonated(self.store, self.tokens.user(request), request)
            if _is_resource(request.path):
                return await self._resource(request, user)
            return self._document(request, user)
        except calls.UnknownGroup:
            return web.Response(status=404, text="404 page not found\n")
        except StatusError as error:
            return refused(error)

    def close(self) -> None:
        """Ends all that streams: watches, followed logs and port-forwards."""
        for task in list(self._streams):
            task.cancel()

    # What is no resource

    def _document(self, request: web.Request, user: User) -> web.Response:
        path = request.path.rstrip("/") or "/"
        if request.method != "GET":
            raise MethodNotAllowed
        demand(self.store, user, Action("get", path=request.path))
        if path in _HEALTH or path.startswith(tuple(f"{each}/" for each in _HEALTH)):
            return web.Response(text="ok")
        if path == "/version":
            return answer(discovery.VERSION)
        if path == "/openapi/v2":
            return _openapi_v2(request)
        if path == "/openapi/v3":
            return answer(openapi.index(self.store))
        if path.startswith("/openapi/v3/"):
            return answer(openapi.document(self.store, path.removeprefix("/openapi/v3/")))
        return self._discovery(request, path)

    def _discovery(self, request: web.Request, path: str) -> web.Response:
        steps = _steps(path)
        accept = request.headers.get("Accept", "").replace(" ", "")
        whole = "as=APIGroupDiscoveryList" in accept and "v=v2;" in f"{accept};".replace(",", ";")
        if whole and path in ("/api", "/apis"):
            found = discovery.aggregated(self.store, core=path == "/api")
            return web.Response(
                body=answer(found).body, headers={"Content-Type": discovery.AGGREGATED}
            )
        match steps:
            case []:
                return answer({"paths": ["/api", "/apis", *_HEALTH, "/openapi/v3", "/version"]})
            case ["api"]:
                return answer(discovery.core_versions(request.host))
            case ["api", version]:
                return answer(discovery.resource_list(self.store, "", version))
            case ["apis"]:
                return answer(discovery.group_list(self.store))
            case ["apis", group]:
                return answer(discovery.one_group(self.store, group))
            case ["apis", group, version]:
                return answer(discovery.resource_list(self.store, group, version))
        raise calls.UnknownGroup

    # Resources

    async def _resource(self, request: web.Request, user: User) -> web.StreamResponse:
        kinds = (*self.store.kinds, *reviews.REVIEWS)
        call = calls.read(request.method, request.path, request.query, user, kinds)
        demand(self.store, user, call.action)
        if call.kind in reviews.REVIEWS:
            return await self._review(request, call)
        if call.subresource not in ("", "status"):
            return await self._subresource(request, call)
        if call.subresource and not call.kind.status:
            raise NoSuchPath
        match call.verb:
            case "get":
                return reads.get(self.store, call, request.headers.get("Accept", ""))
            case "list":
                return await reads.listing(self.store, call, request)
            case "watch":
                stream = watches.watch(self.store, call, request, self.bookmark_every)
                return await self._streaming(stream)
        return await self._write(request, call)

    async def _write(self, request: web.Request, call: Call) -> web.StreamResponse:
        body = await body_of(request)
        status = 200
        match call.verb:
            case "create":
                status = 201
                obj = writes.create(self.store, call, writes.writer(call, request), body)
            case "update":
                obj = writes.update(self.store, call, writes.writer(call, request), body)
            case "patch":
                obj, new = writes.patch(self.store, call, request, body)
                status = 201 if new else 200
            case "delete":
                left = writes.delete(self.store, call, body)
                return answer(left)
            case _:
                gone = writes.delete_collection(self.store, call, body)
                wanted = form(self.store, call.kind, call.version, "")
                head = wanted.head({"resourceVersion": str(self.store.version)})
                return answer({**head, "items": wanted.items(gone, self.store.now())})
        accept = request.headers.get("Accept", "")
        shaped = form(self.store, call.kind, call.version, accept).one(obj, self.store.now())
        return answer(shaped, status)

    async def _review(self, request: web.Request, call: Call) -> web.StreamResponse:
        if call.verb != "create":
            raise MethodNotAllowed
        body = await body_of(request)
        return answer(reviews.reviewed(self.store, call.user, call.kind, body), 201)

    async def _subresource(self, request: web.Request, call: Call) -> web.StreamResponse:
        match call.kind, call.subresource, call.verb:
            case kind, "log", "get" if kind == POD:
                stream = podlogs.log(self.store, self.kubelet, call, request)
                return await self._streaming(stream)
            case kind, "portforward", "get" | "create" if kind == POD:
                self._demand_create(call)
                stream = portforward.forward(self.store, self.kubelet, call, request)
                return await self._streaming(stream)
            case kind, "token", "create" if kind == SERVICE_ACCOUNT:
                return answer(requested(self.store, self.tokens, call, await body_of(request)), 201)
            case kind, "scale", "get" if kind.scale:
                obj = self.store.need(kind, call.namespace, call.name)
                return answer(scales.of(obj))
            case kind, "scale", "update" | "patch" if kind.scale:
                body = await body_of(request)
                if call.verb == "update":
                    by = writes.writer(call, request)
                    return answer(writes.update(self.store, call, by, body))
                return answer(writes.patch(self.store, call, request, body)[0])
        raise NoSuchPath

    def _demand_create(self, call: Call) -> None:
        """Since Kubernetes 1.35 an upgrade by GET needs `create` too; that refusal names no verb."""
        if not allowed(self.store, call.user, replace(call.action, verb="create")):
            raise Forbidden.object(call.kind, call.name, "")

    async def _streaming(self, stream: Any) -> web.StreamResponse:
        """Waits for a stream that `close` may end."""
        task = asyncio.current_task()
        assert task is not None
        self._streams.add(task)
        try:
            found: web.StreamResponse = await stream
        finally:
            self._streams.discard(task)
        return found


def _steps(path: str) -> list[str]:
    return [step for step in path.split("/") if step]


def _is_resource(path: str) -> bool:
    steps = _steps(path)
    return (steps[:1] == ["api"] and len(steps) > 2) or (steps[:1] == ["apis"] and len(steps) > 3)


def _openapi_v2(request: web.Request) -> web.Response:
    if "protobuf" in request.headers.get("Accept", ""):
        return web.Response(
            body=openapi.PROTOBUF_V2,
            headers={"Content-Type": "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"},
        )
    return answer(openapi.swagger())
