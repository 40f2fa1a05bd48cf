"""Route parents: whether what a route attaches to is there and takes it, and why not, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct

from meshtui.mesh import listeners, reasons
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import (
    GATEWAY,
    GATEWAY_API,
    INGRESS_CLASS,
    ISTIO_GATEWAY,
    SERVICE,
    SERVICE_ENTRY,
    Kind,
)
from meshtui.mesh.listeners import Listener
from meshtui.mesh.raw import text
from meshtui.mesh.reasons import Judged
from meshtui.mesh.route_specs import MESH, Judgement, ParentRef, RouteSpec
from meshtui.mesh.snapshot import Snapshot

_ISTIO = "istio.io/"
_INGRESS_CONTROLLER = "istio.io/ingress-controller"
_INGRESS_CLASS = "istio"
"""The class that Istio takes where the mesh config names no other."""

_KINDS: Mapping[str, Kind] = {
    "Gateway": GATEWAY,
    "Istio Gateway": ISTIO_GATEWAY,
    "Service": SERVICE,
    "ServiceEntry": SERVICE_ENTRY,
    "IngressClass": INGRESS_CLASS,
}


class Parent(Struct, frozen=True):
    """One parent of a route, and what is said of the route there."""

    ref: ParentRef
    controller: str
    """Who judged it; "" where nobody did, or the kind of route has no conditions."""
    accepted: Verdict
    resolved: Verdict
    """Of the references of the route, as the controller says."""
    waypoints: Verdict
    judged: tuple[Judged, ...]
    pending: bool = False
    """A controller should have judged it and has not; nothing to worry about in a route that was just made."""


class Above(NamedTuple):
    """What is known of one parent. A tuple, so that it counts as a value where it is an input."""

    exists: bool
    listeners: tuple[Listener, ...]
    controller: str
    """Of an IngressClass."""
    unread: str
    """Why it is not known whether it exists; "" where it is."""


class Parents:
    """Looks up what is known of parents, in one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._listeners = {
            GATEWAY: _by_key(snapshot, GATEWAY),
            ISTIO_GATEWAY: _by_key(snapshot, ISTIO_GATEWAY),
        }
        self._unread: dict[tuple[Kind, str], str] = {}

    def above(self, ref: ParentRef) -> Above:
        kind = _KINDS.get(ref.kind)
        if kind is None:
            return Above(True, (), "", "")
        it = self._snapshot.find(kind, ref.namespace, ref.name)
        if it is None:
            return Above(False, (), "", self._unread_of(kind, ref.namespace))
        found = self._listeners.get(kind, {}).get(ref.key, ())
        controller = text(it, "spec", "controller") if kind == INGRESS_CLASS else ""
        return Above(True, found, controller, "")

    def _unread_of(self, kind: Kind, namespace: str) -> str:
        if (kind, namespace) not in self._unread:
            self._unread[kind, namespace] = self._snapshot.unread(kind, namespace or None)
        return self._unread[kind, namespace]


def _by_key(snapshot: Snapshot, kind: Kind) -> Mapping[str, tuple[Listener, ...]]:
    read = listeners.of_gateway if kind == GATEWAY else listeners.of_istio_gateway
    return dict(zip(snapshot.objects.get(kind, {}), snapshot.each(kind, read), strict=True))


_NOTHING = Verdict(Health.NONE)


def parent(spec: RouteSpec, ref: ParentRef, above: Above) -> Parent:
    """How a route is at one of its parents."""
    if spec.ref.kind.group != GATEWAY_API:
        return Parent(ref, "", _attached(spec, ref, above), _NOTHING, _NOTHING, ())
    missing = _missing(ref, above)
    found = _judgement(spec, ref)
    if found is None:
        if missing is not None:
            return Parent(ref, "", missing, _NOTHING, _NOTHING, ())
        words = f"no controller has said anything of it at {title(ref)}: it has no effect there"
        return Parent(ref, "", Verdict(Health.BAD, words), _NOTHING, _NOTHING, (), pending=True)
    judged = reasons.judged(found.conditions, spec.generation)
    by_type = {each.condition.type: each for each in judged}
    return Parent(
        ref=ref,
        controller=found.controller,
        accepted=missing or _accepted(spec, ref, above, by_type.get("Accepted")),
        resolved=_verdict(by_type.get("ResolvedRefs")),
        waypoints=_verdict(by_type.get("ResolvedWaypoints")),
        judged=judged,
    )


def title(ref: ParentRef) -> str:
    """ "Gateway edge/public, listener https", "Service shop/reviews, port 80"."""
    if ref.kind == MESH:
        return "the mesh"
    section = f", listener {ref.section}" if ref.section else ""
    port = f", port {ref.port}" if ref.port else ""
    return f"{ref.kind} {ref.key}{section}{port}"


def _judgement(spec: RouteSpec, ref: ParentRef) -> Judgement | None:
    """Istio's where several controllers judged it (reference istio-ambient.md, 8.3)."""
    found = [each for each in spec.judgements if each.parent == ref and each.conditions]
    return min(found, key=lambda each: not each.controller.startswith(_ISTIO), default=None)


def _verdict(judged: Judged | None) -> Verdict:
    return judged.verdict if judged else _NOTHING


def _missing(ref: ParentRef, above: Above) -> Verdict | None:
    if above.exists or above.unread:
        return None
    return Verdict(Health.BAD, f"{ref.kind} {ref.key} does not exist")


def _accepted(spec: RouteSpec, ref: ParentRef, above: Above, judged: Judged | None) -> Verdict:
    """istiod sums up all listeners, and the mildest error of them may hide the cause: so hostnames are compared here
    (reference istio-ambient.md, 8.3)."""
    if judged is None:
        return Verdict(Health.UNKNOWN, "its controller has not said whether it accepts it")
    if judged.verdict.health is Health.BAD and judged.condition.reason == "NotAllowedByListeners":
        bare = _hosts_not_taken(spec, ref, above)
        if bare:
            named = ", ".join(spec.hosts)
            words = f"no listener with a hostname takes {named}"
            other = f"{bare} does not allow namespace {spec.ref.namespace}"
            return Verdict(Health.BAD, f"{words}, and {other} ({judged.condition.reason})")
    if judged.verdict.health is Health.OK and _is_consumer(spec, ref):
        words = (
            f"from another namespace than {ref.kind} {ref.key} it is for sidecars of its own alone"
        )
        return Verdict(Health.WARN, f"{words}: waypoints do not apply it")
    return judged.verdict


def _is_consumer(spec: RouteSpec, ref: ParentRef) -> bool:
    """Whether it speaks for who calls a service, and not for who offers it (reference istio-ambient.md, 8.4)."""
    return ref.kind in ("Service", "ServiceEntry") and ref.namespace != spec.ref.namespace


def _hosts_not_taken(spec: RouteSpec, ref: ParentRef, above: Above) -> str:
    """The listeners for any hostname, where no other one takes any of the route's; "" where that is not how it is."""
    asked = [each for each in above.listeners if not ref.section or each.name == ref.section]
    with_names = [each for each in asked if each.hostnames]
    if not spec.hosts or not with_names:
        return ""
    if any(each.takes(host) for each in with_names for host in spec.hosts):
        return ""
    return ", ".join(f"listener {each.title}" for each in asked if not each.hostnames)


def _attached(spec: RouteSpec, ref: ParentRef, above: Above) -> Verdict:
    """Istio writes no conditions on VirtualServices and Ingresses: what they name is looked at instead (8.6)."""
    if ref.kind == MESH:
        return Verdict(Health.NONE, "for sidecars and waypoints: ztunnels do not apply it")
    if ref.kind == "IngressClass":
        return _by_class(ref, above)
    if above.unread:
        return Verdict(Health.UNKNOWN, above.unread)
    if not above.exists:
        return Verdict(Health.BAD, f"{title(ref)} does not exist")
    bare = [host for host in spec.hosts if not any(each.takes(host) for each in above.listeners)]
    if bare and len(bare) == len(spec.hosts):
        return Verdict(Health.BAD, f"no server of {title(ref)} takes {', '.join(bare)}")
    if bare:
        return Verdict(Health.WARN, f"no server of {title(ref)} takes {', '.join(bare)}")
    return Verdict(Health.OK, "its hosts are among those of the gateway")


def _by_class(ref: ParentRef, above: Above) -> Verdict:
    if above.controller == _INGRESS_CONTROLLER or (
        not above.controller and ref.name == _INGRESS_CLASS
    ):
        return Verdict(Health.OK, "of Istio's class")
    if above.controller:
        return Verdict(Health.NONE, f"not Istio's: its class is of {above.controller}")
    if above.unread:
        return Verdict(Health.UNKNOWN, above.unread)
    return Verdict(Health.NONE, f"not Istio's: its class is {ref.name}")
