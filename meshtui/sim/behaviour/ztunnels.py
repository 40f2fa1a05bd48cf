"""The ztunnels of all nodes: they start and end with their pods, and get the pods that CNI agents hand over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from meshtui.sim.behaviour import pods
from meshtui.sim.behaviour.ca import Authority
from meshtui.sim.behaviour.logs import Logs
from meshtui.sim.behaviour.registry import Registry
from meshtui.sim.behaviour.world import ZTUNNEL, World
from meshtui.sim.behaviour.ztunnel import Proxy, Ztunnel
from meshtui.sim.kinds import POD
from meshtui.sim.objects import Raw, labels, uid
from meshtui.sim.store import Change, Key, key_of


def is_ztunnel(pod: Raw) -> bool:
    return labels(pod).get("app") == ZTUNNEL


class Ztunnels:
    """Starts a ztunnel when its pod is ready, and ends it when that is deleted."""

    kinds = (POD,)

    def __init__(
        self, world: World, registry: Registry, authority: Callable[[], Authority], logs: Logs
    ) -> None:
        """`authority`: the one that istiod has now."""
        self._world = world
        self._discovery = registry
        self._authority = authority
        self._logs = logs
        self._running: dict[Key, Ztunnel] = {}
        self._handed: dict[str, dict[str, Raw]] = {}

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        if is_ztunnel(change.object):
            yield key_of(change.object), 0.0

    def look(self, key: Key) -> None:
        pod = self._world.store.get(POD, *key)
        known = self._running.get(key)
        if known is not None and (pod is None or uid(pod) != uid(known.pod)):
            self._running.pop(key).end()
            known = None
        if pod is not None and known is None and pods.ready(pod):
            log = self._logs.of(pod, "istio-proxy")
            made = Ztunnel(self._world, self._discovery, self._authority(), pod, log)
            made.snapshot(list(self._handed.get(pods.node(pod), {}).values()))
            self._running[key] = made

    def __iter__(self) -> Iterator[Ztunnel]:
        return iter(self._running.values())

    def of(self, key: Key) -> Ztunnel | None:
        """The ztunnel in a pod."""
        return self._running.get(key)

    def on(self, node: str) -> Ztunnel | None:
        """The one that serves a node: the newest."""
        found = None
        for pod in self._world.serving[ZTUNNEL, node]:
            if running := self._running.get(key_of(pod)):
                found = running if not pods.terminating(pod) or found is None else found
        return found

    def serving(self, pod: Raw) -> Ztunnel | None:
        """The one that proxies a pod: that of its node, unless it has no proxy for it."""
        found = self.on(pods.node(pod))
        return found if found and found.proxy(pod) else None

    def proxy(self, pod: Raw) -> Proxy | None:
        """The proxy of a pod at the ztunnel of its node; None where it has none."""
        found = self.serving(pod)
        return found.proxy(pod) if found else None

    # What the CNI agents tell

    def handed(self, pod: Raw) -> bool:
        return uid(pod) in self._handed.get(pods.node(pod), {})

    def add(self, pod: Raw) -> None:
        """A pod is to be proxied by the ztunnels of its node."""
        self._handed.setdefault(pods.node(pod), {})[uid(pod)] = pod
        for ztunnel in self._of_node(pods.node(pod)):
            ztunnel.add(pod)

    def remove(self, node: str, pod_uid: str) -> None:
        """A pod is no longer to be proxied."""
        if self._handed.get(node, {}).pop(pod_uid, None) is not None:
            for ztunnel in self._of_node(node):
                ztunnel.remove(pod_uid)

    def _of_node(self, node: str) -> list[Ztunnel]:
        keys = map(key_of, self._world.serving[ZTUNNEL, node])
        return [found for key in keys if (found := self._running.get(key))]


class Renewals:
    """Lets the ztunnels ask again, second by second, for certificates that they could not get."""

    kinds = ()

    def __init__(self, ztunnels: Ztunnels) -> None:
        self._ztunnels = ztunnels

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        return ()

    def look(self, key: Key) -> float:
        for ztunnel in self._ztunnels:
            ztunnel.renew()
        return 1.0
