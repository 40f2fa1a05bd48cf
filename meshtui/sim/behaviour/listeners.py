"""The listeners of Gateways and ListenerSets: which routes each takes, and what istiod says of it.

Rules are those of Gateway API and of Istio's own cases of Gateway API status; words too are recorded ones
(tests/data/recordings/shop).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from meshtui.sim.behaviour.certificates import authority_problems, server_problem
from meshtui.sim.behaviour.classes import Class, class_of
from meshtui.sim.behaviour.conditions import bad, good, stamped
from meshtui.sim.behaviour.references import GATEWAY_API, Problem, group_kind, key_of_reference
from meshtui.sim.kinds import GATEWAY, LISTENER_SET, NAMESPACE, Kind
from meshtui.sim.objects import (
    NOTHING,
    Raw,
    labels,
    mapping,
    mappings,
    name,
    namespace,
    selects,
    sequence,
    text,
)
from meshtui.sim.store import Store, key_of

_PARENTS: Mapping[tuple[str, str], Kind] = {
    (GATEWAY_API, "Gateway"): GATEWAY,
    (GATEWAY_API, "ListenerSet"): LISTENER_SET,
}
_TAKEN = {
    "HTTP": ("HTTPRoute", "GRPCRoute"),
    "HTTPS": ("HTTPRoute", "GRPCRoute"),
    "TLS": ("TLSRoute",),
    "TCP": ("TCPRoute",),
}
_PORTS = {"HTTP": 80, "HTTPS": 443}
"""The ports of a ListenerSet's listeners that name none."""
_STREAMS = ("TCP", "UDP")
_FINE = "No errors found"
_IN_CONFLICT = "Listener has a conflict with another listener attached to the same Gateway"


class Listener(Struct, frozen=True):
    """One of a Gateway, or of a ListenerSet that is attached to one."""

    owner: Raw
    gateway: Raw
    of_class: Class
    spec: Raw
    conflict: str = ""
    """The reason, where another listener of the same Gateway comes before it."""

    @property
    def port(self) -> object:
        return self.spec.get("port") or _PORTS.get(self.protocol)

    @property
    def protocol(self) -> str:
        return text(self.spec, "protocol")

    @property
    def host(self) -> str:
        return text(self.spec, "hostname") or "*"


class Refusal(Struct, frozen=True):
    """Why a listener does not take a route."""

    reason: str
    message: str
    rank: int
    """The higher, the more istiod prefers to tell it."""


def of_gateway(store: Store, gateway: Raw) -> list[Listener]:
    """The listeners of a Gateway, then those of the ListenerSets that it allows, the older sets first."""
    of_class = class_of(store, gateway)
    if of_class is None:
        return []
    owners = [gateway]
    if of_class.listener_sets:
        owners += sorted(_sets_of(store, gateway), key=_age)
    found: list[Listener] = []
    for owner in owners:
        for spec in mappings(owner, "spec", "listeners"):
            listener = Listener(owner, gateway, of_class, spec)
            others = (_conflict(listener, each) for each in found if not each.conflict)
            reason = next(filter(None, others), "")
            found.append(Listener(owner, gateway, of_class, spec, reason))
    return found


def of_set(store: Store, listener_set: Raw) -> list[Listener]:
    """The listeners of a ListenerSet; none where its Gateway does not take it."""
    gateway = gateway_of(store, listener_set)
    if gateway is None:
        return []
    key = key_of(listener_set)
    every = of_gateway(store, gateway)
    return [each for each in every if each.owner is not gateway and key_of(each.owner) == key]


def gateway_of(store: Store, listener_set: Raw) -> Raw | None:
    """The Gateway that a ListenerSet names."""
    reference = mapping(listener_set, "spec", "parentRef")
    kind = parent_kind(reference)
    return (
        store.get(GATEWAY, *key_of_reference(listener_set, reference)) if kind == GATEWAY else None
    )


def allows(store: Store, gateway: Raw, listener_set: Raw) -> bool:
    """Whether a Gateway allows a ListenerSet, by its namespace; without a word on it it allows none."""
    allowed = mapping(gateway, "spec", "allowedListeners", "namespaces")
    return _admits(store, allowed, namespace(gateway), namespace(listener_set), otherwise="None")


def parent_kind(reference: Raw) -> Kind | None:
    """GATEWAY or LISTENER_SET, by default a Gateway; None for a parent of another kind."""
    return _PARENTS.get(group_kind(reference, GATEWAY_API, "Gateway"))


def open_to_routes(store: Store, parent: Raw, kind: Kind) -> list[Listener]:
    """The listeners that routes can name: not those where a waypoint takes HBONE."""
    if kind == LISTENER_SET:
        return of_set(store, parent)
    return [
        each
        for each in of_gateway(store, parent)
        if each.owner is parent and not each.of_class.is_tunnel(each.port)
    ]


def refusal(store: Store, listener: Listener, route: Raw, reference: Raw) -> Refusal | None:
    """Why a listener does not take a route by one of its parentRefs; None where it does."""
    port, section = reference.get("port"), text(reference, "sectionName")
    if port is not None and port != listener.port:
        return Refusal("NoMatchingParent", f"port {port} not found", 0)
    if section not in ("", text(listener.spec, "name")):
        return Refusal("NoMatchingParent", f'sectionName "{section}" not found', 0)
    hosts = [each for each in sequence(route, "spec", "hostnames") if isinstance(each, str)]
    host = text(listener.spec, "hostname")
    if not any(_hosts_meet(each, listener.host) for each in hosts or ["*"]):
        message = f'no hostnames matched parent hostname "{host}"'
        return Refusal("NoMatchingListenerHostname", message, 1)
    allowed = mapping(listener.spec, "allowedRoutes", "namespaces")
    if not _admits(store, allowed, namespace(listener.owner), namespace(route)):
        message = (
            f'hostnames matched parent hostname "{host}", but namespace "{namespace(route)}" '
            "is not allowed by the parent"
        )
        return Refusal("NotAllowedByListeners", message, 2)
    if text(route, "kind") not in [each["kind"] for each in route_kinds(listener)]:
        kind = f"{GATEWAY_API}/v1/{text(route, 'kind')}"
        return Refusal("NotAllowedByListeners", f"kind {kind} is not allowed", 2)
    return None


def route_kinds(listener: Listener) -> list[Raw]:
    """The `supportedKinds` of a listener."""
    known = _TAKEN.get(listener.protocol, ())
    if listener.protocol == "TLS" and text(listener.spec, "tls", "mode") == "Terminate":
        known = (*known, "TCPRoute")
    wanted = _wanted_kinds(listener)
    taken = [kind for kind in known if not wanted or (GATEWAY_API, kind) in wanted]
    return [{"group": GATEWAY_API, "kind": kind} for kind in taken]


def _wanted_kinds(listener: Listener) -> list[tuple[str, str]]:
    wanted = mappings(listener.spec, "allowedRoutes", "kinds")
    return [group_kind(each, GATEWAY_API, "") for each in wanted]


def is_valid(store: Store, listener: Listener) -> bool:
    """Whether istiod makes anything of a listener."""
    return not (
        listener.conflict or _wrong_protocol(listener) or _certificate_problem(store, listener)
    )


def status(store: Store, listener: Listener, routes: Iterable[Raw], stamp: str) -> Raw:
    """What istiod says of a listener, given the routes that may name it."""
    title = text(listener.spec, "name")
    before = next(
        (
            each
            for each in mappings(listener.owner, "status", "listeners")
            if each.get("name") == title
        ),
        NOTHING,
    )
    conditions = list(_conditions(store, listener))
    return {
        "attachedRoutes": attached(store, listener, routes),
        "conditions": stamped(listener.owner, mappings(before, "conditions"), conditions, stamp),
        "name": title,
        "supportedKinds": route_kinds(listener),
    }


def attached(store: Store, listener: Listener, routes: Iterable[Raw]) -> int:
    """How many routes a listener has taken, whether their backends can be found or not."""
    if listener.of_class.is_tunnel(listener.port):
        return 0
    return sum(
        any(
            (kind := parent_kind(reference)) is not None
            and (kind.name, *key_of_reference(route, reference)) == _identity(listener.owner)
            and refusal(store, listener, route, reference) is None
            for reference in mappings(route, "spec", "parentRefs")
        )
        for route in routes
    )


def _conditions(store: Store, listener: Listener) -> Iterator[Raw]:
    accepted = good("Accepted", "Accepted", _FINE)
    conflicted = bad("Conflicted", "NoConflicts", _FINE)
    programmed = good("Programmed", "Programmed", _FINE)
    resolved = good("ResolvedRefs", "ResolvedRefs", _FINE)
    for missing in filter(None, _authority_problems(store, listener)):
        resolved = bad("ResolvedRefs", *missing)
    if problem := _certificate_problem(store, listener):
        reason, message = problem
        programmed = bad("Programmed", "Invalid", "Bad TLS configuration")
        resolved = bad("ResolvedRefs", reason, message)
        if reason != "InvalidCertificateRef":
            accepted = bad("Accepted", "NoValidCACertificate", message)
    if wrong := _odd_tunnel(listener) or _wrong_protocol(listener):
        accepted = bad("Accepted", "UnsupportedProtocol", wrong)
    if len(route_kinds(listener)) < len(_wanted_kinds(listener)):
        resolved = bad("ResolvedRefs", "InvalidRouteKinds", "Invalid route kinds")
    if listener.conflict:
        accepted = bad("Accepted", listener.conflict, _IN_CONFLICT)
        conflicted = good("Conflicted", listener.conflict, _IN_CONFLICT)
        programmed = bad("Programmed", listener.conflict, _IN_CONFLICT)
        yield from (accepted, conflicted, programmed)
        return
    yield from (accepted, conflicted, programmed, resolved)


def _certificate_problem(store: Store, listener: Listener) -> Problem | None:
    """Why a listener cannot do TLS: without a certificate, or where none of the authorities for clients is there."""
    authorities = _authority_problems(store, listener)
    unusable = None if None in authorities else next(iter(authorities), None)
    return server_problem(store, listener.owner, listener.spec) or unusable


def _authority_problems(store: Store, listener: Listener) -> list[Problem | None]:
    return authority_problems(store, listener.gateway, listener.spec, listener.port)


def _wrong_protocol(listener: Listener) -> str:
    protocol = listener.protocol
    if listener.port is None:
        return f"protocol {protocol} requires a port to be set"
    if protocol in _TAKEN or (protocol == "HBONE" and listener.of_class.mode == "waypoint"):
        return ""
    if protocol == "HBONE":
        return f'protocol "{protocol}" is only supported for waypoint proxies'
    upper = protocol.upper()
    hint = f'. hint: "{upper}" (uppercase) may be supported' if upper in (*_TAKEN, "HBONE") else ""
    return f'protocol "{protocol}" is unsupported{hint}'


def _odd_tunnel(listener: Listener) -> str:
    """What is said of a waypoint's listener that is not for HBONE; it does not hinder it."""
    is_hbone = (listener.port, listener.protocol) == (15008, "HBONE")
    expected = 'Expected a single listener on port 15008 with protocol "HBONE"'
    if not listener.of_class.is_tunnel(listener.port):
        return ""
    if listener.of_class.only_tunnels:
        return "" if is_hbone else expected
    terminates = text(listener.spec, "tls", "mode") == "Terminate"
    return "" if is_hbone and terminates else f"{expected} and TLS.Mode == Terminate"


def _conflict(one: Listener, other: Listener) -> str:
    """Why two listeners cannot both be of one Gateway: by port, protocol and hostname."""
    streams = [each.protocol in _STREAMS for each in (one, other)]
    if one.port != other.port or (not any(streams) and one.host != other.host):
        return ""
    if all(streams) or one.protocol != other.protocol:
        return "ProtocolConflict"
    return "HostnameConflict"


def _sets_of(store: Store, gateway: Raw) -> Iterator[Raw]:
    for each in store.list(LISTENER_SET):
        reference = mapping(each, "spec", "parentRef")
        names_it = key_of_reference(each, reference) == key_of(gateway)
        if names_it and parent_kind(reference) == GATEWAY and allows(store, gateway, each):
            yield each


def _age(obj: Raw) -> tuple[str, str]:
    return text(obj, "metadata", "creationTimestamp"), f"{namespace(obj)}/{name(obj)}"


def _identity(obj: Raw) -> tuple[str, str, str]:
    return text(obj, "kind"), namespace(obj), name(obj)


def _admits(store: Store, allowed: Raw, own: str, other: str, otherwise: str = "Same") -> bool:
    match text(allowed, "from") or otherwise:
        case "All":
            return True
        case "Same":
            return own == other
        case "Selector":
            found = labels(store.get(NAMESPACE, "", other) or NOTHING)
            return selects(allowed.get("selector"), {"kubernetes.io/metadata.name": other, **found})
    return False


def _hosts_meet(one: str, other: str) -> bool:
    """Whether two hostnames, each maybe with a leading `*`, have one in common."""
    one, other = one.lower(), other.lower()
    if one.startswith("*") and other.startswith("*"):
        return one.endswith(other[1:]) or other.endswith(one[1:])
    if one.startswith("*"):
        one, other = other, one
    return one == other or (other.startswith("*") and one.endswith(other[1:]))
