"""Route specs: what a route of any kind says it does: hosts, parents, matches and backends, in one form.

HTTPRoute, GRPCRoute, TLSRoute and TCPRoute have the same form in all versions that are read (istio-ambient.md,
8.2 and 8.4); VirtualService and Ingress are brought into it (8.6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial

from msgspec import Struct

from meshtui.mesh import raw, route_matches
from meshtui.mesh.kinds import (
    GATEWAY_API,
    GRPC_ROUTE,
    HTTP_ROUTE,
    INGRESS,
    TCP_ROUTE,
    TLS_ROUTE,
    VIRTUAL_SERVICE,
    Kind,
)
from meshtui.mesh.raw import Condition, Raw, conditions, dig, entries, number, table, text
from meshtui.mesh.snapshot import Ref

MESH = "mesh"
"""The kind of parent of a VirtualService that is for the proxies of workloads and not for a gateway."""


class ParentRef(Struct, frozen=True):
    """What a route attaches to."""

    kind: str
    """ "Gateway", "Service", "ServiceEntry", "Istio Gateway", "IngressClass", "mesh", or one that is not Istio's."""
    namespace: str
    name: str
    section: str = ""
    port: int = 0

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class BackendRef(Struct, frozen=True):
    """Where a rule sends requests."""

    kind: str
    """ "Service"; "host" for one that names no Service; or another kind."""
    namespace: str
    name: str
    port: int | str
    """A number, the name of a port, or 0 where none is named."""
    weight: int
    host: str = ""
    """As a VirtualService writes it."""
    subset: str = ""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class RuleSpec(Struct, frozen=True):
    """One rule: for which requests, what it does to them, and where they go."""

    matches: tuple[str, ...]
    """Alternatives, in words; empty for everything."""
    actions: tuple[str, ...]
    backends: tuple[BackendRef, ...]
    answers: bool = False
    """It answers by itself or hands on, so that it needs no backend."""


class Judgement(Struct, frozen=True):
    """What one controller says of a route at one parent."""

    parent: ParentRef
    controller: str
    conditions: tuple[Condition, ...]


class RouteSpec(Struct, frozen=True, eq=False):
    """One route as it is written. Compared by identity: the same object as long as the API server's is the same one."""

    ref: Ref
    uid: str
    created: datetime | None
    generation: int
    hosts: tuple[str, ...]
    parents: tuple[ParentRef, ...]
    rules: tuple[RuleSpec, ...]
    judgements: tuple[Judgement, ...] = ()


def reader(kind: Kind) -> Callable[[Raw], RouteSpec]:
    """How a route of a kind is read: the same function in every snapshot, so that what it read is remembered."""
    return _READERS[kind]


def _route(kind: Kind, it: Raw) -> RouteSpec:
    """A route of the Gateway API."""
    where = raw.namespace(it)
    return RouteSpec(
        ref=Ref(kind, where, raw.name(it)),
        uid=raw.uid(it),
        created=raw.created(it),
        generation=number(it, "metadata", "generation"),
        hosts=_texts(it, "spec", "hostnames"),
        parents=tuple(_parent(each, where) for each in entries(it, "spec", "parentRefs")),
        rules=tuple(_rule(kind, each, where) for each in entries(it, "spec", "rules")),
        judgements=tuple(
            Judgement(
                _parent(table(each, "parentRef"), where),
                text(each, "controllerName"),
                tuple(conditions(each, "conditions").values()),
            )
            for each in entries(it, "status", "parents")
        ),
    )


def _texts(value: object, *path: str) -> tuple[str, ...]:
    found = dig(value, *path)
    if not isinstance(found, list):
        return ()
    return tuple(each for each in found if isinstance(each, str))


def _parent(ref: Raw, where: str) -> ParentRef:
    """Group and kind are those of a Gateway where they are not given; a Service has the group ""."""
    group, kind = dig(ref, "group"), text(ref, "kind") or "Gateway"
    if group not in (None, "", GATEWAY_API) and kind == "Gateway":
        kind = f"{kind}.{group}"
    return ParentRef(
        kind,
        text(ref, "namespace") or where,
        text(ref, "name"),
        text(ref, "sectionName"),
        number(ref, "port"),
    )


def _rule(kind: Kind, rule: Raw, where: str) -> RuleSpec:
    filters = entries(rule, "filters")
    timeouts = raw.strings(rule, "timeouts")
    return RuleSpec(
        matches=route_matches.of_rule(rule, grpc=kind == GRPC_ROUTE),
        actions=(
            *(route_matches.action(each) for each in filters),
            *(f"timeout {value} ({name})" for name, value in timeouts.items()),
        ),
        backends=tuple(_backend(each, where) for each in entries(rule, "backendRefs")),
        answers=any(text(each, "type") == "RequestRedirect" for each in filters),
    )


def _backend(ref: Raw, where: str) -> BackendRef:
    weight = dig(ref, "weight")
    return BackendRef(
        kind=text(ref, "kind") or "Service",
        namespace=text(ref, "namespace") or where,
        name=text(ref, "name"),
        port=number(ref, "port"),
        weight=number(ref, "weight") if weight is not None else 1,
    )


def _virtual_service(it: Raw) -> RouteSpec:
    where = raw.namespace(it)
    gateways = _texts(it, "spec", "gateways") or (MESH,)
    return RouteSpec(
        ref=Ref(VIRTUAL_SERVICE, where, raw.name(it)),
        uid=raw.uid(it),
        created=raw.created(it),
        generation=number(it, "metadata", "generation"),
        hosts=_texts(it, "spec", "hosts"),
        parents=tuple(_gateway(each, where) for each in gateways),
        rules=tuple(
            _virtual_rule(each, where)
            for protocol in ("http", "tls", "tcp")
            for each in entries(it, "spec", protocol)
        ),
    )


def _gateway(written: str, where: str) -> ParentRef:
    """NAME, or NAMESPACE/NAME, where "." stands for one's own."""
    if written == MESH:
        return ParentRef(MESH, "", MESH)
    namespace, _, name = written.rpartition("/")
    return ParentRef("Istio Gateway", where if namespace in ("", ".") else namespace, name)


def _virtual_rule(rule: Raw, where: str) -> RuleSpec:
    """Of a single destination the weight need not be given; of several, one without a weight gets nothing."""
    routes = entries(rule, "route")
    actions = tuple(
        f"{name}s" if name in ("redirect", "rewrite", "mirror") else name
        for name in ("redirect", "directResponse", "delegate", "rewrite", "mirror", "fault")
        if table(rule, name)
    )
    if timeout := text(rule, "timeout"):
        actions = (*actions, f"timeout {timeout}")
    return RuleSpec(
        matches=tuple(map(route_matches.of_virtual_service, entries(rule, "match"))),
        actions=actions,
        backends=tuple(
            _destination(each, where, number(each, "weight") if len(routes) > 1 else 1)
            for each in routes
        ),
        answers=any(table(rule, name) for name in ("redirect", "directResponse", "delegate")),
    )


def _destination(route: Raw, where: str, weight: int) -> BackendRef:
    destination = table(route, "destination")
    host, port = text(destination, "host"), number(destination, "port", "number")
    name, namespace = service_of(host, where)
    kind = "Service" if namespace else "host"
    return BackendRef(kind, namespace, name, port, weight, host, text(destination, "subset"))


def service_of(host: str, where: str) -> tuple[str, str]:
    """Name and namespace of the Service that a host names; the host and "" where it names none. Istio takes a name
    without dots for a Service of the object's own namespace, and any other as it is."""
    name, _, rest = host.partition(".")
    namespace, _, domain = rest.partition(".")
    if not rest:
        return name, where
    if domain == "svc" or domain.startswith("svc."):
        return name, namespace
    return host, ""


_CLASS = "kubernetes.io/ingress.class"


def _ingress(it: Raw) -> RouteSpec:
    where, spec = raw.namespace(it), table(it, "spec")
    named = text(spec, "ingressClassName") or raw.annotation(it, _CLASS)
    rules = [rule for each in entries(spec, "rules") for rule in _ingress_rules(each, where)]
    if table(spec, "defaultBackend"):
        rules.append(RuleSpec((), (), (_ingress_backend(table(spec, "defaultBackend"), where),)))
    hosts = (text(each, "host") for each in entries(spec, "rules"))
    return RouteSpec(
        ref=Ref(INGRESS, where, raw.name(it)),
        uid=raw.uid(it),
        created=raw.created(it),
        generation=number(it, "metadata", "generation"),
        hosts=tuple(dict.fromkeys(filter(None, hosts))),
        parents=(ParentRef("IngressClass", "", named),) if named else (),
        rules=tuple(rules),
    )


def _ingress_rules(rule: Raw, where: str) -> Iterable[RuleSpec]:
    for each in entries(rule, "http", "paths"):
        match = route_matches.of_ingress(text(rule, "host"), each)
        backend = _ingress_backend(table(each, "backend"), where)
        yield RuleSpec((match,) if match else (), (), (backend,))


def _ingress_backend(backend: Raw, where: str) -> BackendRef:
    service = table(backend, "service")
    port = number(service, "port", "number") or text(service, "port", "name") or 0
    if not service:
        resource = table(backend, "resource")
        return BackendRef(text(resource, "kind") or "none", where, text(resource, "name"), 0, 1)
    return BackendRef("Service", where, text(service, "name"), port, 1)


_READERS: Mapping[Kind, Callable[[Raw], RouteSpec]] = {
    **{kind: partial(_route, kind) for kind in (HTTP_ROUTE, GRPC_ROUTE, TLS_ROUTE, TCP_ROUTE)},
    VIRTUAL_SERVICE: _virtual_service,
    INGRESS: _ingress,
}
KINDS = tuple(_READERS)
