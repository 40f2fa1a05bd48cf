"""Service counters: what proxies count of each Service: connections by ztunnels, requests by waypoints (reference
istio-ambient.md, 4.9; istio.io, "Istio Standard Metrics")."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from sys import intern
from typing import NamedTuple

from meshtui.mesh import rates
from meshtui.mesh.rates import Samples
from meshtui.mesh.snapshot import Probe

OPENED = "opened"
_METRICS_PORT = 15020


class Connections(NamedTuple):
    """Connections to a Service that a ztunnel counted."""

    namespace: str
    service: str
    flag: str
    """OPENED for all that began; else why they failed: "DENY", "CONNECT", "NETWORK_POLICY"."""
    reporter: str
    """ "source" or "destination": whose ztunnel it is."""
    plain: bool
    """In plain text."""


class Requests(NamedTuple):
    """Requests to a Service that its waypoint answered, or passed on."""

    namespace: str
    service: str
    code: str
    """Of the response: "200"; "0" where there was none."""


_VALUE = re.compile(rb'((?:[^"\\]|\\.)*)"')
_CONNECTIONS = re.compile(
    rb"istio_tcp_connections_(opened|failed|closed)_total\{(.*)\} ([0-9.eE+-]+)"
)
_REQUESTS = re.compile(rb"istio_requests_total\{(.*)\} ([0-9.eE+-]+)")


def samples(
    body: bytes, pattern: re.Pattern[bytes], *beginnings: bytes
) -> Iterator[tuple[bytes, ...]]:
    """The groups of a pattern, of each line that it fits, of those that begin so: other lines are a thousand characters
    long, and a pattern that looks for its line by itself tries each of them."""
    for line in body.split(b"\n"):
        if line.startswith(beginnings) and (found := pattern.match(line)):
            yield found.groups(b"")


def read_connections(body: bytes) -> Mapping[Connections, int]:
    """From a ztunnel's `/metrics`. A connection that failed counts as closed too, with its flag, and before Istio 1.29
    as that alone: the larger of both is how many there were."""
    families: dict[bytes, Counter[Connections]] = {}
    for family, written, value in samples(body, _CONNECTIONS, b"istio_tcp_connections_"):
        if b'destination_service_name="unknown"' in written:
            continue
        if family != b"opened" and b'response_flags="-"' in written:
            continue
        told, count = Labels(written), _whole(value)
        service = told.get("destination_service_name", "unknown")
        flag = OPENED if family == b"opened" else told.get("response_flags", "-")
        if service == "unknown" or flag == "-" or not count:
            continue
        key = Connections(
            told.get("destination_service_namespace"),
            service,
            flag,
            told.get("reporter"),
            told.get("connection_security_policy") == "unknown",
        )
        families.setdefault(family, Counter())[key] += count
    found: Counter[Connections] = Counter()
    for counted in families.values():
        found |= counted
    return dict(found)


def read_requests(body: bytes) -> Mapping[Requests, int]:
    """From the `/stats/prometheus` of a waypoint; what it counts as anything else is left out."""
    found: Counter[Requests] = Counter()
    for written, value in samples(body, _REQUESTS, b"istio_requests_total"):
        told, count = Labels(written), _whole(value)
        if told.get("reporter") != "waypoint" or not count:
            continue
        key = Requests(
            told.get("destination_service_namespace"),
            told.get("destination_service_name"),
            told.get("response_code"),
        )
        found[key] += count
    return dict(found)


class Labels:
    """The labels of a sample, by what stands in its braces. There are twenty, of which four are asked for."""

    def __init__(self, written: bytes) -> None:
        self._written = b"," + written

    def get(self, name: str, default: str = "") -> str:
        """There is one copy of each value: 300 ztunnels count connections to the same Services, again and again."""
        # no value has that in it: there a quote has a backslash before it
        begin = f',{name}="'.encode()
        at = self._written.find(begin)
        found = _VALUE.match(self._written, at + len(begin)) if at >= 0 else None
        return intern(found[1].decode("utf-8", "replace")) if found else default


def _whole(value: bytes) -> int:
    try:
        return int(float(value))
    except (ValueError, OverflowError):
        return 0


def requests_probe(namespace: str, pod: str) -> Probe:
    """What a waypoint counts: `Mapping[Requests, int]`, of which readings are kept."""
    return Probe(
        namespace, pod, _METRICS_PORT, "/stats/prometheus", read_requests, keep=_kept_requests
    )


def _kept_requests(
    before: Samples[Requests] | None, value: Mapping[Requests, int], now: datetime
) -> Samples[Requests]:
    return rates.kept(before, value, now)
