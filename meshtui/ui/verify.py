"""Verify: the evidence that a change has had its effect, object by object, as it comes in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import Enum

from msgspec import Struct
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Static

from meshtui.mesh.health import Health
from meshtui.mesh.pod_proofs import Proof
from meshtui.mesh.verification import Progress, State, Verification
from meshtui.ui.bars import bar
from meshtui.ui.columns import shorten
from meshtui.ui.detail import wrap
from meshtui.ui.footer import Footer
from meshtui.ui.left_once import Dialog
from meshtui.ui.lines import Lines
from meshtui.ui.spans import Line, Span, Tone, content, mark, tone


class Leaving(Enum):
    """Why somebody leaves the dialog."""

    AWAY = "away"
    """It goes on without being looked at."""
    UNDO = "undo"


class Shown(Struct, frozen=True):
    """What the dialog is about."""

    verification: Verification
    place: str = ""
    """Which of several it is: "2 of 5"."""
    undoable: bool = True
    stays: bool = False
    """The next of several is shown in it too."""


class Verify(Dialog[Leaving], inherit_bindings=False):
    """The dialog. It shows what it is told, and gives why it was left."""

    BINDINGS = [
        Binding("u", "undo", "Undo", id="verify.undo"),
        Binding("escape,q,enter", "away", "Leave it running", key_display="esc", id="verify.leave"),
        Binding("escape,q,enter", "close", "Close", key_display="esc", id="verify.close"),
        Binding("escape,q", "stop", "Stop after this one", key_display="esc", id="verify.stop"),
        Binding("up,k", "scroll(-1)", "Up", show=False, id="verify.up"),
        Binding("down,j", "scroll(1)", "Down", show=False, id="verify.down"),
        Binding("pageup", "scroll(-10)", "Page up", show=False, id="verify.page_up"),
        Binding("pagedown", "scroll(10)", "Page down", show=False, id="verify.page_down"),
    ]

    AUTO_FOCUS = ""

    def __init__(self, shown: Shown) -> None:
        super().__init__()
        self._shown = shown
        self._progress: Progress | None = None
        self._now = shown.verification.started
        self.heading = Static(id="asked")
        self.lines = Lines(id="said", focusable=False)

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield self.heading
            yield self.lines
            yield Footer()

    def on_mount(self) -> None:
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def turn_to(self, shown: Shown) -> None:
        """Another change is followed in it."""
        self._shown, self._progress = shown, None

    def show(self, progress: Progress, now: datetime) -> None:
        """How far it is at a moment."""
        self._progress, self._now = progress, now
        if self.is_mounted:
            self._draw()
            self.refresh_bindings()

    def _draw(self) -> None:
        width = min(self.size.width, _WIDEST) - _SIDES
        if width <= 0 or self._progress is None:
            return
        following, place = self._shown.verification, self._shown.place
        title = following.change.title + (f" ({place})" if place else "")
        told = lines(following, self._progress, self._now, width)
        self.heading.update(content([(Span(title, Tone.STRONG),)]))
        self.lines.show(told)
        self.lines.styles.height = max(1, min(len(told), self.size.height - 6))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        state = self._progress.state if self._progress else State.FOLLOWING
        over, stays = state in (State.DONE, State.TIMED_OUT), self._shown.stays
        return {
            "undo": self._shown.undoable and not (stays and state is State.DONE),
            "away": not over and not stays,
            "stop": stays and state is not State.TIMED_OUT,
            "close": over and not (stays and state is State.DONE),
        }.get(action, True)

    def action_undo(self) -> None:
        self.dismiss(Leaving.UNDO)

    def action_away(self) -> None:
        self.dismiss(Leaving.AWAY)

    def action_stop(self) -> None:
        self.dismiss(Leaving.AWAY)

    def action_close(self) -> None:
        self.dismiss(Leaving.AWAY)

    def action_scroll(self, lines: int) -> None:
        self.lines.scroll_relative(y=lines, animate=False)


_WIDEST = 120
_SIDES = 5
"""Columns beside the text: margins, and a scroll bar where it is long."""
_MOST = 100
"""So many objects are listed, those that are missing first."""
_WORDS = {"wanted": "label", "annotated": "CNI", "listed": "HBONE"}
"""What a link is called where there is little room."""


def lines(verification: Verification, progress: Progress, now: datetime, width: int) -> list[Line]:
    """How far it is as a bar, the next step where there is one, then object by object."""
    found = [*wrap(_bar(verification, progress, now), width, hang=_BAR + 2), ()]
    if progress.remedy and progress.state is not State.DONE:
        found += [*wrap((Span(f"next: {progress.remedy}", Tone.STRONG),), width, hang=6), ()]
    done = [proof for proof in progress.proofs if proof.done]
    in_order = [*progress.missing, *done]
    for proof in in_order[:_MOST]:
        found += _proof(proof, width)
    if len(in_order) > _MOST:
        found.append((Span(f"and {len(in_order) - _MOST:,} more", Tone.MUTED),))
    coming = progress.total - len(progress.proofs)
    if coming > 0:
        found.append((Span(f"… {coming} more to come", Tone.MUTED),))
    return found


_BAR = 12
_ENDS = {
    State.DONE: Span("✓ verified", Tone.OK),
    State.FAILING: Span("✗ something is in the way", Tone.BAD),
    State.TIMED_OUT: Span("✗ not verified in time", Tone.BAD),
}


def _bar(verification: Verification, progress: Progress, now: datetime) -> Line:
    share = (
        progress.done / progress.total if progress.total else float(progress.state is State.DONE)
    )
    health = Tone.BAD if progress.state in (State.FAILING, State.TIMED_OUT) else Tone.OK
    whole = int((verification.until - verification.started).total_seconds())
    passed = min(whole, max(0, int((now - verification.started).total_seconds())))
    clock = "" if progress.state is State.DONE else f"   {passed} s of {whole}"
    end = _ENDS.get(progress.state)
    return (
        bar(share, health, _BAR),
        Span(f"  {progress.text}"),
        Span(clock, Tone.MUTED),
        *((Span("   "), end) if end else ()),
    )


def _proof(proof: Proof, width: int) -> Iterator[Line]:
    """An object with its links, and under it what is missing."""
    health = proof.verdict.health
    sign = Span("…", Tone.UNKNOWN) if health is Health.UNKNOWN else mark(health)
    links: list[Span] = []
    for link in proof.links:
        word = _WORDS.get(link.title, link.title)
        links += [Span(f"  {word} ", Tone.MUTED), mark(link.health)]
    room = max(16, width - 3 - sum(len(span.text) for span in links))
    name = shorten(proof.name, room)
    yield (sign, Span(f" {name:<{min(room, 40)}}"), *links)
    if not proof.done and proof.verdict.reason:
        words = Span(proof.verdict.reason, tone(health) if health is Health.BAD else Tone.MUTED)
        yield from wrap((Span("  "), words), width, hang=2)
