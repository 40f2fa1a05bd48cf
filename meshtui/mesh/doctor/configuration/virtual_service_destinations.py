"""Destinations of VirtualServices: hosts, ports and subsets that are not there (IST0101), ports left open (IST0112),
and routes at a gateway that a subset of the mesh does not reach (IST0140)."""

from __future__ import annotations

from collections.abc import Iterator

from meshtui.mesh.doctor.configuration import host_table
from meshtui.mesh.doctor.configuration.host_table import Hosts
from meshtui.mesh.doctor.configuration.objects import ERROR, WARNING, analyzer, every, found, ref
from meshtui.mesh.doctor.configuration.references import NOT_FOUND
from meshtui.mesh.doctor.configuration.virtual_services import (
    Destination,
    gateways,
    hosts,
    led,
)
from meshtui.mesh.doctor.findings import Found, Rule
from meshtui.mesh.kinds import DESTINATION_RULE, SERVICE, SERVICE_ENTRY, VIRTUAL_SERVICE
from meshtui.mesh.raw import Raw, dig, entries, namespace, number, text
from meshtui.mesh.snapshot import Ref, Snapshot

NO_PORT = Rule(
    "IST0112",
    "a route leads to a service of several ports and names none",
    ERROR,
    why="Which port gets the traffic is not defined.",
    remedy="set destination.port.number",
    link="docs/reference/config/analysis/ist0112/",
)
NOT_AT_INGRESS = Rule(
    "IST0140",
    "a route at a gateway goes past the subsets that the mesh has for its destination",
    WARNING,
    why="A gateway follows its own VirtualService only: the subset routing of another one does not apply to it.",
    remedy="name the subset in the gateway's route too",
    link="docs/reference/config/networking/virtual-service/",
)

_DOMAIN = ".svc.cluster.local"


def misled(snapshot: Snapshot) -> Iterator[Found]:
    table = host_table.of(snapshot)
    split = _split(snapshot)
    for it, leading in led(snapshot):
        for each in leading:
            yield from _misled(it, each, table)
            others = split.get(each.host, ())
            if others and gateways(it) and _is_http(each) and not each.subset:
                says = f"subsets of {each.host} in {_first(others)} do not apply to this route"
                yield found(
                    NOT_AT_INGRESS, VIRTUAL_SERVICE, it, says, each.field, each.host, *others
                )


def _misled(it: Raw, each: Destination, table: Hosts) -> Iterator[Found]:
    where, host = namespace(it), each.host
    known = table.find(where, host, dig(it, "spec", "exportTo"))
    if known is None:
        says = f'{"mirror host" if each.mirror else "host"} "{host}" is not there'
        yield found(NOT_FOUND, VIRTUAL_SERVICE, it, says, f"{each.field}.host", host or "–")
    elif dig(each.raw, "port") is None:
        if len(known.ports) > 1:
            ports = ", ".join(map(str, known.ports))
            says = f"{host} has the ports {ports}, and the route names none"
            yield found(NO_PORT, VIRTUAL_SERVICE, it, says, f"{each.field}.port", "–")
    elif (port := number(each.raw, "port", "number")) not in known.ports:
        says = f"{host} has no port {port}"
        yield found(NOT_FOUND, VIRTUAL_SERVICE, it, says, f"{each.field}.port.number", str(port))


def _split(snapshot: Snapshot) -> dict[str, tuple[Ref, ...]]:
    """By host the VirtualServices of that host that send its traffic to subsets of it."""
    split: dict[str, dict[Ref, None]] = {}
    for it, leading in led(snapshot):
        for each in leading:
            if _is_http(each) and each.subset and each.host in hosts(it):
                split.setdefault(each.host, {})[ref(VIRTUAL_SERVICE, it)] = None
    return {host: tuple(refs) for host, refs in split.items()}


def _is_http(each: Destination) -> bool:
    return each.protocol == "http" and not each.mirror


def _first(others: tuple[Ref, ...]) -> str:
    return others[0].key if len(others) == 1 else f"{others[0].key} and {len(others) - 1} more"


def without_subset(snapshot: Snapshot) -> Iterator[Found]:
    subsets = {
        (*_service(namespace(rule), text(rule, "spec", "host")), text(subset, "name"))
        for rule in every(snapshot, DESTINATION_RULE)
        for subset in entries(rule, "spec", "subsets")
    }
    for it, leading in led(snapshot):
        for each in leading:
            wanted = (*_service(namespace(it), each.host), each.subset)
            if each.subset and wanted not in subsets:
                mirrored = "mirror " if each.mirror else ""
                says = f'no DestinationRule for {mirrored}{each.host} has a subset "{each.subset}"'
                field = f"{each.field}.subset"
                yield found(NOT_FOUND, VIRTUAL_SERVICE, it, says, field, each.subset)


def _service(where: str, host: str) -> tuple[str, str]:
    """Namespace and name of a Service by its host as it is written in an object of a namespace."""
    name, _, home = host.removesuffix(_DOMAIN).rpartition(".")
    return (home, name) if host.endswith(_DOMAIN) and name and home else (where, host)


ANALYZERS = (
    analyzer(
        "virtualservice.DestinationHostAnalyzer",
        (NOT_FOUND, NO_PORT, NOT_AT_INGRESS),
        (VIRTUAL_SERVICE, SERVICE, SERVICE_ENTRY),
        misled,
        looks_up=(SERVICE, SERVICE_ENTRY),
    ),
    analyzer(
        "virtualservice.DestinationRuleAnalyzer",
        (NOT_FOUND,),
        (VIRTUAL_SERVICE, DESTINATION_RULE),
        without_subset,
        looks_up=(DESTINATION_RULE,),
    ),
)
