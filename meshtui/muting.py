"""Muting: asks how long and why a finding is muted, and keeps it between runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace
from textual.app import App

from meshtui.kube import background
from meshtui.mesh.snapshot import Snapshot
from meshtui.mutes import Mutes
from meshtui.ui.mute import AskMute, MuteAsked
from meshtui.ui.spans import Tone


class Muting:
    """The mutes of all contexts, and the way to a new one."""

    def __init__(
        self,
        app: App[int],
        path: Path | None,
        clock: Callable[[], datetime],
        tell: Callable[[str, Tone], None],
    ) -> None:
        """`path` is where they are kept; None keeps them no longer than the program runs."""
        self._app = app
        self._mutes = Mutes(path)
        self._clock = clock
        self._tell = tell
        self._saving = asyncio.Lock()

    def over(self, snapshot: Snapshot, context: str) -> Snapshot:
        """A snapshot with what is muted in its context."""
        muted = self._mutes.of(context)
        return snapshot if snapshot.muted == muted else replace(snapshot, muted=muted)

    async def load(self) -> None:
        try:
            await background.start(self._mutes.load)
        except OSError as error:
            self._tell(f"What is muted cannot be read: {error.strerror}.", Tone.WARN)

    async def ask(self, asked: MuteAsked, context: str) -> bool:
        """Mutes a finding, or mutes it no longer; whether that was done."""
        if asked.muted:
            self._mutes.remove(context, asked.finding)
            self._tell(f"{asked.title} is muted no longer.", Tone.PLAIN)
        else:
            mute = await self._app.push_screen_wait(AskMute(asked, self._clock))
            if mute is None:
                return False
            self._mutes.add(context, mute)
            self._tell(f"{asked.title} is muted {mute.told}.", Tone.PLAIN)
        return True

    async def save(self, context: str) -> None:
        async with self._saving:
            try:
                await background.start(self._mutes.save, context, self._clock())
            except OSError as error:
                self._tell(f"What is muted cannot be kept: {error.strerror}.", Tone.WARN)
