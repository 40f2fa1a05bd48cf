"""TabLine: the panes in a line, the one in front marked, and its stamp: how its rows are and how far to trust them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from meshtui.ui.columns import shorten
from meshtui.ui.exchange import Stamp
from meshtui.ui.paint import segments, style_of
from meshtui.ui.spans import Line, Span, Tone, line, text_of
from meshtui.ui.table import fit


class TabLine(Widget):
    """One line. Titles move closer where there is little room; where not all fit, only the one in front is named."""

    ALLOW_SELECT = False

    front: reactive[str] = reactive("")
    titles: reactive[Sequence[tuple[str, str]]] = reactive(())
    """Of each pane its name and title."""
    stamp: reactive[Stamp] = reactive(Stamp())

    class Picked(Message):
        """A title was clicked."""

        def __init__(self, pane: str) -> None:
            super().__init__()
            self.pane = pane

    def __init__(self) -> None:
        super().__init__(id="tabs")
        self._places: list[tuple[int, int, str]] = []

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        width = self.size.width
        wanted = sum(len(title) + 2 for _, title in self.titles)
        # by the width alone: what the stamp says changes, and titles must not come and go with it
        spare = width - 1 - _STAMP - wanted
        all_fit, gap = spare >= 0, " " if spare >= len(self.titles) else ""
        left = [Segment(" ", base)]
        self._places, at = [], 1
        for name, title in self.titles:
            if not all_fit and name != self.front:
                continue
            style = style_of(self, "tabs--front")
            text = f" {title} " if all_fit else f" {title} ▾ "
            self._places.append((at, at + len(text), name))
            left.append(Segment(text, base + style if name == self.front else base))
            left.append(Segment(gap, base))
            at += len(text) + len(gap)
        right = segments(self, _stamp(self.stamp, max(0, width - at)), base)
        room = width - sum(cell_len(segment.text) for segment in right)
        return Strip([*Strip(left).adjust_cell_length(max(0, room), base), *right])

    def on_click(self, event: events.Click) -> None:
        for start, end, name in self._places:
            if start <= event.x < end:
                self.post_message(self.Picked(name))


_STAMP = 34
"""So many cells are kept for the stamp where all titles are shown."""
_ASKED = 14
"""What was asked for is shortened to so much where there is little room."""


def _stamp(stamp: Stamp, room: int) -> Line:
    """In at most `room` cells. What was asked for gives way first, then how many rows there are; how far to trust them
    comes last, and is cut where even that is too long."""
    for asked, counted in ((room, True), (_ASKED, True), (_ASKED, False)):
        told = line(_told(stamp, asked, counted=counted))
        if len(text_of(told)) < room:
            return (*told, Span(" "))
    return fit(told, room)


def _told(stamp: Stamp, asked: int, *, counted: bool) -> Line:
    spans: list[Span] = []
    if stamp.within:
        spans.append(Span(f"in {shorten(stamp.within.rpartition('/')[2], asked)}  ", Tone.ACCENT))
    if stamp.filter:
        spans.append(Span(f"/{shorten(stamp.filter, asked)}  ", Tone.ACCENT))
    if stamp.faults:
        spans.append(Span("faults  ", Tone.ACCENT))
    if stamp.bad:
        spans.append(Span(f"✗ {stamp.bad:,}  ", Tone.BAD))
    if stamp.warn:
        spans.append(Span(f"! {stamp.warn:,}  ", Tone.WARN))
    if stamp.total and counted:  # of nothing the pane says why it is nothing
        of = f" of {stamp.total:,}" if stamp.shown != stamp.total else ""
        spans.append(Span(f"{stamp.shown:,}{of}  ", Tone.MUTED))
    return (*spans, *stamp.freshness)
