"""What every namespace gets: the default service account, and the root certificates that istiod hands out."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from meshtui.sim.behaviour.world import World
from meshtui.sim.kinds import CONFIGMAP, NAMESPACE, SECRET, SERVICE_ACCOUNT
from meshtui.sim.objects import Raw, mapping, name, namespace
from meshtui.sim.store import Change, Key, key_of

_ROOTS = "istio-ca-root-cert"
_AUTHORITY = "cacerts"
_WITHOUT = ("kube-public", "kube-node-lease", "local-path-storage")


class Namespaces:
    """Keeps both in each namespace."""

    kinds = (NAMESPACE, CONFIGMAP, SERVICE_ACCOUNT, SECRET)

    def __init__(self, world: World, root_pem: Callable[[], str]) -> None:
        self._world = world
        self._root_pem = root_pem

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        obj = change.object
        if change.kind == NAMESPACE:
            if change.type == "ADDED":
                yield ("", name(obj)), 0.1
        elif change.kind == SECRET:
            if key_of(obj) == (self._world.root, _AUTHORITY):
                for space in self._world.store.list(NAMESPACE):
                    yield ("", name(space)), 0.2
        elif name(obj) in (_ROOTS, "default") and change.type != "ADDED":
            yield ("", namespace(obj)), 0.2

    def look(self, key: Key) -> None:
        space = key[1]
        if not self._world.open(space):
            return
        store = self._world.store
        if store.get(SERVICE_ACCOUNT, space, "default") is None:
            store.create(SERVICE_ACCOUNT, {"metadata": self._metadata("default", space)})
        if space in _WITHOUT or not self._world.open(self._world.root):
            return
        data = {"root-cert.pem": self._root_pem()}
        found = store.get(CONFIGMAP, space, _ROOTS)
        if found is None:
            metadata = self._metadata(_ROOTS, space) | {"labels": {"istio.io/config": "true"}}
            store.create(CONFIGMAP, {"metadata": metadata, "data": data})
        elif mapping(found, "data") != data:
            self._world.write(CONFIGMAP, found, data=data)

    def _metadata(self, title: str, space: str) -> Raw:
        return {"name": title, "namespace": space, "uid": self._world.names.uid()}
