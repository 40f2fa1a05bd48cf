"""Metrics: what a ztunnel counts, from its `/metrics` (port 15020), which is cheap where a dump is not.

OpenMetrics text. A counter that never rose is not printed at all, so an absent one is 0; only an absent gauge is
unknown (reference istio-ambient.md, 4.9).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct, field

from meshtui.mesh import rates, service_counters
from meshtui.mesh.health import OK, Health, Verdict
from meshtui.mesh.rates import Samples
from meshtui.mesh.service_counters import Connections

CONNECTION_ERROR = "ConnectionError"


class Failure(NamedTuple):
    """Connections that failed: why, who counted them, and who called whom, by namespace and workload; "unknown" where
    the ztunnel cannot tell."""

    flag: str
    """ "DENY", "NETWORK_POLICY" or "CERT_REVOKED"; what all else is counted as tells too little."""
    reporter: str
    """ "source" or "destination"."""
    plain: bool
    """In plain text."""
    source_namespace: str
    source: str
    namespace: str
    workload: str


class Dns(NamedTuple):
    """Names that a ztunnel asked others for since it started: how often, how often in vain, and how often for longer
    than a second."""

    asked: int = 0
    failed: int = 0
    slow: int = 0


class Metrics(Struct, frozen=True):
    """What is read of a ztunnel's metrics."""

    active: int | None = None
    """Pods that it proxies; None where it does not say."""
    pending: int | None = None
    """Pods that it should proxy and does not yet."""
    terminations: Mapping[str, int] = field(default_factory=dict)
    """Connections to istiod that ended since it started, by reason. "Reconnect" is the normal recycling, and also the
    first one when istiod goes away."""
    messages: int = 0
    """Messages received from istiod since it started."""
    version: str = ""
    """Such as "1.31.0"; "unknown" in a build of one's own."""
    open_files: int | None = None
    """File descriptors that it holds open, and how many it may; None where it does not say."""
    most_files: int | None = None
    dns: Dns = field(default_factory=Dns)
    failures: Mapping[Failure, int] = field(default_factory=dict)
    """How many since it started."""
    connections: Mapping[Connections, int] = field(default_factory=dict)
    """To each Service, since it started."""


_LINE = re.compile(
    rb"(workload_manager_active_proxy_count|workload_manager_pending_proxy_count"
    rb"|istio_xds_connection_terminations_total|istio_xds_message_total|istio_build"
    rb"|process_open_fds|process_max_fds)"
    rb"(?:\{([^}]*)\})? ([0-9.eE+-]+)"
)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def read_metrics(body: bytes) -> Metrics:
    """The body of `/metrics`. Raises ValueError where there is nothing of a ztunnel in it."""
    active: int | None = None
    pending: int | None = None
    terminations: dict[str, int] = {}
    messages, version, found = 0, "", False
    files: dict[str, int] = {}
    for name, labels, value in _samples(body):
        if name in ("process_open_fds", "process_max_fds"):
            files[name] = value
            continue
        found = True
        if name == "workload_manager_active_proxy_count":
            active = value
        elif name == "workload_manager_pending_proxy_count":
            pending = value
        elif name == "istio_xds_connection_terminations_total":
            terminations[labels.get("reason", "")] = value
        elif name == "istio_xds_message_total":
            messages += value
        elif labels.get("component") == "ztunnel":
            version = labels.get("tag", "")
    if not found:
        raise ValueError("no metrics of a ztunnel in the answer")
    return Metrics(
        active,
        pending,
        terminations,
        messages,
        version,
        files.get("process_open_fds"),
        files.get("process_max_fds"),
        _dns(body),
        _failures(body),
        service_counters.read_connections(body),
    )


def kept(
    before: Samples[Connections] | None, value: Metrics, now: datetime
) -> Samples[Connections]:
    """The readings of connections to Services, as a probe's `keep` has it."""
    return rates.kept(before, value.connections, now)


def _samples(body: bytes) -> Iterator[tuple[str, Mapping[str, str], int]]:
    found = service_counters.samples(
        body, _LINE, b"workload_manager_", b"istio_xds_", b"istio_build", b"process_"
    )
    for name, labels, value in found:
        count = _whole(value)
        if count is None:
            continue
        pairs = dict(_LABEL.findall(labels.decode("utf-8", "replace")))
        yield name.decode(), pairs, count


def _whole(value: bytes) -> int | None:
    try:
        return int(float(value))
    except (ValueError, OverflowError):
        return None


_DNS = re.compile(
    rb"istio_dns_upstream_(requests_total|failures_total|request_duration_seconds_bucket"
    rb"|request_duration_seconds_count)\{([^}]*)\} ([0-9.eE+-]+)"
)


def _dns(body: bytes) -> Dns:
    times: Counter[str] = Counter()
    for name, labels, value in service_counters.samples(body, _DNS, b"istio_dns_upstream_"):
        if not name.endswith(b"bucket") or b'le="1.0"' in labels:
            times[name.decode()] += _whole(value) or 0
    within, whole = "request_duration_seconds_bucket", "request_duration_seconds_count"
    return Dns(times["requests_total"], times["failures_total"], times[whole] - times[within])


_FAILED = re.compile(rb"istio_tcp_connections_(?:failed|closed)_total\{([^}]*)\} ([0-9.eE+-]+)")
"""Failed ones are counted by themselves since Istio 1.29, before that among the closed ones."""
_FLAGS = (
    b'response_flags="DENY"',
    b'response_flags="NETWORK_POLICY"',
    b'response_flags="CERT_REVOKED"',
)


def _failures(body: bytes) -> Mapping[Failure, int]:
    found: dict[Failure, int] = {}
    for written, value in service_counters.samples(
        body, _FAILED, b"istio_tcp_connections_failed", b"istio_tcp_connections_closed"
    ):
        if not any(flag in written for flag in _FLAGS):
            continue
        labels = service_counters.Labels(written)
        failure = Failure(
            labels.get("response_flags"),
            labels.get("reporter"),
            labels.get("connection_security_policy") == "unknown",
            labels.get("source_workload_namespace"),
            labels.get("source_workload"),
            labels.get("destination_workload_namespace"),
            labels.get("destination_workload"),
        )
        if count := _whole(value):
            found[failure] = max(count, found.get(failure, 0))
    return found


def connected(now: Metrics, before: Metrics | None) -> Verdict:
    """Whether the ztunnel has its connection to istiod. There is no gauge of it: it is told by how the failures rise
    between two readings, so one reading alone tells only of a ztunnel that never had a failure."""
    if not now.messages:
        return Verdict(Health.BAD, "it has received nothing from istiod since it started")
    failures = now.terminations.get(CONNECTION_ERROR, 0)
    if not failures:
        return Verdict(Health.OK, "no attempt to reach istiod has failed since it started")
    if before is None:
        return Verdict(
            Health.UNKNOWN,
            f"{_attempts(failures)} to reach istiod failed since it started; whether more do, a second reading tells",
        )
    risen = failures - before.terminations.get(CONNECTION_ERROR, 0)
    if risen < 0:
        return Verdict(Health.UNKNOWN, "it was restarted between two readings")
    if risen:
        return Verdict(
            Health.BAD,
            f"{_attempts(risen)} to reach istiod failed since the last reading: what it knows is frozen",
        )
    return OK


def _attempts(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count:,} attempts"
