"""Envoy: what the proxy of a waypoint or a gateway tells of itself on its admin port (15000): clusters and their
endpoints, listeners, certificates, and how it was started.

The forms are those of envoy.admin.v3 (envoyproxy.io, "Administration interface"), held to a real Envoy in the tests.
Keys are in snake_case, and what is zero or false is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, TypedDict

import msgspec
from msgspec import Struct

from meshtui.mesh.raw import Raw, dig, entries, moment, table, text
from meshtui.mesh.snapshot import Probe, Ref

ADMIN_PORT = 15000


class Endpoint(Struct, frozen=True):
    """One host of a cluster."""

    address: str
    """IP:port, a pipe, or the internal listener that it is."""
    why: str
    """Why it gets no requests; "" where it does."""


class Cluster(Struct, frozen=True):
    """Where an Envoy sends to."""

    name: str
    endpoints: tuple[Endpoint, ...]

    @property
    def unhealthy(self) -> tuple[Endpoint, ...]:
        return tuple(each for each in self.endpoints if each.why)

    @property
    def told(self) -> tuple[str, str]:
        """Host and port, of the names that istiod gives, "inbound-vip|8080|http|HOST"; of others the name."""
        parts = self.name.split("|")
        return (parts[-1], parts[1]) if len(parts) == 4 and parts[-1] else (self.name, "")


class Listener(Struct, frozen=True):
    name: str
    addresses: tuple[str, ...]
    """None of an internal one."""


class Certificate(Struct, frozen=True):
    """One that an Envoy uses, or trusts; it tells no more of it than this."""

    names: tuple[str, ...]
    """URIs and DNS names."""
    serial: str
    trusted: bool
    """It is one of those that others are verified by."""
    not_before: datetime | None
    not_after: datetime | None


class ServerInfo(Struct, frozen=True):
    version: str
    state: str
    """ "LIVE", "DRAINING", "PRE_INITIALIZING" or "INITIALIZING"."""
    level: str
    """The log level that it was started with, with those of single components."""
    istio: str
    """The version of Istio that its agent told it."""


def read_clusters(body: bytes) -> Sequence[Cluster]:
    """`/clusters?format=json`. Raises ValueError, as all of these do, where it is no JSON object."""
    return tuple(
        Cluster(
            text(each, "name"),
            tuple(
                Endpoint(_address(dig(host, "address")), _why(table(host, "health_status")))
                for host in entries(each, "host_statuses")
            ),
        )
        for each in entries(_decoded(body, _CLUSTERS), "cluster_statuses")
    )


def read_listeners(body: bytes) -> Sequence[Listener]:
    """`/listeners?format=json`."""
    return tuple(
        Listener(
            text(each, "name"),
            tuple(
                found
                for it in (dig(each, "local_address"), *entries(each, "additional_local_addresses"))
                if not dig(it, "envoy_internal_address") and (found := _address(it))
            ),
        )
        for each in entries(_decoded(body), "listener_statuses")
    )


def read_certificates(body: bytes) -> Sequence[Certificate]:
    """`/certs`, each one once: every TLS context lists its own. Days until the end are a number that is 0 for a whole
    day, so the end itself is read."""
    found = dict.fromkeys(
        _certificate(it, trusted=key == "ca_cert")
        for each in entries(_decoded(body), "certificates")
        for key in ("cert_chain", "ca_cert")
        for it in entries(each, key)
    )
    return tuple(found)


def read_server_info(body: bytes) -> ServerInfo:
    """`/server_info`."""
    it = _decoded(body)
    options = table(it, "command_line_options")
    own = (text(options, "log_level"), text(options, "component_log_level").replace(":", "="))
    parts = text(it, "version").split("/")
    return ServerInfo(
        version=parts[1] if len(parts) > 1 else text(it, "version"),
        state=text(it, "state"),
        level=", ".join(filter(None, own)),
        istio=text(it, "node", "metadata", "ISTIO_VERSION"),
    )


class _HostRaw(TypedDict, total=False):
    """A host of a cluster, without its counters, which are most of what is told."""

    address: Any
    health_status: Any


class _ClusterRaw(TypedDict, total=False):
    name: Any
    host_statuses: list[_HostRaw]


class _ClustersRaw(TypedDict, total=False):
    cluster_statuses: list[_ClusterRaw]


_ANYTHING = msgspec.json.Decoder[Any]()
_CLUSTERS = msgspec.json.Decoder[Any](_ClustersRaw)


def _decoded(body: bytes, named: msgspec.json.Decoder[Any] = _ANYTHING) -> Raw:
    """The answer as far as its decoder names what is in it, or all of it where that is odd."""
    try:
        try:
            found = named.decode(body)
        except msgspec.ValidationError:
            found = _ANYTHING.decode(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the answer is cut off or no JSON ({error})") from error
    if not isinstance(found, dict):
        raise ValueError("the answer is no JSON object")
    return found


def _address(it: object) -> str:
    if host := text(it, "socket_address", "address"):
        port = dig(it, "socket_address", "port_value")
        shown = f"[{host}]" if ":" in host else host
        return f"{shown}:{port}" if isinstance(port, int) else shown
    internal = text(it, "envoy_internal_address", "server_listener_name")
    endpoint = text(it, "envoy_internal_address", "endpoint_id")
    return " ".join(filter(None, (internal, endpoint))) or text(it, "pipe", "path")


_WORDS = {
    "failed_active_health_check": "fails its health check",
    "failed_outlier_check": "ejected: too many of its answers were errors",
    "active_hc_timeout": "its health check is not answered",
    "pending_active_hc": "its first health check is awaited",
    "excluded_via_immediate_hc_fail": "it says itself that it fails",
    "pending_dynamic_removal": "to be removed once it is healthy no more",
}
_EDS = {
    "UNHEALTHY": "istiod calls it unhealthy",
    "DRAINING": "istiod calls it draining",
    "TIMEOUT": "istiod calls it timed out",
}


def _why(status: Raw) -> str:
    told = [words for flag, words in _WORDS.items() if status.get(flag) is True]
    eds = _EDS.get(text(status, "eds_health_status"))
    return "; ".join([*told, *([eds] if eds else [])])


def _certificate(it: Raw, *, trusted: bool) -> Certificate:
    return Certificate(
        names=tuple(_names(it)),
        serial=text(it, "serial_number"),
        trusted=trusted,
        not_before=moment(it, "valid_from"),
        not_after=moment(it, "expiration_time"),
    )


def _names(it: Raw) -> Iterator[str]:
    for each in entries(it, "subject_alt_names"):
        if found := text(each, "uri") or text(each, "dns") or text(each, "ip_address"):
            yield found


class Probes(Struct, frozen=True):
    """What is asked of the Envoy in a pod."""

    clusters: Probe
    listeners: Probe
    certificates: Probe
    server: Probe

    @property
    def all(self) -> tuple[Probe, ...]:
        return (self.clusters, self.listeners, self.certificates, self.server)


def probes(pod: Ref) -> Probes:
    where = (pod.namespace, pod.name, ADMIN_PORT)
    return Probes(
        clusters=Probe(*where, "/clusters?format=json", read_clusters),
        listeners=Probe(*where, "/listeners?format=json", read_listeners),
        certificates=Probe(*where, "/certs", read_certificates),
        server=Probe(*where, "/server_info", read_server_info),
    )
