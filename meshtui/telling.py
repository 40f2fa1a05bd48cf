"""Telling: what is said to the person: a toast now, and kept longer to be read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from textual.app import App

from meshtui import journal
from meshtui.ui import times
from meshtui.ui.spans import Line, Span, Tone, plain

_TOAST = timedelta(seconds=4)
"""So long a toast stands there."""
_MOST_TOASTS = 5
"""While so many stand there, only what is loud is one more: hundreds would slow the screen down."""
_LONGEST_TOAST = 240
"""More characters would hide what one looks at."""


@dataclass(frozen=True, slots=True)
class Told:
    """Something that was said."""

    at: datetime
    text: str
    tone: Tone


class Telling:
    """Says it on the screen of an app."""

    def __init__(self, app: App[int], clock: Callable[[], datetime]) -> None:
        self._app = app
        self._clock = clock
        self.told: deque[Told] = deque(maxlen=500)

    def tell(self, text: str, tone: Tone = Tone.PLAIN) -> None:
        text = plain(text)  # it may name things of the cluster
        now = self._clock()
        crowded = len(self.told) >= _MOST_TOASTS and now - self.told[-_MOST_TOASTS].at < _TOAST
        self.told.append(Told(now, text, tone))
        journal.LOG.info(text)
        loud = tone in (Tone.WARN, Tone.BAD)
        if crowded and not loud:
            return
        shown = (
            text if len(text) <= _LONGEST_TOAST else f"{text[:_LONGEST_TOAST]}… (! for all of it)"
        )
        self._app.notify(
            shown,
            severity="warning" if loud else "information",
            timeout=_TOAST.total_seconds(),
            markup=False,
        )

    def lines(self) -> list[Line]:
        """All that was said, the newest first."""
        said: list[Line] = [
            (Span(f"{times.clock(told.at)}  ", Tone.MUTED), Span(told.text, told.tone))
            for told in reversed(self.told)
        ]
        return said or [(Span("None yet."),)]
