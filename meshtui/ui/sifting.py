"""Sifting: which rows a filter keeps. A row is put into words once, and judged once by each filter, for as long as it
is the same row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import compress
from typing import Any, Generic, TypeVar

from meshtui.ui.exchange import Row
from meshtui.ui.filters import Filter, Subject

R = TypeVar("R", bound=Row)

_LASTS = timedelta(seconds=30)
"""So long after a letter the words last, ages among them: the next letter is about the same ones."""


class Subjects(Generic[R]):
    """Rows as a filter looks at them, the same for every letter that is typed."""

    def __init__(self, subject: Callable[[R], Subject]) -> None:
        self._subject = subject
        self._known: dict[str, tuple[R, Subject]] = {}
        self._now: datetime | None = None
        self._typed: datetime | None = None

    def forget(self) -> None:
        self._known.clear()

    def at(self, now: datetime) -> None:
        """What is made from here on is of this time."""
        self._now = now
        if self._typed is None or not timedelta() <= now - self._typed < _LASTS:
            self.forget()

    def typed(self) -> None:
        """A filter has another letter."""
        self._typed = self._now

    def of(self, row: R) -> Subject:
        known = self._known.get(row.key)
        if known is None or known[0] is not row:
            known = self._known[row.key] = (row, self._subject(row))
        return known[1]


class Sifted(Generic[R]):
    """The rows that one filter keeps."""

    def __init__(self, wanted: Filter, subject: Callable[[R], Subject]) -> None:
        self.filter = wanted
        self._subject = subject
        self._judged: list[R] = []
        self._keeps: list[bool] = []
        """Of each of these rows."""

    def judge(self, rows: Iterable[R]) -> None:
        """Judges some rows: it is known then whether they are kept."""
        found = [*rows]
        self._keeps += self._verdicts(found)
        self._judged += found

    def kept(self, rows: Sequence[R]) -> Sequence[R]:
        """Those that are kept, of all that there are now; only other rows than before are judged."""
        # by which object it is: those that were judged are held, so that no other one can have its id
        known = dict(zip(map(id, self._judged), self._keeps, strict=True))
        keeps: list[Any] = [*map(known.get, map(id, rows))]
        new = [at for at, each in enumerate(keeps) if each is None]
        for at, each in zip(new, self._verdicts(rows[at] for at in new), strict=True):
            keeps[at] = each
        self._judged, self._keeps = [*rows], keeps
        return [*compress(rows, keeps)]

    def _verdicts(self, rows: Iterable[R]) -> list[bool]:
        keeps, subject = self.filter.keeps, self._subject
        return [keeps(subject(row)) for row in rows]
