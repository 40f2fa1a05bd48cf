"""Paint: widgets that draw lines of spans, each tone in the style that the stylesheet gives it."""

from __future__ import annotations

from collections.abc import Iterable

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from meshtui.ui.spans import Line, Span, Tone

COMPONENTS = {
    *(tone.value for tone in Tone),
    "lines--found",
    "table--block",
    "table--chosen",
    "table--cursor",
    "table--header",
    "table--mark",
    "tabs--front",
}
"""The component classes of all that is drawn here. They are the app's, for all widgets alike: Textual styles each anew
for each widget that has them, whenever a class changes; by widget that was a fifth of the time to the first frame."""


def style_of(widget: Widget, component: str) -> Style:
    """What a component class adds to a widget's own style."""
    return widget.app.get_component_styles(component).partial_rich_style


def segments(widget: Widget, spans: Iterable[Span], base: Style) -> list[Segment]:
    """Spans on a base style."""
    return [Segment(span.text, base + style_of(widget, span.tone.value)) for span in spans]


class Paint(ScrollView, can_focus=True, inherit_bindings=False):
    """The common ground of the table and of the reader: tones to styles, lines to strips."""

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
        """The same as `style_of`, remembered: it is asked for every piece of every line."""
        style = self._styles.get(component)
        if style is None:
            style = self._styles[component] = style_of(self, component)
        return style

    def paint(self, line: Line, base: Style, *, keep: bool = True) -> Iterable[Segment]:
        """A line as segments on a base style; without `keep` all in the base style, and so where that is reversed:
        yellow would be a ground for white."""
        own = keep and not base.reverse
        for text, tone in line:
            yield Segment(text, base + self.style_of(tone.value) if own else base)

    def strip(self, segments: Iterable[Segment], width: int, base: Style) -> Strip:
        """Segments as one line of the screen, filled up to its width."""
        return Strip(list(segments)).adjust_cell_length(width, base)
