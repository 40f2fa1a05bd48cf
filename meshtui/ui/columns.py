"""Column: what a column is called, what it is sorted by and how much room it may have; which columns fit a width, and
how wide each is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct


class Column(Struct, frozen=True):
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
    by: Callable[[Any], object] | None = None
    """What a row is sorted by in this column, None where that is not known; by the words of its cell where there is no
    such function."""
    letter: str = ""
    """The key that sorts by it: "N" by name, "A" by age, "P" by namespace."""


class Place(Struct, frozen=True):
    """Where a column stands: its index among the columns, and its width."""

    index: int
    width: int


GAP = 2
WIDE = 50
"""From this priority on a column has something in it and is shown only where all others have all the room they want."""


def layout(columns: Sequence[Column], contents: Sequence[int], room: int) -> tuple[Place, ...]:
    """The columns that fit into `room`, in their order. `contents` is the widest content of each column; a column is as
    wide as its content (within `least` and `most`) where there is room, and shares the shortage where there is not.
    What stands to the right, numbers and ages, is never shortened."""
    ideal = _ideal(columns, contents)
    chosen = [i for i, each in enumerate(columns) if each.priority < WIDE or contents[i]]
    while (wide := [i for i in chosen if columns[i].priority >= WIDE]) and (
        _total(ideal[i] for i in chosen) > room
    ):
        chosen.remove(max(wide, key=lambda i: columns[i].priority))
    filled = [max(n, len(each.title)) for each, n in zip(columns, contents, strict=True)]
    least = [
        max(min(each.least, n), min(each.most, content) if each.right else 0)
        for each, n, content in zip(columns, filled, contents, strict=True)
    ]
    dropped: list[int] = []
    while len(chosen) > 1 and _total(least[i] for i in chosen) > room:
        dropped.append(max(chosen, key=lambda i: (columns[i].priority, i)))
        chosen.remove(dropped[-1])
    whole = [min(each.most, n) for each, n in zip(columns, filled, strict=True)]
    for index in reversed(dropped):  # a narrow one may fit where a wider one did not
        if _total(whole[i] for i in (*chosen, index)) <= room:
            chosen = sorted([*chosen, index])
    widths = {i: ideal[i] for i in chosen}
    shortage = _total(widths.values()) - room
    while shortage > 0:
        shrinkable = [i for i in chosen if widths[i] > least[i]]
        if not shrinkable:
            break
        widest = max(shrinkable, key=lambda i: (widths[i] > filled[i], widths[i] - least[i]))
        widths[widest] -= 1
        shortage -= 1
    return tuple(Place(i, widths[i]) for i in chosen)


def layout_wide(
    columns: Sequence[Column], contents: Sequence[int], room: int, first: int
) -> tuple[Place, ...]:
    """The columns from `first` on, each as wide as it wants to be, as many as fit; what names a row stays before
    them."""
    ideal = _ideal(columns, contents)
    name = min(range(len(columns)), key=lambda i: (columns[i].priority, i))
    places: list[Place] = []
    left = room
    for index in (*([name] if name < first else []), *range(first, len(columns))):
        if places and ideal[index] > left:
            break
        places.append(Place(index, max(1, min(ideal[index], left))))
        left -= ideal[index] + GAP
    return tuple(places)


def find(typed: str, titles: Sequence[str]) -> int | None:
    """The column of that name, or the first whose name begins so; None where there is none. Neither case nor what is
    no letter or digit counts."""
    names, wanted = [bare(title) for title in titles], bare(typed)
    found = [i for i, name in enumerate(names) if name == wanted]
    found += [i for i, name in enumerate(names) if wanted and name.startswith(wanted)]
    return found[0] if found else None


def bare(title: str) -> str:
    """A title as it is typed: "heldby"."""
    return re.sub(r"[\W_]", "", title).lower()


def _ideal(columns: Sequence[Column], contents: Sequence[int]) -> list[int]:
    """How wide each column wants to be."""
    return [
        max(column.least, min(column.most, max(content, len(column.title))))
        for column, content in zip(columns, contents, strict=True)
    ]


def _total(widths: Iterable[int]) -> int:
    found = list(widths)
    return sum(found) + GAP * (len(found) - 1)


def shorten(text: str, width: int) -> str:
    """The text in at most `width` characters. A name is shortened in the middle: the end of a pod's name tells it from
    its siblings; also behind its kind, where that leaves it room: "Pod shop/che…jbfb7". Other words, which have spaces
    between them, end where there is no more room."""
    if len(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    kind, _, name = text.rpartition(" ")
    if not kind.strip():
        return _in_the_middle(text, width)
    room = width - len(kind) - 1
    if room >= _LEAST and _KIND.fullmatch(kind) and _PARTS.search(name):
        return f"{kind} {_in_the_middle(name, room)}"
    return f"{text[: width - 1]}…"


_KIND = re.compile(r"\w+( \w+)?")
"""One or two words, as "Istio Gateway", before a name."""
_PARTS = re.compile(r".[/:].")
"""In a name of two parts: "edge/classic", "reviews:80"."""
_LEAST = 6
"""So many characters of a name tell something of it."""


def _in_the_middle(name: str, width: int) -> str:
    head = width // 2
    return f"{name[:head]}…{name[len(name) - (width - head - 1) :]}"
