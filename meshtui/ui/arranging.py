"""Arranged: a table whose rows can be sorted and marked, and whose columns can be chosen and all be seen, by keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from textual.binding import Binding
from textual.message import Message
from textual.widget import Widget

from meshtui.mesh.health import Verdict
from meshtui.ui import headings
from meshtui.ui.columns import Column, find
from meshtui.ui.exchange import Row
from meshtui.ui.sorting import MARK, Order, Sorter, comparable
from meshtui.ui.spans import Cell, text_of
from meshtui.ui.table import Table

R = TypeVar("R", bound=Row)


class Arranged(Widget, Generic[R]):
    """What a person makes of a table's rows and columns; it is kept for as long as the program runs."""

    BINDINGS = [
        Binding("space", "mark", "Mark", show=False, id="pane.mark"),
        Binding("ctrl+@,ctrl+space", "mark_range", "Mark up to here", key_display="^space", show=False,
                id="pane.mark_range"),
        Binding("ctrl+backslash", "unmark", "Take all marks away", key_display="^\\", show=False,
                id="pane.unmark"),
        Binding("N", "sort('N')", "Sort by name, and the other way", show=False, id="rows.by_name"),
        Binding("A", "sort('A')", "Sort by age, and the other way", show=False, id="rows.by_age"),
        Binding("P", "sort('P')", "Sort by namespace, and the other way", show=False, id="rows.by_namespace"),
        Binding("R", "sort('R')", "Sort by what is ready, and the other way", show=False, id="rows.by_ready"),
        Binding("T", "sort('T')", "Sort by restarts, and the other way", show=False, id="rows.by_restarts"),
        Binding("S", "sort('S')", "Sort by mark, the worst first", show=False, id="rows.by_mark"),
        Binding("O", "sort('O')", "Sort by the chosen column", show=False, id="rows.by_column"),
        Binding("shift+left", "column(-1)", "Choose the column to the left", show=False, id="rows.column_left"),
        Binding("shift+right", "column(1)", "Choose the column to the right", show=False, id="rows.column_right"),
        Binding("ctrl+w", "wide", "Wide: all columns, and back", show=False, id="rows.wide"),
        Binding("ctrl+s", "save", "Save the rows as CSV or JSON", show=False, id="rows.save"),
    ]  # fmt: skip

    ARRANGED: ClassVar[bool] = True
    """Whether its rows may be put in another order; not where they stand in sections."""

    @dataclass
    class Told(Message):
        """Something to tell the person: why a key did nothing."""

        text: str

    @dataclass
    class Sorted(Message):
        """Somebody wants another order, for the pane, or the kind, of this name."""

        name: str
        order: Order

    class SaveAsked(Message):
        """The rows are to be saved, in a file that is named then."""

    table: Table[R]

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._orders: dict[str, Order] = {}
        self._sorter: Sorter[R] = Sorter()

    # What a pane gives

    @property
    def columns(self) -> Sequence[Column]:
        raise NotImplementedError

    @property
    def ordered(self) -> str:
        """What its order is kept for: each kind that it shows has its own."""
        return ""

    def verdict(self, row: R) -> Verdict:
        return row.verdict

    def _cells(self, row: R) -> Sequence[Cell]:
        raise NotImplementedError

    def _derive(self) -> None:
        """Makes the rows anew."""

    # Their order

    @property
    def order(self) -> Order:
        """How its rows are sorted."""
        return self._orders.get(self.ordered, Order())

    def sort(self, order: Order) -> None:
        """Sorts the rows, now and whenever they change."""
        self._orders[self.ordered] = order
        self._derive()
        self.post_message(self.Sorted(self.ordered, order))

    def order_as_before(self, orders: Mapping[str, Order]) -> None:
        """Sorts as in an earlier run, where nobody has sorted since."""
        self._orders = {**orders, **self._orders}
        self._derive()

    def in_order(self, rows: Sequence[R]) -> Sequence[R]:
        """The rows as they are to be shown; the heading says by which column."""
        order = self.order
        if order.column == MARK:
            self.table.sort_sign(headings.MARK, descending=order.descending)
            return sorted(rows, key=self._rank, reverse=not order.descending)
        index = find(order.column, [column.title for column in self.columns])
        self.table.sort_sign(index, descending=order.descending)
        if index is None:  # of a kind that has, or had, other columns
            return rows
        return self._sorter.sorted(
            rows, order, self.columns[index].by or partial(self._word, index)
        )

    def _rank(self, row: R) -> int:
        return self.verdict(row).health.rank

    def _word(self, index: int, row: R) -> object:
        return comparable(text_of(self._cells(row)[index]))

    # Keys

    def check_action(self, action: str, parameters: tuple[Any, ...]) -> bool | None:
        """Keys that arrange are there where something is to be arranged."""
        if not self.ARRANGED and action in _ARRANGING:
            return False
        if action == "sort" and parameters[0] not in ("S", "O"):
            return any(column.letter == parameters[0] for column in self.columns)
        return True

    def action_sort(self, letter: str) -> None:
        chosen = self.table.chosen
        if letter == "S":
            self.sort(self.order.asked(MARK))
        elif letter != "O":
            title = next(each.title for each in self.columns if each.letter == letter)
            self.sort(self.order.asked(title))
        elif chosen is None:
            self.post_message(self.Told("O sorts by the column that shift-← and shift-→ choose."))
        else:
            self.sort(self.order.asked(self.columns[chosen].title))

    def action_column(self, step: int) -> None:
        self.table.choose(step)

    def action_wide(self) -> None:
        """All columns, over the whole width; those for which that is too little, shift-→ brings into view."""
        self.table.wide = not self.table.wide
        self.set_class(self.table.wide, "-spread")

    def action_save(self) -> None:
        self.post_message(self.SaveAsked())

    def action_mark(self) -> None:
        self.table.mark()

    def action_mark_range(self) -> None:
        self.table.mark_range()

    def action_unmark(self) -> None:
        self.table.unmark()


_ARRANGING = ("sort", "column", "wide", "mark", "mark_range", "unmark")
