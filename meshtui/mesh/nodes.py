"""Nodes: what serves the pods of each node, its ztunnel and its CNI agent, and what that ztunnel said last."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from operator import attrgetter
from sys import intern
from typing import NamedTuple

from msgspec import Struct

from meshtui.mesh import pods, ztunnel_probes
from meshtui.mesh.derived import derived
from meshtui.mesh.dumps import Dump, DumpDetail
from meshtui.mesh.kinds import NODE, POD
from meshtui.mesh.pods import Pod
from meshtui.mesh.snapshot import Answer, Problem, Scope, Snapshot

ZTUNNELS = Scope(POD, None, labels="app=ztunnel")
AGENTS = Scope(POD, None, labels="k8s-app=istio-cni-node")
KINDS = (ZTUNNELS, AGENTS, NODE)


class Reading(NamedTuple):
    """The newest dump of a ztunnel. A tuple, so that it counts as a value where it is an input."""

    dump: Dump | None = None
    at: datetime | None = None
    problem: Problem | None = None
    """Why the last attempt to read it failed; an older dump may stand beside it."""


class Ztunnel(Struct, frozen=True, eq=False):
    """A ztunnel pod with what it said. Compared by identity."""

    pod: Pod
    reading: Reading

    @property
    def current(self) -> Dump | None:
        """Its dump, unless the process has been started anew since it was read."""
        dump, at, _ = self.reading
        if dump is None or at is None or (self.pod.started is not None and at < self.pod.started):
            return None
        return dump


class Node(Struct, frozen=True, eq=False):
    """What serves the pods of one node. Compared by identity."""

    name: str
    ztunnels: tuple[Ztunnel, ...]
    """One; two while it is upgraded; none where the mesh does not reach."""
    agents: tuple[Pod, ...]
    unread: str = ""
    """Why its ztunnel may be there without being known; "" where all ztunnel pods are."""


def is_agent(pod: Pod) -> bool:
    return pod.labels.get("k8s-app") == "istio-cni-node"


def lacks_agent(snapshot: Snapshot, name: str) -> bool:
    """Whether it is known that no CNI agent is ready on a node, so that a new pod there would not be captured."""
    node = of(snapshot).get(name)
    known = node is not None and snapshot.covering(POD, None, AGENTS.labels).complete
    return known and node is not None and not any(each.healthy for each in node.agents)


def of(snapshot: Snapshot) -> Mapping[str, Node]:
    """By name every node that is known, or that a pod stands on."""
    return derived(snapshot, _all)


def _all(snapshot: Snapshot) -> Mapping[str, Node]:
    ztunnels: dict[str, list[Pod]] = {}
    agents: dict[str, list[Pod]] = {}
    for pod in pods.parts(snapshot):
        if not pod.finished and pod.labels.get("app") == "ztunnel":
            ztunnels.setdefault(pod.node, []).append(pod)
        elif not pod.finished and is_agent(pod):
            agents.setdefault(pod.node, []).append(pod)
    unread = _unread(snapshot)

    def inputs(name: str) -> tuple[object, ...]:
        own = tuple(ztunnels.get(name, ()))
        readings = tuple(reading(snapshot, pod) for pod in own)
        return own, readings, tuple(agents.get(name, ())), unread

    names = dict.fromkeys(snapshot.objects.get(NODE, {}))
    names |= snapshot.once(_nodes_of, pods.of(snapshot))
    names.pop("", None)
    keyed = {name: name for name in map(intern, names)}  # the same ones in every snapshot
    return snapshot.once(_by_name, *snapshot.memo.each("nodes", keyed, _node, inputs))


def _nodes_of(every: Mapping[str, Pod]) -> dict[str, None]:
    return dict.fromkeys(map(attrgetter("node"), every.values()))


def _by_name(*found: Node) -> Mapping[str, Node]:
    return {node.name: node for node in found}


def reading(snapshot: Snapshot, ztunnel: Pod) -> Reading:
    """The newer of the dump that the sweep read and of the one that was read in detail for the screen."""
    swept = snapshot.answers.get(ztunnel_probes.dump(ztunnel.namespace, ztunnel.name), Answer())
    detail = snapshot.answers.get(ztunnel_probes.detail(ztunnel.namespace, ztunnel.name))
    if detail is not None and _later(detail.at, swept.at) and isinstance(detail.value, DumpDetail):
        return Reading(detail.value.dump, detail.at, detail.problem)
    if detail is not None and swept == Answer():  # without a sweep nothing else was tried
        return Reading(problem=detail.problem)
    dump = swept.value if isinstance(swept.value, Dump) else None
    return Reading(dump, swept.at, swept.problem)


def _later(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and (other is None or one > other)


def _unread(snapshot: Snapshot) -> str:
    source = snapshot.covering(POD, None, ZTUNNELS.labels)
    if source.complete:
        return ""
    return source.problem.text if source.problem else "the ztunnel pods were not read yet"


def _node(
    name: str,
    ztunnels: tuple[Pod, ...],
    readings: tuple[Reading, ...],
    agents: tuple[Pod, ...],
    unread: str,
) -> Node:
    found = zip(ztunnels, readings, strict=True)
    return Node(name, tuple(Ztunnel(pod, each) for pod, each in found), agents, unread)
