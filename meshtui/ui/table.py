"""Table: rows by identity, of which only those in view are drawn.

Textual's DataTable makes every cell of every row (2 s for 10,000 rows) and keeps the cursor at a row number; here
the cursor is an object, rows are drawn when they are looked at, and one row may be open, with lines under it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from operator import attrgetter
from typing import Generic, NamedTuple, Protocol, TypeVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from meshtui.mesh.health import Health, Verdict
from meshtui.ui.columns import GAP, Column, shorten
from meshtui.ui.headings import MARK, Headings
from meshtui.ui.paint import Paint
from meshtui.ui.spans import Cell, Line, line, mark


class Row(Protocol):
    """What the table asks of a row; the rest is its pane's business."""

    @property
    def key(self) -> str: ...
    @property
    def verdict(self) -> Verdict: ...


R = TypeVar("R", bound=Row)


class _Drawn(NamedTuple):
    """A row as it is to be seen."""

    health: Health
    marked: bool
    cursor: bool
    cells: Sequence[Cell]


_MARGIN = 3
"""The mark of a row's health, with a space on either side."""
_KEY = attrgetter("key")
_SAMPLE = 300
"""So many rows are measured to find how wide the columns are."""


class Table(Paint, Generic[R]):
    """A list of rows with a cursor. Posts `Moved` when another row is under the cursor, `Chosen` on enter."""

    BINDINGS = [
        Binding("up,k", "move(-1)", "Up", show=False, id="table.up"),
        Binding("down,j", "move(1)", "Down", show=False, id="table.down"),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False, id="table.page_up"),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False, id="table.page_down"),
        Binding("home,g", "move_to(0)", "First row", show=False, id="table.first"),
        Binding("end,G", "move_to(-1)", "Last row", show=False, id="table.last"),
        Binding("enter", "choose", "Open", key_display="enter", id="table.open"),
    ]

    @dataclass
    class Moved(Message):
        """Another row is under the cursor, or none, or other rows came into view."""

    @dataclass
    class Chosen(Message):
        """The row under the cursor was opened."""

    def __init__(
        self,
        columns: Sequence[Column],
        cells: Callable[[R], Sequence[Cell]],
        health: Callable[[R], Health] = lambda row: row.verdict.health,
    ) -> None:
        """`health` is what a row's mark shows."""
        super().__init__(id="table")
        self._health = health
        self._headings = Headings(columns)
        self._cells = cells
        self._rows: Sequence[R] = ()
        self._index: dict[str, int] = {}
        self._cursor = 0
        self._key = ""
        self._open = ""
        self._block: Sequence[Line] = ()
        self._window: tuple[int, int] = (0, 0)
        self._marks: frozenset[str] = frozenset()
        self._marked_last = ""
        self._arranged = 0
        """For this width the columns are laid out."""
        self._standing: dict[int, _Drawn | Line | None] = {}
        """What stands on each line of the widget, the heading being 0."""

    # What it shows

    @property
    def rows(self) -> Sequence[R]:
        return self._rows

    @property
    def selected(self) -> R | None:
        """The row under the cursor."""
        return self._rows[self._cursor] if self._rows else None

    @property
    def in_view(self) -> Sequence[R]:
        """The rows that can be seen now."""
        top = self.scroll_offset.y
        return self._rows[max(0, top - len(self._block)) : top + max(0, self.size.height - 1)]

    @property
    def marked(self) -> Sequence[R]:
        """The rows shown that are marked; a mark outlives a filter that hides its row."""
        return [row for row in self._rows if row.key in self._marks]

    @property
    def marks(self) -> int:
        """How many marks there are, also on rows that are not shown."""
        return len(self._marks)

    def mark(self) -> None:
        """Marks the row under the cursor, or takes its mark away, and moves on."""
        if (row := self.selected) is not None:
            self._marks = self._marks ^ {row.key}
            self._marked_last = row.key
            self.refresh_line(self._line(self._cursor) + 1)
            self.action_move(1)

    def mark_range(self) -> None:
        """Marks the rows from the one that was marked last to the one under the cursor."""
        if self._rows:
            start = self._index.get(self._marked_last, self._cursor)
            first, last = sorted((start, self._cursor))
            self._marks |= {row.key for row in self._rows[first : last + 1]}
            self._marked_last = self._rows[self._cursor].key
            self.refresh()

    def unmark(self) -> None:
        self._marks = frozenset()
        self._marked_last = ""
        self.refresh()

    @property
    def chosen(self) -> int | None:
        """The column that was chosen, by its index; None for none."""
        return self._headings.chosen

    def choose(self, step: int) -> None:
        """Chooses the next column to one side; a wide table moves along until it is in view."""
        self._headings.choose(step)
        self._arrange()

    def sort_sign(self, index: int | None, *, descending: bool) -> None:
        """Says in the heading by which column the rows are sorted, or by the MARK, and which way; None for none."""
        sorted_by = None if index is None else (index, descending)
        if sorted_by != self._headings.sorted:
            self._headings.sorted = sorted_by
            self._arrange()

    @property
    def wide(self) -> bool:
        """Whether all columns are as wide as they want to be, and stand beside each other as far as there is room."""
        return self._headings.wide

    @wide.setter
    def wide(self, wanted: bool) -> None:
        self._headings.wide = wanted
        self._arrange()

    def show(self, rows: Sequence[R], *, others: bool = False) -> None:
        """Shows these rows. The cursor stays on its object; where that is gone, on the row that took its place.
        `others` says that a person asked for other ones: columns then take the width of these, and only grow else, so
        that nothing jumps about while one reads."""
        grew = len(rows) > len(self._rows)
        if rows is not self._rows:
            self._rows = rows
            self._index = dict(zip(map(_KEY, rows), count()))
        if self._open not in self._index:
            self._open, self._block = "", ()
        before = self._cursor
        self._cursor = self._index.get(self._key, min(before, max(0, len(rows) - 1)))
        if others and rows:
            self._headings.forget()
        if grew or others:
            self._measure()
        self._resize()
        if self._cursor != before:
            self._scroll_along(self._line(self._cursor) - before)
        self._moved()
        self._redraw()

    def begin(self, columns: Sequence[Column]) -> None:
        """Shows nothing, with other columns: what comes next is of another kind. A row that comes again has the
        cursor again."""
        self._headings.begin(columns)
        self._rows, self._index, self._cursor = (), {}, 0
        self._open, self._block = "", ()
        self.scroll_to(y=0, animate=False, force=True)
        self._arrange()

    def open(self, key: str, block: Sequence[Line]) -> None:
        """Opens a row: the lines stand under it, and the rows below move down. "" closes."""
        self._open = key if key in self._index else ""
        self._block = [line(each) for each in block] if self._open else ()
        self._resize()
        self.call_after_refresh(self._into_view)
        self.refresh()

    def redraw(self, block: Sequence[Line]) -> None:
        """Puts these lines under the open row in place of those that stand there."""
        if self._open:
            self._block = [line(each) for each in block]
            self._resize()
            self.refresh()

    @property
    def opened(self) -> str:
        """The key of the open row; "" where none is."""
        return self._open

    def select(self, key: str) -> bool:
        """Puts the cursor on the row with this key; False where there is none."""
        position = self._index.get(key)
        if position is None:
            return False
        self._go(position)
        return True

    # Keys and mouse

    def action_move(self, step: int) -> None:
        self._go(self._cursor + step)

    def action_page(self, pages: int) -> None:
        self._go(self._cursor + pages * max(1, self.size.height - 2))

    def action_move_to(self, position: int) -> None:
        self._go(position if position >= 0 else len(self._rows) - 1)

    def action_choose(self) -> None:
        if self._rows:
            self.post_message(self.Chosen())

    def on_click(self, event: events.Click) -> None:
        position = self._row_at(event.y - 1 + self.scroll_offset.y)
        if event.y < 1 or position is None:
            return
        self._go(position)
        if event.chain == 2:
            self.action_choose()

    def on_resize(self) -> None:
        self._arrange()
        self._into_view()
        self._moved()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._moved()

    # Drawing

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if width != self._arranged:  # drawn at its new size before it was told of that
            self._place()
        if y == 0:
            return self._header(width)
        return self._body(y - 1 + self.scroll_offset.y, width)

    def _header(self, width: int) -> Strip:
        base = self.rich_style + self.style_of("table--header")
        known = self._headings
        segments = [Segment(f" {known.sign(MARK) or ' '} ".ljust(_MARGIN), base)]
        for place in known.places:
            column, sign = known.columns[place.index], known.sign(place.index)
            title = shorten(column.title, place.width)
            chosen = base + self.style_of("table--chosen") if place.index == known.chosen else base
            before = " " * (place.width - len(title)) if column.right else ""
            apart = " " if sign and not column.right and len(title) < place.width else ""
            behind = f"{apart}{sign}".ljust(place.width + GAP - len(before) - len(title))
            if chosen is base:
                segments.append(Segment(f"{before}{title}{behind}", base))
            else:
                segments += [Segment(before, base), Segment(title, chosen), Segment(behind, base)]
        return self.strip(segments, width, base)

    def _redraw(self) -> None:
        """Draws those lines in view anew on which something else stands now."""
        top = self.scroll_offset.y
        for y in range(1, self.size.height):
            if self._stands(y - 1 + top) != self._standing.get(y, ()):
                self.refresh_line(y + top)

    def _stands(self, at: int) -> _Drawn | Line | None:
        """A row, or words under it, on a line, the first row being on line 0; None for nothing."""
        position = self._row_at(at)
        if position is None:
            return None
        row = self._rows[position]
        if under := at - self._line(position):
            return self._block[under - 1]
        marked, cursor = row.key in self._marks, position == self._cursor
        return _Drawn(self._health(row), marked, cursor, self._cells(row))

    def _body(self, at: int, width: int) -> Strip:
        seen = self._standing[at + 1 - self.scroll_offset.y] = self._stands(at)
        if seen is None:
            return Strip.blank(width, self.rich_style)
        if isinstance(seen, _Drawn):
            return self._row(seen, width)
        base = self.rich_style + self.style_of("table--block")
        return self.strip(self.paint(seen, base), width, base)

    def _row(self, row: _Drawn, width: int) -> Strip:
        base = self.rich_style + self.style_of("table--cursor") if row.cursor else self.rich_style
        segments = [
            Segment("▌", base + self.style_of("table--mark")) if row.marked else Segment(" ", base)
        ]
        segments += self.paint((mark(row.health),), base, keep=row.health is not Health.OK)
        segments.append(Segment(" ", base))
        self._widen(row.cells)
        for place in self._headings.places:
            column = self._headings.columns[place.index]
            painted = list(self.paint(fit(line(row.cells[place.index]), place.width), base))
            space = Segment(" " * (place.width - sum(part.cell_length for part in painted)), base)
            segments += [space, *painted] if column.right else [*painted, space]
            segments.append(Segment(" " * GAP, base))
        return self.strip(segments, width, base)

    # Where things are

    def _line(self, position: int) -> int:
        """The line that a row stands on, counted from the first row."""
        opened = self._index.get(self._open, len(self._rows))
        return position + (len(self._block) if position > opened else 0)

    def _row_at(self, at: int) -> int | None:
        """The row that a line belongs to."""
        opened = self._index.get(self._open, len(self._rows))
        if at > opened:
            at = max(opened, at - len(self._block))
        return at if 0 <= at < len(self._rows) else None

    def _go(self, position: int) -> None:
        if not self._rows:
            return
        before, self._cursor = self._cursor, max(0, min(position, len(self._rows) - 1))
        if before == self._cursor:
            return
        for changed in (before, self._cursor):
            self.refresh_line(self._line(changed) + 1)
        self._into_view()
        self._moved()

    def _scroll_along(self, lines: int) -> None:
        """Keeps the cursor where it was on the screen while its row moves."""
        if self.scroll_offset.y:
            self.scroll_to(y=self.scroll_offset.y + lines, animate=False, force=True)

    def _into_view(self) -> None:
        height = self.size.height - 1
        if height <= 0 or not self._rows:
            return
        first = self._line(self._cursor)
        last = first + (len(self._block) if self._key and self._key == self._open else 0)
        top = self.scroll_offset.y
        if last >= top + height:
            top = last - height + 1
        top = min(top, first)
        if top != self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, force=True)

    def _moved(self) -> None:
        row = self.selected
        key = row.key if row else self._key  # while there are no rows the cursor waits for its own
        window = (self.scroll_offset.y, self.size.height)
        if key != self._key or window != self._window or row is None:
            self._key, self._window = key, window
            self.post_message(self.Moved())

    def _measure(self) -> None:
        """Finds how wide the columns' contents are: of a sample, since names in one cluster are much alike."""
        stride = max(1, len(self._rows) // _SAMPLE)
        for row in self._rows[::stride]:
            self._headings.measure(self._cells(row))
        self._arrange()

    def _widen(self, cells: Sequence[Cell]) -> None:
        """Makes room for what is wider than all that was measured: it is drawn whole the next time."""
        if self._headings.measure(cells):
            self.call_later(self._arrange)

    def _arrange(self) -> None:
        self._place()
        self._resize()
        self.refresh()

    def _place(self) -> None:
        self._arranged = self.size.width
        self._headings.arrange(self._arranged - _MARGIN - 1)

    def _resize(self) -> None:
        height = len(self._rows) + len(self._block) + 1
        self.virtual_size = Size(0, height)  # nothing scrolls sideways


def fit(cell: Line, width: int) -> Line:
    """A cell's line in at most `width` characters: what comes last is shortened first."""
    room = width
    fitted = []
    for span in cell:
        if room <= 0:
            break
        text = shorten(span.text, room)
        fitted.append(span._replace(text=text))
        room -= len(text)
    return tuple(fitted)
