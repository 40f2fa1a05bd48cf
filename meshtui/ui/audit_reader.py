"""AuditReader: the changes that the audit tells of, with a cursor on one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.style import Style
from textual.binding import Binding
from textual.message import Message

from meshtui.mesh.past import Past
from meshtui.ui import outcomes
from meshtui.ui.lines import Lines
from meshtui.ui.reader import Reader
from meshtui.ui.spans import Line, Span, Tone

_HANG = 21
"""Where what stands behind the time begins."""


class AuditReader(Reader):
    """The newest first. `u` asks to take the one under the cursor back."""

    BINDINGS = [Binding("u", "undo", "Undo this one", id="audit.undo")]

    @dataclass
    class UndoAsked(Message):
        """A change is to be taken back; the screen stays until that is begun."""

        screen: AuditReader
        past: Past

    def __init__(self, title: str, told: Sequence[Past], problem: str = "") -> None:
        """`problem` says why the file cannot be relied on."""
        super().__init__(title)
        self._told = told
        self.problem = problem
        self.lines = self.entries = Entries(id="text")

    def initial(self) -> Sequence[Line]:
        """Every change as the lines that it takes, under what is wrong with the file."""
        above = [(Span(f"✗ {self.problem}", Tone.BAD),)] if self.problem else []
        if not self._told:
            above.append((Span("Nothing was changed from here yet."),))
        blocks = [self.fitted(each, 2) for each in above]
        blocks += [self.fitted(outcomes.audited(each), _HANG) for each in self._told]
        self.entries.divide([len(each) for each in blocks], len(above))
        return [line for block in blocks for line in block]

    def on_resize(self) -> None:
        self.lines.show(self.initial())

    def action_next(self, step: int) -> None:
        super().action_next(step)
        if self._matches:
            self.entries.select(self._matches[self._at])

    def action_undo(self) -> None:
        if self._told:
            self.post_message(self.UndoAsked(self, self._told[self.entries.cursor]))


class Entries(Lines):
    """Lines, some of which belong together, and a cursor on those."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._starts: list[int] = []
        self.cursor = 0
        """The number of the entry that it is on."""

    def divide(self, heights: Sequence[int], above: int) -> None:
        """How many lines each entry takes; the first `above` are none, and the cursor cannot be on them."""
        ends = [sum(heights[: number + 1]) for number in range(len(heights))]
        self._starts = [0, *ends][above:]
        self.cursor = min(self.cursor, max(0, len(self._starts) - 2))

    def select(self, line: int) -> None:
        """Puts the cursor on the entry that a line belongs to."""
        self._go(sum(start <= line for start in self._starts) - 1)

    def ground(self, index: int) -> Style:
        base = super().ground(index)
        first, end = self._place()
        return base + self.style_of("table--cursor") if first <= index < end else base

    def action_scroll_up(self) -> None:
        self._go(self.cursor - 1)

    def action_scroll_down(self) -> None:
        self._go(self.cursor + 1)

    def action_page_up(self) -> None:
        self.select(self._place()[0] - self.size.height)

    def action_page_down(self) -> None:
        self.select(self._place()[0] + self.size.height)

    def action_scroll_home(self) -> None:
        self._go(0)

    def action_scroll_end(self) -> None:
        self._go(len(self._starts))

    def _place(self) -> tuple[int, int]:
        """The first line of the entry under the cursor, and the one behind its last."""
        here = self._starts[self.cursor : self.cursor + 2]
        return (here[0], here[1]) if len(here) == 2 else (0, 0)

    def _go(self, entry: int) -> None:
        self.cursor = max(0, min(entry, len(self._starts) - 2))
        first, end = self._place()
        top, height = self.scroll_offset.y, self.size.height
        if not self.cursor:
            self.scroll_to(y=0, animate=False)  # what stands above is seen again
        elif not top <= first <= end <= top + height:
            self.scroll_to(y=first if first < top else end - height, animate=False)
        self.refresh()
