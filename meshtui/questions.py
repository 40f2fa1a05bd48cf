"""Questions: what the dialog before a change is to say."""

from __future__ import annotations

from collections.abc import Sequence

from meshtui import production
from meshtui.kube.perform import Proposal
from meshtui.mesh import moves, preflight, reach
from meshtui.mesh.changes import Change
from meshtui.mesh.checks import Check
from meshtui.mesh.kinds import NAMESPACE
from meshtui.mesh.log_levels import LevelChange
from meshtui.mesh.pod_templates import CONTROLLERS
from meshtui.mesh.snapshot import Server, Snapshot
from meshtui.ui.confirm import Question


def of_change(
    proposal: Proposal,
    foreseen: Sequence[Check],
    snapshot: Snapshot,
    context: str,
    place: str,
) -> Question:
    """`foreseen` is what the doctor would newly find, `place` which of several it is: "2 of 5"."""
    change = proposal.change
    return Question(
        change=change,
        context=context,
        server=snapshot.server,
        diff=proposal.diff,
        warnings=proposal.warnings,
        owners=proposal.owners,
        for_repository=proposal.for_repository,
        checks=checks(change, snapshot, foreseen),
        reach=_reach(change, snapshot),
        typed=_typed(change, context, danger=change.danger),
        place=place,
    )


def of_level(change: LevelChange, server: Server, context: str, place: str) -> Question:
    return Question(
        change=change,
        context=context,
        server=server,
        diff=change.lines,
        reach=("the log of this pod alone; no connection is touched",),
        typed=_typed(change, context),
        place=place,
    )


def checks(change: Change, snapshot: Snapshot, foreseen: Sequence[Check]) -> Sequence[Check]:
    """What is to be known before a change, the worst first."""
    every = (*preflight.of(change, snapshot), *foreseen)
    return sorted(every, key=lambda each: -each.verdict.health.rank)


def _typed(change: Change | LevelChange, context: str, *, danger: bool = False) -> str:
    """What has to be typed, where enter would be too little."""
    return change.target.name if danger or production.is_production(context) else ""


def _reach(change: Change, snapshot: Snapshot) -> Sequence[str]:
    """Whom a change concerns, a line each."""
    target = change.target
    if target.kind in CONTROLLERS.values():
        return reach.of_controller(target, snapshot)
    move = moves.of(change, snapshot) if target.kind == NAMESPACE else None
    if move is not None:
        return reach.of_namespace(target.name, snapshot, leaving=move.leaves)
    return change.reach
