"""Nearest misses: where no ALLOW lets a call in, the rules that would but for a field."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from meshtui.mesh.traffic.trials import Clause, Test, Trial

_TOLD = 3


class Miss(Struct, frozen=True):
    """A rule that did not match, and each field that kept it from that."""

    policy: str
    rule: int
    fields: tuple[Test, ...]

    def __str__(self) -> str:
        return f"{self.policy} rule {self.rule + 1} wants {'; '.join(map(str, self.fields))}"


def of(trials: Iterable[Trial]) -> tuple[Miss, ...]:
    """Of rules that did not match, those that the fewest fields kept from it, the first few."""
    missed = [
        Miss(trial.policy, trial.rule, tuple(t for c in trial.clauses for t in _least(c)))
        for trial in trials
    ]
    least = min((len(each.fields) for each in missed), default=0)
    return tuple(each for each in missed if len(each.fields) == least)[:_TOLD]


def _least(clause: Clause) -> tuple[Test, ...]:
    """What fails of the alternative that fails least."""
    failing = [tuple(test for test in one if test.holds is not True) for one in clause]
    return min(failing, key=len, default=())
