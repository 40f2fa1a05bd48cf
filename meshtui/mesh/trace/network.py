"""Network: whether NetworkPolicies let the packets of a call through, in both directions, on TCP 15008 where it goes in
a tunnel and on the port of the application where it does not (doctor-rules.md, C7)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from meshtui.mesh import network_policies
from meshtui.mesh.doctor.findings import Evidence
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import NAMESPACE, NETWORK_POLICY, POD
from meshtui.mesh.network_policies import HBONE_PORT, OTHER_GROUPS, Direction, NetworkPolicy, Peer
from meshtui.mesh.pods import GATEWAY_NAME, Pod
from meshtui.mesh.raw import entries, strings
from meshtui.mesh.snapshot import Ref
from meshtui.mesh.trace import hops
from meshtui.mesh.trace.around import Around
from meshtui.mesh.trace.hops import Hop
from meshtui.mesh.traffic.parties import Member
from meshtui.mesh.traffic.passage import Dataplane

TITLE = "network policies"


class _Leg(Struct, frozen=True):
    """One connection on the way."""

    source: Pod | None
    """None for a caller outside."""
    called: Pod
    port: int | None


def of(around: Around) -> Hop:
    """Over all connections on the way."""
    unread = around.snapshot.unread(NETWORK_POLICY)
    policies = [*network_policies.of(around.snapshot)]
    legs = list(dict.fromkeys(_legs(around)))
    if not legs:
        return hops.unknown(TITLE, "no pod is known that could be called")
    unsure: Hop | None = None
    for leg in legs:
        for direction in Direction:
            found = _refusal(around, policies, leg, direction)
            if found is not None and found.verdict.health.rank > Health.UNKNOWN.rank:
                return found
            unsure = unsure or found
    if unread:
        return hops.unknown(TITLE, unread)
    groups = {kind.group for kind in around.snapshot.server.kinds} & set(OTHER_GROUPS)
    if unsure is None and groups:
        served = ", ".join(sorted(groups))
        return hops.unknown(TITLE, f"policies of {served} are served here, and are not evaluated")
    return unsure or hops.well(TITLE, _words(legs), *_selecting(around, policies, legs))


def _words(legs: list[_Leg]) -> str:
    ports = sorted({leg.port for leg in legs if leg.port is not None})
    told = ", ".join(map(str, ports))
    return f"none keeps TCP {told} from passing" if told else "none selects these pods, or all pass"


def _selecting(
    around: Around, policies: list[NetworkPolicy], legs: list[_Leg]
) -> Iterator[Evidence]:
    keys: dict[str, None] = {}
    homes: set[str] = set()
    for leg in legs:
        homes |= {pod.namespace for pod in (leg.source, leg.called) if pod}
        for pod, direction in ((leg.source, Direction.EGRESS), (leg.called, Direction.INGRESS)):
            it = around.snapshot.find(POD, pod.namespace, pod.name) if pod else None
            if it is not None:
                found = network_policies.selecting(policies, it, direction)
                keys |= dict.fromkeys(each.key for each in found)
    for key in keys:
        ref = Ref(NETWORK_POLICY, *key.split("/", 1))
        yield Evidence(f"NetworkPolicy {key}", "spec", "it lets these calls through", ref)
    if not keys:
        where = f"NetworkPolicies of {', '.join(sorted(homes))}"
        yield Evidence(where, "spec.podSelector", "none selects these pods")


def _legs(around: Around) -> Iterator[_Leg]:
    """From the callers to who is called, or to the pods of the waypoint and from there on."""
    between = _waypoint_pods(around)
    for member in around.called.members:
        it = around.pods.get(member.pod)
        if it is None:
            continue
        inside = member.party.dataplane is Dataplane.ZTUNNEL
        own = HBONE_PORT if inside else around.pod_port(member)
        for proxy in between:
            yield _Leg(proxy, it.pod, own)
        if between:
            continue
        for caller in around.source.members:
            tunnel = inside and caller.party.in_mesh
            port = HBONE_PORT if tunnel else around.pod_port(member)
            yield _Leg(_pod(around, caller), it.pod, port)
    for caller in around.source.members:
        for proxy in between:
            yield _Leg(_pod(around, caller), proxy, HBONE_PORT)


def _waypoint_pods(around: Around) -> list[Pod]:
    at = around.waypoint
    if at is None:
        return []
    found = (each.pod for each in around.pods.values())
    return [
        pod
        for pod in found
        if (pod.namespace, pod.labels.get(GATEWAY_NAME)) == (at.namespace, at.name)
        and not pod.finished
    ]


def _pod(around: Around, member: Member) -> Pod | None:
    it = around.pods.get(member.pod)
    return it.pod if it else None


def _refusal(
    around: Around, policies: list[NetworkPolicy], leg: _Leg, direction: Direction
) -> Hop | None:
    """What keeps one connection from a pod, as one of its ends has it; None where nothing does."""
    own, other = (
        (leg.called, leg.source) if direction is Direction.INGRESS else (leg.source, leg.called)
    )
    it = around.snapshot.find(POD, own.namespace, own.name) if own else None
    if it is None or own is None or own.host_network:
        return None  # no policy is for pods on the network of their node
    called = around.snapshot.find(POD, leg.called.namespace, leg.called.name) or {}
    if leg.port is None:
        found = network_policies.selecting(policies, it, direction)
        words = f"{hops.pods(each.key for each in found)} may: say which port is called"
        return hops.unknown(TITLE, words) if found else None
    peer = (_peer(around, other), other.address) if other else None
    named = network_policies.named_ports(called)
    lets, keys = network_policies.lets(policies, it, direction, leg.port, named, peer)
    if lets:
        return None
    if other is not None and other.host_network:
        lets = None  # it has the address of its node
    shown = tuple(_shown(around, key, direction) for key in keys)
    words = _kept(leg, own, direction, keys)
    if lets is None:
        step = "see whether its ipBlock takes the address of the caller"
        return hops.unknown(TITLE, f"an address decides: {words}", *shown, step=step)
    return hops.broken(TITLE, words, *shown, step=_step(leg, direction, keys[0]))


def _kept(leg: _Leg, own: Pod, direction: Direction, keys: tuple[str, ...]) -> str:
    way = "into" if direction is Direction.INGRESS else "out of"
    inside = " (the tunnel of the mesh)" if leg.port == HBONE_PORT else ""
    said = f"NetworkPolicy {hops.pods(keys)} lets no TCP {leg.port}{inside} {way} pod {own.key}"
    end = leg.called.key if direction is Direction.EGRESS else leg.source.key if leg.source else ""
    return f"{said} {'to' if direction is Direction.EGRESS else 'from'} {end or 'outside'}"


def _step(leg: _Leg, direction: Direction, policy: str) -> str:
    way = "in" if direction is Direction.INGRESS else "out"
    return f"add a rule to NetworkPolicy {policy} that lets TCP {leg.port} {way}"


def _shown(around: Around, key: str, direction: Direction) -> Evidence:
    ref = Ref(NETWORK_POLICY, *key.split("/", 1))
    it = around.snapshot.find(NETWORK_POLICY, ref.namespace, ref.name)
    rules = entries(it, "spec", direction.field)
    opened = [str(port.get("port", "all")) for rule in rules for port in entries(rule, "ports")]
    every = "all ports, of some peers" if rules else "none"
    field = f"spec.{direction.field}[].ports[].port"
    return Evidence(f"NetworkPolicy {key}", field, ", ".join(opened) or every, ref)


def _peer(around: Around, pod: Pod) -> Peer:
    it = around.snapshot.find(NAMESPACE, "", pod.namespace)
    return Peer(pod.namespace, pod.labels, strings(it, "metadata", "labels"))
