"""Plain text: callers outside the mesh that servers under STRICT refuse, by the counters of ztunnels (doctor-rules.md,
AMB-032)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from meshtui.mesh import nodes, pods, ztunnel_probes
from meshtui.mesh.checks import count
from meshtui.mesh.doctor.ambient import capture
from meshtui.mesh.doctor.ambient.evidence import enrolled, grouped, pod_ref, seen
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.findings import Found, Rule, Severity
from meshtui.mesh.kinds import PEER_AUTHENTICATION
from meshtui.mesh.metrics import Metrics, Pair
from meshtui.mesh.peer_authentication import Mode
from meshtui.mesh.pods import Pod
from meshtui.mesh.snapshot import Answer, Ref, Snapshot
from meshtui.mesh.workloads import Workload

REFUSED = Rule(
    "AMB-032",
    "plain text is refused, since mTLS is STRICT",
    Severity.HIGH,
    why="The caller is outside the mesh, or not captured, and each of its calls is reset.",
    remedy="enroll the caller, or set PERMISSIVE for that port by portLevelMtls of a PeerAuthentication",
    link="docs/reference/config/security/peer_authentication/",
)


def refused(snapshot: Snapshot) -> Findings:
    """High while the counters rise; of what was refused before, for information."""
    for node in nodes.of(snapshot).values():
        for pod in (each.pod for each in node.ztunnels):
            answer = snapshot.answers.get(ztunnel_probes.metrics(pod.namespace, pod.name), Answer())
            counted = answer.value
            refusals = counted.plain_refused if isinstance(counted, Metrics) else {}
            for pair, times in refusals.items():
                strict = snapshot.once(_strict, enrolled(snapshot))
                servers = strict.get((pair.namespace, pair.workload), ())
                if servers:
                    yield _found(snapshot, pair, times, answer, servers, pod_ref(pod))


def _strict(every: Sequence[Workload]) -> Mapping[tuple[str, str], list[Workload]]:
    """The pods under STRICT, by namespace and workload."""
    under = (
        each
        for each in every
        if each.mtls.mode is Mode.STRICT or Mode.STRICT in each.mtls.ports.values()
    )
    return grouped(under, lambda each: (each.pod.namespace, _workload(each.pod)))


def _workload(pod: Pod) -> str:
    """As a ztunnel calls it: by its controller, else by itself."""
    return pod.controller.partition("/")[2] or pod.name


def _found(
    snapshot: Snapshot,
    pair: Pair,
    times: int,
    answer: Answer,
    servers: Sequence[Workload],
    ztunnel: Ref,
) -> Found:
    before = (
        answer.before.plain_refused.get(pair, 0) if isinstance(answer.before, Metrics) else times
    )
    rises = times > before
    callers = [
        pod
        for pod in pods.of(snapshot).values()
        if pod.namespace == pair.source_namespace and _workload(pod) == pair.source
    ]
    who = f"{pair.source_namespace}/{pair.source}" if callers else "a caller that is no pod here"
    says = (
        f"{pair.namespace}/{pair.workload} refused {count(times, 'connection')} in plain text from {who}"
        f" since its ztunnel started{', and more come' if rises else ''}"
    )
    decider = servers[0].mtls.decided_by.split("/", 1)
    shown = [
        seen(
            ztunnel,
            "metrics: istio_tcp_connections_failed_total, response_flags=DENY",
            str(times),
            answer.at,
        )
    ]
    if len(decider) == 2:
        shown.append(seen(Ref(PEER_AUTHENTICATION, *decider), "spec.mtls.mode", "STRICT"))
    refs = (*map(pod_ref, callers), *(each.ref for each in servers))
    causes = tuple((code, pod_ref(pod)) for pod in callers for code in ("AMB-002", "AMB-001"))
    return Found(
        REFUSED,
        refs,
        says,
        tuple(shown),
        severity=None if rises else Severity.INFO,
        symptom_of=causes,
    )


ANALYZERS = (
    Analyzer("plain text to STRICT", (REFUSED,), (PEER_AUTHENTICATION, *capture.NEEDS), refused),
)
