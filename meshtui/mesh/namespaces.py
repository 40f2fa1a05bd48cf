"""Namespaces: how each takes part in the mesh, and how far what its labels ask for has come true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum
from sys import intern

from msgspec import Struct

from meshtui.mesh import (
    capture,
    injection,
    peer_authentication,
    raw,
    revisions,
    waypoints,
    workloads,
)
from meshtui.mesh.capture import DATAPLANE_MODE
from meshtui.mesh.derived import derived
from meshtui.mesh.enrollment import State
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import AUTHORIZATION_POLICY, NAMESPACE, POD
from meshtui.mesh.peer_authentication import InForce, Mtls
from meshtui.mesh.raw import Raw, entries, strings, table
from meshtui.mesh.snapshot import Ref, Scope, Snapshot
from meshtui.mesh.waypoints import Binding
from meshtui.mesh.workloads import Workload

KINDS = (*workloads.KINDS, Scope(AUTHORIZATION_POLICY), *revisions.KINDS)


class Mode(Enum):
    """What the labels of a namespace ask for."""

    AMBIENT = "ambient"
    SIDECAR = "sidecar"
    BOTH = "both"
    """New pods get a sidecar and are left out of ambient."""
    NONE = "none"
    UNKNOWN = "unknown"
    """They could not be read."""


class Captured(Struct, frozen=True):
    """How many of the pods that are wanted in the mesh are in it."""

    captured: int = 0
    desired: int = 0
    unknown: int = 0
    """Of the desired ones, those of which it is not known, or not settled."""
    failing: int = 0
    """Of the desired ones, those that are not in it."""
    undecided: int = 0
    """Pods of which it is not known whether they are wanted."""


class Namespace(Struct, frozen=True):
    """One namespace."""

    key: str
    ref: Ref
    verdict: Verdict
    """The worst of its troubles, or how well it is."""
    name: str
    mode: Mode
    revision: str
    """The control plane that its label names, "default" where injection is on, which beats a name; "" where none."""
    tag: str
    """The tag by which it names it; "" where it names the revision itself."""
    waypoint: Binding | None
    """The one that its label names, for whatever traffic."""
    pods: Captured
    mtls: Mtls
    policies: int | None
    """AuthorizationPolicies in it, and those of the root namespace that are for the whole mesh; None where they could
    not be read."""
    created: datetime | None
    troubles: tuple[Verdict, ...]
    """All that is wrong or not known, the worst first."""
    unread: str = ""
    """Why its pods are not all known; "" where they are."""


def of(snapshot: Snapshot) -> Sequence[Namespace]:
    """Every namespace, by name."""
    return derived(snapshot, _all)


def _all(snapshot: Snapshot) -> Sequence[Namespace]:
    inside = workloads.by_namespace(snapshot)
    root = workloads.root_namespace(snapshot)
    in_force = peer_authentication.in_force(snapshot, root)
    found, tags, by = waypoints.of(snapshot), revisions.tags(snapshot), capture.of(snapshot)
    policies = _policies(snapshot, root)
    hidden = _hidden(snapshot)

    def inputs(name: str) -> tuple[object, ...]:
        it = snapshot.find(NAMESPACE, "", name) or _UNKNOWN
        labels = strings(it, "metadata", "labels")
        named = _revision(labels)
        return (
            it,
            inside.get(name, ()),
            tags.get(named),
            waypoints.binding(found, name, labels),
            in_force[name],
            policies(name),
            by.source if name in by.excluded else "",
            hidden.get(name),
            snapshot.unread(POD, name),
        )

    known = sorted({*snapshot.objects.get(NAMESPACE, ()), *hidden})
    names = {name: intern(name) for name in known}
    return snapshot.memo.unchanged(
        "namespaces", snapshot.memo.each("namespaces", names, _row, inputs)
    )


_UNKNOWN: Raw = {}


def _row(
    name: str,
    it: Raw,
    inside: Sequence[Workload],
    revision: str | None,
    waypoint: Binding | None,
    in_force: InForce,
    policies: int | None,
    excluded: str,
    hidden: str | None,
    unread: str,
) -> Namespace:
    labels = strings(it, "metadata", "labels")
    mode = _mode(labels) if hidden is None else Mode.UNKNOWN
    counts, named = captured(inside), _revision(labels)
    troubles = _troubles(name, mode, inside, excluded, waypoint, hidden or "", unread)
    return Namespace(
        key=raw.uid(it) or name,
        ref=Ref(NAMESPACE, "", name),
        verdict=troubles[0] if troubles else _well(mode, counts),
        name=name,
        mode=mode,
        revision=named if revision is None else revision,
        tag="" if revision is None else named,
        waypoint=waypoint,
        pods=counts,
        mtls=peer_authentication.effective(in_force),
        policies=policies,
        created=raw.created(it),
        troubles=troubles,
        unread=unread,
    )


def _hidden(snapshot: Snapshot) -> Mapping[str, str]:
    """The namespaces that were asked for by name and are not known, with the reason."""
    return {
        scope.name: source.problem.text if source.problem else "they are being read"
        for scope, source in snapshot.sources.items()
        if scope.kind == NAMESPACE and scope.name and not source.complete
        if snapshot.find(NAMESPACE, "", scope.name) is None
    }


def _policies(snapshot: Snapshot, root: str) -> Callable[[str], int | None]:
    """How many policies there are for a namespace, by its name."""
    counts = Counter(
        "" if namespace == root and of_all else namespace
        for namespace, of_all in snapshot.each(AUTHORIZATION_POLICY, _policy)
    )

    def count(namespace: str) -> int | None:
        if any(snapshot.unread(AUTHORIZATION_POLICY, each) for each in (root, namespace)):
            return None
        return counts[namespace] + counts[""]

    return count


def _mode(labels: Mapping[str, str]) -> Mode:
    """By istio-ambient.md, 1.5 and 1.6."""
    injected = injection.asked_by(labels)
    if labels.get(DATAPLANE_MODE) == "ambient":
        return Mode.BOTH if injected else Mode.AMBIENT
    return Mode.SIDECAR if injected else Mode.NONE


def _revision(labels: Mapping[str, str]) -> str:
    if injection.asked_by(labels) == injection.INJECTION:
        return "default"
    return labels.get(revisions.REVISION, "")


def _policy(it: Raw) -> tuple[str, bool]:
    """Its namespace, and whether it is for all workloads there: it names neither labels nor targets."""
    spec = table(it, "spec")
    named = strings(spec, "selector", "matchLabels") or entries(spec, "targetRefs")
    return raw.namespace(it), not named and not table(spec, "targetRef")


def captured(inside: Sequence[Workload]) -> Captured:
    """How far these pods are in the mesh, those left out that have ended."""
    enrolled = [each.enrolled for each in inside if each.enrolled.state is not State.ENDED]
    states = [each.state for each in enrolled if each.wanted]
    return Captured(
        captured=states.count(State.CAPTURED),
        desired=len(states),
        unknown=sum(state.health is Health.UNKNOWN for state in states),
        failing=sum(state.health is Health.BAD for state in states),
        undecided=sum(each.wanted is None for each in enrolled),
    )


def _well(mode: Mode, counts: Captured) -> Verdict:
    if counts.desired:
        return Verdict(Health.OK, f"{counts.captured} of {counts.desired} pods are in the mesh")
    if mode is Mode.AMBIENT:
        return Verdict(Health.OK, "in the mesh by its label, without a pod to capture")
    return Verdict(Health.NONE, _OUTSIDE[mode])


def _troubles(
    name: str,
    mode: Mode,
    inside: Sequence[Workload],
    excluded: str,
    waypoint: Binding | None,
    hidden: str,
    unread: str,
) -> tuple[Verdict, ...]:
    found = [*_failing(inside), *_contradictions(name, mode, inside, excluded)]
    if waypoint is not None and waypoint.health is not Health.OK:
        found.append(waypoint.verdict)
    if hidden:
        found.append(Verdict(Health.UNKNOWN, f"its labels are not known: {hidden}"))
    found += _unknown(inside, unread)
    return tuple(sorted(found, key=lambda each: -each.health.rank))


_OUTSIDE = {Mode.SIDECAR: "in the mesh with sidecars", Mode.NONE: "outside the mesh"}

_WAYS_TO_FAIL = (
    (State.NOT_PROXIED, "ghost", "ghosts"),
    (State.NOT_ANNOTATED, "pod was never captured", "pods were never captured"),
    (State.PENDING, "pod is held up", "pods are held up"),
    (State.NOT_LISTED, "pod is unknown to the ztunnels", "pods are unknown to the ztunnels"),
    (State.UNASKED, "pod is captured unasked", "pods are captured unasked"),
)


def _failing(inside: Sequence[Workload]) -> Iterator[Verdict]:
    """One line for each way to fail, not for each pod: "1 ghost: checkout-…: no ztunnel of node-2 proxies it"."""
    for state, one, many in _WAYS_TO_FAIL:
        failing = [each for each in inside if each.enrolled.state is state]
        if failing:
            yield Verdict(state.health, f"{_count(failing, one, many)}: {_first(failing)}")


def _contradictions(
    name: str, mode: Mode, inside: Sequence[Workload], excluded: str
) -> Iterator[Verdict]:
    """Labels that cannot both come true, or did not."""
    if mode is Mode.BOTH:
        said = "labelled for ambient and for sidecars: new pods get a sidecar and are left out of ambient"
        yield Verdict(Health.WARN, said)
    if mode in (Mode.AMBIENT, Mode.BOTH) and excluded:
        said = f"labelled for ambient, but EXCLUDE_NAMESPACES of {excluded} leaves {name} out"
        yield Verdict(Health.BAD, said)
    if mode is Mode.AMBIENT:
        kept = [each for each in inside if each.enrolled.state is State.SIDECAR]
        if kept:
            said = _count(kept, "pod has a sidecar", "pods have sidecars")
            yield Verdict(Health.WARN, f"labelled for ambient, but {said}: {_named(kept)}")
    if mode is Mode.SIDECAR:
        bare = [each for each in inside if each.enrolled.state is State.OUTSIDE and _injects(each)]
        if bare:
            said = _count(bare, "pod has no sidecar", "pods have no sidecar")
            yield Verdict(Health.WARN, f"labelled for sidecars, but {said}: {_named(bare)}")


def _injects(workload: Workload) -> bool:
    pod = workload.pod
    return not (
        pod.host_network or pod.part or pod.labels.get("sidecar.istio.io/inject") == "false"
    )


def _unknown(inside: Sequence[Workload], unread: str) -> Iterator[Verdict]:
    unknown = [each for each in inside if each.enrolled.state.health is Health.UNKNOWN]
    if unknown:
        count = _count(unknown, "pod may or may not be in the mesh", "pods may or may not be")
        yield Verdict(Health.UNKNOWN, f"{count}: {_first(unknown)}")
    if unread:
        yield Verdict(Health.UNKNOWN, unread)


def _count(found: Sequence[Workload], one: str, many: str) -> str:
    return f"1 {one}" if len(found) == 1 else f"{len(found)} {many}"


def _named(found: Sequence[Workload]) -> str:
    return min(each.pod.name for each in found) + (" and others" if len(found) > 1 else "")


def _first(found: Sequence[Workload]) -> str:
    first = min(found, key=lambda each: each.pod.name)
    return f"{first.pod.name}: {first.enrolled.reason}"
