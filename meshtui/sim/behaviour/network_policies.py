"""What NetworkPolicies let through, from pod to pod: as a network plugin enforces them that implements the whole of
networking.k8s.io/v1.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from msgspec import Struct

from meshtui.sim.behaviour import pods
from meshtui.sim.behaviour.world import World
from meshtui.sim.kinds import NETWORK_POLICY
from meshtui.sim.objects import Raw, labels, mapping, mappings, namespace, selects, sequence, text


class Way(Struct, frozen=True):
    """A connection over TCP that somebody wants."""

    caller: Raw
    target: Raw
    port: int


def passes(world: World, way: Way) -> bool:
    """Whether the policies of the caller let it out, and those of the target let it in."""
    return _permitted(world, way, "Egress") and _permitted(world, way, "Ingress")


def _permitted(world: World, way: Way, direction: str) -> bool:
    """Whether no policy is for the pod at that end, or a rule of one lets it through."""
    inward = direction == "Ingress"
    pod, other = (way.target, way.caller) if inward else (way.caller, way.target)
    found = [
        policy
        for policy in world.store.list(NETWORK_POLICY, namespace(pod))
        if direction in _directions(policy)
        and selects(mapping(policy, "spec", "podSelector"), labels(pod))
    ]
    field, peers = ("ingress", "from") if inward else ("egress", "to")
    return not found or any(
        _opens(rule, way) and _admits(world, mappings(rule, peers), namespace(pod), other)
        for policy in found
        for rule in mappings(policy, "spec", field)
    )


def _directions(policy: Raw) -> list[object]:
    """Without `policyTypes` a policy is for what comes in, and for what goes out where it has rules for that."""
    named = sequence(policy, "spec", "policyTypes")
    return named or ["Ingress", *(["Egress"] if mappings(policy, "spec", "egress") else [])]


def _opens(rule: Raw, way: Way) -> bool:
    ports = mappings(rule, "ports")
    return not ports or any(_is_at(each, way) for each in ports)


def _is_at(entry: Raw, way: Way) -> bool:
    if entry.get("protocol", "TCP") != "TCP":
        return False
    first, last = entry.get("port"), entry.get("endPort")
    if isinstance(first, str):
        return _named(way.target, first) == way.port
    if isinstance(first, int) and isinstance(last, int):
        return first <= way.port <= last
    return first in (None, way.port)


def _named(pod: Raw, title: str) -> int | None:
    """The number of a port by the name that a container gives it; in either direction that of the target's."""
    for container in pods.containers(mapping(pod, "spec")):
        for port in mappings(container, "ports"):
            if text(port, "name") == title and isinstance(port.get("containerPort"), int):
                return int(port["containerPort"])
    return None


def _admits(world: World, peers: list[Raw], space: str, pod: Raw) -> bool:
    return not peers or any(_is_among(world, each, space, pod) for each in peers)


def _is_among(world: World, peer: Raw, space: str, pod: Raw) -> bool:
    """Whether a pod is among the peers of a rule in the policy of a namespace."""
    if block := mapping(peer, "ipBlock"):
        outside = [each for each in sequence(block, "except") if isinstance(each, str)]
        address = pods.ip(pod)
        return _holds(text(block, "cidr"), address) and not any(
            _holds(each, address) for each in outside
        )
    spaces, chosen = peer.get("namespaceSelector"), peer.get("podSelector")
    if spaces is not None:
        of_namespace = selects(spaces, world.namespace_labels(namespace(pod)))
    else:
        of_namespace = chosen is not None and namespace(pod) == space
    return of_namespace and selects(chosen or {}, labels(pod))


def _holds(block: str, address: str) -> bool:
    try:
        return ip_address(address) in ip_network(block, strict=False)
    except ValueError:
        return False
