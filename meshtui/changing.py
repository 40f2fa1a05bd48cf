"""Changing: what panes ask for, down the one road, one change after the other; and what came of it, told.

It stands beside the app, which holds the session and the screen. A change that is left in the middle, by quitting or by
going to another cluster, is ended here, so that its end is in the audit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from textual.app import App
from textual.worker import Worker, WorkerError

from meshtui.drafting import Drafting
from meshtui.kube import barred
from meshtui.kube.audit import Audit
from meshtui.kube.errors import KubeError
from meshtui.kube.perform import Result
from meshtui.kube.road import State
from meshtui.kube.session import Session
from meshtui.log_levels import LogLevels
from meshtui.making import Making, can_be_undone
from meshtui.mesh import past, preflight, verification
from meshtui.mesh.changes import Change, Create, Refusal
from meshtui.mesh.kinds import Kind
from meshtui.mesh.past import Past
from meshtui.mesh.snapshot import Probe, Ref, Scope, Snapshot
from meshtui.proving import End, Proving
from meshtui.settings import Settings
from meshtui.ui.commands import Command
from meshtui.ui.exchange import Offer, Wish
from meshtui.ui.main import Main
from meshtui.ui.pane import Pane
from meshtui.ui.pick import Pick, offered
from meshtui.ui.spans import Tone
from meshtui.ui.verify import Leaving
from meshtui.waiting import Waiting
from meshtui.write_lock import WriteLock

_PATIENCE = 5.0
"""Seconds to wait for what is under way to end, when the program does."""


class Changing:
    """The road's place in the program. `session` and `snapshot` are those of the cluster that is looked at now."""

    def __init__(
        self,
        app: App[int],
        main: Main,
        settings: Settings,
        clock: Callable[[], datetime],
        tell: Callable[[str, Tone], None],
        audit: Audit,
    ) -> None:
        self._app = app
        self._main = main
        self._tell = tell
        self._waiting = Waiting(app, main, tell)
        self._drafting = Drafting(app, self._waiting, tell)
        self._proving = Proving(app, main, clock, tell)
        self.lock = WriteLock(app, main, settings, clock, tell)
        self.levels = LogLevels(app, self._waiting, clock, tell, audit, lambda: self.lock.read_only)
        self._making = Making(
            app, self._proving, self._waiting, clock, tell, audit, lambda: self.lock.read_only
        )
        self._worker: Worker[Any] | None = None

    @property
    def session(self) -> Session | None:
        return self._making.session

    @session.setter
    def session(self, session: Session | None) -> None:
        self._making.session = session

    @property
    def snapshot(self) -> Snapshot | None:
        return self._proving.snapshot

    @snapshot.setter
    def snapshot(self, snapshot: Snapshot | None) -> None:
        self._proving.snapshot = snapshot
        if self.session is not None and self.levels.see(self.session, snapshot):
            self._app.run_worker(self.levels.tell_left, group="levels", exclusive=True)  # type: ignore[arg-type]

    def offer_levels(self) -> None:
        """Offers to set back the log levels that were set from here, in this run or an earlier one."""
        self._start(self._levels_offered())

    async def _levels_offered(self) -> None:
        if offers := await self.levels.left():
            await self._picked("Log levels that were not set back yet", offers)
        else:
            self._tell("No log level that was set from here is to be set back.", Tone.PLAIN)

    @property
    def needs(self) -> Sequence[Kind | Scope]:
        """What is watched while a change is under way."""
        return (*preflight.KINDS, *verification.KINDS) if self.busy else ()

    @property
    def probes(self) -> tuple[Probe, ...]:
        """What is asked while the evidence is followed."""
        return self._proving.probes

    def begin(self, context: str) -> None:
        """Another cluster is looked at."""
        if self.busy:
            self._tell(
                "What was under way in the cluster before was left; :audit tells of it.", Tone.WARN
            )
            self._end()
        self.levels.begin(context)
        self._making.begin(context)
        self.snapshot = None
        self.lock.begin(context)

    # What is asked for

    def commands(self) -> list[Command]:
        return [
            *self.lock.commands(),
            Command(("undo",), "take the last change back", self.undo),
            Command(("verify",), "the evidence of the last change again, while it is followed",
                    lambda _: self.reopen()),
            Command(("levels",), "log levels of proxies that were set from here and not set back yet",
                    lambda _: self.offer_levels()),
        ]  # fmt: skip

    @property
    def busy(self) -> bool:
        return self._worker is not None and not self._worker.is_finished

    def ask(self, wishes: Sequence[Wish]) -> None:
        """Makes changes, one after the other, each when it was confirmed; stops at the first that fails."""
        self._start(self._each(wishes))

    def offer(self, title: str, offers: Sequence[Offer]) -> None:
        """Lets a person pick what to ask for."""
        self._start(self._picked(title, offers))

    def edit(self, ref: Ref) -> None:
        """Opens an object in the person's editor, and makes the change that comes of it."""
        self._start(self._edited(ref))

    def undo(self, _: str = "") -> None:
        """Takes the last change back that was made to this cluster."""
        if self._proving.active:
            self._proving.leave(Leaving.UNDO)
        elif not self._making.done:
            self._tell("Nothing was changed in this cluster since it is looked at.", Tone.PLAIN)
        else:
            self._start(self._making.undone(self._making.done[-1]))

    def take_back(self, told: Past) -> bool:
        """Takes a change back that the audit tells of; where that cannot be, says why, and gives False."""
        snapshot = self.snapshot
        if self._proving.active and self._making.done and self._making.done[-1].id == told.id:
            self._proving.leave(Leaving.UNDO)
            return True
        if snapshot is None:
            self._tell("There is no connection to this cluster.", Tone.WARN)
            return False
        back = past.back(told, snapshot.server)
        if isinstance(back, Refusal):
            self._tell(f"{back.reason[:1].upper()}{back.reason[1:]}.", Tone.WARN)
            return False
        if why := self.lock.read_only:
            self._tell(f"Read-only: {why}. :write allows changes for 15 minutes.", Tone.PLAIN)
            return False
        return self._start(self._making.taken_back(back, told.id))

    def reopen(self) -> None:
        """Shows the evidence again that is followed."""
        if not self._proving.reopen():
            self._tell("Nothing is followed now; ! has how the last one ended.", Tone.PLAIN)

    def ask_rights(self, pane: Pane[Any]) -> None:
        """Finds out whether the row under the cursor may be changed, so that its keys can say why not."""
        row, session = pane.table.selected, self.session
        if row is not None and session is not None and not self.lock.read_only:
            asked = pane.verbs(row)

            async def work() -> None:
                found = await barred.of(session, asked)
                if pane.is_attached:  # which it is no longer while the program ends
                    pane.barred = found

            # a function, not a coroutine: one given up before it ran leaves nothing unawaited
            self._app.run_worker(work, group="rights", exclusive=True)  # type: ignore[arg-type]

    async def close(self) -> str:
        """Ends what is under way, so that it is in the audit; says so, "" where nothing was."""
        if not self.busy:
            return ""
        worker, proving = self._worker, self._proving.active
        self._end()
        if worker is not None:
            with suppress(TimeoutError, WorkerError):
                async with asyncio.timeout(_PATIENCE):
                    await worker.wait()
        if proving:
            return "A change was made, and left before its evidence was complete: nothing proves it yet."
        return "A change was under way and was left: `meshtui audit show` tells how far it came."

    def _end(self) -> None:
        if self._worker is not None:
            self._worker.cancel()

    def _start(self, work: Coroutine[Any, Any, Any]) -> bool:
        """Whether it is begun."""
        if self.busy:
            work.close()
            self._tell("One thing at a time: another change is under way.", Tone.WARN)
            return False
        self._making.unseen = False
        self._worker = self._app.run_worker(work, group="change")
        self._main.front.post_message(Pane.Looked())  # more is wanted from the cluster
        return True

    # How it goes

    async def _picked(self, title: str, offers: Sequence[Offer]) -> None:
        found = await offered(self._app, title, offers)
        if found is None:
            return
        if found.levels:
            await self.levels.ask(found.levels)
        elif found.more is not None:
            self._tell("There is none to choose from.", Tone.PLAIN)
        else:
            await self._each(found.wishes, self._main.front.table.unmark)

    async def _each(self, wishes: Sequence[Wish], begun: Callable[[], None] = lambda: None) -> None:
        """`begun` is called once a change was asked for and not declined."""
        try:
            await self._one_by_one(wishes, begun)
        finally:
            self._proving.close()

    async def _one_by_one(self, wishes: Sequence[Wish], begun: Callable[[], None]) -> None:
        made: list[Result] = []
        for number, wish in enumerate(wishes, 1):
            place = f"{number} of {len(wishes)}" if len(wishes) > 1 else ""
            if self._proving.stopped:
                self._stopped(wishes[number - 1 :])
                return
            try:
                found = await self._built(wish)
            except KubeError as error:
                what = f"{wish.target.kind.title} {wish.target.key}"
                self._tell(f"{what} cannot be read: {error}", Tone.BAD)
                rest = wishes[number:]
                if rest and not await self._goes_on(made, None, f"{what}: cannot be read", rest):
                    return
                continue
            if isinstance(found, Refusal):
                self._tell(f"Not done: {found.reason}.", Tone.PLAIN)
                continue
            before = self.snapshot
            assert before is not None  # it was there to build the change with
            result = await self._making.made(found, place)
            self._drafting.close(found, applied=result.state is State.APPLIED)
            if result.state is not State.DECLINED:
                begun()
            if result.state is State.APPLIED:
                made.append(result)
                end = await self._making.proved(result, before, place)
                if end is End.UNDO:
                    made.remove(result)
                elif end is End.VERIFIED_UNSEEN:
                    self._stopped(wishes[number:])  # no question into what somebody types meanwhile
                    return
            else:
                end = End.NOT_VERIFIED
            applied = result.state is State.APPLIED
            failed = f"{result.change.title}: {'not verified' if applied else result.state.value}"
            if (
                end in (End.NOT_VERIFIED, End.UNDO)
                and number < len(wishes)
                and not await self._goes_on(
                    made, result if applied else None, failed, wishes[number:]
                )
            ):
                return

    async def _goes_on(
        self, made: Sequence[Result], last: Result | None, failed: str, rest: Sequence[Wish]
    ) -> bool:
        """What to do after a failure with those that follow; `last` is what was made and has no proof."""
        self._proving.close()
        choices = [
            ("stop here", _unchanged(rest)),
            ("go on", "with the next"),
        ]
        undoable = [each for each in reversed(made) if can_be_undone(each)]
        if last is not None and can_be_undone(last):
            choices.append(("undo this one", last.change.target.name))
        if undoable:
            choices.append(("undo all", f"all that were changed: {len(undoable)}"))
        chosen = await self._app.push_screen_wait(Pick(failed, choices))
        if chosen == "undo this one" and last is not None:
            await self._making.undone(last)
        elif chosen == "undo all":
            for result in undoable:
                if await self._making.undone(result) is not State.APPLIED:
                    break
        if chosen != "go on":
            self._stopped(rest)
        return chosen == "go on"

    def _stopped(self, rest: Sequence[Wish]) -> None:
        if rest:
            self._tell(f"Stopped: {_unchanged(rest)}.", Tone.WARN)

    async def _built(self, wish: Wish) -> Change | Refusal:
        """The change to the object as it is now. Raises KubeError."""
        session, snapshot = self.session, self.snapshot
        if session is None or snapshot is None:
            return Refusal("there is no connection to this cluster")
        with self._waiting.answer_to(f"{wish.target.kind.title} {wish.target.key}"):
            it = await session.get(wish.target, managed_fields=True)
        found = wish.build(it, self.snapshot or snapshot)
        return (
            await self._drafting.rewritten(found)
            if wish.edited and isinstance(found, Create)
            else found
        )

    async def _edited(self, ref: Ref) -> None:
        change, snapshot = await self._drafting.edited(self.session, ref), self.snapshot
        if change is None:
            return
        result = await self._making.made(change)
        self._drafting.close(change, applied=result.state is State.APPLIED)
        if result.state is State.APPLIED and snapshot is not None:
            await self._making.proved(result, snapshot)


def _unchanged(wishes: Sequence[Wish]) -> str:
    names = [wish.target.name for wish in wishes]
    said = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return f"{len(names)} {'was' if len(names) == 1 else 'were'} not changed ({said})"
