"""Routes: from what panes, readers and keys ask for, mostly in messages that come up, to who does it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from textual import on, work

from meshtui.auditing import Auditing
from meshtui.changing import Changing
from meshtui.ordering import Ordering
from meshtui.reading import Reading
from meshtui.taking import Taking
from meshtui.telling import Telling
from meshtui.ui import export, keys
from meshtui.ui.answers import AnswerScreen
from meshtui.ui.audit_reader import AuditReader
from meshtui.ui.confirm import Confirm
from meshtui.ui.keys_in_turn import KeysInTurn
from meshtui.ui.log_reader import LogReader
from meshtui.ui.main import Main
from meshtui.ui.pane import Pane
from meshtui.ui.pick import Pick
from meshtui.ui.reader import Aliases, Help, Reader, Yaml
from meshtui.ui.spans import Tone
from meshtui.ui.tree import TreeScreen


class Routes(KeysInTurn, inherit_bindings=False):
    """The app, as far as it only passes on."""

    _main: Main
    _clock: Callable[[], datetime]
    _telling: Telling
    _reading: Reading
    _taking: Taking
    _changing: Changing
    _auditing: Auditing
    _ordering: Ordering

    # To be said

    def tell(self, text: str, tone: Tone = Tone.PLAIN) -> None:
        """Says something: a toast now, and kept under `!`."""
        self._telling.tell(text, tone)

    @on(Main.Told)
    def _main_told(self, event: Main.Told) -> None:
        self.tell(event.text, event.tone)

    @on(Pane.Told)
    def _pane_told(self, event: Pane.Told) -> None:
        self.tell(event.text)

    # To be read

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
        self._reading.log(event.pods, previous=event.previous, replicas=event.replicas)

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
        self.push_screen(Reader("Messages, newest first", self._telling.lines(), 10))

    # To be taken away

    @on(Pane.CopyAsked)
    @on(Reader.CopyAsked)
    @on(Confirm.CopyAsked)
    def _copy(self, event: Pane.CopyAsked | Reader.CopyAsked | Confirm.CopyAsked) -> None:
        self._taking.copy(event.text)

    @on(Pane.CopiesAsked)
    def _copies(self, event: Pane.CopiesAsked) -> None:
        self._taking.pick(event.title, event.found)

    @on(Pane.CopyTaken)
    def _copy_taken(self, event: Pane.CopyTaken) -> None:
        self.run_worker(self._taking.take(event.copy), group="copy")

    @on(Reader.SaveAsked)
    def _save_text(self, event: Reader.SaveAsked) -> None:
        end = ".yaml" if isinstance(self.screen, Yaml) else ".txt"
        name = export.proposed(event.title, self._main.place.context, self._clock(), end)
        self._taking.save_text(event.text, name)

    @on(Main.SaveAsked)
    def _save(self, event: Main.SaveAsked) -> None:
        self._taking.save(self._main.front, event.name)

    # To be changed

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

    @on(AuditReader.UndoAsked)
    def _undo(self, event: AuditReader.UndoAsked) -> None:
        self._auditing.undo(event)

    # To be kept

    @on(Pane.Sorted)
    @work
    async def _sorted(self, event: Pane.Sorted) -> None:
        await self._ordering.save(event.name, event.order)
