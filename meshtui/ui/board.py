"""Board: a table whose rows stand in sections, and the sections side by side where there is room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from rich.segment import Segment
from textual.binding import Binding
from textual.geometry import Size
from textual.strip import Strip

from meshtui.mesh.health import Health
from meshtui.ui.columns import Column
from meshtui.ui.spans import Cell, Line, Span, Tone, line, mark, text_of
from meshtui.ui.table import Row, Table, fit


class Entry(Row, Protocol):
    """A row that knows its section."""

    @property
    def section(self) -> str: ...


E = TypeVar("E", bound=Entry)

_GAP = 3
_WIDE = 46
"""A column of sections is at least so wide."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of one column: a heading, a blank, or the row at a position."""

    heading: str = ""
    position: int = -1
    label: int = 0
    """How wide the labels of its section are."""


class Board(Table[E]):
    """Draws each row as mark, label and value. Up and down follow the sections, left and right cross the columns."""

    BINDINGS = [
        Binding("left,h", "cross(-1)", "Column to the left", show=False, id="table.left"),
        Binding("right", "cross(1)", "Column to the right", show=False, id="table.right"),
    ]

    def __init__(self, cells: Callable[[E], Sequence[Cell]]) -> None:
        """`cells` gives the label and the value of a row."""
        super().__init__((Column("LABEL"), Column("VALUE")), cells)
        self._board: list[list[_Line]] = []
        self._spot: dict[int, tuple[int, int]] = {}
        self._laid_out = 0
        """For this width."""

    def show(self, rows: Sequence[E]) -> None:
        self._lay_out(rows)
        super().show(rows)

    def on_resize(self) -> None:
        self._lay_out(self.rows)
        super().on_resize()

    def action_cross(self, step: int) -> None:
        column, at = self._spot.get(self._cursor, (0, 0))
        target = column + step
        if 0 <= target < len(self._board):
            spots = [(abs(y - at), p) for p, (c, y) in self._spot.items() if c == target]
            if spots:
                self._go(min(spots)[1])

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if width != self._laid_out:  # drawn at its new size before it was told of that
            self._lay_out(self.rows)
        at = y + self.scroll_offset.y
        room = self._room()
        strips = []
        for number, column in enumerate(self._board):
            last = number == len(self._board) - 1
            found = column[at] if at < len(column) else _Line()
            strips.append(self._drawn(found, width if last else room))
            if not last:
                strips.append(Strip.blank(_GAP, self.rich_style))
        return Strip.join(strips).adjust_cell_length(width, self.rich_style)

    def _drawn(self, found: _Line, room: int) -> Strip:
        base = self.rich_style
        if found.position < 0:
            heading: Line = (Span(f" {found.heading}", Tone.STRONG),)
            return self.strip(self.paint(heading, base), room, base)
        row = self.rows[found.position]
        if found.position == self._cursor:
            base = self.rich_style + self.style_of("table--cursor")
        label, value = (line(cell) for cell in self._cells(row))
        health = self._health(row)
        segments = [Segment(" ", base)]
        segments += self.paint((mark(health),), base, keep=health is not Health.OK)
        segments.append(Segment(" ", base))
        short = fit(label, found.label)
        segments += self.paint(short, base)
        segments.append(Segment(" " * (found.label - len(text_of(short)) + 2), base))
        segments += self.paint(fit(value, max(4, room - found.label - 6)), base)
        return self.strip(segments, room, base)

    def _line(self, position: int) -> int:
        return self._spot.get(position, (0, 0))[1] - 1  # a table's first line is its header

    def _row_at(self, at: int) -> int | None:
        return next((p for p, (_, y) in self._spot.items() if y == at + 1), None)

    def _resize(self) -> None:
        height = max((len(column) for column in self._board), default=0)
        self.virtual_size = Size(self.size.width, height)

    def _room(self) -> int:
        columns = max(1, len(self._board))
        return (self.size.width - _GAP * (columns - 1)) // columns

    def _lay_out(self, rows: Sequence[Any]) -> None:
        """Puts the sections into as many columns as there is room for, about equally high, in their order."""
        self._laid_out = self.size.width
        sections: dict[str, list[int]] = {}
        for position, row in enumerate(rows):
            sections.setdefault(row.section, []).append(position)
        columns = max(1, min(3, (self.size.width + _GAP) // (_WIDE + _GAP)))
        room = (self.size.width - _GAP * (columns - 1)) // columns
        blocks = [self._block_of(title, places, rows, room) for title, places in sections.items()]
        target = sum(len(block) for block in blocks) / columns
        self._board = [[]]
        for block in blocks:
            standing = len(self._board[-1])
            if standing and standing + len(block) / 2 > target and len(self._board) < columns:
                self._board.append([])
            self._board[-1] += block
        self._spot = {
            each.position: (number, y)
            for number, column in enumerate(self._board)
            for y, each in enumerate(column)
            if each.position >= 0
        }

    def _block_of(
        self, title: str, places: Sequence[int], rows: Sequence[Any], room: int
    ) -> list[_Line]:
        widest = max(len(text_of(self._cells(rows[place])[0])) for place in places)
        label = min(widest, room // 2)
        return [
            _Line(heading=title),
            *(_Line(position=place, label=label) for place in places),
            _Line(),
        ]
