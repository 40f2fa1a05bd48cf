"""Evidence of ambient rules: what was seen of objects, pods and ztunnels, and how many of them, in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import TypeVar

from meshtui.mesh import raw
from meshtui.mesh.checks import count
from meshtui.mesh.doctor.findings import Evidence
from meshtui.mesh.enrollment import State
from meshtui.mesh.kinds import POD, Kind
from meshtui.mesh.pods import Pod
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.workloads import Workload, by_namespace, by_pod

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

SHOWN = 3
"""Of many that are alike so many are shown; all are named as objects."""


def seen(ref: Ref, field: str, value: str, at: datetime | None = None) -> Evidence:
    """A field of one object."""
    return Evidence(f"{ref.kind.title} {ref.key}", field, value, ref, at)


def dumped(ztunnel: str, field: str, value: str, at: datetime | None) -> Evidence:
    """What the dump of a ztunnel, by its pod's "namespace/name", says."""
    namespace, _, name = ztunnel.partition("/")
    return Evidence(f"config_dump of {name}", field, value, Ref(POD, namespace, name), at)


def ref_of(kind: Kind, it: Raw) -> Ref:
    return Ref(kind, raw.namespace(it), raw.name(it))


def pod_ref(pod: Pod) -> Ref:
    return Ref(POD, pod.namespace, pod.name)


def crowd(pods: Sequence[Pod]) -> str:
    """ "pod shop/cart", "2 pods of shop", "37 pods in 3 namespaces"."""
    if len(pods) == 1:
        return f"pod {pods[0].key}"
    namespaces = {pod.namespace for pod in pods}
    if len(namespaces) == 1:
        return f"{len(pods)} pods of {pods[0].namespace}"
    return f"{len(pods)} pods in {count(len(namespaces), 'namespace')}"


def grouped(found: Iterable[T], by: Callable[[T], K]) -> Mapping[K, list[T]]:
    """In the order in which each first comes."""
    groups: defaultdict[K, list[T]] = defaultdict(list)
    for each in found:
        groups[by(each)].append(each)
    return dict(groups)


def older(moment: datetime | None, now: datetime, seconds: float) -> bool:
    """Whether something is longer ago than that. What has no time, such as what was not applied yet, is not."""
    return moment is not None and now - moment > timedelta(seconds=seconds)


def in_state(snapshot: Snapshot, *states: State) -> Sequence[Workload]:
    """The pods whose enrollment comes to one of these, by namespace and name."""
    every = snapshot.memo.grouped("pods by state", by_pod(snapshot), attrgetter("enrolled.state"))
    found = [each for state in states for each in every.get(state, ())]
    return sorted(found, key=attrgetter("pod.key"))


def enrolled(snapshot: Snapshot) -> Sequence[Workload]:
    """The pods that the CNI agent has captured, by its annotation, and that have not ended."""
    return snapshot.memo.those("enrolled", by_pod(snapshot), _is_enrolled)


def _is_enrolled(each: Workload) -> bool:
    return each.pod.redirection == "enabled" and each.enrolled.state is not State.ENDED


def enrolled_in(snapshot: Snapshot) -> Mapping[str, Sequence[Pod]]:
    """The same by their namespace."""
    every = by_namespace(snapshot)
    found = snapshot.memo.mapped("enrolled in", every, _enrolled_pods)
    return {name: pods for name, pods in zip(every, found, strict=True) if pods}


def _enrolled_pods(every: Sequence[Workload]) -> Sequence[Pod]:
    return [each.pod for each in every if _is_enrolled(each)]
