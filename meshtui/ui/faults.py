"""Faults: which rows `ctrl-z` keeps, and what it leaves out that nobody knows to be well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from msgspec import Struct

from meshtui.mesh.checks import count
from meshtui.mesh.health import Health, Verdict
from meshtui.ui.exchange import Row
from meshtui.ui.spans import Line, Span, Tone

R = TypeVar("R", bound=Row)


class Faults(Struct, Generic[R], frozen=True):
    """The rows that fail or need a person."""

    rows: Sequence[R] = ()
    of: int = 0
    """Among so many."""
    unknown: int = 0
    """So many more may be faults as well."""

    @property
    def none(self) -> list[Line]:
        """What stands in place of rows where there are none."""
        words = f"No faults among {count(self.of, 'row')}."
        return [(Span(words),), *self.notes, (Span("esc shows all rows again.", Tone.MUTED),)]

    @property
    def notes(self) -> list[Line]:
        if not self.unknown:
            return []
        words = f"? {count(self.unknown, 'row')} whose health is not known: ctrl-z shows all."
        return [(Span(words, Tone.UNKNOWN),)]


def among(rows: Sequence[R], judged: Mapping[str, Verdict]) -> Faults[R]:
    """`judged` has the verdicts of rows that the doctor finds something worse of, by key."""
    found: dict[Health, list[R]] = {}
    for row in rows:
        found.setdefault(judged.get(row.key, row.verdict).health, []).append(row)
    bad = {row.key for health in (Health.BAD, Health.WARN) for row in found.get(health, ())}
    kept = [row for row in rows if row.key in bad]
    return Faults(kept, len(rows), len(found.get(Health.UNKNOWN, ())))
