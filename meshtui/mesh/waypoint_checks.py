"""Waypoint checks: whether the waypoint that labels are to name would take the traffic (derivation C3 of
doctor-rules.md)."""

from __future__ import annotations

from collections.abc import Iterator

from meshtui.mesh import revisions, waypoints
from meshtui.mesh.changes import Create
from meshtui.mesh.checks import Check, failing, unknown, warning, well
from meshtui.mesh.kinds import GATEWAY_CLASS
from meshtui.mesh.moves import Move
from meshtui.mesh.raw import label, text
from meshtui.mesh.snapshot import Snapshot
from meshtui.mesh.waypoints import Binding, State, Traffic


def of(move: Move, snapshot: Snapshot) -> Iterator[Check]:
    """One check where the namespace is to have a waypoint and it, or who joins, is new; else nothing."""
    if not (move.rebinds or move.joins):
        return
    found = waypoints.binding(
        waypoints.of(snapshot), move.namespace, move.after or {}, None, Traffic.SERVICE
    )
    if found is not None:
        yield of_binding(found)


def of_created(change: Create, snapshot: Snapshot) -> Iterator[Check]:
    """Whether anybody would make a waypoint of a new Gateway: its class, and the istiod that its label names."""
    class_name = text(change.wanted, "spec", "gatewayClassName")
    unread = snapshot.unread(GATEWAY_CLASS)
    if snapshot.find(GATEWAY_CLASS, "", class_name) is not None:
        yield well(f"GatewayClass {class_name} is there")
    elif unread:
        yield unknown(f"whether there is a GatewayClass {class_name} is not known: {unread}")
    else:
        yield failing(
            f"there is no GatewayClass {class_name}: nobody would program it",
            "Install Istio with its ambient profile, or see why istiod has not made the class.",
        )
    if wanted := label(change.wanted, revisions.REVISION):
        yield _revision(wanted, snapshot)


def _revision(wanted: str, snapshot: Snapshot) -> Check:
    named = revisions.tags(snapshot).get(wanted, wanted)
    found = next((each for each in revisions.of(snapshot) if each.name == named), None)
    if found is None:
        return warning(f"no istiod of revision {named} is known", "Name one that runs.")
    said = f"revision {named}: {found.ready} of {found.wanted} istiod ready"
    return well(said) if found.ready else warning(said, "Name one that runs.")


def of_binding(found: Binding) -> Check:
    """Whether the waypoint that a label is to name would take the traffic."""
    match found.state:
        case State.READY:
            return well(f"waypoint {found.key} is ready and takes it")
        case State.UNKNOWN:
            return unknown(f"whether waypoint {found.key} is ready is not known: {found.reason}")
        case State.NOT_PROGRAMMED:
            return warning(found.reason, _REMEDIES[found.state])
        case _:
            return failing(found.reason, _REMEDIES[found.state])


_REMEDIES = {
    State.MISSING: "Create it first, or name another one.",
    State.NO_ADDRESS: "Wait until it is programmed; its conditions say what keeps it.",
    State.NOT_ADMITTED: "Admit the namespace in allowedRoutes of its listener, or create one here.",
    State.NOT_FOR: "Label the waypoint istio.io/waypoint-for=service or all, or name another one.",
    State.NO_PODS: "Wait until a pod of it is ready.",
    State.NOT_PROGRAMMED: "Wait until it is programmed; its conditions say what keeps it.",
}
