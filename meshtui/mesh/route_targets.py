"""Route targets: which routes decide the traffic to each Service, and which lead to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from meshtui.mesh import route_specs
from meshtui.mesh.route_specs import MESH, RouteSpec
from meshtui.mesh.snapshot import Ref, Scope, Snapshot

KINDS = tuple(Scope(kind) for kind in route_specs.KINDS)
"""Of all namespaces, whichever are shown: a route may lead into another one."""


class Target(Struct, frozen=True, eq=False):
    """One route as one Service sees it. Compared by identity."""

    route: Ref
    before: bool
    """It decides the traffic that is addressed to the Service."""
    leads_to: bool
    """It sends traffic to the Service."""


def of(snapshot: Snapshot) -> Mapping[str, tuple[Target, ...]]:
    """The routes of each Service that is named by any, by "namespace/name"."""
    routes = [
        route
        for kind in route_specs.KINDS
        for route in snapshot.each(kind, route_specs.reader(kind))
    ]
    return snapshot.once(_targets, *routes)


def unread(snapshot: Snapshot) -> str:
    """Why not all routes are known; "" where they are."""
    return next(filter(None, (snapshot.unread(scope.kind) for scope in KINDS)), "")


def _targets(*routes: RouteSpec) -> Mapping[str, tuple[Target, ...]]:
    found: dict[str, list[Target]] = {}
    for route in routes:
        before, leads_to = set(_before(route)), set(_leads_to(route))
        for service in before | leads_to:
            target = Target(route.ref, service in before, service in leads_to)
            found.setdefault(service, []).append(target)
    return {service: tuple(sorted(targets, key=_place)) for service, targets in found.items()}


def _before(route: RouteSpec) -> Iterator[str]:
    """Services that are its parents; of a VirtualService for the mesh inside, those that its hosts name."""
    for parent in route.parents:
        if parent.kind == "Service":
            yield parent.key
        elif parent.kind == MESH:
            yield from _named(route.hosts, route.ref.namespace)


def _named(hosts: Iterable[str], where: str) -> Iterator[str]:
    for host in hosts:
        name, namespace = route_specs.service_of(host, where)
        if namespace:
            yield f"{namespace}/{name}"


def _leads_to(route: RouteSpec) -> Iterator[str]:
    for rule in route.rules:
        for backend in rule.backends:
            if backend.kind == "Service":
                yield backend.key


def _place(target: Target) -> tuple[bool, str, str]:
    return not target.before, target.route.kind.title, target.route.key
