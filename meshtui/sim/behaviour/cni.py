"""The CNI agents: which pods they capture, by labels and by their ConfigMap, and what they tell of it.

The rule is that of Istio's agent from 1.30 on (reference istio-ambient.md, 1.2 and 1.3).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import yaml
from msgspec import Struct

from meshtui.sim.behaviour import pods
from meshtui.sim.behaviour.logs import Logs
from meshtui.sim.behaviour.managed import managed
from meshtui.sim.behaviour.registry import REDIRECTION, workload_name
from meshtui.sim.behaviour.world import AGENT, World
from meshtui.sim.behaviour.ztunnels import Ztunnels, is_ztunnel
from meshtui.sim.kinds import CONFIGMAP, NAMESPACE, POD
from meshtui.sim.objects import (
    Raw,
    annotated,
    annotation,
    full_name,
    labels,
    mapping,
    micros,
    name,
    namespace,
    seconds,
    selects,
    text,
    uid,
)
from meshtui.sim.store import Change, Key, key_of

CONFIG = "istio-cni-config"
_MODE = "istio.io/dataplane-mode"
_DEFAULT_SELECTORS = (
    {"podSelector": {"matchLabels": {_MODE: "ambient"}}},
    {
        "podSelector": {
            "matchExpressions": [{"key": _MODE, "operator": "NotIn", "values": ["none"]}]
        },
        "namespaceSelector": {"matchLabels": {_MODE: "ambient"}},
    },
)
_RETRY = 5.0
_ANNOTATION: Raw = {"f:metadata": {"f:annotations": {f"f:{REDIRECTION}": {}}}}


class Rule(Struct, frozen=True):
    """Which pods are to be captured."""

    excluded: Collection[str]
    selectors: Collection[Raw]

    def wants(self, pod: Raw, namespace_labels: Raw) -> bool:
        """Whether labels say so, and nothing speaks against it."""
        if pods.host_network(pod) or annotation(pod, "sidecar.istio.io/status") is not None:
            return False
        if namespace(pod) in self.excluded:
            return False
        return any(
            selects(each.get("podSelector", {}), labels(pod))
            and selects(each.get("namespaceSelector", {}), namespace_labels)
            for each in self.selectors
        )


def rule(config: Raw | None) -> Rule:
    """The rule of the agents' ConfigMap; the default one where it says none."""
    data = mapping(config, "data")
    excluded = text(data, "EXCLUDE_NAMESPACES") or "kube-system"
    try:
        selectors = yaml.safe_load(text(data, "AMBIENT_ENABLEMENT_SELECTOR"))
    except yaml.YAMLError:
        selectors = None
    if not isinstance(selectors, list):
        selectors = _DEFAULT_SELECTORS
    return Rule(
        [each.strip() for each in excluded.split(",")],
        [each for each in selectors if isinstance(each, dict)],
    )


class CniAgents:
    """Captures pods in place as labels come and go: annotates them, and hands them to the ztunnel of their node."""

    kinds = (POD, NAMESPACE, CONFIGMAP)

    def __init__(self, world: World, ztunnels: Ztunnels, logs: Logs) -> None:
        self._world = world
        self._ztunnels = ztunnels
        self._logs = logs
        self._to_miss: set[str] = set()
        self._to_lose: set[str] = set()
        self._missed: set[str] = set()
        self._told: dict[Key, tuple[str, str]] = {}
        self._agents: dict[str, str] = {}
        self._rule: tuple[Raw | None, Rule] = (None, rule(None))

    def fail(self, missed: Iterable[str], lost: Iterable[str]) -> None:
        """Of each of these workloads (namespace/name) the next pod is never annotated, or is annotated and never handed
        over. Its successor is treated well again, and a new agent finds what the one before it has overlooked."""
        self._to_miss.update(missed)
        self._to_lose.update(lost)

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        obj = change.object
        if change.kind == CONFIGMAP:
            if name(obj) == CONFIG:
                yield from self._all(self._world.store.list(POD))
        elif change.kind == NAMESPACE:
            if labels(change.before or {}) != labels(obj):
                yield from self._all(self._world.pods_in[name(obj)])
        elif _matters(change):
            yield key_of(obj), 0.4
            if (is_ztunnel(obj) or _is_agent(obj)) and pods.ready(obj):
                yield from self._all(self._world.pods_on[pods.node(obj)])

    def _all(self, found: Iterable[Raw]) -> Iterable[tuple[Key, float]]:
        for pod in found:
            yield key_of(pod), 0.6

    def look(self, key: Key) -> float | None:
        pod = self._world.store.get(POD, *key)
        if (
            pod is None
            or pods.finished(pod)
            or self._told.get(key, (None, uid(pod)))[1] != uid(pod)
        ):
            self._release(key)
        if pod is None or pods.terminating(pod) or pods.finished(pod) or not pods.ip(pod):
            return None
        agent = self._agent(pods.node(pod))
        if agent is None or is_ztunnel(pod):
            return None
        if self._agents.setdefault(pods.node(pod), uid(agent)) != uid(agent):
            self._agents[pods.node(pod)] = uid(agent)
            self._resume(pods.node(pod))
        if self._current().wants(pod, self._world.namespace_labels(namespace(pod))):
            return self._capture(pod, agent)
        if annotation(pod, REDIRECTION) is not None:
            self._release(key)
            self._say(agent, f"removing pod {full_name(pod)} from the mesh")
            self._annotate(pod, None)
        return None

    def _capture(self, pod: Raw, agent: Raw) -> float | None:
        if annotation(pod, REDIRECTION) == "enabled" or uid(pod) in self._missed:
            return None
        workload = f"{namespace(pod)}/{workload_name(pod)}"
        if workload in self._to_miss:
            self._to_miss.remove(workload)
            self._missed.add(uid(pod))
            return None
        self._say(agent, f"in pod mode - adding pod {full_name(pod)} to ztunnel ")
        if self._ztunnels.on(pods.node(pod)) is None:
            message = f"partial add error: no ztunnel connection, pod {full_name(pod)}"
            self._say(agent, message, "error")
            self._annotate(pod, "pending")
            return _RETRY
        pod = self._annotate(pod, "enabled")
        if workload in self._to_lose:
            self._to_lose.remove(workload)
            return None
        self._ztunnels.add(pod)
        self._told[key_of(pod)] = (pods.node(pod), uid(pod))
        return None

    def _annotate(self, pod: Raw, value: str | None) -> Raw:
        stamp = seconds(self._world.clock())
        metadata = managed(annotated(pod, REDIRECTION, value), "install-cni", stamp, _ANNOTATION)
        return self._world.write(POD, pod, metadata=metadata)

    def _resume(self, node: str) -> None:
        """A new agent hands over every pod that is annotated, also one that its predecessor had forgotten."""
        for pod in self._world.pods_on[node]:
            self._missed.discard(uid(pod))
            if annotation(pod, REDIRECTION) == "enabled" and not self._ztunnels.handed(pod):
                self._ztunnels.add(pod)
                self._told[key_of(pod)] = (node, uid(pod))

    def _release(self, key: Key) -> None:
        if told := self._told.pop(key, None):
            self._ztunnels.remove(*told)

    def _agent(self, node: str) -> Raw | None:
        """The ready agent of a node."""
        return next(filter(pods.ready, self._world.serving[AGENT, node]), None)

    def _current(self) -> Rule:
        found = self._world.store.get(CONFIGMAP, self._world.root, CONFIG)
        if found is not self._rule[0]:
            self._rule = found, rule(found)
        return self._rule[1]

    def _say(self, agent: Raw, message: str, level: str = "info") -> None:
        now = self._world.clock()
        line = "\t".join((micros(now), level, "cni-agent", message))
        self._logs.of(agent, "install-cni").write(now, line)


def _is_agent(pod: Raw) -> bool:
    return labels(pod).get("k8s-app") == AGENT


def _matters(change: Change) -> bool:
    before, after = change.before, change.after
    return before is None or after is None or _shown(before) != _shown(after)


def _shown(pod: Raw) -> tuple[object, ...]:
    return (
        pods.ip(pod),
        pods.ready(pod),
        pods.finished(pod),
        labels(pod),
        annotation(pod, REDIRECTION),
    )
