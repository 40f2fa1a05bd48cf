"""Sections, facts and grids: what a detail says, and how that becomes lines of a given width."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from meshtui.mesh import events, raw
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.ui import times
from meshtui.ui.columns import Column, Place, layout
from meshtui.ui.spans import Cell, Line, Span, Tone, line, mark, said, text_of, tone
from meshtui.ui.table import fit


class Fact(Struct, frozen=True):
    """One thing said: a label, and words that may run over several lines."""

    label: str
    words: Cell


class Grid(Struct, frozen=True):
    """Several things of the same kind, in columns."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


class Section(Struct, frozen=True):
    """A heading with what stands under it. Without a heading it follows on the one before."""

    title: str
    parts: Sequence[Fact | Grid | Line]


_LABEL = 10
"""So wide is the column of labels."""


def render(verdict: Verdict | None, sections: Iterable[Section], width: int) -> list[Line]:
    """The lines of a detail: why the row has its mark, then each section, wrapped to a width in cells."""
    lines: list[Line] = []
    if verdict is not None:
        lines += wrap(said(verdict), width, hang=2)
    for section in sections:
        if not section.parts:
            continue
        if section.title:
            lines += [(), (Span(section.title, Tone.STRONG),)]
        elif lines:
            lines.append(())
        for part in section.parts:
            lines += _part(part, width)
    return lines


def _part(part: Fact | Grid | Line, width: int) -> list[Line]:
    if isinstance(part, Fact):
        return _fact(part, width)
    return _grid(part, width) if isinstance(part, Grid) else wrap(part, width, hang=2)


def _fact(fact: Fact, width: int) -> list[Line]:
    label = Span(f"{fact.label:<{_LABEL}} ", Tone.MUTED)
    return wrap((label, *line(fact.words)), width, hang=len(label.text))


def _grid(grid: Grid, width: int) -> list[Line]:
    """The rows in columns; a column that is empty in all of them is left out."""
    found = [[line(cell) for cell in row] for row in grid.rows]
    widest = [max(len(text_of(row[i])) for row in found) for i in range(len(grid.columns))]
    held = [i for i, most in enumerate(widest) if most]
    columns = [grid.columns[i] for i in held]
    places = layout(columns, [widest[i] for i in held], width)
    lines: list[Line] = []
    if any(column.title for column in columns):
        titles = (_pad(columns[p.index].title, p.width, columns[p.index].right) for p in places)
        lines.append(tuple(Span(f"{title}  ", Tone.MUTED) for title in titles))
    for row in found:
        lines += _row(columns, places, [row[i] for i in held], width)
    return lines


def _row(
    columns: Sequence[Column], places: Sequence[Place], row: Sequence[Line], width: int
) -> list[Line]:
    """A row of a grid. Words in its last column that have no room go on under it."""
    spans: list[Span] = []
    for place in places:
        cell = row[place.index]
        if place is places[-1] and " " in text_of(cell):
            return wrap((*spans, *cell), width, hang=sum(len(span.text) for span in spans))
        cell = fit(cell, place.width)
        space = Span(" " * (place.width - len(text_of(cell))))
        spans += [*((space, *cell) if columns[place.index].right else (*cell, space)), Span("  ")]
    return [tuple(spans)]


def _pad(text: str, width: int, right: bool) -> str:
    cut = text[:width]
    return cut.rjust(width) if right else cut.ljust(width)


def wrap(one: Line, width: int, hang: int = 0) -> list[Line]:
    """A line as several of at most `width` characters, broken between words; the second and later ones are indented
    by `hang`. A word that is longer than a line is broken where it must be."""
    text = text_of(one)
    indent = Span(" " * hang)
    return [
        (indent, *_cut(one, start, end)) if start else _cut(one, start, end)
        for start, end in _breaks(text, max(width, hang + 8), hang)
    ]


def _breaks(text: str, width: int, hang: int) -> Iterable[tuple[int, int]]:
    """Where the lines of a wrapped text begin and end."""
    start, room, indented = 0, width, hang
    while len(text) - start > room:
        end = text.rfind(" ", start + indented + 1, start + room + 1)
        if end < 0:
            end = start + room
        yield start, end
        start = end + (len(text[end:]) - len(text[end:].lstrip(" ")))
        room, indented = width - hang, 0
    yield start, len(text)


def _cut(one: Line, start: int, end: int) -> Line:
    """The spans of a line between two of its characters."""
    spans, at = [], 0
    for span in one:
        piece = span.text[max(0, start - at) : max(0, end - at)]
        if piece:
            spans.append(span._replace(text=piece))
        at += len(span.text)
    return tuple(spans)


def about(obj: Raw | None, now: datetime) -> Section:
    """What every object has: its age, who changed it last, its labels and annotations."""
    if obj is None:
        return Section("Object", ())
    facts = [Fact("created", times.ago(raw.created(obj), now))]
    for entry in raw.entries(obj, "metadata", "managedFields")[:1]:
        changed = times.ago(raw.moment(entry, "time"), now)
        facts.append(
            Fact("changed", f"{changed} by {raw.text(entry, 'manager') or 'nobody named'}")
        )
    for label, path in (("labels", "labels"), ("notes", "annotations")):
        pairs = sorted(raw.strings(obj, "metadata", path).items())
        for position, (name, value) in enumerate(pairs):
            facts.append(Fact("" if position else label, f"{name}={brief(value)}"))
    return Section("Object", facts)


def brief(value: str, most: int = 300) -> str:
    """A text, or its beginning and how long it is."""
    return value if len(value) <= most else f"{value[:most]}… ({len(value):,} characters)"


def conditions(obj: Raw | None, now: datetime) -> Section:
    """The conditions of an object, in Kubernetes' words."""
    found = raw.conditions(obj).values() if obj is not None else ()
    rows: list[tuple[Cell, ...]] = [
        (
            Span(f"{each.type}={each.status}"),
            each.reason,
            times.age(each.since, now),
            each.message,
        )
        for each in found
    ]
    columns = (
        Column("CONDITION", 12, 44, 0),
        Column("REASON", 8, 28, 1),
        Column("SINCE", 5, 8, 2, right=True),
        Column("MESSAGE", 20, 400, 0),
    )
    return Section("Conditions", (Grid(columns, rows),) if rows else ())


def happened(snapshot: Snapshot, ref: Ref, uid: str) -> Section:
    """The events of an object, newest first; what cannot be read is said."""
    source = snapshot.sources.get(events.scope(ref, uid))
    rows: list[tuple[Cell, ...]] = [
        (
            times.age(event.last, snapshot.now),
            Span(event.reason, Tone.WARN if event.warning else Tone.PLAIN),
            f"×{event.count}" if event.count > 1 else "",
            event.message,
        )
        for event in events.of(snapshot, uid)
    ]
    if rows:
        columns = (
            Column("SEEN", 5, 8, 0, right=True),
            Column("REASON", 8, 28, 0),
            Column("", 1, 6, 1),
            Column("MESSAGE", 20, 400, 0),
        )
        return Section("Events", (Grid(columns, rows),))
    if source is None or not source.complete:
        words = source.problem.text if source and source.problem else "being read"
        health = Health.UNKNOWN if source and source.problem else Health.NONE
        return Section("Events", (Fact("events", (mark(health), Span(f" {words}", tone(health)))),))
    return Section("Events", (Fact("events", "none (a server keeps them for about an hour)"),))
