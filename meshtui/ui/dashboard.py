"""How the overview is drawn: its sections side by side, with bars, tiles, horizons and sparklines, as lines of a width
that is given. What a mark and a word say stands beside each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from meshtui.mesh.health import Health
from meshtui.mesh.overview_items import Item
from meshtui.ui import times
from meshtui.ui.bars import axis, coverage, horizon, sparkline
from meshtui.ui.spans import Line, Span, Tone, mark, tone

ARRANGED: Mapping[int, Sequence[Sequence[str]]] = {
    1: (
        (
            *("PANES", "ENROLLMENT", "NODES", "COMING UP", "WATCHED", "WORST"),
            *("OUTSIDE", "MESH", "COMPONENTS", "REVISIONS", "APIS"),
        ),
    ),
    2: (
        ("PANES", "WORST", "APIS"),
        (
            *("ENROLLMENT", "OUTSIDE", "NODES", "COMING UP", "WATCHED"),
            *("MESH", "COMPONENTS", "REVISIONS"),
        ),
    ),
    3: (
        ("PANES", "WORST"),
        ("ENROLLMENT", "OUTSIDE", "NODES", "COMING UP", "WATCHED"),
        ("MESH", "COMPONENTS", "REVISIONS", "APIS"),
    ),
}
"""By the number of columns which section stands where."""


class Tile(Struct, frozen=True):
    """Several of a section stand on one line, each so wide."""

    width: int
    bare: bool = False
    """Nothing but its mark is drawn."""


_MANY = 24
"""More nodes than these are marks without names."""


def tile(section: str, items: Sequence[Item]) -> Tile | None:
    """How the lines of a section share one; None where each has its own."""
    label = max((len(item.text) for item in items), default=0)
    if section == "NODES" and len(items) > _MANY:
        return Tile(1, bare=True)
    beside = {"PANES": 10, "NODES": 8, "OUTSIDE": 0, "APIS": 0}.get(section)
    return None if beside is None else Tile(min(label, 22) + beside + 2)


def heading(section: str, items: Sequence[Item], label: int, room: int) -> Line:
    """What stands over a section; `label` is how wide the labels of its lines are."""
    title = Span(section, Tone.STRONG)
    width = _drawn(section, label, room)
    if section == "COMING UP" and width:
        return (title, Span(" " * (label + 4 - len(section))), *axis(width))
    if section == "NODES" and len(items) > _MANY:
        counts = Counter(item.verdict.health for item in items)
        known = [f"{each.mark} {counts[each]}" for each in reversed(Health) if counts[each]]
        return (title, Span(f"  {len(items)}: {'  '.join(known)}", Tone.MUTED))
    return (title,)


def label_of(section: str, item: Item) -> Span:
    """What it is called; what is not there steps back."""
    absent = item.verdict.health is Health.NONE and section in ("OUTSIDE", "APIS")
    return Span(item.text, Tone.MUTED if absent else Tone.PLAIN)


def label_width(section: str, widest: int, room: int) -> int:
    """How wide the labels of lines that are so wide may be at most."""
    share = {"WORST": room * 2 // 5, "COMING UP": max(16, room // 3)}
    return min(widest, share.get(section, room // 2))


def worth(section: str, item: Item, now: datetime, label: int, room: int) -> Line:
    """What stands behind the label of an item in a room of that many cells for mark, label and it."""
    width = _drawn(section, label, room)
    colour = tone(item.verdict.health)
    if section in ("OUTSIDE", "APIS"):
        return ()  # its mark says it, and the line under all says how
    if section == "PANES":
        return _counts(item, room - label - 4)
    if section == "NODES" and item.share is not None:
        said = "/".join(map(str, item.share))
        return (Span(said, colour if item.verdict.health in _WRONG else Tone.PLAIN),)
    if section == "NODES":
        unknown = item.verdict.health is Health.UNKNOWN
        return (Span(Health.UNKNOWN.mark if unknown else "–", colour),)
    if item.when is not None and width:
        line = horizon(item.when - now, width, colour)
        length, said = times.due(item.value, item.when, now)
        return (*line, Span(f" {length:>6} {said}"))
    if section == "ENROLLMENT" and width:
        return (*_coverage(item, width), Span(" "), *words(section, item, now))
    if item.series and width:
        return (*sparkline(item.series, width), Span(" "), *words(section, item, now))
    return words(section, item, now)


def _coverage(item: Item, width: int) -> Line:
    part, whole = item.share or (0, 0)
    if not whole:
        return (Span(" " * width),)
    return coverage(part / whole, tone(item.verdict.health), width)


_WRONG = (Health.BAD, Health.WARN, Health.UNKNOWN)

_DRAWN = {"ENROLLMENT": (8, 24, 9), "COMING UP": (10, 48, 15), "WATCHED": (10, 48, 20)}
"""Sections in which something is drawn: how wide at least and at most, and the room for the words beside it."""


def _drawn(section: str, label: int, room: int) -> int:
    """How wide the bars of a section are; 0 where there is no room, or nothing to draw."""
    if section not in _DRAWN:
        return 0
    least, most, beside = _DRAWN[section]
    width = min(most, room - label - 5 - beside)
    return width if width >= least else 0


def _counts(item: Item, room: int) -> Line:
    """How many are how, the worst first, as many of them as there is room for."""
    spans: list[Span] = []
    for health, count in item.counts.items():
        said = (Span("  " if spans else ""), mark(health), Span(f" {count:,}"))
        room -= sum(len(text) for text, _ in said)
        if room < 0:
            break
        spans += said
    return tuple(spans) or (Span(item.value, tone(item.verdict.health)),)


def words(section: str, item: Item, now: datetime) -> Line:
    """What it is worth in words alone."""
    health = item.verdict.health
    seen = health in _WRONG and section != "WORST"  # a reason is read, not seen
    colour = tone(health) if seen else Tone.PLAIN
    said = item.value
    if item.when is not None:
        said = times.coming(said, item.when, now)
    return (Span(said, colour),) if said else ()
