"""Health: how a thing is, as a mark, a word and (in a theme) a colour; and how conditions map to it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from msgspec import Struct


class Health(Enum):
    """From best to worst, for sorting; `mark` and `word` say it without colour."""

    NONE = (0, "·", "not applicable")
    OK = (1, "✓", "ok")
    UNKNOWN = (2, "?", "unknown")
    WARN = (3, "!", "warning")
    BAD = (4, "✗", "failing")

    def __init__(self, rank: int, mark: str, word: str) -> None:
        self.rank = rank
        self.mark = mark
        self.word = word

    __hash__ = object.__hash__  # Enum's own is written in Python, and thousands are counted


class Verdict(Struct, frozen=True):
    """A health with its reason in plain words: the line that explains a row's mark."""

    health: Health
    reason: str = ""


OK = Verdict(Health.OK)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of them, the first among equals; "not applicable" where there are none."""
    return max(verdicts, key=lambda verdict: verdict.health.rank, default=Verdict(Health.NONE))
