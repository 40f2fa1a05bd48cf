"""Keys first: what derives in a thread waits while a key is at work, from its press to what it draws.

Python runs one thread at a time. Between two that compute it changes every millisecond, and a key is handled in some
twenty steps, each of which would wait for its turn.
"""

from __future__ import annotations

from threading import Event, get_ident
from time import monotonic
from typing import Protocol, runtime_checkable

_LONGEST = 0.05
"""Seconds that a key is waited for: one that draws nothing has no end."""


class KeysFirst:
    """Made in the thread that handles keys."""

    def __init__(self) -> None:
        self._handling = get_ident()
        self._until = 0.0
        self._calm = Event()
        self._calm.set()

    def pressed(self) -> None:
        self._until = monotonic() + _LONGEST
        self._calm.clear()

    def drawn(self) -> None:
        self._calm.set()

    def give_way(self) -> None:
        """Waits until no key is at work; not in the thread that handles it."""
        if not self._calm.is_set() and get_ident() != self._handling:
            self._calm.wait(max(0.0, self._until - monotonic()))
            self._calm.set()


@runtime_checkable
class Considerate(Protocol):
    """An app whose threads give way to keys."""

    keys_first: KeysFirst
