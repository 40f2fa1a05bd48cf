"""Failures: connections that are refused or do not get through, by the counters of the ztunnels (doctor-rules.md,
AMB-013, AMB-032, AMB-034 and AMB-058)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from meshtui.mesh import nodes, pods, workloads, ztunnel_probes
from meshtui.mesh.checks import count
from meshtui.mesh.doctor.ambient import capture
from meshtui.mesh.doctor.ambient.evidence import SHOWN, grouped, pod_ref, seen
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.findings import Evidence, Found, Rule, Severity, Unsure
from meshtui.mesh.kinds import PEER_AUTHENTICATION
from meshtui.mesh.metrics import Failure, Metrics
from meshtui.mesh.nodes import Node
from meshtui.mesh.peer_authentication import Mode
from meshtui.mesh.pods import Pod
from meshtui.mesh.snapshot import Answer, Probe, Ref, Scope, Snapshot
from meshtui.mesh.workloads import Workload

BLOCKED = Rule(
    "AMB-013",
    "something between nodes blocks the mesh",
    Severity.HIGH,
    why="Connections to TCP 15008 time out after 10 s, though no NetworkPolicy of Kubernetes keeps them out.",
    remedy="open TCP 15008 between nodes: the node's firewall, security groups, or policies of the CNI itself",
    link="docs/ambient/usage/networkpolicy/",
)
REFUSED = Rule(
    "AMB-032",
    "plain text is refused, since mTLS is STRICT",
    Severity.HIGH,
    why="The caller is outside the mesh, or not captured, and each of its calls is reset.",
    remedy="enroll the caller, or set PERMISSIVE for that port by portLevelMtls of a PeerAuthentication",
    link="docs/reference/config/security/peer_authentication/",
)
DENIED = Rule(
    "AMB-034",
    "policies refuse connections",
    Severity.HIGH,
    why="It may be meant so; where it is not, a caller that is needed does not get through.",
    remedy="see the policies of the workload in the pane Services, and whether one should admit the caller",
    link="docs/ambient/usage/l4-policy/",
)
REVOKED = Rule(
    "AMB-058",
    "a certificate that was revoked is still in use",
    Severity.MEDIUM,
    why="Whoever holds it is refused by all that know of the revocation.",
    remedy="restart the workload, so that it is given another certificate",
    link="docs/tasks/security/cert-management/plugin-ca-cert/",
)
_COUNTER = "metrics: istio_tcp_connections_failed_total"


class _Counted(NamedTuple):
    """One kind of failure at one ztunnel."""

    failure: Failure
    times: int
    risen: int | None
    """Since the reading before; None where there was none."""
    per_minute: float
    ztunnel: Pod
    at: datetime | None

    @property
    def caller(self) -> str:
        return f"{self.failure.source_namespace}/{self.failure.source}"

    @property
    def server(self) -> str:
        return f"{self.failure.namespace}/{self.failure.workload}"

    @property
    def shown(self) -> Evidence:
        said = f"{self.failure.flag} {self.times}, {self.caller} to {self.server}"
        return seen(pod_ref(self.ztunnel), _COUNTER, said, self.at)


def _counted(snapshot: Snapshot, flag: str, reporter: str) -> Iterator[_Counted]:
    return (
        each
        for each in _known_counters(snapshot).counted
        if (each.failure.flag, each.failure.reporter) == (flag, reporter)
    )


class _Counters(NamedTuple):
    """What all ztunnels count, and of whom it is not known."""

    counted: Sequence[_Counted]
    unread: Mapping[str, Sequence[Pod]]
    """By why not."""


def _known_counters(snapshot: Snapshot) -> _Counters:
    found = nodes.of(snapshot)
    return snapshot.memo.kept(
        "failures", lambda: _counters(found, snapshot.answers), (found, snapshot.answers)
    )


def _counters(found: Mapping[str, Node], answers: Mapping[Probe, Answer]) -> _Counters:
    counted: list[_Counted] = []
    unread: dict[str, list[Pod]] = {}
    for pod in (each.pod for node in found.values() for each in node.ztunnels):
        answer = answers.get(ztunnel_probes.metrics(pod.namespace, pod.name), Answer())
        if isinstance(answer.value, Metrics):
            failures = answer.value.failures.items()
            counted += (_compared(failure, times, answer, pod) for failure, times in failures)
        else:
            why = answer.problem.text if answer.problem else "they were not read"
            unread.setdefault(why, []).append(pod)
    return _Counters(counted, unread)


def unread(snapshot: Snapshot, rule: Rule) -> Iterator[Unsure]:
    """Of ztunnels whose counters are not known."""
    for why, silent in _known_counters(snapshot).unread.items():
        said = f"the counters of {count(len(silent), 'ztunnel')} are not known: {why}"
        yield Unsure(rule, said, pod_ref(silent[0]))


def _unsure(snapshot: Snapshot, rule: Rule, flag: str, reporter: str) -> Iterator[Unsure]:
    """The same, and of those that have counted such a failure and were read once."""
    yield from unread(snapshot, rule)
    once = [each for each in _counted(snapshot, flag, reporter) if each.risen is None]
    if once:
        asked = list(dict.fromkeys(each.ztunnel for each in once))
        said = f"the counters of {count(len(asked), 'ztunnel')} were read once: whether they rise is not known"
        yield Unsure(rule, said, pod_ref(asked[0]))


def _compared(failure: Failure, times: int, answer: Answer, pod: Pod) -> _Counted:
    """With the reading before; a counter that has fallen tells of a restart."""
    if not isinstance(answer.before, Metrics) or answer.at is None or answer.before_at is None:
        return _Counted(failure, times, None, 0.0, pod, answer.at)
    risen = max(0, times - answer.before.failures.get(failure, 0))
    minutes = max((answer.at - answer.before_at).total_seconds() / 60, 1 / 60)
    return _Counted(failure, times, risen, risen / minutes, pod, answer.at)


def refused(snapshot: Snapshot) -> Findings:
    """High while the counters rise; of what was refused before, for information."""
    yield from _unsure(snapshot, REFUSED, "DENY", "destination")
    plain = [each for each in _counted(snapshot, "DENY", "destination") if each.failure.plain]
    if not plain:
        return
    known = _known(snapshot)
    for pair in _between(plain):
        servers = [it for it in known(pair[0].server) if _is_strict(it)]
        if servers:
            yield _refused(pair, known(pair[0].caller), servers)


def _between(counted: Iterable[_Counted]) -> Iterable[Sequence[_Counted]]:
    """By caller and server: what several ztunnels count of the same two has one cause."""
    return grouped(counted, lambda each: (each.caller, each.server)).values()


def _known(snapshot: Snapshot) -> Callable[[str], Sequence[Workload]]:
    """The pods of a workload, as ztunnels call it: by its controller, else by the pod itself."""
    named = snapshot.memo.grouped("by controller", pods.of(snapshot), _controller)
    every = workloads.by_pod(snapshot)
    return lambda name: [every[pod.key] for pod in named.get(name, ())]


def _controller(pod: Pod) -> str:
    return f"{pod.namespace}/{pod.controller.partition('/')[2] or pod.name}"


def _is_strict(each: Workload) -> bool:
    strict = each.mtls.mode is Mode.STRICT or Mode.STRICT in each.mtls.ports.values()
    return strict and each.pod.redirection == "enabled"


def _refused(
    pair: Sequence[_Counted], callers: Sequence[Workload], servers: Sequence[Workload]
) -> Found:
    who = pair[0].caller if callers else "a caller that is no pod here"
    rises = any(each.risen for each in pair)
    says = (
        f"{pair[0].server} refused {_times(pair)} in plain text from {who}"
        f" since {'its ztunnel' if len(pair) == 1 else 'their ztunnels'} started"
        f"{', and more come' if rises else ''}"
    )
    decider = servers[0].mtls.decided_by.split("/", 1)
    shown = [each.shown for each in pair[:SHOWN]]
    if len(decider) == 2:
        shown.append(seen(Ref(PEER_AUTHENTICATION, *decider), "spec.mtls.mode", "STRICT"))
    refs = tuple(it.ref for it in (*callers, *servers))
    causes = tuple((code, it.ref) for it in callers for code in ("AMB-002", "AMB-001"))
    severity = None if rises else Severity.INFO
    return Found(REFUSED, refs, says, tuple(shown), severity=severity, symptom_of=causes)


def _times(pair: Iterable[_Counted]) -> str:
    return count(sum(each.times for each in pair), "connection")


def blocked(snapshot: Snapshot) -> Findings:
    """What NetworkPolicies do not explain, by the nodes of those who are not reached."""
    yield from _unsure(snapshot, BLOCKED, "NETWORK_POLICY", "source")
    rising = [
        each
        for each in _counted(snapshot, "NETWORK_POLICY", "source")
        if each.risen and each.times >= 3
    ]
    if not rising:
        return
    known = _known(snapshot)
    for each in rising:
        callers = [it for it in known(each.caller) if it.pod.node == each.ztunnel.node]
        servers = known(each.server)
        if not servers:
            continue
        where = sorted({it.pod.node for it in servers if it.pod.node})
        says = (
            f"{each.caller} on node {each.ztunnel.node} does not reach {each.server}"
            f" (on {', '.join(where)}): {count(each.times, 'connection')} timed out, and more do"
        )
        refs = (*(it.ref for it in callers), *(it.ref for it in servers))
        causes = [("AMB-010", it.ref) for it in servers] + [("AMB-011", it.ref) for it in callers]
        yield Found(BLOCKED, refs, says, (each.shown,), symptom_of=tuple(causes))


def denied(snapshot: Snapshot) -> Findings:
    """While it goes on; for information below one a minute, since denials may be meant."""
    yield from _unsure(snapshot, DENIED, "DENY", "destination")
    rising = [
        each
        for each in _counted(snapshot, "DENY", "destination")
        if each.risen and not each.failure.plain
    ]
    if not rising:
        return
    known = _known(snapshot)
    for pair in _between(rising):
        server, caller = pair[0].server, pair[0].caller
        servers, callers = known(server), known(caller)
        if not servers:
            continue
        says = f"{server} refuses {caller}: {_times(pair)}, and more come"
        refs = (*(it.ref for it in servers), *(it.ref for it in callers))
        severity = Severity.INFO if sum(each.per_minute for each in pair) < 1 else None
        shown = tuple(each.shown for each in pair[:SHOWN])
        yield Found(DENIED, refs, says, shown, severity=severity)


def revoked(snapshot: Snapshot) -> Findings:
    yield from unread(snapshot, REVOKED)
    found = [
        each
        for side in ("source", "destination")
        for each in _counted(snapshot, "CERT_REVOKED", side)
    ]
    if not found:
        return
    known = _known(snapshot)
    for each in found:
        refs = (*(it.ref for it in known(each.caller)), pod_ref(each.ztunnel))
        says = f"{count(each.times, 'connection')} from {each.caller} to {each.server} refused: certificate revoked"
        yield Found(REVOKED, refs, says, (each.shown,))


ANALYZERS = (
    Analyzer(
        "plain text to STRICT", (REFUSED,), (Scope(PEER_AUTHENTICATION), *capture.NEEDS), refused
    ),
    Analyzer("tunnels that are blocked", (BLOCKED,), nodes.KINDS, blocked),
    Analyzer("connections that policies refuse", (DENIED,), nodes.KINDS, denied),
    Analyzer("certificates that were revoked", (REVOKED,), nodes.KINDS, revoked),
)
