"""Prompt: the line at the bottom where commands and filters are typed, with what would complete it above."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.events import Key
from textual.message import Message
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from meshtui.ui import filters
from meshtui.ui.columns import shorten
from meshtui.ui.commands import Command, complete, is_whole, spelled
from meshtui.ui.filters import Filter
from meshtui.ui.recall import Recall
from meshtui.ui.spans import plain


class Prompt(Vertical):
    """Asks for one line. Hidden until it is asked; the table stays in view."""

    BINDINGS = [
        Binding("escape", "cancel", "Cancel", id="prompt.cancel"),
        # Without priority: it has its place behind what was typed before it.
        Binding("tab,ctrl+f", "accept", "Complete", show=False, id="prompt.accept"),
        Binding("down", "choose(1)", "Next", show=False, priority=True, id="prompt.next"),
        Binding("up", "choose(-1)", "Previous", show=False, priority=True, id="prompt.previous"),
        Binding("ctrl+u", "clear", "Clear", show=False, priority=True, id="prompt.clear"),
    ]

    @dataclass
    class Typed(Message):
        """Another filter was typed, one that can be read; None for none."""

        filter: Filter | None

    @dataclass
    class Cancelled(Message):
        sign: str

    def __init__(self, commands: Sequence[Command], entered: Callable[[str, str], None]) -> None:
        """`entered` takes the sign and what was typed behind it. It is called, not told by a message: keys that are
        typed right behind enter are for what comes then."""
        super().__init__(id="prompt")
        self._entered = entered
        self._commands = commands
        self._sign = ""
        self._read: Callable[[str], Filter | None] = filters.parse
        self._suggested = ""
        """What the choices are for; more may have been typed."""
        self._picked = False
        """Whether a person went to one of them."""
        self._recalls = {":": Recall(), "/": Recall()}
        self.choices = OptionList(id="choices")
        self.choices.can_focus = False
        self.sign = Label("", id="sign")
        self.typed = TypedLine(self)
        self.display = False
        self.all_known = False
        """Whether the commands are all known: before, what looks like a part of one may be the name of a kind."""

    def compose(self) -> ComposeResult:
        yield self.choices
        with Horizontal():
            yield self.sign
            yield self.typed

    @property
    def asking(self) -> str:
        """ ":" or "/" while it asks; "" otherwise."""
        return self._sign

    def ask(
        self, sign: str, text: str = "", read: Callable[[str], Filter | None] = filters.parse
    ) -> None:
        """Shows the prompt: ":" for a command, "/" for a filter, and what it means where one is."""
        self._sign = sign
        self._read = read
        self._recall.rest()
        self.sign.update(sign)
        self.display = True
        self.complain("")
        with self.prevent(Input.Changed):
            self.typed.value = text
        self.typed.cursor_position = len(text)
        self._suggest()
        self.screen.set_focus(self.typed)

    @property
    def _recall(self) -> Recall:
        """What was entered before behind the same sign."""
        return self._recalls[self._sign]

    def close(self) -> None:
        self._sign = ""
        self.display = False

    def complain(self, text: str) -> None:
        """Says what is wrong with what was typed; "" when nothing is."""
        self.typed.set_class(bool(text), "-bad")
        half = shorten(text, max(24, self.size.width * 3 // 5))  # what is typed has to be seen
        self.sign.update(Text(f"{self._sign} {half} ▸ ") if text else Text(self._sign))

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._sign and event.value == self.typed.value:  # neither closed nor changed meanwhile
            self._recall.rest()
            self._take(event.value)

    def _take(self, text: str) -> None:
        """Shows what would complete a text, or what it filters; at once says why it cannot."""
        self._suggest()
        try:
            wanted = self._read(text) if self._sign == "/" else None
        except filters.BadPattern as failure:
            self.complain(str(failure))
            return
        self.complain("")
        if self._sign == "/":
            self.post_message(self.Typed(wanted))

    def enter(self) -> None:
        """What was typed, or chosen, is what was meant."""
        sign, text = self._sign, self.typed.value
        self._catch_up()
        chosen = self.choices.highlighted
        if sign == ":" and chosen is not None:
            found = self.choices.get_option_at_index(chosen).id or text
            meant = self.all_known or " " in spelled(text) or found.startswith(text)
            half = text.strip() and not is_whole(self._commands, text)  # enter alone means nothing
            text = found if self._picked or (half and meant) else text
        self._recall.add(text)
        self.close()
        self._entered(sign, text)

    def _catch_up(self) -> None:
        """Has the choices be for what was typed, where it is not told of yet."""
        if self.typed.value != self._suggested:
            self._recall.rest()
            self._suggest()

    def _suggest(self) -> None:
        self._suggested, self._picked = self.typed.value, False
        asks = self._sign == ":" and self._recall.resting
        found = complete(self._commands, self.typed.value) if asks else []
        self.choices.clear_options()
        for each in found:
            text = f"{plain(each.text):<24} {each.help}"
            self.choices.add_option(
                Option(Text(text, no_wrap=True, overflow="ellipsis"), id=each.text)
            )
        self.choices.display = bool(found)
        if found:
            self.choices.highlighted = 0

    def action_accept(self) -> None:
        self._catch_up()
        chosen = self.choices.highlighted
        if self._sign == ":" and chosen is not None and self.choices.option_count:
            text = self.choices.get_option_at_index(chosen).id or ""
            self.typed.value = text if " " in text else f"{text} "
            self.typed.cursor_position = len(self.typed.value)

    def action_choose(self, step: int) -> None:
        """Up and down in the list; above its first line stands what was entered before."""
        recall, at = self._recall, self.choices.highlighted or 0
        line = None
        if step > 0:
            line = recall.newer()
        elif not at:
            line = recall.older(self.typed.value)
        if line is not None:
            with self.prevent(Input.Changed):
                self.typed.value = line
            self.typed.cursor_position = len(line)
            self._take(line)
        elif count := self.choices.option_count:
            self.choices.highlighted = (at + step) % count
            self._picked = True

    def action_clear(self) -> None:
        self.typed.value = ""

    def action_cancel(self) -> None:
        sign = self._sign
        self.close()
        self.post_message(self.Cancelled(sign))


class TypedLine(Input):
    """What is typed. Enter has its place among the keys: those before it are in the line, those behind it are not."""

    ENTER = (
        "enter",
        "ctrl+j",
    )  # the latter where it was typed before the terminal was the program's own

    def __init__(self, prompt: Prompt) -> None:
        super().__init__(id="typed", compact=True, select_on_focus=False)
        self._prompt = prompt

    async def _on_key(self, event: Key) -> None:
        if self._prompt.asking and event.key not in self.ENTER:
            return  # to Input
        event.stop()
        event.prevent_default()
        if self._prompt.asking:
            self._prompt.enter()
        else:
            self.app.post_message(Key(event.key, event.character))

    def action_cursor_right(self, select: bool = False) -> None:
        """Behind what was typed it takes what would complete it, as in k9s."""
        if self.value and self.cursor_at_end and not select:
            self._prompt.action_accept()
        else:
            super().action_cursor_right(select)
