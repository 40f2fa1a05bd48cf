"""Jumping: a letter for each pane, and the one whose letter is pressed comes to the front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Label, Static

from meshtui.ui.left_once import Dialog
from meshtui.ui.spans import Line, Span, Tone, content


class Jumping(Dialog[str]):
    """Gives the name of a pane; "" where another key was pressed."""

    BINDINGS = [Binding("escape,q", "dismiss('')", "Back", key_display="esc", id="jumping.back")]

    def __init__(self, titles: Sequence[tuple[str, str]], front: str) -> None:
        """`titles` are name and title of each pane, `front` is the name of the one that is looked at."""
        super().__init__()
        self._titles = titles
        self._front = front
        self._letters = letters([title for _, title in titles])

    def compose(self) -> ComposeResult:
        with Vertical(id="jumping"):
            yield Label("Jump to")
            yield Static(content([self._line(name, title) for name, title in self._titles]))

    def _line(self, name: str, title: str) -> Line:
        tone = Tone.MUTED if name == self._front else Tone.PLAIN
        return (Span(f" {self._letters[title]}  ", Tone.ACCENT), Span(title, tone))

    def on_key(self, event: events.Key) -> None:
        """Any other key than a letter of these goes back, as if it had not been pressed."""
        if event.key not in ("escape", "q"):
            event.stop()
            found = [n for n, title in self._titles if self._letters[title] == event.character]
            self.dismiss(found[0] if found else "")


def letters(titles: Sequence[str]) -> Mapping[str, str]:
    """For each title a letter of its own: the first in it that is free; "q" is for going back."""
    found: dict[str, str] = {}
    for title in titles:
        taken = {"q", *found.values()}
        candidates = [each for each in title.lower() + _OTHERS if each.isalnum() and each.isascii()]
        found[title] = next(each for each in candidates if each not in taken)
    return found


_OTHERS = "abcdefghijklmnoprstuvwxyz0123456789"
