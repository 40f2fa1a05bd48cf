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

from meshtui.ui.exchange import Stamp
from meshtui.ui.paint import segments, style_of
from meshtui.ui.spans import Line, Span, Tone, line


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
        right = segments(self, _stamp(self.stamp), base)
        room = width - sum(cell_len(segment.text) for segment in right)
        wanted = sum(len(title) + 2 for _, title in self.titles)
        all_fit, gap = wanted < room, " " if wanted + len(self.titles) <= room else ""
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
        return Strip([*Strip(left).adjust_cell_length(max(0, room), base), *right])

    def on_click(self, event: events.Click) -> None:
        for start, end, name in self._places:
            if start <= event.x < end:
                self.post_message(self.Picked(name))


def _stamp(stamp: Stamp) -> Line:
    spans: list[Span] = []
    if stamp.within:
        spans.append(Span(f"in {stamp.within.rpartition('/')[2]}  ", Tone.ACCENT))
    if stamp.filter:
        spans.append(Span(f"/{stamp.filter}  ", Tone.ACCENT))
    if stamp.faults:
        spans.append(Span("faults  ", Tone.ACCENT))
    if stamp.bad:
        spans.append(Span(f"✗ {stamp.bad:,}  ", Tone.BAD))
    if stamp.warn:
        spans.append(Span(f"! {stamp.warn:,}  ", Tone.WARN))
    if stamp.total:  # of nothing the pane says why it is nothing
        of = f" of {stamp.total:,}" if stamp.shown != stamp.total else ""
        spans.append(Span(f"{stamp.shown:,}{of}  ", Tone.MUTED))
    return line((*spans, *stamp.freshness, Span(" ")))
