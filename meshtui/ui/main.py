"""Main: the screen with the panes: header, tabs, the pane in front, prompt and footer; and the way one went."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import ContentSwitcher

from meshtui.mesh.kinds import NAMESPACE
from meshtui.mesh.served import Served
from meshtui.mesh.snapshot import Snapshot
from meshtui.ui import commands, filters, kind_commands
from meshtui.ui.commands import Command
from meshtui.ui.exchange import Jump, Place
from meshtui.ui.footer import Footer
from meshtui.ui.header import Header
from meshtui.ui.pane import Pane
from meshtui.ui.panes import NAMED, NS, PANES
from meshtui.ui.panes.served import ServedPane
from meshtui.ui.prompt import Prompt
from meshtui.ui.spans import Tone
from meshtui.ui.tabs import TabLine

AnyPane = Pane[Any]


@dataclass(frozen=True, slots=True)
class Visit:
    """Where one was, to go back to."""

    jump: Jump
    filter: str


class Main(Screen[None], inherit_bindings=False):
    """The panes and the ways between them. What needs the cluster is posted upwards."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-medium"), (140, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "ask('/')", "Filter", key_display="/", priority=True, id="app.filter"),
        Binding("tab", "turn(1)", "Next pane", show=False, id="app.next_pane"),
        Binding("shift+tab", "turn(-1)", "Previous pane", show=False, id="app.previous_pane"),
        Binding("escape,q", "back", "Back", show=False, id="app.back"),
        Binding("ctrl+q", "clear_filter", "Clear the filter", show=False, id="app.clear_filter"),
    ]

    snapshot: reactive[Snapshot | None] = reactive(None)
    place: reactive[Place] = reactive(Place())

    @dataclass
    class NamespacesChosen(Message):
        """Other namespaces are to be looked at; empty for all."""

        namespaces: tuple[str, ...]

    @dataclass
    class Told(Message):
        """Something to tell the person."""

        text: str
        tone: Tone = Tone.PLAIN

    def __init__(
        self, first: str, others: Sequence[Command], clock: Callable[[], datetime]
    ) -> None:
        """`first` is the command of the pane to open, "" for the first one; `others` are the commands that are not
        about panes."""
        super().__init__()
        self._first = NAMED.get(first, PANES[0].NAME)
        self._panes: dict[str, AnyPane] = {pane.NAME: pane() for pane in PANES}
        self._panes[ServedPane.NAME] = ServedPane()
        self.commands = [*(self._opening(pane) for pane in PANES), self._ns(), *others]
        self._own = tuple(self.commands)
        self._history: list[Visit] = []
        self._header = Header(clock)
        self._switcher = ContentSwitcher(*self._panes.values(), id="panes", initial=self._first)
        self.tab_line = TabLine()
        self.prompt = Prompt(self.commands)

    def compose(self) -> ComposeResult:
        yield self._header.data_bind(Main.snapshot, Main.place)
        yield self.tab_line
        for pane in self._panes.values():
            pane.data_bind(Main.snapshot, Main.place)
        yield self._switcher
        yield self.prompt
        yield Footer()

    def on_mount(self) -> None:
        for pane in self._panes.values():
            self.watch(pane, "stamp", self._stamped, init=False)
        self._come_to(self.front)

    @property
    def front(self) -> AnyPane:
        """The pane that is looked at."""
        return self._panes[self._switcher.current or self._first]

    def _stamped(self) -> None:
        self.tab_line.stamp = self.front.stamp

    # Going about

    def go(self, jump: Jump) -> None:
        """Goes to a pane; `escape` comes back."""
        here = self.front
        self._history.append(Visit(Jump(here.NAME, here.within, here.cursor), here.filter_text))
        self._show(jump, "")

    def forget(self) -> None:
        """Another cluster: no way leads back, and nothing is narrowed."""
        self._history.clear()
        for pane in self._panes.values():
            pane.filter(None)
            pane.narrow("")
            pane.table.unmark()

    def _show(self, jump: Jump, filter_text: str) -> None:
        self._switcher.current = jump.pane
        pane = self.front
        pane.filter(filters.parse(filter_text))
        pane.narrow(jump.within, jump.key)
        self._come_to(pane)

    def _come_to(self, pane: AnyPane) -> None:
        titled = ((each.NAME, each.title) for each in self._panes.values())
        self.tab_line.titles = [(name, title) for name, title in titled if title]
        self.tab_line.front = pane.NAME
        self.tab_line.stamp = pane.stamp
        if not self.prompt.asking:  # which it may be before there is anything on the screen
            pane.focus_table()
        pane.post_message(Pane.Looked())

    @on(Pane.Left)
    def _left(self, event: Pane.Left) -> None:
        self.go(event.jump)

    @on(TabLine.Picked)
    def _picked(self, event: TabLine.Picked) -> None:
        self.go(Jump(event.pane))

    def action_turn(self, step: int) -> None:
        names = [name for name, _ in self.tab_line.titles]
        self._history.clear()
        self._show(Jump(names[(names.index(self.front.NAME) + step) % len(names)]), "")

    def action_back(self) -> None:
        pane = self.front
        if self.prompt.asking:  # and a click took the focus from it
            self.prompt.action_cancel()
        elif pane.filter_text:
            pane.filter(None)
        elif pane.table.marks:
            pane.table.unmark()
        elif self._history:
            visit = self._history.pop()
            self._show(visit.jump, visit.filter)
        elif pane.NAME == ServedPane.NAME:
            self.action_turn(1)
        elif pane.within:
            pane.narrow("", pane.cursor)
        else:
            self.post_message(self.Told(":q quits."))

    def action_clear_filter(self) -> None:
        self.front.filter(None)

    # Prompt and commands

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The key that opens the filter comes before all others, so that what is typed right behind it goes into it;
        while a prompt is open it is text."""
        return not (action == "ask" and self.prompt.asking)

    def action_ask(self, sign: str) -> None:
        self.prompt.ask(sign, self.front.filter_text if sign == "/" else "")

    @on(Prompt.Typed)
    def _typed(self, event: Prompt.Typed) -> None:
        self.front.filter(event.filter)

    @on(Prompt.Entered)
    def _entered(self, event: Prompt.Entered) -> None:
        self.front.focus_table()
        if event.sign == ":":
            self._run(event.text)
            return
        try:
            self.front.filter(filters.parse(event.text))
        except filters.BadPattern as failure:
            words = f"/{event.text}: {failure}. The filter was left as it was."
            self.post_message(self.Told(words, Tone.WARN))

    @on(Prompt.Cancelled)
    def _cancelled(self, event: Prompt.Cancelled) -> None:
        if event.sign == "/":
            self.front.filter(None)
        self.front.focus_table()

    def _run(self, text: str) -> None:
        name, argument = commands.split(text)
        command = commands.find(self.commands, name)
        if command is not None:
            command.run(argument)
        elif name:
            close = commands.complete(self.commands, name, most=1)
            hint = f" Did you mean :{close[0].text}?" if close else ""
            why = kind_commands.unknown(name, self._kinds, hint)
            self.post_message(self.Told(why, Tone.WARN))

    def _opening(self, pane: type[AnyPane]) -> Command:
        def run(argument: str) -> None:
            if argument:
                self._choose_namespaces(argument)
            self.go(Jump(pane.NAME))

        names = (pane.NAME, *pane.ALIASES)
        takes = "[NAMESPACE,…]"
        return Command(names, f"the pane {pane.TITLE}", run, self._namespace_names, takes)

    # Kinds without a pane of their own

    @property
    def _kinds(self) -> Collection[Served]:
        return self.snapshot.server.served.values() if self.snapshot else ()

    def watch_snapshot(self, before: Snapshot | None, now: Snapshot | None) -> None:
        if now is not None and (before is None or before.server.served is not now.server.served):
            known = kind_commands.commands(
                self._kinds, self._own, self._open_kind, self._namespace_names
            )
            self.commands[:] = [*self._own, *known]

    def _open_kind(self, it: Served, argument: str) -> None:
        """Shows a kind as the server prints it, and says which others have its name."""
        if argument:
            self._choose_namespaces(argument)
        self.go(Jump(ServedPane.NAME, str(it.kind)))
        others = kind_commands.homonyms(it, self._kinds)
        if others:
            also = ", ".join(f":{each}" for each in others)
            self.post_message(self.Told(f"This is {it.kind}. Of the same name: {also}."))

    def _ns(self) -> Command:
        return Command(
            NS,
            "keep to these namespaces, or look at `all`",
            lambda argument: (
                self._choose_namespaces(argument) if argument else self.go(Jump("namespaces"))
            ),
            self._namespace_names,
            "[NAMESPACE,…]",
        )

    def _namespace_names(self) -> Sequence[str]:
        known = self.snapshot.objects.get(NAMESPACE, {}) if self.snapshot else {}
        return ["all", *sorted(set(known) | set(self.place.namespaces))]

    def _choose_namespaces(self, argument: str) -> None:
        names = tuple(dict.fromkeys(argument.replace(",", " ").split()))
        chosen = () if "all" in names else names
        self.place = replace(self.place, namespaces=chosen)
        self.post_message(self.NamespacesChosen(chosen))
