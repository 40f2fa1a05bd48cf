"""What comes of the addresses that a Gateway asks for: the Services behind which its proxies are, port by port.

Rules and words are those of the recording (tests/data/recordings/shop) and of Istio's own cases of Gateway API status.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct, field

from meshtui.sim.behaviour.classes import Class, is_managed, title
from meshtui.sim.behaviour.conditions import bad, good
from meshtui.sim.behaviour.references import DOMAIN, Problem
from meshtui.sim.kinds import ENDPOINT_SLICE, SERVICE, SERVICE_ENTRY
from meshtui.sim.objects import (
    Raw,
    annotation,
    integer,
    labels,
    mappings,
    name,
    namespace,
    sequence,
    text,
)
from meshtui.sim.store import Store

_SERVICE_TYPE = "networking.istio.io/service-type"
_MANAGED = "gateway.istio.io/managed"


class Assignment(Struct):
    """Where the listeners of a Gateway can be reached."""

    requested: Sequence[str]
    """Hostnames of Services."""
    assigned: set[str] = field(default_factory=set)
    """host:port."""
    warnings: list[str] = field(default_factory=list)
    is_usable: bool = True
    """Whether what is missing may come by itself."""
    addresses: list[Raw] = field(default_factory=list)

    def condition(self) -> Raw:
        """The condition Programmed, without its time."""
        services, told = _listed(sorted(self.assigned)), "; ".join(sorted(self.warnings))
        nothing = "Failed to assign to any requested addresses"
        if not self.requested:
            return bad("Programmed", "UnsupportedAddress", nothing)
        if not told:
            assigned = f", assigned to service(s) {services}" if services else ""
            return good("Programmed", "Programmed", f"Resource programmed{assigned}")
        reason = "AddressNotAssigned" if self.is_usable else "AddressNotUsable"
        some = f"Assigned to service(s) {services}, but failed to assign to all requested addresses"
        return bad("Programmed", reason, f"{some if services else nothing}: {told}")


def requested(gateway: Raw, of_class: Class) -> tuple[list[str], Problem | None]:
    """The hostnames of the Services that a Gateway is to be reached at, and what is wrong with its addresses."""
    space = namespace(gateway)
    if is_managed(gateway):
        return [f"{title(gateway, of_class)}.{space}.{DOMAIN}"], None
    found = mappings(gateway, "spec", "addresses")
    hosts = [text(each, "value") for each in found if text(each, "type") in ("", "Hostname")]
    others = [text(each, "value") for each in found if text(each, "type") not in ("", "Hostname")]
    full = [each if "." in each else f"{each}.{space}.{DOMAIN}" for each in hosts]
    if others:
        ignored = f"only Hostname is supported, ignoring [{' '.join(others)}]"
        return full, ("UnsupportedAddress", ignored)
    if annotation(gateway, _SERVICE_TYPE) is not None:
        advice = f"annotation {_SERVICE_TYPE} is deprecated, use Spec.Infrastructure.Routeability"
        return full, ("DeprecatedField", advice)
    return full, None


def assign(
    store: Store, gateway: Raw, of_class: Class, hosts: Sequence[str], ports: Iterable[object]
) -> Assignment:
    """Look for the ports at the Services of these hostnames."""
    found = Assignment(hosts)
    wanted = sorted({each for each in ports if isinstance(each, int)})
    for host in hosts:
        service = _service(store, namespace(gateway), host)
        if service is None:
            found.is_usable = False
            found.warnings.append(_not_found(store, namespace(gateway), host))
        elif text(service, "kind") == "ServiceEntry":
            _assign_outside(found, service, host, wanted)
        else:
            _assign_service(found, store, gateway, service, host, wanted)
            if any(each.startswith(f"{host}:") for each in found.assigned):
                _address(found, service, of_class, host)
    return found


def _assign_service(
    found: Assignment, store: Store, gateway: Raw, service: Raw, host: str, wanted: list[int]
) -> None:
    served = {
        port: {target for target, name_ in _targets(store, service) if name_ == title_}
        for port, title_ in _ports(service)
    }
    # An address once given stays, so its ports count although nobody is behind them for a while
    once = is_managed(gateway) and bool(mappings(gateway, "status", "addresses"))
    for port in wanted:
        if served.get(port) or (once and port in served):
            found.assigned.add(f"{host}:{port}")
        elif not any(served.values()):
            warning = f'no instances found for hostname "{host}"'
            if warning not in found.warnings:
                found.warnings.append(warning)
        elif hints := sorted(str(each) for each, targets in served.items() if port in targets):
            found.is_usable = False
            found.warnings.append(
                f'port {port} not found for hostname "{host}" (hint: the service port should be '
                "specified, not the workload port. Did you mean one of these ports: "
                f"[{' '.join(hints)}]?)"
            )
        elif _MANAGED not in labels(service) or port not in served:
            found.is_usable = False
            found.warnings.append(f'port {port} not found for hostname "{host}"')


def _assign_outside(found: Assignment, entry: Raw, host: str, wanted: list[int]) -> None:
    """At a ServiceEntry: its ports are there as they are written."""
    ports = [each.get("number") for each in mappings(entry, "spec", "ports")]
    for port in wanted:
        if port in ports:
            found.assigned.add(f"{host}:{port}")
        else:
            found.is_usable = False
            found.warnings.append(f'port {port} not found for hostname "{host}"')


def _address(found: Assignment, service: Raw, of_class: Class, host: str) -> None:
    """What is told of a Service: an address outside of the cluster, else those inside."""
    outside = mappings(service, "status", "loadBalancer", "ingress")
    if outside:
        found.addresses += [
            {"type": "IPAddress", "value": each["ip"]}
            if each.get("ip")
            else {"type": "Hostname", "value": text(each, "hostname")}
            for each in outside
        ]
    elif text(service, "spec", "type") == "LoadBalancer":
        found.warnings.append(f'address pending for hostname "{host}"')
    else:
        inside = text(service, "spec", "clusterIP")
        if of_class.mode == "waypoint" and inside:
            found.addresses.append({"type": "IPAddress", "value": inside})
        found.addresses.append({"type": "Hostname", "value": host})


def _service(store: Store, space: str, host: str) -> Raw | None:
    """The Service of a namespace, or the ServiceEntry, with this hostname."""
    own, _, rest = host.partition(".")
    if rest == f"{space}.{DOMAIN}" and (found := store.get(SERVICE, space, own)):
        return found
    entries = store.list(SERVICE_ENTRY, space)
    return next((each for each in entries if host in sequence(each, "spec", "hosts")), None)


def _not_found(store: Store, space: str, host: str) -> str:
    own, _, rest = host.partition(".")
    other = rest.removesuffix(f".{DOMAIN}")
    if other != space and store.get(SERVICE, other, own) is not None:
        return (
            f'hostname "{host}" not found in namespace "{space}", but it was found in '
            f'namespace(s) "{other}"'
        )
    return f'hostname "{host}" not found'


def _ports(service: Raw) -> Iterator[tuple[int, str]]:
    for each in mappings(service, "spec", "ports"):
        if isinstance(number := each.get("port"), int):
            yield number, text(each, "name")


def _targets(store: Store, service: Raw) -> Iterator[tuple[int, str]]:
    """The ports of the endpoints behind a Service, each with the name of the Service's port."""
    for each in store.list(ENDPOINT_SLICE, namespace(service)):
        own = labels(each).get("kubernetes.io/service-name") == name(service)
        if own and each.get("endpoints"):
            for port in mappings(each, "ports"):
                yield integer(port, "port"), text(port, "name")


def _listed(items: list[str]) -> str:
    """a, a and b, or a, b, and c."""
    if len(items) < 3:
        return " and ".join(items)
    return f"{', '.join(items[:-1])}, and {items[-1]}"
