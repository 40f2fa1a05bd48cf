"""Ztunnels: one row a node: its ztunnel and CNI agent, what it proxies of what it should, and what it holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import NamedTuple

from msgspec import Struct

from meshtui.mesh import holdings, metrics, nodes, raw, versions, workloads, ztunnel_probes
from meshtui.mesh.derived import derived
from meshtui.mesh.dumps import UP
from meshtui.mesh.enrollment import State
from meshtui.mesh.health import OK, Health, Verdict, worst
from meshtui.mesh.holdings import Part
from meshtui.mesh.kinds import NODE, POD
from meshtui.mesh.metrics import Metrics
from meshtui.mesh.nodes import Node
from meshtui.mesh.pods import Pod, parts
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Answer, Probe, Problem, Ref, Snapshot
from meshtui.mesh.workloads import Workload

KINDS = workloads.KINDS

STARTING = timedelta(seconds=60)
"""So long a ztunnel or a CNI agent may take until it is ready (AMB-039)."""


def pods(snapshot: Snapshot) -> Sequence[Raw]:
    """The ztunnel pods, in any namespace and under any name; not those that have ended for good. The same list as long
    as they are the same ones."""
    return derived(snapshot, _pods_of)


def _pods_of(snapshot: Snapshot) -> Sequence[Raw]:
    found = [
        snapshot.objects[POD][pod.key]
        for pod in parts(snapshot)
        if pod.labels.get("app") == "ztunnel" and not pod.finished
    ]
    return snapshot.memo.unchanged("ztunnel pods", found)


def metrics_probe(pod: Raw) -> Probe:
    """What the ztunnel counts: `Metrics`."""
    return ztunnel_probes.metrics(raw.namespace(pod), raw.name(pod))


def dump_probe(pod: Raw) -> Probe:
    """What it knows, as far as all nodes have to be known: `Dump`."""
    return ztunnel_probes.dump(raw.namespace(pod), raw.name(pod))


def dump_detail_probe(pod: Raw) -> Probe:
    """The same with its lists, for the one that is looked at: `DumpDetail`."""
    return ztunnel_probes.detail(raw.namespace(pod), raw.name(pod))


_NONE = Verdict(Health.NONE)
_UNREAD = Verdict(Health.UNKNOWN, "its dump was not read")


class Ztunnel(Struct, frozen=True, kw_only=True):
    """One ztunnel on its node, or a node that has none."""

    key: str
    verdict: Verdict
    node: str
    agent_verdict: Verdict
    """Of the CNI agent beside it."""
    expected: int
    """Pods on its node that the CNI agent calls captured, or that wait for it."""
    wanted: int
    """Pods on its node that are wanted in the mesh."""
    troubles: tuple[Verdict, ...]
    """All that is wrong or not known, the worst first."""
    ref: Ref | None = None
    """Its pod; None for a node without one."""
    pod: Pod | None = None
    agent: Pod | None = None
    """The CNI agent beside it."""
    version: str = ""
    """As it says itself, else as its image does; "" where neither tells."""
    proxied: int | None = None
    """Pods that it proxies; None where it could not be asked."""
    pending: int | None = None
    missing: int | None = None
    """Pods on its node that it should proxy and does not; None where that is not known."""
    connected: Verdict = _NONE
    """Whether it has its connection to istiod, as far as its counters tell."""
    certificates: int | None = None
    """Identities that it holds a certificate for, or should; None where its dump was not read."""
    certificates_verdict: Verdict = _NONE
    renews: datetime | None = None
    """When the next of them is to be renewed, or should have been."""
    read_at: datetime | None = None
    """When its dump was read."""
    problem: Problem | None = None
    """Why it could not be read the last time."""
    unread: str = ""
    """Where there is no pod: why there may be one all the same; "" where it is known that there is none."""
    partial: bool = False
    """Whether the pods of some namespaces are not known, so that `expected`, `wanted` and `missing` leave them out."""


def of(snapshot: Snapshot) -> Sequence[Ztunnel]:
    """By node. A node that is being upgraded has two rows, one without a ztunnel has one all the same."""
    return derived(snapshot, _all)


def _all(snapshot: Snapshot) -> Sequence[Ztunnel]:
    by_node = workloads.by_node(snapshot)
    counted = snapshot.memo.mapped("inside nodes", by_node, _inside)
    on = dict(zip(by_node, counted, strict=True))
    held = {part.holding.pod.key: part for part in holdings.parts(snapshot)}
    partial, no_agent = not snapshot.covering(POD).complete, _agents_unread(snapshot)

    def around(node: Node) -> tuple[_Around]:
        own = [each.pod for each in node.ztunnels]
        probes = [ztunnel_probes.metrics(pod.namespace, pod.name) for pod in own]
        return (
            _Around(
                on.get(node.name, _EMPTY),
                tuple(snapshot.answers.get(probe, _UNASKED) for probe in probes),
                tuple(held.get(pod.key) for pod in own),
                partial,
                no_agent,
                not own and is_virtual(snapshot, node.name),
                tuple(pod for pod in (*own, *node.agents) if _is_starting(pod, snapshot.now)),
            ),
        )

    every = dict(sorted(nodes.of(snapshot).items()))
    rows = chain.from_iterable(snapshot.memo.each("ztunnels", every, _rows, around))
    return snapshot.memo.unchanged("ztunnels", [*rows])


def _is_starting(pod: Pod, now: datetime) -> bool:
    return not pod.healthy and pod.created is not None and now < pod.created + STARTING


def _agents_unread(snapshot: Snapshot) -> str:
    source = snapshot.covering(POD, None, nodes.AGENTS.labels)
    if source.complete:
        return ""
    return source.problem.text if source.problem else "the CNI agents were not read yet"


class _Around(NamedTuple):
    """What else decides for the rows of a node. A tuple, so that it counts as a value where it is an input."""

    inside: _Inside
    counters: tuple[Answer, ...]
    """The metrics of each of its ztunnels, and what each holds."""
    held: tuple[Part | None, ...]
    partial: bool
    agents_unread: str
    """Why not all CNI agents are known; "" where they are."""
    virtual: bool
    starting: tuple[Pod, ...]
    """Those of its ztunnels and CNI agents that may still come up."""


_UNASKED = Answer()


def _rows(node: Node, around: _Around) -> tuple[Ztunnel, ...]:
    if not node.ztunnels:
        return (_without(node, around),)
    each = zip(node.ztunnels, around.counters, around.held, strict=True)
    return tuple(_row(node, around, ztunnel, counted, part) for ztunnel, counted, part in each)


class _Inside(Struct, frozen=True, eq=False):
    """The pods of a node that are in the mesh, or should be, and have not ended."""

    expected: int = 0
    """Annotated as captured, or about to be."""
    wanted: int = 0
    ghosts: Sequence[Workload] = ()


_EMPTY = _Inside()


def _inside(every: Sequence[Workload]) -> _Inside:
    living = [each for each in every if each.enrolled.state is not State.ENDED]
    return _Inside(
        expected=sum(each.pod.redirection in ("enabled", "pending") for each in living),
        wanted=sum(each.enrolled.wanted is True for each in living),
        ghosts=[each for each in living if each.enrolled.state is State.NOT_PROXIED],
    )


def _without(node: Node, around: _Around) -> Ztunnel:
    wanted = around.inside.wanted
    agent = _agent_verdict(node, around)
    if node.unread:
        missing = Verdict(Health.UNKNOWN, node.unread)
    elif not wanted:
        none = "none of the pods that are looked at" if around.partial else "no pod here"
        missing = Verdict(Health.NONE, f"no ztunnel runs here, and {none} is wanted in the mesh")
    else:
        said = f"no ztunnel runs here, and {_pods(wanted)} here should be in the mesh"
        virtual = "; a virtual node cannot run one" if around.virtual else ""
        missing = Verdict(Health.BAD, said + virtual)
    troubles = _sorted([missing, agent] if wanted else [missing])
    return Ztunnel(
        key=f"node/{node.name}",
        verdict=worst([missing, *troubles]),
        node=node.name,
        agent=next(iter(node.agents), None),
        agent_verdict=agent,
        expected=around.inside.expected,
        wanted=wanted,
        troubles=troubles,
        unread=node.unread,
        partial=around.partial,
    )


def _row(
    node: Node, around: _Around, ztunnel: nodes.Ztunnel, counted: Answer, held: Part | None
) -> Ztunnel:
    pod, dump, inside, partial = ztunnel.pod, ztunnel.current, around.inside, around.partial
    counts = counted.value if isinstance(counted.value, Metrics) else None
    proxied, pending = _proxied(ztunnel, counts)
    ghosts, wanted, expected = inside.ghosts, inside.wanted, inside.expected
    known = dump is not None and dump.proxied is not None and not pod.terminating
    part = held if dump is not None else None
    agent, connected = _agent_verdict(node, around), _connected(counted)
    certificates = worst([OK, *(each.verdict for each in part.noticeable)]) if part else _UNREAD
    troubles = _sorted(
        [
            *_ready(pod, around),
            *(_ghosts(ghosts) if known else ()),
            *_unread(ztunnel, counts, expected),
            *([Verdict(Health.WARN, f"not taken over yet: {_pods(pending)}")] if pending else ()),
            *([certificates] if part else ()),
            *([connected] if counts else ()),
            agent,
        ]
    )
    return Ztunnel(
        key=pod.uid or pod.key,
        ref=Ref(POD, pod.namespace, pod.name),
        verdict=troubles[0] if troubles else _well(pod, node, proxied, expected, partial),
        node=node.name,
        pod=pod,
        version=_version(ztunnel, counts),
        agent=next(iter(node.agents), None),
        agent_verdict=agent,
        expected=expected,
        proxied=proxied,
        pending=pending,
        missing=len(ghosts) if known else None,
        wanted=wanted,
        connected=connected,
        certificates=len(part.holding.identities) if part else None,
        certificates_verdict=certificates,
        renews=_renews(part) if part else None,
        read_at=ztunnel.reading.at,
        problem=ztunnel.reading.problem,
        troubles=troubles,
        partial=partial,
    )


def _sorted(verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    found = [each for each in verdicts if each.health.rank >= Health.UNKNOWN.rank]
    return tuple(sorted(found, key=lambda each: -each.health.rank))


def _pods(count: int) -> str:
    return "1 pod" if count == 1 else f"{count} pods"


def _proxied(ztunnel: nodes.Ztunnel, counts: Metrics | None) -> tuple[int | None, int | None]:
    """Proxied and pending pods: by its dump, or where that was not read, by its counters."""
    dump = ztunnel.current
    if dump is not None and dump.proxied is not None:
        up = sum(each.state == UP for each in dump.proxied.values())
        return up, len(dump.proxied) - up
    return (counts.active, counts.pending) if counts else (None, None)


def _ready(pod: Pod, around: _Around) -> Iterator[Verdict]:
    if pod.terminating or pod.healthy:
        return
    if pod in around.starting:
        yield Verdict(Health.UNKNOWN, f"{pod.name} is starting")
    else:
        yield Verdict(Health.BAD, f"{pod.name} is not ready ({pod.status})")


def _ghosts(ghosts: Sequence[Workload]) -> Iterator[Verdict]:
    if ghosts:
        first = min(each.pod.name for each in ghosts)
        several = f"{len(ghosts)} pods are enrolled and not proxied, such as {first}"
        one = f"{first} is enrolled and not proxied"
        yield Verdict(Health.BAD, one if len(ghosts) == 1 else several)


def _unread(ztunnel: nodes.Ztunnel, counts: Metrics | None, expected: int) -> Iterator[Verdict]:
    problem = ztunnel.reading.problem
    if problem is not None:
        yield Verdict(Health.UNKNOWN, f"it cannot be read: {problem.text}")
    elif ztunnel.current is None:
        yield Verdict(Health.UNKNOWN, "its dump was not read yet")
    if ztunnel.current is None and counts is not None and counts.active is not None:
        served = counts.active + (counts.pending or 0)
        if served < expected:
            said = (
                f"it counts {_pods(served)}, and {expected} on its node are annotated as captured"
            )
            yield Verdict(Health.WARN, said)


def _connected(counted: Answer) -> Verdict:
    if isinstance(counted.value, Metrics):
        before = counted.before if isinstance(counted.before, Metrics) else None
        return metrics.connected(counted.value, before)
    said = counted.problem.text if counted.problem else "its counters were not read yet"
    return Verdict(Health.UNKNOWN, said)


def _agent_verdict(node: Node, around: _Around) -> Verdict:
    wanted = around.inside.wanted
    if not node.agents:
        if around.agents_unread:
            return Verdict(Health.UNKNOWN, around.agents_unread)
        missing = "no CNI agent runs here: no pod here can be captured"
        if not node.ztunnels and not wanted:
            return Verdict(Health.NONE, missing)
        return Verdict(Health.BAD if wanted else Health.WARN, missing)
    best = max(node.agents, key=lambda each: each.healthy)
    if best.healthy:
        return Verdict(Health.OK, f"CNI agent {best.name} is ready")
    if best in around.starting:
        return Verdict(Health.UNKNOWN, f"CNI agent {best.name} is starting")
    return Verdict(Health.BAD, f"CNI agent {best.name} is not ready ({best.status})")


def _well(pod: Pod, node: Node, proxied: int | None, expected: int, partial: bool) -> Verdict:
    if pod.terminating:
        others = [each.pod.name for each in node.ztunnels if each.pod is not pod]
        return Verdict(Health.NONE, f"being replaced by {others[0]}" if others else "being deleted")
    if partial:
        said = f"it proxies {_pods(proxied or 0)}, and of those that are looked at it misses none"
        return Verdict(Health.OK, said)
    if not expected and not proxied:
        return Verdict(Health.OK, "no pod on its node is to be proxied")
    return Verdict(Health.OK, f"it proxies {_pods(proxied or 0)}, all that it should")


def _version(ztunnel: nodes.Ztunnel, counts: Metrics | None) -> str:
    told = [counts.version] if counts else []
    if ztunnel.reading.dump is not None:
        told.append(ztunnel.reading.dump.version.istio)
    own = next((each for each in told if each not in ("", "unknown")), "")
    return own or versions.of_image(ztunnel.pod.image)


def _renews(part: Part) -> datetime | None:
    due = [found[0].due for found in part.normal.values()]
    return min([*due, *(each.due for each in part.noticeable if each.due)], default=None)


def is_virtual(snapshot: Snapshot, node: str) -> bool:
    """Whether a node stands for something that runs no DaemonSets, such as Fargate."""
    it = snapshot.find(NODE, "", node)
    kinds = (raw.label(it, "type"), raw.label(it, "eks.amazonaws.com/compute-type")) if it else ()
    return "virtual-kubelet" in kinds or "fargate" in kinds
