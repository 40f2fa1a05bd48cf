"""Verification: how far the evidence is that a change has had its effect, object by object, until a deadline.

A pod is captured, or released, when the ztunnel of its node says so after the change was made, not when labels and
annotations do (`pod_proofs`). Whoever follows one wants `KINDS` and `probes`, and asks `progress` of each snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from datetime import datetime, timedelta
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh import (
    components,
    injection,
    moves,
    nodes,
    pod_proofs,
    policy_proofs,
    raw,
    service_proofs,
    waypoint_proofs,
    waypoints,
    workloads,
    ztunnel_probes,
)
from meshtui.mesh.capture import DATAPLANE_MODE
from meshtui.mesh.changes import Change, Create, Delete, Patch
from meshtui.mesh.checks import count, listed
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import AUTHORIZATION_POLICY, GATEWAY, NAMESPACE, POD, SERVICE
from meshtui.mesh.pod_proofs import Proof
from meshtui.mesh.pods import GATEWAY_NAME
from meshtui.mesh.raw import dig, strings, text
from meshtui.mesh.snapshot import Phase, Probe, Ref, Snapshot
from meshtui.mesh.waypoints import USE_WAYPOINT, USE_WAYPOINT_NAMESPACE

KINDS = (*workloads.KINDS, SERVICE, *waypoints.KINDS, AUTHORIZATION_POLICY)
"""What has to be wanted for it, beside `probes`."""

PATIENCE = timedelta(seconds=60)
_FOR_A_WAYPOINT = timedelta(seconds=90)
"""As `istioctl waypoint apply --wait` has it: its image may have to be pulled (istio-ambient.md, 3.1)."""


class Goal(Enum):
    """What is to become true of each object."""

    CAPTURED = "captured"
    RELEASED = "released"
    REPLACED = "replaced"
    BOUND = "bound"
    READY = "ready"
    GONE = "gone"
    ENFORCED = "enforced"


class State(Enum):
    """How far it is."""

    FOLLOWING = "following"
    FAILING = "failing"
    """The time is not over, but something is broken that time alone seldom mends."""
    DONE = "done"
    TIMED_OUT = "timed out"


class Verification(Struct, frozen=True):
    """What is followed."""

    change: Change
    goal: Goal
    started: datetime
    """By this machine's clock, when the change was sent."""
    old: frozenset[str]
    """The UIDs of the pods that were there: those that a rollout replaces."""
    until: datetime
    """The deadline."""


class Progress(Struct, frozen=True):
    """How far it is at one moment."""

    state: State
    text: str
    """ "2 of 3 pods captured"."""
    proofs: tuple[Proof, ...]
    """One for each object, by name."""
    total: int
    """How many there are to be; more than `proofs` while some are to come."""
    remedy: str = ""
    """The next step where something is missing."""

    @property
    def done(self) -> int:
        return sum(each.done for each in self.proofs)

    @property
    def missing(self) -> tuple[Proof, ...]:
        """Those that are not there yet, the broken ones first."""
        left = [each for each in self.proofs if not each.done]
        return tuple(sorted(left, key=lambda each: -each.verdict.health.rank))


def begin(change: Change, snapshot: Snapshot, started: datetime) -> Verification | None:
    """What is to be followed after a change; `snapshot` is one from before it was sent. None for a change whose effect
    nothing here can prove."""
    goal = _goal(change, snapshot)
    if goal is None:
        return None
    there = moves.concerned(change.target, snapshot) if goal is Goal.REPLACED else ()
    old = frozenset(each.pod.uid for each in there)
    patience = _FOR_A_WAYPOINT if goal is Goal.READY else PATIENCE
    return Verification(change, goal, started, old, started + patience)


def dumps(target: Ref, snapshot: Snapshot) -> tuple[Probe, ...]:
    """The dumps that tell of the pods of a namespace or of a controller: of the ztunnels on their nodes."""
    names = {each.pod.node for each in moves.concerned(target, snapshot)}
    return _of_nodes(names, snapshot, ztunnel_probes.dump)


def _of_nodes(
    names: Set[str], snapshot: Snapshot, probe: Callable[[str, str], Probe]
) -> tuple[Probe, ...]:
    on = nodes.of(snapshot)
    pods = [each.pod for name in sorted(names & on.keys()) for each in on[name].ztunnels]
    return tuple(probe(pod.namespace, pod.name) for pod in pods)


def probes(verification: Verification, snapshot: Snapshot) -> tuple[Probe, ...]:
    """What has to be asked again and again for it."""
    if verification.goal in (Goal.BOUND, Goal.READY, Goal.GONE):
        return ()
    if verification.goal is Goal.ENFORCED:
        names = {
            each.pod.node for each in policy_proofs.concerned(verification.change.target, snapshot)
        }
        return _of_nodes(names, snapshot, ztunnel_probes.detail)
    return dumps(verification.change.target, snapshot)


def progress(verification: Verification, snapshot: Snapshot, now: datetime) -> Progress:
    """How far it is at `now` by what the snapshot knows."""
    held = _held(verification, snapshot)
    proofs = () if held else tuple(sorted(_proofs(verification, snapshot), key=lambda it: it.key))
    total = max(len(proofs), _wanted(verification))
    done = sum(each.done for each in proofs)
    text = f"{done} of {total} {_NOUNS[verification.goal].format('' if total == 1 else 's')}"
    if held is None and done == total:
        text = (text if total else _nothing(verification)) + _to_come(verification, snapshot)
        return Progress(State.DONE, text, proofs, total)
    healths = [each.verdict.health for each in proofs] if held is None else [held.health]
    state = State.FAILING if Health.BAD in healths else State.FOLLOWING
    if now >= verification.until:
        state = State.TIMED_OUT
    progress = Progress(state, held.reason if held else text, proofs, total)
    first = next(iter(progress.missing), None)
    return replace(progress, remedy=first.remedy if first else "")


_NOUNS = {
    Goal.CAPTURED: "pod{} captured",
    Goal.RELEASED: "pod{} released",
    Goal.REPLACED: "pod{} replaced",
    Goal.BOUND: "service{} as the labels ask",
    Goal.READY: "waypoint{} ready",
    Goal.GONE: "waypoint{} gone, with its pods",
    Goal.ENFORCED: "pod{} whose ztunnel holds the policy as it is written",
}


def _goal(change: Change, snapshot: Snapshot) -> Goal | None:
    if policy_proofs.can_tell(change):
        return Goal.ENFORCED
    if isinstance(change, Create):
        return Goal.READY if change.target.kind == GATEWAY else None
    if isinstance(change, Delete):
        made = waypoints.is_made_for_waypoints(change.before, snapshot)
        return Goal.GONE if change.target.kind == GATEWAY and made else None
    if change.target.kind == SERVICE:
        labels = raw.table(change.patch, "metadata", "labels")
        return Goal.BOUND if {USE_WAYPOINT, USE_WAYPOINT_NAMESPACE} & labels.keys() else None
    if dig(change.patch, "spec", "template") is not None:
        return Goal.REPLACED
    move = moves.of(change, snapshot)
    if move is None or change.target.kind != NAMESPACE:
        return None
    if move.joins:
        return Goal.CAPTURED
    if move.leaves:
        return Goal.RELEASED
    return Goal.BOUND if move.rebinds else None


def _proofs(verification: Verification, snapshot: Snapshot) -> Iterator[Proof]:
    change, target = verification.change, verification.change.target
    match verification.goal:
        case Goal.BOUND:
            yield from service_proofs.of(target, snapshot)
        case Goal.READY:
            yield waypoint_proofs.ready(target, snapshot)
        case Goal.GONE:
            yield waypoint_proofs.gone(target, raw.uid(change.before or {}), snapshot)
        case Goal.ENFORCED:
            yield from policy_proofs.of(target, verification.started, snapshot)
        case Goal.REPLACED:
            yield from _replaced(verification, snapshot)
        case Goal.CAPTURED:
            yield from _captured(verification, snapshot)
        case Goal.RELEASED:
            for each in moves.concerned(target, snapshot):
                apart = each.pod.host_network or each.pod.sidecar or each.pod.part
                if each.enrolled.wanted is not True and not apart:
                    yield pod_proofs.released(each, verification.started, snapshot)


def _captured(verification: Verification, snapshot: Snapshot) -> Iterator[Proof]:
    """A pod with a sidecar is waited for where the change is to rid it of that, and no other change does; one that is
    left out on purpose only where all are, so that the change had no effect."""
    freed = moves.leaves_sidecars(verification.change)
    awaited = _awaited(verification)
    all_left_out, left_out = True, []
    for each in moves.concerned(verification.change.target, snapshot):
        if freed and each.pod.sidecar:
            all_left_out = False
            if each.pod.uid not in awaited:
                yield pod_proofs.with_sidecar(each, anew=False)
        elif each.enrolled.wanted is not False:
            all_left_out = False
            yield pod_proofs.captured(each, verification.started)
        elif not each.pod.part:
            left_out.append(each)
    if all_left_out:
        yield from map(pod_proofs.left_out, left_out)


def _replaced(verification: Verification, snapshot: Snapshot) -> Iterator[Proof]:
    """In a namespace that is in ambient and asks for no sidecars, a new pod that has one is outside the mesh."""
    target = verification.change.target
    labels = strings(snapshot.find(NAMESPACE, "", target.namespace), "metadata", "labels")
    ambient = labels.get(DATAPLANE_MODE) == "ambient" and not injection.asked_by(labels)
    for each in moves.concerned(target, snapshot):
        if ambient and each.pod.sidecar and each.pod.uid not in verification.old:
            yield pod_proofs.with_sidecar(each, anew=True)
        else:
            yield pod_proofs.replaced(each, verification.old, verification.started)


def _awaited(verification: Verification) -> frozenset[str]:
    change = verification.change
    return change.awaits if isinstance(change, Patch) else frozenset()


def _to_come(verification: Verification, snapshot: Snapshot) -> str:
    """Which of its pods the changes after it are for."""
    awaited = _awaited(verification)
    left = [
        each.pod.name
        for each in moves.concerned(verification.change.target, snapshot)
        if awaited and each.pod.sidecar and each.pod.uid in awaited
    ]
    return f"; {count(len(left), 'pod')} to be restarted next: {listed(left)}" if left else ""


def _wanted(verification: Verification) -> int:
    """How many pods a rollout is to end with."""
    before = verification.change.before
    if verification.goal is not Goal.REPLACED or before is None:
        return 0
    return components.replicas(before)[1]


def _held(verification: Verification, snapshot: Snapshot) -> Verdict | None:
    """Why it cannot be done yet, whatever the objects say: the lists are not current, or the labels are not as they
    were written."""
    change, goal = verification.change, verification.goal
    target = change.target
    if why := _unread(verification, snapshot):
        return Verdict(Health.UNKNOWN, why)
    it = snapshot.find(target.kind, target.namespace, target.name)
    if goal is Goal.ENFORCED and text(it, "metadata", "resourceVersion") == change.based_on:
        return Verdict(Health.UNKNOWN, "the policy as it was written was not seen yet")
    if goal is Goal.REPLACED or not isinstance(change, Patch):
        return None
    labels = strings(it, "metadata", "labels")
    written = raw.table(change.patch, "metadata", "labels")
    if it is None:
        return Verdict(
            Health.UNKNOWN, f"{target.kind.title.lower()} {target.key} is not known to this session"
        )
    if any(labels.get(key) != value for key, value in written.items()):
        said = "the labels as they were written were not seen yet, or were put back"
        return Verdict(Health.UNKNOWN, said)
    return None


def _unread(verification: Verification, snapshot: Snapshot) -> str:
    """Which list that tells of it is not current, and why; "" where all are."""
    target = verification.change.target
    where = target.namespace or target.name
    sources = {
        Goal.BOUND: ((SERVICE, ""),),
        Goal.READY: ((GATEWAY, ""),),
        Goal.GONE: ((GATEWAY, ""), (POD, GATEWAY_NAME)),
        Goal.ENFORCED: ((AUTHORIZATION_POLICY, ""),),
    }
    for kind, labels in sources.get(verification.goal, ((POD, ""),)):
        source = snapshot.covering(kind, where, labels)
        if source.phase is not Phase.LIVE:
            reading = f"{kind.plural} of {where} are being read"
            return source.problem.text if source.problem else reading
    return ""


def _nothing(verification: Verification) -> str:
    if verification.goal is Goal.BOUND:
        return f"no service of {verification.change.target.key} takes a waypoint"
    if verification.goal is Goal.ENFORCED:
        return "no pod in the mesh is behind a ztunnel and selected by it"
    if _awaited(verification):
        return "its labels are written"
    key = verification.change.target.key
    if verification.goal is Goal.CAPTURED:
        return f"there is no pod of {key} to capture"
    return f"there is no pod of {key}"
