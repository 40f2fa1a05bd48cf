"""DestinationRules: TLS that verifies nobody (IST0128, IST0129), subsets without pods (IST0173), hosts of no service
(IST0174)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from msgspec import Struct

from meshtui.mesh.doctor.configuration import host_table, selection
from meshtui.mesh.doctor.configuration.host_table import Hosts
from meshtui.mesh.doctor.configuration.objects import (
    ERROR,
    LEFT_OUT,
    WARNING,
    analyzer,
    every,
    found,
    labels,
)
from meshtui.mesh.doctor.configuration.selection import Labels, Selectors
from meshtui.mesh.doctor.findings import Found, Rule
from meshtui.mesh.kinds import DESTINATION_RULE, NODE, POD, SERVICE, SERVICE_ENTRY
from meshtui.mesh.raw import Raw, dig, entries, namespace, number, strings, table, text
from meshtui.mesh.snapshot import Snapshot

_UNVERIFIED = (
    "Whoever answers may be taken for the server: its certificate is checked at most against the "
    "public CAs that the proxy's image holds."
)
UNVERIFIED = Rule(
    "IST0128",
    "a DestinationRule turns TLS on and names no CA to check the server by",
    WARNING,
    why=_UNVERIFIED,
    remedy="set caCertificates, or credentialName together with a workloadSelector",
    link="docs/reference/config/analysis/ist0128/",
)
UNVERIFIED_PORT = Rule(
    "IST0129",
    "a DestinationRule turns TLS on at a port and names no CA to check the server by",
    WARNING,
    why=_UNVERIFIED,
    remedy="set caCertificates at the port, or credentialName together with a workloadSelector",
    link="docs/reference/config/analysis/ist0129/",
)
NO_PODS = Rule(
    "IST0173",
    "a subset selects no pod",
    ERROR,
    why="Requests that are routed to it are answered with 503 (UH, no healthy upstream).",
    remedy="correct the labels of the subset, or start the pods that it is meant for",
    link="docs/reference/config/networking/destination-rule/",
)
UNKNOWN_HOST = Rule(
    "IST0174",
    "the host of a DestinationRule is no service",
    WARNING,
    why="The rule has no effect: nothing in the mesh has that name.",
    remedy="correct the host: a short name is looked for in the rule's own namespace",
    link="docs/reference/config/networking/destination-rule/",
)

_HOSTNAME, _SUBZONE = "kubernetes.io/hostname", "topology.istio.io/subzone"
_REGION, _ZONE = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"
_PLACES = (_HOSTNAME, _REGION, _ZONE, _SUBZONE)
"""Labels that istiod gives to a pod by its node."""


def unverified(snapshot: Snapshot) -> Iterator[Found]:
    for it in every(snapshot, DESTINATION_RULE):
        host = text(it, "spec", "host")
        policy = table(it, "spec", "trafficPolicy")
        if _verifies_nobody(it, tls := table(policy, "tls")):
            says = f"TLS to {host} is {text(tls, 'mode')} without caCertificates"
            yield found(
                UNVERIFIED, DESTINATION_RULE, it, says, "spec.trafficPolicy.tls.mode", text(tls, "mode")
            )  # fmt: skip
        for each in entries(policy, "portLevelSettings"):
            if _verifies_nobody(it, tls := table(each, "tls")):
                port = number(each, "port", "number")
                says = f"TLS to {host} at port {port} is {text(tls, 'mode')} without caCertificates"
                field = "spec.trafficPolicy.portLevelSettings[].tls.mode"
                yield found(UNVERIFIED_PORT, DESTINATION_RULE, it, says, field, text(tls, "mode"))


def _verifies_nobody(it: Raw, tls: Raw) -> bool:
    selects = isinstance(dig(it, "spec", "workloadSelector"), Mapping)
    return (
        text(tls, "mode") in ("SIMPLE", "MUTUAL")
        and not text(tls, "caCertificates")
        and not (text(tls, "credentialName") and selects)
    )


class _Subset(Struct, frozen=True, eq=False):
    rule: Raw
    name: str
    pods: Labels
    """What a pod of it has."""


class _Subsets(Struct, frozen=True, eq=False):
    known: tuple[_Subset, ...]
    """Of all rules whose host is known."""
    strangers: tuple[Raw, ...]
    """The other rules."""
    selectors: Selectors
    placed: bool
    """Whether some subset asks for the place of a pod."""


def unselected(snapshot: Snapshot) -> Iterator[Found]:
    subsets = snapshot.once(_subsets, every(snapshot, DESTINATION_RULE), host_table.of(snapshot))
    for it in subsets.strangers:
        host = text(it, "spec", "host")
        says = f'nothing that it may reach has the host "{host}"'
        yield found(UNKNOWN_HOST, DESTINATION_RULE, it, says, "spec.host", host or "–")
    selecting = _selecting(snapshot, subsets)
    for each in subsets.known:
        if each.pods not in selecting:
            wanted = selection.text_of(each.pods)
            says = f'no pod has the labels of the subset "{each.name}": {wanted or "none is there"}'
            yield found(
                NO_PODS, DESTINATION_RULE, each.rule, says, f"spec.subsets[{each.name}].labels", wanted
            )  # fmt: skip


def _subsets(rules: Sequence[Raw], hosts: Hosts) -> _Subsets:
    known: list[_Subset] = []
    strangers: list[Raw] = []
    for it in rules:
        exported = dig(it, "spec", "exportTo")
        host = hosts.find(namespace(it), text(it, "spec", "host"), exported)
        if host is None:
            strangers.append(it)
            continue
        for each in entries(it, "spec", "subsets"):
            wanted = selection.pairs({**host.labels, **strings(each, "labels")})
            known.append(_Subset(it, text(each, "name"), wanted))
    selectors = selection.selectors(each.pods for each in known)
    placed = any(label in _PLACES for each in known for label, _ in each.pods)
    return _Subsets(tuple(known), tuple(strangers), selectors, placed)


def _selecting(snapshot: Snapshot, subsets: _Subsets) -> frozenset[Labels]:
    """The selectors that take some pod."""
    wanted = subsets.selectors
    if not wanted:
        return frozenset()
    pods = snapshot.objects.get(POD, _NOTHING)
    if not subsets.placed:
        taking = snapshot.memo.each(
            "subsets of pods", pods, selection.taking, lambda pod: (wanted,), (wanted,)
        )
        return frozenset(chain.from_iterable(taking))
    nodes = snapshot.objects.get(NODE, _NOTHING)
    taking = snapshot.memo.each(
        "subsets of placed pods",
        pods,
        _taking_placed,
        lambda pod: (wanted, nodes.get(text(pod, "spec", "nodeName"))),
        (wanted, nodes),
    )
    return frozenset(chain.from_iterable(taking))


_NOTHING: Mapping[str, Raw] = {}


def _taking_placed(pod: Raw, wanted: Selectors, node: Raw | None) -> tuple[Labels, ...]:
    return () if namespace(pod) in LEFT_OUT else wanted.taking(_widened(pod, node))


def _widened(pod: Raw, node: Raw | None) -> Mapping[str, str]:
    """A pod's labels, with what istiod adds of its place."""
    where, of_node = text(pod, "spec", "nodeName"), labels(node or {})
    added = {_HOSTNAME: where, _REGION: of_node.get(_REGION, "")}
    if zone := of_node.get(_ZONE):
        added |= {_ZONE: zone, _SUBZONE: of_node.get(_SUBZONE, "")}
    return {**labels(pod), **{label: value for label, value in added.items() if value}}


ANALYZERS = (
    analyzer(
        "destinationrule.CaCertificateAnalyzer",
        (UNVERIFIED, UNVERIFIED_PORT),
        (DESTINATION_RULE,),
        unverified,
    ),
    analyzer(
        "destinationrule.SubsetSelectPodAnalyzer",
        (NO_PODS, UNKNOWN_HOST),
        (DESTINATION_RULE, SERVICE, SERVICE_ENTRY, POD, NODE),
        unselected,
        looks_up=(SERVICE, SERVICE_ENTRY, POD, NODE),
    ),
)
