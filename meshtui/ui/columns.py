"""Column: what a column is called and how much room it may have; which columns fit a width, and how wide each is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table. Widths are in cells of the terminal."""

    title: str
    least: int = 4
    """It is never drawn narrower; its cells are shortened in the middle down to this."""
    most: int = 24
    """It is never drawn wider."""
    priority: int = 1
    """0 stays to the last; the larger the number, the sooner the column goes when there is no room."""
    right: bool = False
    """Numbers stand to the right."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a column stands: its index among the columns, and its width."""

    index: int
    width: int


GAP = 2
WIDE = 50
"""From this priority on a column has something in it and is shown only where all others have all the room they want."""


def layout(columns: Sequence[Column], contents: Sequence[int], room: int) -> tuple[Place, ...]:
    """The columns that fit into `room`, in their order. `contents` is the widest content of each column; a column is as
    wide as its content (within `least` and `most`) where there is room, and shares the shortage where there is not."""
    ideal = [
        max(column.least, min(column.most, max(content, len(column.title))))
        for column, content in zip(columns, contents, strict=True)
    ]
    chosen = [i for i, each in enumerate(columns) if each.priority < WIDE or contents[i]]
    while (wide := [i for i in chosen if columns[i].priority >= WIDE]) and (
        _total(ideal[i] for i in chosen) > room
    ):
        chosen.remove(max(wide, key=lambda i: columns[i].priority))
    while len(chosen) > 1 and _total(min(columns[i].least, ideal[i]) for i in chosen) > room:
        chosen.remove(max(chosen, key=lambda i: (columns[i].priority, i)))
    widths = {i: ideal[i] for i in chosen}
    shortage = _total(widths.values()) - room
    while shortage > 0:
        shrinkable = [i for i in chosen if widths[i] > columns[i].least]
        if not shrinkable:
            break
        widest = max(shrinkable, key=lambda i: widths[i] - columns[i].least)
        widths[widest] -= 1
        shortage -= 1
    return tuple(Place(i, widths[i]) for i in chosen)


def _total(widths: Iterable[int]) -> int:
    found = list(widths)
    return sum(found) + GAP * (len(found) - 1)


def shorten(text: str, width: int) -> str:
    """The text in at most `width` characters. A name is shortened in the middle: the end of a pod's name tells it from
    its siblings. Words, which have spaces between them, end where there is no more room."""
    if len(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    head = width - 1 if " " in text.strip() else width // 2
    return f"{text[:head]}…{text[len(text) - (width - head - 1) :]}"
