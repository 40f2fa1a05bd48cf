"""Waypoint offers: the lines of the mesh menu about waypoints, for Namespaces, for Services and for waypoints
themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from meshtui.mesh import revisions, waypoint_changes, waypoint_rows
from meshtui.mesh.changes import Create, Refusal
from meshtui.mesh.kinds import NAMESPACE
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.ui.exchange import Offer, Wish

_TRAFFIC = {
    "service": "traffic to Services, as is Istio's default",
    "all": "traffic to Services and to pods",
    "workload": "traffic to the addresses of pods",
    "none": "no traffic, until its label says otherwise",
}
_BOUND = ("service", "all")
"""What a Service, or a namespace as a whole, can be bound to."""

Making = Callable[[str, str], tuple[Wish, ...]]
"""What is asked for once the traffic type and the revision are chosen."""


def of(targets: Sequence[Ref], named: Sequence[Ref], snapshot: Snapshot) -> Sequence[Offer]:
    """For Namespaces or Services, of which `named` have a label that names a waypoint."""
    clearing = tuple(Wish(target, partial(waypoint_changes.unbind, target)) for target in named)
    offers = (
        Offer("set the waypoint", "…", more=lambda: _existing(targets, snapshot)),
        Offer("clear the waypoint", _many(named), clearing),
        Offer(
            "create a waypoint and bind to it",
            "…",
            more=lambda: _traffic(_BOUND, _made(targets, snapshot, binding=True), snapshot),
        ),
        Offer(
            "create a waypoint",
            "…",
            more=lambda: _traffic(_TRAFFIC, _made(targets, snapshot), snapshot),
        ),
    )
    return [offer for offer in offers if offer.wishes or offer.more]


def missing(namespace: str, name: str, snapshot: Snapshot) -> Offer:
    """For a waypoint that is named and does not exist."""
    making = _makings({namespace: (name, (Ref(NAMESPACE, "", namespace),))}, binding=False)
    return Offer("create it", "…", more=lambda: _traffic(_TRAFFIC, making, snapshot))


def deleting(targets: Sequence[Ref]) -> Offer:
    """For waypoints."""
    wishes = tuple(Wish(target, partial(waypoint_changes.delete, target)) for target in targets)
    return Offer("delete", _many(targets), wishes)


def _existing(targets: Sequence[Ref], snapshot: Snapshot) -> Sequence[Offer]:
    """A line for each waypoint, those of their own namespaces first."""
    own = {target.namespace or target.name for target in targets}
    found = [each for each in waypoint_rows.of(snapshot) if each.ref is not None]
    return [
        Offer(each.waypoint, each.verdict.reason, _bindings(targets, each.namespace, each.name))
        for each in sorted(found, key=lambda each: (each.namespace not in own, each.waypoint))
    ]


def _traffic(types: Iterable[str], making: Making, snapshot: Snapshot) -> Sequence[Offer]:
    """A line for each traffic type; a menu of the revisions follows where there is more than one."""
    names = [each.name for each in revisions.of(snapshot) if each.ref or each.wanted]
    if len(names) < 2:
        return [Offer(each, _TRAFFIC[each], making(each, "")) for each in types]
    return [
        Offer(each, _TRAFFIC[each], more=partial(_revisions, each, making, snapshot))
        for each in types
    ]


def _revisions(traffic: str, making: Making, snapshot: Snapshot) -> Sequence[Offer]:
    found = [each for each in revisions.of(snapshot) if each.ref or each.wanted]
    tagged = sorted((tag, each.name) for each in found for tag in each.tags)
    own = Offer("the revision of its namespace", "no label of its own", making(traffic, ""))
    return [
        own,
        *(Offer(each.name, f"istiod {each.version}", making(traffic, each.name)) for each in found),
        *(Offer(tag, f"tag of {name}", making(traffic, tag)) for tag, name in tagged),
    ]


def _made(targets: Sequence[Ref], snapshot: Snapshot, *, binding: bool = False) -> Making:
    """One new waypoint for each namespace."""
    grouped: dict[str, list[Ref]] = {}
    for target in targets:
        grouped.setdefault(target.namespace or target.name, []).append(target)
    named = {
        namespace: (waypoint_changes.free_name(namespace, snapshot), tuple(found))
        for namespace, found in grouped.items()
    }
    return _makings(named, binding=binding)


def _makings(named: Mapping[str, tuple[str, tuple[Ref, ...]]], *, binding: bool) -> Making:
    """By namespace the name of the new waypoint, and who may be bound to it once it is ready."""

    def making(traffic: str, revision: str) -> tuple[Wish, ...]:
        wishes: list[Wish] = []
        for namespace, (name, targets) in named.items():
            create = partial(_created, namespace, name, traffic, revision)
            wishes.append(Wish(targets[0], create))
            wishes += _bindings(targets, namespace, name) if binding else ()
        return tuple(wishes)

    return making


def _created(
    namespace: str, name: str, traffic: str, revision: str, _: Raw, snapshot: Snapshot
) -> Create | Refusal:
    return waypoint_changes.create(namespace, name, traffic, revision, snapshot)


def _bindings(targets: Sequence[Ref], where: str, waypoint: str) -> tuple[Wish, ...]:
    def bind(target: Ref) -> Wish:
        return Wish(
            target,
            lambda it, snapshot: waypoint_changes.bind(target, it, where, waypoint, snapshot),
        )

    return tuple(map(bind, targets))


def _many(targets: Sequence[Ref]) -> str:
    return f"{len(targets)} of them" if len(targets) > 1 else ""
