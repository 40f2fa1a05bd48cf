"""istiod's controllers of the Gateway API: GatewayClasses, Gateways with what runs them, and routes."""

from __future__ import annotations

from collections.abc import Iterable

from meshtui.sim.behaviour import gateways, pods, proxies, routes
from meshtui.sim.behaviour.world import World
from meshtui.sim.kinds import (
    DEPLOYMENT,
    ENDPOINT_SLICE,
    GATEWAY,
    GATEWAY_CLASS,
    NAMESPACE,
    REFERENCE_GRANT,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)
from meshtui.sim.objects import (
    Raw,
    labels,
    mapping,
    mappings,
    namespace,
    seconds,
    text,
)
from meshtui.sim.store import Change, Key, key_of

_NAME = "gateway.networking.k8s.io/gateway-name"


class GatewayClasses:
    """Makes the classes of Istio and accepts them."""

    kinds = (GATEWAY_CLASS, NAMESPACE)

    def __init__(self, world: World) -> None:
        self._world = world

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        if change.kind == GATEWAY_CLASS:
            yield key_of(change.object), 0.1
        elif change.object["metadata"]["name"] == self._world.root:
            for title in proxies.CLASSES:
                yield ("", title), 0.1

    def look(self, key: Key) -> None:
        found = self._world.store.get(GATEWAY_CLASS, *key)
        if found is None and key[1] in proxies.CLASSES:
            made = gateways.gateway_class(key[1])
            made["metadata"]["uid"] = self._world.names.uid()
            found = self._world.store.create(GATEWAY_CLASS, made)
        if found and text(found, "spec", "controllerName").startswith("istio.io/"):
            status = gateways.class_status(found, seconds(self._world.clock()))
            self._world.write_status(GATEWAY_CLASS, found, status)


class Gateways:
    """Runs Gateways of Istio's classes and says how they are."""

    kinds = (
        GATEWAY,
        SERVICE,
        DEPLOYMENT,
        ENDPOINT_SLICE,
        SECRET,
        REFERENCE_GRANT,
        NAMESPACE,
        *routes.ROUTES,
    )

    def __init__(self, world: World) -> None:
        self._world = world

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        obj = change.object
        if change.kind == GATEWAY:
            if change.after is not None:
                yield key_of(obj), 0.1
        elif change.kind in routes.ROUTES:
            for each in (change.before, change.after):
                for key in routes.gateways_of(each or {}):
                    yield key, 0.2
        elif change.kind == DEPLOYMENT and proxies.is_istiod(obj):
            yield from self._all()
        elif change.kind in (SERVICE, DEPLOYMENT, ENDPOINT_SLICE):
            if title := text(labels(obj), _NAME):
                yield (namespace(obj), title), 0.2
        elif change.kind == SECRET:
            for gateway in self._world.store.list(GATEWAY):
                if key_of(obj) in gateways.secrets_of(gateway):
                    yield key_of(gateway), 0.2
        elif change.kind == REFERENCE_GRANT or _relabelled(change):
            yield from self._all()

    def _all(self) -> Iterable[tuple[Key, float]]:
        for gateway in self._world.store.list(GATEWAY):
            yield key_of(gateway), 0.2

    def look(self, key: Key) -> None:
        gateway = self._world.store.get(GATEWAY, *key)
        if gateway is None or pods.terminating(gateway) or proxies.class_of(gateway) is None:
            return
        if self._world.open(key[0]):
            image = proxies.proxy_image(self._world)
            self._keep(SERVICE_ACCOUNT, proxies.service_account(gateway))
            self._keep(SERVICE, proxies.service(gateway))
            self._keep(DEPLOYMENT, proxies.deployment(gateway, image))
        attached = list(self._world.routes_of[key])
        stamp = seconds(self._world.clock())
        status = gateways.status(self._world.store, gateway, attached, stamp)
        self._world.write_status(GATEWAY, gateway, status)

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


class Routes:
    """Says on the routes of one kind which parents take them and whether their backends are there."""

    def __init__(self, world: World, kind: Kind) -> None:
        self._world = world
        self._kind = kind
        self.kinds = (kind, GATEWAY, SERVICE, REFERENCE_GRANT, NAMESPACE)

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        obj = change.object
        if change.kind == self._kind:
            if change.after is not None:
                yield key_of(obj), 0.1
            return
        if change.kind == GATEWAY:
            found = self._world.routes_of[key_of(obj)]
        elif change.kind == SERVICE:
            found = self._world.routes_to[key_of(obj)]
        elif change.kind == REFERENCE_GRANT or _relabelled(change):
            found = self._world.store.list(self._kind)
        else:
            return
        for route in found:
            if text(route, "kind") == self._kind.name:
                yield key_of(route), 0.2

    def look(self, key: Key) -> None:
        route = self._world.store.get(self._kind, *key)
        if route is None or pods.terminating(route):
            return
        stamp = seconds(self._world.clock())
        parents = routes.parents(self._world.store, route, stamp)
        if parents != mappings(route, "status", "parents"):
            self._world.write_status(self._kind, route, {"parents": parents})


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
