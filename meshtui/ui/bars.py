"""Bars: a share as eight cells of one colour, and what came in time as one cell for each part of it."""

from __future__ import annotations

from collections.abc import Sequence

from meshtui.ui.spans import Span, Tone

_EIGHTHS = " ▏▎▍▌▋▊▉"


def bar(share: float, tone: Tone = Tone.MUTED, width: int = 8) -> Span:
    """A share from 0 to 1. Something is never drawn as nothing, nor less than all as all."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    if 0 < share < 1:
        eighths = max(1, min(width * 8 - 1, eighths))
    full, rest = divmod(eighths, 8)
    return Span(("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width), tone)


_HEIGHTS = "▁▂▃▄▅▆▇█"


def sparkline(series: Sequence[float | None]) -> str:
    """A bar for each part of the time; "·" where nothing is known of it, "▁" where it was none."""
    most = max((each for each in series if each), default=0.0)
    return "".join(
        "·" if each is None else _HEIGHTS[round(each / most * 7) if most else 0] for each in series
    )
