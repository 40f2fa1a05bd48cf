"""Network policies: those that keep the mesh from pods, or let it in for everybody (doctor-rules.md, D2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from meshtui.mesh import endpoints, network_policies, policies, raw, workloads
from meshtui.mesh.checks import listed
from meshtui.mesh.doctor.ambient import capture
from meshtui.mesh.doctor.ambient.evidence import SHOWN, crowd, enrolled, grouped, pod_ref, seen
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.findings import Evidence, Found, Rule, Severity, Unsure
from meshtui.mesh.kinds import AUTHORIZATION_POLICY, ENDPOINT_SLICE, NAMESPACE, NETWORK_POLICY, POD
from meshtui.mesh.network_policies import (
    HBONE_PORT,
    OTHER_GROUPS,
    Direction,
    NetworkPolicy,
    Peer,
    selecting,
)
from meshtui.mesh.pods import Pod
from meshtui.mesh.raw import Raw, strings
from meshtui.mesh.snapshot import Ref, Scope, Snapshot

NEEDS = (NETWORK_POLICY, *capture.NEEDS)
_LINK = "docs/ambient/usage/networkpolicy/"

INBOUND = Rule(
    "AMB-010",
    "a NetworkPolicy keeps the mesh from reaching pods",
    Severity.CRITICAL,
    why="Callers in the mesh come on TCP 15008 alone; they wait 10 s and fail.",
    remedy="add a rule that allows TCP 15008 in, and keep the ports of the application for callers outside the mesh",
    link=_LINK,
)
OUTBOUND = Rule(
    "AMB-011",
    "a NetworkPolicy keeps pods from calling into the mesh",
    Severity.CRITICAL,
    why="Pods in the mesh are reached on TCP 15008 alone; calls wait 10 s and fail.",
    remedy="add a rule that allows TCP 15008 out to the same peers",
    link=_LINK,
)
OPEN = Rule(
    "AMB-012",
    "port restrictions of NetworkPolicies no longer hold",
    Severity.MEDIUM,
    why="TCP 15008 is open to everybody, and all traffic of the mesh comes through it, whatever its port.",
    remedy="restrict the callers by an AuthorizationPolicy",
    link=_LINK,
)


class _Kept(NamedTuple):
    """What policies keep from pods of one template."""

    rule: Rule
    policies: tuple[str, ...]
    """Their "namespace/name"."""
    says: str
    severity: Severity | None = None
    served: bool = False
    """Nothing at all is let in, so that it matters only to pods that are to be reached: those of a Service."""


def kept(snapshot: Snapshot) -> Findings:
    yield from _kept_by_any(snapshot) if snapshot.raw(NETWORK_POLICY) else ()
    others = {kind.group for kind in snapshot.server.kinds} & set(OTHER_GROUPS)
    for group in sorted(others):
        yield Unsure(INBOUND, f"policies of {group} are served here, and are not evaluated")


def _kept_by_any(snapshot: Snapshot) -> Iterator[Found]:
    pods = {each.pod.key: each.pod for each in enrolled(snapshot)}
    templates = snapshot.memo.mapped("templates", pods, _template)
    inputs = (
        tuple(sorted(set(templates))),
        tuple(network_policies.of(snapshot)),
        tuple(policies.every(snapshot)),
        tuple(snapshot.raw(NAMESPACE)),
        workloads.root_namespace(snapshot),
        snapshot.unread(NAMESPACE),
    )
    some = dict(zip(templates, pods.values(), strict=True))
    found = snapshot.memo.kept("kept by network policies", lambda: _all(snapshot, some), inputs)
    served = {pod for each in endpoints.of(snapshot).values() for pod in each.pods} if found else ()
    every = [
        (what, pod)
        for template, pod in zip(templates, pods.values(), strict=True)
        for what in found.get(template, ())
        if not what.served or pod.key in served
    ]
    for what, members in grouped(every, lambda each: each[0]).items():
        own = sorted((pod for _, pod in members), key=lambda pod: pod.key)
        refs = tuple(Ref(NETWORK_POLICY, *key.split("/", 1)) for key in what.policies)
        says = f"NetworkPolicy {listed(what.policies)} {what.says} {crowd(own)}"
        shown = tuple(_shown(snapshot, ref, what.rule) for ref in refs[:SHOWN])
        yield Found(what.rule, (*refs, *map(pod_ref, own)), says, shown, severity=what.severity)


def _shown(snapshot: Snapshot, ref: Ref, rule: Rule) -> Evidence:
    way = Direction.EGRESS if rule is OUTBOUND else Direction.INGRESS
    it = snapshot.find(NETWORK_POLICY, ref.namespace, ref.name)
    opened = [
        str(port.get("port", "all"))
        for each in raw.entries(it, "spec", way.field)
        for port in raw.entries(each, "ports")
    ]
    rules = raw.entries(it, "spec", way.field)
    every = "all" if any(not raw.entries(each, "ports") for each in rules) else "none"
    return seen(ref, f"spec.{way.field}[].ports[].port", ", ".join(opened) or every)


def _template(pod: Pod) -> str:
    """What pods have in common that no policy tells apart: namespace and labels."""
    return "\n".join(
        (pod.namespace, *(f"{key}={value}" for key, value in sorted(pod.labels.items())))
    )


def _all(snapshot: Snapshot, some: Mapping[str, Pod]) -> Mapping[str, tuple[_Kept, ...]]:
    """By template what policies keep from its pods, told of one of them. Those of which the same policies hold are
    judged once."""
    by_namespace = grouped(network_policies.of(snapshot), lambda each: each.namespace)
    for_pods = policies.of(snapshot, workloads.root_namespace(snapshot))
    read = not snapshot.unread(NAMESPACE)  # else an open rule would not be known to take a peer
    peers = [_peer(snapshot, pod) for pod in some.values()] if read else []
    known: dict[tuple[object, ...], tuple[_Kept, ...]] = {}
    found: dict[str, tuple[_Kept, ...]] = {}
    for template, pod in some.items():
        among = by_namespace.get(pod.namespace, ())
        it = snapshot.find(POD, pod.namespace, pod.name) if among else None
        if it is None:
            continue
        chosen = tuple(each for way in Direction for each in selecting(among, it, way))
        guarded = any(policies.selecting(for_pods.for_pods(pod.namespace), [pod.labels]))
        key = (chosen, tuple(network_policies.named_ports(it).items()), guarded)
        if key not in known:
            known[key] = tuple(_kept(among, it, peers, guarded)) if chosen else ()
        if known[key]:
            found[template] = known[key]
    return found


def _peer(snapshot: Snapshot, pod: Pod) -> Peer:
    of_namespace = strings(snapshot.find(NAMESPACE, "", pod.namespace), "metadata", "labels")
    return Peer(pod.namespace, pod.labels, of_namespace)


def _kept(
    among: Sequence[NetworkPolicy], pod: Raw, peers: Sequence[Peer], guarded: bool
) -> Iterator[_Kept]:
    into = selecting(among, pod, Direction.INGRESS)
    rules = [rule for each in into for rule in each.rules[Direction.INGRESS]]
    blocked = network_policies.tunnel(among, pod, Direction.INGRESS)
    if blocked is not None and blocked.wholly:
        says = f"leaves out TCP {HBONE_PORT}: nobody in the mesh reaches"
        yield _Kept(INBOUND, blocked.policies, says, served=not rules)
    elif closed := network_policies.shut_out(among, pod, Direction.INGRESS, peers):
        says = f"opens ports to pods in the mesh, and TCP {HBONE_PORT} not: they do not reach"
        yield _Kept(INBOUND, closed, says, Severity.HIGH)
    if closed := network_policies.shut_out(among, pod, Direction.EGRESS, peers):
        says = f"opens ports towards the mesh, and TCP {HBONE_PORT} not: it is not reached from"
        yield _Kept(OUTBOUND, closed, says)
    named = network_policies.named_ports(pod)
    opened = any(rule.ports and not rule.peers and rule.opens(HBONE_PORT, named) for rule in rules)
    restricted = any(
        rule.ports and rule.peers and not rule.opens(HBONE_PORT, named) for rule in rules
    )
    if opened and restricted and not guarded:
        keys = tuple(sorted({each.key for each in into}))
        says = f"restricts ports by caller, and opens TCP {HBONE_PORT} to everybody: anybody in the mesh reaches"
        yield _Kept(OPEN, keys, says)


ANALYZERS = (
    Analyzer(
        "network policies and the mesh",
        (INBOUND, OUTBOUND, OPEN),
        (*NEEDS, ENDPOINT_SLICE, Scope(AUTHORIZATION_POLICY)),
        kept,
    ),
)
