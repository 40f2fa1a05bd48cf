"""Mute: the question how long a finding is not to be told of, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from meshtui.mesh import mutes
from meshtui.mesh.mutes import BadMute, Mute
from meshtui.ui.footer import Footer
from meshtui.ui.left_once import Dialog
from meshtui.ui.spans import Line, Span, Tone, content

_FIRST = "7d "


@dataclass
class MuteAsked(Message):
    """A finding is to be muted, or not any more."""

    finding: str
    """Its key."""
    title: str
    says: str
    muted: bool


class AskMute(Dialog[Mute | None], inherit_bindings=False):
    """Gives the mute; None where it was left."""

    BINDINGS = [
        Binding("enter", "mute", "Mute", key_display="enter", id="mute.mute"),
        Binding("escape", "dismiss(None)", "Cancel", id="mute.cancel"),
    ]
    AUTO_FOCUS = "Input"

    def __init__(self, asked: MuteAsked, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._asked = asked
        self._clock = clock
        self.below = Static(id="demand")
        self.typed = Input(_FIRST, id="typed", compact=True, select_on_focus=False)

    def compose(self) -> ComposeResult:
        title: list[Line] = [
            (Span(f"Mute {self._asked.title}", Tone.STRONG),),
            (Span(self._asked.says),),
        ]
        with Vertical(id="dialog"):
            yield Static(content(title), id="asked")
            yield self.below
            yield self.typed
            yield Footer()

    def on_mount(self) -> None:
        ways = f"How long and why: 2h, 7d, 4w or {mutes.ALWAYS}, then the reason. It is kept on this machine."
        self.below.update(content([(Span(ways),)]))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_mute()

    def action_mute(self) -> None:
        try:
            self.dismiss(mutes.parse(self._asked.finding, self.typed.value, self._clock()))
        except BadMute as failure:
            self.below.update(content([(Span(f"Not muted: {failure}.", Tone.WARN),)]))
