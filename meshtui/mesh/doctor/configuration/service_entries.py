"""ServiceEntries: TCP without addresses (IST0134), and several that disagree on the protocol of a port (IST0177)."""

from __future__ import annotations

from collections.abc import Iterator

from meshtui.mesh import meshconfig
from meshtui.mesh.doctor.configuration.objects import (
    WARNING,
    analyzer,
    every,
    found,
    mesh,
    ref,
    scopes,
    words,
)
from meshtui.mesh.doctor.findings import Found, Rule
from meshtui.mesh.kinds import CONFIGMAP, SERVICE_ENTRY
from meshtui.mesh.raw import Raw, dig, entries, key, namespace, number, text
from meshtui.mesh.snapshot import Snapshot

NO_ADDRESSES = Rule(
    "IST0134",
    "a TCP port of a ServiceEntry without addresses",
    WARNING,
    why="TCP is told apart by its address alone: without one, all that goes to this port is taken for this host.",
    remedy="give it addresses or another protocol, or let istiod allocate them (PILOT_ENABLE_IP_AUTOALLOCATE)",
    link="docs/reference/config/analysis/ist0134/",
)
PROTOCOLS = Rule(
    "IST0177",
    "ServiceEntries disagree on the protocol of a host and port",
    WARNING,
    why="Only one of them is in force, and which one is not defined.",
    remedy="give the port one protocol in all of them, or export them to different namespaces",
    link="docs/reference/config/networking/service-entry/",
)


def without_addresses(snapshot: Snapshot) -> Iterator[Found]:
    known = snapshot.covering(CONFIGMAP, labels=meshconfig.SCOPE.labels)
    if not known.complete or _allocates(mesh(snapshot)):
        return
    for it in every(snapshot, SERVICE_ENTRY):
        if dig(it, "spec", "addresses") or dig(it, "status", "addresses"):
            continue
        for port in entries(it, "spec", "ports"):
            protocol = text(port, "protocol")
            if protocol.upper() in ("", "TCP"):
                at = number(port, "number")
                says = f"port {at} is TCP, and the ServiceEntry has no addresses"
                value = protocol or "–"
                yield found(NO_ADDRESSES, SERVICE_ENTRY, it, says, "spec.ports[].protocol", value)


def _allocates(config: Raw) -> bool:
    """Whether proxies resolve hosts by addresses that istiod allocates."""

    def is_on(variable: str) -> bool:
        return text(config, "defaultConfig", "proxyMetadata", variable) == "true"

    return is_on("ISTIO_META_DNS_CAPTURE") and (
        is_on("ISTIO_META_DNS_AUTO_ALLOCATE") or is_on("PILOT_ENABLE_IP_AUTOALLOCATE")
    )


def disagreeing(snapshot: Snapshot) -> Iterator[Found]:
    ports: dict[tuple[str, str, int], list[tuple[str, Raw]]] = {}
    for it in every(snapshot, SERVICE_ENTRY):
        for scope in scopes(dig(it, "spec", "exportTo"), namespace(it)):
            for host in words(dig(it, "spec", "hosts")):
                for port in entries(it, "spec", "ports"):
                    place = (scope, host, number(port, "number"))
                    ports.setdefault(place, []).append((text(port, "protocol").upper(), it))
    told: set[str] = set()
    for (scope, host, at), given in ports.items():
        seen = given if scope == "*" else given + ports.get(("*", host, at), [])
        protocols = sorted({protocol for protocol, _ in seen})
        if len(protocols) < 2:
            continue
        for _, it in seen:
            if key(it) not in told:
                told.add(key(it))
                said = ", ".join(protocol or "none" for protocol in protocols)
                says = f"{host} at port {at} has the protocols {said}"
                others = {ref(SERVICE_ENTRY, other) for _, other in seen if other is not it}
                yield found(
                    PROTOCOLS, SERVICE_ENTRY, it, says, "spec.ports[].protocol", said,
                    *sorted(others, key=lambda each: each.key),
                )  # fmt: skip


ANALYZERS = (
    analyzer(
        "serviceentry.Analyzer",
        (NO_ADDRESSES,),
        (SERVICE_ENTRY, meshconfig.SCOPE),
        without_addresses,
    ),
    analyzer(
        "serviceentry.ConflictingServiceEntryProtocolAnalyzer",
        (PROTOCOLS,),
        (SERVICE_ENTRY,),
        disagreeing,
    ),
)
