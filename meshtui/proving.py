"""Proving: the evidence of a change is followed, on the screen or left to itself, until it is complete or late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from enum import Enum

from msgspec.structs import replace
from textual.app import App

from meshtui.mesh import verification
from meshtui.mesh.snapshot import Probe, Snapshot
from meshtui.mesh.verification import Progress, State, Verification
from meshtui.ui.main import Main
from meshtui.ui.pane import Pane
from meshtui.ui.spans import Tone
from meshtui.ui.verify import Leaving, Shown, Verify

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
        self._dialog: Verify | None = None
        """The one on the screen."""
        self._stays = False
        """The dialog stayed, or was left since, when the evidence before was complete."""
        self._shown: Shown | None = None
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
    def stopped(self) -> bool:
        """Whether a dialog that stayed for the next change was left before there was one."""
        return self._stays and self._dialog is None

    @property
    def probes(self) -> tuple[Probe, ...]:
        """What is asked while the evidence is followed."""
        if self._following is None or self._snapshot is None or self._resting:
            return ()
        return verification.probes(self._following, self._snapshot)

    def leave(self, leaving: Leaving) -> None:
        """Leaves the dialog."""
        self._leaving, self._dialog = leaving, None
        self._news.set()

    def reopen(self) -> bool:
        """Shows the dialog again that was left; False where nothing is followed."""
        if self._following is None:
            return False
        if self._leaving is Leaving.AWAY:
            self._leaving = None
            self._main.place = replace(self._main.place, under_way="")
            self._open()
            self._news.set()
        return True

    def close(self) -> None:
        """Takes the dialog away that stayed for the next change."""
        self._stays = False
        if self._dialog is not None and self._dialog.is_current:
            self._dialog.dismiss(Leaving.AWAY)
            self.leave(Leaving.AWAY)

    async def prove(
        self,
        following: Verification | None,
        place: str = "",
        *,
        undoable: bool = True,
        stays: bool = False,
    ) -> End:
        """Follows what a change has done (None where nothing proves it), also once more where an undo was declined;
        returns when that is over and the dialog was left. `place` says which of several it is: "2 of 5", and then the
        dialog does not wait to be left once it is verified; where it `stays`, the next change is shown in it, unless it
        is left meanwhile."""
        if following is None:
            return End.VERIFIED
        self._following = following
        self._shown = Shown(following, place, undoable, stays)
        if not self._stays:
            self._leaving = None
            self._open()
        elif self._dialog is not None:
            self._dialog.turn_to(self._shown)
        try:
            progress = await self._followed(following)
            unseen = self._leaves is Leaving.AWAY
            done = progress.state is State.DONE
            self._stays = stays and done
            if place and done and not stays:
                self.close()
            while self._leaves is None and not self._stays:
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

    def _open(self) -> None:
        assert self._shown is not None
        dialog = self._dialog = Verify(self._shown)

        def left(leaving: Leaving | None) -> None:
            if dialog is self._dialog:  # it may have been taken away for another
                self.leave(leaving or Leaving.AWAY)  # `:` leaves it as esc does, without a reason

        self._app.push_screen(dialog, left)

    async def _followed(self, following: Verification) -> Progress:
        """The progress when nothing more is to be expected, or the change is to be undone."""
        asked = following.started
        while True:
            now, snapshot = self._clock(), self._snapshot
            assert snapshot is not None  # another cluster ends what is under way
            progress = verification.progress(following, snapshot, now)
            if self._dialog is not None:
                self._dialog.show(progress, now)
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
                undo = " :undo takes it back." if self._shown and self._shown.undoable else ""
                self._tell(words.rstrip() + undo, Tone.BAD)
            case _:
                return False
        return True

    @property
    def _leaves(self) -> Leaving | None:
        """Why the dialog was left; None where it was not. Read anew after each wait."""
        return self._leaving
