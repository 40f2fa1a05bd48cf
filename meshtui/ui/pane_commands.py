"""The commands that do with the pane in front what its keys do: sort, mark, wide, copy, save."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from meshtui.ui.columns import bare, find
from meshtui.ui.commands import Command
from meshtui.ui.pane import Pane
from meshtui.ui.sorting import MARK, Order

AnyPane = Pane[Any]

_DESCENDING = ("desc", "descending", "down")
_MARKS = {"range": "mark_range", "clear": "unmark", "one": "mark"}


def of(front: Callable[[], AnyPane], save: Callable[[str], object]) -> list[Command]:
    """The commands, for the pane that is in front when one is run; `save` saves its rows under a name, or asks for
    one."""
    return [
        Command(("sort",), "by a column, `desc` the other way; by none as the pane does itself",
                lambda said: _sort(front(), said), lambda: _columns(front()), "[COLUMN]", closed=True),
        Command(("wide",), "all columns, and back", lambda _: _arranged(front(), "wide")),
        Command(("mark",), "a row, those from the last mark to here, or none", lambda said: _mark(front(), said),
                lambda: sorted(_MARKS), "[range|clear]", closed=True),
        Command(("copy",), "its name, or more of the row", lambda said: _copy(front(), said),
                lambda: [each.what for each in front().copies()], "[WHAT]", closed=True),
        Command(("save",), "the rows shown, as CSV or JSON by the end of the name", save, takes="[FILE]"),
    ]  # fmt: skip


def _columns(pane: AnyPane) -> list[str]:
    if not pane.ARRANGED:
        return []
    names = [MARK, *filter(None, (bare(column.title) for column in pane.columns))]
    return [*names, *(f"{name} desc" for name in names)]


def _sort(pane: AnyPane, said: str) -> None:
    if not pane.ARRANGED:
        pane.post_message(pane.Told(_IN_SECTIONS))
        return
    column, _, way = said.partition(" ")
    titles = [each.title for each in pane.columns]
    index = find(column, titles)
    if way.strip() and way.strip().lower() not in _DESCENDING:
        words = f":sort {said}: {way.strip()} is no direction; desc is the other way round."
        pane.post_message(pane.Told(words))
    elif not column:
        pane.sort(Order())
    elif index is None and column.lower() != MARK:
        known = ", ".join(filter(None, map(bare, titles)))
        words = f":sort {said}: no column {column}: there are {MARK}, {known}."
        pane.post_message(pane.Told(words))
    else:
        pane.sort(Order(MARK if index is None else titles[index], bool(way)))


def _mark(pane: AnyPane, said: str) -> None:
    action = _MARKS.get(said.strip().lower() or "one")
    if action is None:
        pane.post_message(pane.Told(f":mark {said}: write range, clear or nothing behind it."))
    else:
        _arranged(pane, action)


def _arranged(pane: AnyPane, action: str) -> None:
    if pane.ARRANGED:
        getattr(pane, f"action_{action}")()
    else:
        pane.post_message(pane.Told(_IN_SECTIONS))


def _copy(pane: AnyPane, said: str) -> None:
    what = said.strip().lower()
    if not what:
        pane.action_copy()
        return
    found = {each.what: each for each in pane.copies()}
    if what in found:
        pane.post_message(pane.CopyTaken(found[what]))
    else:
        there = f"of this row there are {', '.join(found)}" if found else "there is no row"
        pane.post_message(pane.Told(f":copy {said}: {there}."))


_IN_SECTIONS = "The rows of this pane stand in sections: nothing is sorted or marked there."
