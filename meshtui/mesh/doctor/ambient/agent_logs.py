"""Agent logs: what ztunnels and CNI agents wrote in the last ten minutes, by the signatures of doctor-rules.md, E
(AMB-009, 018, 049, 051, 052, 065 and 067). Only who asks for it reads logs: none of these rules runs unasked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from meshtui.mesh import components
from meshtui.mesh.access.lines import AccessLine, Direction
from meshtui.mesh.agent_logs import AGENT, PROBED, ZTUNNEL, Line, Written, tail
from meshtui.mesh.checks import count, listed
from meshtui.mesh.doctor.ambient import capture
from meshtui.mesh.doctor.ambient.evidence import SHOWN, enrolled, grouped, older, pod_ref, seen
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.findings import Evidence, Found, Rule, Severity, Unsure
from meshtui.mesh.kinds import POD, SERVICE
from meshtui.mesh.pods import Pod
from meshtui.mesh.snapshot import Answer, Ref, Snapshot

_LINK = "docs/ambient/usage/troubleshoot-ztunnel/"
RULES_IN_POD = Rule(
    "AMB-009",
    "the CNI agent has trouble with the rules inside pods",
    Severity.MEDIUM,
    why="Such a pod is outside the mesh, or only half in it.",
    remedy="restart the pod; reboot the node where it was switched from iptables to nftables",
    link=_LINK,
)
PROBE_SET = Rule(
    "AMB-018",
    "the CNI agent has lost a pod from its set of probed addresses",
    Severity.MEDIUM,
    why="The kubelet's probes of the pod are taken for traffic of the mesh, and fail.",
    remedy="restart the CNI agent of the node",
    link=_LINK,
)
DRAINED = Rule(
    "AMB-049",
    "a ztunnel was ended before its connections were",
    Severity.MEDIUM,
    why="Connections that were still open were cut.",
    remedy="drain a node before its ztunnel is upgraded; raise terminationGracePeriodSeconds of the DaemonSet",
    link="docs/ambient/upgrade/helm/",
)
PINGS = Rule(
    "AMB-051",
    "ztunnels lose the peers of their tunnels",
    Severity.MEDIUM,
    why="All connections in such a tunnel are cut.",
    remedy="where it is one node, see what is wrong with the nodes that it talks to; where it is many, see the network",
    link=_LINK,
)
CONNECT = Rule(
    "AMB-052",
    "connections to a workload fail again and again",
    Severity.MEDIUM,
    why="Its callers get resets.",
    remedy="where it is refused, see whether the application listens on its pod's address, not on 127.0.0.1 alone",
    link=_LINK,
)
NO_PORT = Rule(
    "AMB-065",
    "callers use a port that the mesh cannot resolve",
    Severity.MEDIUM,
    why="These calls fail: no port of the Service leads there.",
    remedy="declare the port in the Service; a port that is named must be there in the pod",
    link=_LINK,
)
UNKNOWN = Rule(
    "AMB-067",
    "pods called before their ztunnel knew them",
    Severity.MEDIUM,
    why="What they called first failed: a Job that calls at once and does not try again ends so.",
    remedy="try again in the application, or start it later; see how long istiod takes to tell of new pods",
    link=_LINK,
)

_OFTEN, _MANY, _MINUTE = 5, 3, timedelta(minutes=1)


def _told(
    snapshot: Snapshot, rule: Rule, *, agents: bool = False
) -> Iterator[tuple[Pod, Written] | Unsure]:
    """What the logs of one of the two tell, and whose are not known."""
    missing: dict[str, list[Pod]] = {}
    for pod in components.running(snapshot):
        asked = tail(snapshot, pod)
        if asked is None or components.is_cni(pod.labels) is not agents:
            continue
        answer = snapshot.tails.get(asked, Answer())
        if isinstance(answer.value, Written):
            yield pod, answer.value
        else:
            why = answer.problem.text if answer.problem else "nobody asked for them"
            missing.setdefault(why, []).append(pod)
    for why, pods in missing.items():
        whose = count(len(pods), "CNI agent" if agents else "ztunnel")
        yield Unsure(rule, f"the logs of {whose} were not read: {why}", pod_ref(pods[0]))


class _Said(NamedTuple):
    """One line of one pod."""

    pod: Pod
    line: Line

    @property
    def shown(self) -> Evidence:
        return seen(pod_ref(self.pod), "log", self.line.text, self.line.at)


def _said(told: Iterable[tuple[Pod, Written] | Unsure], *signs: str) -> list[_Said]:
    return [
        _Said(each[0], line)
        for each in told
        if not isinstance(each, Unsure)
        for line in each[1].lines
        if line.sign in signs
    ]


def _unsure(told: Iterable[tuple[Pod, Written] | Unsure]) -> Iterator[Unsure]:
    return (each for each in told if isinstance(each, Unsure))


def rules_in_pods(snapshot: Snapshot) -> Findings:
    """What is said of pods that are there still; of one without its place on the node, once it is no longer new."""
    told = [*_told(snapshot, RULES_IN_POD, agents=True)]
    yield from _unsure(told)
    said = [
        each
        for each in _said(told, *(sign for sign in AGENT if sign not in PROBED))
        if _stands(snapshot, each.line)
    ]
    for (sign, agent), group in grouped(said, lambda each: (each.line.sign, each.pod)).items():
        named = list(dict.fromkeys(filter(None, (each.line.named() for each in group))))
        of_pods = f", of {listed(named)}" if named else ""
        says = f"the CNI agent of node {agent.node} says: {sign}{of_pods}"
        refs = (*(Ref(POD, *each.split("/", 1)) for each in named), pod_ref(agent))
        yield Found(RULES_IN_POD, refs, says, tuple(each.shown for each in group[:SHOWN]))


def _stands(snapshot: Snapshot, line: Line) -> bool:
    named = line.named()
    it = snapshot.find(POD, *named.split("/", 1)) if named else None
    if named and it is None:
        return False
    if line.sign != "can't find netns":
        return True
    pod = next((each.pod for each in enrolled(snapshot) if each.pod.key == named), None)
    return pod is not None and line.at is not None and older(pod.created, line.at, 60)


def probe_set(snapshot: Snapshot) -> Findings:
    """Captured pods that are not ready and of which the agent says so."""
    told = [*_told(snapshot, PROBE_SET, agents=True)]
    yield from _unsure(told)
    by_pod: Mapping[str, list[_Said]] = grouped(
        _said(told, *PROBED), lambda each: each.line.named()
    )
    for each in enrolled(snapshot) if by_pod else ():
        said = by_pod.get(each.pod.key, ())
        if said and not each.pod.healthy:
            says = f"pod {each.pod.key} is not ready, and the CNI agent of its node says: {said[-1].line.sign}"
            yield Found(PROBE_SET, (each.ref, pod_ref(said[-1].pod)), says, (said[-1].shown,))


def drained(snapshot: Snapshot) -> Findings:
    told = [*_told(snapshot, DRAINED)]
    yield from _unsure(told)
    for pod, group in grouped(_said(told, ZTUNNEL[0]), lambda each: each.pod).items():
        says = (
            f"ztunnel {pod.name} of node {pod.node} was told to end, and did with connections open"
        )
        yield Found(DRAINED, (pod_ref(pod),), says, (group[-1].shown,))


def pings(snapshot: Snapshot) -> Findings:
    """One broken tunnel is a pod that was replaced; several are told."""
    told = [*_told(snapshot, PINGS)]
    yield from _unsure(told)
    said = _said(told, ZTUNNEL[1])
    if len(said) >= _MANY:
        by_pod = grouped(said, lambda each: each.pod)
        where = listed([pod.node for pod in by_pod])
        says = f"{count(len(said), 'tunnel')} of ztunnels on {where} broke: their peers did not answer pings"
        shown = tuple(group[-1].shown for group in [*by_pod.values()][:SHOWN])
        yield Found(PINGS, tuple(map(pod_ref, by_pod)), says, shown)


def connects(snapshot: Snapshot) -> Findings:
    """More than five within a minute to one workload. Both ends may tell of the same one: the server's ztunnel counts
    where it told of any."""
    told = [*_told(snapshot, CONNECT)]
    yield from _unsure(told)
    failed = [
        (pod, line)
        for each in told
        if not isinstance(each, Unsure)
        for pod, written in [each]
        for line in written.failed
    ]
    for (namespace, name), group in grouped(failed, _destination).items():
        inward = [each for each in group if each[1].direction is Direction.INBOUND]
        counted = inward or group
        if not name or not _is_often([line.at for _, line in counted]):
            continue
        ref = Ref(POD, namespace, name)
        last = counted[-1][1]
        says = f"{count(len(counted), 'connection')} to {ref.key} failed within ten minutes: {last.error}"
        shown = tuple(
            seen(pod_ref(pod), "log: error", line.error, line.at) for pod, line in counted[-SHOWN:]
        )
        causes = tuple((code, ref) for code in ("AMB-001", "AMB-010", "AMB-014", "AMB-064"))
        yield Found(CONNECT, (ref,), says, shown, symptom_of=causes)


def _destination(each: tuple[Pod, AccessLine]) -> tuple[str, str]:
    return each[1].destination.namespace, each[1].destination.workload


def _is_often(times: Sequence[datetime]) -> bool:
    known = sorted(times)
    return any(later - at <= _MINUTE for at, later in zip(known, known[_OFTEN:], strict=False))


def no_port(snapshot: Snapshot) -> Findings:
    told = [*_told(snapshot, NO_PORT)]
    yield from _unsure(told)
    for asked, group in grouped(_said(told, ZTUNNEL[2], ZTUNNEL[3]), _asked).items():
        service = re.match(r"(?:([a-z0-9-]+)/)?([a-z0-9-]+)\.([a-z0-9-]+)\.svc\.", asked)
        known = service and snapshot.find(SERVICE, service[3], service[2])
        refs = (Ref(SERVICE, service[3], service[2]),) if service and known else ()
        callers = dict.fromkeys(each.pod for each in group)
        says = f"{count(len(group), 'call')} to {asked}: no port there leads to a pod"
        yield Found(NO_PORT, (*refs, *map(pod_ref, callers)), says, (group[-1].shown,))


def _asked(said: _Said) -> str:
    found = re.search(
        r"requested service (\S+) found, but|no service for target address: ([^\s\"]+)",
        said.line.text,
    )
    return (found[1] or found[2]) if found else "an address that it does not tell"


def unknown(snapshot: Snapshot) -> Findings:
    told = [*_told(snapshot, UNKNOWN)]
    yield from _unsure(told)
    for pod, group in grouped(_said(told, ZTUNNEL[4], ZTUNNEL[5]), lambda each: each.pod).items():
        times = count(len(group), "time")
        says = (
            f"ztunnel {pod.name} of node {pod.node} waited in vain, {times}, to be told of a caller"
        )
        yield Found(UNKNOWN, (pod_ref(pod),), says, tuple(each.shown for each in group[:SHOWN]))


ANALYZERS = tuple(
    Analyzer(name, (rule,), capture.NEEDS, run, asked_for=True)
    for name, rule, run in (
        ("rules inside pods", RULES_IN_POD, rules_in_pods),
        ("probed addresses", PROBE_SET, probe_set),
        ("ztunnels ended early", DRAINED, drained),
        ("tunnels without an answer", PINGS, pings),
        ("connections that fail", CONNECT, connects),
        ("ports that nobody resolves", NO_PORT, no_port),
        ("callers not known yet", UNKNOWN, unknown),
    )
)
