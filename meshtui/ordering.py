"""Ordering: begins with the order in which each pane was left, and keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from meshtui import orders
from meshtui.kube import background
from meshtui.ui.main import Main
from meshtui.ui.sorting import Order
from meshtui.ui.spans import Tone


class Ordering:
    """Does it for the app. `path` is the file; None keeps orders no longer than the program runs."""

    def __init__(self, main: Main, path: Path | None, tell: Callable[[str, Tone], None]) -> None:
        self._path = path
        self._main = main
        self._tell = tell
        self._saving = asyncio.Lock()

    async def load(self) -> None:
        """Sorts every pane as it was left."""
        if self._path is None:
            return
        try:
            found = await background.start(orders.load, self._path)
        except OSError as error:
            self._tell(f"How panes were sorted cannot be read: {error.strerror}.", Tone.WARN)
        else:
            self._main.order_as_before({name: Order(*each) for name, each in found.items()})

    async def save(self, name: str, order: Order) -> None:
        """Keeps the order of a pane."""
        if self._path is None:
            return
        kept = (order.column, order.descending) if order.column else None
        async with self._saving:
            try:
                await background.start(orders.save, self._path, name, kept)
            except OSError as error:
                self._tell(f"How panes are sorted cannot be kept: {error.strerror}.", Tone.WARN)
