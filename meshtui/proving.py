"""Proving: the evidence of a change is followed, on the screen or left to itself, until it is complete or late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum

from textual.app import App

from meshtui.mesh import verification
from meshtui.mesh.changes import Change
from meshtui.mesh.snapshot import Probe, Snapshot
from meshtui.mesh.verification import Progress, State, Verification
from meshtui.ui.main import Main
from meshtui.ui.pane import Pane
from meshtui.ui.spans import Tone
from meshtui.ui.verify import Leaving, Verify

_AGAIN = timedelta(seconds=3)
"""So long after an answer a ztunnel is asked again."""


class End(Enum):
    """How the following of evidence ended."""

    VERIFIED = "verified"
    VERIFIED_UNSEEN = "verified, while nobody looked at the dialog"
    NOT_VERIFIED = "not verified in time"
    UNDO = "somebody asked to take the change back"


class Proving:
    """One verification at a time, in the cluster that is looked at now."""

    def __init__(
        self,
        app: App[int],
        main: Main,
        clock: Callable[[], datetime],
        tell: Callable[[str, Tone], None],
    ) -> None:
        self._app = app
        self._main = main
        self._clock = clock
        self._tell = tell
        self._snapshot: Snapshot | None = None
        self._following: Verification | None = None
        self._leaving: Leaving | None = None
        self._resting = False
        """The dumps are not wanted for a moment, so that they are read again sooner than those on screen."""
        self._news = asyncio.Event()

    @property
    def snapshot(self) -> Snapshot | None:
        return self._snapshot

    @snapshot.setter
    def snapshot(self, snapshot: Snapshot | None) -> None:
        self._snapshot = snapshot
        self._news.set()

    @property
    def active(self) -> bool:
        """Whether evidence is followed now."""
        return self._following is not None

    @property
    def probes(self) -> tuple[Probe, ...]:
        """What is asked while the evidence is followed."""
        if self._following is None or self._snapshot is None or self._resting:
            return ()
        return verification.probes(self._following, self._snapshot)

    def leave(self, leaving: Leaving | None) -> None:
        """Leaves the dialog; `:` leaves it as esc does, without a reason."""
        self._leaving = leaving or Leaving.AWAY
        self._news.set()

    async def prove(
        self, change: Change, before: Snapshot, place: str = "", *, undoable: bool = True
    ) -> End:
        """Follows what a change has done since a snapshot; returns when that is over and the dialog was left. `place`
        says which of several it is: "2 of 5", and then the dialog does not stay once it is verified."""
        following = verification.begin(change, before, self._clock())
        if following is None:
            return End.VERIFIED
        self._following, self._leaving = following, None
        screen = Verify(following, place, undoable=undoable)
        self._app.push_screen(screen, self.leave)
        try:
            progress = await self._followed(following, screen)
            unseen = self._leaves is Leaving.AWAY
            done = progress.state is State.DONE
            if place and done and screen.is_current:
                screen.dismiss(Leaving.AWAY)
            while self._leaves is None:
                await self._news.wait()
                self._news.clear()
        finally:
            self._following = None
            self._main.place = replace(self._main.place, under_way="")
        if self._leaves is Leaving.UNDO:
            return End.UNDO
        if not done:
            return End.NOT_VERIFIED
        return End.VERIFIED_UNSEEN if unseen else End.VERIFIED

    async def _followed(self, following: Verification, screen: Verify) -> Progress:
        """The progress when nothing more is to be expected, or the change is to be undone."""
        asked = following.started
        while True:
            now, snapshot = self._clock(), self._snapshot
            assert snapshot is not None  # another cluster ends what is under way
            progress = verification.progress(following, snapshot, now)
            screen.show(progress, now)
            if self._leaves is Leaving.UNDO or self._over(following, progress):
                return progress
            if self._leaves is Leaving.AWAY:
                said = f"{following.change.target.name}: {progress.text}"
                self._main.place = replace(self._main.place, under_way=said)
            answers = [snapshot.answers.get(probe) for probe in self.probes]
            came = all(each and (each.problem or (each.at and each.at > asked)) for each in answers)
            if self._resting or (came and now - asked > _AGAIN):
                self._resting, asked = not self._resting, now
            self._main.front.post_message(Pane.Looked())  # what is wanted may have changed
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._news.wait()
            self._news.clear()

    def _over(self, following: Verification, progress: Progress) -> bool:
        """Whether nothing more is to be expected; that is then told."""
        title = following.change.title
        match progress.state:
            case State.DONE:
                self._tell(f"{title}: verified: {progress.text}", Tone.OK)
            case State.TIMED_OUT:
                words = f"{title}: not verified in time: {progress.text}. {progress.remedy}"
                self._tell(f"{words.rstrip()} :undo takes it back.", Tone.BAD)
            case _:
                return False
        return True

    @property
    def _leaves(self) -> Leaving | None:
        """Why the dialog was left; None where it was not. Read anew after each wait."""
        return self._leaving
