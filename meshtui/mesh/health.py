"""Health: how a thing is, as a mark, a word and (in a theme) a colour; and how conditions map to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from meshtui.mesh.raw import Condition


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


@dataclass(frozen=True, slots=True)
class Verdict:
    """A health with its reason in plain words: the line that explains a row's mark."""

    health: Health
    reason: str = ""


OK = Verdict(Health.OK)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of them, the first among equals; "not applicable" where there are none."""
    return max(verdicts, key=lambda verdict: verdict.health.rank, default=Verdict(Health.NONE))


def of_condition(condition: Condition | None, wanted: str = "True") -> Verdict:
    """What one condition says of its object: unknown where nobody wrote it."""
    if condition is None:
        return Verdict(Health.UNKNOWN, "no condition was written yet")
    said = f"{condition.type}={condition.status}"
    reason = ": ".join(part for part in (condition.reason, condition.message) if part)
    if condition.status == wanted:
        return Verdict(Health.OK, said)
    if condition.status in ("True", "False"):
        return Verdict(Health.BAD, f"{said} ({reason})" if reason else said)
    return Verdict(Health.UNKNOWN, f"{said} ({reason})" if reason else said)
