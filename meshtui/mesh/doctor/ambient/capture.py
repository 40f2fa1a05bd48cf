"""Capture: pods that are to be in the mesh and are not, or are in it by name alone (doctor-rules.md, D1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from meshtui.mesh import capture, nodes, revisions
from meshtui.mesh.capture import DATAPLANE_MODE
from meshtui.mesh.doctor.ambient.evidence import (
    SHOWN,
    crowd,
    dumped,
    grouped,
    in_state,
    older,
    pod_ref,
    ref_of,
    seen,
)
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.findings import Evidence, Found, Rule, Severity, Unsure
from meshtui.mesh.enrollment import State
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import NAMESPACE, NODE, POD
from meshtui.mesh.pods import REDIRECTION, SIDECAR_STATUS
from meshtui.mesh.raw import Raw, label, name, strings
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.workloads import Workload

NEEDS = (POD, NAMESPACE, capture.SCOPE, *nodes.KINDS)
"""What enrollment is derived from."""

GHOST = Rule(
    "AMB-001",
    "pods are marked as captured, and no ztunnel proxies them",
    Severity.CRITICAL,
    why="Kubernetes calls them enrolled while their traffic is plain text or is reset, and nothing else tells.",
    remedy="restart the pod; where several on a node are like it, restart istio-cni-node there first",
    link="docs/ambient/usage/troubleshoot-ztunnel/",
)
UNCAPTURED = Rule(
    "AMB-002",
    "pods that are to be in the mesh were never captured",
    Severity.HIGH,
    why="They speak plain text: PERMISSIVE hides it, and servers under STRICT refuse them.",
    remedy="restart the pod once the CNI agent of its node is ready: it was created before that",
    link="docs/ambient/usage/add-workloads/",
)
PENDING = Rule(
    "AMB-003",
    "the capture of pods is pending",
    Severity.HIGH,
    why="Their traffic is redirected already, and hangs or is refused until the ztunnel takes it over.",
    remedy="look at the ztunnel of the node, and at its connection to the CNI agent",
    link="docs/ambient/usage/troubleshoot-ztunnel/",
)
EXCLUDED = Rule(
    "AMB-006",
    "a namespace is labelled for the mesh and excluded by the CNI agent",
    Severity.HIGH,
    why="Nothing in it is captured, whatever its label says.",
    remedy="take it off EXCLUDE_NAMESPACES, or drop the label",
    link="docs/ambient/usage/add-workloads/",
)
BOTH = Rule(
    "AMB-008",
    "sidecars and ambient mode in one namespace",
    Severity.HIGH,
    why="A pod with a sidecar is left out of ambient mode, and new pods get one.",
    remedy="choose one of them, take the other label away, and restart the pods",
    link="docs/ambient/usage/add-workloads/",
)


def ghosts(snapshot: Snapshot) -> Findings:
    found = [
        each
        for each in in_state(snapshot, State.NOT_PROXIED)
        if older(each.pod.created, snapshot.now, 60)
    ]
    for node, members in grouped(found, lambda each: each.pod.node).items():
        says = (
            f"{crowd([each.pod for each in members])} on node {node}: {members[0].enrolled.reason}"
        )
        yield _found(GHOST, members, says, _annotated, _proxied)
    yield from _unseen(snapshot)


def _unseen(snapshot: Snapshot) -> Iterator[Unsure]:
    """One for each ztunnel of which it is not known what it proxies."""
    told: dict[str, Unsure] = {}
    for each in in_state(snapshot, State.UNSEEN):
        proxied = each.enrolled.links[3]
        if proxied.text in told:  # those of one ztunnel, of thousands
            continue
        if each.pod.redirection and proxied.health is Health.UNKNOWN:
            namespace, _, pod = each.enrolled.ztunnel.partition("/")
            about = Ref(POD, namespace, pod) if pod else pod_ref(each.pod)
            told[proxied.text] = Unsure(GHOST, proxied.text, about)
    yield from told.values()


def uncaptured(snapshot: Snapshot) -> Findings:
    found = [
        each
        for each in in_state(snapshot, State.NOT_ANNOTATED)
        if older(each.pod.created, snapshot.now, 60)
    ]
    for node, members in grouped(found, lambda each: each.pod.node).items():
        says = (
            f"{crowd([each.pod for each in members])} on node {node}: {members[0].enrolled.reason}"
        )
        yield _found(UNCAPTURED, members, says, _annotated)


def pending(snapshot: Snapshot) -> Findings:
    found = [
        each
        for each in in_state(snapshot, State.PENDING)
        if older(each.pod.edited or each.pod.created, snapshot.now, 30)
    ]
    for node, members in grouped(found, lambda each: each.pod.node).items():
        says = (
            f"{crowd([each.pod for each in members])} on node {node}: {members[0].enrolled.reason}"
        )
        yield _found(PENDING, members, says, _annotated, _proxied)


def _found(
    rule: Rule, members: Sequence[Workload], says: str, *shows: Callable[[Workload], Evidence]
) -> Found:
    """About pods of one node, which what is wrong with that node or its ztunnel would explain."""
    node = Ref(NODE, "", members[0].pod.node)
    namespace, _, ztunnel = members[0].enrolled.ztunnel.partition("/")
    causes = [("AMB-004", node)]
    if ztunnel:
        causes += [(code, Ref(POD, namespace, ztunnel)) for code in ("AMB-039", "AMB-005")]
    shown = [show(each) for each in members[:SHOWN] for show in shows]
    refs = tuple(pod_ref(each.pod) for each in members)
    return Found(rule, refs, says, tuple(shown), symptom_of=tuple(causes))


def _annotated(each: Workload) -> Evidence:
    link = each.enrolled.links[1]
    return seen(pod_ref(each.pod), f"metadata.annotations[{REDIRECTION}]", link.text, link.at)


def _proxied(each: Workload) -> Evidence:
    link = each.enrolled.links[3]
    if not each.enrolled.ztunnel:
        return seen(Ref(NODE, "", each.pod.node), "pods with app=ztunnel", link.text)
    return dumped(each.enrolled.ztunnel, f"workloadState[{each.pod.uid}]", link.text, link.at)


def excluded(snapshot: Snapshot) -> Findings:
    labelled = [it for it in snapshot.raw(NAMESPACE) if label(it, DATAPLANE_MODE) == "ambient"]
    by = capture.of(snapshot)
    if by.assumed and labelled:
        yield Unsure(
            EXCLUDED, f"which namespaces the CNI agent excludes is not known: {by.assumed}"
        )
        return
    for it in labelled:
        if name(it) in by.excluded:
            ref = ref_of(NAMESPACE, it)
            says = f"namespace {name(it)} is labelled ambient, and {by.source} excludes it"
            evidence = (
                seen(ref, f"metadata.labels[{DATAPLANE_MODE}]", "ambient"),
                Evidence(by.source, "data.EXCLUDE_NAMESPACES", ", ".join(sorted(by.excluded))),
            )
            yield Found(EXCLUDED, (ref,), says, evidence)


def both(snapshot: Snapshot) -> Findings:
    with_sidecar = grouped(in_state(snapshot, State.SIDECAR), lambda each: each.pod.namespace)
    for it in snapshot.raw(NAMESPACE):
        if label(it, DATAPLANE_MODE) != "ambient":
            continue
        ref, asked = ref_of(NAMESPACE, it), _injection(it)
        members = with_sidecar.get(name(it), ())
        if not asked and not members:
            continue
        evidence = [seen(ref, f"metadata.labels[{key}]", value) for key, value in asked]
        evidence += [
            seen(pod_ref(each.pod), f"metadata.annotations[{SIDECAR_STATUS}]", "is there")
            for each in members[:SHOWN]
        ]
        pods = [each.pod for each in members]
        parts = [f"also asks for sidecars ({key}={value})" for key, value in asked]
        parts += [f"has {crowd(pods)} with a sidecar"] if pods else []
        says = f"namespace {name(it)} is labelled ambient and {' and '.join(parts)}"
        yield Found(BOTH, (ref, *map(pod_ref, pods)), says, tuple(evidence))


def _injection(it: Raw) -> Sequence[tuple[str, str]]:
    """The label by which a namespace asks for sidecars: that of injection beats that of a revision."""
    labels = strings(it, "metadata", "labels")
    injection = labels.get("istio-injection", "")
    if injection:
        return [("istio-injection", injection)] if injection == "enabled" else []
    revision = labels.get(revisions.REVISION, "")
    return [(revisions.REVISION, revision)] if revision else []


ANALYZERS = (
    Analyzer("pods that no ztunnel proxies", (GHOST,), NEEDS, ghosts),
    Analyzer("pods that were never captured", (UNCAPTURED,), NEEDS, uncaptured),
    Analyzer("pods whose capture is pending", (PENDING,), NEEDS, pending),
    Analyzer("namespaces that are excluded", (EXCLUDED,), (NAMESPACE, capture.SCOPE), excluded),
    Analyzer("namespaces with both modes", (BOTH,), (NAMESPACE, *NEEDS), both),
)
