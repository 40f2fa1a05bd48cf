"""Capacity: waypoints that cannot grow, or that one node or one pod takes along when it goes (doctor-rules.md,
AMB-071)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from meshtui.mesh import attachments, components, raw, selectors, services
from meshtui.mesh.checks import count
from meshtui.mesh.components import GATEWAY_NAME, PROXIES, PROXY_PODS
from meshtui.mesh.doctor.ambient.evidence import grouped, pod_ref, ref_of, seen
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.findings import Found, Rule, Severity
from meshtui.mesh.kinds import (
    AUTOSCALER,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    ENDPOINT_SLICE,
    GATEWAY,
    NODE,
    POD,
    SERVICE,
)
from meshtui.mesh.pods import Pod
from meshtui.mesh.raw import Raw, conditions, label, number, strings, text
from meshtui.mesh.snapshot import Ref, Scope, Snapshot

CAPACITY = Rule(
    "AMB-071",
    "a waypoint has no capacity to spare",
    Severity.MEDIUM,
    why="All that is bound to it fails, or waits, with it.",
    remedy="give it more replicas, a HorizontalPodAutoscaler and a PodDisruptionBudget, by parametersRef",
    link="docs/ambient/usage/waypoint/",
)
_MANY = 20
"""Services that one pod is too little for."""


def short(snapshot: Snapshot) -> Findings:
    pods = grouped(
        (pod for pod in components.running(snapshot) if components.is_waypoint(pod.labels)),
        lambda pod: f"{pod.namespace}/{pod.labels.get(GATEWAY_NAME, '')}",
    )
    for it in snapshot.raw(DEPLOYMENT):
        if not components.is_waypoint(strings(it, "metadata", "labels")):
            continue
        gateway = f"{raw.namespace(it)}/{label(it, GATEWAY_NAME)}"
        yield from _at_its_limit(snapshot, it)
        yield from _on_one_node(snapshot, it, pods.get(gateway, ()))
        yield from _alone(snapshot, it, gateway)


def _gateway(it: Raw) -> Ref:
    return Ref(GATEWAY, raw.namespace(it), label(it, GATEWAY_NAME))


def _autoscalers(snapshot: Snapshot, it: Raw) -> Sequence[Raw]:
    wanted = (raw.namespace(it), "Deployment", raw.name(it))
    return [
        each
        for each in snapshot.raw(AUTOSCALER)
        if (raw.namespace(each), *(text(each, "spec", "scaleTargetRef", part) for part in _TARGET))
        == wanted
    ]


_TARGET = ("kind", "name")


def _at_its_limit(snapshot: Snapshot, it: Raw) -> Iterator[Found]:
    """By the autoscaler's own word: it would have more than it may."""
    for each in _autoscalers(snapshot, it):
        limited = conditions(each).get("ScalingLimited")
        if limited and limited.status == "True" and limited.reason == "TooManyReplicas":
            most = number(each, "spec", "maxReplicas")
            ref = ref_of(AUTOSCALER, each)
            says = (
                f"waypoint {_gateway(it).key} needs more than the {most} replicas that it may have"
            )
            shown = (seen(ref, "status.conditions[ScalingLimited]", "True (TooManyReplicas)"),)
            yield Found(CAPACITY, (_gateway(it), ref), says, shown, "raise maxReplicas")


def _on_one_node(snapshot: Snapshot, it: Raw, pods: Sequence[Pod]) -> Iterator[Found]:
    nodes = {pod.node for pod in pods}
    if len(pods) > 1 and len(nodes) == 1 and "" not in nodes and len(snapshot.raw(NODE)) > 1:
        says = f"all {len(pods)} pods of waypoint {_gateway(it).key} are on node {min(nodes)}"
        shown = tuple(seen(pod_ref(pod), "spec.nodeName", pod.node) for pod in pods)
        step = "spread them by topologySpreadConstraints, through parametersRef"
        yield Found(CAPACITY, (_gateway(it), *map(pod_ref, pods)), says, shown, step)


def _alone(snapshot: Snapshot, it: Raw, gateway: str) -> Iterator[Found]:
    """One pod, which nobody multiplies or guards, before many Services or before pods that are guarded."""
    unread = not (
        snapshot.source(AUTOSCALER).complete and snapshot.source(DISRUPTION_BUDGET).complete
    )
    wanted = raw.dig(it, "spec", "replicas")
    own = strings(it, "spec", "template", "metadata", "labels")
    budgets = snapshot.raw(DISRUPTION_BUDGET)
    guarded = any(_guards(each, raw.namespace(it), own) for each in budgets)
    if unread or wanted not in (None, 1) or guarded or _autoscalers(snapshot, it):
        return
    bound = [each for each in attachments.of(snapshot).get(gateway, ()) if each.kind == SERVICE]
    served = {f"{each.namespace}/{each.name}" for each in bound}
    behind = _guarded(snapshot, served, budgets)
    if len(served) <= _MANY and not behind:
        return
    says = f"waypoint {gateway} has one replica, and stands before {count(len(served), 'service')}"
    if behind:
        says += f"; {behind[0]} has a PodDisruptionBudget, and its waypoint has none"
    shown = (seen(ref_of(DEPLOYMENT, it), "spec.replicas", "1"),)
    yield Found(CAPACITY, (_gateway(it), ref_of(DEPLOYMENT, it)), says, shown)


def _guarded(snapshot: Snapshot, served: Iterable[str], budgets: Collection[Raw]) -> list[str]:
    """The Services whose pods a budget guards."""
    known = {each.spec.key: each for each in services.of(snapshot)} if budgets else {}
    return sorted(
        key
        for key in served
        if key in known
        and any(
            _guards(budget, pod.pod.namespace, labels)
            for pod in known[key].pods
            for labels in [
                strings(snapshot.find(POD, pod.pod.namespace, pod.pod.name), "metadata", "labels")
            ]
            for budget in budgets
        )
    )


def _guards(budget: Raw, namespace: str, labels: Mapping[str, str]) -> bool:
    if raw.namespace(budget) != namespace or raw.dig(budget, "spec", "selector") is None:
        return False
    try:
        return selectors.read(raw.dig(budget, "spec", "selector")).matches(labels)
    except ValueError:
        return False


ANALYZERS = (
    Analyzer(
        "waypoints without capacity to spare",
        (CAPACITY,),
        (
            PROXIES,
            PROXY_PODS,
            NODE,
            Scope(AUTOSCALER),
            Scope(DISRUPTION_BUDGET),
            ENDPOINT_SLICE,
            *attachments.KINDS,
        ),
        short,
    ),
)
