"""Steps: what `meshtui enroll` and `unenroll` do with one namespace, planned before anything is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from msgspec import Struct

from meshtui.mesh import changes, waypoint_changes
from meshtui.mesh.capture import DATAPLANE_MODE
from meshtui.mesh.changes import Patch, Refusal
from meshtui.mesh.kinds import NAMESPACE
from meshtui.mesh.raw import Raw, name, strings
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.verification import Goal
from meshtui.mesh.waypoints import USE_WAYPOINT, USE_WAYPOINT_NAMESPACE

Labels = Mapping[str, str | None]


class Step(Struct, frozen=True):
    """One change of a namespace, and what is to be proved then."""

    change: Patch
    goal: Goal
    made: bool = False
    """The labels are so already, and only the proof is wanted."""


def leaving(it: Raw, snapshot: Snapshot) -> Sequence[Step] | Refusal:
    """A namespace out of the mesh."""
    left: Labels = {DATAPLANE_MODE: None}
    return _all(_step(partial(changes.unenroll, it, snapshot), it, Goal.RELEASED, left))


def joining(it: Raw, snapshot: Snapshot, waypoint: str = "") -> Sequence[Step] | Refusal:
    """A namespace into the mesh, and then to a waypoint, NAME or NAMESPACE/NAME, where one is given."""
    joined: Labels = {DATAPLANE_MODE: "ambient"}
    entered = _step(partial(changes.enroll, it, snapshot), it, Goal.CAPTURED, joined)
    if not waypoint:
        return _all(entered)
    where, _, called = waypoint.rpartition("/")
    where = where or name(it)
    bound: Labels = {
        USE_WAYPOINT: called,
        USE_WAYPOINT_NAMESPACE: None if where == name(it) else where,
    }
    target = Ref(NAMESPACE, "", name(it))
    bind = partial(waypoint_changes.bind, target, it, where, called, snapshot)
    return _all(entered, _step(bind, it, Goal.BOUND, bound))


def _all(*steps: Step | Refusal) -> Sequence[Step] | Refusal:
    """All of them, or why there is one that cannot be."""
    found: list[Step] = []
    for each in steps:
        if isinstance(each, Refusal):
            return each
        found.append(each)
    return found


def _step(
    build: Callable[[], Patch | Refusal], it: Raw, goal: Goal, labels: Labels
) -> Step | Refusal:
    """A change, or only its proof where the labels are as wanted."""
    known = strings(it, "metadata", "labels")
    if all(known.get(key) == value for key, value in labels.items()):
        title = f"Prove that namespace {name(it)} is {_STANDS[goal]}"
        patch = {"metadata": {"labels": dict(labels)}}
        target = Ref(NAMESPACE, "", name(it))
        return Step(Patch(title=title, target=target, before=it, patch=patch), goal, made=True)
    change = build()
    return change if isinstance(change, Refusal) else Step(change, goal)


_STANDS = {
    Goal.CAPTURED: "in the mesh",
    Goal.RELEASED: "out of the mesh",
    Goal.BOUND: "bound to its waypoint",
}
