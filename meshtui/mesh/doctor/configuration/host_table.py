"""Host table: the hosts that ServiceEntries and Services give, to whom each is exported, and how a destination is
looked up in it (istioctl-analyze.md, 2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from msgspec import Struct

from meshtui.mesh.doctor.configuration.objects import every, fqdn, scopes, words
from meshtui.mesh.kinds import SERVICE, SERVICE_ENTRY
from meshtui.mesh.raw import Raw, annotation, dig, entries, name, namespace, number, strings
from meshtui.mesh.snapshot import Snapshot

_LONGEST = 255
"""No name in DNS is longer."""


class Host(Struct, frozen=True):
    """What is known of a host."""

    ports: tuple[int, ...]
    labels: Mapping[str, str]
    """What the workloads must have that a ServiceEntry selects; of a Service nothing."""


class Hosts(Struct, frozen=True, eq=False):
    """By scope and full name."""

    table: Mapping[tuple[str, str], Host]

    def find(self, where: str, host: str, exported: object) -> Host | None:
        """What a host is for an object of a namespace that is exported so; None for one that nobody knows."""
        full = fqdn(where, host)
        targets = [where if each == "." else each for each in words(exported)] or [where]
        named = ((scope, full) for scope in ("*", *targets))
        wild = ((scope, each) for each in wildcards(host) for scope in ("*", where))
        return next((self.table[key] for key in chain(named, wild) if key in self.table), None)


def wildcards(host: str) -> Iterator[str]:
    """Those that a host, perhaps one itself, is under: the longest first."""
    bare = host.removeprefix("*")
    for at in range(max(0, len(bare) - _LONGEST), len(bare) + 1):
        yield f"*{bare[at:]}"


def of(snapshot: Snapshot) -> Hosts:
    return snapshot.once(_hosts, every(snapshot, SERVICE_ENTRY), every(snapshot, SERVICE))


def _hosts(service_entries: Sequence[Raw], services: Sequence[Raw]) -> Hosts:
    """A Service hides a ServiceEntry of its name."""
    table = {key: host for it in service_entries for key, host in _of_entry(it)}
    table.update((key, host) for it in services for key, host in _of_service(it))
    return Hosts(table)


def _of_entry(it: Raw) -> Iterator[tuple[tuple[str, str], Host]]:
    where = namespace(it)
    ports = tuple(number(port, "number") for port in entries(it, "spec", "ports"))
    known = Host(ports, strings(it, "spec", "workloadSelector", "labels"))
    for scope in scopes(dig(it, "spec", "exportTo"), where):
        for host in words(dig(it, "spec", "hosts")):
            yield (scope, fqdn(where, host)), known


def _of_service(it: Raw) -> Iterator[tuple[tuple[str, str], Host]]:
    where = namespace(it)
    known = Host(tuple(number(port, "port") for port in entries(it, "spec", "ports")), {})
    exported = annotation(it, "networking.istio.io/exportTo")
    names = [each.strip() for each in exported.split(",")] if exported else None
    for scope in scopes(names, where):
        yield (scope, fqdn(where, name(it))), known
