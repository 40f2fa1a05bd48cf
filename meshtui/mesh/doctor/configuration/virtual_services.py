"""VirtualServices: what each says of hosts, gateways and destinations, and hosts that several claim within the mesh
(IST0109)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from meshtui.mesh.doctor.configuration import host_table
from meshtui.mesh.doctor.configuration.objects import (
    ERROR,
    analyzer,
    every,
    found,
    fqdn,
    hosts_match,
    ref,
    scopes,
    words,
)
from meshtui.mesh.doctor.findings import Found, Rule
from meshtui.mesh.kinds import VIRTUAL_SERVICE
from meshtui.mesh.raw import Raw, dig, entries, key, namespace, text
from meshtui.mesh.snapshot import Snapshot

CLAIMED_TWICE = Rule(
    "IST0109",
    "several VirtualServices have one host within the mesh",
    ERROR,
    why="The routes of only one of them are in force, and which one is not defined.",
    remedy="make one VirtualService of them, or export them to different namespaces",
    link="docs/reference/config/analysis/ist0109/",
)

MESH = "mesh"
"""In place of a gateway: the traffic inside the mesh."""
PROTOCOLS = ("tcp", "tls", "http")


class Destination(Struct, frozen=True, eq=False):
    """Where a route leads, or where its traffic is mirrored to."""

    raw: Raw
    field: str
    protocol: str
    mirror: bool = False

    @property
    def host(self) -> str:
        return text(self.raw, "host")

    @property
    def subset(self) -> str:
        return text(self.raw, "subset")


def led(snapshot: Snapshot) -> Sequence[tuple[Raw, Sequence[Destination]]]:
    """The VirtualServices, each with all its destinations."""
    return snapshot.once(_led, every(snapshot, VIRTUAL_SERVICE))


def _led(virtual_services: Sequence[Raw]) -> Sequence[tuple[Raw, Sequence[Destination]]]:
    return [(it, [*_destinations(it)]) for it in virtual_services]


def _destinations(it: Raw) -> Iterator[Destination]:
    for protocol in PROTOCOLS:
        for index, route in enumerate(entries(it, "spec", protocol)):
            at = f"spec.{protocol}[{index}]"
            for weighted in entries(route, "route"):
                yield from _at(weighted, "destination", f"{at}.route[].destination", protocol)
            if protocol == "http":
                yield from _at(route, "mirror", f"{at}.mirror", protocol, mirror=True)
                for each in entries(route, "mirrors"):
                    field = f"{at}.mirrors[].destination"
                    yield from _at(each, "destination", field, protocol, mirror=True)


def _at(
    holder: Raw, name: str, field: str, protocol: str, *, mirror: bool = False
) -> Iterator[Destination]:
    written = dig(holder, name)
    if isinstance(written, Mapping):
        yield Destination(written, field, protocol, mirror)


def hosts(it: Raw) -> Sequence[str]:
    return words(dig(it, "spec", "hosts"))


def gateways(it: Raw) -> Sequence[str]:
    return words(dig(it, "spec", "gateways"))


def full_name(reference: str, where: str) -> str:
    """A reference from an object of a namespace, as namespace/name; as the name alone where there is no namespace."""
    namespace, slash, name = reference.partition("/")
    if not slash:
        namespace, name = where, reference
    return f"{namespace}/{name}" if namespace else name


def claimed_twice(snapshot: Snapshot) -> Iterator[Found]:
    claims: dict[tuple[str, str], dict[str, Raw]] = {}
    for it in every(snapshot, VIRTUAL_SERVICE):
        if gateways(it) and MESH not in gateways(it):
            continue
        where = namespace(it)
        for scope in scopes(dig(it, "spec", "exportTo"), where):
            for host in hosts(it):
                claims.setdefault((scope, fqdn(where, host)), {})[key(it)] = it
    everywhere = [host for scope, host in claims if scope == "*"]
    told: set[str] = set()
    for (scope, host), own in claims.items():
        claiming = dict(own)
        if scope != "*":
            near = everywhere if host.startswith("*") else [host, *host_table.wildcards(host)]
            for other in near:
                if ("*", other) in claims and hosts_match(host, other):
                    claiming |= claims["*", other]
        if len(claiming) > 1:
            for each in claiming:
                if each not in told:
                    told.add(each)
                    yield _claimed(claiming, each, host)


def _claimed(claiming: Mapping[str, Raw], this: str, host: str) -> Found:
    others = sorted(each for each in claiming if each != this)
    few = ", ".join(others[:5])
    more = f" and {len(others) - 5} more" if len(others) > 5 else ""
    return found(
        CLAIMED_TWICE, VIRTUAL_SERVICE, claiming[this], f"{host} is a host of {few}{more} too", "spec.hosts",
        host, *(ref(VIRTUAL_SERVICE, claiming[each]) for each in others),
    )  # fmt: skip


ANALYZERS = (
    analyzer(
        "virtualservice.ConflictingMeshGatewayHostsAnalyzer",
        (CLAIMED_TWICE,),
        (VIRTUAL_SERVICE,),
        claimed_twice,
    ),
)
