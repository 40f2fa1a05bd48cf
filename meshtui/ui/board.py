"""Board: a table whose rows stand in sections, and the sections side by side where there is room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding
from textual.geometry import Size
from textual.strip import Strip

from meshtui.mesh.health import Health
from meshtui.ui.columns import Column
from meshtui.ui.dashboard import Tile
from meshtui.ui.spans import Cell, Line, Span, Tone, line, mark, text_of
from meshtui.ui.table import Row, Table, fit


class Entry(Row, Protocol):
    """A row that knows its section."""

    @property
    def section(self) -> str: ...


E = TypeVar("E", bound=Entry)
C = TypeVar("C", bound=Entry, contravariant=True)


class Face(Protocol[C]):
    """How the sections are drawn. `label` is how wide the labels of a section are, `room` how wide it is itself."""

    @property
    def arranged(self) -> Mapping[int, Sequence[Sequence[str]]]: ...
    def heading(self, rows: Sequence[C], label: int, room: int) -> Line: ...
    def tile(self, rows: Sequence[C]) -> Tile | None: ...
    def label(self, row: C) -> Cell: ...
    def label_width(self, row: C, widest: int, room: int) -> int: ...
    def worth(self, row: C, label: int, room: int) -> Line: ...


_GAP = 3
_WIDE = 46
"""A column of sections is at least so wide."""


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a row stands in its column, and how it is drawn there."""

    position: int
    x: int
    drawn: Line
    width: int


_Line = Line | tuple[_Spot, ...]
"""A line of one column: a heading, nothing, or one or several rows."""


class Board(Table[E]):
    """Draws each row as mark, label and what it is worth. All four arrows follow what stands where."""

    BINDINGS = [
        Binding("left,h", "cross(-1)", "To the left", show=False, id="table.left"),
        Binding("right", "cross(1)", "To the right", show=False, id="table.right"),
    ]

    def __init__(self, face: Face[E]) -> None:
        super().__init__((Column("LABEL"), Column("VALUE")), lambda row: (face.label(row), ""))
        self._face = face
        self._board: list[list[_Line]] = []
        self._spots: dict[int, tuple[int, int, int]] = {}
        """By position the column, the line and the place in the line."""
        self._laid_out = 0
        """For this width."""
        self._shown: dict[int, tuple[object, ...]] = {}
        """By line in view what was drawn there."""

    def show(self, rows: Sequence[E]) -> None:
        self._lay_out(rows)
        super().show(rows)

    def on_resize(self) -> None:
        self._lay_out(self.rows)
        super().on_resize()

    def on_click(self, event: events.Click) -> None:
        event.prevent_default()
        room = self._room() + _GAP
        column, x = divmod(event.x, room)
        at = event.y + self.scroll_offset.y
        for spot in self._row_spots(column, at):
            if spot.x <= x < spot.x + spot.width:
                self._go(spot.position)
                if event.chain == 2:
                    self.action_choose()

    # Keys

    def action_move(self, step: int) -> None:
        column, at, _ = self._spots.get(self._cursor, (0, 0, 0))
        lines = self._lines(column)
        further = [y for y in lines if (y > at if step > 0 else y < at)]
        if further:
            self._come_to(column, min(further) if step > 0 else max(further))
        elif lines := self._lines(column + step):
            self._come_to(column + step, lines[0] if step > 0 else lines[-1])

    def action_page(self, pages: int) -> None:
        column, at, _ = self._spots.get(self._cursor, (0, 0, 0))
        self._come_to(column, at + pages * max(1, self.size.height - 2))

    def action_cross(self, step: int) -> None:
        column, at, place = self._spots.get(self._cursor, (0, 0, 0))
        beside = self._row_spots(column, at)
        if 0 <= place + step < len(beside):
            self._go(beside[place + step].position)
        else:
            self._come_to(column + step, at, last=step < 0)

    def _come_to(self, column: int, at: int, *, last: bool | None = None) -> None:
        """To the line nearest to `at`; on it to its first row or its last one, or to what stands nearest above or
        below the cursor."""
        lines = self._lines(column)
        if not lines:
            return
        spots = self._row_spots(column, min(lines, key=lambda y: abs(y - at)))
        if last is None:
            x = self._x()
            self._go(min(spots, key=lambda spot: abs(spot.x - x)).position)
        else:
            self._go(spots[-1 if last else 0].position)

    def _x(self) -> int:
        column, at, place = self._spots.get(self._cursor, (0, 0, 0))
        spots = self._row_spots(column, at)
        return spots[place].x if spots else 0

    def _lines(self, column: int) -> list[int]:
        """The lines of a column that rows stand on."""
        return sorted({y for c, y, _ in self._spots.values() if c == column})

    def _row_spots(self, column: int, at: int) -> tuple[_Spot, ...]:
        lines = self._board[column] if column < len(self._board) else []
        found = lines[at] if 0 <= at < len(lines) else ()
        return tuple(each for each in found if isinstance(each, _Spot))

    # Drawing

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if width != self._laid_out:  # drawn at its new size before it was told of that
            self._lay_out(self.rows)
        at = y + self.scroll_offset.y
        self._shown[y] = self._stands_across(at)
        room = self._room()
        strips = []
        for number, column in enumerate(self._board):
            last = number == len(self._board) - 1
            found = column[at] if at < len(column) else ()
            strips.append(self._drawn(found, width if last else room))
            if not last:
                strips.append(Strip.blank(_GAP, self.rich_style))
        return Strip.join(strips).adjust_cell_length(width, self.rich_style)

    def _drawn(self, found: _Line, room: int) -> Strip:
        base = self.rich_style
        segments: list[Segment] = []
        used = 0
        for each in found:
            if isinstance(each, _Spot):
                segments.append(Segment(" " * (each.x - used), base))
                segments += self._row_at_spot(each, room)
                used = each.x + each.width
            else:
                segments += self.paint((each,), base)
        return self.strip(segments, room, base)

    def _redraw(self) -> None:
        """Draws those lines in view anew on which something else stands now."""
        top = self.scroll_offset.y
        for y in range(self.size.height):
            if self._stands_across(y + top) != self._shown.get(y):
                self.refresh_line(y + top)

    def _stands_across(self, at: int) -> tuple[object, ...]:
        """What stands on a line, column by column."""
        return tuple(
            tuple(map(self._seen, column[at] if at < len(column) else ())) for column in self._board
        )

    def _seen(self, each: Span | _Spot) -> object:
        """A piece of a heading, or a row with its mark and whether the cursor is on it."""
        if not isinstance(each, _Spot):
            return each
        return each, self._health(self.rows[each.position]), each.position == self._cursor

    def _row_at_spot(self, spot: _Spot, room: int) -> Strip:
        base = self.rich_style
        if spot.position == self._cursor:
            base = self.rich_style + self.style_of("table--cursor")
        health = self._health(self.rows[spot.position])
        segments = list(self.paint((mark(health),), base, keep=health is not Health.OK))
        if spot.width > 1:
            segments.append(Segment(" ", base))
            segments += self.paint(fit(spot.drawn, spot.width - 2), base)
        return self.strip(segments, min(spot.width, room - spot.x), base)

    # Where things are

    def _line(self, position: int) -> int:
        return self._spots.get(position, (0, 0, 0))[1] - 1  # a table's first line is its header

    def _resize(self) -> None:
        height = max((len(column) for column in self._board), default=0)
        self.virtual_size = Size(0, height)

    def _room(self) -> int:
        columns = max(1, len(self._board))
        return (self.size.width - _GAP * (columns - 1)) // columns

    def _lay_out(self, rows: Sequence[Any]) -> None:
        """Puts the sections into as many columns as there is room for."""
        self._laid_out = self.size.width
        sections: dict[str, list[int]] = {}
        for position, row in enumerate(rows):
            sections.setdefault(row.section, []).append(position)
        columns = max(1, min(3, (self.size.width + _GAP) // (_WIDE + _GAP)))
        room = (self.size.width - _GAP * (columns - 1)) // columns
        self._board = [
            [
                found
                for title in titles
                if title in sections
                for found in self._section(sections[title], rows, room)
            ]
            for titles in self._face.arranged[columns]
        ]
        self._spots = {
            spot.position: (number, y, place)
            for number, column in enumerate(self._board)
            for y in range(len(column))
            for place, spot in enumerate(self._row_spots(number, y))
        }

    def _section(self, places: Sequence[int], rows: Sequence[Any], room: int) -> list[_Line]:
        """The lines of a section, a blank one under them."""
        own = [rows[place] for place in places]
        inside = room - 1
        tile = self._face.tile(own)
        gap = 1 if tile is not None and tile.bare else 2
        beside = max(1, (inside + gap) // (tile.width + gap)) if tile else 1
        width = tile.width if tile and tile.bare else (inside - gap * (beside - 1)) // beside
        widest = max(len(text_of(self._face.label(row))) for row in own)
        alone = beside == 1 and tile is None
        label = self._face.label_width(own[0], widest, width) if alone else min(widest, width - 2)
        heading = (Span(" "), *self._face.heading(own, label, inside))
        spots = [
            _Spot(place, 1 + n % beside * (width + gap), self._words(row, label, width), width)
            for n, (place, row) in enumerate(zip(places, own, strict=True))
        ]
        rest = (tuple(spots[start : start + beside]) for start in range(0, len(spots), beside))
        return [heading, *rest, ()]

    def _words(self, row: Any, label: int, room: int) -> Line:
        short = fit(line(self._face.label(row)), label)
        worth = self._face.worth(row, label, room)
        pad = Span(" " * (label - len(text_of(short)) + 2), Tone.PLAIN)
        return (*short, pad, *line(worth)) if worth else short
