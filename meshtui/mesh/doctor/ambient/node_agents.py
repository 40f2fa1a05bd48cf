"""Node agents: whether the ztunnel and the CNI agent of each node are there and ready (doctor-rules.md, D1 and D7)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from meshtui.mesh import components, events, left_out, nodes, pods, raw
from meshtui.mesh.checks import count, listed
from meshtui.mesh.doctor.ambient import capture
from meshtui.mesh.doctor.ambient.evidence import (
    SHOWN,
    crowd,
    enrolled,
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
from meshtui.mesh.kinds import DAEMONSET, EVENT, NODE, POD
from meshtui.mesh.left_out import LeftOut
from meshtui.mesh.nodes import Node
from meshtui.mesh.pods import Pod
from meshtui.mesh.raw import Raw, dig, strings, text
from meshtui.mesh.snapshot import Ref, Scope, Snapshot

BARE = Rule(
    "AMB-004",
    "a node has no ready ztunnel or CNI agent, and runs pods that are to be in the mesh",
    Severity.CRITICAL,
    why="New pods there do not start, or start outside the mesh; those that run are not proxied.",
    remedy="see why the DaemonSet has no ready pod there: its nodeSelector, a taint, the image, a crash",
    link="docs/ambient/install/platform-prerequisites/",
)
DISCONNECTED = Rule(
    "AMB-005",
    "the CNI agent cannot hand pods to the ztunnel",
    Severity.CRITICAL,
    why="New pods of the node cannot start: their sandbox is refused.",
    remedy="see that the ztunnel of the node is ready and of the same version; restart it, then the CNI agent",
    link="docs/ambient/usage/troubleshoot-ztunnel/",
)
UNREADY = Rule(
    "AMB-039",
    "a ztunnel is not ready",
    Severity.CRITICAL,
    why="Pods of its node lose their traffic in the mesh, and new ones cannot be captured.",
    remedy="read its log: no connection to istiod, no socket of the CNI agent, or a permission that it lacks",
    link="docs/ambient/usage/troubleshoot-ztunnel/",
)
UNSCHEDULED = Rule(
    "AMB-068",
    "a DaemonSet of the mesh may not create its pods",
    Severity.HIGH,
    why="The nodes that lack the pod are outside the mesh.",
    remedy="add a ResourceQuota that allows its priority class in that namespace",
    link="docs/ambient/install/platform-prerequisites/",
)
PLUGIN = Rule(
    "AMB-069",
    "nodes do not find the plug-in of the CNI agent",
    Severity.MEDIUM,
    why="No new pod of such a node starts, in the mesh or not.",
    remedy="set cniBinDir and cniConfDir as the platform has them, or remove the entry that an uninstall left",
    link="docs/ambient/install/platform-prerequisites/",
)

SANDBOX = Scope(EVENT, None, fields="reason=FailedCreatePodSandBox")
CREATE = Scope(EVENT, None, fields="reason=FailedCreate")


class _Lack(NamedTuple):
    """What a node lacks."""

    node: Node
    says: str
    evidence: tuple[Evidence, ...]
    causes: tuple[tuple[str, Ref], ...]
    left: tuple[LeftOut, ...]
    """Why what is not there at all is not there."""


def bare(snapshot: Snapshot) -> Findings:
    if not snapshot.covering(POD, None, nodes.AGENTS.labels).complete:
        yield Unsure(BARE, "the CNI agents were not all read")
        return
    found = [_lack(snapshot, node) for node in nodes.of(snapshot).values() if not node.unread]
    lacking = [each for each in found if each is not None]
    unread = dict.fromkeys(each.unread for each in nodes.of(snapshot).values() if each.unread)
    yield from (Unsure(BARE, f"which nodes have a ztunnel is not known: {why}") for why in unread)
    wanting = _wanting(snapshot, {each.node.name for each in lacking})
    concerned = [each for each in lacking if each.node.name in wanting]
    for says, group in grouped(concerned, lambda each: each.says).items():
        yield _bare(says, group, wanting)


def _bare(says: str, group: Sequence[_Lack], wanting: Mapping[str, Sequence[Pod]]) -> Found:
    names = [each.node.name for each in group]
    held = [pod for name in names for pod in wanting[name]]
    where = f"node {names[0]}" if len(names) == 1 else f"{len(names)} nodes ({listed(names)})"
    verb = "is" if len(held) == 1 else "are"
    left = [out for each in group for out in each.left]
    daemon_sets = dict.fromkeys(out.daemon_set for out in left if out.daemon_set)
    return Found(
        BARE,
        (*(Ref(NODE, "", name) for name in names), *daemon_sets),
        f"{where}: {says}; {crowd(held)} {verb} to be in the mesh there",
        tuple(shown for each in group[:SHOWN] for shown in each.evidence),
        "; ".join(dict.fromkeys(out.step for out in left if out.step)),
        symptom_of=tuple(cause for each in group for cause in each.causes),
    )


def _wanting(snapshot: Snapshot, nodes: Collection[str]) -> Mapping[str, Sequence[Pod]]:
    """By node, of these, the pods that are to be in the mesh."""
    found: dict[str, list[Pod]] = {}
    if not nodes:
        return found
    for each in enrolled(snapshot):
        if each.pod.node in nodes:
            found.setdefault(each.pod.node, []).append(each.pod)
    states = (State.NOT_ANNOTATED, State.PENDING, State.WAITING, State.SETTLING)
    for each in in_state(snapshot, *states):
        if each.enrolled.wanted and each.pod.node in nodes and each.pod.redirection != "enabled":
            found.setdefault(each.pod.node, []).append(each.pod)
    return found


def _lack(snapshot: Snapshot, node: Node) -> _Lack | None:
    """What a node lacks, but for what was started just now; a cordoned node is to lose its pods anyway."""
    it = snapshot.find(NODE, "", node.name)
    if dig(it, "spec", "unschedulable") is True:
        return None
    says: list[str] = []
    evidence: list[Evidence] = []
    causes: list[tuple[str, Ref]] = []
    lefts: list[LeftOut] = []
    own = [each.pod for each in node.ztunnels]
    for what, found, owns in (
        ("ztunnel", own, components.is_ztunnel),
        ("CNI agent", node.agents, components.is_cni),
    ):
        staying = [pod for pod in found if not pod.terminating]
        if any(pod.healthy or not older(pod.created, snapshot.now, 60) for pod in staying):
            continue
        if staying:
            says.append(f"its {what} {staying[0].name} is not ready ({staying[0].status})")
            evidence.append(
                seen(pod_ref(staying[0]), "status.conditions[Ready]", staying[0].status)
            )
            causes += [("AMB-039", pod_ref(staying[0]))] if what == "ztunnel" else []
            continue
        left = left_out.of(snapshot, node.name, owns)
        says.append(f"it has no {what}{f' ({left.why})' if left.why else ''}")
        lefts.append(left)
        evidence.append(seen(Ref(NODE, "", node.name), f"pods: {what}", "none"))
    if not says:
        return None
    folds = tuple(causes) if len(says) == 1 else ()
    return _Lack(node, " and ".join(says), tuple(evidence), folds, tuple(lefts))


def unready(snapshot: Snapshot) -> Findings:
    for node in nodes.of(snapshot).values():
        for pod in (each.pod for each in node.ztunnels):
            waits = pod.healthy or pod.terminating or not older(pod.created, snapshot.now, 60)
            if waits or not pod.node:
                continue
            says = f"ztunnel {pod.name} of node {pod.node} is not ready ({pod.status})"
            evidence = (
                seen(
                    pod_ref(pod),
                    "status.containerStatuses",
                    f"{pod.ready} of {pod.containers} ready",
                ),
            )
            agents = [("AMB-005", pod_ref(each)) for each in node.agents]
            yield Found(UNREADY, (pod_ref(pod),), says, evidence, symptom_of=tuple(agents))


def disconnected(snapshot: Snapshot) -> Findings:
    """By the events of pods that could not start, of the last ten minutes."""
    found = _sandbox(snapshot, "istio-cni")
    missing = [each for each in found if "failed to find plugin" in text(each, "message")]
    refused = [each for each in found if all(each is not other for other in missing)]
    for name, group in grouped(refused, lambda each: _node(snapshot, each)).items():
        node = nodes.of(snapshot).get(name)
        agents = map(pod_ref, node.agents if node else ())
        says = f"{_unstarted(group)} on node {name}: {text(group[0], 'message')}"
        causes = (("AMB-039", pod_ref(each.pod)) for each in (node.ztunnels if node else ()))
        refs = (*agents, *_about(group))
        yield Found(DISCONNECTED, refs, says, _shown(group), symptom_of=tuple(causes))
    if missing:
        says = f"{_unstarted(missing)}: {text(missing[0], 'message')}"
        yield Found(PLUGIN, _about(missing), says, _shown(missing))


def _unstarted(group: Sequence[Raw]) -> str:
    return f"{count(len(_about(group)), 'pod')} cannot start"


def _sandbox(snapshot: Snapshot, naming: str) -> Sequence[Raw]:
    return [
        each
        for each in snapshot.raw(EVENT)
        if text(each, "reason") == "FailedCreatePodSandBox"
        and naming in text(each, "message")
        and not older(events.read(each).last, snapshot.now, 600)
        and snapshot.find(
            POD, text(each, "involvedObject", "namespace"), text(each, "involvedObject", "name")
        )
    ]


def _node(snapshot: Snapshot, event: Raw) -> str:
    about = raw.table(event, "involvedObject")
    pod = pods.of(snapshot).get(f"{text(about, 'namespace')}/{text(about, 'name')}")
    return pod.node if pod else ""


def _about(group: Iterable[Raw]) -> tuple[Ref, ...]:
    names = (
        (text(each, "involvedObject", "namespace"), text(each, "involvedObject", "name"))
        for each in group
    )
    return tuple(dict.fromkeys(Ref(POD, *each) for each in names))


def _shown(group: Sequence[Raw]) -> tuple[Evidence, ...]:
    return tuple(
        seen(ref_of(EVENT, each), "message", text(each, "message"), events.read(each).last)
        for each in group[:SHOWN]
    )


def unscheduled(snapshot: Snapshot) -> Findings:
    for it in snapshot.raw(DAEMONSET):
        labels = strings(it, "metadata", "labels")
        if not (components.is_cni(labels) or components.is_ztunnel(labels)):
            continue
        refused = [
            each
            for each in snapshot.raw(EVENT)
            if text(each, "reason") == "FailedCreate"
            and "insufficient quota to match these scopes" in text(each, "message")
            and text(each, "involvedObject", "kind") == "DaemonSet"
            and text(each, "involvedObject", "name") == raw.name(it)
            and raw.namespace(each) == raw.namespace(it)
        ]
        if refused:
            says = f"DaemonSet {raw.key(it)} may not create pods: {text(refused[0], 'message')}"
            yield Found(UNSCHEDULED, (ref_of(DAEMONSET, it),), says, _shown(refused))


ANALYZERS = (
    Analyzer("nodes that do not serve the mesh", (BARE,), (*capture.NEEDS, DAEMONSET), bare),
    Analyzer("ztunnels that are not ready", (UNREADY,), nodes.KINDS, unready),
    Analyzer(
        "pods that cannot start", (DISCONNECTED, PLUGIN), (POD, *nodes.KINDS, SANDBOX), disconnected
    ),
    Analyzer(
        "DaemonSets that may not create pods",
        (UNSCHEDULED,),
        (components.CNI, components.ZTUNNEL, CREATE),
        unscheduled,
    ),
)
