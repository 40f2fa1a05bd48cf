"""istiod's controllers of the Gateway API: GatewayClasses, Gateways with what runs them, ListenerSets, and routes."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

from meshtui.sim.behaviour import backends, gateways, listeners, pods, proxies, routes
from meshtui.sim.behaviour.classes import CLASSES, class_of, is_managed
from meshtui.sim.behaviour.references import (
    INFERENCE_POOL,
    XBACKEND,
    XBACKEND_TRAFFIC_POLICY,
    key_of_reference,
)
from meshtui.sim.behaviour.runner import Controller
from meshtui.sim.behaviour.world import World
from meshtui.sim.kinds import (
    BACKEND_TLS_POLICY,
    CONFIGMAP,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    GATEWAY,
    GATEWAY_CLASS,
    LISTENER_SET,
    NAMESPACE,
    REFERENCE_GRANT,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    SERVICE_ENTRY,
    Kind,
)
from meshtui.sim.objects import (
    Raw,
    labels,
    mapping,
    mappings,
    name,
    namespace,
    seconds,
    text,
)
from meshtui.sim.store import Change, Key, Store, key_of

_NAME = "gateway.networking.k8s.io/gateway-name"
_Entries = Callable[[Store, Raw, str], list[Raw]]
"""What makes the entries of a status, of an object, with a time."""
_MADE = tuple(title for title, of_class in CLASSES.items() if of_class.made)


class GatewayClasses:
    """Makes the classes of Istio and accepts them."""

    kinds = (GATEWAY_CLASS, NAMESPACE)

    def __init__(self, world: World) -> None:
        self._world = world

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        if change.kind == GATEWAY_CLASS:
            yield key_of(change.object), 0.1
        elif change.object["metadata"]["name"] == self._world.root:
            for title in _MADE:
                yield ("", title), 0.1

    def look(self, key: Key) -> None:
        found = self._world.store.get(GATEWAY_CLASS, *key)
        if found is None and key[1] in _MADE:
            made = gateways.gateway_class(key[1])
            made["metadata"]["uid"] = self._world.names.uid()
            found = self._world.store.create(GATEWAY_CLASS, made)
        if found and text(found, "spec", "controllerName").startswith("istio.io/"):
            status = gateways.class_status(found, seconds(self._world.clock()))
            self._world.write_status(GATEWAY_CLASS, found, status)


class Proxies:
    """Makes what runs the Gateways of Istio's classes."""

    kinds = (GATEWAY, LISTENER_SET, SERVICE, DEPLOYMENT, NAMESPACE)

    def __init__(self, world: World) -> None:
        self._world = world

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        for key in _gateways(self._world, change):
            yield key, 0.1

    def look(self, key: Key) -> None:
        gateway, store = self._world.store.get(GATEWAY, *key), self._world.store
        if gateway is None or pods.terminating(gateway) or not self._world.open(key[0]):
            return
        of_class = class_of(store, gateway)
        if of_class is None or not of_class.service or not is_managed(gateway):
            return
        image = proxies.proxy_image(self._world)
        specs = [each.spec for each in listeners.of_gateway(store, gateway)]
        self._keep(SERVICE_ACCOUNT, proxies.service_account(gateway, of_class))
        self._keep(SERVICE, proxies.service(gateway, of_class, specs))
        self._keep(DEPLOYMENT, proxies.deployment(gateway, of_class, image))

    def _keep(self, kind: Kind, made: Raw) -> None:
        """Create an object, or set right what istiod applies of it; replicas and addresses are left alone."""
        metadata = made["metadata"]
        found = self._world.store.get(kind, metadata["namespace"], metadata["name"])
        if found is None:
            metadata["uid"] = self._world.names.uid()
            self._world.store.create(kind, made)
            return
        merged = {**found, "metadata": {**found["metadata"], "labels": metadata["labels"]}}
        if "spec" in made:
            kept = {"replicas", "selector"} if kind == DEPLOYMENT else set()
            spec = {k: v for k, v in made["spec"].items() if k not in kept}
            merged["spec"] = {**mapping(found, "spec"), **spec}
            if kind == DEPLOYMENT:
                merged["spec"]["template"] = _template(found, made)
        self._world.store.update(kind, merged)


class _Judge(ABC):
    """Writes the status of the objects of one kind."""

    kinds: tuple[Kind, ...]
    """The kind that is judged first, then what else matters to it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def look(self, key: Key) -> None:
        found = self._world.store.get(self.kinds[0], *key)
        if found is None or pods.terminating(found):
            return
        status = self._status(found, seconds(self._world.clock()))
        if status is not None:
            self._world.write_status(self.kinds[0], found, status)

    @abstractmethod
    def _status(self, found: Raw, stamp: str) -> Raw | None:
        """What is to be said of an object; None where nothing is to be written."""

    def _routes(self, found: Raw) -> list[Raw]:
        """The routes that name a Gateway or a ListenerSet."""
        return list(self._world.routes_of[key_of(found)])


class Gateways(_Judge):
    """Says on Gateways how they are."""

    kinds = (
        GATEWAY,
        GATEWAY_CLASS,
        LISTENER_SET,
        SERVICE,
        SERVICE_ENTRY,
        ENDPOINT_SLICE,
        SECRET,
        CONFIGMAP,
        REFERENCE_GRANT,
        NAMESPACE,
        *routes.ROUTES,
    )

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        for key in _gateways(self._world, change):
            yield key, 0.2

    def _status(self, found: Raw, stamp: str) -> Raw | None:
        return gateways.status(self._world.store, found, self._routes(found), stamp)


class ListenerSets(_Judge):
    """Says on ListenerSets what has come of their listeners."""

    kinds = (LISTENER_SET, *(each for each in Gateways.kinds if each != LISTENER_SET))

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        touched = set(_gateways(self._world, change))
        for each in self._world.store.list(LISTENER_SET):
            if not touched.isdisjoint(_gateways_of_set(each)):
                yield key_of(each), 0.2

    def _status(self, found: Raw, stamp: str) -> Raw | None:
        return gateways.set_status(self._world.store, found, self._routes(found), stamp)


class Routes(_Judge):
    """Says on the routes of one kind which parents take them and whether their backends are there."""

    def __init__(self, world: World, kind: Kind) -> None:
        super().__init__(world)
        self._kind = kind
        self.kinds = (
            kind,
            *(GATEWAY, GATEWAY_CLASS, LISTENER_SET, REFERENCE_GRANT, NAMESPACE, SERVICE_ENTRY),
            *_BACKENDS,
        )

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        if change.kind == self._kind:
            if change.after is not None:
                yield key_of(change.object), 0.1
            return
        for route in self._touched(change):
            if text(route, "kind") == self._kind.name:
                yield key_of(route), 0.2

    def _touched(self, change: Change) -> Iterable[Raw]:
        world, key = self._world, key_of(change.object)
        if change.kind in _BACKENDS:
            return world.routes_to[key]
        if change.kind in (GATEWAY, LISTENER_SET):
            sets = world.store.list(LISTENER_SET) if change.kind == GATEWAY else ()
            keys = [key, *(key_of(each) for each in sets if key in _gateways_of_set(each))]
            return itertools.chain.from_iterable(world.routes_of[each] for each in keys)
        if change.kind == NAMESPACE and not _relabelled(change):
            return ()
        return world.store.list(self._kind)

    def _status(self, found: Raw, stamp: str) -> Raw | None:
        parents = routes.parents(self._world.store, found, stamp)
        known = mappings(found, "status", "parents")
        return {"parents": parents} if parents != known else None


class Backends(_Judge):
    """Says on what is attached to backends, of one kind, whether all is there that it refers to."""

    def __init__(self, world: World, kind: Kind, word: str, judge: _Entries) -> None:
        """`word`: what is said for, a parent or an ancestor."""
        super().__init__(world)
        self.kinds = (kind, *(SERVICE, SERVICE_ENTRY, CONFIGMAP, GATEWAY), *routes.ROUTES)
        self._part = f"{word}s"
        self._judge = judge

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        anywhere = change.kind in (GATEWAY, *routes.ROUTES)
        space = None if anywhere else namespace(change.object)
        for each in self._world.store.list(self.kinds[0], space):
            yield key_of(each), 0.2

    def _status(self, found: Raw, stamp: str) -> Raw | None:
        said = self._judge(self._world.store, found, stamp)
        return {self._part: said} if said != mappings(found, "status", self._part) else None


def judges(world: World) -> Iterable[Controller]:
    """Those that judge the objects of the Gateway API, and do nothing else than that."""
    return (
        Gateways(world),
        ListenerSets(world),
        *(Routes(world, kind) for kind in routes.ROUTES),
        Backends(world, BACKEND_TLS_POLICY, "ancestor", backends.tls_ancestors),
        Backends(world, XBACKEND_TRAFFIC_POLICY, "ancestor", backends.traffic_ancestors),
        Backends(world, XBACKEND, "parent", backends.backend_parents),
    )


_BACKENDS = (SERVICE, XBACKEND, INFERENCE_POOL)


def _gateways(world: World, change: Change) -> Iterable[Key]:
    """The Gateways that a change may matter to."""
    states = [each for each in (change.before, change.after) if each is not None]
    if change.kind == GATEWAY:
        return [key_of(change.object)]
    if change.kind == LISTENER_SET:
        return itertools.chain.from_iterable(map(_gateways_of_set, states))
    if change.kind in routes.ROUTES:
        return _gateways_of_routes(world, states)
    every = world.store.list(GATEWAY)
    if change.kind in (SERVICE, SERVICE_ENTRY, DEPLOYMENT, ENDPOINT_SLICE):
        if change.kind != DEPLOYMENT or not proxies.is_istiod(change.object):
            space = namespace(change.object)
            own = text(labels(change.object), _NAME)
            every = [
                each
                for each in world.store.list(GATEWAY, space)
                if name(each) == own or not is_managed(each)
            ]
    elif change.kind == NAMESPACE and not _relabelled(change):
        return []
    return map(key_of, every)


def _gateways_of_routes(world: World, states: Iterable[Raw]) -> Iterable[Key]:
    for key in itertools.chain.from_iterable(map(routes.gateways_of, states)):
        yield key
        if listener_set := world.store.get(LISTENER_SET, *key):
            yield from _gateways_of_set(listener_set)


def _gateways_of_set(listener_set: Raw) -> list[Key]:
    """The Gateway that a ListenerSet names, if it does."""
    reference = mapping(listener_set, "spec", "parentRef")
    is_gateway = listeners.parent_kind(reference) == GATEWAY
    return [key_of_reference(listener_set, reference)] if is_gateway else []


def _template(found: Raw, made: Raw) -> Raw:
    """The template as istiod wants it, with what a rollout restart has noted in it."""
    template: Raw = made["spec"]["template"]
    known = mapping(found, "spec", "template", "metadata", "annotations")
    restarted = {key: value for key, value in known.items() if key.endswith("/restartedAt")}
    notes = {**template["metadata"]["annotations"], **restarted}
    return {**template, "metadata": {**template["metadata"], "annotations": notes}}


def _relabelled(change: Change) -> bool:
    """Whether a namespace has got other labels; those of a new one count as well."""
    before, after = labels(change.before or {}), labels(change.after or {})
    return change.kind == NAMESPACE and change.type == "MODIFIED" and before != after
