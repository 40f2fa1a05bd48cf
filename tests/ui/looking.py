"""Looking at the program over one snapshot: keys in; rows, text and what was asked of the session out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual._compositor import Compositor
from textual._xterm_parser import XTermParser
from textual.filter import ANSIToTruecolor, DimFilter
from textual.message import Message
from textual.pilot import Pilot

from meshtui.app import MeshApp
from meshtui.files import Files
from meshtui.kube.audit import default_path
from meshtui.mesh.logs import LogLine
from meshtui.mesh.snapshot import Probe, Ref, Scope, Snapshot
from meshtui.settings import Settings
from meshtui.ui.main import Main
from meshtui.ui.pane import Pane
from meshtui.ui.reader import Reader
from meshtui.ui.spans import join, text_of
from tests.ui.look import strips_of
from tests.ui.still import StillSession, app_of, settle, until


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
        """Waits until all is handled and drawn."""
        await settle(self.pilot)

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
    with _drawn_when_looked_at():
        async with app.run_test(size=size, notifications=toasts) as pilot:
            at = Looking(app, pilot, session)
            await at.until(lambda: app.snapshot is snapshot)
            yield at
            if app.is_running:
                drawn(app)


@contextmanager
def _drawn_when_looked_at() -> Iterator[None]:
    """Without a terminal Textual draws each change of the screen only to drop it (`App._display`), for a fifth of the
    time of all tests. So a screen is drawn, whole, when a test looks at it or leaves it; programs that are not looked
    at by way of `looking` draw as ever."""
    render_update = Compositor.render_update

    def undrawn(
        self: Compositor, full: bool = False, screen_stack: Any = None, simplify: bool = False
    ) -> Any:
        if full:
            return render_update(self, full, screen_stack, simplify)
        self._dirty_regions.clear()
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Compositor, "render_update", undrawn)
        yield


def drawn(app: MeshApp) -> str:
    """What is on the screen, as text, a line each, without the spaces at their ends; "" before it was laid out."""
    strips = strips_of(app)
    if len(strips) != app.size.height:
        return ""
    return "\n".join(strip.text[: app.size.width].rstrip() for strip in strips)
