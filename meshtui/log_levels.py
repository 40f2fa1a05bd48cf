"""LogLevels: the levels that were set from here, until each was set back; and those that an earlier run left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from textual.app import App
from textual.timer import Timer

from meshtui import questions
from meshtui.kube import audit as audits
from meshtui.kube import background, levels
from meshtui.kube.audit import Audit, AuditError
from meshtui.kube.errors import Absent, KubeError
from meshtui.kube.levels import Leveled
from meshtui.kube.road import State
from meshtui.kube.session import Session
from meshtui.mesh import log_levels, raw
from meshtui.mesh.log_levels import LASTS, LevelChange
from meshtui.mesh.snapshot import Server, Snapshot
from meshtui.ui import outcomes, times
from meshtui.ui.confirm import Answer, Confirm
from meshtui.ui.exchange import Offer
from meshtui.ui.spans import Tone
from meshtui.waiting import Waiting


class LogLevels:
    """Of the cluster that is looked at now."""

    def __init__(
        self,
        app: App[int],
        waiting: Waiting,
        clock: Callable[[], datetime],
        tell: Callable[[str, Tone], None],
        audit: Audit,
        read_only: Callable[[], str],
    ) -> None:
        self._app = app
        self._waiting = waiting
        self._clock = clock
        self._tell = tell
        self._audit = audit
        self._read_only = read_only
        self.lasts = LASTS
        self._context = ""
        self._session: Session | None = None
        self._snapshot: Snapshot | None = None
        self._set: dict[str, Timer] = {}
        """By the id in the audit, what sets a level back when its time has come."""
        self._undoes: dict[LevelChange, str] = {}
        """Of the offers to set back what an earlier run left: which of its changes."""
        self._asked = False
        """The audit was asked for what an earlier run left."""

    def begin(self, context: str) -> None:
        """Another cluster is looked at. What was set in the one before is offered to be set back when that is looked at
        again."""
        if self._set:
            words = f"{len(self._set)} log levels that were set in {self._context} were not set back yet"
            self._tell(f"{words}: look at {self._context} again for that.", Tone.WARN)
        for timer in self._set.values():
            timer.stop()
        self._set.clear()
        self._undoes.clear()
        self._context = context
        self._session = self._snapshot = None
        self._asked = False

    def see(self, session: Session, snapshot: Snapshot | None) -> bool:
        """The cluster as it is now; gives whether it is the first look at it, and `left` is to be asked."""
        self._session, self._snapshot = session, snapshot
        if snapshot is None or snapshot.server.answered is None or self._asked:
            return False
        self._asked = True
        return True

    async def ask(self, changes: Sequence[LevelChange]) -> None:
        """Sets levels, or sets them back, each when it was confirmed."""
        unseen = False
        for number, change in enumerate(changes, 1):
            place = f"{number} of {len(changes)}" if len(changes) > 1 else ""

            async def confirmed(known: LevelChange, place: str = place) -> bool:
                nonlocal unseen
                if not unseen:
                    server = self._snapshot.server if self._snapshot else Server()
                    question = questions.of_level(known, server, self._context, place)
                    answer = await self._app.push_screen_wait(Confirm(question))
                    unseen = answer is Answer.ALL
                    return answer in (Answer.YES, Answer.ALL)
                return True

            undoes = self._undoes.get(change, "")
            with self._waiting.answer_to(change.title):
                result = await self._made(
                    change, self._waiting.pausing(confirmed), self._read_only, undoes
                )
            self._told(result)
            if result.until is not None:
                self._hold(result)
            elif result.state is State.APPLIED and (timer := self._set.pop(undoes, None)):
                timer.stop()
            if result.state is State.DECLINED:
                return

    async def tell_left(self) -> None:
        """Says that an earlier run left levels as it had set them, where one did."""
        if await self.left():
            count = len(self._undoes)
            what = "1 log level was" if count == 1 else f"{count} log levels were"
            self._tell(f"{what} set by an earlier run and never set back: :levels does.", Tone.WARN)

    async def left(self) -> Sequence[Offer]:
        """What to offer for the levels that were set and not set back, in this run or an earlier one, where their pods
        are still the same."""
        snapshot, session = self._snapshot, self._session
        if snapshot is None or session is None:
            return ()
        path, server = self._audit.path, snapshot.server
        try:
            found = await background.start(lambda: log_levels.left(audits.read(path), server))
        except AuditError:
            return ()  # `:audit` says so
        there = [each for each in found if await self._is_same(session, each.change)]
        self._undoes = {each.change: each.id for each in there}
        offers = [
            Offer(
                f"set back {each.change.target.key}",
                f"from {each.change.before}, due at {times.stamp(each.until)}",
                levels=(each.change,),
            )
            for each in there
        ]
        every = Offer("set all back", levels=tuple(each.change for each in there))
        return [every, *offers] if len(offers) > 1 else offers

    async def _is_same(self, session: Session, change: LevelChange) -> bool:
        """Whether its pod is still there; where that cannot be told, it may be."""
        try:
            return raw.uid(await session.get(change.target)) == change.uid
        except Absent:
            return False
        except KubeError:
            return True

    def _hold(self, result: Leveled) -> None:
        """Sets it back when its time has come."""
        back = partial(self._back, result)
        self._set[result.id] = self._app.set_timer(self.lasts.total_seconds(), back)

    async def _back(self, result: Leveled) -> None:
        """That was said before it was confirmed, so nobody is asked again, and a lock that closed since keeps nothing
        as it is."""
        self._set.pop(result.id, None)

        async def agreed(_: LevelChange) -> bool:
            return True

        self._told(await self._made(result.change.backwards, agreed, lambda: "", result.id))

    async def _made(
        self,
        change: LevelChange,
        confirm: levels.Confirm,
        read_only: Callable[[], str],
        undoes: str,
    ) -> Leveled:
        session, snapshot = self._session, self._snapshot
        if session is None or snapshot is None:
            return Leveled(State.FAILED, change, "there is no connection to this cluster")
        return await levels.perform(
            change,
            session,
            confirm,
            self._audit,
            server=snapshot.server,
            read_only=read_only,
            undoes=undoes,
        )

    def _told(self, result: Leveled) -> None:
        until = result.until
        done = f"done, until {times.clock(until)} UTC" if until is not None else "done"
        state = outcomes.GONE if result.gone else result.state.value
        title, reason = result.change.title, result.reason
        for told in outcomes.told(title, state, reason, result.unaudited, done=done):
            self._tell(*told)
