"""Favouring: the namespaces that are looked at become those of the keys 1 to 9, and are kept between runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from meshtui.favourites import Favourites
from meshtui.kube import background
from meshtui.mesh.snapshot import Snapshot
from meshtui.ui import notices
from meshtui.ui.main import Main
from meshtui.ui.spans import Tone


class Favouring:
    """Does it for the app. `path` is the file; None keeps them no longer than the program runs."""

    def __init__(self, main: Main, path: Path | None, tell: Callable[[str, Tone], None]) -> None:
        self._main = main
        self._favourites = Favourites(path)
        self._tell = tell
        self._saving = asyncio.Lock()
        self.waits = False

    async def load(self) -> None:
        try:
            await background.start(self._favourites.load)
        except OSError as error:
            self._tell(f"The favourite namespaces cannot be read: {error.strerror}.", Tone.WARN)
        self._show()

    def use(self, snapshot: Snapshot | None) -> bool:
        """What is looked at becomes one, unless that was a slip of the pen; whether it is a new one, to be saved. Where
        it is not known yet which namespaces there are, it `waits` for that."""
        place = self._main.place
        self.waits = bool(place.namespaces) and (
            snapshot is None or not notices.told(snapshot, place.namespaces)
        )
        slip = self.waits or (snapshot and notices.missing(snapshot, place.namespaces))
        new = not slip and self._favourites.use(place.context, place.namespaces)
        self._show()
        return new

    async def save(self, context: str) -> None:
        async with self._saving:
            try:
                await background.start(self._favourites.save, context)
            except OSError as error:
                self._tell(f"The favourite namespaces cannot be kept: {error.strerror}.", Tone.WARN)

    def _show(self) -> None:
        place = self._main.place
        self._main.place = replace(place, favourites=self._favourites.of(place.context))
