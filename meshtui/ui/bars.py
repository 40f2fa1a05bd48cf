"""Bars, sparklines and horizons: numbers as lines of cells, each in one colour and never without the number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import groupby

from meshtui.ui.spans import Line, Span, Tone

_FULL, _HALF, _REST = "━", "╸", "─"


def bar(share: float, tone: Tone = Tone.MUTED, width: int = 8) -> Span:
    """A share from 0 to 1: "━━━━╸───". Something is never drawn as nothing, nor less than all as all."""
    halves = round(max(0.0, min(1.0, share)) * width * 2)
    if 0 < share < 1:
        halves = max(1, min(width * 2 - 1, halves))
    full, rest = divmod(halves, 2)
    return Span((_FULL * full + _HALF * rest).ljust(width, _REST), tone)


def coverage(share: float, missing: Tone, width: int = 8) -> Line:
    """A share of what should be whole: only what is missing of it stands out."""
    drawn, _ = bar(share, Tone.MUTED, width)
    full = drawn.rstrip(_REST)
    return tuple(
        Span(text, tone)
        for text, tone in ((full, Tone.MUTED), (drawn[len(full) :], missing))
        if text
    )


_LEVELS = "▁▂▃▄▅▆▇"
_UNKNOWN = "·"


def sparkline(series: Sequence[float | None], width: int, tone: Tone = Tone.MUTED) -> Line:
    """The last values of a series, one a cell, the latest on the right; on the left a dot for each that is not known.
    The levels are between the least and the most of those shown; what does not change runs in the middle, and nothing
    at the bottom."""
    shown = [*(None,) * (width - len(series)), *series[-width:]] if width > 0 else []
    known = [value for value in shown if value is not None]
    least, most = (min(known), max(known)) if known else (0, 0)
    cells = (
        Span(_UNKNOWN if value is None else _LEVELS[_level(value, least, most)], tone)
        for value in shown
    )
    return _joined(cells)


def _level(value: float, least: float, most: float) -> int:
    """From 0 to 6: a whole block would grow together with the line above."""
    if least == most:
        return 3 if value else 0
    return math.ceil((value - least) / (most - least) * 6)


_TICKS = (
    ("now", timedelta()),
    ("1h", timedelta(hours=1)),
    ("1d", timedelta(days=1)),
    ("7d", timedelta(days=7)),
    ("30d", timedelta(days=30)),
    ("1y", timedelta(days=365)),
    ("10y", timedelta(days=3650)),
)
"""Of a horizon, at equal distances; between two of them time runs evenly."""


def horizon(left: timedelta, width: int, tone: Tone = Tone.PLAIN) -> Line:
    """A moment on a line that runs from now to ten years from now; what is past stands at its beginning."""
    at = _place(left, width)
    before, after = _REST * at, _REST * (width - at - 1)
    return _joined((Span(before, Tone.MUTED), Span("●", tone), Span(after, Tone.MUTED)))


def axis(width: int) -> Line:
    """What stands over horizons of that width: as many of the ticks as there is room for."""
    said = ""
    for label, time in _TICKS:
        at = min(_place(time, width), width - len(label))
        if at >= len(said) + bool(said):
            said = said.ljust(at) + label
    return (Span(said.ljust(width), Tone.MUTED),)


def _place(left: timedelta, width: int) -> int:
    times = [time for _, time in _TICKS]
    if left <= times[0]:
        return 0
    if left >= times[-1]:
        return width - 1
    part = next(i for i, time in enumerate(times) if left < time)
    share = (left - times[part - 1]) / (times[part] - times[part - 1])
    return round((part - 1 + share) / (len(times) - 1) * (width - 1))


def _joined(cells: Iterable[Span]) -> Line:
    """Neighbours of one tone as one."""
    return tuple(
        Span("".join(text for text, _ in group), tone)
        for tone, group in groupby(cells, key=lambda span: span.tone)
    )
