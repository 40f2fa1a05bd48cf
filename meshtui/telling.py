"""Telling: what is said to the person: a toast now, and kept longer to be read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct
from textual.app import App
from textual.screen import ModalScreen

from meshtui import journal
from meshtui.ui import times
from meshtui.ui.spans import Line, Span, Tone, plain

_TOAST = timedelta(seconds=4)
"""So long a toast stands there."""
_MOST_TOASTS = 5
"""While so many stand there, only what is loud is one more: hundreds would slow the screen down."""
_LOUD = (Tone.WARN, Tone.BAD)
_LONGEST_TOAST = 240
"""More characters would hide what one looks at."""


class Told(Struct, frozen=True):
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
        self._held: deque[Told] = deque(maxlen=_MOST_TOASTS)
        """Said under a dialog, where no toast is seen."""

    def tell(self, text: str, tone: Tone = Tone.PLAIN) -> None:
        text = plain(text)  # it may name things of the cluster
        now = self._clock()
        crowded = len(self.told) >= _MOST_TOASTS and now - self.told[-_MOST_TOASTS].at < _TOAST
        self.told.append(Told(now, text, tone))
        journal.LOG.info(text)
        if isinstance(self._app.screen, ModalScreen):
            self._held.append(self.told[-1])
        elif not crowded or tone in _LOUD:
            self._toast(text, tone)

    def release(self) -> None:
        """A dialog is gone: what was said under it is seen now, unless another one covers it."""
        while self._held and not isinstance(self._app.screen, ModalScreen):
            told = self._held.popleft()
            self._toast(told.text, told.tone)

    def _toast(self, text: str, tone: Tone) -> None:
        shown = (
            text if len(text) <= _LONGEST_TOAST else f"{text[:_LONGEST_TOAST]}… (! for all of it)"
        )
        self._app.notify(
            shown,
            severity="warning" if tone in _LOUD else "information",
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
