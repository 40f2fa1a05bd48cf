"""Sorting: the order in which a pane shows its rows, its own or that of a column, which somebody chose.

What is not known stands last, whichever way the rows are sorted; rows that are alike keep the pane's own order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import repeat
from typing import Any, Generic, TypeVar

from msgspec import Struct

from meshtui.ui.exchange import Row

R = TypeVar("R", bound=Row)

MARK = "mark"
"""What stands for the mark of a row in place of a column's title: how it is, the worst first."""


class Order(Struct, frozen=True):
    """By which column, and which way."""

    column: str = ""
    """Its title, or MARK; "" for the pane's own order."""
    descending: bool = False

    def asked(self, column: str) -> Order:
        """What is meant by asking for a column: it, or the other way round where it decides already."""
        return Order(column, column == self.column and not self.descending)


class Sorter(Generic[R]):
    """Sorts rows. What a row is sorted by is found once, for as long as it is the same row."""

    def __init__(self) -> None:
        self._column = ""
        self._rows: Sequence[R] = ()
        self._keys: Sequence[Any] = ()
        """What each of the rows is sorted by."""
        self._order = Order()
        self._sorted: Sequence[R] = ()

    def sorted(self, rows: Sequence[R], order: Order, value: Callable[[R], object]) -> Sequence[R]:
        """The rows in an order. `value` gives what one is sorted by; None where that is not known."""
        if rows is not self._rows or order != self._order:
            self._sorted = self._anew(rows, order, value)
            self._order = order
        return self._sorted

    def _anew(self, rows: Sequence[R], order: Order, value: Callable[[R], object]) -> Sequence[R]:
        keys = self._keys_of(rows, order.column, value)
        there = [at for at, key in enumerate(keys) if key is not None]
        unknown = [row for row, key in zip(rows, keys, strict=True) if key is None]
        there.sort(key=keys.__getitem__, reverse=order.descending)
        return [*map(rows.__getitem__, there), *unknown]

    def _keys_of(
        self, rows: Sequence[R], column: str, value: Callable[[R], object]
    ) -> Sequence[Any]:
        # by which object it is: those of the last time are held, so that no other one can have its id
        same = column == self._column
        known = dict(zip(map(id, self._rows), self._keys, strict=True)) if same else {}
        keys = [*map(known.get, map(id, rows), repeat(_NEW))]
        words: dict[str, Any] = {}  # of 50,000 namespaces or states a few hundred are different
        for at, row in enumerate(rows):
            if keys[at] is _NEW:
                by = value(row)
                if isinstance(by, str):
                    by = words[by] if by in words else words.setdefault(by, comparable(by))
                keys[at] = by
        self._column, self._rows, self._keys = column, rows, keys
        return keys


_NEW: Any = object()


def since(moment: datetime | None) -> float | None:
    """What an age is sorted by: the youngest first."""
    return None if moment is None else -moment.timestamp()


def until(moment: datetime | None) -> float | None:
    """What a time to come is sorted by: the next first."""
    return None if moment is None else moment.timestamp()


_UNKNOWN = ("", "–", "-", "<none>", "<unknown>")
"""What kubectl and we write for nothing."""
_UNITS = {"y": 365 * 86400, "d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:[0-9]{1,9}[ydhms])+")
_PART = re.compile(r"([0-9]+)([ydhms])")
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?%?")
_DIGITS = re.compile(r"[0-9]+")
_WIDTH = 20
"""Digits are filled up to so many."""
_LONGEST = 200
"""So many characters of a text decide."""


def comparable(value: object) -> Any:
    """A value as what it is compared by with others of its column; None stays None. In words, numbers count as such:
    "node-9" comes before "node-10", "90s" before "2m", and a text of nothing is not known."""
    if not isinstance(value, str):
        return value
    text = value.strip()[:_LONGEST]
    if text in _UNKNOWN or text.startswith("?"):
        return None
    if _DURATION.fullmatch(text):
        return _number(sum(int(many) * _UNITS[unit] for many, unit in _PART.findall(text)))
    if _NUMBER.fullmatch(text):
        return _number(float(text.rstrip("%")))
    return _DIGITS.sub(_filled, text.lower())


def _filled(digits: re.Match[str]) -> str:
    return digits[0].zfill(_WIDTH)


def _number(value: float) -> str:
    """A number as a text that has its place among others, and among texts that begin with one."""
    if value < 0:
        return f"!{10**15 + value:0{_WIDTH + 4}.3f}"
    return f"{value:0{_WIDTH + 7}.6f}"
