"""Waypoints: named in vain, not ready, or bound where that does nothing (doctor-rules.md, D4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from meshtui.mesh import attachments, components, policies, raw, waypoint_rows, waypoints, workloads
from meshtui.mesh.attachments import Attachment
from meshtui.mesh.checks import count, listed
from meshtui.mesh.doctor.ambient.evidence import SHOWN, older, pod_ref, ref_of, seen
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.findings import Evidence, Found, Rule, Severity, Unsure
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    DEPLOYMENT,
    GATEWAY,
    GATEWAY_CLASS,
    NAMESPACE,
    POD,
)
from meshtui.mesh.policies import Policies, Target
from meshtui.mesh.raw import Raw, conditions, entries, label, number
from meshtui.mesh.snapshot import Ref, Scope, Snapshot
from meshtui.mesh.waypoint_rows import Row
from meshtui.mesh.waypoints import USE_WAYPOINT, State

NEEDS = attachments.KINDS
_LINK = "docs/ambient/usage/waypoint/"

NOWHERE = Rule(
    "AMB-019",
    "a label names a waypoint that is not there",
    Severity.CRITICAL,
    why="Traffic goes direct, and L7 policies and routes are skipped: it fails open.",
    remedy="create the Gateway or make it ready, or take the label away",
    link=_LINK,
)
DEAD = Rule(
    "AMB-020",
    "a waypoint that is in use has no ready pod",
    Severity.CRITICAL,
    why="All traffic to what is bound to it fails: it fails closed.",
    remedy="see why its pods are not ready: replicas, quota, image, a crash",
    link="docs/ambient/usage/troubleshoot-waypoint/",
)
STUCK = Rule(
    "AMB-023",
    "the Gateway of a waypoint is not programmed",
    Severity.HIGH,
    why="istiod does not run a waypoint for it, so nothing can be bound to it.",
    remedy="mend what its conditions say",
    link="docs/ambient/usage/troubleshoot-waypoint/",
)
IN_VAIN = Rule(
    "AMB-024",
    "a waypoint label stands where it does nothing",
    Severity.HIGH,
    why="Whoever set it expects L7 policies and routes to apply, and they do not.",
    remedy="label the Service or the namespace",
    link=_LINK,
)
UNUSED = Rule(
    "AMB-027",
    "a waypoint is used by nobody",
    Severity.MEDIUM,
    why="It costs its pods, and policies that it should enforce are enforced nowhere.",
    remedy="name it in the label istio.io/use-waypoint of a Service or namespace, or delete it",
    link=_LINK,
)


def nowhere(snapshot: Snapshot) -> Findings:
    every = policies.of(snapshot, workloads.root_namespace(snapshot))
    for row in waypoint_rows.of(snapshot):
        naming = [
            each for each in row.in_vain if each.binding.state in (State.MISSING, State.NO_ADDRESS)
        ]
        if not naming or (row.ref is not None and not older(row.created, snapshot.now, 30)):
            continue
        skipped = sorted({each.key for each in _targeting(every, row, naming)})
        missing = naming[0].binding.state is State.MISSING
        what = "does not exist" if missing else "has no address"
        lost = f"; not enforced: {listed(skipped)}" if skipped else ""
        says = f"Gateway {row.waypoint} {what}, and is named by {waypoint_rows.count(naming)}{lost}"
        own = () if row.ref is None else (row.ref,)
        shown = [seen(ref, "status.addresses", "none") for ref in own]
        yield Found(
            NOWHERE,
            (*own, *map(_ref, naming)),
            says,
            (*shown, *_labels(snapshot, naming)),
            symptom_of=tuple(("AMB-023", ref) for ref in own),
        )
    yield from _unsure(snapshot)


def _unsure(snapshot: Snapshot) -> Iterator[Unsure]:
    for row in waypoint_rows.of(snapshot):
        for why in dict.fromkeys(each.binding.reason for each in row.unsure):
            about = row.ref or Ref(GATEWAY, row.namespace, row.name)
            yield Unsure(NOWHERE, why, about)


def _targeting(every: Policies, row: Row, naming: Iterable[Attachment]) -> Iterable[Ref]:
    targets = [Target("Gateway", row.namespace, row.name)]
    targets += [
        Target(each.kind.title, each.namespace, each.name)
        for each in naming
        if each.kind in waypoint_rows.SERVICES
    ]
    return (policy.ref for target in targets for policy in every.of_target.get(target, ()))


def _ref(each: Attachment) -> Ref:
    return Ref(each.kind, each.namespace, each.name)


def _labels(snapshot: Snapshot, naming: Sequence[Attachment]) -> Iterator[Evidence]:
    """The labels that name it: of what inherits it, the namespace's."""
    for each in [
        each for each in naming if each.kind == NAMESPACE or each.binding.label_of == "own"
    ][:SHOWN]:
        yield seen(_ref(each), f"metadata.labels[{USE_WAYPOINT}]", each.binding.name)


def dead(snapshot: Snapshot) -> Findings:
    for row in waypoint_rows.of(snapshot):
        closed = [each for each in row.attached if each.binding.state is State.NO_PODS]
        if row.ref is None or not closed:
            continue
        if any(not older(pod.created, snapshot.now, 30) for pod in row.pods):
            continue
        said = ", ".join(sorted({pod.status for pod in row.pods}))
        of = f"0 of {count(len(row.pods), 'pod')} ready ({said})" if row.pods else "no pods"
        says = f"waypoint {row.waypoint} has {of}: traffic to {waypoint_rows.count(closed)} fails"
        evidence = [seen(row.ref, "status.addresses", row.address or row.hostname)]
        evidence += [seen(pod_ref(pod), "status", pod.status) for pod in row.pods[:SHOWN]]
        evidence += _replicas(snapshot, row)
        yield Found(DEAD, (row.ref, *map(_ref, closed)), says, tuple(evidence))


def _replicas(snapshot: Snapshot, row: Row) -> Iterator[Evidence]:
    for it in snapshot.raw(DEPLOYMENT):
        named = (
            label(it, components.GATEWAY_NAME) == row.name and raw.namespace(it) == row.namespace
        )
        if named and not row.pods:
            _, wanted = components.replicas(it)
            yield seen(ref_of(DEPLOYMENT, it), "spec.replicas", str(wanted))


def stuck(snapshot: Snapshot) -> Findings:
    every = waypoints.of(snapshot)
    for row in waypoint_rows.of(snapshot):
        it = snapshot.find(GATEWAY, row.namespace, row.name)
        of_class = every.classes.get(row.class_name)
        controller = of_class.controller if of_class else ""
        if it is None or row.ref is None or not waypoints.is_waypoint(row.class_name, controller):
            continue
        if not older(row.created, snapshot.now, 60):
            continue
        evidence = list(_conditions(row.ref, it, snapshot))
        if not evidence:
            continue
        says = f"Gateway {row.waypoint} is not programmed: {'; '.join(each.value for each in evidence)}"
        open_ = any(each.binding.fails == "open" for each in row.in_vain)
        severity = Severity.CRITICAL if open_ else None
        yield Found(STUCK, (row.ref,), says, tuple(evidence), _remedy(snapshot, it, row), severity)


def _conditions(ref: Ref, it: Raw, snapshot: Snapshot) -> Iterator[Evidence]:
    said = conditions(it)
    programmed, accepted = said.get("Programmed"), said.get("Accepted")
    if accepted is not None and accepted.status != "True":
        words = f"Accepted={accepted.status} ({accepted.reason}: {accepted.message})"
        yield seen(ref, "status.conditions[Accepted]", words)
    if programmed is None:
        yield seen(ref, "status.conditions[Programmed]", "nobody wrote it")
    elif programmed.status != "True" and (
        programmed.since is None or older(programmed.since, snapshot.now, 60)
    ):
        words = f"Programmed={programmed.status} ({programmed.reason}: {programmed.message})"
        yield seen(ref, "status.conditions[Programmed]", words)


def _remedy(snapshot: Snapshot, it: Raw, row: Row) -> str:
    """What keeps it, where that can be told."""
    if (
        snapshot.source(GATEWAY_CLASS).complete
        and row.class_name not in waypoints.of(snapshot).classes
    ):
        return (
            f"there is no GatewayClass {row.class_name}: see that istiod runs, with ambient mode on"
        )
    if not any(number(each, "port") == 15008 for each in entries(it, "spec", "listeners")):
        return "give it a listener with protocol HBONE on port 15008"
    return ""


def unused(snapshot: Snapshot) -> Findings:
    for row in waypoint_rows.of(snapshot):
        if row.orphan and row.ref is not None and older(row.created, snapshot.now, 600):
            says = f"no namespace, service or workload names waypoint {row.waypoint}"
            evidence = (seen(row.ref, f"named by {USE_WAYPOINT}", "nobody"),)
            yield Found(UNUSED, (row.ref,), says, evidence)


def in_vain(snapshot: Snapshot) -> Findings:
    for kind in (DEPLOYMENT, GATEWAY):
        for it in snapshot.raw(kind):
            if label(it, USE_WAYPOINT) and not components.is_waypoint(_own(it)):
                ref = ref_of(kind, it)
                says = f"label {USE_WAYPOINT} on {kind.title} {raw.key(it)} does nothing"
                evidence = (seen(ref, f"metadata.labels[{USE_WAYPOINT}]", label(it, USE_WAYPOINT)),)
                yield Found(IN_VAIN, (ref,), says, evidence)
    every = waypoints.of(snapshot)
    for row in waypoint_rows.of(snapshot):
        on_pods = [
            each
            for each in row.in_vain
            if each.kind == POD
            and each.binding.label_of == "own"
            and each.binding.state is State.NOT_FOR
        ]
        if on_pods:
            says = f"{count(len(on_pods), 'pod')} named by label: {on_pods[0].binding.reason}"
            remedy = (
                "label the waypoint istio.io/waypoint-for=workload or all, or label the Service"
            )
            yield Found(
                IN_VAIN, tuple(map(_ref, on_pods)), says, tuple(_labels(snapshot, on_pods)), remedy
            )
        of_class = every.classes.get(row.class_name)
        bound = [
            each
            for each in row.attached
            if each.kind == NAMESPACE or each.binding.label_of == "own"
        ]
        if row.ref and bound and of_class and not waypoints.is_waypoint("", of_class.controller):
            says = (
                f"Gateway {row.waypoint} is of class {row.class_name}, which is none for waypoints"
            )
            shown = (
                seen(row.ref, "spec.gatewayClassName", row.class_name),
                *_labels(snapshot, bound),
            )
            remedy = "name a Gateway of the class istio-waypoint"
            yield Found(IN_VAIN, (*map(_ref, bound), row.ref), says, shown, remedy)


def _own(it: Raw) -> Mapping[str, str]:
    return raw.strings(it, "metadata", "labels")


ANALYZERS = (
    Analyzer(
        "waypoints that are not there", (NOWHERE,), (*NEEDS, Scope(AUTHORIZATION_POLICY)), nowhere
    ),
    Analyzer("waypoints without ready pods", (DEAD,), (*NEEDS, components.PROXIES), dead),
    Analyzer("waypoints that are not programmed", (STUCK,), (GATEWAY, *NEEDS), stuck),
    Analyzer("waypoint labels in vain", (IN_VAIN,), (*NEEDS, DEPLOYMENT), in_vain),
    Analyzer("waypoints that nobody uses", (UNUSED,), (GATEWAY, *NEEDS), unused),
)
