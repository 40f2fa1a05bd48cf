"""Words: a few lines that wrap by themselves, and take no room where there are none."""

from __future__ import annotations

from collections.abc import Sequence

from textual.widgets import Static

from meshtui.ui.spans import Line, content


class Words(Static):
    """What a pane has to say beside its rows."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.display = False
        self._said: Sequence[Line] = ()

    def say(self, lines: Sequence[Line]) -> None:
        """Shows these lines. Those that stand there already cost nothing: other text lays out the whole screen anew."""
        if lines != self._said:
            self._said = lines
            self.styles.display = None if lines else "none"  # a stylesheet may still hide them
            self.update(content(lines))
