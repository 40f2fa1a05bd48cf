"""Route backends: whether what a route sends requests to is there, may be used, and has anything ready behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from meshtui.mesh import endpoints, grants, raw
from meshtui.mesh.endpoints import Endpoints
from meshtui.mesh.grants import Grant
from meshtui.mesh.health import OK, Health, Verdict
from meshtui.mesh.kinds import (
    ENDPOINT_SLICE,
    GATEWAY_API,
    REFERENCE_GRANT,
    SERVICE,
    SERVICE_ENTRY,
)
from meshtui.mesh.listeners import meet
from meshtui.mesh.raw import Raw, dig, entries, number, text
from meshtui.mesh.route_specs import BackendRef, RouteSpec
from meshtui.mesh.snapshot import Snapshot


class Backend(Struct, frozen=True):
    """One backend of one rule, and how it is."""

    ref: BackendRef
    share: float | None
    """The part of the rule's requests that it gets, 0 to 1; None where weights do not tell."""
    ready: int | None
    """Ready endpoints, of `total`; None where they are not known, or it has none that could be counted."""
    total: int | None
    verdict: Verdict


class Around(NamedTuple):
    """What is known of one backend. A tuple, so that it counts as a value where it is an input."""

    service: Raw | None
    endpoints: Endpoints | None
    entry: str
    """The ServiceEntry that has its host; "" where none has."""
    grants: tuple[Grant, ...]
    """Of its namespace."""
    unread: tuple[str, str, str]
    """Why Services, endpoints and grants of its namespace are not known; "" where they are."""


class Backends:
    """Looks up what is known of backends, in one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._endpoints = endpoints.of(snapshot)
        self._grants = grants.of(snapshot)
        self._entries = dict(_hosts(snapshot))
        self._entries_unread = snapshot.unread(SERVICE_ENTRY)
        self._unread: dict[str, tuple[str, str, str]] = {}

    def around(self, ref: BackendRef) -> Around:
        if ref.kind == "host":
            return Around(None, None, self._entry(ref.name), (), (self._entries_unread, "", ""))
        if ref.kind != "Service":
            return Around(None, None, "", (), ("", "", ""))
        return Around(
            self._snapshot.find(SERVICE, ref.namespace, ref.name),
            self._endpoints.get(ref.key),
            self._entry(ref.host) if ref.host else "",
            self._grants.get(ref.namespace, ()),
            self._unread_of(ref.namespace),
        )

    def _entry(self, host: str) -> str:
        return self._entries.get(host) or next(
            (key for known, key in self._entries.items() if "*" in known and meet(known, host)), ""
        )

    def _unread_of(self, namespace: str) -> tuple[str, str, str]:
        if namespace not in self._unread:
            services, slices, granted = (
                self._snapshot.unread(kind, namespace)
                for kind in (SERVICE, ENDPOINT_SLICE, REFERENCE_GRANT)
            )
            self._unread[namespace] = services, slices, granted
        return self._unread[namespace]


def _hosts(snapshot: Snapshot) -> Iterable[tuple[str, str]]:
    for hosts in snapshot.each(SERVICE_ENTRY, _entry_hosts):
        yield from hosts


def _entry_hosts(it: Raw) -> tuple[tuple[str, str], ...]:
    found = dig(it, "spec", "hosts")
    hosts = found if isinstance(found, list) else ()
    return tuple((each, raw.key(it)) for each in hosts if isinstance(each, str))


def judged(
    spec: RouteSpec, refs: Sequence[BackendRef], around: Mapping[BackendRef, Around]
) -> tuple[Backend, ...]:
    """The backends of one rule."""
    weights = sum(max(ref.weight, 0) for ref in refs)
    found = []
    for ref in refs:
        known = around[ref]
        counted = known.endpoints
        if counted is None and known.service is not None and not known.unread[1]:
            counted = endpoints.NONE
        if known.service is not None and _is_external(known.service):
            counted = None
        found.append(
            Backend(
                ref=ref,
                share=max(ref.weight, 0) / weights if weights else None,
                ready=counted.ready if counted else None,
                total=counted.total if counted else None,
                verdict=_verdict(spec, ref, known, counted),
            )
        )
    return tuple(found)


def _verdict(spec: RouteSpec, ref: BackendRef, known: Around, counted: Endpoints | None) -> Verdict:
    """A backend that does not exist comes before one that may not be used, and that before one with nothing ready."""
    if ref.kind == "host":
        return _by_host(ref, known)
    if ref.kind != "Service":
        return Verdict(Health.NONE, f"a {ref.kind}, which is not looked into")
    if known.service is None:
        return _no_service(ref, known)
    if wrong := _port(ref, known.service):
        return Verdict(Health.BAD, wrong)
    if (refused := _refused(spec, ref, known)) is not None:
        return refused
    if _is_external(known.service):
        return Verdict(Health.NONE, f"Service {ref.key} stands for a name outside the cluster")
    if counted is None:
        return Verdict(Health.UNKNOWN, known.unread[1])
    if not counted.ready and ref.weight > 0:
        said = (
            f"none of the {counted.total} endpoints of Service {ref.key} is ready"
            if counted.total
            else f"Service {ref.key} has no endpoints"
        )
        return Verdict(Health.BAD, f"{said}: requests to it fail")
    return OK


def _by_host(ref: BackendRef, known: Around) -> Verdict:
    if known.entry:
        return Verdict(Health.OK, f"ServiceEntry {known.entry}")
    if known.unread[0]:
        return Verdict(Health.UNKNOWN, known.unread[0])
    return Verdict(Health.BAD, f"no Service and no ServiceEntry has the host {ref.name}")


def _no_service(ref: BackendRef, known: Around) -> Verdict:
    if known.entry:
        return Verdict(Health.OK, f"ServiceEntry {known.entry}")
    if known.unread[0]:
        return Verdict(Health.UNKNOWN, known.unread[0])
    return Verdict(Health.BAD, f"Service {ref.key} does not exist: requests to it fail")


def _is_external(service: Raw) -> bool:
    return text(service, "spec", "type") == "ExternalName"


def _port(ref: BackendRef, service: Raw) -> str:
    """What is wrong with the port that it names; "" where nothing is."""
    ports = entries(service, "spec", "ports")
    if not ref.port or not ports:
        return ""
    if isinstance(ref.port, int):
        has = [str(number(each, "port")) for each in ports]
    else:
        has = [text(each, "name") for each in ports]
    if str(ref.port) in has:
        return ""
    return f"Service {ref.key} has no port {ref.port} (it has {', '.join(has)})"


def _refused(spec: RouteSpec, ref: BackendRef, known: Around) -> Verdict | None:
    """A route of the Gateway API needs leave to send to another namespace (reference istio-ambient.md, 8.4)."""
    own = spec.ref.namespace
    if spec.ref.kind.group != GATEWAY_API or ref.namespace == own:
        return None
    origin = (GATEWAY_API, spec.ref.kind.title, own)
    if any(each.permits(origin, ("", "Service", ref.name)) for each in known.grants):
        return None
    if known.unread[2]:
        return Verdict(Health.UNKNOWN, known.unread[2])
    words = (
        f"no ReferenceGrant in {ref.namespace} lets {spec.ref.kind.title}s of {own} send to Service "
        f"{ref.name} there: requests to it fail"
    )
    return Verdict(Health.BAD, words)
