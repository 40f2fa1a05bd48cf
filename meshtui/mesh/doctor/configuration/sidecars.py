"""Sidecars (the resource): that select no pod, the same pods, or what has no sidecar (IST0101, 0110, 0111, 0167)."""

from __future__ import annotations

from collections.abc import Iterator

from meshtui.mesh.doctor.configuration import clashes
from meshtui.mesh.doctor.configuration.membership import is_ambient, namespaces
from meshtui.mesh.doctor.configuration.objects import (
    ERROR,
    WARNING,
    analyzer,
    every,
    found,
    labels,
    listed,
    ref,
)
from meshtui.mesh.doctor.configuration.references import NOT_FOUND
from meshtui.mesh.doctor.findings import Found, Rule
from meshtui.mesh.kinds import NAMESPACE, POD, SIDECAR
from meshtui.mesh.raw import Raw, name, namespace, strings
from meshtui.mesh.snapshot import Snapshot

SAME_PODS = Rule(
    "IST0110",
    "several Sidecars select one pod",
    ERROR,
    why="Only one of them holds for the pod, and which one is not defined.",
    remedy="make their selectors exclude each other, or merge them",
    link="docs/reference/config/analysis/ist0110/",
)
SAME_NAMESPACE = Rule(
    "IST0111",
    "several Sidecars of a namespace have no selector",
    ERROR,
    why="Only one of them holds for the namespace, and which one is not defined.",
    remedy="keep one for the namespace, and give the others a selector",
    link="docs/reference/config/analysis/ist0111/",
)
NO_EFFECT = Rule(
    "IST0167",
    "a Sidecar is meant for pods in ambient, where it has no effect",
    WARNING,
    why="Pods in ambient have no sidecar: what it limits or opens is not limited or opened.",
    remedy="remove it; what it was to keep out, an AuthorizationPolicy keeps out in ambient",
    link="docs/reference/config/analysis/ist0167/",
)

_SELECTOR = ("spec", "workloadSelector", "labels")


def sidecars(snapshot: Snapshot) -> Iterator[Found]:
    several = clashes.selecting(snapshot, SIDECAR, _SELECTOR)
    yield from clashes.without_pods(several, SIDECAR, _SELECTOR)
    for it, _, taken in several:
        pods = [pod for alike in taken if alike.ambient for pod in alike.pods]
        if pods:
            says = f"it selects pods in ambient: {listed(sorted(pods))}"
            yield found(NO_EFFECT, SIDECAR, it, says, ".".join(_SELECTOR), listed(sorted(pods)))
    for it, others, pod in clashes.clashes(several, in_ambient=False):
        says = f"pod {pod} is selected by {listed(map(name, others))} too"
        refs = [ref(SIDECAR, each) for each in others]
        yield found(SAME_PODS, SIDECAR, it, says, ".".join(_SELECTOR), pod, *refs)
    yield from _wide(snapshot)


def _wide(snapshot: Snapshot) -> Iterator[Found]:
    by_namespace: dict[str, list[Raw]] = {}
    for it in every(snapshot, SIDECAR):
        if not strings(it, *_SELECTOR):
            by_namespace.setdefault(namespace(it), []).append(it)
    known = namespaces(snapshot)
    for where, several in by_namespace.items():
        ambient = is_ambient(labels(known.get(where, {})))
        for it in several if ambient or len(several) > 1 else ():
            if ambient:
                says = f"namespace {where} is in ambient"
                yield found(NO_EFFECT, SIDECAR, it, says, ".".join(_SELECTOR), "–")
            else:
                says = f"namespace {where} has {len(several)} without selector: "
                says += listed(map(name, several))
                yield found(SAME_NAMESPACE, SIDECAR, it, says, ".".join(_SELECTOR), "–")


ANALYZERS = (
    analyzer(
        "sidecar.SelectorAnalyzer",
        (SAME_PODS, SAME_NAMESPACE, NO_EFFECT, NOT_FOUND),
        (SIDECAR, POD, NAMESPACE),
        sidecars,
        looks_up=(NAMESPACE,),
        looks_around=(POD,),
    ),
)
