"""Board: a table whose rows stand in sections, and the sections side by side where there is room."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace
from rich.segment import Segment
from textual import events
from textual.binding import Binding
from textual.geometry import Size
from textual.strip import Strip

from meshtui.mesh.health import Health
from meshtui.ui.columns import Column
from meshtui.ui.dashboard import Tile
from meshtui.ui.detail import wrap
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
_FIRST = 72
"""The first column, which has what is worst, has what the others leave, up to so much."""
_DRAWN = 51
"""In so many cells all has room that the others draw."""


class _Spot(Struct, frozen=True):
    """Where a row stands in its column, and how it is drawn there."""

    position: int
    x: int
    drawn: Line
    width: int
    whole: Line = ()
    """Its label and what it is worth, which may go on in lines below; nothing where they have to fit into one."""
    below: bool = False
    """It is such a line below."""


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
        self._rooms: Sequence[int] = ()
        """How wide each column is."""
        self._laid_out = 0
        """For this width."""
        self._shown: dict[int, tuple[object, ...]] = {}
        """By line in view what was drawn there."""

    def show(self, rows: Sequence[E], *, others: bool = False) -> None:
        self._lay_out(rows)
        super().show(rows, others=others)

    def on_resize(self) -> None:
        self._lay_out(self.rows)
        super().on_resize()

    def on_click(self, event: events.Click) -> None:
        event.prevent_default()
        column, x = 0, event.x
        while column < len(self._rooms) - 1 and x >= self._rooms[column] + _GAP:
            x -= self._rooms[column] + _GAP
            column += 1
        at = event.y + self.scroll_offset.y
        for spot in self._spots_at(column, at):
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
        return tuple(each for each in self._spots_at(column, at) if not each.below)

    def _spots_at(self, column: int, at: int) -> tuple[_Spot, ...]:
        lines = self._board[column] if column < len(self._board) else []
        return _spots_of(lines[at]) if 0 <= at < len(lines) else ()

    def _go(self, position: int) -> None:
        super()._go(position)
        self.refresh()  # a row may stand on several lines

    # Drawing

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if width != self._laid_out:  # drawn at its new size before it was told of that
            self._lay_out(self.rows)
        at = y + self.scroll_offset.y
        self._shown[y] = self._stands_across(at)
        strips: list[Strip] = []
        for column, room in zip(self._board, self._rooms, strict=True):
            if strips:
                strips.append(Strip.blank(_GAP, self.rich_style))
            strips.append(self._drawn(column[at] if at < len(column) else (), room))
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
        """What stands on a line, column by column, and how wide they are."""
        columns = (column[at] if at < len(column) else () for column in self._board)
        return (self._rooms, *(tuple(map(self._seen, found)) for found in columns))

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
        sign = Span(" ") if spot.below else mark(health)
        segments = list(self.paint((sign,), base, keep=health is not Health.OK))
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

    def _lay_out(self, rows: Sequence[Any]) -> None:
        """Puts the sections into as many columns as there is room for."""
        width = self._laid_out = self.scrollable_content_region.width
        sections: dict[str, list[int]] = {}
        for position, row in enumerate(rows):
            sections.setdefault(row.section, []).append(position)
        columns = max(1, min(3, (width + _GAP) // (_WIDE + _GAP)))
        self._rooms = rooms(width, columns)
        board: list[list[_Line]] = [
            [
                found
                for title in titles
                if title in sections
                for found in self._section(sections[title], rows, room)
            ]
            for titles, room in zip(self._face.arranged[columns], self._rooms, strict=True)
        ]
        self._board = [[*unfolded(each, self.size.height - len(each))] for each in board]
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
            _Spot(
                place,
                1 + n % beside * (width + gap),
                self._words(row, label, width),
                width,
                self._whole(row, width) if alone else (),
            )
            for n, (place, row) in enumerate(zip(places, own, strict=True))
        ]
        rest = (tuple(spots[start : start + beside]) for start in range(0, len(spots), beside))
        return [heading, *rest, ()]

    def _whole(self, row: Any, room: int) -> Line:
        label = line(self._face.label(row))
        return (*label, Span("  "), *line(self._face.worth(row, len(text_of(label)), room)))

    def _words(self, row: Any, label: int, room: int) -> Line:
        short = fit(line(self._face.label(row)), label)
        worth = self._face.worth(row, label, room)
        pad = Span(" " * (label - len(text_of(short)) + 2), Tone.PLAIN)
        return (*short, pad, *line(worth)) if worth else short


def rooms(width: int, columns: int) -> Sequence[int]:
    """How wide so many columns are in a width."""
    room, others = width - _GAP * (columns - 1), columns - 1
    if not others:
        return (room,)
    first = max(room // columns, min(_FIRST, room - _DRAWN * others))
    return (first, *[(room - first) // others] * others)


def _spots_of(found: _Line) -> tuple[_Spot, ...]:
    return tuple(each for each in found if isinstance(each, _Spot))


def unfolded(column: Sequence[_Line], spare: int) -> Iterator[_Line]:
    """The lines of a column, of which so many are spare: what is cut in its line goes on in those. One more line for
    each that wants one, the first ones first, then another one."""
    wrapped: dict[int, list[Line]] = {}
    for at, found in enumerate(column):
        for spot in _spots_of(found):
            if spot.whole and len(text_of(spot.drawn)) > spot.width - 2:
                wrapped[at] = wrap(spot.whole, spot.width - 2, hang=2)
    lines = dict.fromkeys(wrapped, 1)
    while spare > 0 and (wanting := [at for at in lines if lines[at] < len(wrapped[at])]):
        for at in wanting[:spare]:
            lines[at] += 1
        spare -= len(wanting[:spare])
    for at, found in enumerate(column):
        if lines.get(at, 1) == 1:
            yield found
            continue
        (spot,) = _spots_of(found)
        shown, (last, *left) = wrapped[at][: lines[at] - 1], wrapped[at][lines[at] - 1 :]
        if left:
            words = " ".join(text_of(each).strip() for each in (last, *left))
            last = (last[0], last[-1]._replace(text=words))
        for number, drawn in enumerate([*shown, last]):
            yield (replace(spot, drawn=drawn, below=number > 0),)
