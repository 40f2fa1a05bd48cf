"""Denial rows: all refusals of one source by one destination for one reason, and what was not heard meanwhile. How long
ago something was is no part of a row: the minutes and the rate are of a moment, which is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct, field

from meshtui.mesh.access.reasons import Reason
from meshtui.mesh.health import Verdict
from meshtui.mesh.snapshot import Ref

MINUTES = 60
"""How far back a row tells each minute."""
_RATED = 5
"""Minutes over which the rate is taken."""

_BARS = "▁▂▃▄▅▆▇█"
_UNKNOWN_BAR = "?"

Dark = Mapping[str, Sequence[tuple[int, int]]]
"""By proxy, "namespace/name", the spans of minutes (`minute`, both ends included) in which it was not heard all the
time."""


class Gap(Struct, frozen=True):
    """A proxy was not heard. What it wrote then may have come later, or never."""

    proxy: str
    since: datetime
    until: datetime | None
    """None while it lasts."""
    why: str


class Sample(Struct, frozen=True):
    """One refusal as it was written."""

    at: datetime
    lines: tuple[tuple[str, str], ...]
    """The proxy, "namespace/name", and its line as it stands in its log: of the side that knows the reason first, then
    of the other one, where that came."""


class Row(Struct, frozen=True):
    """All refusals of one source by one destination for one reason."""

    key: str
    verdict: Verdict
    ref: Ref | None
    """The pod that refused last, or was not reached; None where the lines do not name it."""
    caller: Ref | None
    """The pod that called last; None where the lines do not name it."""
    source: str
    """ "namespace/workload", or the address where the line tells no more."""
    destination: str
    """ "namespace/workload", or the host name, behind a waypoint."""
    service: str
    """The host name of the Service that was called; "" where none was, or the lines do not tell."""
    port: str
    reason: Reason
    identities: tuple[str, ...]
    """Of the source; empty where it came in plain text, or the lines do not tell."""
    policies: tuple[str, ...]
    """ "namespace/name" of those that the lines name."""
    proxies: tuple[str, ...]
    """ "namespace/name" of those whose lines give the reason."""
    via: str
    """The waypoint's pod, where it was on the way to one; "" elsewhere."""
    said: str
    """The proxy's own words, the last."""
    count: int
    first: datetime
    last: datetime
    samples: tuple[Sample, ...] = ()
    """The last ones, the newest first."""
    minutes: Mapping[int, int] = field(default_factory=dict)
    """By `minute` how many, at least of the last hour."""


def minute(at: datetime) -> int:
    """Minutes since 1970."""
    return int(at.timestamp() // 60)


def series(row: Row, dark: Dark, now: datetime) -> tuple[int | None, ...]:
    """Of each of the last 60 minutes, oldest first, how many; None where that is not known: a minute with none is only
    known as such where every proxy that tells of it was heard."""
    newest = minute(now)
    spans = [span for proxy in row.proxies for span in dark.get(proxy, ())]

    def of(one: int) -> int | None:
        count = row.minutes.get(one)
        if count is None and not any(begin <= one <= end for begin, end in spans):
            return 0
        return count

    return tuple(of(one) for one in range(newest - MINUTES + 1, newest + 1))


def rate(row: Row, dark: Dark, now: datetime) -> float:
    """A minute, over those of the last five that are known; 0 where none is."""
    known = [each for each in series(row, dark, now)[-_RATED:] if each is not None]
    return sum(known) / len(known) if known else 0.0


def sparkline(minutes: Sequence[int | None]) -> str:
    """A bar for each minute; "?" where it is not known, " " for none."""
    most = max((each for each in minutes if each), default=0)
    return "".join(
        _UNKNOWN_BAR if each is None else _BARS[(each * 8 - 1) // most] if each else " "
        for each in minutes
    )
