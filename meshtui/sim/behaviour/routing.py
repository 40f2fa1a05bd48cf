"""Where proxies send what is addressed to a Service: waypoints and gateways follow routes, by weight."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random

from meshtui.sim.behaviour.listeners import parent_kind
from meshtui.sim.behaviour.references import (
    GATEWAY_API,
    backend_problem,
    group_kind,
    key_of_reference,
)
from meshtui.sim.behaviour.world import World
from meshtui.sim.kinds import GATEWAY
from meshtui.sim.objects import Raw, integer, is_true, labels, mappings, name, namespace, text
from meshtui.sim.store import Key

Destination = tuple[Key, int]
"""A Service, and its port."""
_NAME = "gateway.networking.k8s.io/gateway-name"


def by_waypoint(world: World, target: Destination, random: Random) -> Destination | None:
    """Where a waypoint sends a plain request for a Service; None where it answers by itself, with an error."""
    key, port = target
    for route in _oldest_first(world.routes_to[key]):
        if any(_is_for(route, each, key, port) for each in mappings(route, "spec", "parentRefs")):
            rules = [each for each in mappings(route, "spec", "rules") if _takes_plain(each)]
            return _drawn(world, route, rules[0], random, grants=False) if rules else None
    return target


def is_gateway(pod: Raw) -> bool:
    """Whether a pod is a proxy of a Gateway."""
    return _NAME in labels(pod)


def gateway_of(pod: Raw) -> Key:
    """The Gateway that a proxy's pod is of."""
    return namespace(pod), text(labels(pod), _NAME)


def by_gateway(world: World, pod: Raw, target: Destination, random: Random) -> Destination | None:
    """Where a gateway's pod sends a request that is to reach a Service; None where no route leads there."""
    key = gateway_of(pod)
    for route in _oldest_first(world.routes_of[key]):
        if _is_accepted(route, key):
            for rule in mappings(route, "spec", "rules"):
                if target[0] in [
                    key_of_reference(route, each) for each in mappings(rule, "backendRefs")
                ]:
                    return _drawn(world, route, rule, random, grants=True)
    return None


def _oldest_first(routes: Iterable[Raw]) -> list[Raw]:
    return sorted(
        routes,
        key=lambda each: (text(each, "metadata", "creationTimestamp"), namespace(each), name(each)),
    )


def _is_for(route: Raw, reference: Raw, key: Key, port: int) -> bool:
    """Whether a parentRef names a Service, and this port of it."""
    is_service = group_kind(reference, GATEWAY_API, "Gateway") == ("", "Service")
    return (
        is_service
        and key_of_reference(route, reference) == key
        and reference.get("port") in (None, port)
    )


def _is_accepted(route: Raw, gateway: Key) -> bool:
    """Whether a Gateway has taken a route."""
    return any(
        parent_kind(reference) == GATEWAY
        and key_of_reference(route, reference) == gateway
        and is_true({"status": parent}, "Accepted")
        for parent, reference in _parents(route)
    )


def _parents(route: Raw) -> Iterator[tuple[Raw, Raw]]:
    for parent in mappings(route, "status", "parents"):
        if isinstance(reference := parent.get("parentRef"), dict):
            yield parent, reference


def _takes_plain(rule: Raw) -> bool:
    """Whether a rule takes requests without anything special: GET of /, or any method of gRPC."""
    matches = mappings(rule, "matches")
    return not matches or any(
        not mappings(each, "headers")
        and not mappings(each, "queryParams")
        and (each.get("method") in (None, "GET") or isinstance(each["method"], dict))
        and text(each, "path", "value") in ("", "/")
        for each in matches
    )


def _drawn(
    world: World, route: Raw, rule: Raw, random: Random, *, grants: bool
) -> Destination | None:
    """One of the backends of a rule, as often as its weight says; None for one that cannot be used."""
    backends = mappings(rule, "backendRefs")
    weights = [max(integer(each, "weight", default=1), 0) for each in backends]
    if not any(weights):
        return None
    drawn = backends[0]
    if len(backends) > 1:
        (drawn,) = random.choices(backends, weights)
    if backend_problem(world.store, route, drawn, grants=grants):
        return None
    return key_of_reference(route, drawn), integer(drawn, "port")
