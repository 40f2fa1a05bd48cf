"""Printed: the rows of a kind as the server prints them, whatever kind it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from meshtui.mesh import raw
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import EVENT, Kind
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Printed, Ref, Snapshot

NOTHING = Printed()
"""What is known of a kind that nobody asked for."""
_LONGEST = 4_000
"""More characters of one cell are not kept: a kind may print a whole document."""


class Row(Struct, frozen=True):
    """One object as the server prints it."""

    key: str
    verdict: Verdict
    ref: Ref
    uid: str
    created: datetime | None
    labels: Mapping[str, str]
    owners: Sequence[Raw]
    """Its ownerReferences."""
    cells: tuple[str, ...]
    """The words of each cell, in the order of the headings."""


def of(snapshot: Snapshot, kind: Kind) -> Sequence[Row]:
    """The rows of a kind that was asked for, by namespace and name; events by when they began, the newest first."""
    objects = snapshot.tables.get(kind, NOTHING).rows

    def rows() -> Sequence[Row]:
        found = snapshot.memo.each(
            ("printed", kind), objects, lambda it: _row(kind, it), lambda it: (), ()
        )
        if kind == EVENT:  # their names are those of their objects, and a number
            return sorted(found, key=lambda row: row.created or _EVER, reverse=True)
        return sorted(found, key=lambda row: (row.ref.namespace, row.ref.name))

    return snapshot.memo.kept(("printed rows", kind), rows, (objects,))


_EVER = datetime.min.replace(tzinfo=UTC)


def _row(kind: Kind, it: Raw) -> Row:
    cells = raw.dig(it, "cells")
    words = tuple(_words(cell) for cell in cells) if isinstance(cells, list) else ()
    return Row(
        raw.uid(it) or raw.key(it),
        _verdict(kind, it, words),
        Ref(kind, raw.namespace(it), raw.name(it)),
        raw.uid(it),
        raw.created(it),
        raw.strings(it, "metadata", "labels"),
        raw.entries(it, "metadata", "ownerReferences"),
        words,
    )


def _verdict(kind: Kind, it: Raw, words: Sequence[str]) -> Verdict:
    """No judgment, but for what the row says itself: that its object is on its way out, or that it is a warning."""
    if raw.text(it, "metadata", "deletionTimestamp"):
        return Verdict(Health.WARN, "it is being deleted")
    if kind == EVENT and "Warning" in words:
        return Verdict(Health.WARN, "a warning")
    return Verdict(Health.NONE, "as the server prints it; nothing of it is judged")


def _words(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    try:
        text = str(cell)
    except RecursionError:
        return "…"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
