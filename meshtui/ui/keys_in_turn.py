"""Keys in turn: a key that opens a prompt acts once the keys before it have acted, and before those behind it.

Textual hands a key to the widget in focus, from which it comes back up to the app, where most bindings act; a binding
with priority acts before any of that. Typed in one go, `j` `t` would ask about the row before, and the focus that the
prompt takes would lose the `j`; without priority the letters behind `t` would be the table's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from textual.app import App
from textual.dom import DOMNode
from textual.events import Event, Key, Paste

PATIENCE = 0.3
"""Seconds to wait for keys that do not come back."""


class KeysInTurn(App[int], inherit_bindings=False):
    """An app in which what a binding with priority does can wait for its turn."""

    _held: list[Key | Paste] | None = None
    """The keys, and what was pasted, behind one that waits for its turn; None where none waits."""

    def in_turn(self, act: Callable[[], None]) -> None:
        """Has it act after all keys that were pressed before; those that are pressed from now on wait for it."""
        if self._held is None and self.focused is not None:
            self._held = []
            come = partial(self._come, self._held, act)
            self.set_timer(PATIENCE, come)
            self._climb(iter(self.focused.ancestors_with_self), come)
        else:
            act()

    def _climb(self, way: Iterator[DOMNode], arrived: Callable[[], object]) -> None:
        """Goes through one queue after the other, behind the keys that are on the same way up."""
        for node in way:
            if node is self:
                self.call_later(arrived)
                return
            if node.call_later(self._climb, way, arrived):
                return

    async def _come(self, held: list[Key | Paste], act: Callable[[], None]) -> None:
        if self._held is not held:
            return  # it has acted already
        self._held = None
        act()
        for key in held:
            await self.on_event(key)

    async def on_event(self, event: Event) -> None:
        if self._held is not None and isinstance(event, Key | Paste) and not event.is_forwarded:
            self._held.append(event)
        else:
            await super().on_event(event)
