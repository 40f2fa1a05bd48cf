"""Which waypoint a Service or a pod has, and what istiod says of it: WaypointBound, WaypointAccepted.

Rules and words are those of the recordings (tests/data/recordings/shop) and of Istio's own tests.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from meshtui.sim.behaviour.policies import targets
from meshtui.sim.kinds import (
    GATEWAY,
    GATEWAY_CLASS,
    NAMESPACE,
    SERVICE,
    SERVICE_ENTRY,
    Kind,
)
from meshtui.sim.objects import (
    NOTHING,
    Raw,
    labels,
    mapping,
    mappings,
    name,
    namespace,
    selects,
    text,
)
from meshtui.sim.store import Store

USE = "istio.io/use-waypoint"
MANAGED = "gateway.istio.io/managed"
_WITHOUT = ("istio.io-mesh-controller", "istio.io-eastwest-controller")
_MESH_CONTROLLER = "istio.io/mesh-controller"


class Binding(Struct, frozen=True):
    """The waypoint that an object asks for, and whether it gets it."""

    asked: str
    """namespace/name of the Gateway."""
    gateway: Raw | None
    """None where it does not get it; then `reason` and `message` say why."""
    reason: str = "WaypointAccepted"
    message: str = ""


def binding(store: Store, obj: Raw, traffic: str) -> Binding | None:
    """The waypoint for traffic to a "service" or a "workload"; None where none is asked for, or a namespace's
    waypoint is not for this traffic."""
    if traffic == "service" and _is_waypoint(obj):
        return None
    own, inherited = labels(obj), labels(store.get(NAMESPACE, "", namespace(obj)) or NOTHING)
    level = own if text(own, USE) else inherited
    title = text(level, USE)
    if not title or title == "none":
        return None
    space = text(level, f"{USE}-namespace") or namespace(obj)
    asked = f"{space}/{title}"
    gateway = store.get(GATEWAY, space, title)
    if gateway is None or not mappings(gateway, "status", "addresses"):
        return Binding(asked, None, "WaypointIsNotReady", f'waypoint "{asked}" is not ready')
    if space != namespace(obj) and not _admits(gateway, inherited):
        message = f'we are not permitted to attach to waypoint "{asked}" (missing allowedRoutes?)'
        return Binding(asked, None, "AttachmentDenied", message)
    if waypoint_for(store, gateway) not in (traffic, "all"):
        if level is inherited and traffic == "workload":
            return None
        message = (
            f'attempting to bind to traffic type "{traffic}" which the waypoint "{asked}" '
            "does not support"
        )
        return Binding(asked, None, "UnsupportedTrafficType", message)
    message = f"Successfully attached to waypoint {asked}"
    return Binding(asked, gateway, message=message + _ingress(own, inherited))


def asked(store: Store, obj: Raw) -> tuple[str, str] | None:
    """Namespace and name of the Gateway that an object or its namespace asks for."""
    found = binding(store, obj, "service")
    if found is None:
        return None
    space, _, title = found.asked.partition("/")
    return space, title


def differ(one: Raw | None, other: Raw | None) -> bool:
    """Whether two states of a Gateway are not the same to those who want it as a waypoint."""
    first, second = one or NOTHING, other or NOTHING
    return (
        labels(first) != labels(second)
        or mapping(first, "spec") != mapping(second, "spec")
        or mappings(first, "status", "addresses") != mappings(second, "status", "addresses")
    )


def waypoint_for(store: Store, gateway: Raw) -> str:
    """service, workload, all or none: by the label of the Gateway, else of its class."""
    label = "istio.io/waypoint-for"
    of_class = store.get(GATEWAY_CLASS, "", text(gateway, "spec", "gatewayClassName"))
    return text(labels(gateway), label) or text(labels(of_class or NOTHING), label) or "service"


def dumped(bound: Binding | None) -> Raw:
    """The `waypoint` of a service or workload in a ztunnel's dump; empty where there is none."""
    if bound is None or bound.gateway is None:
        return {}
    gateway = bound.gateway
    host = f"{name(gateway)}.{namespace(gateway)}.svc.cluster.local"
    destination = f"{namespace(gateway)}/{host}"
    return {"waypoint": {"destination": destination, "hboneMtlsPort": 15008}}


def bound_condition(bound: Binding) -> Raw:
    """The condition istio.io/WaypointBound, without its time."""
    return {
        "type": "istio.io/WaypointBound",
        "status": "True" if bound.gateway else "False",
        "reason": bound.reason,
        "message": bound.message,
    }


def accepted_condition(store: Store, policy: Raw, root: str) -> Raw:
    """The condition WaypointAccepted of a policy with targetRefs, without its time."""
    generation = str(mapping(policy, "metadata").get("generation") or 1)
    condition = {"type": "WaypointAccepted", "observedGeneration": generation}
    found = [(each, *_target(store, policy, each, root)) for each in targets(policy)]
    good = [reason for _, reason, _ in found if reason == "Accepted"]
    if len(found) == 1:
        _, reason, message = found[0]
        status = "True" if good else "False"
        return condition | {"status": status, "reason": reason, "message": message}
    if len(good) == len(found):
        return condition | {"status": "True", "reason": "Accepted", "message": ""}
    bad = [_ancestor(policy, each) for each, reason, _ in found if reason != "Accepted"]
    return condition | {
        "status": "True" if good else "False",
        "reason": "PartiallyInvalid" if good else "Invalid",
        "message": f"Invalid targetRefs: {', '.join(bad)}",
    }


_TARGETS: Mapping[tuple[str, str], Kind] = {
    ("", "Service"): SERVICE,
    ("core", "Service"): SERVICE,
    ("networking.istio.io", "ServiceEntry"): SERVICE_ENTRY,
    ("gateway.networking.k8s.io", "Gateway"): GATEWAY,
    ("gateway.networking.k8s.io", "GatewayClass"): GATEWAY_CLASS,
}


def _target(store: Store, policy: Raw, reference: Raw, root: str) -> tuple[str, str]:
    """Reason and message for one targetRef."""
    kind = _TARGETS.get((text(reference, "group"), text(reference, "kind")))
    space, title = namespace(policy), text(reference, "name")
    found = store.get(kind, space, title) if kind else None
    if kind == GATEWAY_CLASS:
        if space != root:
            message = (
                f"AuthorizationPolicy must be in the root namespace `{root}` "
                "when referencing a GatewayClass"
            )
            return "Invalid", message
        of_mesh = text(found, "spec", "controllerName") == _MESH_CONTROLLER
        return ("Accepted", f"bound to {title}") if of_mesh else ("TargetNotFound", "not bound")
    if kind == GATEWAY or kind is None:
        ready = bool(mappings(found, "status", "addresses"))
        return (
            ("Accepted", f"bound to {space}/{title}") if ready else ("TargetNotFound", "not bound")
        )
    if found is None:
        return "TargetNotFound", f"{kind.name} {space}/{title} was not found"
    bound = binding(store, found, "service")
    if bound is None or bound.gateway is None:
        return "AncestorNotBound", f"{kind.name} {space}/{title} is not bound to a waypoint"
    return "Accepted", f"bound to {bound.asked}"


def _ancestor(policy: Raw, reference: Raw) -> str:
    kind, group = text(reference, "kind"), text(reference, "group") or "core"
    return f"{kind}.{group}:{namespace(policy)}/{text(reference, 'name')}"


def _is_waypoint(service: Raw) -> bool:
    selector = mapping(service, "spec", "selector")
    return any(each.get(MANAGED) in _WITHOUT for each in (labels(service), selector))


def _admits(gateway: Raw, namespace_labels: Raw) -> bool:
    """Whether the waypoint's listener takes in another namespace."""
    for listener in mappings(gateway, "spec", "listeners"):
        if listener.get("protocol") == "HBONE":
            allowed = mapping(listener, "allowedRoutes", "namespaces")
            match text(allowed, "from"):
                case "All":
                    return True
                case "Selector":
                    return selects(allowed.get("selector"), namespace_labels)
    return False


def _ingress(own: Raw, inherited: Raw) -> str:
    label = "istio.io/ingress-use-waypoint"
    match text(own, label) or text(inherited, label):
        case "":
            return ""
        case "true":
            return ". Ingress traffic will traverse the waypoint"
    return (
        ". Ingress traffic is not using the waypoint, set the istio.io/ingress-use-waypoint label "
        "to true if desired."
    )
