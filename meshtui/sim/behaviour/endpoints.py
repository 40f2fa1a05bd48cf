"""Services: their addresses, and the EndpointSlices that say which pods are behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from meshtui.sim.behaviour import pods
from meshtui.sim.behaviour.world import World
from meshtui.sim.kinds import ENDPOINT_SLICE, POD, SERVICE
from meshtui.sim.objects import (
    Raw,
    labels,
    mapping,
    mappings,
    name,
    namespace,
    owner_reference,
    seconds,
    subset,
    text,
    uid,
)
from meshtui.sim.store import Change, Key, key_of

_PER_SLICE = 100


def selected_by(pod: Raw, services: Iterable[Raw]) -> Iterator[Raw]:
    """The services, of its namespace, that select a pod."""
    own = labels(pod)
    for service in services:
        selector = mapping(service, "spec", "selector")
        if selector and subset(selector, own):
            yield service


def target_port(port: Raw, pod: Raw) -> int | None:
    """The port of a pod that a Service's port stands for; None where its name is not there."""
    wanted = port.get("targetPort", port.get("port"))
    if isinstance(wanted, int):
        return wanted
    for container in pods.containers(mapping(pod, "spec")):
        for each in mappings(container, "ports"):
            number = each.get("containerPort")
            if each.get("name") == wanted and isinstance(number, int):
                return number
    return None


class Addresses:
    """Gives Services an address in the cluster, and those of type LoadBalancer one outside of it."""

    kinds = (SERVICE,)

    def __init__(self, world: World, outside: str = "") -> None:
        """`outside`: the first three numbers of the load balancer's addresses; empty where there is none."""
        self._world = world
        self._outside = outside

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        service = change.after
        if service is not None and (self._wants_inside(service) or self._wants_outside(service)):
            yield key_of(service), 0.1

    def look(self, key: Key) -> None:
        service = self._world.store.get(SERVICE, *key)
        if service is None:
            return
        if self._wants_inside(service):
            address = self._world.names.cluster_ip()
            addresses = {"clusterIP": address, "clusterIPs": [address]}
            spec = {**mapping(service, "spec"), **addresses}
            service = self._world.write(SERVICE, service, spec=spec)
        if self._wants_outside(service):
            address = f"{self._outside}.{self._world.names.outside()}"
            balancer = {"ingress": [{"ip": address, "ipMode": "VIP"}]}
            status = {**mapping(service, "status"), "loadBalancer": balancer}
            self._world.write_status(SERVICE, service, status)

    def _wants_inside(self, service: Raw) -> bool:
        spec = mapping(service, "spec")
        return not spec.get("clusterIP") and spec.get("type") != "ExternalName"

    def _wants_outside(self, service: Raw) -> bool:
        return (
            bool(self._outside)
            and text(service, "spec", "type") == "LoadBalancer"
            and not mappings(service, "status", "loadBalancer", "ingress")
        )


class EndpointSlices:
    """Lists the pods that a Service selects, a hundred to a slice."""

    kinds = (SERVICE, POD, ENDPOINT_SLICE)

    def __init__(self, world: World) -> None:
        self._world = world

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        if change.kind == SERVICE:
            yield key_of(change.object), 0.05
        elif change.kind == ENDPOINT_SLICE:
            if change.after is None and (owner := _service(change.object)):
                yield (namespace(change.object), owner), 0.05
        elif matters(change):
            for pod in (change.before, change.after):
                if pod is not None:
                    for service in selected_by(pod, self._world.services_in[namespace(pod)]):
                        yield key_of(service), 0.05

    def look(self, key: Key) -> None:
        service = self._world.store.get(SERVICE, *key)
        selector = mapping(service, "spec", "selector")
        if service is None or not selector or not self._world.open(key[0]):
            return
        behind = [
            pod
            for pod in self._world.pods_in[key[0]]
            if pods.ip(pod) and not pods.finished(pod) and subset(selector, labels(pod))
        ]
        behind.sort(key=name)
        known = sorted(self._world.slices_of[key], key=name)
        parts = [behind[at : at + _PER_SLICE] for at in range(0, len(behind), _PER_SLICE)] or [[]]
        for number, part in enumerate(parts):
            self._put(service, part, known[number] if number < len(known) else None)
        for each in known[len(parts) :]:
            self._world.store.delete(ENDPOINT_SLICE, *key_of(each))

    def _put(self, service: Raw, behind: list[Raw], known: Raw | None) -> None:
        endpoints = [self._endpoint(pod) for pod in behind]
        ports = _ports(service, behind)
        if known is not None:
            if known["endpoints"] != endpoints or known["ports"] != ports:
                self._world.write(ENDPOINT_SLICE, known, endpoints=endpoints, ports=ports)
            return
        self._world.store.create(
            ENDPOINT_SLICE,
            {
                "metadata": {
                    "name": f"{name(service)}-{self._world.names.suffix()}",
                    "generateName": f"{name(service)}-",
                    "namespace": namespace(service),
                    "uid": self._world.names.uid(),
                    "labels": {
                        **labels(service),
                        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                        "kubernetes.io/service-name": name(service),
                    },
                    "annotations": {
                        "endpoints.kubernetes.io/last-change-trigger-time": seconds(
                            self._world.clock()
                        )
                    },
                    "ownerReferences": [owner_reference(service)],
                },
                "addressType": "IPv4",
                "endpoints": endpoints,
                "ports": ports,
            },
        )

    def _endpoint(self, pod: Raw) -> Raw:
        node = pods.node(pod)
        zone = labels(self._world.node(node)).get("topology.kubernetes.io/zone")
        good = pods.ready(pod)
        return {
            "addresses": [pods.ip(pod)],
            "conditions": {
                "ready": good,
                "serving": good,
                "terminating": pods.terminating(pod),
            },
            "targetRef": {
                "kind": "Pod",
                "namespace": namespace(pod),
                "name": name(pod),
                "uid": uid(pod),
            },
            "nodeName": node,
            **({"zone": zone} if zone else {}),
        }


def _ports(service: Raw, behind: list[Raw]) -> list[Raw]:
    found = []
    for port in mappings(service, "spec", "ports"):
        number = target_port(port, behind[0] if behind else {})
        if number is not None:
            entry = {
                "name": text(port, "name"),
                "protocol": text(port, "protocol") or "TCP",
                "port": number,
            }
            if protocol := text(port, "appProtocol"):
                entry["appProtocol"] = protocol
            found.append(entry)
    return found


def _service(endpoint_slice: Raw) -> str:
    return text(labels(endpoint_slice), "kubernetes.io/service-name")


def matters(change: Change) -> bool:
    """Whether a change of a pod may change endpoints: annotations and the like do not."""
    before, after = change.before, change.after
    return before is None or after is None or _shown(before) != _shown(after)


def _shown(pod: Raw) -> tuple[object, ...]:
    return pods.ip(pod), pods.ready(pod), pods.terminating(pod), pods.finished(pod), labels(pod)
