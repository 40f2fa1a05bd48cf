"""Taking: what is taken away from the screen, onto the clipboard or into a file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from textual.app import App

from meshtui import desktop
from meshtui.kube import background
from meshtui.kube.errors import KubeError
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.ui import clipboard, export, notices, yaml_lines
from meshtui.ui.copies import Copy
from meshtui.ui.naming import Naming
from meshtui.ui.pane import Pane
from meshtui.ui.pick import Pick
from meshtui.ui.spans import Tone, join, text_of

Tell = Callable[[str, Tone], None]


class Taking:
    """Does it for the app, which says what there is."""

    def __init__(
        self,
        app: App[int],
        tell: Tell,
        read: Callable[[Ref], Awaitable[Raw]],
        derive: Callable[[Callable[[Snapshot], object], Snapshot], Awaitable[None]],
    ) -> None:
        """`read` reads an object whole, and raises KubeError; `derive` derives beside the event loop."""
        self._app = app
        self._tell = tell
        self._read = read
        self._derive = derive

    # Onto the clipboard

    def copy(self, text: str) -> None:
        """Puts a text there, or says why not."""
        text = clipboard.clean(text)
        many = f"{len(text):,} characters"
        if not clipboard.fits(text):
            words = f"{many} are more than a terminal takes onto its clipboard: nothing was copied."
            self._tell(words, Tone.WARN)
            return
        self._app.copy_to_clipboard(text)
        lines = text.splitlines()
        said = text if len(lines) < 2 else f"{len(lines):,} lines, {many}"
        self._tell(f"Copied {said}", Tone.PLAIN)
        command = () if self._app.is_headless else desktop.clipboard(os.environ)
        if command:
            self._app.run_worker(self._give(text, command), group="clipboard", exclusive=True)

    async def _give(self, text: str, command: Sequence[str]) -> None:
        try:
            await background.start(desktop.put, text, command)
        except OSError as failure:
            words = f"{command[0]} did not take it ({failure}): only the terminal was asked to."
            self._tell(words, Tone.WARN)

    def pick(self, title: str, found: Sequence[Copy]) -> None:
        """Lets a person pick what to copy."""
        self._app.run_worker(self._picked(title, found), group="copy", exclusive=True)

    async def _picked(self, title: str, found: Sequence[Copy]) -> None:
        choices = [
            (each.what, each.text.replace("\n", ", ") or "read from the cluster") for each in found
        ]
        what = await self._app.push_screen_wait(Pick(f"Copy of {title}", choices))
        for each in found:
            if each.what == what:
                await self.take(each)

    async def take(self, wanted: Copy) -> None:
        """Copies one thing; YAML is read first."""
        if wanted.ref is None:
            self.copy(wanted.text)
            return
        try:
            found = await self._read(wanted.ref)
        except KubeError as failure:
            self._tell(f"Not copied: {notices.sentences(failure.problem)}", Tone.WARN)
            return
        self.copy(join(await asyncio.to_thread(yaml_lines.lines, found)) + "\n")

    # Into a file

    def save(self, pane: Pane[Any], name: str) -> None:
        """Writes the rows that a pane shows into a file that is not there yet; the end of its name says as what."""
        self._app.run_worker(self._saved(pane, name), group="save")

    async def _saved(self, pane: Pane[Any], name: str) -> None:
        path, rows, snapshot = Path(name), list(pane.table.rows), pane.snapshot
        form = export.FORMATS.get(path.suffix.lower())
        if form is None:
            ends = " or ".join(export.FORMATS)
            self._tell(f":save {name}: the name of the file ends with {ends}.", Tone.WARN)
            return
        if snapshot is None or not rows:
            self._tell("There are no rows to save.", Tone.WARN)
            return
        headings = ["HEALTH", *(column.title for column in pane.columns), "REASON"]
        text = ""

        def write(at: Snapshot) -> None:
            nonlocal text
            verdicts = [(row, pane.verdict(row)) for row in rows]
            cells = [
                [judged.health.word, *map(text_of, pane.cells(row, at)), judged.reason]
                for row, judged in verdicts
            ]
            text = form(headings, cells)

        await self._derive(write, snapshot)
        await self._put(text, path, f"{len(rows):,} rows are in {name}")

    def save_text(self, text: str, proposed: str) -> None:
        """Writes what a reader shows into a file that is not there yet, once it was named."""
        self._app.run_worker(self._named(text, proposed), group="save", exclusive=True)

    async def _named(self, text: str, proposed: str) -> None:
        name = (await self._app.push_screen_wait(Naming(proposed))).strip()
        if name:
            lines = clipboard.clean(text).rstrip("\n") + "\n"
            number = lines.count("\n")
            await self._put(lines, Path(name), f"{number:,} lines are in {name}")

    async def _put(self, text: str, path: Path, done: str) -> None:
        try:
            await background.start(_write, path, text)
        except (OSError, RuntimeError, ValueError) as failure:  # of "~nobody", and of "\0"
            self._tell(f"{path} was not written: {_why(failure).rstrip('.')}.", Tone.WARN)
        else:
            self._tell(done, Tone.PLAIN)


def _write(path: Path, text: str) -> None:
    """A new file, for nobody else to read, whole or not at all."""
    path = path.expanduser()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise


def _why(failure: Exception) -> str:
    if isinstance(failure, FileExistsError):
        return "there is such a file already, and nothing is written over it"
    if isinstance(failure, OSError) and failure.strerror:
        return failure.strerror
    return str(failure)
