"""Paint: a scrolling widget that draws lines of spans, each tone in the style that the stylesheet gives it."""

from __future__ import annotations

from collections.abc import Iterable

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.strip import Strip

from meshtui.ui.spans import TONES, Line


class Paint(ScrollView, can_focus=True, inherit_bindings=False):
    """The common ground of the table and of the reader: tones to styles, lines to strips."""

    COMPONENT_CLASSES = TONES
    ALLOW_SELECT = False

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._styles: dict[str, Style] = {}
        self._ground: Style | None = None

    @property
    def rich_style(self) -> Style:
        """The same for every line that is drawn in one go: it is put together of all that the widget stands in."""
        return self._ground or super().rich_style

    def render_lines(self, crop: Region) -> list[Strip]:
        self._ground = super().rich_style
        try:
            return super().render_lines(crop)
        finally:
            self._ground = None

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles.clear()

    def style_of(self, component: str) -> Style:
        """What a component class adds to the widget's own style."""
        style = self._styles.get(component)
        if style is None:
            style = self._styles[component] = self.get_component_rich_style(component, partial=True)
        return style

    def paint(self, line: Line, base: Style, *, keep: bool = True) -> Iterable[Segment]:
        """A line as segments on a base style; without `keep` all in the base style, as under the cursor."""
        for text, tone in line:
            yield Segment(text, base + self.style_of(tone.value) if keep else base)

    def strip(self, segments: Iterable[Segment], width: int, base: Style) -> Strip:
        """Segments as one line of the screen, filled up to its width."""
        return Strip(list(segments)).adjust_cell_length(width, base)
