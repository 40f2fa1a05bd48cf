"""Pre-flight: what is looked at before pods join the mesh or leave it, or before they get or lose a waypoint."""

from __future__ import annotations

from meshtui.mesh import (
    capture_checks,
    moves,
    network_policies,
    policy_checks,
    waypoint_checks,
    workloads,
)
from meshtui.mesh.changes import Change
from meshtui.mesh.checks import Check
from meshtui.mesh.kinds import AUTHORIZATION_POLICY, SERVICE
from meshtui.mesh.snapshot import Scope, Snapshot

KINDS = (*workloads.KINDS, *network_policies.KINDS, Scope(AUTHORIZATION_POLICY), SERVICE)
"""What has to be wanted for it; what could not be read is said to be unknown."""


def of(change: Change, snapshot: Snapshot) -> tuple[Check, ...]:
    """What there is to say before a change: the worst first, and among equals the most important. Nothing of a change
    that is not about labels of a namespace or of a pod template."""
    move = moves.of(change, snapshot)
    if move is None:
        return ()
    found = [
        *(capture_checks.of(move, snapshot) if move.joins else ()),
        *policy_checks.of(move, snapshot),
        *waypoint_checks.of(move, snapshot),
    ]
    return tuple(sorted(found, key=lambda each: -each.verdict.health.rank))
