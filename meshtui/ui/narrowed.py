"""Narrowed: a table of which fewer rows are shown: those of some namespaces, those that belong to something, those at
fault, and those that a filter keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from meshtui.mesh.health import Verdict
from meshtui.ui import faults, filters
from meshtui.ui.faults import Faults
from meshtui.ui.filters import Filter, Subject
from meshtui.ui.keyed import Keyed, R
from meshtui.ui.spans import text_of


class Narrowed(Keyed[R]):
    """What of a table's rows a person wants to see."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._within = ""
        self._awaited = ""
        """The key of the row that the cursor is to come to."""
        self._filter: Filter | None = None
        self._faults = False
        self._at_fault: Faults[R] = Faults()
        self._kept: dict[str, tuple[R, bool]] = {}
        self._subjects: dict[str, tuple[R, Subject]] = {}
        self._others = False
        """A person asked for other rows than those that are shown."""

    # What a pane fills in

    def belongs(self, row: R, within: str) -> bool:
        """Whether a row is part of what the pane is narrowed to."""
        return True

    def _labels(self, row: R) -> Mapping[str, str] | None:
        """Of the object behind a row; None where they are not known, or nothing has any."""
        raise NotImplementedError

    # What a person asks for

    @property
    def within(self) -> str:
        return self._within

    @property
    def filter_text(self) -> str:
        return self._filter.text if self._filter else ""

    @property
    def faults(self) -> bool:
        """Whether only the rows are shown that fail or need a person."""
        return self._faults

    def narrow(self, within: str, key: str = "") -> None:
        """Shows only what belongs to something, with the cursor on a row as soon as it is there."""
        self._others = self._others or within != self._within
        self._within = within
        self._awaited = key
        self._derive()

    def read_filter(self, text: str) -> Filter | None:
        """What a text means as a filter of this pane's rows. Raises BadPattern."""
        return filters.parse(text, [column.title for column in self.columns])

    def filter(self, wanted: Filter | None) -> None:
        """Shows only the rows that a filter keeps; None for all."""
        before, self._filter = self.filter_text, wanted
        self._others = self._others or before != self.filter_text
        self._kept.clear()
        self._derive()

    def keep_to_faults(self, *, wanted: bool) -> None:
        if wanted != self._faults:
            self._faults, self._others = wanted, True
            self._derive()

    def action_faults(self) -> None:
        self.keep_to_faults(wanted=not self._faults)

    # What comes of it

    def narrowed(self, rows: Sequence[R], judged: Mapping[str, Verdict]) -> tuple[Sequence[R], int]:
        """The rows to show, and how many there are of what is looked at; `judged` is as for `faults.among`."""
        if self.place.namespaces:
            chosen = {"", *self.place.namespaces}
            rows = [row for row in rows if self.namespace_of(row) in chosen]
        if self._within:
            rows = [row for row in rows if self.belongs(row, self._within)]
        inside = len(rows)
        if self._faults:
            self._at_fault = faults.among(rows, judged)
            rows = self._at_fault.rows
        if self._filter is not None:
            rows = self._filtered(rows, self._filter)
        return rows, inside

    def _filtered(self, rows: Iterable[R], wanted: Filter) -> Sequence[R]:
        """The rows that a filter keeps; a row is judged again only where it is another one."""
        kept, before = {}, self._kept
        for row in rows:
            known = before.get(row.key)
            if known is None or known[0] is not row:
                known = (row, wanted.keeps(self._subject(row)))
            kept[row.key] = known
        self._kept = kept
        return [row for row, keeps in kept.values() if keeps]

    def _subject(self, row: R) -> Subject:
        """A row as a filter looks at it, the same for every letter that is typed."""
        known = self._subjects.get(row.key)
        if known is not None and known[0] is row:
            return known[1]
        cells = self._cells(row)
        words = [cell if type(cell) is str else text_of(cell) for cell in cells]  # of every row
        found = Subject(words, self.called(row), partial(self._labels, row))
        self._subjects[row.key] = (row, found)
        return found
