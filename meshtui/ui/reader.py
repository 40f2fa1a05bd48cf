"""Reader: a screen for text: a description, YAML, the messages, the help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message
from textual.widgets import Input, Static

from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.ui import toasts
from meshtui.ui.detail import wrap
from meshtui.ui.exchange import Wants
from meshtui.ui.footer import Footer
from meshtui.ui.left_once import LeftOnce
from meshtui.ui.lines import Lines
from meshtui.ui.spans import Line, Span, Tone, join, plain, text_of


class Reader(LeftOnce[None], inherit_bindings=False):
    """A title, lines that scroll, and a search in them."""

    BINDINGS = [
        Binding("escape,q", "back", "Back", id="reader.back"),
        Binding("slash", "search", "Search", key_display="/", priority=True, id="reader.search"),
        Binding("n", "next(1)", "Next match", show=False, id="reader.next"),
        Binding("N", "next(-1)", "Previous match", show=False, id="reader.before"),
        Binding("c", "copy", "Copy", id="reader.copy"),
        Binding("ctrl+s", "save", "Save in a file", show=False, id="reader.save"),
    ]

    @dataclass
    class CopyAsked(Message):
        text: str

    @dataclass
    class SaveAsked(Message):
        """The text is to be saved, in a file that is named then."""

        title: str
        text: str

    def __init__(self, title: str, lines: Sequence[Line] = (), hang: int | None = None) -> None:
        """`hang` is as for `show`."""
        super().__init__()
        self._title = title
        self._given = lines
        self._hang = hang
        self._matches: list[int] = []
        self._at = -1
        self.heading = Static(id="heading")
        self.lines = Lines(id="text")
        self.search = Input(id="search", compact=True)

    def compose(self) -> ComposeResult:
        yield self.heading
        yield self.lines
        yield self.search
        yield Footer()

    def on_mount(self) -> None:
        self.search.display = False
        self.retitle(self._title)
        self.lines.show(self.initial())
        self.set_focus(self.lines)

    def watch_focused(self) -> None:
        toasts.give_way(self)

    def on_resize(self) -> None:
        if self._hang is not None:
            self.lines.show(self.initial())

    def initial(self) -> Sequence[Line]:
        """The lines to begin with."""
        return [part for one in self._given for part in self.fitted(one, self._hang)]

    def fitted(self, one: Line, hang: int | None) -> Sequence[Line]:
        """A line as the lines that it takes here."""
        return [one] if hang is None else wrap(one, self.size.width - 4, hang)

    def retitle(self, title: str) -> None:
        self.heading.update(Text(f" {plain(title)}"))

    def show(self, lines: Sequence[Line], hang: int | None = None) -> None:
        """Shows these lines; called before the screen is there, they are the first ones. `hang` wraps those that are
        too long, and indents by so much what goes on; None leaves them long, to be scrolled sideways."""
        self._given, self._hang = lines, hang
        if self.is_mounted:
            self.lines.show(self.initial())

    def wants(self) -> Wants:
        """What the screen needs to know."""
        return Wants()

    def derive(self, snapshot: Snapshot) -> None:
        """Derives what `update_from` draws, in a thread, so that it is remembered there."""

    def update_from(self, snapshot: Snapshot) -> None:
        """The cluster changed; a screen that shows some of it draws it again."""

    def action_back(self) -> None:
        if self.search.display:
            self._end_search()
        elif self._matches:
            self._matches = []
            self.lines.find(frozenset())
            self.retitle(self._title)
        else:
            self.dismiss()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """As in a pane, the key comes before all others; while one searches it is text."""
        return not (action == "search" and self.search.display)

    def action_search(self) -> None:
        self.search.display = True
        self.search.value = ""
        self.set_focus(self.search)

    def action_next(self, step: int) -> None:
        if self._matches:
            self._at = (self._at + step) % len(self._matches)
            self.lines.scroll_to(y=max(0, self._matches[self._at] - 2), animate=False)
            which = f"{self._at + 1} of {len(self._matches)}, n the next"
            self.retitle(f"{self._title} · /{self.search.value}: {which}")

    def action_copy(self) -> None:
        self.post_message(self.CopyAsked(self.text()))

    def action_save(self) -> None:
        self.post_message(self.SaveAsked(self._title, self.text()))

    def text(self) -> str:
        """All of it, as it is copied and saved."""
        return join(self.lines.shown)

    def find(self) -> None:
        """Looks for what is searched among the lines as they are now."""
        wanted = self.search.value.lower()
        shown = self.lines.shown
        self._matches = [
            i for i, each in enumerate(shown) if wanted and wanted in text_of(each).lower()
        ]
        self.lines.find(frozenset(self._matches))

    def searched(self, wanted: str) -> None:
        """Something else is searched."""
        self.find()
        self._at = -1
        nowhere = f" · /{wanted}: nowhere" if wanted else ""
        self.retitle(f"{self._title}{nowhere}")
        self.action_next(1)

    @on(Input.Changed, "#search")
    def _searching(self, event: Input.Changed) -> None:
        self.searched(event.value)

    @on(Input.Submitted, "#search")
    def _end_search(self) -> None:
        self.search.display = False
        self.set_focus(self.lines)


class Help(Reader):
    """The keys that live on the screen below, and all commands."""


class Aliases(Reader):
    """All commands with their other names."""


class Describe(Reader):
    """What is known of one row, drawn again whenever the cluster changes."""

    def __init__(
        self,
        title: str,
        draw: Callable[[Snapshot, int], Sequence[Line]],
        snapshot: Snapshot,
        wants: Wants,
    ) -> None:
        super().__init__(title)
        self._draw = draw
        self._snapshot = snapshot
        self._wants = wants

    def on_resize(self) -> None:
        self.update_from(self._snapshot)

    def wants(self) -> Wants:
        return self._wants

    def update_from(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        width = self.size.width
        if width:
            self.show(self._draw(snapshot, width - 4))


class Yaml(Reader):
    """An object as YAML. `m` shows who manages which field."""

    BINDINGS = [Binding("m", "managed", "Managed fields", id="yaml.managed")]

    @dataclass
    class ManagedAsked(Message):
        screen: Yaml
        ref: Ref
        managed: bool

    def __init__(self, ref: Ref) -> None:
        super().__init__(f"{ref.kind.title} {ref.key}", [(Span("reading …", Tone.MUTED),)])
        self._ref = ref
        self._managed = False

    def action_managed(self) -> None:
        self._managed = not self._managed
        self.post_message(self.ManagedAsked(self, self._ref, self._managed))
