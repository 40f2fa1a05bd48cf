"""MeshApp: joins a session and the screen. It knows no resource by name."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from textual import on, work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.reactive import reactive
from textual.timer import Timer
from textual.widgets import Input

from meshtui import __version__, endings, journal, production
from meshtui.changing import Changing
from meshtui.clusters import Clusters, clusters
from meshtui.favourites import Favourites
from meshtui.files import Files
from meshtui.kube import audit, background
from meshtui.kube.audit import Audit, AuditError
from meshtui.kube.errors import KubeError
from meshtui.kube.session import Session
from meshtui.lending import Lending
from meshtui.mesh import critical, history, narrower, past, scopes
from meshtui.mesh.snapshot import Scope, Server, Snapshot
from meshtui.muting import Muting
from meshtui.ordering import Ordering
from meshtui.reading import Reading
from meshtui.settings import Settings
from meshtui.taking import Taking
from meshtui.ui import asking, clipboard, export, keys, notices, themes, times
from meshtui.ui.answers import AnswerScreen
from meshtui.ui.ascii import Ascii
from meshtui.ui.audit_reader import AuditReader
from meshtui.ui.away import Away
from meshtui.ui.commands import Command
from meshtui.ui.confirm import Confirm
from meshtui.ui.exchange import Place
from meshtui.ui.log_reader import LogReader
from meshtui.ui.main import Main
from meshtui.ui.mute import AskMute, MuteAsked
from meshtui.ui.paint import COMPONENTS
from meshtui.ui.palette import CommandsOfMain
from meshtui.ui.pane import Pane
from meshtui.ui.panes import PANES
from meshtui.ui.pick import Pick
from meshtui.ui.reader import Aliases, Help, Reader, Yaml
from meshtui.ui.spans import Line, Span, Tone, plain
from meshtui.ui.styles import STYLESHEETS
from meshtui.ui.tree import TreeScreen
from meshtui.ui.verify import Verify


@dataclass(frozen=True, slots=True)
class Told:
    """Something that was said to the person, kept longer than a toast."""

    at: datetime
    text: str
    tone: Tone


_TOAST = timedelta(seconds=4)
"""So long a toast stands there."""
_MOST_TOASTS = 5
"""While so many stand there, only what is loud is one more: hundreds would slow the screen down."""
_LONGEST_TOAST = 240
"""More characters would hide what one looks at."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class MeshApp(App[int], inherit_bindings=False):
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
        Binding("ctrl+c", "interrupt", "Quit (twice)", show=False, priority=True, id="app.quit"),
    ]  # fmt: skip

    snapshot: reactive[Snapshot | None] = reactive(None)

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
        self._clusters = clusters
        self._clock = clock
        self._chosen = settings.context or clusters.current
        self._session: Session | None = None
        self._told: deque[Told] = deque(maxlen=500)
        self._asking_soon: Timer | None = None
        self._deriving = asyncio.Lock()
        self._saving = asyncio.Lock()
        self._interrupted: datetime | None = None
        self._main = Main(settings.pane.lower(), self._other_commands(), clock)
        self._only_ascii = [Ascii()] if settings.ascii else []
        self._away = Away(self._to_terminal, bell=settings.bell, only_ascii=bool(settings.ascii))
        files = files or Files()
        self._favourites = Favourites(files.favourites)
        self._audit = Audit(files.audit)
        self._lending = Lending(self, self._main)
        self._changing = Changing(self, self._main, settings, clock, self.tell, self._audit)
        self._muting = Muting(self, files.mutes, clock, self.tell)
        self._reading = Reading(self, self._main, self._derive, self._want_soon)
        self._ordering = Ordering(self._main, files.orders, self.tell)
        self._taking = Taking(self, self.tell, self._reading.whole, self._derive)

    def get_default_screen(self) -> Main:
        return self._main

    def get_css_variables(self) -> dict[str, str]:
        found = themes.variables(super().get_css_variables())
        self.theme_variables = found  # by which text that wraps by itself is styled
        return found

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), *self._only_ascii]

    def on_mount(self) -> None:
        self.animation_level = "none"  # each frame of one takes its time over ssh
        for own in themes.OWN:
            self.register_theme(own)
        self.set_keymap(dict(self._settings.keys))
        for complaint in self._settings.complaints:
            self.tell(complaint, Tone.WARN)
        if not self.is_headless:  # there is a terminal to give back as it was
            endings.install(asyncio.get_running_loop(), self._leave)
        self._load_favourites()
        self._load_orders()
        self._load_mutes()
        self._start()

    def watch_snapshot(self, before: Snapshot | None, snapshot: Snapshot | None) -> None:
        self._main.snapshot = snapshot
        self._changing.snapshot = self._reading.snapshot = snapshot
        if snapshot is not None:
            if self._narrower(before) != self._narrower(snapshot):
                self._want_soon()
            journal.note(before, snapshot)
            if self._away.watching:
                self._away.look(self._chosen, critical.of(snapshot))
            for screen in self.screen_stack:
                if isinstance(screen, Reader | Confirm):
                    screen.update_from(snapshot)

    def _readers(self) -> list[Reader]:
        return [screen for screen in self.screen_stack if isinstance(screen, Reader)]

    # The session

    def _start(self) -> None:
        """Looks at the chosen context, from nothing."""
        self._session = self._reading.session = None
        gc.unfreeze()  # the cluster before may go
        self._lending = Lending(self, self._main)
        self.snapshot = None
        about = self._settings.about(self._chosen)
        self._wear(self._settings.theme_of(self._chosen))
        looks_like_production = production.is_production(self._chosen)
        self._main.place = Place(
            context=self._chosen,
            colour=about.colour
            or themes.context_colour(self._chosen, production=looks_like_production),
            namespaces=self._settings.namespaces_of(self._chosen),
        )
        self._use_namespaces()
        self._changing.begin(self._chosen)
        self._live(self._chosen)

    @work(exclusive=True, group="session")
    async def _live(self, context: str) -> None:
        """Holds the session of a context, and brings what it says to the screen."""
        try:
            session = await background.start(self._clusters.open, context, self._lending)
        except KubeError as failure:
            server = Server(context=context, problem=failure.problem)
            self.snapshot = Snapshot(self._clock(), server)
            _settle_memory()
            return
        async with session:
            self._session = self._changing.session = self._reading.session = session
            self._want()
            settled = False
            async for known in session.snapshots():
                snapshot = self._muting.over(known, context)
                # derived here first: what the pane then asks for on the loop is remembered
                for derive in (
                    self._main.front.prepare,
                    history.of,
                    *((critical.of,) if self._away.watching else ()),
                    *(each.derive for each in self._readers()),
                ):
                    await self._derive(derive, snapshot)
                self.snapshot = snapshot
                if not settled and snapshot.sources and _complete(snapshot):
                    settled = True
                    _settle_memory()

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
        self._use_namespaces()

    def _use_namespaces(self) -> None:
        """The namespaces that are looked at become favourites, and the favourites are seen."""
        if self._favourites.use(self._chosen, self._main.place.namespaces):
            self._save_favourites(self._chosen)
        self._show_favourites()

    def _show_favourites(self) -> None:
        of_context = self._favourites.of(self._chosen)
        self._main.place = replace(self._main.place, favourites=of_context)

    @work
    async def _load_favourites(self) -> None:
        try:
            await background.start(self._favourites.load)
        except OSError as error:
            self.tell(f"The favourite namespaces cannot be read: {error.strerror}.", Tone.WARN)
        self._show_favourites()

    @work
    async def _save_favourites(self, context: str) -> None:
        async with self._saving:
            try:
                await background.start(self._favourites.save, context)
            except OSError as error:
                self.tell(f"The favourite namespaces cannot be kept: {error.strerror}.", Tone.WARN)

    # How rows are sorted

    @work
    async def _load_orders(self) -> None:
        await self._ordering.load()

    @on(Pane.Sorted)
    @work
    async def _sorted(self, event: Pane.Sorted) -> None:
        await self._ordering.save(event.name, event.order)

    # What is muted

    @work
    async def _load_mutes(self) -> None:
        await self._muting.load()
        self._show_muted()

    @on(MuteAsked)
    @work(exclusive=True, group="mute")
    async def _mute(self, event: MuteAsked) -> None:
        context = self._chosen
        if await self._muting.ask(event, context):
            self._show_muted()
            await self._muting.save(context)

    def _show_muted(self) -> None:
        if self.snapshot is not None:
            self.snapshot = self._muting.over(self.snapshot, self._chosen)

    # Changes

    @on(Pane.MenuAsked)
    def _menu(self, event: Pane.MenuAsked) -> None:
        self._changing.offer(event.title, event.offers)

    @on(Pane.WaysAsked)
    @work(exclusive=True, group="ways")
    async def _ways(self, event: Pane.WaysAsked) -> None:
        chosen = await self.push_screen_wait(Pick(event.title, [(name, "") for name in event.ways]))
        if chosen:
            self._main.go(event.ways[chosen])

    @on(Pane.ChangeAsked)
    def _change(self, event: Pane.ChangeAsked) -> None:
        self._changing.ask(event.wishes)

    @on(Pane.EditAsked)
    def _edit(self, event: Pane.EditAsked) -> None:
        self._changing.edit(event.ref)

    @work(exclusive=True, group="audit")
    async def _show_audit(self) -> None:
        path = self._audit.path
        try:
            told = await asyncio.to_thread(lambda: past.of(audit.read(path)))
            problems = (await asyncio.to_thread(audit.verify, path)).problems
        except AuditError as failure:
            self.tell(str(failure), Tone.WARN)
            return
        wrong = f"This file was tampered with or damaged: {problems[0]}." if problems else ""
        self.push_screen(AuditReader(f"Audit, newest first · {path}", told, wrong))

    @on(AuditReader.UndoAsked)
    def _undo(self, event: AuditReader.UndoAsked) -> None:
        if event.screen.problem:
            self.tell("Nothing is taken back by a file that cannot be relied on.", Tone.WARN)
        elif self._changing.take_back(event.past):
            event.screen.dismiss()

    # Commands that are not about a pane

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """`:` comes before all other keys, so that what is typed right behind it goes into the prompt; it is text where
        text is typed already."""
        return not (action == "command" and isinstance(self.focused, Input))

    def action_command(self) -> None:
        """Opens the prompt; screens over the panes are left for it."""
        self._leave_screens()
        if self.screen is self._main:
            self._main.action_ask(":")

    def _leave_screens(self) -> None:
        for screen in reversed(self.screen_stack):
            if isinstance(screen, Reader | Confirm | Verify | AskMute):
                screen.dismiss()

    @on(Main.CommandPicked)
    def _picked(self, event: Main.CommandPicked) -> None:
        self._leave_screens()
        self._main.run(event.line)

    def _other_commands(self) -> list[Command]:
        def contexts() -> list[str]:
            return [name for name, _ in self._clusters.contexts]

        return [
            Command(("ctx", "context"), "look at another cluster", self._choose_context, contexts, "[CONTEXT]",
                    closed=True),
            Command(("tree",), "gateways down to ztunnels: what leads to this row and on from it, or `all`",
                    lambda said: self._reading.tree(said), lambda: ["all"], "[all]", closed=True),
            *asking.commands(lambda: self.snapshot, lambda asked: self._reading.ask(asked),
                             lambda words: self._main.prompt.ask(":", words)),
            Command(("help",), "every key and command", lambda _: self.action_help()),
            Command(("aliases", "a"), "all commands with their other names", lambda _: self.action_aliases()),
            Command(("messages",), "what was said, longer than a toast", lambda _: self.action_messages()),
            Command(("info",), "this program, this cluster, and how they are connected", lambda _: self._info()),
            Command(("theme",), "the colours", self._choose_theme, lambda: sorted(self.available_themes), "NAME",
                    closed=True),
            Command(("write",), "allow changes for 15 minutes", lambda _: self._changing.lock.open()),
            Command(("readonly",), "allow no changes", lambda _: self._changing.lock.close()),
            Command(("undo",), "take the last change back", lambda _: self._changing.undo()),
            Command(("verify",), "the evidence of the last change again, while it is followed",
                    lambda _: self._changing.reopen()),
            Command(("levels",), "log levels of proxies that were set from here and not set back yet",
                    lambda _: self._changing.offer_levels()),
            Command(("audit",), "what was changed from here, or was not; u takes one back",
                    lambda _: self._show_audit()),
            Command(("suspend",), "go to the shell; `fg` comes back", lambda _: self.action_suspend_process()),
            Command(("refresh",), "read everything again", lambda _: self.action_refresh_all()),
            Command(("q", "quit", "q!"), "quit", lambda _: self._leave()),
        ]  # fmt: skip

    @on(Main.ContextAsked)
    def _context_asked(self, event: Main.ContextAsked) -> None:
        self._choose_context(event.context, event.then)

    @work
    async def _choose_context(self, argument: str, then: str = "") -> None:
        """Looks at another cluster, and there does what the command `then` says."""
        await self._read_clusters()
        names = [name for name, _ in self._clusters.contexts]
        chosen = argument
        if not chosen and names:
            pick = Pick("Contexts", self._clusters.contexts, self._chosen)
            chosen = await self.push_screen_wait(pick)
            if not chosen:
                return
        if chosen not in names:
            self.tell(self._why_not(chosen), Tone.WARN)
            return
        self._chosen = chosen
        self._main.forget()
        self._start()
        if then:
            self._main.run(then)

    def _why_not(self, context: str) -> str:
        """Why a context cannot be chosen that the kubeconfig does not name."""
        try:
            self._clusters.open(context, self._lending)
        except KubeError as failure:
            return notices.sentences(failure.problem)
        return f"there is no context {context}"

    async def _read_clusters(self) -> None:
        if self._clusters.again is not None:
            found = await background.start(self._clusters.again)
            if found.contexts or not self._clusters.contexts:  # it may have been a pipe, or is gone
                self._clusters = found

    @work
    async def _start_again(self) -> None:
        """Once more from the kubeconfig, which led nowhere."""
        await self._read_clusters()
        self._chosen = self._chosen or self._clusters.current
        self._start()

    def _wear(self, theme: str) -> None:
        """Puts a theme on, the default one where there is none of that name; without colours always the terminal's."""
        known = theme if theme in self.available_themes else themes.DEFAULT
        self.theme = themes.TERMINALS_OWN if self.no_color else known

    def _choose_theme(self, argument: str) -> None:
        if argument in self.available_themes:
            self.theme = argument
        else:
            self.tell(f"There is no theme {argument!r}.", Tone.WARN)

    # Screens over the panes

    @on(Pane.DescribeAsked)
    def _describe(self, event: Pane.DescribeAsked) -> None:
        self._reading.describe(event.key)

    @on(Pane.YamlAsked)
    def _yaml(self, event: Pane.YamlAsked) -> None:
        self._reading.yaml(event.ref)

    @on(Yaml.ManagedAsked)
    def _managed(self, event: Yaml.ManagedAsked) -> None:
        self._reading.read(event.screen, event.ref, managed=event.managed)

    @on(Pane.LogsAsked)
    def _logs(self, event: Pane.LogsAsked) -> None:
        self._reading.log(event.pods, previous=event.previous)

    @on(LogReader.RangeAsked)
    def _log_range(self, event: LogReader.RangeAsked) -> None:
        self._reading.feed(event.screen)

    @on(LogReader.SaveAsked)
    @work
    async def _save_log(self, event: LogReader.SaveAsked) -> None:
        self.tell(*await self._reading.save(event.pods, event.lines))

    @on(TreeScreen.Left)
    @on(AnswerScreen.Left)
    def _tree_left(self, event: TreeScreen.Left | AnswerScreen.Left) -> None:
        self._main.go(event.jump)

    @on(AnswerScreen.Reversed)
    def _reversed(self, event: AnswerScreen.Reversed) -> None:
        self._reading.ask(event.asked)

    def action_help(self) -> None:
        if not isinstance(self.screen, Help):
            live = self.screen.active_bindings.values()
            found = keys.lines(self, live, self._main.commands)
            self.push_screen(Help("Keys and commands", found, keys.HANG))

    def action_aliases(self) -> None:
        if isinstance(self.screen, Aliases):
            self.screen.dismiss()
        else:
            found = keys.aliases(self._main.commands)
            self.push_screen(Aliases("Commands and their aliases", found, keys.HANG))

    def action_messages(self) -> None:
        said: list[Line] = [
            (Span(f"{times.clock(told.at)}  ", Tone.MUTED), Span(told.text, told.tone))
            for told in reversed(self._told)
        ]
        self.push_screen(Reader("Messages, newest first", said or [(Span("None yet."),)], 10))

    def _info(self) -> None:
        server = self.snapshot.server if self.snapshot else Server()
        facts = (
            ("meshtui", __version__),
            ("context", self._chosen),
            ("cluster", server.cluster),
            ("server", server.url),
            ("version", server.version),
            ("user", server.user or "not known"),
            *((("acting as", server.impersonating),) if server.impersonating else ()),
            ("answered", times.stamp(server.answered)),
            ("namespaces", ", ".join(self._main.place.namespaces) or "all"),
            ("read-only", self._main.place.read_only or "no"),
            ("config", str(self._settings.config_file or "none")),
        )
        lines: list[Line] = [
            (Span(f"{name:<12}", Tone.MUTED), Span(value)) for name, value in facts
        ]
        troubled = notices.causes(self.snapshot) if self.snapshot else []
        if troubled:
            lines += [(), (Span("Not known, or not as it is now", Tone.STRONG),), *troubled]
        self.push_screen(Reader("Info", lines, 2))

    # While the terminal is in the background

    def on_app_blur(self) -> None:
        self._away.leave(critical.of(self.snapshot) if self.snapshot else {})

    def on_app_focus(self) -> None:
        for each in self._away.back():
            self.tell(f"Meanwhile: {each}", Tone.BAD)

    def _to_terminal(self, text: str) -> None:
        if self._driver is not None:
            self._driver.write(text)

    # What was said

    def tell(self, text: str, tone: Tone = Tone.PLAIN) -> None:
        """Says something: a toast now, and kept under `!`."""
        text = plain(text)  # it may name things of the cluster
        now = self._clock()
        crowded = len(self._told) >= _MOST_TOASTS and now - self._told[-_MOST_TOASTS].at < _TOAST
        self._told.append(Told(now, text, tone))
        journal.LOG.info(text)
        loud = tone in (Tone.WARN, Tone.BAD)
        if crowded and not loud:
            return
        shown = (
            text if len(text) <= _LONGEST_TOAST else f"{text[:_LONGEST_TOAST]}… (! for all of it)"
        )
        self.notify(
            shown,
            severity="warning" if loud else "information",
            timeout=_TOAST.total_seconds(),
            markup=False,
        )

    @on(Main.Told)
    def _main_told(self, event: Main.Told) -> None:
        self.tell(event.text, event.tone)

    @on(Pane.Told)
    def _pane_told(self, event: Pane.Told) -> None:
        self.tell(event.text)

    @on(Pane.CopyAsked)
    @on(Reader.CopyAsked)
    @on(Confirm.CopyAsked)
    def _copy(self, event: Pane.CopyAsked | Reader.CopyAsked | Confirm.CopyAsked) -> None:
        self._taking.copy(event.text)

    def copy_to_clipboard(self, text: str) -> None:
        """Asks the terminal; Textual's own way knows nothing of tmux and screen."""
        self._clipboard = text
        if self._driver is not None:
            self._driver.write(clipboard.request(text, os.environ))

    @on(Pane.CopiesAsked)
    def _copies(self, event: Pane.CopiesAsked) -> None:
        self._taking.pick(event.title, event.found)

    @on(Pane.CopyTaken)
    def _copy_taken(self, event: Pane.CopyTaken) -> None:
        self.run_worker(self._taking.take(event.copy), group="copy")

    @on(Reader.SaveAsked)
    def _save_text(self, event: Reader.SaveAsked) -> None:
        end = ".yaml" if isinstance(self.screen, Yaml) else ".txt"
        name = export.proposed(event.title, self._chosen, self._clock(), end)
        self._taking.save_text(event.text, name)

    @on(Main.SaveAsked)
    def _save(self, event: Main.SaveAsked) -> None:
        self._taking.save(self._main.front, event.name)

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
        now = self._clock()
        if self._interrupted is not None and (now - self._interrupted).total_seconds() < 2:
            self._leave()
        self._interrupted = now
        self.tell("ctrl-c again quits.")


def _complete(snapshot: Snapshot) -> bool:
    return all(source.complete or source.problem for source in snapshot.sources.values())


def _settle_memory() -> None:
    """Takes what was read out of the collector's sight, and lets it look at what comes from now on: JSON has no cycles,
    and walking 10,000 pods stalls the screen (architecture §6)."""
    gc.freeze()
    gc.enable()


def run(settings: Settings) -> int:
    """Runs the program on the screen; gives its exit status."""
    gc.disable()  # until all is read
    gc.set_threshold(50_000, 20, 100)
    sys.setswitchinterval(0.001)  # a key must not wait long for a thread that derives
    app = MeshApp(settings, clusters(settings), files=Files.default())
    return app.run() or 0
