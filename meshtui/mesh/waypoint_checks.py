"""Waypoint checks: whether the waypoint that labels are to name would take the traffic (derivation C3 of
doctor-rules.md)."""

from __future__ import annotations

from collections.abc import Iterator

from meshtui.mesh import waypoints
from meshtui.mesh.checks import Check, failing, unknown, warning, well
from meshtui.mesh.moves import Move
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
        yield _check(found)


def _check(found: Binding) -> Check:
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
