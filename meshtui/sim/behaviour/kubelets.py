"""Scheduler and kubelets: a pod gets a node, an address and running containers, and ends when it is deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from meshtui.sim.behaviour import pods
from meshtui.sim.behaviour.managed import STATUS, managed
from meshtui.sim.behaviour.world import World
from meshtui.sim.kinds import NODE, POD
from meshtui.sim.objects import (
    Raw,
    controller,
    labels,
    mapping,
    mappings,
    name,
    seconds,
    subset,
    text,
)
from meshtui.sim.store import Change, Key, key_of

_JOB_SECONDS = 20.0
_LOOKED_AT = 8


class Scheduler:
    """Gives a pod a node that it may run on: where the fewest of its siblings are, then the fewest pods."""

    kinds = (POD, NODE)

    def __init__(self, world: World) -> None:
        self._world = world

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        if change.kind == NODE:
            if change.type == "ADDED":
                for pod in self._world.pods_on[""]:
                    yield key_of(pod), 0.1
        elif change.after is not None and not pods.node(change.after):
            yield key_of(change.after), 0.03

    def look(self, key: Key) -> None:
        pod = self._world.store.get(POD, *key)
        if pod is None or pods.node(pod) or pods.terminating(pod) or pods.finished(pod):
            return
        stamp = seconds(self._world.clock())
        nodes = self._world.store.list(NODE)
        fit = [name(node) for node in self._some(nodes) if _fits(pod, node)]
        fit = fit or [name(node) for node in nodes if _fits(pod, node)]
        if not fit:
            message = f"0/{len(nodes)} nodes are available."
            status = pods.unschedulable(pod, message, stamp)
            if mapping(pod, "status") != status:
                self._world.write_status(POD, pod, status)
                self._event(pod, "FailedScheduling", message, "Warning")
            return
        siblings = Counter(
            pods.node(each) for each in self._world.pods_of[text(controller(pod), "uid")]
        )
        node = min(fit, key=lambda each: (siblings[each], len(self._world.pods_on[each])))
        topology = pods.topology(self._world.node(node))
        pod = self._world.write(
            POD,
            pod,
            metadata={**pod["metadata"], "labels": {**labels(pod), **topology}},
            spec={**mapping(pod, "spec"), "nodeName": node},
        )
        self._world.write_status(POD, pod, pods.scheduled(pod, stamp))
        self._event(pod, "Scheduled", f"Successfully assigned {'/'.join(key)} to {node}")

    def _some(self, nodes: list[Raw]) -> list[Raw]:
        """Of many nodes a few are looked at, as the real scheduler does."""
        return (
            self._world.names.random.sample(nodes, _LOOKED_AT) if len(nodes) > _LOOKED_AT else nodes
        )

    def _event(self, pod: Raw, reason: str, message: str, kind: str = "Normal") -> None:
        self._world.events.write(pod, reason, message, "default-scheduler", kind)


class Kubelets:
    """Starts the containers of pods that have a node, ends those of pods that are deleted."""

    kinds = (POD,)

    def __init__(self, world: World) -> None:
        self._world = world

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        pod = change.after
        if pod is None or not pods.node(pod):
            return
        if pods.terminating(pod):
            yield key_of(pod), 1.2
        elif text(pod, "status", "phase") in ("", "Pending"):
            yield key_of(pod), 0.8
        elif text(pod, "status", "phase") == "Running" and _ends(pod):
            yield key_of(pod), _JOB_SECONDS

    def look(self, key: Key) -> None:
        pod = self._world.store.get(POD, *key)
        if pod is None:
            return
        stamp = seconds(self._world.clock())
        if pods.terminating(pod):
            for container in pods.containers(mapping(pod, "spec")):
                self._event(pod, "Killing", f"Stopping container {text(container, 'name')}")
            self._world.store.delete(POD, *key, grace=0)
        elif text(pod, "status", "phase") in ("", "Pending"):
            self._start(pod, stamp)
        elif _ends(pod):
            self._world.write_status(POD, pod, pods.succeeded(pod, stamp))

    def _start(self, pod: Raw, stamp: str) -> None:
        host = next(
            (
                text(each, "address")
                for each in mappings(self._world.node(pods.node(pod)), "status", "addresses")
                if each.get("type") == "InternalIP"
            ),
            "",
        )
        address = host if pods.host_network(pod) else self._world.names.pod_ip()
        metadata = managed(pod["metadata"], "kubelet", stamp, STATUS, subresource="status")
        status = pods.running(pod, address, host, stamp)
        self._world.write_status(POD, {**pod, "metadata": metadata}, status)
        for container in pods.containers(mapping(pod, "spec")):
            image = f'Container image "{text(container, "image")}" already present on machine'
            self._event(pod, "Pulled", image)
            self._event(pod, "Created", f"Created container: {text(container, 'name')}")
            self._event(pod, "Started", f"Started container {text(container, 'name')}")

    def _event(self, pod: Raw, reason: str, message: str) -> None:
        self._world.events.write(pod, reason, message, "kubelet")


def _fits(pod: Raw, node: Raw) -> bool:
    spec = mapping(pod, "spec")
    if mapping(node, "spec").get("unschedulable") is True:
        return False
    taints = [
        each
        for each in mappings(node, "spec", "taints")
        if each.get("effect") != "PreferNoSchedule"
    ]
    tolerations = mappings(spec, "tolerations")
    return subset(spec.get("nodeSelector") or {}, labels(node)) and all(
        any(_tolerates(each, taint) for each in tolerations) for taint in taints
    )


def _tolerates(toleration: Raw, taint: Raw) -> bool:
    return (
        toleration.get("effect") in (None, "", taint.get("effect"))
        and toleration.get("key") in (None, "", taint.get("key"))
        and (
            toleration.get("operator") == "Exists"
            or (toleration.get("value") or "") == (taint.get("value") or "")
        )
    )


def _ends(pod: Raw) -> bool:
    """Whether the containers of a pod do their work and end, as those of a Job."""
    return controller(pod).get("kind") == "Job"
