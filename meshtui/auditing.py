"""Auditing: shows what was changed from here, and takes one of it back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from textual.app import App

from meshtui.changing import Changing
from meshtui.kube import audit
from meshtui.kube.audit import AuditError
from meshtui.mesh import past
from meshtui.ui.audit_reader import AuditReader
from meshtui.ui.commands import Command
from meshtui.ui.spans import Tone


class Auditing:
    """Does it for the app. `path` is the file."""

    def __init__(
        self, app: App[int], path: Path, changing: Changing, tell: Callable[[str, Tone], None]
    ) -> None:
        self._app = app
        self._path = path
        self._changing = changing
        self._tell = tell

    def commands(self) -> list[Command]:
        def show(_: str) -> None:
            self._app.run_worker(self._show, group="audit", exclusive=True)  # type: ignore[arg-type]

        return [
            Command(("audit",), "what was changed from here, or was not; u takes one back", show)
        ]

    async def _show(self) -> None:
        path = self._path
        try:
            told = await asyncio.to_thread(lambda: past.of(audit.read(path)))
            problems = (await asyncio.to_thread(audit.verify, path)).problems
        except AuditError as failure:
            self._tell(str(failure), Tone.WARN)
            return
        wrong = f"This file was tampered with or damaged: {problems[0]}." if problems else ""
        self._app.push_screen(AuditReader(f"Audit, newest first · {path}", told, wrong))

    def undo(self, event: AuditReader.UndoAsked) -> None:
        """Takes a change back that the file tells of, and leaves the reader where that is begun."""
        if event.screen.problem:
            self._tell("Nothing is taken back by a file that cannot be relied on.", Tone.WARN)
        elif self._changing.take_back(event.past):
            event.screen.dismiss()
