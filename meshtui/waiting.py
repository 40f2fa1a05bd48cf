"""Waiting: says for how long a server has not answered to a change, where nothing else on the screen tells of it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from msgspec.structs import replace
from textual.app import App
from textual.timer import Timer

from meshtui.ui.main import Main
from meshtui.ui.spans import Tone

T = TypeVar("T")

_LONG = 3
"""Seconds after which it is said what is waited for too: by then somebody looks for it."""


class Waiting:
    """For one answer at a time; the header counts the seconds."""

    def __init__(self, app: App[int], main: Main, tell: Callable[[str, Tone], None]) -> None:
        self._app = app
        self._main = main
        self._tell = tell
        self._what = ""
        self._since = 0.0
        self._told = False
        self._timer: Timer | None = None

    @contextmanager
    def answer_to(self, what: str) -> Iterator[None]:
        """`what` was sent, or is asked for, while the block runs."""
        self._what = what
        self._begin()
        try:
            yield
        finally:
            self._end()

    def pausing(self, ask: Callable[[T], Awaitable[bool]]) -> Callable[[T], Awaitable[bool]]:
        """The same question, while which a person is waited for, and not the server."""

        async def asked(about: T) -> bool:
            self._end()
            agreed = await ask(about)
            self._begin()
            return agreed

        return asked

    def _begin(self) -> None:
        self._since, self._told = time.monotonic(), False
        self._timer = self._app.set_interval(1, self._tick)

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
            self._main.place = replace(self._main.place, under_way="")

    def _tick(self) -> None:
        seconds = round(time.monotonic() - self._since)
        if seconds >= _LONG and not self._told:
            self._told = True
            self._tell(f"{self._what}: the server has not answered yet.", Tone.WARN)
        said = f"waiting for the server, {seconds} s"
        self._main.place = replace(self._main.place, under_way=said)
