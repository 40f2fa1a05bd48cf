"""Log lines as they are drawn: which of them stand, in columns or as they came, with what time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from msgspec import Struct, field

from meshtui.mesh.access import reading
from meshtui.mesh.access.lines import AccessLine, Direction, End, Unreadable
from meshtui.mesh.logs import LogLine
from meshtui.ui import times
from meshtui.ui.columns import shorten
from meshtui.ui.spans import Line, Span, Tone


class Stamps(Enum):
    """What time stands before each line."""

    NONE = ""
    UTC = "UTC"
    LOCAL = "local"

    @property
    def next(self) -> Stamps:
        return {Stamps.NONE: Stamps.UTC, Stamps.UTC: Stamps.LOCAL}.get(self, Stamps.NONE)

    def zone(self, now: datetime) -> str:
        """The name of the zone: "UTC", "CET (local)"; "" where no time stands there."""
        return f"{now.astimezone():%Z} (local)" if self is Stamps.LOCAL else self.value

    def clock(self, at: datetime | None) -> str:
        if self is Stamps.LOCAL and at is not None:
            return f"{at.astimezone():%H:%M:%S}"
        return times.clock(at)


class Look(Struct, frozen=True):
    """How lines are drawn."""

    stamps: Stamps = Stamps.NONE
    columns: bool = True
    """Access lines are taken apart; else all lines stand as they came."""


class Sifted(NamedTuple):
    """A line that stands."""

    line: LogLine
    found: bool = False
    """It is one of those that are looked for."""
    left_out: int = 0
    """So many before it do not stand."""


class Sieve(Struct):
    """Which lines stand, of those that it is given in their order."""

    finds: Callable[[str], bool] | None = None
    """What is looked for; None for nothing."""
    only: bool = False
    """Others do not stand, but for so many `around` each that was found."""
    around: int = 0
    _before: deque[LogLine] = field(default_factory=deque)
    _after: int = 0
    _left_out: int = 0

    def sift(self, line: LogLine) -> Iterator[Sifted]:
        """The line and those before it that stand now. What this program says itself always does."""
        found = self.finds is not None and not line.notice and self.finds(line.text)
        if self.finds is None or not self.only or found or line.notice or self._after:
            self._after = self.around if found else max(0, self._after - 1)
            for each in (*self._before, line):
                yield Sifted(each, found and each is line, self._left_out)
                self._left_out = 0
            self._before.clear()
            return
        self._before.append(line)
        if len(self._before) > self.around:
            self._before.popleft()
            self._left_out += 1


def drawn(sifted: Sifted, look: Look) -> Line:
    """One line."""
    line = sifted.line
    spans: list[Span] = []
    if sifted.left_out:
        spans.append(Span(f"⋯{sifted.left_out:,} ", Tone.MUTED))
    if look.stamps is not Stamps.NONE:
        spans.append(Span(f"{look.stamps.clock(line.at)} ", Tone.MUTED))
    if line.pod:
        spans.append(Span(f"{shorten(line.pod.rpartition('/')[2], _POD):<{_POD}} ", Tone.ACCENT))
    if line.notice:
        return (*spans, Span(f"── {line.text}", Tone.ACCENT))
    access = _access(line.text) if look.columns else None
    if access is None:
        return (*spans, Span(line.text, _tone(line.text)))
    if look.stamps is Stamps.NONE:  # the line's own, which other lines have within
        spans.append(Span(f"{times.clock(access.at)}Z ", Tone.MUTED))
    return (*spans, *_columns(access))


_POD = 20
_SOURCE = 34
_DESTINATION = 40
_IDENTITY = 18


def _access(text: str) -> AccessLine | None:
    if len(text) > reading.LONGEST:
        return None
    try:
        return reading.read(text)
    except Unreadable:
        return None


_WAYS = {Direction.INBOUND: "in ", Direction.OUTBOUND: "out", Direction.BETWEEN: "via"}


def _columns(access: AccessLine) -> Line:
    """Mark, side, who called whom and as whom, how long it took, and what came of it."""
    code = access.response.status if access.response else 0
    bad = bool(access.error) or code >= 500
    mark = Span("✗ ", Tone.BAD) if bad else Span("✓ ", Tone.OK)
    port = f":{access.port}" if access.port else ""
    to = _who(access.destination)
    if access.through or access.response is not None:
        to = access.service or access.asked.rpartition(":")[0] or to
    ended = " ".join(filter(None, (str(code or ""), *_flags(access), access.error)))
    return (
        mark,
        Span(f"{_WAYS[access.direction]} ", Tone.MUTED),
        Span(f"{shorten(_who(access.source), _SOURCE):<{_SOURCE}} → "),
        Span(f"{shorten(to, _DESTINATION - len(port))}{port}".ljust(_DESTINATION)),
        Span(f" {shorten(_as(access), _IDENTITY):<{_IDENTITY}} ", Tone.MUTED),
        Span(f"{_took(access):>7}  "),
        Span(f"{ended}  " if ended else "", Tone.BAD if bad else Tone.PLAIN),
        *(() if bad else (Span(f"{_size(access.sent)}↑ {_size(access.received)}↓"),)),
    )


def _who(end: End) -> str:
    named = "/".join(filter(None, (end.namespace, end.workload)))
    return named if end.workload else end.ip


def _as(access: AccessLine) -> str:
    """As whom the source called: the service account; an Envoy does not tell."""
    identity = access.source.identity
    if identity:
        return f"as {identity.rpartition('/')[2]}"
    return "" if access.response is not None else "plain text"


def _flags(access: AccessLine) -> tuple[str, ...]:
    return access.response.flags if access.response else ()


def _took(access: AccessLine) -> str:
    if access.duration is None:
        return "–"
    seconds = access.duration.total_seconds()
    return f"{seconds * 1000:.0f}ms" if seconds < 10 else times.duration(access.duration)


def _size(count: int | None) -> str:
    if count is None:
        return "–"
    for unit, size in (("G", 2**30), ("M", 2**20), ("k", 2**10)):
        if count >= size:
            return f"{count / size:.1f}{unit}"
    return str(count)


def _tone(text: str) -> Tone:
    """The tone of a log line by the level it names, within its first words."""
    head = text[:60].lower()
    if "error" in head or "fatal" in head:
        return Tone.BAD
    return Tone.WARN if "warn" in head else Tone.PLAIN
