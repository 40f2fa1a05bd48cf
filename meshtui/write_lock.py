"""The write lock: whether anything may be changed from here, and why not; `:write` opens it for a while."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace
from textual.app import App
from textual.timer import Timer

from meshtui import production
from meshtui.settings import Settings
from meshtui.ui.commands import Command
from meshtui.ui.main import Main
from meshtui.ui.spans import Tone

WRITES = timedelta(minutes=15)
"""So long `:write` allows changes."""


class WriteLock:
    """The lock of the cluster that is looked at now. How it stands is told to the panes through `Main.place`."""

    def __init__(
        self,
        app: App[int],
        main: Main,
        settings: Settings,
        clock: Callable[[], datetime],
        tell: Callable[[str, Tone], None],
    ) -> None:
        self._app = app
        self._main = main
        self._settings = settings
        self._clock = clock
        self._tell = tell
        self._context = ""
        self._timer: Timer | None = None

    def commands(self) -> list[Command]:
        return [
            Command(("write",), "allow changes for 15 minutes", lambda _: self.open()),
            Command(("readonly",), "allow no changes", lambda _: self.close()),
        ]

    def begin(self, context: str) -> None:
        """Another cluster is looked at: the lock is as the settings and its name say."""
        self._context = context
        self._reset()

    @property
    def read_only(self) -> str:
        """Why nothing may be changed now; "" where it may."""
        place = self._main.place
        if place.unlocked is not None and self._clock() >= place.unlocked:
            return self._default
        return place.read_only

    def open(self) -> None:
        """Allows changes for a while."""
        if not self._default:
            self._reset()
            self._tell("Changes are allowed here; :readonly forbids them.", Tone.PLAIN)
        elif self._settings.read_only or self._settings.complaints:
            self._tell(f"It stays read-only: {self._default}.", Tone.WARN)
        else:
            self._reset()
            until = self._clock() + WRITES
            self._main.place = replace(self._main.place, read_only="", unlocked=until)
            self._timer = self._app.set_timer(WRITES.total_seconds(), self._expired)
            self._tell(f"Changes are allowed in {self._context} for 15 minutes.", Tone.WARN)

    def close(self) -> None:
        """Forbids changes until `:write`."""
        self._reset()
        why = self._default or ":readonly was given"
        self._main.place = replace(self._main.place, read_only=why)
        self._tell("Nothing is changed from here now; :write allows it again.", Tone.PLAIN)

    @property
    def _default(self) -> str:
        return production.read_only(self._settings, self._context)

    def _expired(self) -> None:
        self._reset()
        self._tell("The 15 minutes are over: read-only again.", Tone.WARN)

    def _reset(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._main.place = replace(self._main.place, read_only=self._default, unlocked=None)
