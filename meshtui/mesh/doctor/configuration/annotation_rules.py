"""Annotations of Istio: unknown, misplaced, not valid, deprecated, alpha (IST0107, 0108, 0125, 0135, 0136)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from meshtui.mesh.doctor.configuration.annotation_table import ANNOTATIONS, ANY
from meshtui.mesh.doctor.configuration.annotation_values import problem
from meshtui.mesh.doctor.configuration.membership import INJECT
from meshtui.mesh.doctor.configuration.objects import (
    INFO,
    WARNING,
    analyzer,
    found,
    judged,
    labels,
)
from meshtui.mesh.doctor.findings import Found, Rule
from meshtui.mesh.kinds import DEPLOYMENT, NAMESPACE, POD, SERVICE, Kind
from meshtui.mesh.raw import Raw, entries, strings, text
from meshtui.mesh.snapshot import Snapshot

MISPLACED = Rule(
    "IST0107",
    "an annotation of Istio stands on a kind that it does nothing for",
    WARNING,
    why="It has no effect there: what it asks for does not happen.",
    remedy="move it to the kind it belongs on; of a Deployment that is mostly its pod template",
    link="docs/reference/config/analysis/ist0107/",
)
UNKNOWN = Rule(
    "IST0108",
    "an annotation looks like one of Istio's, and Istio does not know it",
    WARNING,
    why="It has no effect: often a letter is wrong.",
    remedy="look its name up in Istio's list of annotations",
    link="docs/reference/config/annotations/",
)
INVALID = Rule(
    "IST0125",
    "an annotation of Istio has a value that is not valid",
    WARNING,
    why="Injection fails with it, or goes on as if it were not there.",
    remedy="correct the value; the pod takes it once it is made anew",
    link="docs/reference/config/analysis/ist0125/",
)
DEPRECATED = Rule(
    "IST0135",
    "an annotation of Istio is deprecated",
    INFO,
    why="A later Istio passes over it.",
    remedy="use what Istio's list of annotations names in its place",
    link="docs/reference/config/annotations/",
)
ALPHA = Rule(
    "IST0136",
    "an annotation of Istio is alpha",
    INFO,
    why="It may change or go with any release.",
    remedy="look at what the notes of a release say of it before each upgrade",
    link="docs/reference/config/annotations/",
)

_KINDS = (NAMESPACE, SERVICE, POD, DEPLOYMENT)
_SET_BY_ISTIO = (
    "sidecar.istio.io/status",
    "gateway.istio.io/controller-version",
    "istio.io/rev",
)
_SET_BY_CNI = (
    "sidecar.istio.io/interceptionMode",
    "traffic.sidecar.istio.io/includeInboundPorts",
    "traffic.sidecar.istio.io/excludeInboundPorts",
    "traffic.sidecar.istio.io/includeOutboundIPRanges",
)
"""On pods whose traffic the CNI agent redirects in place of an init container."""


def _of_each(
    judge: Callable[[Kind, Raw], tuple[Found, ...]],
) -> Callable[[Snapshot], Iterator[Found]]:
    """An analyzer's function from what is said of one object."""
    judges = {
        kind: partial(judge, kind) for kind in _KINDS
    }  # the same ones at each run: a memo's labels

    def run(snapshot: Snapshot) -> Iterator[Found]:
        for kind, each in judges.items():
            yield from judged(snapshot, kind, each)

    return run


def _judge(kind: Kind, it: Raw) -> tuple[Found, ...]:
    return tuple(
        each
        for key, value in strings(it, "metadata", "annotations").items()
        if _is_istios(key) and key not in _SET_BY_ISTIO
        for each in _wrong(kind, it, key, value)
    )


def _is_istios(key: str) -> bool:
    return key.partition("/")[0].endswith("istio.io") or key == "kubernetes.io/ingress.class"


def _wrong(kind: Kind, it: Raw, key: str, value: str) -> Iterator[Found]:
    known = ANNOTATIONS.get(key)
    field = f"metadata.annotations[{key}]"
    if known is None:
        yield found(UNKNOWN, kind, it, f"Istio knows no annotation {key}", field, value)
        return
    if known.deprecated and not (key == INJECT and INJECT in labels(it)):
        yield found(DEPRECATED, kind, it, f"annotation {key} is deprecated", field, value)
    if ANY in known.kinds:
        return
    if kind.title not in known.kinds:
        says = f"annotation {key} belongs on {' or '.join(known.kinds)}, not on {kind.title}"
        yield found(MISPLACED, kind, it, says, field, value)
        return
    wrong = problem(key, value)
    if wrong:
        yield found(INVALID, kind, it, f"annotation {key}: {wrong}", field, value)


def _alpha(kind: Kind, it: Raw) -> tuple[Found, ...]:
    by_cni = kind == POD and not any(
        text(each, "name") == "istio-init" for each in entries(it, "spec", "initContainers")
    )
    return tuple(
        found(ALPHA, kind, it, f"annotation {key} is alpha", f"metadata.annotations[{key}]", value)
        for key, value in strings(it, "metadata", "annotations").items()
        if _is_istios(key)
        and key in ANNOTATIONS
        and ANNOTATIONS[key].status == "Alpha"
        and key not in _SET_BY_ISTIO
        and not (by_cni and key in _SET_BY_CNI)
    )


ANALYZERS = (
    analyzer(
        "annotations.K8sAnalyzer",
        (MISPLACED, UNKNOWN, INVALID, DEPRECATED),
        _KINDS,
        _of_each(_judge),
    ),
    analyzer("annotations.AlphaAnalyzer", (ALPHA,), _KINDS, _of_each(_alpha), asked_for=True),
)
