"""Waypoints: which one traffic to a namespace, a service or a pod takes, and whether it is there for it (derivations C3
and C4 of doctor-rules.md, rules of istio-ambient.md, 2.2, 2.3 and 2.8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from msgspec import Struct

from meshtui.mesh import pods, raw, selectors
from meshtui.mesh.derived import derived
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import GATEWAY, GATEWAY_CLASS, NAMESPACE, POD
from meshtui.mesh.pods import GATEWAY_NAME
from meshtui.mesh.raw import Condition, Raw, conditions, entries, number, strings, table, text
from meshtui.mesh.selectors import Selector
from meshtui.mesh.snapshot import Phase, Scope, Snapshot, Source, covering

USE_WAYPOINT = "istio.io/use-waypoint"
USE_WAYPOINT_NAMESPACE = "istio.io/use-waypoint-namespace"
WAYPOINT_FOR = "istio.io/waypoint-for"
HBONE_PORT = 15008
CLASS, CONTROLLER = "istio-waypoint", "istio.io/mesh-controller"
_CONTROLLERS = (CONTROLLER, "istio.io/agentgateway-waypoint-controller")

KINDS = (
    Scope(GATEWAY),
    GATEWAY_CLASS,
    Scope(POD, None, labels=GATEWAY_NAME),
)
"""Gateways of all namespaces, whichever are shown: a waypoint may stand in another one."""


class Traffic(Enum):
    """What kind of destination a connection names; `istio.io/waypoint-for` says which of them a waypoint takes."""

    SERVICE = "service"
    WORKLOAD = "workload"


class State(Enum):
    """How a waypoint that is named stands to who names it."""

    READY = "ready"
    MISSING = "missing"
    NO_ADDRESS = "no address"
    NOT_ADMITTED = "not admitted"
    NOT_FOR = "other traffic"
    NO_PODS = "0 pods ready"
    NOT_PROGRAMMED = "not programmed"
    UNKNOWN = "unknown"


class Binding(NamedTuple):
    """The waypoint that a label names. A tuple, so that it counts as a value where it is an input."""

    namespace: str
    name: str
    label_of: str
    """Whose label names it: "namespace", or "own" for the object's."""
    state: State
    health: Health
    reason: str
    """What that means for traffic, in plain words; "" where all is well."""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def bound(self) -> bool | None:
        """Whether istiod gives it to the ztunnels; None where that is not known."""
        if self.state is State.UNKNOWN:
            return None
        return self.state in (State.READY, State.NO_PODS, State.NOT_PROGRAMMED)

    @property
    def fails(self) -> str:
        """What becomes of traffic where it is broken: "open", it goes direct and L7 policies are skipped; "closed", it
        fails. "" where it is proxied, or that is not known."""
        if self.bound is False:
            return "open" if self.health is Health.BAD else ""
        return "closed" if self.state is State.NO_PODS else ""

    @property
    def verdict(self) -> Verdict:
        return Verdict(self.health, self.reason)

    @property
    def step(self) -> str:
        """What to do where it is broken."""
        if self.state is State.NO_PODS:
            return f"see why no pod of {self.key} is ready (:wp)"
        if self.state is State.MISSING:
            whose = "the namespace (m in Namespaces)" if self.label_of == "namespace" else "it"
            return f"make Gateway {self.key}, or correct the label {USE_WAYPOINT} of {whose}"
        return f"see Gateway {self.key} (:wp)"


class Waypoint(Struct, frozen=True, eq=False):
    """A Gateway as a waypoint. Any Gateway with an address can be named as one, whatever its class."""

    namespace: str
    name: str
    class_name: str
    waypoint_for: str
    """Its own label; "" where it has none and its class decides."""
    addresses: int
    admits: str
    """ "Same", "All" or "Selector": whose namespaces may use it from outside its own."""
    selector: Selector | None
    """Of "Selector"; None for any other, and for one that cannot be read."""
    by_hand: bool
    """It names the Service that it stands for, and istiod deploys nothing."""
    programmed: Condition | None


class GatewayClass(NamedTuple):
    """What of a class is said of its Gateways."""

    controller: str
    waypoint_for: str
    """"" where the class has no such label."""


class Waypoints(Struct, frozen=True):
    """All that can be named, and what is known of the rest."""

    gateways: Mapping[str, Waypoint]
    classes: Mapping[str, GatewayClass]
    ready: Mapping[str, int]
    """Ready pods by Gateway."""
    namespaces: Mapping[str, Raw]
    gateways_read: Sequence[tuple[Scope, Source]]
    """How far the Gateways are known, and the pods."""
    pods_read: Sequence[tuple[Scope, Source]]


def of(snapshot: Snapshot) -> Waypoints:
    """The waypoints of a snapshot, to resolve labels with."""
    return derived(snapshot, _all)


def _all(snapshot: Snapshot) -> Waypoints:
    ready: dict[str, int] = {}
    for pod in pods.parts(snapshot):
        gateway = pod.labels.get(GATEWAY_NAME)
        if gateway and pod.healthy and not pod.terminating:
            key = f"{pod.namespace}/{gateway}"
            ready[key] = ready.get(key, 0) + 1
    return Waypoints(
        gateways={
            f"{each.namespace}/{each.name}": each for each in snapshot.each(GATEWAY, _waypoint)
        },
        classes={
            raw.name(it): GatewayClass(
                text(it, "spec", "controllerName"), raw.label(it, WAYPOINT_FOR)
            )
            for it in snapshot.raw(GATEWAY_CLASS)
        },
        ready=ready,
        namespaces=snapshot.objects.get(NAMESPACE, {}),
        gateways_read=snapshot.sources_of(GATEWAY),
        pods_read=snapshot.sources_of(POD),
    )


def binding(
    waypoints: Waypoints,
    namespace: str,
    of_namespace: Mapping[str, str],
    own: Mapping[str, str] | None = None,
    traffic: Traffic | None = None,
) -> Binding | None:
    """The waypoint for an object with its `own` labels in a namespace with these labels; without `own`, for what is in
    the namespace at large; without `traffic`, for any kind of it. None where no label asks for one. An own label that
    names a broken waypoint does not fall back to the namespace's."""
    for label_of, labels in (("own", own or {}), ("namespace", of_namespace)):
        name = labels.get(USE_WAYPOINT)
        if name == "none":
            return None
        if name:
            where = labels.get(USE_WAYPOINT_NAMESPACE) or namespace
            found = _state(waypoints, namespace, where, name, traffic, label_of)
            return Binding(where, name, label_of, *found)
    return None


def traffic_of(waypoints: Waypoints, gateway: Waypoint) -> tuple[str, str]:
    """What a waypoint takes, "service", "workload", "all" or "none", and who says so."""
    of_class = waypoints.classes.get(gateway.class_name)
    if gateway.waypoint_for:
        return gateway.waypoint_for, "its own label"
    if of_class is not None and of_class.waypoint_for:
        return of_class.waypoint_for, "its class"
    return "service", "Istio's default"


def is_waypoint(class_name: str, controller: str) -> bool:
    """Whether Gateways of a class are waypoints: by its controller, which a class of one's own may have too, or by its
    name where "" is all that is known of its controller."""
    return controller in _CONTROLLERS if controller else class_name == CLASS


def is_made_for_waypoints(it: Raw, snapshot: Snapshot) -> bool:
    """Whether a Gateway is of a class whose Gateways are waypoints."""
    class_name = text(it, "spec", "gatewayClassName")
    of_class = of(snapshot).classes.get(class_name)
    return is_waypoint(class_name, of_class.controller if of_class else "")


_SKIPPED = "traffic goes direct and L7 policies are skipped (it fails open)"
_REFUSED = "traffic to what is bound to it fails (it fails closed)"


def _state(
    waypoints: Waypoints,
    namespace: str,
    where: str,
    name: str,
    traffic: Traffic | None,
    label_of: str,
) -> tuple[State, Health, str]:
    key = f"{where}/{name}"
    gateway = waypoints.gateways.get(key)
    if gateway is None:
        return _unknown_gateway(waypoints, where, key)
    if not gateway.addresses:
        why = f"Gateway {key} has no address: {_SKIPPED}"
        return State.NO_ADDRESS, Health.BAD, why
    admitted = _admits(waypoints, gateway, namespace)
    if admitted is None:
        why = f"Gateway {key} admits namespaces by their labels, and those of {namespace} are not known"
        return State.UNKNOWN, Health.UNKNOWN, why
    if not admitted:
        why = f"Gateway {key} does not admit namespace {namespace} (allowedRoutes): {_SKIPPED}"
        return State.NOT_ADMITTED, Health.BAD, why
    taken, _ = traffic_of(waypoints, gateway)
    if not _takes(taken, traffic):
        return _other_traffic(key, taken, traffic, label_of)
    return _proxies(waypoints, gateway, key)


def _unknown_gateway(waypoints: Waypoints, where: str, key: str) -> tuple[State, Health, str]:
    source = covering(waypoints.gateways_read, where)
    if source.complete:
        return State.MISSING, Health.BAD, f"Gateway {key} does not exist: {_SKIPPED}"
    if source.phase is Phase.ABSENT:
        why = f"Gateway {key} cannot exist, the Gateway API is not installed: {_SKIPPED}"
        return State.MISSING, Health.BAD, why
    problem = source.problem.text if source.problem else f"Gateways of {where} were not read yet"
    return State.UNKNOWN, Health.UNKNOWN, problem


def _other_traffic(
    key: str, taken: str, traffic: Traffic | None, label_of: str
) -> tuple[State, Health, str]:
    """A pod that inherits a waypoint for services alone is silently without one, and that is normal."""
    why = (
        f"Gateway {key} is for traffic to {taken}, not to a {traffic.value if traffic else 'thing'}"
    )
    if taken == "none":
        why = f"Gateway {key} takes no traffic ({WAYPOINT_FOR}=none)"
    inherited = label_of == "namespace" and traffic is Traffic.WORKLOAD
    return State.NOT_FOR, Health.NONE if inherited else Health.BAD, why


def _takes(taken: str, traffic: Traffic | None) -> bool:
    return taken == "all" or (taken == traffic.value if traffic else taken != "none")


def _admits(waypoints: Waypoints, gateway: Waypoint, namespace: str) -> bool | None:
    """None where the labels that decide are not known. One's own namespace is never turned away."""
    if gateway.namespace == namespace or gateway.admits == "All":
        return True
    if gateway.selector is None:
        return False
    it = waypoints.namespaces.get(namespace)
    if it is None:
        return None
    return gateway.selector.matches(strings(it, "metadata", "labels"))


def _proxies(waypoints: Waypoints, gateway: Waypoint, key: str) -> tuple[State, Health, str]:
    if not waypoints.ready.get(key, 0) and is_managed(waypoints, gateway):
        source = covering(waypoints.pods_read, gateway.namespace, GATEWAY_NAME)
        if not source.complete:
            why = source.problem.text if source.problem else f"pods of {key} were not read yet"
            return State.UNKNOWN, Health.UNKNOWN, why
        why = f"Gateway {key} has an address and 0 ready pods: {_REFUSED}"
        return State.NO_PODS, Health.BAD, why
    if gateway.programmed is not None and gateway.programmed.status == "False":
        said = gateway.programmed
        why = f"Gateway {key}: Programmed is False ({said.reason}: {said.message})"
        return State.NOT_PROGRAMMED, Health.WARN, why
    return State.READY, Health.OK, ""


def is_managed(waypoints: Waypoints, gateway: Waypoint) -> bool:
    """Whether istiod deploys the pods, so that they carry the Gateway's name; a Gateway of another class, or one that
    names the Service it stands for, has pods of its own making."""
    known = waypoints.classes.get(gateway.class_name)
    by_istiod = known.controller == CONTROLLER if known else gateway.class_name == CLASS
    return by_istiod and not gateway.by_hand


def _waypoint(it: Raw) -> Waypoint:
    listener = _listener(it)
    allowed = table(listener, "allowedRoutes", "namespaces")
    return Waypoint(
        namespace=raw.namespace(it),
        name=raw.name(it),
        class_name=text(it, "spec", "gatewayClassName"),
        waypoint_for=raw.label(it, WAYPOINT_FOR),
        addresses=len(entries(it, "status", "addresses")),
        admits=text(allowed, "from") or "Same",
        selector=_selector(allowed),
        by_hand=any(text(each, "type") == "Hostname" for each in entries(it, "spec", "addresses")),
        programmed=conditions(it).get("Programmed"),
    )


def _selector(allowed: Raw) -> Selector | None:
    if text(allowed, "from") != "Selector":
        return None
    try:
        return selectors.read(table(allowed, "selector"))
    except ValueError:
        return None


def _listener(it: Raw) -> Raw:
    """The one that namespaces are bound through."""
    for each in entries(it, "spec", "listeners"):
        if number(each, "port") == HBONE_PORT and text(each, "protocol") == "HBONE":
            return each
    return {}
