"""Targets: whether the `targetRefs` of a policy are bound to a waypoint, and the condition WaypointAccepted that istiod
writes of that (its `pilot/pkg/serviceregistry/ambient/policies.go`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from meshtui.mesh import raw, waypoints
from meshtui.mesh.kinds import NAMESPACE, SERVICE, SERVICE_ENTRY
from meshtui.mesh.raw import Raw, entries, strings, table, text
from meshtui.mesh.snapshot import Snapshot
from meshtui.mesh.traffic.conversion import Acceptance
from meshtui.mesh.waypoints import Traffic, Waypoints


class Bound(Struct, frozen=True):
    """One targetRef."""

    ancestor: str
    """As istiod names it: "Service.core:shop/cart"."""
    bound: bool
    reason: str
    message: str


def of(policy: Raw, snapshot: Snapshot, root: str) -> tuple[Bound, ...]:
    """Of each targetRef of an AuthorizationPolicy, in its order."""
    return tuple(_bound(policy, snapshot, root))


def acceptance(targets: Sequence[Bound]) -> Acceptance | None:
    """The one condition that they come to; None where there is no target."""
    if not targets:
        return None
    if len(targets) == 1:
        only = targets[0]
        return Acceptance("WaypointAccepted", only.bound, only.reason, only.message)
    unbound = [each.ancestor for each in targets if not each.bound]
    message = f"Invalid targetRefs: {', '.join(unbound)}" if unbound else ""
    if len(unbound) == len(targets):
        return Acceptance("WaypointAccepted", False, "Invalid", message)
    reason = "PartiallyInvalid" if unbound else "Accepted"
    return Acceptance("WaypointAccepted", True, reason, message)


def _bound(policy: Raw, snapshot: Snapshot, root: str) -> Iterator[Bound]:
    spec = table(policy, "spec")
    named = entries(spec, "targetRefs") or [*filter(None, [table(spec, "targetRef")])]
    for it in named:
        kind, name = text(it, "kind"), text(it, "name")
        where = text(it, "namespace") or raw.namespace(policy)
        said = _said(kind, where, name, snapshot, root)
        ancestor = f"{kind}.{text(it, 'group') or 'core'}:{where}/{name}"
        yield Bound(ancestor, said[0] == "Accepted", *said)


def _said(kind: str, where: str, name: str, snapshot: Snapshot, root: str) -> tuple[str, str]:
    every = waypoints.of(snapshot)
    key = f"{where}/{name}"
    match kind:
        case "GatewayClass":
            return _class(name, where, every, root)
        case "Gateway":
            gateway = every.gateways.get(key)
            if gateway is None or not gateway.addresses:
                return "TargetNotFound", "not bound"
            return "Accepted", f"bound to {key}"
        case "Service" | "ServiceEntry":
            return _service(kind, where, name, snapshot)
        case _:
            return "unknown", "not bound"


def _class(name: str, where: str, every: Waypoints, root: str) -> tuple[str, str]:
    if where != root:
        return "Invalid", (
            f"AuthorizationPolicy must be in the root namespace `{root}` when referencing a"
            " GatewayClass"
        )
    found = every.classes.get(name)
    if found is None:
        return "TargetNotFound", "not bound"
    if found.controller != waypoints.CONTROLLER:
        return "Invalid", (
            f"GatewayClass must use controller name `{waypoints.CONTROLLER}` for waypoints"
        )
    return "Accepted", f"bound to {name}"


def _service(kind: str, where: str, name: str, snapshot: Snapshot) -> tuple[str, str]:
    key = f"{where}/{name}"
    it = snapshot.find(SERVICE if kind == "Service" else SERVICE_ENTRY, where, name)
    if it is None:
        return "TargetNotFound", f"{kind} {key} was not found"
    of_namespace = strings(snapshot.find(NAMESPACE, "", where), "metadata", "labels")
    own = strings(it, "metadata", "labels")
    binding = waypoints.binding(waypoints.of(snapshot), where, of_namespace, own, Traffic.SERVICE)
    if binding is not None and binding.bound is None:
        return "unknown", binding.reason
    if binding is None or not binding.bound:
        return "AncestorNotBound", f"{kind} {key} is not bound to a waypoint"
    return "Accepted", f"bound to {binding.key}"
