"""Lines: text of any length that scrolls; only the lines in view are drawn."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style
from textual.binding import Binding
from textual.geometry import Size
from textual.strip import Strip

from meshtui.ui.paint import Paint
from meshtui.ui.spans import Line, line


class Lines(Paint):
    """Shows lines. They are cleaned of what steers a terminal, and wrapped only by whoever wrote them."""

    BINDINGS = [
        Binding("up,k", "scroll_up", "Up", show=False, id="lines.up"),
        Binding("down,j", "scroll_down", "Down", show=False, id="lines.down"),
        Binding("left,h", "scroll_left", "Left", show=False, id="lines.left"),
        Binding("right", "scroll_right", "Right", show=False, id="lines.right"),
        Binding("pageup,ctrl+b", "page_up", "Page up", show=False, id="lines.page_up"),
        Binding(
            "pagedown,ctrl+f,space", "page_down", "Page down", show=False, id="lines.page_down"
        ),
        Binding("home,g", "scroll_home", "Top", show=False, id="lines.top"),
        Binding("end,G", "scroll_end", "End", show=False, id="lines.end"),
    ]

    def __init__(self, *, id: str, focusable: bool = True) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.can_focus = focusable
        self._lines: list[Line] = []
        self._width = 0
        self._found: frozenset[int] = frozenset()

    @property
    def shown(self) -> Sequence[Line]:
        """The lines as they are drawn."""
        return self._lines

    def show(self, lines: Sequence[Line]) -> None:
        """Shows these lines in place of the old ones; the place that one had scrolled to is kept."""
        shown = [line(each) for each in lines]
        before, found = self._lines, self._found
        if shown == before and not found:
            return
        self._lines = shown
        self._width = max((_width(each) for each in shown), default=0)
        self._found = frozenset()
        self.virtual_size = Size(self._width, len(shown))
        if found:
            self.refresh()
        top = self.scroll_offset.y
        for y in range(top, top + self.size.height):
            if before[y : y + 1] != shown[y : y + 1]:
                self.refresh_line(y)

    def add(self, lines: Sequence[Line], most: int) -> int:
        """Adds lines at the end, and drops from the start what is beyond `most`. Gives how many were dropped."""
        cleaned = [line(each) for each in lines]
        self._lines.extend(cleaned)
        dropped = max(0, len(self._lines) - most)
        del self._lines[:dropped]
        self._width = max(self._width, max((_width(each) for each in cleaned), default=0))
        self._resize()
        return dropped

    def find(self, found: frozenset[int]) -> None:
        """Marks the lines with these indices, as found by a search."""
        self._found = found
        self.refresh()

    def ground(self, index: int) -> Style:
        """What the line with this index is drawn on."""
        if index in self._found:
            return self.rich_style + self.style_of("lines--found")
        return self.rich_style

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        index = y + self.scroll_offset.y
        if index >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        base = self.ground(index)
        left = self.scroll_offset.x
        drawn = Strip(list(self.paint(self._lines[index], base)))
        return drawn.adjust_cell_length(max(drawn.cell_length, left + width), base).crop(
            left, left + width
        )

    def action_scroll_left(self) -> None:
        self.scroll_relative(x=-(self.size.width // 2), animate=False)

    def action_scroll_right(self) -> None:
        self.scroll_relative(x=self.size.width // 2, animate=False)

    def _resize(self) -> None:
        self.virtual_size = Size(self._width, len(self._lines))
        self.refresh()


def _width(one: Line) -> int:
    return sum(cell_len(span.text) for span in one)
