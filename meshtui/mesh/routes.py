"""Routes: HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, VirtualService and Ingress: what each parent says of it in plain
words, and whether its backends are there (reference istio-ambient.md, 8.3, 8.4 and 8.6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, partial

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh import route_backends, route_parents, route_specs
from meshtui.mesh.derived import derived
from meshtui.mesh.enrollment import YOUNG
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import (
    ENDPOINT_SLICE,
    GATEWAY,
    GATEWAY_API,
    INGRESS_CLASS,
    ISTIO_GATEWAY,
    REFERENCE_GRANT,
    SERVICE,
    SERVICE_ENTRY,
    Kind,
)
from meshtui.mesh.route_backends import Around, Backend, Backends
from meshtui.mesh.route_parents import Above, Parent, Parents
from meshtui.mesh.route_specs import BackendRef, RouteSpec
from meshtui.mesh.snapshot import Ref, Scope, Snapshot

KINDS: tuple[Kind | Scope, ...] = (
    *(Scope(kind) for kind in route_specs.KINDS),
    Scope(GATEWAY),
    Scope(ISTIO_GATEWAY),
    INGRESS_CLASS,
    Scope(REFERENCE_GRANT),
    SERVICE,
    ENDPOINT_SLICE,
    SERVICE_ENTRY,
)
"""Routes, gateways and grants of all namespaces, whichever are shown: a route attaches and sends across them."""


class Rule(Struct, frozen=True):
    """One rule: for which requests, what is done to them, and where they go."""

    matches: tuple[str, ...]
    """Alternatives; empty for everything."""
    actions: tuple[str, ...]
    backends: tuple[Backend, ...]


class Route(Struct, frozen=True):
    """One route, as it is now."""

    key: str
    verdict: Verdict
    ref: Ref
    hosts: tuple[str, ...]
    """Empty for any."""
    parents: tuple[Parent, ...]
    rules: tuple[Rule, ...]
    troubles: tuple[Verdict, ...]
    """All that is wrong with it, the worst first."""
    created: datetime | None

    @property
    def kind(self) -> str:
        return self.ref.kind.title

    def accepted_at(self, parent: Ref) -> bool:
        """Whether a gateway takes it."""
        return any(
            each.accepted.health is Health.OK
            for each in self.parents
            if (each.ref.kind, each.ref.key) == (parent.kind.title, parent.key)
        )

    @property
    def backends(self) -> Iterable[Backend]:
        return (each for rule in self.rules for each in rule.backends)


def of(snapshot: Snapshot) -> Sequence[Route]:
    """Every route, by namespace and name."""
    return derived(snapshot, _all)


def at(snapshot: Snapshot, parent: Ref) -> Sequence[Route]:
    """The routes that name a Gateway or an Istio Gateway as a parent."""
    return snapshot.once(_by_parent, of(snapshot)).get((parent.kind.title, parent.key), ())


def _by_parent(routes: Sequence[Route]) -> Mapping[tuple[str, str], Sequence[Route]]:
    found: dict[tuple[str, str], list[Route]] = {}
    for route in routes:
        for each in dict.fromkeys((parent.ref.kind, parent.ref.key) for parent in route.parents):
            found.setdefault(each, []).append(route)
    return found


def _all(snapshot: Snapshot) -> Sequence[Route]:
    parents, backends = cache(partial(Parents, snapshot)), cache(partial(Backends, snapshot))

    def inputs(spec: RouteSpec) -> tuple[object, ...]:
        above = tuple(map(parents().above, spec.parents))
        return above, tuple(backends().around(ref) for ref in _refs(spec))

    context = _context(snapshot)
    found = [
        _at(route, snapshot)
        for kind in route_specs.KINDS
        for route in snapshot.memo.each(
            ("routes", kind), _specs(snapshot, kind), _route, inputs, context
        )
    ]
    found.sort(key=lambda each: (each.ref.namespace, each.ref.name, each.kind))
    return snapshot.memo.unchanged("routes", found)


def _specs(snapshot: Snapshot, kind: Kind) -> Mapping[str, RouteSpec]:
    read = snapshot.each(kind, route_specs.reader(kind))
    return dict(zip(snapshot.objects.get(kind, {}), read, strict=True))


def _context(snapshot: Snapshot) -> tuple[object, ...]:
    """All that is looked at for any route beside the route: what is known of these kinds, and how far."""
    around = [each.kind if isinstance(each, Scope) else each for each in KINDS]
    known = (snapshot.objects.get(kind) for kind in around if kind not in route_specs.KINDS)
    far = (
        f"{scope.kind} {scope.namespace} {source.phase.value} {source.problem}"
        for scope, source in snapshot.sources.items()
        if scope.kind in around
    )
    return (*known, *far)


def _refs(spec: RouteSpec) -> tuple[BackendRef, ...]:
    return tuple(dict.fromkeys(ref for rule in spec.rules for ref in rule.backends))


def _at(route: Route, snapshot: Snapshot) -> Route:
    """Nobody is late with a route that was just made: until it has settled it is not known to be passed over."""
    if route.created is None or snapshot.now >= route.created + YOUNG:
        return route
    if not any(parent.pending for parent in route.parents):
        return route
    waiting = Verdict(Health.UNKNOWN, "just made: no controller has judged it yet")
    parents = tuple(
        replace(each, accepted=waiting) if each.pending else each for each in route.parents
    )
    troubles = _troubles(route.ref, parents, route.rules)
    return replace(route, parents=parents, troubles=troubles, verdict=_verdict(troubles, parents))


def _route(spec: RouteSpec, above: tuple[Above, ...], around: tuple[Around, ...]) -> Route:
    known = dict(zip(_refs(spec), around, strict=True))
    parents = tuple(map(route_parents.parent, (spec,) * len(above), spec.parents, above))
    rules = tuple(
        Rule(each.matches, each.actions, route_backends.judged(spec, each.backends, known))
        for each in spec.rules
    )
    troubles = _troubles(spec.ref, parents, rules, _without_backends(spec))
    return Route(
        key=spec.uid or f"{spec.ref.kind}/{spec.ref.key}",
        verdict=_verdict(troubles, parents),
        ref=spec.ref,
        hosts=spec.hosts,
        parents=parents,
        rules=rules,
        troubles=troubles,
        created=spec.created,
    )


def _without_backends(spec: RouteSpec) -> Iterable[Verdict]:
    """A rule that neither sends requests anywhere nor answers them (Gateway API, HTTPRouteRule.backendRefs)."""
    for number, rule in enumerate(spec.rules, 1):
        if not rule.answers and not any(ref.weight > 0 for ref in rule.backends):
            words = f"rule {number} sends requests nowhere: they fail"
            yield Verdict(Health.WARN, words)


def _troubles(
    ref: Ref, parents: Iterable[Parent], rules: Iterable[Rule], more: Iterable[Verdict] = ()
) -> tuple[Verdict, ...]:
    """The worst first; among equals whether it is taken at all, then its backends as they are, then what was said of
    them."""
    parents = tuple(parents)
    found = [_placed(each, each.accepted) for each in parents]
    if not parents:
        found.append(Verdict(Health.WARN, _UNATTACHED.get(ref.kind.group, _NO_CLASS)))
    found += [each.verdict for rule in rules for each in rule.backends]
    found += more
    found += [_placed(each, said) for each in parents for said in (each.resolved, each.waypoints)]
    wrong = [each for each in dict.fromkeys(found) if each.health.rank > Health.OK.rank]
    return tuple(sorted(wrong, key=lambda each: -each.health.rank))


_UNATTACHED = {GATEWAY_API: "it names no parent, so that nothing applies it"}
_NO_CLASS = "it names no class: Istio takes it only where it is told to take those without one"


def _placed(parent: Parent, verdict: Verdict) -> Verdict:
    """A verdict with the parent that it is of, where its words do not say so."""
    where = parent.ref.key
    if verdict.health.rank <= Health.OK.rank or where in verdict.reason:
        return verdict
    return Verdict(verdict.health, f"at {route_parents.title(parent.ref)}: {verdict.reason}")


def _verdict(troubles: Sequence[Verdict], parents: Sequence[Parent]) -> Verdict:
    if troubles:
        return troubles[0]
    if parents and all(each.accepted.health is Health.NONE for each in parents):
        return parents[0].accepted
    return Verdict(Health.OK, "accepted, and its backends are there")
