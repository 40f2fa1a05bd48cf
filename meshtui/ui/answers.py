"""Answers: a screen over the panes that answers a question as things are now: a headline, a list to move in, and what
decides the line under the cursor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message

from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import Kind
from meshtui.mesh.snapshot import Ref, Scope, Snapshot
from meshtui.ui import detail, notices, ways
from meshtui.ui.columns import Column, shorten
from meshtui.ui.detail import Section, wrap
from meshtui.ui.exchange import Jump, Wants
from meshtui.ui.footer import Footer
from meshtui.ui.lines import Lines
from meshtui.ui.pane import Pane
from meshtui.ui.reader import Reader
from meshtui.ui.spans import Cell, Line, Span, Tone, content, plain, said, text_of
from meshtui.ui.table import Table
from meshtui.ui.words import Words


class Answered(Struct, frozen=True):
    """One line of an answer."""

    key: str
    verdict: Verdict
    cells: tuple[Cell, ...]
    told: tuple[Section, ...] = ()
    """What decides it."""
    ref: Ref | None = None
    """Where enter leads; None for nowhere."""


class Answer(Struct, frozen=True):
    """What is answered."""

    verdict: Verdict
    """The headline."""
    lines: tuple[Line, ...] = ()
    """Under the headline: the next step, and what is left out."""
    rows: tuple[Answered, ...] = ()
    start: str = ""
    """The key of the line to begin at; "" for the first."""


class Asked(Protocol):
    """A question, whose answer changes as the cluster does."""

    @property
    def title(self) -> str: ...
    @property
    def columns(self) -> Sequence[Column]: ...
    @property
    def needs(self) -> Sequence[Kind | Scope]:
        """What the answer is derived from."""

    def answer(self, snapshot: Snapshot) -> Answer:
        """Raises ValueError, with words for people, where what is named is nothing or more than one thing."""

    def wants(self, snapshot: Snapshot) -> Wants:
        """What to ask the cluster for it."""

    def reversed(self) -> Asked | None:
        """The same the other way round; None where that is no question."""


class AnswerScreen(Reader):
    """The answer to one question. It is derived in a thread, and drawn anew with each snapshot."""

    BINDINGS = [
        Binding("x", "reverse", "The other way round", id="answer.reverse"),
    ]

    @dataclass
    class Left(Message):
        """A line is gone to."""

        jump: Jump

    @dataclass
    class Looked(Message):
        """What the screen wants has changed."""

    @dataclass
    class Reversed(Message):
        """The same is asked the other way round."""

        asked: Asked

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked.title)
        self._asked = asked
        self._snapshot: Snapshot | None = None
        self._derived: tuple[Snapshot, Answer, Wants] | None = None
        self._wants = Wants()
        self.headline = Words(id="headline")
        self.table = Table[Answered](asked.columns, lambda row: row.cells)
        self.lines = Lines(id="decides", focusable=False)

    def compose(self) -> ComposeResult:
        yield self.heading
        yield self.headline
        yield self.table
        yield self.lines
        yield self.search
        yield Footer()

    def on_mount(self) -> None:
        self.set_focus(self.table)
        self.headline.say([(Span("Looking …", Tone.MUTED),)])
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def initial(self) -> Sequence[Line]:
        return self.lines.shown

    def derive(self, snapshot: Snapshot) -> None:
        try:
            answer, wants = self._asked.answer(snapshot), self._asked.wants(snapshot)
        except ValueError as error:
            answer, wants = Answer(Verdict(Health.UNKNOWN, str(error))), Wants()
        self._derived = snapshot, answer, wants

    def update_from(self, snapshot: Snapshot) -> None:
        """Draws what was derived; another thread may be about to derive what is newer."""
        if self._derived is None or self._derived[0] is not snapshot:
            return
        self._snapshot = snapshot
        if self._wants != self._derived[2]:
            self._wants = self._derived[2]
            self.post_message(self.Looked())
        self._draw()

    def wants(self) -> Wants:
        return self._wants

    def retitle(self, title: str) -> None:
        """The title with how fresh all of it is behind it."""
        fresh = notices.freshness(self._snapshot, self._asked.needs) if self._snapshot else ()
        room = self.size.width - len(text_of(fresh)) - 1
        shown = f" {shorten(plain(title), max(1, room - 3))}"
        self.heading.update(content([(Span(shown.ljust(room)), *fresh)]))

    def _draw(self) -> None:
        if self._derived is None or self._snapshot is None or not self.is_mounted:
            return
        snapshot, answer = self._snapshot, self._derived[1]
        unconnected = notices.unconnected(snapshot)
        if unconnected is not None and not answer.rows:
            self.headline.say(notices.problem(unconnected))
        else:
            told = (said(answer.verdict), *answer.lines)
            width = max(20, self.size.width - 2)
            self.headline.say([part for each in told for part in wrap(each, width, hang=2)])
        began = bool(self.table.rows)
        self.table.show(answer.rows)
        if answer.start and not began:
            self.table.select(answer.start)
        self.set_class(not answer.rows, "-bare")
        self.table.set_class(notices.old(snapshot, self._asked.needs), "-stale")
        self._tell()
        self.retitle(self._asked.title)

    @on(Table.Moved)
    def _tell(self) -> None:
        """What decides the line under the cursor."""
        row, width = self.table.selected, self.size.width - 4
        if row is None or width <= 0:
            self.lines.show(())
            return
        head = wrap(said(row.verdict), width, hang=2)
        self.lines.show([*head, *detail.render(None, row.told, width)])
        self.lines.scroll_home(animate=False)

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "reverse":
            return self._asked.reversed() is not None
        return action not in ("search", "next")

    @on(Table.Chosen)
    def _choose(self) -> None:
        row = self.table.selected
        if row is None or self._snapshot is None:
            return
        jump = ways.to(self._snapshot, row.ref) if row.ref is not None else None
        if jump is not None:
            self.post_message(self.Left(jump))
            self.dismiss()
        elif row.ref is not None:
            self.post_message(Pane.YamlAsked(row.ref))
        else:
            self.post_message(Pane.Told("No single object decides this line."))

    def action_reverse(self) -> None:
        asked = self._asked.reversed()
        if asked is not None:
            self.post_message(self.Reversed(asked))
            self.dismiss()

    def action_copy(self) -> None:
        if self._derived is not None:
            self.post_message(self.CopyAsked("\n".join(_text(self._asked, self._derived[1]))))


def _text(asked: Asked, answer: Answer) -> Iterator[str]:
    """All of an answer as text."""
    yield plain(asked.title)
    yield plain(text_of(said(answer.verdict)))
    yield from (plain(text_of(line)) for line in answer.lines)
    for row in answer.rows:
        cells = "  ".join(filter(None, map(text_of, row.cells)))
        yield plain(f"{row.verdict.health.mark} {cells}")
        yield from (
            f"    {plain(text_of(line))}" for line in detail.render(None, row.told, 400) if line
        )
