"""MeshApp: joins a session and the screen. It knows no resource by name."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import ClassVar

from msgspec.structs import replace
from textual import on, work
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.reactive import reactive
from textual.timer import Timer
from textual.widgets import Input

from meshtui import endings, journal, memory, production
from meshtui.auditing import Auditing
from meshtui.changing import Changing
from meshtui.clusters import Clusters
from meshtui.contexts import Contexts
from meshtui.favouring import Favouring
from meshtui.files import Files
from meshtui.kube import background
from meshtui.kube.audit import Audit
from meshtui.kube.errors import KubeError
from meshtui.kube.session import Session
from meshtui.lending import Lending
from meshtui.mesh import critical, history, narrower, scopes
from meshtui.mesh.kinds import POD
from meshtui.mesh.snapshot import Scope, Server, Snapshot
from meshtui.muting import Muting
from meshtui.ordering import Ordering
from meshtui.reading import Reading
from meshtui.routes import Routes
from meshtui.settings import Settings
from meshtui.taking import Taking
from meshtui.telling import Telling
from meshtui.ui import clipboard, commands, info, themes
from meshtui.ui.answers import AnswerScreen
from meshtui.ui.ascii import Ascii
from meshtui.ui.away import Away
from meshtui.ui.commands import Command
from meshtui.ui.confirm import Confirm
from meshtui.ui.exchange import Place
from meshtui.ui.keys_first import KeysFirst
from meshtui.ui.main import Main
from meshtui.ui.mute import AskMute, MuteAsked
from meshtui.ui.paint import COMPONENTS
from meshtui.ui.palette import CommandsOfMain
from meshtui.ui.pane import Pane
from meshtui.ui.panes import PANES
from meshtui.ui.reader import Reader
from meshtui.ui.spans import Tone
from meshtui.ui.styles import STYLESHEETS
from meshtui.ui.tree import TreeScreen
from meshtui.ui.verify import Verify


def utc_now() -> datetime:
    return datetime.now(UTC)


class MeshApp(Routes, inherit_bindings=False):
    """The program on the screen. Its snapshot flows down to the panes; what they post comes up to it."""

    TITLE = "meshtui"
    CSS_PATH = STYLESHEETS
    COMPONENT_CLASSES = COMPONENTS
    COMMANDS = {CommandsOfMain}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "Help", key_display="?", id="app.help"),
        Binding("f1", "help", "Help", show=False, id="app.help_too"),
        Binding("colon", "command", "Command", key_display=":", priority=True, id="app.command"),
        Binding("exclamation_mark", "messages", "Messages", key_display="!", show=False, id="app.messages"),
        Binding("ctrl+p", "command_palette", "Palette", show=False, id="app.palette"),
        Binding("ctrl+a", "aliases", "Aliases, and back", show=False, id="app.aliases"),
        Binding("ctrl+r", "refresh_all", "Read again", show=False, id="app.refresh"),
        Binding("ctrl+c", "interrupt", "Quit (twice, if not configured)", show=False, priority=True, id="app.quit"),
    ]  # fmt: skip

    snapshot: reactive[Snapshot | None] = reactive(None, repaint=False)

    def __init__(
        self,
        settings: Settings,
        clusters: Clusters,
        clock: Callable[[], datetime] = utc_now,
        files: Files | None = None,
    ) -> None:
        """`files` are where it keeps what outlives it; None for an audit in its place, and nothing else."""
        # Textual decides here how it leaves colours out, and takes NO_COLOR out of the environment
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self._settings = settings
        self._clock = clock
        self.keys_first = KeysFirst()
        self._telling = Telling(self, clock)
        self._told = self._telling.told
        self._contexts = Contexts(self, clusters, settings.context, self.tell)
        self._session: Session | None = None
        self._asking_soon: Timer | None = None
        self._deriving = asyncio.Lock()
        self._interrupted: datetime | None = None
        self._main = Main(settings.pane.lower(), clock)
        self._only_ascii = [Ascii()] if settings.ascii else []
        self._away = Away(self._to_terminal, bell=settings.bell, only_ascii=bool(settings.ascii))
        files = files or Files()
        self._favouring = Favouring(self._main, files.favourites, self.tell)
        self._lending = Lending(self, self._main)
        self._changing = Changing(self, self._main, settings, clock, self.tell, Audit(files.audit))
        self._auditing = Auditing(self, files.audit, self._changing, self.tell)
        self._muting = Muting(self, files.mutes, clock, self.tell)
        self._reading = Reading(self, self._main, self._derive, self._want_soon)
        self._ordering = Ordering(self._main, files.orders, self.tell)
        self._taking = Taking(self, self.tell, self._reading.whole, self._derive)
        self._main.commands[:0] = commands.aliases(settings.aliases, self._main.run)
        self._main.add(self._commands())

    def get_default_screen(self) -> Main:
        return self._main

    def get_css_variables(self) -> dict[str, str]:
        found = themes.variables(super().get_css_variables())
        self.theme_variables = found  # by which text that wraps by itself is styled
        return found

    def refresh_css(self, animate: bool = True) -> None:
        """While there is no screen, its stylesheets need not be read once more: nothing was styled by them."""
        if self.screen_stack:
            super().refresh_css(animate)
        else:
            self.stylesheet.set_variables(self.get_css_variables())

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), *self._only_ascii]

    def on_load(self) -> None:
        """Puts the theme on before there is anything to style: afterwards all would be styled once more."""
        for own in themes.OWN:
            self.register_theme(own)
        self._wear(self._settings.theme_of(self._contexts.chosen))

    def on_mount(self) -> None:
        self.animation_level = "none"  # each frame of one takes its time over ssh
        self.set_keymap(dict(self._settings.keys))
        self.screen_change_signal.subscribe(self, lambda _: self._telling.release())
        for complaint in self._settings.complaints:
            self.tell(complaint, Tone.WARN)
        if not self.is_headless:  # there is a terminal to give back as it was
            endings.install(asyncio.get_running_loop(), self._leave)
        self._load_kept()
        self._start()

    def watch_snapshot(self, before: Snapshot | None, snapshot: Snapshot | None) -> None:
        self._main.snapshot = snapshot
        self._changing.snapshot = self._reading.snapshot = snapshot
        if snapshot is not None:
            if self._narrower(before) != self._narrower(snapshot):
                self._want_soon()
            if self._favouring.waits:
                self._use_favourite()
            journal.note(before, snapshot)
            if self._away.watching:
                self._away.look(self._contexts.chosen, critical.of(snapshot))
            for screen in self.screen_stack:
                if isinstance(screen, Reader | Confirm):
                    screen.update_from(snapshot)

    def _readers(self) -> list[Reader]:
        return [screen for screen in self.screen_stack if isinstance(screen, Reader)]

    # The session

    def _start(self) -> None:
        """Looks at the chosen context, from nothing."""
        self._session = self._reading.session = None
        memory.let_go()
        self._lending = Lending(self, self._main)
        self.snapshot = None
        context, settings = self._contexts.chosen, self._settings
        self._wear(settings.theme_of(context))
        colour = settings.about(context).colour or themes.context_colour(
            context, production=production.is_production(context)
        )
        self._main.place = Place(
            context=context, colour=colour, namespaces=settings.namespaces_of(context)
        )
        self._use_favourite()
        self._changing.begin(context)
        self._live(context)

    @work(exclusive=True, group="session")
    async def _live(self, context: str) -> None:
        """Holds the session of a context, and brings what it says to the screen."""
        try:
            session = await background.start(self._contexts.clusters.open, context, self._lending)
        except KubeError as failure:
            server = Server(context=context, problem=failure.problem)
            self.snapshot = Snapshot(self._clock(), server)
            memory.settle()
            return
        if self._contexts.clusters.complaint:
            self.tell(self._contexts.clusters.complaint, Tone.WARN)
        async with session:
            self._session = self._changing.session = self._reading.session = session
            self._want()
            settled = False
            async for known in session.snapshots():
                known.memo.between = self.keys_first.give_way
                snapshot = self._muting.over(known, context)
                complete = bool(snapshot.sources) and _complete(snapshot)
                if complete and not settled and len(snapshot.raw(POD)) > _MANY:
                    rows = replace(snapshot, examines=False)
                    await self._derive(self._main.front.prepare, rows)
                    self.snapshot = rows
                    del rows  # or all its objects are held for as long as the session
                # derived here first: what the pane then asks for on the loop is remembered
                readers = [each.derive for each in self._readers()]
                await self._derive(self._main.front.prepare, snapshot)
                await self._derive(_all_of(history.of, critical.of, *readers), snapshot)
                self.snapshot = snapshot
                if complete and not settled:
                    settled = True
                    memory.settle()

    async def _derive(self, derive: Callable[[Snapshot], object], snapshot: Snapshot) -> None:
        """Derives in a thread, one at a time: what was derived is remembered in one place."""
        async with self._deriving:
            await background.start(derive, snapshot)

    def _want(self) -> None:
        """Tells the session what is looked at now."""
        self._asking_soon = None
        if self._session is None or not self._main.is_mounted:
            return
        wanted = self._main.front.wanted()
        for screen in self._readers():
            wanted = wanted | screen.wants()
        needs = [*(need for pane in PANES for need in pane.NEEDS), *self._changing.needs]
        always = scopes.of(needs, self._main.place.namespaces)
        seen = (*always, *self._narrower(self.snapshot), *wanted.scopes)
        self._session.want(
            seen,
            (*wanted.probes, *self._changing.probes),
            wanted.refs,
            wanted.tables,
            wanted.tails,
            denials=wanted.denials,
        )
        self._changing.ask_rights(self._main.front)

    def _narrower(self, snapshot: Snapshot | None) -> Sequence[Scope]:
        """What to follow where it may not be followed everywhere."""
        return narrower.of(snapshot, self._main.place.namespaces) if snapshot else ()

    @on(Pane.Looked)
    @on(TreeScreen.Looked)
    @on(AnswerScreen.Looked)
    def _want_soon(self) -> None:
        """The same, once the cursor has come to rest."""
        if self._asking_soon is None:
            self._asking_soon = self.set_timer(0.15, self._want)

    @on(Main.NamespacesChosen)
    def _namespaces_chosen(self) -> None:
        self._want()
        self._use_favourite()

    def _use_favourite(self) -> None:
        """The namespaces that are looked at become favourites, but for a slip of the pen, and the favourites are
        seen."""
        if self._favouring.use(self.snapshot):
            self._save_favourites(self._main.place.context)

    @work
    async def _save_favourites(self, context: str) -> None:
        await self._favouring.save(context)

    @work
    async def _load_kept(self) -> None:
        """What is kept between runs."""
        await self._favouring.load()
        await self._ordering.load()
        await self._muting.load()
        self._show_muted()

    @on(MuteAsked)
    @work(exclusive=True, group="mute")
    async def _mute(self, event: MuteAsked) -> None:
        context = self._main.place.context
        if await self._muting.ask(event, context):
            self._show_muted()
            await self._muting.save(context)

    def _show_muted(self) -> None:
        if self.snapshot is not None:
            self.snapshot = self._muting.over(self.snapshot, self._main.place.context)

    # Commands that are not about a pane

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """`:` comes before all other keys, so that what is typed right behind it goes into the prompt; it is text where
        text is typed already."""
        return not (action == "command" and isinstance(self.focused, Input))

    def action_command(self) -> None:
        """Opens the prompt; screens over the panes are left for it."""
        self.in_turn(self._open_prompt)

    def _open_prompt(self) -> None:
        self._leave_screens()
        if self.screen is self._main:
            self._main.ask(":")

    def _leave_screens(self) -> None:
        for screen in reversed(self.screen_stack):
            if isinstance(screen, Reader | Confirm | Verify | AskMute):
                screen.dismiss()

    @on(Main.CommandPicked)
    def _picked(self, event: Main.CommandPicked) -> None:
        self._leave_screens()
        self._main.run(event.line)

    def _commands(self) -> list[Command]:
        """Those that are not about a pane."""
        return [
            Command(("ctx", "context"), "look at another cluster", self._choose_context, lambda: self._contexts.names,
                    "[CONTEXT]", closed=True),
            *self._reading.commands(),
            Command(("help",), "every key and command", lambda _: self.action_help()),
            Command(("aliases", "a"), "all commands with their other names", lambda _: self.action_aliases()),
            Command(("messages",), "what was said, longer than a toast", lambda _: self.action_messages()),
            Command(("info",), "this program, this cluster, and how they are connected", lambda _: self._info()),
            Command(("theme",), "the colours", self._choose_theme, lambda: sorted(self.available_themes), "NAME",
                    closed=True),
            *self._changing.commands(),
            *self._auditing.commands(),
            Command(("suspend",), "go to the shell; `fg` comes back", lambda _: self.action_suspend_process()),
            Command(("refresh",), "read everything again", lambda _: self.action_refresh_all()),
            Command(("q", "quit", "q!"), "quit", lambda _: self._leave()),
        ]  # fmt: skip

    @on(Main.ContextAsked)
    def _context_asked(self, event: Main.ContextAsked) -> None:
        self._choose_context(event.context, event.then)

    @work
    async def _choose_context(self, name: str, then: str = "") -> None:
        """Looks at another cluster, and there does what the command `then` says."""
        if await self._contexts.choose(name, self._lending):
            self._main.forget()
            self._start()
            if then:
                self._main.run(then)

    @work
    async def _start_again(self) -> None:
        await self._contexts.begin_again()
        self._start()

    def _wear(self, theme: str) -> None:
        """Puts a theme on, the default one where there is none of that name; without colours always the terminal's."""
        known = theme if theme in self.available_themes else themes.DEFAULT
        self.theme = themes.TERMINALS_OWN if self.no_color else known

    def _choose_theme(self, argument: str) -> None:
        if argument in self.available_themes:
            self.theme = argument
        else:
            none = f"There is no theme {argument!r}" if argument else ":theme wants a name"
            own = ", ".join(each.name for each in themes.OWN)
            self.tell(f"{none}: there are {own}, and Textual's.", Tone.WARN)

    def _info(self) -> None:
        told = info.lines(self.snapshot, self._main.place, self._settings.config_file)
        self.push_screen(Reader("Info", told, 2))

    # While the terminal is in the background

    def on_app_blur(self) -> None:
        self._away.leave(critical.of(self.snapshot) if self.snapshot else {})

    def on_app_focus(self) -> None:
        for each in self._away.back():
            self.tell(f"Meanwhile: {each}", Tone.BAD)

    def copy_to_clipboard(self, text: str) -> None:
        """Asks the terminal; Textual's own way knows nothing of tmux and screen."""
        self._clipboard = text
        if self._driver is not None:
            self._driver.write(clipboard.request(text, os.environ))

    def _to_terminal(self, text: str) -> None:
        if self._driver is not None:
            self._driver.write(text)

    # Ends

    def action_refresh_all(self) -> None:
        self.tell("Reading everything again.")
        self._lending.again()
        if self._session is not None:
            self._session.refresh()
        else:
            self._start_again()

    @work(exclusive=True, group="leave")
    async def _leave(self, status: int = 0) -> None:
        """Quits, once what is under way was ended and is in the audit. The status of a program that a signal ended is
        128 and the signal's number, by which a shell knows it."""
        await self._lending.close()
        said = await self._changing.close()
        self._away.back()
        self.exit(status, message=said or None)

    def action_interrupt(self) -> None:
        quits, before = self._settings.quit_on_ctrl_c, self._interrupted
        self._interrupted = now = self._clock()
        again = before is not None and (now - before).total_seconds() < 2
        if quits == "first" or (quits == "double" and again):
            self._leave()
        else:
            self.tell("ctrl-c again quits." if quits == "double" else ":q quits.")


_MANY = 2_000
"""Pods: the rows of so many are shown before the doctor's first look at them, which takes a while."""


def _all_of(*derives: Callable[[Snapshot], object]) -> Callable[[Snapshot], None]:
    """To be derived in one go: each is little, and a thread of its own takes a millisecond."""

    def derive(snapshot: Snapshot) -> None:
        for each in derives:
            each(snapshot)

    return derive


def _complete(snapshot: Snapshot) -> bool:
    return all(source.complete or source.problem for source in snapshot.sources.values())
