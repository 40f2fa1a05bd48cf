"""Istio Gateways: pods and ports that are not there (IST0101, IST0162), and several that get into each other's way
(IST0138, IST0145)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from meshtui.mesh.doctor.configuration import selection
from meshtui.mesh.doctor.configuration.objects import (
    ERROR,
    WARNING,
    analyzer,
    every,
    found,
    labels,
    ref,
    words,
)
from meshtui.mesh.doctor.configuration.references import NOT_FOUND
from meshtui.mesh.doctor.configuration.selection import Labels
from meshtui.mesh.doctor.findings import Found, Rule
from meshtui.mesh.kinds import ISTIO_GATEWAY, POD, SERVICE
from meshtui.mesh.raw import Raw, dig, entries, key, namespace, number, strings, text
from meshtui.mesh.snapshot import Ref, Snapshot

SHARED_CERTIFICATE = Rule(
    "IST0138",
    "several Gateways serve one certificate on the same proxies",
    WARNING,
    why="Browsers reuse an HTTP/2 connection for another host of its certificate, and get 404 from the wrong Gateway.",
    remedy="make one Gateway of them, or give each host a certificate of its own",
    link="docs/reference/config/networking/gateway/",
)
CONFLICT = Rule(
    "IST0145",
    "Gateways serve the same host at the same port on the same proxies",
    ERROR,
    why="Only one of them is in force, and which one is not defined.",
    remedy="take the host out of all but one of them, or make one Gateway of them",
    link="docs/reference/config/networking/gateway/",
)
NO_PORT = Rule(
    "IST0162",
    "a Gateway's port is not reached by the Service of its pods",
    WARNING,
    why="The proxy listens there, but what comes through the Service never gets to that port.",
    remedy="add the port to the Service, or use one that it has",
    link="docs/reference/config/analysis/ist0162/",
)

_Place = tuple[Labels, int]
"""A selector and a port."""


def selector(gateway: Raw) -> Labels:
    return selection.pairs(strings(gateway, "spec", "selector"))


def without_pods(gateway: Raw) -> Found:
    wanted = selection.text_of(selector(gateway))
    says = f"no pod has the labels that it selects: {wanted or 'there are no pods'}"
    return found(NOT_FOUND, ISTIO_GATEWAY, gateway, says, "spec.selector", wanted or "–")


def unreached(snapshot: Snapshot) -> Iterator[Found]:
    pods = selection.of_gateways(snapshot)
    reached = {wanted: _reached(snapshot, serving) for wanted, serving in pods.items()}
    for it in every(snapshot, ISTIO_GATEWAY):
        ports = reached.get(selector(it))
        if ports is None:
            yield without_pods(it)
            continue
        for server in entries(it, "spec", "servers"):
            at = number(server, "port", "number")
            if at and at not in ports:
                says = f"no Service of its pods leads to port {at}"
                yield found(NO_PORT, ISTIO_GATEWAY, it, says, "spec.servers[].port.number", str(at))


def _reached(snapshot: Snapshot, pods: Iterable[Raw]) -> frozenset[int]:
    """The ports at which Services reach these pods."""
    services = snapshot.once(_services, every(snapshot, SERVICE))
    alike = {(namespace(pod), selection.pairs(labels(pod))) for pod in pods}
    return frozenset(
        port
        for where, own in alike
        if where in services
        for taking in services[where][0].taking(dict(own))
        for port in services[where][1][taking]
    )


def _services(
    services: Sequence[Raw],
) -> Mapping[str, tuple[selection.Selectors, Mapping[Labels, frozenset[int]]]]:
    """By namespace the selectors of Services, and the ports of pods that each leads to."""
    ports: dict[str, dict[Labels, frozenset[int]]] = {}
    for it in services:
        by_selector = ports.setdefault(namespace(it), {})
        wanted = selector(it)
        by_selector[wanted] = by_selector.get(wanted, frozenset()) | _ports(it)
    return {where: (selection.selectors(each), each) for where, each in ports.items()}


def _ports(service: Raw) -> frozenset[int]:
    tcp = [each for each in entries(service, "spec", "ports") if text(each, "protocol") == "TCP"]
    return frozenset(_number(dig(each, part)) for each in tcp for part in ("port", "targetPort"))


def _number(port: object) -> int:
    """0 for the name of a port. One that is written as text counts as a number, as for Istio."""
    if isinstance(port, str) and port.isascii() and port.isdecimal() and len(port) < 6:
        return int(port)
    return port if isinstance(port, int) else 0


def sharing(snapshot: Snapshot) -> Iterator[Found]:
    """As long as Gateways take pods of any namespace, which is what PILOT_SCOPE_GATEWAY_TO_NAMESPACE would change."""
    gateways = every(snapshot, ISTIO_GATEWAY)
    serving: dict[tuple[str, str], dict[str, Raw]] = {}
    for it in gateways:
        for certificate in _certificates(it):
            serving.setdefault(certificate, {})[key(it)] = it
    for it in gateways:
        own = strings(it, "spec", "selector").items()
        for certificate in _certificates(it):
            others = [
                ref(ISTIO_GATEWAY, other)
                for other in serving[certificate].values()
                if other is not it and own <= strings(other, "spec", "selector").items()
            ]
            if others:
                called, _ = certificate
                says = f"{called} is served on the same proxies by {_listed(others)} too"
                yield found(
                    SHARED_CERTIFICATE, ISTIO_GATEWAY, it, says, "spec.servers[].tls", called, *others
                )  # fmt: skip


def _certificates(gateway: Raw) -> Iterable[tuple[str, str]]:
    """What its servers serve: the name of a Secret, or the two files of a certificate; each once."""
    tls = [dig(each, "tls") for each in entries(gateway, "spec", "servers")]
    named = [(text(each, "credentialName"), "") for each in tls]
    files = [
        (text(each, "serverCertificate"), text(each, "privateKey"))
        for each in tls
        if not text(each, "credentialName")
    ]
    whole = [each for each in files if all(each)]
    return dict.fromkeys([*(each for each in named if each[0]), *whole])


def conflicting(snapshot: Snapshot) -> Iterator[Found]:
    gateways, pods = every(snapshot, ISTIO_GATEWAY), selection.of_gateways(snapshot)
    servers = _servers(gateways)
    by_port: dict[int, list[Labels]] = {}
    for wanted, at in servers:
        by_port.setdefault(at, []).append(wanted)
    entered = {wanted for wanted, _ in servers}
    meeting = _meeting(pods, {*map(selector, gateways)})
    for it in gateways:
        concerned = meeting[selector(it)]
        if selector(it) and entered.isdisjoint(concerned):
            yield _without_servers(it) if selector(it) in pods else without_pods(it)
            continue
        for server in entries(it, "spec", "servers"):
            at, bind = number(server, "port", "number"), text(server, "bind")
            hosts = words(dig(server, "hosts"))
            others = {
                other
                for wanted in by_port[at]
                if wanted in concerned
                for host in hosts
                for other in servers[wanted, at].get((host, bind), ())
                if other != ref(ISTIO_GATEWAY, it)
            }
            if others:
                rivals = sorted(others, key=lambda each: each.key)
                says = f"a host of port {at} is served on the same proxies by {_listed(rivals)} too"
                yield found(
                    CONFLICT, ISTIO_GATEWAY, it, says, "spec.servers[].hosts",
                    ", ".join(hosts), *rivals,
                )  # fmt: skip


def _without_servers(gateway: Raw) -> Found:
    wanted = selection.text_of(selector(gateway))
    says = f"it has no servers, and no other Gateway serves for its selector {wanted}"
    return found(NOT_FOUND, ISTIO_GATEWAY, gateway, says, "spec.servers", "–")


def _servers(gateways: Iterable[Raw]) -> Mapping[_Place, Mapping[tuple[str, str], list[Ref]]]:
    """By place, host and bind address the Gateways that serve it. Of two servers of a Gateway at one place the later
    one counts."""
    last: dict[_Place, dict[Ref, Raw]] = {}
    for it in gateways:
        for server in entries(it, "spec", "servers"):
            place = (selector(it), number(server, "port", "number"))
            last.setdefault(place, {})[ref(ISTIO_GATEWAY, it)] = server
    return {place: _by_host(servers) for place, servers in last.items()}


def _by_host(servers: Mapping[Ref, Raw]) -> Mapping[tuple[str, str], list[Ref]]:
    hosts: dict[tuple[str, str], list[Ref]] = {}
    for gateway, server in servers.items():
        for host in dict.fromkeys(words(dig(server, "hosts"))):
            hosts.setdefault((host, text(server, "bind")), []).append(gateway)
    return hosts


def _meeting(
    pods: Mapping[Labels, Sequence[Raw]], wanted: Iterable[Labels]
) -> Mapping[Labels, frozenset[Labels]]:
    """By selector those that concern its Gateways too: itself, and each that, as text, is part of it or has it for a
    part, where some pod has the labels of both."""
    texts = {each: selection.text_of(each) for each in wanted}

    def meet(one: Labels, other: Labels) -> bool:
        if one == other:
            return True
        if texts[one] not in texts[other] and texts[other] not in texts[one]:
            return False
        few, many = sorted((one, other), key=lambda each: len(pods.get(each, ())))
        asked = set(many)
        return any(asked <= labels(pod).items() for pod in pods.get(few, ()))

    return {each: frozenset(other for other in texts if meet(each, other)) for each in texts}


def _listed(gateways: Sequence[Ref]) -> str:
    few = ", ".join(each.key for each in gateways[:5])
    return few if len(gateways) <= 5 else f"{few} and {len(gateways) - 5} more"


ANALYZERS = (
    analyzer(
        "gateway.IngressGatewayPortAnalyzer",
        (NOT_FOUND, NO_PORT),
        (ISTIO_GATEWAY, POD, SERVICE),
        unreached,
        looks_up=(POD, SERVICE),
    ),
    analyzer("gateway.CertificateAnalyzer", (SHARED_CERTIFICATE,), (ISTIO_GATEWAY,), sharing),
    analyzer(
        "gateway.ConflictingGatewayAnalyzer",
        (NOT_FOUND, CONFLICT),
        (ISTIO_GATEWAY, POD),
        conflicting,
        looks_up=(POD,),
    ),
)
