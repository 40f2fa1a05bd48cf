"""Narrowed: a table of which fewer rows are shown: those of some namespaces, those that belong to something, those at
fault, and those that a filter keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from functools import partial
from itertools import islice
from time import monotonic
from typing import ClassVar

from meshtui.mesh.health import Verdict
from meshtui.ui import faults, filters
from meshtui.ui.faults import Faults
from meshtui.ui.filters import Filter, Subject
from meshtui.ui.keyed import Keyed, R
from meshtui.ui.keys_first import Considerate
from meshtui.ui.sifting import Sifted, Subjects
from meshtui.ui.spans import text_of

_AT_ONCE = 1_000
"""So many rows are judged before a letter is drawn; more are in slices, between which keys come."""
_SLICE = 0.01
"""Seconds."""
_STEP = 100
"""So many rows are judged between two looks at the clock."""


class Narrowed(Keyed[R]):
    """What of a table's rows a person wants to see."""

    ROW_AND_TIME: ClassVar[bool] = False
    """Whether its cells are made of the row and the time alone, so that they last as long as the row but for ages."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._within = ""
        self._awaited = ""
        """The key of the row that the cursor is to come to."""
        self._faults = False
        self._at_fault: Faults[R] = Faults()
        self._subjects: Subjects[R] = Subjects(self._subject)
        self._sifted: Sifted[R] | None = None
        """What the filter keeps."""
        self._sifting: Sifted[R] | None = None
        """The same of one that is being typed, while rows are judged."""
        self._others = False
        """A person asked for other rows than those that are shown."""

    # What a pane fills in

    def belongs(self, row: R, within: str) -> bool:
        """Whether a row is part of what the pane is narrowed to."""
        return True

    def _all(self) -> Sequence[R]:
        """The rows that a filter has to judge; none where nothing is shown yet."""
        raise NotImplementedError

    def _labels(self, row: R) -> Mapping[str, str] | None:
        """Of the object behind a row; None where they are not known, or nothing has any."""
        raise NotImplementedError

    # What a person asks for

    @property
    def within(self) -> str:
        return self._within

    @property
    def _filter(self) -> Filter | None:
        return self._sifted.filter if self._sifted is not None else None

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
        sifting, self._sifting = self._sifting, None
        if wanted is None:
            self._sift(None)
        elif sifting is not None and sifting.filter.text == wanted.text:
            self._sift(sifting)
        else:
            self._sift(Sifted(wanted, self._subjects.of))

    def filter_soon(self, wanted: Filter | None) -> None:
        """The same while it is typed: where there are many rows, the old ones stand there until all are judged."""
        if wanted is None or len(self._all()) <= _AT_ONCE:
            self.filter(wanted)
            return
        self._subjects.typed()
        self._sifting = Sifted(wanted, self._subjects.of)
        # a function, not a coroutine: one given up before it ran leaves nothing unawaited
        self.run_worker(self._sift_in_slices, exclusive=True, group="sift")  # type: ignore[arg-type]

    def _read_again(self) -> None:
        """There are other columns, which the filter may be about."""
        wanted, self._sifting = self.read_filter(self.filter_text), None
        self._sifted = Sifted(wanted, self._subjects.of) if wanted is not None else None

    def expect_filter(self) -> None:
        """A filter is about to be typed: where there are many rows, they are put into words meanwhile."""
        if len(self._all()) > _AT_ONCE:
            self._subjects.typed()
            self.run_worker(self._word_in_slices, exclusive=True, group="sift")  # type: ignore[arg-type]

    async def _word_in_slices(self) -> None:
        async for some in self._slices():
            for row in some:
                self._subjects.of(row)

    async def _sift_in_slices(self) -> None:
        sifting = self._sifting
        async with aclosing(self._slices()) as slices:
            async for some in slices:
                if sifting is None or self._sifting is not sifting:
                    return
                sifting.judge(some)
        await asyncio.sleep(0)
        if sifting is not None and self._sifting is sifting:
            self.filter(sifting.filter)

    async def _slices(self) -> AsyncGenerator[Sequence[R], None]:
        """All rows, a few at a time; keys come between."""
        left = iter(self._all())
        ends = monotonic() + _SLICE
        while some := [*islice(left, _STEP)]:
            if monotonic() > ends:
                await asyncio.sleep(0)
                if isinstance(self.app, Considerate):
                    self.app.keys_first.pressed()  # a key is at work until its rows are there
                ends = monotonic() + _SLICE
            yield some

    def _sift(self, sifted: Sifted[R] | None) -> None:
        before = self.filter_text
        self._sifted = sifted
        self._others = self._others or before != self.filter_text
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
        rows = self._inside(rows)
        inside = len(rows)
        if self._faults:
            self._at_fault = faults.among(rows, judged)
            rows = self._at_fault.rows
        if self._sifted is not None:
            rows = self._sifted.kept(rows)
        return rows, inside

    def _inside(self, rows: Sequence[R]) -> Sequence[R]:
        """Those of the namespaces that are looked at and, where the pane is narrowed to something, of that."""
        if self.place.namespaces:
            chosen = {"", *self.place.namespaces}
            rows = [row for row in rows if self.namespace_of(row) in chosen]
        if self._within:
            rows = [row for row in rows if self.belongs(row, self._within)]
        return rows

    def _subjects_at(self, now: datetime) -> None:
        """There is another snapshot."""
        self._subjects.at(now)
        if not self.ROW_AND_TIME:
            self._subjects.forget()

    def _subject(self, row: R) -> Subject:
        """A row as a filter looks at it."""
        cells = self._cells(row)
        words = [cell if type(cell) is str else text_of(cell) for cell in cells]  # of every row
        return Subject(words, self.called(row), partial(self._labels, row))
