"""Reasons: what the conditions on gateways, listeners and routes mean, in plain words (reference istio-ambient.md, 2.4
and 8.3; the Gateway API's own definitions of the reasons)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct

from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.raw import Condition

_INVERTED = frozenset({"Conflicted", "OverlappingTLSConfig", "PartiallyInvalid"})
"""Conditions that are well when False."""

_ALL_RESOLVED = "All waypoints resolved"
"""What istiod writes under ResolvedWaypoints, which is always True, where nothing is wrong."""

_WORDS: Mapping[str, str] = {
    # on gateways
    "AddressNotAssigned": "no address was assigned to it yet",
    "AddressNotUsable": "an address or port that it asks for cannot be used",
    "UnsupportedAddress": "it asks for a kind of address that is not supported",
    "InvalidParameters": "the parameters that it names are missing or not understood",
    "ListenersNotValid": "a listener of it is invalid",
    "ListenersNotReady": "a listener of it is not ready",
    "NoResources": "there are no resources to run it with",
    "InvalidClientCertificateRef": "the client certificate that it names cannot be read",
    # on listeners
    "Invalid": "its configuration is not valid, so it is not served",
    "InvalidCertificateRef": "the certificate that it names cannot be read",
    "InvalidCACertificateRef": "the CA certificate that it names cannot be read",
    "InvalidCACertificateKind": "the CA certificate is in a kind of object that is not supported",
    "NoValidCACertificate": "none of the CA certificates that it names can be used",
    "InvalidRouteKinds": "it allows a kind of route that its protocol cannot carry",
    "ProtocolConflict": "another listener has its port with another protocol",
    "HostnameConflict": "another listener has its port and hostname",
    "PortUnavailable": "its port cannot be used",
    "UnsupportedProtocol": "its protocol is not supported",
    # on routes
    "NoMatchingParent": "the parent does not exist, or has no such listener or port",
    "NoMatchingListenerHostname": "no listener of the parent takes its hostnames",
    "NotAllowedByListeners": "the listeners do not allow its namespace or its kind",
    "ParentRefConflict": "it names the same parent twice, in ways that conflict",
    "UnsupportedValue": "it has a value that is not supported",
    "IncompatibleFilters": "it has filters that do not go together",
    "BackendNotFound": "a backend, or its port, does not exist",
    "RefNotPermitted": "it refers to another namespace, and no ReferenceGrant there permits it",
    "InvalidKind": "it refers to a kind of object that is not supported",
    "InvalidDestination": "a destination of it is not valid",
    "InvalidFilter": "a filter of it is not valid",
    "InvalidConfiguration": "its configuration is not valid",
    "UnsupportedProtocolForBackend": "a backend speaks a protocol that is not supported",
    # before anybody said anything
    "Pending": "it waits for a controller",
    "Waiting": "it waits for a controller",
}

_MILD = frozenset({"AddressNotAssigned"})
"""What of a load balancer alone: traffic inside the cluster goes on."""


class Judged(Struct, frozen=True):
    """One condition, and what it comes to."""

    condition: Condition
    verdict: Verdict


def judged(conditions: Iterable[Condition], generation: int = 0) -> tuple[Judged, ...]:
    """The conditions with what each means; one of an older `generation` than the object's tells nothing of it as it is
    now."""
    return tuple(Judged(each, verdict(each, generation)) for each in conditions)


def verdict(condition: Condition, generation: int = 0) -> Verdict:
    """What one condition means, in plain words with the controller's own reason behind them."""
    if 0 < condition.generation < generation:
        words = f"{condition.type} is of an older version of it: not judged since the last change"
        return Verdict(Health.UNKNOWN, words)
    if condition.status not in ("True", "False"):
        return Verdict(Health.UNKNOWN, _said(condition, "nobody has judged it yet"))
    if condition.status == ("False" if condition.type in _INVERTED else "True"):
        return _well(condition)
    health = Health.WARN if condition.reason in _MILD else Health.BAD
    return Verdict(health, _said(condition, f"{condition.type} is {condition.status}"))


def _well(condition: Condition) -> Verdict:
    """True is not always well: a Gateway of which some listeners are invalid is accepted all the same, and a route
    that no waypoint serves is said to have its waypoints resolved."""
    if condition.reason == "ListenersNotValid":
        return Verdict(Health.WARN, "accepted, but a listener of it is invalid (ListenersNotValid)")
    if condition.type == "ResolvedWaypoints" and condition.message not in ("", _ALL_RESOLVED):
        return Verdict(Health.WARN, condition.message)
    return Verdict(Health.OK)


def _said(condition: Condition, otherwise: str) -> str:
    words = _WORDS.get(condition.reason)
    if words is None:
        said = ": ".join(part for part in (condition.reason, condition.message) if part)
        return f"{otherwise} ({said})" if said else otherwise
    return f"{words} ({condition.reason})"


def known() -> Collection[str]:
    """The reasons that there are words for."""
    return _WORDS.keys()
