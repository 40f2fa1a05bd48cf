"""Making: one change down the road, followed until it is proved, and taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from textual.app import App

from meshtui import questions
from meshtui.kube import background
from meshtui.kube.audit import Audit
from meshtui.kube.perform import Proposal, Result, perform
from meshtui.kube.road import State
from meshtui.kube.session import Session
from meshtui.mesh import changes, foresight, verification
from meshtui.mesh.changes import Change, Refusal
from meshtui.mesh.snapshot import Snapshot
from meshtui.mesh.verification import Verification
from meshtui.proving import End, Proving
from meshtui.ui import outcomes
from meshtui.ui.confirm import Answer, Confirm
from meshtui.ui.reader import Reader
from meshtui.ui.spans import Tone
from meshtui.waiting import Waiting


class Making:
    """Does it in the cluster that is looked at now, whose session and context these are."""

    def __init__(
        self,
        app: App[int],
        proving: Proving,
        waiting: Waiting,
        clock: Callable[[], datetime],
        tell: Callable[[str, Tone], None],
        audit: Audit,
        read_only: Callable[[], str],
    ) -> None:
        self.session: Session | None = None
        self.context = ""
        self.done: list[Result] = []
        """What was made there and not taken back, the oldest first."""
        self.unseen = False
        """The rest of those that were asked for is to be made too."""
        self._app = app
        self._waiting = waiting
        self._proving = proving
        self._clock = clock
        self._tell = tell
        self._audit = audit
        self._read_only = read_only

    def begin(self, context: str) -> None:
        """Another cluster is looked at."""
        self.done.clear()
        self.context = context
        self.session = None

    @property
    def snapshot(self) -> Snapshot | None:
        return self._proving.snapshot

    async def made(self, change: Change, place: str = "", *, undoes: str = "") -> Result:
        """Takes a change down the road, and tells how it ended."""
        session, snapshot = self.session, self.snapshot
        if session is None or snapshot is None:
            return Result(State.FAILED, change, "there is no connection to this cluster")

        async def asked(proposal: Proposal) -> bool:
            foreseen = await background.start(
                foresight.of, proposal.change, proposal.expected, self.snapshot or snapshot
            )
            now = self.snapshot or snapshot
            question = questions.of_change(proposal, foreseen, now, self.context, place)
            if self.unseen and question.safe:
                return True
            self._proving.close()
            screen = Confirm(question, lambda now: questions.checks(proposal.change, now, foreseen))
            answer = await self._app.push_screen_wait(screen)
            self.unseen = answer is Answer.ALL
            return answer in (Answer.YES, Answer.ALL)  # `:` leaves the dialog without one

        with self._waiting.answer_to(change.title):
            result = await perform(
                change,
                session,
                self._waiting.pausing(asked),
                self._audit,
                server=snapshot.server,
                read_only=self._read_only,
                undoes=undoes,
            )
        self._told(result)
        if result.state is State.APPLIED:
            self.done.append(result)
        return result

    def _told(self, result: Result) -> None:
        title, state, reason = result.change.title, result.state, result.reason
        done = "; ".join(each for each in ("done", reason, *result.warnings) if each)
        for told in outcomes.told(title, state.value, reason, result.unaudited, done=done):
            self._tell(*told)
        if state not in (State.APPLIED, State.DECLINED):
            self._proving.close()
            lines = outcomes.lines(state.value, reason, result.remedy, result.diff)
            self._app.push_screen(Reader(title, lines, hang=2))

    async def undone(self, result: Result) -> State:
        """Takes a change back; how that ended."""
        back = changes.inverse(result.change, result.left)
        if isinstance(back, Refusal):
            self._tell(f"{back.reason}.", Tone.WARN)
            return State.REFUSED
        return await self.taken_back(back, result.id)

    async def taken_back(self, back: Change, undoes: str) -> State:
        """Makes the change that takes another one back; how that ended."""
        before = self.snapshot
        made = await self.made(back, undoes=undoes)
        if made.state is State.APPLIED and before is not None:
            self.done = [each for each in self.done if each.id not in (undoes, made.id)]
            await self._proving.prove(self._evidence(made, before), undoable=False)
        return made.state

    async def proved(self, result: Result, before: Snapshot, place: str = "") -> End:
        """Follows its evidence since a snapshot, and goes on with that where the undo is declined; UNDO where it
        was taken back."""
        following = self._evidence(result, before)
        while True:
            end = await self._proving.prove(
                following, place, undoable=can_be_undone(result), stays=self.unseen
            )
            if end is not End.UNDO:
                return end
            undone = await self.undone(result)
            if undone is not State.DECLINED:
                return End.UNDO if undone is State.APPLIED else End.NOT_VERIFIED

    def _evidence(self, result: Result, before: Snapshot) -> Verification | None:
        return verification.begin(result.change, before, self._clock())


def can_be_undone(result: Result) -> bool:
    return not isinstance(changes.inverse(result.change, result.left), Refusal)
