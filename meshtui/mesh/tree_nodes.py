"""Tree nodes: one thing on the way from a gateway to a ztunnel, with its own health and the worst of what is under it;
and pods folded so that a thousand of them take a few lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from functools import cached_property

from msgspec import Struct

from meshtui.mesh.enrollment import State
from meshtui.mesh.health import Health, Verdict, worst
from meshtui.mesh.kinds import POD
from meshtui.mesh.snapshot import Ref
from meshtui.mesh.workloads import Workload


class Part(Enum):
    """What a node stands for, and so in which pane its row is."""

    NAMESPACE = "namespace"
    GATEWAY = "gateway"
    LISTENER = "listener"
    ROUTE = "route"
    SERVICE = "service"
    WAYPOINT = "waypoint"
    POD = "pod"
    PODS = "pods"
    """Several pods as one."""
    ZTUNNEL = "ztunnel"
    OTHER = "other"
    """What is no row of any pane: a backend that does not exist, or what is not known."""


class Node(Struct, frozen=True, dict=True):
    """One thing in the tree."""

    part: Part
    key: str
    """Tells it from its siblings, the same in every snapshot."""
    title: str
    """What it is: "Gateway", "HTTPRoute", "12 pods"."""
    name: str
    verdict: Verdict
    """Its own, as its pane has it; of what is under it `below` tells."""
    note: str = ""
    """What else is to be known of it in this place, in few words."""
    row: str = ""
    """The key of its row in its pane; "" where it has none."""
    ref: Ref | None = None
    children: tuple[Node, ...] = ()

    @cached_property
    def below(self) -> Verdict:
        """The worst of all under it, with the name of what that is."""
        return worst(each.told for each in self.children)

    @property
    def called(self) -> str:
        return f"{self.title} {self.name}".strip()

    @property
    def told(self) -> Verdict:
        """The worst of itself and of all under it, with the name of what that is."""
        if self.below.health.rank > self.verdict.health.rank:
            return self.below
        reason = self.verdict.reason or self.verdict.health.word
        return Verdict(self.verdict.health, f"{self.called}: {reason}")

    @property
    def health(self) -> Health:
        """The worst of itself and of all under it: what it shows where it is closed."""
        return max(self.verdict.health, self.below.health, key=lambda each: each.rank)


def not_known(key: str, name: str, why: str) -> Node:
    """What would stand here, and why it is not known."""
    return Node(Part.OTHER, key, "", name, Verdict(Health.UNKNOWN, why))


_BESIDE = (State.OUTSIDE, State.SIDECAR, State.ENDED)
"""No ztunnel stands before such a pod."""


def pod(workload: Workload, ztunnel: Node | None) -> Node:
    """One pod, and the ztunnel that traffic to it takes, or should."""
    return Node(
        part=Part.POD,
        key=workload.key,
        title="Pod",
        name=workload.pod.name,
        verdict=workload.verdict,
        note=f"on {workload.pod.node}" if workload.pod.node else "not scheduled",
        row=workload.key,
        ref=workload.ref,
        children=() if ztunnel is None or workload.enrolled.state in _BESIDE else (ztunnel,),
    )


def ztunnel_of(workload: Workload) -> str:
    """By what its ztunnel is looked up: "namespace/name", or "node/name" of a node that has none; "" for a pod that
    takes none."""
    if workload.enrolled.state in _BESIDE or not workload.pod.node:
        return ""
    return workload.enrolled.ztunnel or f"node/{workload.pod.node}"


def ztunnel(key: str, name: str, node: str, verdict: Verdict) -> Node:
    """A ztunnel by its "namespace/name", or a node that has none."""
    namespace, _, pod_name = name.partition("/")
    where = f"on {node}"
    if name == f"node/{node}":
        return Node(Part.ZTUNNEL, name, "ztunnel", "none", verdict, where, key)
    ref = Ref(POD, namespace, pod_name)
    return Node(Part.ZTUNNEL, name, "ztunnel", pod_name, verdict, where, key, ref)


MOST = 8
"""So many lines of pods stand under one thing; the last of them holds all the others."""


def folded(children: Iterable[Node]) -> tuple[Node, ...]:
    """The same with the pods among them as few lines behind all others, the worst first: those on one node that are
    equally well as one, and what is beyond `MOST` lines in the last of them."""
    others: list[Node] = []
    alike: dict[tuple[str, Health], list[Node]] = {}
    lines: list[Node] = []
    for each in children:
        if each.part is not Part.POD:
            others.append(each)
        elif each.verdict.health.rank > Health.OK.rank:
            lines.append(each)
        else:
            alike.setdefault((each.note, each.verdict.health), []).append(each)
    lines += [
        _alike(where, health, found) if len(found) > 1 else found[0]
        for (where, health), found in alike.items()
    ]
    lines.sort(key=lambda each: (-each.health.rank, each.note, each.name))
    if len(lines) > MOST:
        lines[MOST - 1 :] = [_more(lines[MOST - 1 :])]
    return (*others, *lines)


def unfolded(children: Iterable[Node]) -> Iterator[Node]:
    """The same with every pod by itself again."""
    for each in children:
        if each.part is Part.PODS:
            yield from unfolded(each.children)
        else:
            yield each


def _alike(where: str, health: Health, found: Sequence[Node]) -> Node:
    reasons = {each.verdict.reason for each in found}
    return Node(
        part=Part.PODS,
        key=f"{health.word} {where}",
        title=f"{len(found)} pods",
        name=where,
        verdict=Verdict(health, reasons.pop() if len(reasons) == 1 else ""),
        note=", ".join(dict.fromkeys(one.called for each in found for one in each.children)),
        children=tuple(sorted(found, key=lambda each: each.name)),
    )


def _more(lines: Sequence[Node]) -> Node:
    """Their number, and how many of them are how: "37 more pods", "36 ok, 1 failing"."""
    own = [each.verdict.health for each in unfolded(lines)]
    counts = sorted(((own.count(each), each) for each in set(own)), key=lambda each: -each[1].rank)
    words = ", ".join(f"{number} {health.word}" for number, health in counts)
    return Node(
        part=Part.PODS,
        key="more",
        title=f"{len(own)} more pod{'s' if len(own) > 1 else ''}",
        name="",
        verdict=Verdict(max(own, key=lambda each: each.rank), words),
        children=tuple(lines),
    )
