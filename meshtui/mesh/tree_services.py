"""Tree of a Service: its waypoint, the pods that answer, and the ztunnel of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh import raw, services, tree_nodes, waypoint_rows, ztunnels
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import ENDPOINT_SLICE, NAMESPACE, POD
from meshtui.mesh.services import Service
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.tree_nodes import Node, Part
from meshtui.mesh.waypoint_rows import Row
from meshtui.mesh.ztunnels import Ztunnel

INGRESS = "istio.io/ingress-use-waypoint"


class Branch(Struct, frozen=True, eq=False):
    """One Service with all under it. Compared by identity."""

    inside: Node
    """As traffic from inside the mesh takes it."""
    from_gateway: Node
    """As traffic from a gateway does."""


class _Told(NamedTuple):
    """A row as far as a node tells of it. A tuple, so that it counts as a value where it is an input."""

    key: str
    name: str
    health: Health
    reason: str
    note: str

    @property
    def verdict(self) -> Verdict:
        return Verdict(self.health, self.reason)


def of(snapshot: Snapshot) -> Mapping[str, Branch]:
    """By "namespace/name" of each Service."""
    return snapshot.once(_all, snapshot)


def ztunnel_nodes(snapshot: Snapshot) -> Mapping[str, Node]:
    """The nodes of the ztunnels, by what `tree_nodes.ztunnel_of` gives."""
    return {each.name: _ztunnel(each) for each in map(_ztunnel_told, ztunnels.of(snapshot))}


def waypoint(row: Row) -> Node:
    """A waypoint by itself."""
    return _waypoint(_waypoint_told(row), row.ref)


def _all(snapshot: Snapshot) -> Mapping[str, Branch]:
    rows = {row.ref.key: row for row in services.of(snapshot)}
    through = {each.name: each for each in map(_ztunnel_told, ztunnels.of(snapshot))}
    waypoints = {
        each.waypoint: (_waypoint_told(each), each.ref) for each in waypoint_rows.of(snapshot)
    }

    def inputs(row: Service) -> tuple[object, ...]:
        namespace = row.ref.namespace
        named = dict.fromkeys(map(tree_nodes.ztunnel_of, row.pods))
        return (
            waypoints.get(row.waypoint.key) if row.waypoint else None,
            _opted_in(snapshot, row),
            tuple(through[name] for name in named if name in through),
            snapshot.unread(ENDPOINT_SLICE, namespace),
            snapshot.unread(POD, namespace),
        )

    found = snapshot.memo.each("trees of services", rows, _branch, inputs)
    return dict(zip(rows, found, strict=True))


def _ztunnel_told(row: Ztunnel) -> _Told:
    name = row.ref.key if row.ref else f"node/{row.node}"
    return _Told(row.key, name, row.verdict.health, row.verdict.reason, row.node)


def _waypoint_told(row: Row) -> _Told:
    ready = f"{row.ready}/{len(row.pods)} pods" if row.ready is not None else ""
    return _Told(row.key, row.waypoint, row.verdict.health, row.verdict.reason, ready)


def _opted_in(snapshot: Snapshot, row: Service) -> bool:
    """Whether gateways send through its waypoint: its own label decides before that of its namespace, and without one
    they go past it (reference istio-ambient.md, 2.3)."""
    own = row.spec.labels.get(INGRESS)
    if own is None:
        own = raw.label(snapshot.find(NAMESPACE, "", row.ref.namespace) or {}, INGRESS)
    return own.lower() in ("1", "t", "true")


def _branch(
    row: Service,
    named: tuple[_Told, Ref | None] | None,
    opted_in: bool,
    through: tuple[_Told, ...],
    endpoints_unread: str,
    pods_unread: str,
) -> Branch:
    below = {each.name: _ztunnel(each) for each in through}
    found = [tree_nodes.pod(each, below.get(tree_nodes.ztunnel_of(each))) for each in row.pods]
    answering = tree_nodes.folded([*_unseen(row, endpoints_unread, pods_unread), *found])
    before = _before(row, named)
    if before is not None and row.waypoint is not None and row.waypoint.bound:
        inside = _service(row, replace(before, children=answering))
        if not opted_in:
            note = f"gateways go past it: no label {INGRESS}=true"
            past = replace(before, children=answering, note=note)
            return Branch(inside, _service(row, past))
        return Branch(inside, inside)
    node = _service(row, *((before,) if before is not None else ()), *answering)
    return Branch(node, node)


def _service(row: Service, *children: Node) -> Node:
    return Node(
        part=Part.SERVICE,
        key=row.ref.key,
        title="Service",
        name=row.ref.key,
        verdict=row.verdict,
        row=row.key,
        ref=row.ref,
        children=children,
    )


def _before(row: Service, named: tuple[_Told, Ref | None] | None) -> Node | None:
    """Its waypoint. What names one in vain says so there, and has its pods beside it: traffic to them goes direct."""
    if row.waypoint is None:
        return None
    if named is None:
        binding = row.waypoint
        told, ref = _Told("", binding.key, binding.health, binding.reason, ""), None
    else:
        told, ref = named
    node = _waypoint(told, ref)
    return node if row.waypoint.bound else replace(node, note=row.waypoint.state.value)


def _waypoint(told: _Told, ref: Ref | None) -> Node:
    return Node(
        part=Part.WAYPOINT,
        key=told.name,
        title="waypoint",
        name=told.name,
        verdict=told.verdict,
        note=told.note,
        row=told.key,
        ref=ref,
    )


def _ztunnel(told: _Told) -> Node:
    return tree_nodes.ztunnel(told.key, told.name, told.note, told.verdict)


def _unseen(row: Service, endpoints_unread: str, pods_unread: str) -> Iterator[Node]:
    """Who else answers: what is no pod, and what is not known."""
    if endpoints_unread:
        yield tree_nodes.not_known("endpoints", "endpoints", endpoints_unread)
    if row.endpoints is None:
        return
    if unknown := len(row.endpoints.pods) - len(row.pods):
        why = pods_unread or "they are not among the pods that were read"
        words = "1 pod" if unknown == 1 else f"{unknown} pods"
        yield tree_nodes.not_known("pods", f"{words} behind it", why)
    if other := row.endpoints.total - len(row.endpoints.pods):
        words = "1 address that is no pod" if other == 1 else f"{other} addresses that are no pods"
        yield Node(Part.OTHER, "addresses", "", words, Verdict(Health.NONE))
