"""What istiod writes on routes: `status.parents`, for parents that are Gateways and Services.

Reasons and messages are the recorded ones (tests/data/recordings/shop) and those of Istio's own tests.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshtui.sim.behaviour.waypoints import binding
from meshtui.sim.kinds import (
    GATEWAY,
    GRPC_ROUTE,
    HTTP_ROUTE,
    NAMESPACE,
    REFERENCE_GRANT,
    SERVICE,
    TCP_ROUTE,
    TLS_ROUTE,
)
from meshtui.sim.objects import (
    NOTHING,
    Raw,
    labels,
    mapping,
    mappings,
    merged,
    name,
    namespace,
    selects,
    sequence,
    text,
)
from meshtui.sim.store import Store

ROUTES = (HTTP_ROUTE, GRPC_ROUTE, TCP_ROUTE, TLS_ROUTE)
CONTROLLER = "istio.io/gateway-controller"
_GATEWAY_API = "gateway.networking.k8s.io"
_KINDS = {
    "HTTP": ("HTTPRoute", "GRPCRoute"),
    "HTTPS": ("HTTPRoute", "GRPCRoute"),
    "TLS": ("TLSRoute",),
    "TCP": ("TCPRoute",),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a listener does not take a route."""

    reason: str
    message: str
    rank: int = 0
    """The higher, the nearer the route came to being taken."""


def route_kinds(listener: Raw) -> list[Raw]:
    """The `supportedKinds` of a listener."""
    allowed = mappings(listener, "allowedRoutes", "kinds")
    known = _KINDS.get(text(listener, "protocol"), ())
    if text(listener, "tls", "mode") == "Terminate" and text(listener, "protocol") == "TLS":
        known = ("TCPRoute", "TLSRoute")
    wanted = [text(each, "kind") for each in allowed] or list(known)
    return [{"group": _GATEWAY_API, "kind": kind} for kind in wanted if kind in known]


def parents(store: Store, route: Raw, stamp: str) -> list[Raw]:
    """The `status.parents` of a route: what others wrote stays, what istiod says is new."""
    before = mappings(route, "status", "parents")
    kept = [each for each in before if each.get("controllerName") != CONTROLLER]
    ours = []
    for reference in mappings(route, "spec", "parentRefs"):
        accepted = _accepted(store, route, reference)
        if accepted is None:
            continue
        old = next((each for each in before if each.get("parentRef") == reference), NOTHING)
        generation = mapping(route, "metadata").get("generation") or 1
        conditions = [
            {"observedGeneration": generation, **each}
            for each in (accepted, _resolved(store, route), _waypoints(store, route, reference))
        ]
        ours.append(
            {
                "conditions": merged(mappings(old, "conditions"), conditions, stamp),
                "controllerName": CONTROLLER,
                "parentRef": reference,
            }
        )
    return kept + ours


def attached(store: Store, gateway: Raw, listener: Raw, routes: list[Raw]) -> int:
    """How many routes a listener has taken, whether their backends can be found or not."""
    return sum(
        any(
            _is_gateway(reference)
            and _parent_key(route, reference) == (namespace(gateway), name(gateway))
            and text(reference, "sectionName") in ("", text(listener, "name"))
            and reference.get("port") in (None, listener.get("port"))
            and _refused(store, route, gateway, listener) is None
            for reference in mappings(route, "spec", "parentRefs")
        )
        for route in routes
    )


def gateways_of(route: Raw) -> list[tuple[str, str]]:
    """The Gateways that a route names."""
    references = mappings(route, "spec", "parentRefs")
    return [_parent_key(route, each) for each in references if _is_gateway(each)]


def services_of(route: Raw) -> list[tuple[str, str]]:
    """The Services that a route names, as parents or as backends."""
    references = [each for each in mappings(route, "spec", "parentRefs") if not _is_gateway(each)]
    for rule in mappings(route, "spec", "rules"):
        references += mappings(rule, "backendRefs")
    return list(dict.fromkeys(_parent_key(route, each) for each in references))


def _accepted(store: Store, route: Raw, reference: Raw) -> Raw | None:
    """The condition Accepted; None where no parent of Istio's is named."""
    space, title = _parent_key(route, reference)
    if not _is_gateway(reference):
        kind = SERVICE if text(reference, "kind") == "Service" else None
        if kind is None:
            return None
        parent = store.get(kind, space, title)
        if parent is None:
            return _condition(
                "Accepted", "NoMatchingParent", f'parent service: "{title}" not found'
            )
        port = reference.get("port")
        if port is not None and port not in [each.get("port") for each in _ports(parent)]:
            return _condition("Accepted", "NoMatchingParent", f"port {port} not found")
        return _condition("Accepted", "Accepted", "Route was valid", good=True)
    gateway = store.get(GATEWAY, space, title)
    if gateway is None or not text(gateway, "spec", "gatewayClassName").startswith("istio"):
        return None
    return _on_gateway(store, route, gateway, reference)


def _on_gateway(store: Store, route: Raw, gateway: Raw, reference: Raw) -> Raw:
    section, port = text(reference, "sectionName"), reference.get("port")
    found = [
        each
        for each in mappings(gateway, "spec", "listeners")
        if section in ("", text(each, "name")) and port in (None, each.get("port"))
    ]
    if not found:
        missing = f'sectionName "{section}" not found' if section else f"port {port} not found"
        return _condition("Accepted", "NoMatchingParent", missing)
    refusals = [_refused(store, route, gateway, each) for each in found]
    taken = refusals.count(None)
    if taken:
        message = f"Route was valid, bound to {taken} parents" if taken > 1 else "Route was valid"
        return _condition("Accepted", "Accepted", message, good=True)
    known = [each for each in refusals if each]
    mildest = [each for each in known if each.rank == max(each.rank for each in known)]
    message = "; ".join(dict.fromkeys(each.message for each in mildest))
    return _condition("Accepted", mildest[0].reason, message)


def _refused(store: Store, route: Raw, gateway: Raw, listener: Raw) -> Refusal | None:
    if text(route, "kind") not in [each["kind"] for each in route_kinds(listener)]:
        kind = f"{_GATEWAY_API}/v1/{text(route, 'kind')}"
        return Refusal("NotAllowedByListeners", f"kind {kind} is not allowed")
    host = text(listener, "hostname")
    wanted = [each for each in sequence(route, "spec", "hostnames") if isinstance(each, str)]
    if host and wanted and not any(_hosts_meet(each, host) for each in wanted):
        message = f'no hostnames matched parent hostname "{host}"'
        return Refusal("NoMatchingListenerHostname", message, 1)
    if not _admits(store, listener, namespace(gateway), namespace(route)):
        message = (
            f'hostnames matched parent hostname "{host}", but namespace "{namespace(route)}" '
            "is not allowed by the parent"
        )
        return Refusal("NotAllowedByListeners", message, 2)
    return None


def _admits(store: Store, listener: Raw, own: str, other: str) -> bool:
    allowed = mapping(listener, "allowedRoutes", "namespaces")
    match text(allowed, "from") or "Same":
        case "All":
            return True
        case "Same":
            return own == other
        case "Selector":
            space = store.get(NAMESPACE, "", other) or NOTHING
            return selects(allowed.get("selector"), labels(space))
    return False


def _hosts_meet(one: str, other: str) -> bool:
    """Whether two hostnames, each maybe with a leading `*.`, have one in common."""
    one, other = one.lower(), other.lower()
    if one.startswith("*.") and other.startswith("*."):
        return one.endswith(other[1:]) or other.endswith(one[1:])
    if one.startswith("*."):
        one, other = other, one
    return one == other or (other.startswith("*.") and one.endswith(other[1:]))


def _resolved(store: Store, route: Raw) -> Raw:
    """The condition ResolvedRefs: of several problems the last one stays."""
    result = _condition("ResolvedRefs", "ResolvedRefs", "All references resolved", good=True)
    for rule in mappings(route, "spec", "rules"):
        for backend in mappings(rule, "backendRefs"):
            if problem := _backend_problem(store, route, backend):
                result = _condition("ResolvedRefs", *problem)
    return result


def _backend_problem(store: Store, route: Raw, backend: Raw) -> tuple[str, str] | None:
    space = text(backend, "namespace") or namespace(route)
    title, kind = text(backend, "name"), text(backend, "kind") or "Service"
    if kind != "Service" or text(backend, "group") not in ("", "core"):
        return (
            "InvalidKind",
            f"referencing unsupported backendRef: group {text(backend, 'group')!r} kind {kind!r}",
        )
    if space != namespace(route) and not granted(store, route, "Service", space, title):
        message = (
            f"backendRef {title}/{space} not accessible to a {text(route, 'kind')} in namespace "
            f'"{namespace(route)}" (missing a ReferenceGrant?)'
        )
        return "RefNotPermitted", message
    if store.get(SERVICE, space, title) is None:
        return "BackendNotFound", f"backend({title}.{space}.svc.cluster.local) not found"
    return None


def granted(store: Store, by: Raw, kind: str, space: str, title: str) -> bool:
    """Whether a ReferenceGrant lets an object refer to something in another namespace."""
    return any(
        any(
            text(each, "kind") == text(by, "kind") and text(each, "namespace") == namespace(by)
            for each in mappings(grant, "spec", "from")
        )
        and any(
            text(each, "kind") == kind and text(each, "name") in ("", title)
            for each in mappings(grant, "spec", "to")
        )
        for grant in store.list(REFERENCE_GRANT, space)
    )


def _waypoints(store: Store, route: Raw, reference: Raw) -> Raw:
    """The condition ResolvedWaypoints: always True, its message tells."""
    message = "All waypoints resolved"
    if text(reference, "kind") == "Service":
        parent = store.get(SERVICE, *_parent_key(route, reference))
        if parent is not None and binding(store, parent, "service") is None:
            message = (
                "istio.io/use-waypoint label missing from parent and parent namespace; "
                "in ambient mode, route will not be respected"
            )
    return _condition("ResolvedWaypoints", "ResolvedWaypoints", message, good=True)


def _condition(kind: str, reason: str, message: str, *, good: bool = False) -> Raw:
    status = "True" if good else "False"
    return {"type": kind, "status": status, "reason": reason, "message": message}


def _is_gateway(reference: Raw) -> bool:
    group, kind = reference.get("group", _GATEWAY_API), reference.get("kind", "Gateway")
    return (group, kind) == (_GATEWAY_API, "Gateway")


def _parent_key(route: Raw, reference: Raw) -> tuple[str, str]:
    return text(reference, "namespace") or namespace(route), text(reference, "name")


def _ports(service: Raw) -> list[Raw]:
    return mappings(service, "spec", "ports")
