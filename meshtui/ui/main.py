"""Main: the screen with the panes: header, tabs, the pane in front, prompt and footer; and the way one went."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import ClassVar

from msgspec.structs import replace
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Key, Paste
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen

from meshtui.mesh.snapshot import Snapshot
from meshtui.ui import asking, commands, export, pane_commands, toasts, unbound
from meshtui.ui.commands import Command
from meshtui.ui.exchange import Jump, Place
from meshtui.ui.filters import BadPattern
from meshtui.ui.footer import Footer
from meshtui.ui.header import Header
from meshtui.ui.jumping import Jumping
from meshtui.ui.keyed import Keyed
from meshtui.ui.keys_in_turn import KeysInTurn
from meshtui.ui.opening import Opening
from meshtui.ui.pane import Pane
from meshtui.ui.panes import NAMED, PANES
from meshtui.ui.panes.served import ServedPane
from meshtui.ui.prompt import Prompt
from meshtui.ui.sorting import Order
from meshtui.ui.spans import Tone
from meshtui.ui.switcher import AnyPane, Switcher
from meshtui.ui.tabs import TabLine
from meshtui.ui.trail import Trail, View


class Main(Screen[None], inherit_bindings=False):
    """The panes and the ways between them. What needs the cluster is posted upwards."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-medium"), (140, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (14, "-short"), (30, "-tall")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "ask('/')", "Filter", key_display="/", priority=True, id="app.filter"),
        Binding("tab", "turn(1)", "Next pane", show=False, id="app.next_pane"),
        Binding("shift+tab", "turn(-1)", "Previous pane", show=False, id="app.previous_pane"),
        Binding("escape,q", "back", "Back", show=False, id="app.back"),
        Binding("ctrl+q", "clear_filter", "Clear the filter", show=False, id="app.clear_filter"),
        Binding("left_square_bracket", "walk('back')", "The view before", key_display="[", show=False,
                id="app.view_before"),
        Binding("right_square_bracket", "walk('forward')", "The view after", key_display="]", show=False,
                id="app.view_after"),
        Binding("minus", "walk('last')", "The last view, and back", key_display="-", show=False, id="app.last_view"),
        Binding("t", "reach('trace')", "Trace: why it is reached, or not", show=False, priority=True,
                id="pane.trace"),
        Binding("v", "reach('verdict')", "Verdict: may it call another, or one marked row the other", show=False,
                priority=True, id="pane.verdict"),
        Binding("V", "reach('who')", "Who may call it, and whom it may call", show=False, id="pane.who"),
        Binding("ctrl+o", "jump", "Jump to a pane by its letter", show=False, id="app.jump"),
        Binding("ctrl+l", "redraw", "Draw the screen anew", show=False, id="app.redraw"),
        Binding("ctrl+e", "frame", "Hide tabs and footer, and show them again", show=False, id="app.frame"),
        Binding("0", "favourite(0)", "All namespaces", show=False, id="app.all_namespaces"),
        *(Binding(f"{number}", f"favourite({number})", "Namespaces used before", show=False,
                  id=f"app.favourite_{number}") for number in range(1, 10)),
    ]  # fmt: skip

    snapshot: reactive[Snapshot | None] = reactive(None, repaint=False)
    place: reactive[Place] = reactive(Place())

    @dataclass
    class NamespacesChosen(Message):
        """Other namespaces are to be looked at; empty for all."""

        namespaces: tuple[str, ...]

    @dataclass
    class ContextAsked(Message):
        """Another cluster is to be looked at, and there a command is to be run."""

        context: str
        then: str

    @dataclass
    class CommandPicked(Message):
        """A command was picked from the palette."""

        line: str

    @dataclass
    class SaveAsked(Message):
        """The rows of the pane in front are to be written into a file of that name."""

        name: str

    @dataclass
    class Told(Message):
        """Something to tell the person."""

        text: str
        tone: Tone = Tone.PLAIN

    def __init__(self, first: str, clock: Callable[[], datetime]) -> None:
        """`first` is the command of the pane to open, "" for the first one."""
        super().__init__()
        self._clock = clock
        first = NAMED.get(first, PANES[0].NAME)
        self._switcher = Switcher([*(pane() for pane in PANES), ServedPane()], first)
        self.panes = self._switcher.panes
        self._opening = Opening(self)
        about_rows = pane_commands.of(lambda: self.front, self._save)
        self.commands = [*self._opening.commands(), *about_rows]
        self._own = tuple(self.commands)
        self._history: list[View] = []
        self._trail = Trail()
        self._header = Header(clock)
        self.tab_line = TabLine()
        self.prompt = Prompt(self.commands, self._entered)

    def compose(self) -> ComposeResult:
        self._wear_size()
        yield self._header.data_bind(Main.snapshot, Main.place)
        yield self.tab_line
        yield self._switcher
        yield self.prompt
        yield Footer()

    def _wear_size(self) -> None:
        """Takes the classes of its size before anything is styled: the first resize, which would, styles all anew."""
        width, height = self.app.size
        for breakpoints, size in (
            (self.HORIZONTAL_BREAKPOINTS, width),
            (self.VERTICAL_BREAKPOINTS, height),
        ):
            self.add_class([name for least, name in breakpoints if size >= least][-1], update=False)

    def on_mount(self) -> None:
        for pane in self.panes.values():
            self.watch(pane, "stamp", self._stamped, init=False)
        self._switcher.see(self.snapshot, self.place)
        self._come_to(self._switcher.bring(self.front.NAME))

    def add(self, others: Sequence[Command]) -> None:
        """Takes commands that are not about panes."""
        self.commands += others
        self._own = tuple(self.commands)

    @property
    def front(self) -> AnyPane:
        """The pane that is looked at."""
        return self._switcher.front

    def watch_focused(self) -> None:
        toasts.give_way(self)

    def _stamped(self) -> None:
        self.tab_line.stamp = self.front.stamp

    # Going about

    @property
    def here(self) -> View:
        """What is looked at, and how."""
        return self._as_left(self.front)

    def _as_left(self, pane: AnyPane) -> View:
        """A pane as it was left."""
        jump = Jump(pane.NAME, pane.within, pane.cursor)
        return View(jump, pane.filter_text, self.place.namespaces)

    def go(
        self, jump: Jump, filter_text: str = "", namespaces: tuple[str, ...] | None = None
    ) -> None:
        """Goes to a pane; `escape` comes back. `namespaces` is as for `_step`."""
        here = self.here
        if View(jump, filter_text, here.namespaces if namespaces is None else namespaces) == here:
            return  # what one is at already would be a step back that shows nothing
        self._history.append(here)
        self._step(jump, filter_text, namespaces)

    def _step(
        self, jump: Jump, filter_text: str = "", namespaces: tuple[str, ...] | None = None
    ) -> None:
        """Shows another view, and remembers the way; `namespaces` None leaves those that are chosen."""
        here = self.here
        to = View(jump, filter_text, here.namespaces if namespaces is None else namespaces)
        self._trail.go(here, to)
        self._show(to)

    def order_as_before(self, orders: Mapping[str, Order]) -> None:
        """Sorts every pane as in an earlier run."""
        for pane in self.panes.values():
            pane.order_as_before(orders)

    def forget(self) -> None:
        """Another cluster: no way leads back, and nothing is narrowed."""
        self._history.clear()
        self._trail.clear()
        for pane in self.panes.values():
            pane.filter(None)
            pane.keep_to_faults(wanted=False)
            pane.narrow("")
            pane.table.unmark()

    def _show(self, view: View) -> None:
        self._keep_to(view.namespaces)
        pane = self._switcher.bring(view.jump.pane)
        pane.filter(pane.read_filter(view.filter))
        pane.narrow(view.jump.within, view.jump.key)
        self._come_to(pane)

    def _keep_to(self, namespaces: tuple[str, ...]) -> None:
        if namespaces != self.place.namespaces:
            self.place = replace(self.place, namespaces=namespaces)
            self.post_message(self.NamespacesChosen(namespaces))

    def _come_to(self, pane: AnyPane) -> None:
        titled = ((each.NAME, each.title) for each in self.panes.values())
        self.tab_line.titles = [(name, title) for name, title in titled if title]
        self.tab_line.front = pane.NAME
        self.tab_line.stamp = pane.stamp
        if not self.prompt.asking:  # which it may be before there is anything on the screen
            pane.focus_table()
        pane.post_message(Pane.Looked())

    @on(Pane.Left)
    def _left(self, event: Pane.Left) -> None:
        self.go(event.jump)

    @on(Pane.NamespacesAsked)
    def _warped(self, event: Pane.NamespacesAsked) -> None:
        self.choose_namespaces(event.names)

    @on(TabLine.Picked)
    def _picked(self, event: TabLine.Picked) -> None:
        self._return_to(event.pane)

    def _return_to(self, name: str) -> None:
        to = self._as_left(self.panes[name])
        self.go(to.jump, to.filter)

    def action_turn(self, step: int) -> None:
        names = [name for name, _ in self.tab_line.titles]
        self._history.clear()
        to = self._as_left(self.panes[names[(names.index(self.front.NAME) + step) % len(names)]])
        self._step(to.jump, to.filter)

    def action_back(self) -> None:
        pane = self.front
        if self.prompt.asking:  # and a click took the focus from it
            self.prompt.action_cancel()
        elif pane.filter_text:
            pane.filter(None)
        elif pane.faults:
            pane.keep_to_faults(wanted=False)
        elif pane.table.marks:
            pane.table.unmark()
        elif self._history:
            before = self._history.pop()
            self._step(before.jump, before.filter)
        elif pane.NAME == ServedPane.NAME:
            self.action_turn(1)
        elif pane.within:
            pane.narrow("", pane.cursor)
        else:
            self.post_message(self.Told(":q quits."))

    def action_clear_filter(self) -> None:
        if self.prompt.asking == "/":
            self.prompt.action_clear()
        else:
            self.front.filter(None)

    def action_walk(self, way: str) -> None:
        """Walks along the views that one came by."""
        find, none = {
            "back": (self._trail.back, "This is the first view."),
            "forward": (self._trail.forward, "There is no later view."),
            "last": (self._trail.last, "There was no other view yet."),
        }[way]
        view = find(self.here)
        if view is None:
            self.post_message(self.Told(none))
        else:
            self._history.clear()
            self._show(view)

    def action_jump(self) -> None:
        def go(name: str | None) -> None:
            if name and name != self.front.NAME:
                self._return_to(name)

        self.app.push_screen(Jumping(self.tab_line.titles, self.front.NAME), go)

    def action_frame(self) -> None:
        """The header stays: one always sees which cluster one is in."""
        self.toggle_class("-frameless")

    def action_redraw(self) -> None:
        self.app.refresh(layout=True)

    def action_favourite(self, number: int) -> None:
        """Keeps to the namespaces of a favourite; 0 is all."""
        chosen = self.place.favourites[number - 1 : number]
        if number and not chosen:
            words = f"{number} has no namespaces yet: those that :ns chooses come to 1 to 9."
            self.post_message(self.Told(words))
        else:
            self.choose_namespaces(chosen[0] if number else ())

    def choose_namespaces(self, chosen: tuple[str, ...], filter_text: str = "") -> None:
        """Keeps to these namespaces, in the view that one looks at."""
        here = self.here
        self._step(here.jump, filter_text or here.filter, chosen)

    def on_paste(self, event: Paste) -> None:
        """What is pasted where nothing is typed is no keys."""
        event.stop()
        if not self.prompt.asking:
            words = "What was pasted did nothing: press : or / first, and paste it there."
            self.post_message(self.Told(words))

    def on_key(self, event: Key) -> None:
        """A key without a verb says why it has none."""
        hint = unbound.HINTS.get(event.key)
        if hint and not self.prompt.asking and event.key not in self.active_bindings:
            event.stop()
            self.post_message(self.Told(hint))

    # Prompt and commands

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that open a prompt are there before what is typed right behind them, which goes into it; while one is
        open they are text."""
        if action == "reach":
            return type(self.front).callee is not Keyed.callee and not self.prompt.asking
        return not (action == "ask" and self.prompt.asking)

    def action_ask(self, sign: str) -> None:
        self._in_turn(partial(self.ask, sign))

    def ask(self, sign: str) -> None:
        """Opens the prompt."""
        text = ""
        if sign == "/":
            text = self.front.filter_text
            self.front.expect_filter()
        self.prompt.ask(sign, text, self.front.read_filter)

    def action_reach(self, command: str) -> None:
        self._in_turn(partial(self._reach, command))

    def _in_turn(self, act: Callable[[], None]) -> None:
        assert isinstance(self.app, KeysInTurn)
        self.app.in_turn(act)

    def _reach(self, command: str) -> None:
        """Asks about calls from or to the row under the cursor, or from one marked row to the other."""
        if self.snapshot is None or self.front.table.selected is None:
            return
        line, whole = asking.begun(self.front, command, self.snapshot)
        if whole:
            self.run(line)
        elif line:
            self.prompt.ask(":", line)
        else:
            self.post_message(self.Told(asking.NOBODY))

    @on(Pane.SaveAsked)
    def _save_asked(self) -> None:
        self._save("")

    def _save(self, name: str) -> None:
        """Saves the rows in front under a name, for which it asks where there is none."""
        if name:
            self.post_message(self.SaveAsked(name))
        else:
            proposed = export.proposed(self.front.title, self.place.context, self._clock())
            self.prompt.ask(":", f"save {proposed}")

    @on(Prompt.Typed)
    def _typed(self, event: Prompt.Typed) -> None:
        if self.prompt.asking:  # what was entered meanwhile is more
            self.front.filter_soon(event.filter)

    def _entered(self, sign: str, text: str) -> None:
        self.front.focus_table()
        if sign == ":":
            self.run(text)
            return
        try:
            self.front.filter(self.front.read_filter(text))
        except BadPattern as failure:
            words = f"/{text}: {failure}. The filter was left as it was."
            self.post_message(self.Told(words, Tone.WARN))

    @on(Prompt.Cancelled)
    def _cancelled(self, event: Prompt.Cancelled) -> None:
        if event.sign == "/":
            self.front.filter(None)
        self.front.focus_table()

    def run(self, text: str) -> None:
        """Does what a command says."""
        name, argument = commands.split(commands.spelled(text))
        command = commands.find(self.commands, name)
        if command is not None and argument and not command.takes:
            words = f":{name} {argument}: :{name} takes nothing behind it."
            self.post_message(self.Told(words, Tone.WARN))
        elif command is not None:
            command.run(argument)
        elif name:
            self.post_message(self.Told(self._opening.unknown(name), Tone.WARN))

    def watch_place(self) -> None:
        self._switcher.see(self.snapshot, self.place)

    def watch_snapshot(self, before: Snapshot | None, now: Snapshot | None) -> None:
        self._switcher.see(now, self.place)
        self.prompt.all_known = now is not None and bool(now.server.served)
        if now is not None and (before is None or before.server.served is not now.server.served):
            self.commands[:] = [*self._own, *self._opening.of_kinds(self._own)]
