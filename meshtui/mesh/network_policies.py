"""Network policies: whether they let the mesh through: TCP 15008 in and out, and the address that kubelet probes come
from (derivation C7 of doctor-rules.md, rules of istio-ambient.md, 1.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from msgspec import Struct

from meshtui.mesh import raw, selectors
from meshtui.mesh.kinds import NETWORK_POLICY
from meshtui.mesh.raw import Raw, dig, entries, number, table, text
from meshtui.mesh.selectors import Selector
from meshtui.mesh.snapshot import Scope, Snapshot

KINDS = (Scope(NETWORK_POLICY),)

HBONE_PORT = 15008
PROBES_FROM = "169.254.7.127"
"""The address that the probes of kubelets have at a captured pod."""
OTHER_GROUPS = (
    "cilium.io",
    "crd.projectcalico.org",
    "projectcalico.org",
    "crd.antrea.io",
    "policy.networking.k8s.io",
)
"""API groups with policies of other kinds, which are not evaluated."""


class Direction(Enum):
    """Of traffic, as the pod has it."""

    INGRESS = ("Ingress", "ingress", "from")
    EGRESS = ("Egress", "egress", "to")

    def __init__(self, type_: str, field: str, peers: str) -> None:
        self.type = type_
        self.field = field
        self.peers = peers


class Rule(Struct, frozen=True):
    """One thing that a policy lets through."""

    ports: Sequence[Raw]
    """Empty for all."""
    peers: Sequence[Raw]
    """Empty for all."""

    def opens(self, port: int, named: Mapping[str, int]) -> bool:
        """Whether it lets TCP through at a port. `named` are the ports that the pod gives names to."""
        return not self.ports or any(_opens(each, port, named) for each in self.ports)

    def admits(self, address: str) -> bool:
        """Whether it lets one address through that no pod has."""
        return not self.peers or any(_holds(table(each, "ipBlock"), address) for each in self.peers)


class Peer(NamedTuple):
    """A pod as the other end of a connection."""

    namespace: str
    labels: Mapping[str, str]
    of_namespace: Mapping[str, str]


class NetworkPolicy(Struct, frozen=True, eq=False):
    """One NetworkPolicy. Compared by identity."""

    namespace: str
    name: str
    selector: Selector | None
    """The pods it is for; None where that cannot be read."""
    rules: Mapping[Direction, tuple[Rule, ...]]
    """Of the directions that it is about: what none of them lets through is refused."""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


class Blocked(Struct, frozen=True):
    """What policies keep from a pod."""

    policies: tuple[str, ...]
    """Their "namespace/name"."""
    wholly: bool
    """From everybody, and not from some peers alone."""


def of(snapshot: Snapshot) -> Iterable[NetworkPolicy]:
    """Every NetworkPolicy."""
    return snapshot.each(NETWORK_POLICY, _read)


def selecting(
    policies: Iterable[NetworkPolicy], pod: Raw, direction: Direction
) -> Sequence[NetworkPolicy]:
    """Those that are for a pod and that direction."""
    labels = raw.strings(pod, "metadata", "labels")
    return [
        each
        for each in policies
        if each.namespace == raw.namespace(pod)
        and direction in each.rules
        and (each.selector is None or each.selector.matches(labels))
    ]


def tunnel(policies: Iterable[NetworkPolicy], pod: Raw, direction: Direction) -> Blocked | None:
    """What keeps the mesh's tunnels from a pod: policies of which no rule opens TCP 15008, or whose rules open ports of
    the application to peers for whom no rule opens 15008. None where they pass."""
    found = selecting(policies, pod, direction)
    named = named_ports(pod) if direction is Direction.INGRESS else {}
    rules = [(each, rule) for each in found for rule in each.rules[direction]]
    opened = [rule for _, rule in rules if rule.opens(HBONE_PORT, named)]
    if found and not opened:
        return Blocked(_keys(found), wholly=True)
    closed = [
        each
        for each, rule in rules
        if not rule.opens(HBONE_PORT, named) and not any(_covers(one, rule) for one in opened)
    ]
    return Blocked(_keys(closed), wholly=False) if closed else None


def shut_out(
    policies: Iterable[NetworkPolicy], pod: Raw, direction: Direction, peers: Iterable[Peer]
) -> tuple[str, ...]:
    """The policies, by "namespace/name", that open a TCP port other than DNS to one of these peers and TCP 15008 not:
    as members of the mesh they are shut out. A block of addresses may hold any of them, so that where one is opened
    15008 nobody is."""
    found = selecting(policies, pod, direction)
    named = named_ports(pod) if direction is Direction.INGRESS else {}
    rules = [(each, rule) for each in found for rule in each.rules[direction]]
    opened = [_taker(rule, pod) for _, rule in rules if rule.opens(HBONE_PORT, named)]
    closed = [
        (each, _taker(rule, pod))
        for each, rule in rules
        if not rule.opens(HBONE_PORT, named) and any(map(_is_application, rule.ports))
    ]
    known = list(peers) if closed else []
    return _keys(
        each
        for each, takes in closed
        if any(
            takes(peer) is True and not any(other(peer) is not False for other in opened)
            for peer in known
        )
    )


def lets(
    policies: Iterable[NetworkPolicy],
    pod: Raw,
    direction: Direction,
    port: int,
    named: Mapping[str, int],
    peer: tuple[Peer, str] | None,
) -> tuple[bool | None, tuple[str, ...]]:
    """Whether a pod's policies let TCP through at a port, from or to a pod with an address, and which decide, by
    "namespace/name". `named` are the ports to which the pod that is called gives names. None for the peer is one
    outside, of which no address is known; None for an answer, that an address decides which is not known."""
    found = selecting(policies, pod, direction)
    if not found:
        return True, ()
    opening = [
        (each, rule) for each in found for rule in each.rules[direction] if rule.opens(port, named)
    ]
    answers = {each: _lets(rule, pod, peer) for each, rule in opening}
    for wanted in (True, None):
        deciding = [each for each, answer in answers.items() if answer is wanted]
        if deciding:
            return wanted, _keys(deciding)
    return False, _keys(found)


def _lets(rule: Rule, pod: Raw, peer: tuple[Peer, str] | None) -> bool | None:
    if not rule.peers:
        return True
    blocks = any(dig(each, "ipBlock") is not None for each in rule.peers)
    if peer is None:
        return None if blocks else False
    who, address = peer
    if address and rule.admits(address):
        return True
    taken = _taker(rule, pod)(who)
    return taken if taken is not None or not address else False


def _taker(rule: Rule, pod: Raw) -> Callable[[Peer], bool | None]:
    """Whether a rule of a policy for a pod takes a peer; None where an address decides."""
    home = raw.namespace(pod)
    by_address = any(dig(each, "ipBlock") is not None for each in rule.peers)
    read = [
        (_selector(each, "namespaceSelector"), _selector(each, "podSelector"))
        for each in rule.peers
        if dig(each, "ipBlock") is None
    ]

    def takes(peer: Peer) -> bool | None:
        if not rule.peers:
            return True
        for of_namespace, of_pod in read:
            here = (
                peer.namespace == home
                if of_namespace is None
                else of_namespace.matches(peer.of_namespace)
            )
            if here and (of_pod is None or of_pod.matches(peer.labels)):
                return True
        return None if by_address else False

    return takes


def _selector(written: Raw, field: str) -> Selector | None:
    """None where there is none, and for one that cannot be read."""
    if dig(written, field) is None:
        return None
    try:
        return selectors.read(table(written, field))
    except ValueError:
        return None


def _is_application(port: Raw) -> bool:
    return (text(port, "protocol") or "TCP") == "TCP" and dig(port, "port") not in (53, "dns-tcp")


def probes(policies: Iterable[NetworkPolicy], pod: Raw) -> Blocked | None:
    """What keeps the kubelet's probes from a pod once they come from 169.254.7.127: policies of which no rule lets that
    address through to a port that is probed. None where they pass, or nothing is probed over the network."""
    found = selecting(policies, pod, Direction.INGRESS)
    named = named_ports(pod)
    rules = [rule for each in found for rule in each.rules[Direction.INGRESS]]
    for port in _probed_ports(pod, named):
        if found and not any(
            rule.admits(PROBES_FROM) and rule.opens(port, named) for rule in rules
        ):
            return Blocked(_keys(found), wholly=True)
    return None


def _covers(wider: Rule, rule: Rule) -> bool:
    """Whether all peers of a rule are among those of another."""
    return not wider.peers or (bool(rule.peers) and all(each in wider.peers for each in rule.peers))


def _keys(found: Iterable[NetworkPolicy]) -> tuple[str, ...]:
    return tuple(sorted({each.key for each in found}))


def _opens(entry: Raw, port: int, named: Mapping[str, int]) -> bool:
    if (text(entry, "protocol") or "TCP") != "TCP":
        return False
    given = dig(entry, "port")
    if given is None:
        return True
    if isinstance(given, str):
        return named.get(given) == port
    first = number(entry, "port")
    return first <= port <= (number(entry, "endPort") or first)


def _holds(block: Raw, address: str) -> bool:
    excepted = dig(block, "except")
    outside = excepted if isinstance(excepted, list) else []
    return _within(dig(block, "cidr"), address) and not any(
        _within(each, address) for each in outside
    )


def _within(cidr: Any, address: str) -> bool:
    try:
        return isinstance(cidr, str) and ip_address(address) in ip_network(cidr, strict=False)
    except ValueError:
        return False


def named_ports(pod: Raw) -> Mapping[str, int]:
    """The ports to which the containers of a pod give names."""
    return {
        text(port, "name"): number(port, "containerPort")
        for container in entries(pod, "spec", "containers")
        for port in entries(container, "ports")
        if text(port, "name")
    }


def _probed_ports(pod: Raw, named: Mapping[str, int]) -> Iterator[int]:
    """The ports that the kubelet asks at; one that runs a command in the container asks at none."""
    for container in entries(pod, "spec", "containers"):
        for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
            for how in ("httpGet", "tcpSocket", "grpc"):
                given = dig(container, probe, how, "port")
                port = named.get(given, 0) if isinstance(given, str) else given
                if isinstance(port, int) and port:
                    yield port


def _read(it: Raw) -> NetworkPolicy:
    spec = table(it, "spec")
    try:
        selector = selectors.read(table(spec, "podSelector"))
    except ValueError:
        selector = None
    return NetworkPolicy(
        namespace=raw.namespace(it),
        name=raw.name(it),
        selector=selector,
        rules={
            direction: tuple(
                Rule(entries(rule, "ports"), entries(rule, direction.peers))
                for rule in entries(spec, direction.field)
            )
            for direction in Direction
            if direction.type in _types(spec)
        },
    )


def _types(spec: Raw) -> Sequence[Any]:
    """Without `policyTypes` a policy is for ingress, and for egress where it has rules for that."""
    given = dig(spec, "policyTypes")
    if isinstance(given, list) and given:
        return given
    return ["Ingress", "Egress"] if entries(spec, "egress") else ["Ingress"]
