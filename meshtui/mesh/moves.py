"""Moves: what a change of labels does to pods: which of them join the mesh by it, which leave it, which stay as they
are, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh import capture, injection, workloads
from meshtui.mesh.capture import Capture
from meshtui.mesh.changes import Change, Patch
from meshtui.mesh.enrollment import State
from meshtui.mesh.kinds import NAMESPACE, POD
from meshtui.mesh.raw import Raw, dig, strings, table
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.waypoints import USE_WAYPOINT, USE_WAYPOINT_NAMESPACE
from meshtui.mesh.workloads import Workload

Labels = Mapping[str, str]

_TEMPLATE = ("spec", "template", "metadata", "labels")


class Way(Enum):
    """Where a pod goes."""

    JOINS = "joins"
    LEAVES = "leaves"
    STAYS_IN = "stays in"
    STAYS_OUT = "stays out"
    UNKNOWN = "unknown"


class Moved(Struct, frozen=True, eq=False):
    """One pod and where it goes."""

    workload: Workload
    way: Way
    reason: str
    """What decides after the change."""


class Move(Struct, frozen=True, eq=False):
    """What a change of labels means."""

    target: Ref
    namespace: str
    before: Labels | None
    """The labels of the namespace; None where they are not known."""
    after: Labels | None
    own: Labels
    """The labels of the pod template after the change; empty where the change is about the namespace."""
    pods: tuple[Moved, ...]
    """Those that the change is about, as far as they are known; not those that have ended."""
    unread: str
    """Why there may be more; "" where there are not."""

    def going(self, *ways: Way) -> tuple[Workload, ...]:
        return tuple(each.workload for each in self.pods if each.way in ways)

    @property
    def joins(self) -> bool:
        """Whether it asks for pods to be in the mesh that are not, there or to come."""
        return (
            bool(self.going(Way.JOINS))
            or self._asks("ambient", before=False)
            or (self.uninjects and (self.after or {}).get(capture.DATAPLANE_MODE) == "ambient")
        )

    @property
    def leaves(self) -> bool:
        return bool(self.going(Way.LEAVES)) or self._asks("ambient", before=True)

    @property
    def uninjects(self) -> bool:
        """Whether new pods get no sidecar any more; those that have one keep it until they are restarted."""
        return _uninjects(self.before, self.after)

    @property
    def rebinds(self) -> bool:
        """Whether the namespace names another waypoint, or none."""
        return any(
            (self.before or {}).get(key) != (self.after or {}).get(key)
            for key in (USE_WAYPOINT, USE_WAYPOINT_NAMESPACE)
        )

    def _asks(self, mode: str, *, before: bool) -> bool:
        one, other = (self.before, self.after) if before else (self.after, self.before)
        key = capture.DATAPLANE_MODE
        return (one or {}).get(key) == mode and (other or {}).get(key) != mode


def of(change: Change, snapshot: Snapshot) -> Move | None:
    """What a change of a namespace's labels, or of those in a pod template, means; None for any other change."""
    if not isinstance(change, Patch):
        return None
    target = change.target
    if target.kind == NAMESPACE and isinstance(dig(change.patch, "metadata", "labels"), Mapping):
        before = strings(change.before, "metadata", "labels")
        after = patched(before, table(change.patch, "metadata", "labels"))
        return _move(target, target.name, before, after, {}, snapshot)
    if isinstance(dig(change.patch, *_TEMPLATE), Mapping):
        it = snapshot.find(NAMESPACE, "", target.namespace)
        labels = None if it is None else strings(it, "metadata", "labels")
        own = patched(strings(change.before, *_TEMPLATE), table(change.patch, *_TEMPLATE))
        return _move(target, target.namespace, labels, labels, own, snapshot)
    return None


def leaves_sidecars(change: Change) -> bool:
    """Whether a change takes a namespace from sidecars into ambient."""
    if not isinstance(change, Patch) or change.target.kind != NAMESPACE:
        return False
    before = strings(change.before, "metadata", "labels")
    after = patched(before, table(change.patch, "metadata", "labels"))
    return _uninjects(before, after) and after.get(capture.DATAPLANE_MODE) == "ambient"


def patched(labels: Labels, patch: Raw) -> Labels:
    """Labels after a merge patch."""
    after = {key: value for key, value in labels.items() if key not in patch}
    return after | {key: value for key, value in patch.items() if isinstance(value, str)}


def concerned(target: Ref, snapshot: Snapshot) -> Iterator[Workload]:
    """The pods of a namespace, or of a controller, that have not ended."""
    controller = f"{target.kind.title}/{target.name}"
    for each in workloads.of(snapshot):
        if target.kind == NAMESPACE:
            inside = each.pod.namespace == target.name
        else:
            inside = each.pod.namespace == target.namespace and each.pod.controller == controller
        if inside and each.enrolled.state is not State.ENDED:
            yield each


def _move(
    target: Ref,
    namespace: str,
    before: Labels | None,
    after: Labels | None,
    own: Labels,
    snapshot: Snapshot,
) -> Move:
    by, freed = capture.of(snapshot), _uninjects(before, after)
    moved = tuple(
        _moved(each, before, after, own, by, freed) for each in concerned(target, snapshot)
    )
    in_order = tuple(sorted(moved, key=lambda each: each.workload.pod.name))
    unread = snapshot.unread(POD, namespace)
    return Move(target, namespace, before, after, own, in_order, unread)


def _moved(
    workload: Workload,
    before: Labels | None,
    after: Labels | None,
    own: Labels,
    by: Capture,
    freed: bool,
) -> Moved:
    """Where it goes; a pod that gets no sidecar any more goes once it is restarted."""
    was = capture.wanted(workload.pod, before, by)
    pod = replace(workload.pod, labels=own) if own else workload.pod
    if freed and pod.sidecar and pod.labels.get(injection.INJECT) != "true":
        pod = replace(pod, sidecar=False)
    now = capture.wanted(pod, after, by)
    if was.answer is None or now.answer is None:
        return Moved(workload, Way.UNKNOWN, now.reason)
    return Moved(workload, _WAYS[was.answer, now.answer], now.reason)


def _uninjects(before: Labels | None, after: Labels | None) -> bool:
    return bool(injection.asked_by(before or {})) and not injection.asked_by(after or {})


_WAYS = {
    (False, True): Way.JOINS,
    (True, False): Way.LEAVES,
    (True, True): Way.STAYS_IN,
    (False, False): Way.STAYS_OUT,
}
