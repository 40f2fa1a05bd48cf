"""Filter: what a person types behind `/`, and which rows it keeps.

Words separated by spaces must all match, each as a regular expression without regard to case; a leading `!` keeps
the rows that do not match. The engine works in linear time, so no pattern can hold the screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import re2


class BadPattern(ValueError):  # noqa: N818 - reads as what it is
    """The pattern cannot be read; its text says why."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that was understood."""

    text: str
    inverse: bool
    words: Sequence[Any]

    def keeps(self, text: str) -> bool:
        return all(word.search(text) for word in self.words) is not self.inverse


def parse(text: str) -> Filter | None:
    """The filter that a text means; None where it means none. Raises BadPattern."""
    stripped = text.strip()
    inverse = stripped.startswith("!")
    patterns = stripped[inverse:].split()
    if not patterns:
        return None
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    try:
        words = [re2.compile(pattern, options) for pattern in patterns]  # type: ignore[no-untyped-call]
    except re2.error as failure:
        why = failure.args[0] if failure.args else failure
        raise BadPattern(why.decode() if isinstance(why, bytes) else str(why)) from failure
    return Filter(stripped, inverse, words)
