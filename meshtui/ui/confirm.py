"""Confirm: what a change would do, in the words of the mesh, of the server and of who owns the object; and the question
whether to make it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from meshtui.mesh import standing
from meshtui.mesh.changes import Change, Refusal
from meshtui.mesh.checks import Check
from meshtui.mesh.health import Health
from meshtui.mesh.log_levels import LevelChange
from meshtui.mesh.ownership import Owner
from meshtui.mesh.snapshot import Server, Snapshot
from meshtui.ui import outcomes
from meshtui.ui.detail import wrap
from meshtui.ui.footer import Footer
from meshtui.ui.left_once import Dialog
from meshtui.ui.lines import Lines
from meshtui.ui.spans import Line, Span, Tone, content, mark, plain, said


class Answer(Enum):
    """What a person says to a change."""

    NO = "no"
    YES = "yes"
    ALL = "this one and those that follow"


class Question(Struct, frozen=True):
    """All that is said of a change before it is made."""

    change: Change | LevelChange
    context: str
    server: Server
    """Who makes it stands there, as far as that is known."""
    diff: Sequence[str]
    """As `mesh.diff.lines` gives it."""
    reach: Sequence[str]
    """Whom it concerns, a line each."""
    warnings: Sequence[str] = ()
    """The server's, and those of admission webhooks."""
    owners: Sequence[Owner] = ()
    for_repository: str = ""
    """YAML to copy for whoever owns the object; "" where there is none."""
    checks: Sequence[Check] = ()
    typed: str = ""
    """What has to be typed to go on; "" where enter is enough."""
    place: str = ""
    """Which of several it is: "2 of 5"."""

    @property
    def safe(self) -> bool:
        """Nothing speaks against making more of its kind unseen."""
        return (
            not self.typed
            and not self.warnings
            and not self.owners
            and all(check.verdict.health is not Health.BAD for check in self.checks)
        )


class Confirm(Dialog[Answer], inherit_bindings=False):
    """The dialog. It gives what was answered; leaving it is a no."""

    BINDINGS = [
        Binding("enter", "apply", "Apply", key_display="enter", id="confirm.apply"),
        Binding("escape", "cancel", "Cancel", id="confirm.cancel"),
        Binding("A", "apply_all", "Apply this and those that follow", id="confirm.all"),
        Binding("ctrl+y", "copy", "Copy as YAML", id="confirm.copy"),
        Binding("up,k", "scroll(-1)", "Up", show=False, id="confirm.up"),
        Binding("down,j", "scroll(1)", "Down", show=False, id="confirm.down"),
        Binding("pageup", "scroll(-10)", "Page up", show=False, id="confirm.page_up"),
        Binding("pagedown", "scroll(10)", "Page down", show=False, id="confirm.page_down"),
    ]

    @dataclass
    class CopyAsked(Message):
        text: str

    AUTO_FOCUS = ""

    def __init__(
        self, question: Question, look: Callable[[Snapshot], Sequence[Check]] = lambda _: ()
    ) -> None:
        """`look` makes the checks anew where the cluster changed."""
        super().__init__()
        self._look = look
        self._question = question
        self._meanwhile = ""
        self._gone = False
        self.heading = Static(id="asked")
        self.lines = Lines(id="said", focusable=False)
        self.below = Static(id="demand")
        self.typed = Input(id="typed", compact=True)

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield self.heading
            yield self.lines
            yield self.below
            yield self.typed
            yield Footer()

    def on_mount(self) -> None:
        wanted = self._question.typed
        self.typed.display = bool(wanted)
        self._demand("")
        if wanted:
            self.set_focus(self.typed)
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def update_from(self, snapshot: Snapshot) -> None:
        """The cluster changed; perhaps the object did too."""
        change, target = self._question.change, self._question.change.target
        self._question = replace(self._question, checks=self._look(snapshot))
        if isinstance(change, LevelChange):
            return
        if snapshot.covering(target.kind, target.namespace or None).complete and change.before:
            now = snapshot.find(target.kind, target.namespace, target.name)
            found = standing.rebased(change, now, pruned=True)
            self._meanwhile = found.reason if isinstance(found, Refusal) else ""
            self._gone = now is None
            self.refresh_bindings()
        if self.is_mounted:
            self._draw()

    def _demand(self, told: str) -> None:
        """Says something, and what to type where that is asked for."""
        wanted = self._question.typed
        asked = (Span("Type "), Span(wanted, Tone.STRONG), Span(" and enter to go on:"))
        self.below.display = bool(told or wanted)
        self.below.update(content([(Span(told), *(asked if wanted else ()))]))

    def _draw(self) -> None:
        width = min(self.size.width, _WIDEST) - _SIDES
        if width <= 0:
            return
        title = heading(self._question, width)
        self.heading.update(content(title))
        told = lines(self._question, width)
        if self._meanwhile:
            gone = f" {self._meanwhile}: it would not be applied"
            told = [*wrap((mark(Health.BAD), Span(gone)), width, hang=2), (), *told]
        self.lines.show(told)
        below = (1 if self._question.typed else 0) + (2 if self.below.display else 0)
        low = self.size.height < _LOW
        self.set_class(low, "-low")
        room = self.size.height - len(title) - (3 if low else 4) - below
        self.lines.styles.height = max(1, min(len(told), room))

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if self._gone and action in ("apply", "apply_all"):
            return None
        if action == "apply_all":
            return bool(self._question.place) and self._question.safe
        if action == "copy":
            return bool(self._question.for_repository)
        return True

    def action_apply(self) -> None:
        if self._question.typed and self.typed.value.strip() != self._question.typed:
            words = f"That is not it. Type {self._question.typed}, or esc cancels:"
            self.below.update(content([(Span(words, Tone.WARN),)]))
            return
        self.dismiss(Answer.YES)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if not self._gone:
            self.action_apply()

    def action_apply_all(self) -> None:
        self.dismiss(Answer.ALL)

    def action_cancel(self) -> None:
        self.dismiss(Answer.NO)

    def action_copy(self) -> None:
        self.post_message(self.CopyAsked(self._question.for_repository))
        self._demand("Copied as YAML. ")
        self._draw()

    def action_scroll(self, lines: int) -> None:
        self.lines.scroll_relative(y=lines, animate=False)


_LOW = 30
"""On a screen of fewer lines none is left blank at the top."""
_WIDEST = 120
_SIDES = 5
"""Columns beside the text: margins, and a scroll bar where it is long."""
_LABEL = 11


_ACCEPTED: Line = (mark(Health.OK), Span(" accepted as a dry run"))


def heading(question: Question, width: int) -> Sequence[Line]:
    """The title, and to the right where and as whom."""
    server = question.server
    who = server.user or "whom is not known"
    if server.impersonating:
        who = f"{server.impersonating}, impersonated by {who}"
    right = f"{question.context} · as {who}"
    title = question.change.title + (f" ({question.place})" if question.place else "")
    gap = width - len(title) - len(right)
    if gap >= 2:
        return [(Span(title, Tone.STRONG), Span(" " * gap), Span(right, Tone.MUTED))]
    return [(Span(title, Tone.STRONG),), (Span(right, Tone.MUTED),)]


def lines(question: Question, width: int) -> list[Line]:
    """What stands in the dialog, section by section, wrapped to a width."""
    change = question.change
    sections = (
        # first what others say against it: on a small screen the end is below the edge
        ("Server", [(mark(Health.WARN), Span(f" {plain(each)}")) for each in question.warnings]),
        ("Owner", list(_owned(question.owners, bool(question.for_repository)))),
        ("Before", list(_checks(question.checks))),
        ("Reach", [(Span(each),) for each in question.reach]),
        ("Means", [(mark(Health.WARN), Span(f" {each}")) for each in change.warnings]),
        ("Change", [_changed(each) for each in question.diff]),
        ("Server", [] if isinstance(change, LevelChange) else [_ACCEPTED]),
    )
    found: list[Line] = []
    for title, told in sections:
        for position, one in enumerate(told):
            label = Span(f"{'' if position else title:<{_LABEL}}", Tone.MUTED)
            found += wrap((label, *one), width, hang=_LABEL + 2)
    return found


def _checks(checks: Iterable[Check]) -> Iterator[Line]:
    for check in checks:
        yield said(check.verdict)
        if check.remedy:
            yield (Span(f"  {check.remedy}", Tone.MUTED),)


def _changed(text: str) -> Line:
    return (Span(f"{text[:1]} {text[1:]}", outcomes.changed(text)),)


def _owned(owners: Sequence[Owner], copies: bool) -> Iterator[Line]:
    for owner in owners:
        health = Health.NONE if owner.sets is False else Health.WARN
        yield (mark(health), Span(f" {owner.text}"))
    if owners and copies:
        yield (Span("  ctrl+y copies the change as YAML for its source", Tone.MUTED),)
