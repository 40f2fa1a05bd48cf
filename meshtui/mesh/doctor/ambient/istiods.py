"""Istiods: what they tell of proxies that refuse what they send, and of certificates that they do not sign
(doctor-rules.md, AMB-043 and AMB-056)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from meshtui.mesh import istiod_metrics, sync
from meshtui.mesh.components import ISTIOD_PODS
from meshtui.mesh.doctor.ambient.evidence import SHOWN, grouped, pod_ref, seen
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.findings import Found, Rule, Severity, Unsure
from meshtui.mesh.istiod_metrics import Signing
from meshtui.mesh.kinds import POD
from meshtui.mesh.snapshot import Answer, Probe, Ref, Snapshot

REFUSED = Rule(
    "AMB-043",
    "proxies refuse what istiod sends them",
    Severity.HIGH,
    why="They go on with what they had: no later change of that kind arrives.",
    remedy="align the versions of istiod and of these proxies; else mend the object that the error names",
    link="docs/ops/diagnostic-tools/proxy-cmd/",
)
UNSIGNED = Rule(
    "AMB-056",
    "istiod refuses to sign certificates",
    Severity.HIGH,
    why="Whoever asks gets none, and calls in the mesh under that identity fail once the old one expires.",
    remedy="read istiod's log for the caller and the reason: a token of another audience, or a CA that does not answer",
    link="docs/ops/common-problems/security-issues/",
)


def probes(snapshot: Snapshot) -> Sequence[Probe]:
    return (*sync.probes(snapshot), *counters(snapshot))


def counters(snapshot: Snapshot) -> Sequence[Probe]:
    return [istiod_metrics.probe(pod) for pod in istiod_metrics.pods(snapshot)]


def refused(snapshot: Snapshot) -> Findings:
    """By what is refused and why: the same error of many proxies has one cause."""
    told: list[tuple[str, Ref]] = []
    for probe in sync.probes(snapshot):
        answer = snapshot.answers.get(probe, Answer())
        yield from _unread(REFUSED, probe, answer)
        proxies = answer.value if isinstance(answer.value, Mapping) else {}
        for called, synced in proxies.items():
            name, _, namespace = called.rpartition(".")
            for what, state in synced.states.items():
                if state.startswith("refused: "):
                    told.append((f"{what}: {state}", Ref(POD, namespace, name)))
    for says, group in grouped(told, lambda each: each[0]).items():
        refs = tuple(dict.fromkeys(ref for _, ref in group))
        who = f"proxy {refs[0].key}" if len(refs) == 1 else f"{len(refs)} proxies"
        shown = tuple(seen(ref, "istiod: /debug/syncz lastError", says) for ref in refs[:SHOWN])
        yield Found(REFUSED, refs, f"{who} does not take {says}", shown)


def unsigned(snapshot: Snapshot) -> Findings:
    """While the counters rise."""
    for pod in istiod_metrics.pods(snapshot):
        answer = snapshot.answers.get(istiod_metrics.probe(pod), Answer())
        yield from _unread(UNSIGNED, istiod_metrics.probe(pod), answer)
        now, before = answer.value, answer.before
        if not isinstance(now, Signing) or not any(now):
            continue
        if not isinstance(before, Signing):
            said = (
                f"the counters of istiod {pod.name} were read once: whether they rise is not known"
            )
            yield Unsure(UNSIGNED, said, pod_ref(pod))
            continue
        risen = [max(0, each - old) for each, old in zip(now, before, strict=True)]
        told = [f"{times} {what}" for times, what in zip(risen, _WHAT, strict=True) if times]
        if told:
            shown = tuple(
                seen(pod_ref(pod), f"metrics: citadel_server_{name}", str(value), answer.at)
                for name, value in zip(_NAMES, now, strict=True)
            )
            says = (
                f"istiod {pod.name} refused requests for certificates just now: {', '.join(told)}"
            )
            yield Found(UNSIGNED, (pod_ref(pod),), says, shown)


_WHAT = ("could not be signed", "came from nobody that it knows")
_NAMES = ("csr_sign_err_count", "authentication_failure_count")


def _unread(rule: Rule, probe: Probe, answer: Answer) -> Iterator[Unsure]:
    if answer.value is None:
        why = answer.problem.text if answer.problem else "it was not asked"
        ref = Ref(POD, probe.namespace, probe.pod)
        yield Unsure(rule, f"istiod {probe.pod} does not tell: {why}", ref)


ANALYZERS = (
    Analyzer("proxies that refuse", (REFUSED,), (ISTIOD_PODS,), refused, asked_for=True),
    Analyzer("certificates not signed", (UNSIGNED,), (ISTIOD_PODS,), unsigned, asked_for=True),
)
