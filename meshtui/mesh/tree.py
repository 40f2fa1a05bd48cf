"""Tree: the way of traffic, from gateways over listeners, routes and services to waypoints, pods and ztunnels.

All that is known is one forest: the gateways, the Services that none of them leads to, and what hangs on nothing. Of
one thing the tree is all branches through it: what leads to it stands above, and it has all that it leads to below.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh import (
    gateways,
    route_specs,
    routes,
    services,
    tree_nodes,
    tree_services,
    waypoint_rows,
    workloads,
    ztunnels,
)
from meshtui.mesh.gateway_listeners import Listening
from meshtui.mesh.gateways import Gateway
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import GATEWAY, GATEWAY_API, ISTIO_GATEWAY, POD, SERVICE, Kind
from meshtui.mesh.route_backends import Backend
from meshtui.mesh.routes import Route
from meshtui.mesh.snapshot import Phase, Ref, Scope, Snapshot
from meshtui.mesh.tree_nodes import Node, Part

KINDS: tuple[Kind | Scope, ...] = (
    *services.KINDS,
    *gateways.KINDS,
    *waypoint_rows.KINDS,
    *ztunnels.KINDS,
)


class Focus(Struct, frozen=True):
    """What a tree is of."""

    part: Part
    key: str
    """Of its row; of a namespace its name."""

    def is_on(self, node: Node) -> bool:
        if self.part is Part.NAMESPACE:
            return node.ref is not None and node.ref.namespace == self.key
        return node.part is self.part and node.row == self.key


def of(snapshot: Snapshot, focus: Focus | None = None) -> tuple[Node, ...]:
    """All branches through what the focus is on, none where it is not there, or nothing leads to it; without a focus
    all gateways, all Services, and the routes and waypoints that hang on none of these. What could not be read
    comes first."""
    return snapshot.once(_of, snapshot, focus)


def _of(snapshot: Snapshot, focus: Focus | None) -> tuple[Node, ...]:
    forest = _Forest(snapshot)
    roots = [*forest.roots()]
    unread = [*_unread(snapshot)]
    if focus is None:
        return (*unread, *roots)
    kept = [_through(each, focus) for each in (*roots, *forest.alone())]
    found = tree_nodes.folded(each for each in kept if each is not None)
    return (*unread, *found) if found else ()


def _through(node: Node, focus: Focus) -> Node | None:
    """The node with nothing but what leads to the focus, where anything in it does."""
    if focus.is_on(node):
        return node
    kept = [_through(each, focus) for each in tree_nodes.unfolded(node.children)]
    found = tree_nodes.folded(each for each in kept if each is not None)
    return replace(node, children=found) if found else None


def _unread(snapshot: Snapshot) -> Iterator[Node]:
    """What may be missing, and why: a line for each cause, with the kinds under it."""
    found: dict[str, list[Node]] = {}
    for kind in (GATEWAY, ISTIO_GATEWAY, *route_specs.KINDS, SERVICE, POD):
        cause, verdict = _missing(snapshot, kind)
        if cause:
            found.setdefault(cause, []).append(Node(Part.OTHER, str(kind), "", str(kind), verdict))
    for cause, kinds in found.items():
        health = kinds[0].verdict.health
        if len(kinds) == 1:
            yield replace(kinds[0], name=f"{kinds[0].name} {cause}")
        else:
            names = ", ".join(each.name.partition(".")[0] for each in kinds)
            own = Verdict(health, names)
            yield Node(
                Part.OTHER, cause, "", f"{len(kinds)} kinds {cause}", own, children=(*kinds,)
            )


def _missing(snapshot: Snapshot, kind: Kind) -> tuple[str, Verdict]:
    """In a word, and in more; "" where all objects of a kind are known."""
    source = snapshot.source(kind)
    if source.phase is Phase.ABSENT:
        return source.phase.value, Verdict(Health.NONE, "not installed in this cluster")
    if not source.complete:
        why = source.problem.text if source.problem else "not all of them were read yet"
        return source.phase.value, Verdict(Health.UNKNOWN, why)
    if not snapshot.covering(kind).complete:
        words = "those of other namespaces are not read"
        return "only of the chosen namespaces", Verdict(Health.NONE, words)
    return "", Verdict(Health.OK)


class _Forest:
    """Puts the rows of one snapshot together. A Service has the routes that decide its traffic under it, and those the
    Services that they lead to; there it ends, so that nothing comes round to itself."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._services = {row.ref.key: row for row in services.of(snapshot)}
        self._branches = tree_services.of(snapshot)
        self._routes: Mapping[Ref, Route] = {row.ref: row for row in routes.of(snapshot)}
        self._reached: set[str] = set()
        self._placed: set[Ref] = set()

    def roots(self) -> Iterator[Node]:
        yield from map(self._gateway, gateways.of(self._snapshot))
        led_to = {
            backend.ref.key
            for key in self._services
            for route in self._deciding(key)
            for backend in route.backends
            if backend.ref.key != key
        }
        for key in sorted(self._services, key=lambda each: (each in led_to, each)):
            unplaced = any(each.ref not in self._placed for each in self._deciding(key))
            if unplaced or key not in self._reached:
                yield self._service(key, from_gateway=False)
        for ref, row in self._routes.items():
            if ref not in self._placed:
                yield self._route(row, from_gateway=False)
        named = {row.waypoint.key for row in self._services.values() if row.waypoint}
        pods = {each.pod.key: each for each in workloads.of(self._snapshot)}
        for waypoint in waypoint_rows.of(self._snapshot):
            if waypoint.waypoint not in named:
                own = (pods.get(each.key) for each in waypoint.workloads)
                below = self._pods(each for each in own if each is not None)
                yield replace(tree_services.waypoint(waypoint), children=below)

    def alone(self) -> Iterator[Node]:
        """The pods that no Service leads to."""
        behind = {pod.pod.key for row in self._services.values() for pod in row.pods}
        found = (each for each in workloads.of(self._snapshot) if each.pod.key not in behind)
        return tree_nodes.unfolded(self._pods(found))

    def _pods(self, found: Iterable[workloads.Workload]) -> tuple[Node, ...]:
        through = tree_services.ztunnel_nodes(self._snapshot)
        return tree_nodes.folded(
            tree_nodes.pod(each, through.get(tree_nodes.ztunnel_of(each))) for each in found
        )

    def _gateway(self, row: Gateway) -> Node:
        """What it takes stands under each listener that can take it; what it refuses, under itself."""
        attached = routes.at(self._snapshot, row.ref)
        below, taken = [], set()
        for position, listening in enumerate(row.listeners):
            here = [each for each in attached if takes(listening, row.ref, each)]
            taken |= {each.ref for each in here}
            below.append(self._listener(row, position, listening, here))
        below += [
            self._route(each, from_gateway=True) for each in attached if each.ref not in taken
        ]
        return Node(
            part=Part.GATEWAY,
            key=row.key,
            title=row.ref.kind.title,
            name=row.ref.key,
            verdict=row.verdict,
            note="" if row.pods is None else f"{row.ready}/{len(row.pods)} pods",
            row=row.key,
            ref=row.ref,
            children=tuple(below),
        )

    def _listener(
        self, row: Gateway, position: int, listening: Listening, here: Iterable[Route]
    ) -> Node:
        listener = listening.listener
        hosts = ", ".join(listener.hostnames) or "any host"
        return Node(
            part=Part.LISTENER,
            key=f"{position} {listener.title}",
            title="listener",
            name=listener.title,
            verdict=listening.verdict(self._snapshot.now),
            note=f"{listener.protocol} {listener.port}, {hosts}",
            row=row.key,
            children=tuple(self._route(each, from_gateway=True) for each in here),
        )

    def _route(self, row: Route, *, from_gateway: bool, deciding: str = "") -> Node:
        """`deciding` is the Service whose traffic it decides, where it stands under one."""
        self._placed.add(row.ref)
        below: dict[str, Node] = {}
        for rule in row.rules:
            for each in rule.backends:
                key = f"{each.ref.kind} {each.ref.key} {each.ref.subset}".rstrip()
                share = each.share if len(rule.backends) > 1 else None
                if key not in below:
                    node = self._backend(each, from_gateway=from_gateway, deciding=deciding)
                    note = _edge(each, share, told=node.part is Part.OTHER)
                    below[key] = replace(node, key=key, note=note or node.note)
        return Node(
            part=Part.ROUTE,
            key=f"{row.ref.kind} {row.ref.key}",
            title=row.kind,
            name=row.ref.key,
            verdict=row.verdict,
            note=", ".join(row.hosts),
            row=row.key,
            ref=row.ref,
            children=tuple(below.values()),
        )

    def _backend(self, backend: Backend, *, from_gateway: bool, deciding: str) -> Node:
        ref = backend.ref
        if ref.kind != "Service" or ref.key not in self._services:
            return Node(Part.OTHER, ref.key, ref.kind, ref.key, backend.verdict)
        if deciding == ref.key:
            row = self._services[ref.key]
            own = "the same, whose pods are under it"
            return Node(
                Part.SERVICE, ref.key, "Service", ref.key, row.verdict, own, row.key, row.ref
            )
        return self._service(ref.key, from_gateway=from_gateway, whole=not deciding)

    def _service(self, key: str, *, from_gateway: bool, whole: bool = True) -> Node:
        """`whole` has the routes in it that decide its traffic."""
        self._reached.add(key)
        branch = self._branches[key]
        node = branch.from_gateway if from_gateway else branch.inside
        deciding = self._deciding(key) if whole else ()
        above = [self._route(each, from_gateway=False, deciding=key) for each in deciding]
        return replace(node, children=(*above, *node.children)) if above else node

    def _deciding(self, key: str) -> Iterable[Route]:
        """The routes that decide the traffic to a Service."""
        targets = self._services[key].routes
        found = (self._routes.get(each.route) for each in targets if each.before)
        return [each for each in found if each is not None]


def _edge(backend: Backend, share: float | None, *, told: bool) -> str:
    """What is to be known of a backend in this route: its part of the requests, and why they do not get there, where
    the node has not `told` that."""
    part = "" if share is None else f"{share:.0%}"
    wrong = not told and backend.verdict.health.rank > Health.OK.rank
    return ": ".join(filter(None, (part, backend.verdict.reason if wrong else "")))


_CARRIES: Mapping[str, tuple[str, ...]] = {
    "HTTPRoute": ("HTTP", "HTTPS"),
    "GRPCRoute": ("HTTP", "HTTPS"),
    "TLSRoute": ("TLS",),
    "TCPRoute": ("TCP", "TLS"),
}
"""The protocols of listeners that carry a kind of route (Gateway API, "Route summary table")."""


def takes(listening: Listening, gateway: Ref, route: Route) -> bool:
    """Whether a listener can take a route that its gateway takes. Controllers count the routes of a listener and do
    not name them, so it is what both say of names, ports, protocols and hostnames; one that counts none has none."""
    listener = listening.listener
    if listening.attached == 0 or listener.admits == "None":
        return False
    if listener.admits == "Same" and route.ref.namespace != gateway.namespace:
        return False
    if route.ref.kind.group == GATEWAY_API and listener.protocol not in _CARRIES[route.kind]:
        return False
    if route.hosts and not any(map(listener.takes, route.hosts)):
        return False
    return any(
        each.ref.section in ("", listener.name) and each.ref.port in (0, listener.port)
        for each in route.parents
        if (each.ref.kind, each.ref.key) == (gateway.kind.title, gateway.key)
        and each.accepted.health in (Health.OK, Health.WARN)
    )
