"""What is said of a Service's traffic: rates over the time that was watched, and how they went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshtui.mesh.health import Health
from meshtui.mesh.service_traffic import BUCKETS, WIDTH, Traffic
from meshtui.ui import times
from meshtui.ui.bars import sparkline
from meshtui.ui.detail import Fact
from meshtui.ui.spans import Cell, Line, Span, Tone, mark

_REASONS = {
    "DENY": "denied by a policy",
    "CONNECT": "refused, or not reached",
    "NETWORK_POLICY": "timed out, perhaps by a NetworkPolicy",
    "TLS_FAILURE": "TLS failed",
    "H2_HANDSHAKE_FAILURE": "the tunnel's handshake failed",
    "IDENTITY_ERROR": "without a certificate",
    "CERT_REVOKED": "certificate revoked",
}
"""By the flags of ztunnels (reference istio-ambient.md, 4.9)."""


def cells(it: Traffic) -> Sequence[Cell]:
    """Requests a second, the share of 5xx, and failed connections a second."""
    errors: Cell = Span("–", Tone.MUTED)
    if it.errors is not None:
        errors = Span(_share(it.errors), Tone.BAD if it.errors >= 0.01 else Tone.PLAIN)
    failing: Cell = Span("–" if it.uncounted else "?", Tone.MUTED)
    if it.failing is not None and not it.uncounted:
        failing = Span(_rate(it.failing), Tone.WARN if it.failing else Tone.PLAIN)
    requests: Cell = Span("–", Tone.MUTED) if it.requests is None else _rate(it.requests)
    return requests, errors, failing


def of(it: Traffic) -> Iterator[Fact]:
    """The same in words, with what is not known."""
    if it.uncounted:
        yield Fact("traffic", it.uncounted)
        return
    if it.requests is not None:
        share = "" if it.errors is None else f", {_share(it.errors)} of them 5xx"
        yield Fact("requests", _line(f"{_rate(it.requests)} a second{share}", it.requested))
    else:
        why = "not known: its waypoint was not read twice yet"
        yield Fact("requests", why if it.through else "not counted: no waypoint stands before it")
    if it.opened is not None and it.failing is not None:
        words = f"{_rate(it.opened)} a second begin, {_rate(it.failing)} fail"
        yield Fact("connects", _line(words, it.failed))
        for flag, rate in sorted(it.failures.items(), key=lambda each: -each[1]):
            yield Fact("", f"{_rate(rate)} {flag}: {_REASONS.get(flag, 'not known here')}")
    else:
        yield Fact("connects", "not known: no ztunnel was read twice yet")
    if it.watched:
        span = times.duration(BUCKETS * WIDTH)
        yield Fact("watched", f"{times.duration(it.watched)}; the bars are the last {span}")
    if it.unread:
        yield Fact("more", (mark(Health.UNKNOWN), Span(f" {it.unread}")))


def _line(words: str, series: Sequence[float | None]) -> Line:
    return (Span(f"{words}  "), *sparkline(series, len(series)))


def _rate(rate: float) -> str:
    """Two digits that count: "0.033", "1.2", "340"."""
    if rate >= 10 or not rate:
        return f"{rate:,.0f}"
    return f"{rate:.1f}" if rate >= 1 else f"{rate:.2g}"


def _share(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 or not share else f"{share:.1%}"
