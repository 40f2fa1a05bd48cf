"""Pre-flight: what is looked at before pods join the mesh or leave it, and before they get or lose a waypoint."""

from __future__ import annotations

from collections.abc import Iterator

from meshtui.mesh import (
    attachments,
    capture_checks,
    moves,
    network_policies,
    policy_checks,
    revisions,
    route_targets,
    waypoint_checks,
    waypoint_losses,
    waypoints,
    workloads,
)
from meshtui.mesh.changes import Change, Create, Delete, Patch
from meshtui.mesh.checks import Check
from meshtui.mesh.kinds import AUTHORIZATION_POLICY, GATEWAY, SERVICE, Kind
from meshtui.mesh.snapshot import Scope, Snapshot

KINDS: tuple[Kind | Scope, ...] = (
    *workloads.KINDS,
    *attachments.KINDS,
    *network_policies.KINDS,
    Scope(AUTHORIZATION_POLICY),
    *route_targets.KINDS,
    *revisions.KINDS,
)
"""What has to be wanted for it; what could not be read is said to be unknown."""


def of(change: Change, snapshot: Snapshot) -> tuple[Check, ...]:
    """What there is to say before a change: the worst first, and among equals the most important. Nothing of a change
    that neither is about labels of a namespace, a Service or a pod template nor makes or deletes a waypoint."""
    found = list(_checks(change, snapshot))
    return tuple(sorted(found, key=lambda each: -each.verdict.health.rank))


def _checks(change: Change, snapshot: Snapshot) -> Iterator[Check]:
    """In the order of importance."""
    if _is_of_waypoint(change, snapshot):
        yield from waypoint_losses.of_deleted(change.target, snapshot)
    elif change.target.kind == GATEWAY and isinstance(change, Create):
        yield from waypoint_checks.of_created(change, snapshot)
    elif change.target.kind == SERVICE and isinstance(change, Patch):
        yield from waypoint_losses.of_service(change, snapshot)
    move = moves.of(change, snapshot)
    if move is None:
        return
    if move.joins:
        yield from capture_checks.of(move, snapshot)
    yield from policy_checks.of(move, snapshot)
    yield from waypoint_checks.of(move, snapshot)


def _is_of_waypoint(change: Change, snapshot: Snapshot) -> bool:
    return (
        isinstance(change, Delete)
        and change.target.kind == GATEWAY
        and waypoints.is_made_for_waypoints(change.before, snapshot)
    )
