"""Footer: the keys that matter here, from the live bindings, as many as fit."""

from __future__ import annotations

from textual.app import RenderResult
from textual.strip import Strip
from textual.widget import Widget

from meshtui.ui.paint import segments
from meshtui.ui.spans import Span, Tone


class Footer(Widget):
    """One line of keys. `?` lists them all."""

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__(id="footer")

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def render(self) -> RenderResult:
        return ""

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        width = self.size.width
        hints, used = [Span(" ")], 1
        for key, words in self._hints():
            if used + len(key) + len(words) + 3 > width:
                break
            hints += [Span(key, Tone.STRONG), Span(f" {words}  ", Tone.MUTED)]
            used += len(key) + len(words) + 3
        return Strip(segments(self, hints, base)).adjust_cell_length(width, base)

    def _hints(self) -> list[tuple[str, str]]:
        hints: dict[str, tuple[str, str]] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.enabled and binding.action not in hints:
                hints[binding.action] = (
                    self.app.get_key_display(binding),
                    binding.description.lower(),
                )
        return list(hints.values())
