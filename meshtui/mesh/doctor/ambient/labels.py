"""Labels of the mesh that stand on the wrong object or are misspelt (doctor-rules.md, AMB-007)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from meshtui.mesh import pods
from meshtui.mesh.capture import DATAPLANE_MODE
from meshtui.mesh.checks import count
from meshtui.mesh.components import MANAGED
from meshtui.mesh.doctor.ambient.evidence import SHOWN, grouped, ref_of, seen
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.findings import Found, Rule, Severity
from meshtui.mesh.kinds import DEPLOYMENT, NAMESPACE, POD, SERVICE, STATEFULSET
from meshtui.mesh.pods import Pod
from meshtui.mesh.raw import Raw, label, strings
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.waypoints import USE_WAYPOINT, USE_WAYPOINT_NAMESPACE

MISPLACED = Rule(
    "AMB-007",
    "a label of the mesh is on the wrong object, or misspelt",
    Severity.MEDIUM,
    why="Nobody reads it, so that what it asks for does not happen.",
    remedy="put it on the namespace, or on the pod template of the workload",
    link="docs/ambient/usage/add-workloads/",
)
_KNOWN = (DATAPLANE_MODE, USE_WAYPOINT, USE_WAYPOINT_NAMESPACE)
_READ = frozenset((*_KNOWN, "istio.io/waypoint-for", "istio.io/ingress-use-waypoint"))


class _Odd(NamedTuple):
    """What is wrong with one label or annotation."""

    field: str
    value: str
    says: str


def misplaced(snapshot: Snapshot) -> Findings:
    for kind in (NAMESPACE, DEPLOYMENT, STATEFULSET, SERVICE):
        read = _of_template if kind in (DEPLOYMENT, STATEFULSET) else _READERS[kind]
        for it, odd in zip(snapshot.raw(kind), snapshot.each(kind, read), strict=True):
            for each in odd if not label(it, MANAGED) else ():
                ref = ref_of(kind, it)
                yield Found(
                    MISPLACED,
                    (ref,),
                    f"{kind.title} {ref.key}: {each.says}",
                    (seen(ref, each.field, each.value),),
                )
    yield from _on_pods(snapshot)


def _on_pods(snapshot: Snapshot) -> Iterator[Found]:
    """Pods of one controller have it from its template, so they are told of together."""
    found = pods.of(snapshot)
    read = snapshot.memo.mapped("odd labels", found, _of_pod)
    odd = [
        (pod, each)
        for pod, every in zip(found.values(), read, strict=True)
        if every and not (pod.finished or pod.terminating)
        for each in every
    ]
    for (_, each), group in grouped(
        odd, lambda one: (f"{one[0].namespace}/{one[0].controller or one[0].name}", one[1])
    ).items():
        refs = tuple(Ref(POD, pod.namespace, pod.name) for pod, _ in group)
        says = f"{count(len(refs), 'pod')} such as {refs[0].key}: {each.says}"
        yield Found(
            MISPLACED, refs, says, tuple(seen(ref, each.field, each.value) for ref in refs[:SHOWN])
        )


def _of_namespace(it: Raw) -> tuple[_Odd, ...]:
    return (*_values(strings(it, "metadata", "labels")), *_misspelt(it), *_annotated(it))


def _of_service(it: Raw) -> tuple[_Odd, ...]:
    labels = strings(it, "metadata", "labels")
    field, said = f"metadata.labels[{DATAPLANE_MODE}]", labels.get(DATAPLANE_MODE)
    odd = [_Odd(field, said, f"label {DATAPLANE_MODE} does nothing on a Service")] if said else []
    return (*odd, *_misspelt(it), *_annotated(it))


def _of_template(it: Raw) -> tuple[_Odd, ...]:
    """A workload's own labels do not reach its pods."""
    own = strings(it, "metadata", "labels").get(DATAPLANE_MODE)
    template = strings(it, "spec", "template", "metadata", "labels")
    if own and DATAPLANE_MODE not in template:
        says = f"label {DATAPLANE_MODE} is on it and not on its pod template, so its pods do not have it"
        return (_Odd(f"metadata.labels[{DATAPLANE_MODE}]", own, says), *_misspelt(it))
    return tuple(_misspelt(it))


def _of_pod(pod: Pod) -> tuple[_Odd, ...]:
    return (*_values(pod.labels), *_near(pod.labels))


_READERS = {NAMESPACE: _of_namespace, SERVICE: _of_service}


def _values(labels: Mapping[str, str]) -> Iterator[_Odd]:
    mode = labels.get(DATAPLANE_MODE)
    if mode is not None and mode not in ("ambient", "none"):
        says = f"label {DATAPLANE_MODE}={mode} means nothing: its values are ambient and none"
        yield _Odd(f"metadata.labels[{DATAPLANE_MODE}]", mode, says)


def _misspelt(it: Raw) -> Iterator[_Odd]:
    return _near(strings(it, "metadata", "labels"))


def _near(labels: Mapping[str, str]) -> Iterator[_Odd]:
    for key, value in labels.items():
        if key in _READ or "io" not in key or not 15 <= len(key) <= 35:
            continue
        meant = _meant(key)
        if meant is not None:
            yield _Odd(
                f"metadata.labels[{key}]", value, f"label {key} is read by nobody: {meant} is meant"
            )


@lru_cache(1_000)  # 50,000 pods have the same few keys, and each takes a tenth of a millisecond
def _meant(key: str) -> str | None:
    """What a key that nobody reads was to be; None where it is not near any."""
    return next((known for known in _KNOWN if _distance(key, known) <= 2), None)


def _annotated(it: Raw) -> Iterator[_Odd]:
    annotations = strings(it, "metadata", "annotations")
    labels = strings(it, "metadata", "labels")
    for known in _KNOWN:
        if known in annotations and known not in labels:
            says = f"{known} is an annotation here, and read as a label alone"
            yield _Odd(f"metadata.annotations[{known}]", annotations[known], says)


def _distance(one: str, other: str) -> int:
    """The edits between two words (Levenshtein); 3 for all that are further apart in length."""
    if abs(len(one) - len(other)) > 2:
        return 3
    row = list(range(len(other) + 1))
    for index, letter in enumerate(one, 1):
        above, row[0] = row[0], index
        for at, against in enumerate(other, 1):
            above, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, above + (letter != against))
    return row[-1]


ANALYZERS = (
    Analyzer(
        "labels of the mesh",
        (MISPLACED,),
        (NAMESPACE, POD, SERVICE, DEPLOYMENT, STATEFULSET),
        misplaced,
    ),
)
