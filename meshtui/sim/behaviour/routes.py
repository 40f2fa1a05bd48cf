"""What istiod writes on routes: `status.parents`, for parents that are Gateways, ListenerSets, Services and
ServiceEntries.

Reasons and messages are the recorded ones (tests/data/recordings/shop) and those of Istio's own tests.
"""

from __future__ import annotations

from collections.abc import Iterator

from meshtui.sim.behaviour.conditions import CONTROLLER, Said, bad, entries, good
from meshtui.sim.behaviour.listeners import open_to_routes, parent_kind, refusal
from meshtui.sim.behaviour.references import (
    GATEWAY_API,
    Problem,
    backend_problem,
    group_kind,
    key_of_reference,
)
from meshtui.sim.behaviour.waypoints import binding
from meshtui.sim.kinds import (
    GRPC_ROUTE,
    HTTP_ROUTE,
    SERVICE,
    SERVICE_ENTRY,
    TCP_ROUTE,
    TLS_ROUTE,
    Kind,
)
from meshtui.sim.objects import Raw, mapping, mappings, text
from meshtui.sim.store import Key, Store

ROUTES = (HTTP_ROUTE, GRPC_ROUTE, TCP_ROUTE, TLS_ROUTE)
_SERVED = {
    ("", "Service"): (SERVICE, "service"),
    ("networking.istio.io", "ServiceEntry"): (SERVICE_ENTRY, "service entry"),
}
_INVALID_BACKEND = ("BackendNotFound", "RefNotPermitted", "InvalidKind")
"""A backend with such a problem is left out, and the others are looked at."""
_FILTERS = ("RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror")
_HTTP_FILTERS = (*_FILTERS, "RequestRedirect", "URLRewrite", "CORS")


def parents(store: Store, route: Raw, stamp: str) -> list[Raw]:
    """The `status.parents` of a route: what others wrote stays, what istiod says is new."""
    said = []
    for reference in mappings(route, "spec", "parentRefs"):
        if accepted := _accepted(store, route, reference):
            grants = parent_kind(reference) is not None
            conditions = [
                accepted,
                _resolved(store, route, grants=grants),
                _waypoints(store, route, reference),
            ]
            said.append(Said(CONTROLLER, reference, conditions))
    return entries(route, "parent", said, stamp)


def gateways_of(route: Raw) -> list[Key]:
    """The Gateways and ListenerSets that a route names."""
    references = mappings(route, "spec", "parentRefs")
    return [key_of_reference(route, each) for each in references if parent_kind(each)]


def services_of(route: Raw) -> list[Key]:
    """What else a route names: Services and the like, as parents or as backends."""
    references = [each for each in mappings(route, "spec", "parentRefs") if not parent_kind(each)]
    for rule in mappings(route, "spec", "rules"):
        references += [*mappings(rule, "backendRefs"), *_mirrors(rule)]
    return list(dict.fromkeys(key_of_reference(route, each) for each in references))


def _accepted(store: Store, route: Raw, reference: Raw) -> Raw | None:
    """The condition Accepted; None where no parent of Istio's is named."""
    if kind := parent_kind(reference):
        parent = store.get(kind, *key_of_reference(route, reference))
        return _on_listeners(store, route, parent, kind, reference) if parent else None
    served = _SERVED.get(group_kind(reference, GATEWAY_API, "Gateway"))
    if served is None:
        return None
    kind, called = served
    if store.get(kind, *key_of_reference(route, reference)) is None:
        missing = f'parent {called}: "{text(reference, "name")}" not found'
        return bad("Accepted", "NoMatchingParent", missing)
    return good("Accepted", "Accepted", "Route was valid")


def _on_listeners(store: Store, route: Raw, parent: Raw, kind: Kind, reference: Raw) -> Raw | None:
    found = open_to_routes(store, parent, kind)
    refusals = [refusal(store, each, route, reference) for each in found]
    if not refusals:
        return None
    if taken := refusals.count(None):
        bound = f", bound to {taken} parents" if taken > 1 else ""
        return good("Accepted", "Accepted", f"Route was valid{bound}")
    known = [each for each in refusals if each]
    nearest = [each for each in known if each.rank == max(each.rank for each in known)]
    return bad("Accepted", nearest[0].reason, "; ".join(each.message for each in nearest))


def _resolved(store: Store, route: Raw, *, grants: bool) -> Raw:
    """The condition ResolvedRefs: of several rules with problems the last one's stays."""
    found = None
    for rule in mappings(route, "spec", "rules"):
        problem = _rule_problem(store, route, rule, grants=grants)
        found = problem or found
        if problem and problem[0] not in _INVALID_BACKEND:
            break
    if found:
        return bad("ResolvedRefs", *found)
    return good("ResolvedRefs", "ResolvedRefs", "All references resolved")


def _rule_problem(store: Store, route: Raw, rule: Raw, *, grants: bool) -> Problem | None:
    known = _HTTP_FILTERS if text(route, "kind") == "HTTPRoute" else _FILTERS
    for each in mappings(rule, "filters"):
        if (kind := text(each, "type")) not in known:
            return "InvalidFilter", f'unsupported filter type "{kind}"'
    mirrored = _last_problem(store, route, _mirrors(rule), grants=grants)
    weighty = (each for each in mappings(rule, "backendRefs") if each.get("weight") != 0)
    problem = _last_problem(store, route, weighty, grants=grants)
    if problem and mirrored:
        return problem[0], f"{problem[1]}; {mirrored[1]}"
    return problem or mirrored


def _last_problem(
    store: Store, route: Raw, backends: Iterator[Raw], *, grants: bool
) -> Problem | None:
    found = None
    for backend in backends:
        problem = backend_problem(store, route, backend, grants=grants)
        found = problem or found
        if problem and problem[0] not in _INVALID_BACKEND:
            break
    return found


def _mirrors(rule: Raw) -> Iterator[Raw]:
    """The backends that a rule sends copies to."""
    for each in mappings(rule, "filters"):
        if reference := mapping(each, "requestMirror", "backendRef"):
            yield reference


def _waypoints(store: Store, route: Raw, reference: Raw) -> Raw:
    """The condition ResolvedWaypoints: always True, its message tells."""
    message = "All waypoints resolved"
    if served := _SERVED.get(group_kind(reference, GATEWAY_API, "Gateway")):
        parent = store.get(served[0], *key_of_reference(route, reference))
        if parent is None:
            message = "parent not found"
        elif binding(store, parent, "service") is None:
            message = (
                "istio.io/use-waypoint label missing from parent and parent namespace; "
                "in ambient mode, route will not be respected"
            )
    return good("ResolvedWaypoints", "ResolvedWaypoints", message)
