"""Naming: asks for the name of a file, over what is to be saved."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Input, Label

from meshtui.ui.footer import Footer
from meshtui.ui.left_once import Dialog


class Naming(Dialog[str]):
    """Gives the name that was entered; "" where none was."""

    BINDINGS = [Binding("escape", "dismiss('')", "Cancel", key_display="esc", id="naming.cancel")]

    def __init__(self, proposed: str) -> None:
        super().__init__()
        self._proposed = proposed

    def compose(self) -> ComposeResult:
        with Vertical(id="naming"):
            yield Label("Save as")
            yield Input(self._proposed, compact=True, select_on_focus=False)
            yield Footer()

    @on(Input.Submitted)
    def _named(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)
