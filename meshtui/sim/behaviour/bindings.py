"""istiod's controllers of ambient status: WaypointBound on Services, and the conditions of AuthorizationPolicies."""

from __future__ import annotations

from collections.abc import Iterable

from meshtui.sim.behaviour import waypoints
from meshtui.sim.behaviour.policies import targets, ztunnel_condition
from meshtui.sim.behaviour.world import World
from meshtui.sim.kinds import AUTHORIZATION_POLICY, GATEWAY, NAMESPACE, SERVICE
from meshtui.sim.objects import labels, mapping, mappings, merged, micros, name, namespace, seconds
from meshtui.sim.store import Change, Key, key_of

_BOUND = "istio.io/WaypointBound"


class Bindings:
    """Says on a Service whether it has the waypoint that it asks for."""

    kinds = (SERVICE, NAMESPACE, GATEWAY)

    def __init__(self, world: World) -> None:
        self._world = world

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        obj = change.object
        if change.kind == SERVICE:
            if change.after is not None:
                yield key_of(obj), 0.1
        elif change.kind == NAMESPACE:
            if labels(change.before or {}) != labels(obj):
                for service in self._world.services_in[name(obj)]:
                    yield key_of(service), 0.1
        elif waypoints.differ(change.before, change.after):
            for service in self._world.store.list(SERVICE):
                if waypoints.asked(self._world.store, service) == key_of(obj):
                    yield key_of(service), 0.2

    def look(self, key: Key) -> None:
        service = self._world.store.get(SERVICE, *key)
        if service is None:
            return
        bound = waypoints.binding(self._world.store, service, "service")
        before = mappings(service, "status", "conditions")
        others = [each for each in before if each.get("type") != _BOUND]
        ours = [waypoints.bound_condition(bound)] if bound else []
        conditions = others + merged(before, ours, seconds(self._world.clock()))
        if conditions != before:
            status = {**mapping(service, "status"), "conditions": conditions}
            if not conditions:
                del status["conditions"]
            self._world.write_status(SERVICE, service, status)


class Policies:
    """Says on an AuthorizationPolicy who enforces it, and what is left of it."""

    kinds = (AUTHORIZATION_POLICY, SERVICE, GATEWAY)

    def __init__(self, world: World) -> None:
        self._world = world

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        obj = change.object
        if change.kind == AUTHORIZATION_POLICY:
            if change.after is not None:
                yield key_of(obj), 0.1
            return
        for policy in self._world.store.list(AUTHORIZATION_POLICY, namespace(obj)):
            if targets(policy):
                yield key_of(policy), 0.2

    def look(self, key: Key) -> None:
        policy = self._world.store.get(AUTHORIZATION_POLICY, *key)
        if policy is None:
            return
        condition = ztunnel_condition(policy)
        if condition is None:
            store, root = self._world.store, self._world.root
            condition = waypoints.accepted_condition(store, policy, root)
        # Istio's own kinds carry nanoseconds
        stamp = f"{micros(self._world.clock())[:-1]}{self._world.names.random.randrange(1000):03}Z"
        before = mappings(policy, "status", "conditions")
        conditions = merged(before, [condition], stamp)
        if conditions != before:
            status = {**mapping(policy, "status"), "conditions": conditions}
            self._world.write_status(AUTHORIZATION_POLICY, policy, status)
