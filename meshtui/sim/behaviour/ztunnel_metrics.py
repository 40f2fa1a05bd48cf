"""The `/metrics` of a ztunnel, in the families, words and order recorded (tests/data/recordings/shop)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from msgspec import Struct, field

Labels = tuple[tuple[str, str], ...]

_TRAFFIC = (
    ("opened", "connections_opened", "The total number of TCP connections opened."),
    ("closed", "connections_closed", "The total number of TCP connections closed."),
    (
        "received",
        "received_bytes",
        "The size of total bytes received during request in case of a TCP connection.",
    ),
    (
        "sent",
        "sent_bytes",
        "The size of total bytes sent during response in case of a TCP connection.",
    ),
    (
        "failed",
        "connections_failed",
        "The total number of TCP connections that failed to establish (unstable).",
    ),
)


class Traffic(Struct):
    """What has been counted of connections, by their labels."""

    opened: Counter[Labels] = field(default_factory=Counter)
    closed: Counter[Labels] = field(default_factory=Counter)
    received: Counter[Labels] = field(default_factory=Counter)
    """Bytes from client to server, whoever reports."""
    sent: Counter[Labels] = field(default_factory=Counter)
    failed: Counter[Labels] = field(default_factory=Counter)
    sockets: Counter[Labels] = field(default_factory=Counter)


class Proxies(Struct, frozen=True):
    """The proxies of the pods on the node."""

    active: int
    pending: int
    started: int
    stopped: int


def render(
    traffic: Traffic, proxies: Proxies, tag: str, xds_bytes: Mapping[str, int], uptime: float
) -> str:
    """The text, in OpenMetrics. A family that has no sample yet is left out."""
    lines = list(_process(proxies, uptime))
    lines += _family("istio_build", "Istio component build info.", "gauge")
    lines.append(f'istio_build{{component="ztunnel",tag="{tag}"}} 1')
    lines += _xds(xds_bytes)
    for part, name, text in _TRAFFIC:
        counted: Counter[Labels] = getattr(traffic, part)
        if counted:
            lines += _family(f"istio_tcp_{name}", text, "counter")
            lines += [_sample(f"istio_tcp_{name}_total", *each) for each in counted.items()]
    if traffic.sockets:
        text = "The current number of open TCP sockets (unstable)."
        lines += _family("istio_tcp_sockets_open", text, "gauge")
        lines += [_sample("istio_tcp_sockets_open", *each) for each in traffic.sockets.items()]
    lines += _manager(proxies)
    return "\n".join([*lines, "# EOF", ""])


def _process(proxies: Proxies, uptime: float) -> Iterator[str]:
    yield from _family("process_open_fds", "Number of open file descriptors", "gauge")
    yield f"process_open_fds {28 + 8 * proxies.active}"
    yield from _family("process_max_fds", "Maximum number of file descriptors", "gauge")
    yield "process_max_fds 20000"
    runtime = (
        ("num_workers", "the number of worker threads used by the runtime", 2),
        (
            "global_queue_depth",
            "the number of tasks currently scheduled in the runtime's global queue",
            0,
        ),
        ("num_alive_tasks", "the number of alive tasks in the runtime", 14 + 8 * proxies.active),
    )
    for name, text, value in runtime:
        yield from _family(f"tokio_{name}", text, "gauge")
        yield f"tokio_{name} {value}"
    per_worker = (
        (
            "total_busy_duration_seconds",
            "the amount of time worker threads have been busy",
            uptime / 5000,
        ),
        ("park_count", "the total number of times the given worker thread has parked", int(uptime)),
        (
            "park_unpark_count",
            "the total number of times the given worker thread has parked and unparked",
            int(uptime * 2),
        ),
    )
    for name, text, count in per_worker:
        yield from _family(f"tokio_worker_{name}", text, "counter")
        for worker in range(2):
            yield f'tokio_worker_{name}_total{{worker="{worker}"}} {count}'


def _xds(received: Mapping[str, int]) -> Iterator[str]:
    text = "Total number of {} received (unstable)."
    yield from _family("istio_xds_message", text.format("messages"), "counter")
    for url in received:
        yield f'istio_xds_message_total{{url="{url}"}} 1'
    name = "istio_xds_message_bytes"
    yield from _family(name, text.format("bytes"), "counter")
    yield f"# UNIT {name} bytes"
    for url, count in received.items():
        yield f'{name}_total{{url="{url}"}} {count}'


def _manager(proxies: Proxies) -> Iterator[str]:
    for state, count in (("active", proxies.active), ("pending", proxies.pending)):
        name = f"workload_manager_{state}_proxy_count"
        text = f"The total number current workloads with {state} proxies (unstable)."
        yield from _family(name, text, "gauge")
        yield f"{name} {count}"
    for did, count in (("started", proxies.started), ("stopped", proxies.stopped)):
        name = f"workload_manager_proxies_{did}"
        text = f"The total number of proxies that were {did} (unstable)."
        yield from _family(name, text, "counter")
        yield f"{name}_total {count}"


def _family(name: str, text: str, kind: str) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]


def _sample(name: str, labels: Labels, value: int) -> str:
    inside = ",".join(f'{key}="{text}"' for key, text in labels)
    return f"{name}{{{inside}}} {value}"
