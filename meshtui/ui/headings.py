"""Headings: the columns of a table: which of them have room and how wide they are, which one was chosen, and by which
the rows are sorted."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from meshtui.ui.columns import Column, Place, layout, layout_wide
from meshtui.ui.spans import Cell, text_of

MARK = -1
"""What stands for the mark of a row where columns have their indices."""


class Headings:
    """What is known of the columns. They are laid out again by `arrange`."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = columns
        self.places: tuple[Place, ...] = ()
        self.chosen: int | None = None
        """The index of the column that was chosen."""
        self.sorted: tuple[int, bool] | None = None
        """The column that sorts, MARK for the mark, and whether the other way round."""
        self._wide = False
        self._first = 0
        self._contents = [0] * len(columns)

    def begin(self, columns: Sequence[Column]) -> None:
        """Other columns, of which nothing is known yet."""
        self.columns, self._contents = columns, [0] * len(columns)
        self.chosen, self.sorted, self._first = None, None, 0

    @property
    def wide(self) -> bool:
        """Whether all columns are as wide as they want to be, and stand beside each other as far as there is room."""
        return self._wide

    @wide.setter
    def wide(self, wanted: bool) -> None:
        self._wide, self._first = wanted, 0

    def choose(self, step: int) -> None:
        """Chooses the next column to one side: of those that are seen, or of all where they are wide."""
        shown = [place.index for place in self.places]
        reachable = list(range(len(self.columns))) if self._wide else shown
        if self.chosen in reachable:
            at = reachable.index(self.chosen) + step
            self.chosen = reachable[max(0, min(at, len(reachable) - 1))]
        elif shown:
            self.chosen = shown[0 if step > 0 else -1]

    def sign(self, index: int) -> str:
        """ "▲" where the rows are sorted by this column, "▼" where the other way round; else nothing."""
        if self.sorted is None or self.sorted[0] != index:
            return ""
        return "▼" if self.sorted[1] else "▲"

    def forget(self) -> None:
        """What stood in the columns was of other rows."""
        self._contents = [0] * len(self.columns)

    def measure(self, cells: Sequence[Cell]) -> bool:
        """Takes the cells of a row into account; whether they are wider than all before."""
        widths = [max(w, len(text_of(c))) for w, c in zip(self._contents, cells, strict=True)]
        wider = widths != self._contents
        self._contents = widths
        return wider

    def arrange(self, room: int) -> None:
        """Lays the columns out in so many cells."""
        self.places = self._laid_out(room)
        if self.places and self.sorted and self.places[-1].index == self.sorted[0]:
            self.places = self._laid_out(room - 1)  # its sign would stand under the scroll bar

    def _laid_out(self, room: int) -> tuple[Place, ...]:
        return self._beside(room) if self._wide else layout(self._kept(), self._contents, room)

    def _kept(self) -> Sequence[Column]:
        """The columns; that by which the rows are sorted goes last."""
        if self.sorted is None:
            return self.columns
        return [
            replace(each, priority=0) if index == self.sorted[0] else each
            for index, each in enumerate(self.columns)
        ]

    def _beside(self, room: int) -> tuple[Place, ...]:
        """The columns at their full width, from the one on that has the chosen one in view."""
        chosen = self.chosen if self.chosen is not None else self._first
        first = min(self._first, chosen)
        while True:
            places = layout_wide(self.columns, self._contents, room, first)
            if first >= chosen or chosen in (place.index for place in places):
                self._first = first
                return places
            first += 1
