"""Pick: one of a list, such as the contexts, by moving to it or by typing how a word of its name begins."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.text import Text
from textual import getters, on
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.events import Key
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option

from meshtui.ui.columns import shorten
from meshtui.ui.exchange import Offer
from meshtui.ui.footer import Footer
from meshtui.ui.left_once import Dialog
from meshtui.ui.spans import plain

_WIDEST, _AROUND = 120, 10
"""As the stylesheet has them: cells of the whole, and of its borders."""
_WORTH = 20
"""So many cells say something of the words behind a name."""


class Choices(OptionList, inherit_bindings=False):
    """The list, with keys that have names of ours."""

    BINDINGS = [
        Binding("enter", "select", "Pick", key_display="enter", id="pick.pick"),
        Binding("up,k", "cursor_up", "Up", show=False, id="pick.up"),
        Binding("down,j", "cursor_down", "Down", show=False, id="pick.down"),
        Binding("pageup", "page_up", "Page up", show=False, id="pick.page_up"),
        Binding("pagedown", "page_down", "Page down", show=False, id="pick.page_down"),
        Binding("home,g", "first", "First", show=False, id="pick.first"),
        Binding("end,G", "last", "Last", show=False, id="pick.last"),
    ]


class Pick(Dialog[str]):
    """Gives what was picked; "" where nothing was."""

    BINDINGS = [
        Binding("escape,q", "dismiss('')", "Back", key_display="esc", id="pick.back"),
        Binding("backspace", "shorten", "Less of what was typed", show=False, id="pick.shorten"),
    ]
    options = getters.query_one(OptionList)
    heading = getters.query_one(Label)

    def __init__(self, title: str, choices: Sequence[tuple[str, str]], current: str = "") -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._current = current
        self._typed = ""

    def compose(self) -> ComposeResult:
        with Vertical(id="pick"):
            yield Label(Text(self._title))
            room = min(_WIDEST, self.app.size.width) - _AROUND
            yield Choices(
                *(
                    Option(_line(plain(name), plain(words), room), id=f"choice-{i}")
                    for i, (name, words) in enumerate(self._choices)
                )
            )
            yield Footer()

    def on_mount(self) -> None:
        names = [name for name, _ in self._choices]
        if self._current in names:
            self.options.highlighted = names.index(self._current)
        self.options.focus()

    def on_key(self, event: Key) -> None:
        """What is typed leads to an entry. A letter that is a key here is one until something was typed, and nothing is
        picked while no entry is called so: somebody who types a name and enter means no other."""
        pressed = self.active_bindings.get(event.key)
        action = pressed.binding.action if pressed is not None else ""
        letter = event.character if event.is_printable and event.character else ""
        if letter and (self._typed or (not action and letter.isalnum())):
            event.stop()
            self._take(self._typed + letter)
        elif action == "shorten":
            event.stop()
            self.action_shorten()  # before the keys behind it, which are looked at here too
        elif action == "select":
            if self._typed and self._meant is None:
                event.stop()
        elif action:
            self._take("")

    @property
    def _meant(self) -> int | None:
        return called(self._typed, [plain(name) for name, _ in self._choices])

    def action_shorten(self) -> None:
        self._take(self._typed[:-1])

    def _take(self, typed: str) -> None:
        """Goes to what is called as was typed, and says what that is."""
        self._typed = typed
        found = self._meant
        if found is not None:
            self.app.call_later(self._go, found)  # behind the keys before it, which act there
        said = f"  ▸ {plain(typed)}" if typed else ""
        missed = ": no name here has a word that begins so" if typed and found is None else ""
        self.heading.update(Text(f"{self._title}{said}{missed}"))

    def _go(self, entry: int) -> None:
        if self.is_active:
            self.options.highlighted = entry

    @on(OptionList.OptionSelected)
    def _picked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._choices[event.option_index][0])


def called(typed: str, names: Sequence[str]) -> int | None:
    """The first name with a word that begins as was typed, before it one that begins so itself, or is that."""
    typed = typed.casefold()
    folded = [name.casefold() for name in names]
    word = re.compile(rf"(?<![^\W_]){re.escape(typed)}")
    found = [i for i, name in enumerate(folded) if typed and word.search(name)]
    return min(
        found,
        key=lambda i: (folded[i] != typed, not folded[i].startswith(typed), i),
        default=None,
    )


def _line(name: str, words: str, room: int) -> Text:
    """On one line, the name before all else."""
    both = f"{name}  {words}".rstrip()
    short = shorten(both, room) if len(name) + _WORTH <= room else shorten(name, room)
    return Text(both if len(both) <= room else short, no_wrap=True)


async def offered(app: App[int], title: str, offers: Sequence[Offer]) -> Offer | None:
    """The offer that a person picks, from one list to the next; None for none, and one that leads to an empty list
    where there is nothing to pick behind it."""
    found: Offer | None = None
    while offers:
        choices = [(offer.title, offer.words) for offer in offers]
        chosen = await app.push_screen_wait(Pick(title, choices))
        found = next((offer for offer in offers if offer.title == chosen), None)
        if found is None or found.levels or found.more is None:
            return found
        title, offers = f"{title}: {found.title}", found.more()
    return found
