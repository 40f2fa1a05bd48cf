"""Looking at the program over one snapshot: keys in; rows, text and what was asked of the session out."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual import events
from textual._xterm_parser import XTermParser
from textual.filter import ANSIToTruecolor, DimFilter
from textual.message import Message
from textual.message_pump import MessagePump
from textual.pilot import Pilot

from meshtui.app import MeshApp
from meshtui.files import Files
from meshtui.kube.audit import default_path
from meshtui.kube.background import PREFIX
from meshtui.mesh.logs import LogLine
from meshtui.mesh.snapshot import Probe, Ref, Scope, Snapshot
from meshtui.settings import Settings
from meshtui.ui.main import Main
from meshtui.ui.pane import Pane
from meshtui.ui.reader import Reader
from meshtui.ui.spans import join, text_of
from tests.ui.still import StillSession, app_of, until

_THREADS = 1.0
"""Seconds that threads in the background are waited for: what goes on and on has one all the time."""


def _works_behind() -> bool:
    return any(each.name.startswith(PREFIX) for each in threading.enumerate())


@dataclass(frozen=True, slots=True)
class Looking:
    """The running program, and the hands at its keys."""

    app: MeshApp
    pilot: Pilot[int]
    session: StillSession

    @property
    def main(self) -> Main:
        found = self.app.screen_stack[0]
        assert isinstance(found, Main)
        return found

    @property
    def pane(self) -> Pane[Any]:
        """The pane in front."""
        return self.main.front

    @property
    def screen(self) -> str:
        """All that is on the screen."""
        return drawn(self.app)

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The rows of the pane in front: mark, then the words of each cell, whether or not its column has room."""
        assert self.app.snapshot is not None
        return [
            (
                self.pane.verdict(row).health.mark,
                *map(text_of, self.pane.cells(row, self.app.snapshot)),
            )
            for row in self.pane.table.rows
        ]

    @property
    def under_cursor(self) -> tuple[str, ...]:
        """The row under the cursor, as `rows` has it."""
        return self.rows[[row.key for row in self.pane.table.rows].index(self.pane.cursor)]

    @property
    def detail(self) -> str:
        """What stands beside or under the table."""
        return join(self.pane.beside.shown)

    @property
    def said(self) -> str:
        """The same as one line, for words that may have been wrapped."""
        return " ".join(self.detail.split())

    @property
    def read(self) -> str:
        """What the reader over the panes shows, all of it."""
        assert isinstance(self.app.screen, Reader)
        return join(self.app.screen.lines.shown)

    @property
    def wanted(self) -> tuple[set[Scope], set[Probe], set[Ref]]:
        """What the session was asked for last."""
        scopes, probes, refs = self.session.wanted
        return set(scopes), set(probes), set(refs)

    async def press(self, *keys: str) -> None:
        """Presses keys by Textual's names, each when the one before it was handled."""
        for key in keys:
            self._send(XTermParser().feed(key) if len(key) == 1 else [events.Key(key, None)])
            await self.settle()

    async def hammer(self, *keys: str) -> None:
        """Presses keys, all before any of them was handled."""
        self._send([events.Key(key, key if len(key) == 1 else None) for key in keys])
        await self.settle()

    async def type(self, text: str) -> None:
        """Sends a text, "\\r" for enter, as a terminal does: all of it before any of it was handled."""
        self._send(XTermParser().feed(text))
        await self.settle()

    async def settle(self) -> None:
        """Waits until no message waits to be handled, nor one that those led to, no thread works in the background, and
        all is drawn that changed.

        `Pilot.pause` waits for the process to be idle instead: 40 ms for each key."""
        quiet = 0
        clock = asyncio.get_running_loop().time
        patience = clock() + _THREADS
        async with asyncio.timeout(30):
            while quiet < 20 and self.app.is_running:
                await asyncio.sleep(0)
                if self._busy:
                    quiet = 0
                elif self._undrawn:
                    quiet = 0
                    self.app.screen._on_timer_update()
                elif _works_behind() and clock() < patience:
                    quiet = 0
                    await asyncio.sleep(0.001)
                else:
                    quiet += 1
        if self.app.animator._animations:
            await self.pilot.wait_for_scheduled_animations()

    @property
    def _busy(self) -> bool:
        screen = self.app.screen
        pumps: list[MessagePump] = [self.app, *screen.walk_children(with_self=True)]
        return any(pump.message_queue_size or pump._next_callbacks for pump in pumps)

    @property
    def _undrawn(self) -> bool:
        screen = self.app.screen
        changed = screen._layout_required or screen._scroll_required or screen._repaint_required
        return changed or bool(screen._dirty_widgets or screen._callbacks)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for what takes a thread or a timer."""
        await until(self.pilot, condition)
        await self.settle()

    def _send(self, told: Iterable[Message]) -> None:
        driver = self.app._driver
        assert driver is not None
        for each in told:
            driver.send_message(each)

    async def select(self, *words: str, column: int | None = None) -> None:
        """Puts the cursor on the one row with these words in its cells, or the one word in that cell."""
        found = [
            i
            for i, row in enumerate(self.rows)
            if set(words) <= set(row if column is None else row[column : column + 1])
        ]
        assert len(found) == 1, f"{len(found)} rows with {words}: {self.rows}"
        self.pane.table.select(self.pane.table.rows[found[0]].key)
        await self.settle()
        assert set(words) <= set(self.under_cursor)

    async def show(self, snapshot: Snapshot) -> None:
        """The cluster changed."""
        self.session.show(snapshot)
        await self.until(lambda: self.app.snapshot is snapshot)


@asynccontextmanager
async def looking(
    snapshot: Snapshot,
    pane: str = "",
    size: tuple[int, int] = (140, 40),
    *,
    context: str = "kind-shop",
    log: Sequence[LogLine] = (),
    settings: Settings | None = None,
    toasts: bool = False,
    audit_file: Path | None = None,
    mutes_file: Path | None = None,
    orders_file: Path | None = None,
) -> AsyncIterator[Looking]:
    """The program over a snapshot, which it shows, at the snapshot's own time; `toasts` where those are to be seen."""
    session = StillSession(snapshot, log)
    app = app_of(
        {context: session},
        settings=settings or Settings(pane=pane),
        now=snapshot.now,
        files=Files(audit_file or default_path(), mutes=mutes_file, orders=orders_file),
    )
    for each in app.get_line_filters():
        if isinstance(each, DimFilter | ANSIToTruecolor):
            each.enabled = False  # what is dim stays so, and does not become one more colour
    async with app.run_test(size=size, notifications=toasts) as pilot:
        at = Looking(app, pilot, session)
        await at.until(lambda: app.snapshot is snapshot)
        yield at


def drawn(app: MeshApp) -> str:
    """What is on the screen, as text, a line each, without the spaces at their ends."""
    strips = app.screen._compositor.render_strips()
    assert len(strips) == app.size.height
    return "\n".join(strip.text[: app.size.width].rstrip() for strip in strips)
