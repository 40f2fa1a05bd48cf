"""DNS: names that ztunnels ask others for in vain, or too long (doctor-rules.md, AMB-060)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from meshtui.mesh import nodes, ztunnel_probes
from meshtui.mesh.doctor.ambient import failures
from meshtui.mesh.doctor.ambient.evidence import pod_ref, seen
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.findings import Found, Rule, Severity, Unsure
from meshtui.mesh.metrics import Dns, Metrics
from meshtui.mesh.nodes import Node
from meshtui.mesh.snapshot import Answer, Probe, Snapshot

FAILING = Rule(
    "AMB-060",
    "names cannot be resolved through a ztunnel",
    Severity.HIGH,
    why="Captured pods of its node ask it for every name: their calls fail before they begin, or wait.",
    remedy="see whether the ztunnel reaches the cluster's DNS: a node-local address, a NetworkPolicy before it",
    link="docs/ambient/usage/troubleshoot-ztunnel/",
)
_FEW, _SHARE = 5, 0.01
"""Fewer than so many tell nothing; from this share on it is a fault."""


def failing(snapshot: Snapshot) -> Findings:
    yield from failures.unread(snapshot, FAILING)
    known, answers = nodes.of(snapshot), snapshot.answers
    yield from snapshot.memo.kept("names", lambda: [*_failing(known, answers)], (known, answers))


def _failing(
    known: Mapping[str, Node], answers: Mapping[Probe, Answer]
) -> Iterator[Found | Unsure]:
    for node in known.values():
        for pod in (each.pod for each in node.ztunnels):
            answer = answers.get(ztunnel_probes.metrics(pod.namespace, pod.name), Answer())
            now, before = answer.value, answer.before
            if not isinstance(now, Metrics) or now.dns.failed + now.dns.slow < _FEW:
                continue
            if not isinstance(before, Metrics):
                said = f"the counters of ztunnel {pod.name} were read once: whether they rise is not known"
                yield Unsure(FAILING, said, pod_ref(pod))
                continue
            asked, failed, slow = _risen(now.dns, before.dns)
            wrong = {"failed": failed, "took longer than a second": slow}
            told = [
                f"{times} {what}"
                for what, times in wrong.items()
                if times >= _FEW and times > _SHARE * asked
            ]
            if told:
                says = f"ztunnel {pod.name} of node {node.name}: of {asked} questions for names {' and '.join(told)}"
                field = "metrics: istio_dns_upstream_{requests,failures}_total, _request_duration_seconds"
                values = f"{now.dns.asked}, {now.dns.failed}, {now.dns.slow} over 1 s"
                shown = (seen(pod_ref(pod), field, values, answer.at),)
                yield Found(FAILING, (pod_ref(pod),), says, shown)


def _risen(now: Dns, before: Dns) -> Dns:
    """One that has fallen tells of a restart."""
    return Dns(*(max(0, each - old) for each, old in zip(now, before, strict=True)))


ANALYZERS = (Analyzer("names that do not resolve", (FAILING,), nodes.KINDS, failing),)
