"""Lending: the terminal for credential plugins that ask on it, where the person at it lets them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.app import App, SuspendNotSupported

from meshtui.kube.errors import CredentialsError
from meshtui.kube.exec_plugin import NotLentError
from meshtui.mesh.snapshot import Problem
from meshtui.ui import terminal
from meshtui.ui.main import Main
from meshtui.ui.pick import Pick
from meshtui.ui.spans import plain

_LET = "run it there"
_CHOICES = (
    (_LET, "the screen comes back when it ends; ctrl-c ends it"),
    ("not now", "ctrl+r asks again"),
)
_POLL = 0.1
"""Seconds between two looks whether the person is free to be asked."""


class Lending:
    """Lends the terminal to the plugins of one session, whose `kube.exec_plugin.Suspend` it is. After a no, or a
    failure, it does not ask again until `again`."""

    def __init__(self, app: App[int], main: Main) -> None:
        self._app = app
        self._main = main
        self._refused: Problem | None = None
        self._borrower: asyncio.Task[object] | None = None
        self._interrupted = False
        self._free = asyncio.Event()

    def again(self) -> None:
        """The person wants all to be tried once more."""
        self._refused = None

    async def close(self) -> None:
        """Takes the terminal back from who has it, so that the program can leave it as it was."""
        if self._borrower is not None:
            self._interrupt()
            await self._free.wait()

    @asynccontextmanager
    async def __call__(self, wish: str) -> AsyncIterator[None]:
        """Asks, and lends it until the body ends. Raises NotLentError; CredentialsError where ctrl-c ended the body."""
        if self._refused is not None:
            raise NotLentError(self._refused.text, self._refused.remedy)
        try:
            if not await self._agreed(wish):
                raise NotLentError(f"{wish}, and was not allowed to", "ctrl+r asks again.")
            async with self._lent(wish):
                yield
        except CredentialsError as failure:
            self._refused = failure.problem
            raise

    async def _agreed(self, wish: str) -> bool:
        """Whether the person lets it; asked in the middle of nothing else."""
        while self._app.screen is not self._main or self._main.prompt.asking:  # noqa: ASYNC110 - nobody tells of both
            await asyncio.sleep(_POLL)
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def answered(chosen: str | None) -> None:
            if not answer.done():
                answer.set_result(chosen or "")

        pick = Pick(f"{wish[:1].upper()}{wish[1:]}", _CHOICES)
        self._app.push_screen(pick, answered)
        try:
            return await answer == _LET
        finally:
            if pick.is_current:  # the session was left: nobody needs the answer
                pick.dismiss("")

    @asynccontextmanager
    async def _lent(self, wish: str) -> AsyncIterator[None]:
        self._borrower = borrower = asyncio.current_task()
        self._interrupted = False
        self._free.clear()
        try:
            with terminal.lent(self._app, self._interrupt):
                sys.stderr.write(
                    f"meshtui: {plain(wish)}.\nctrl-c ends it, and the screen is back.\n"
                )
                yield
        except SuspendNotSupported:
            raise NotLentError(
                f"{wish}, which cannot be lent here",
                "Log in with it in another terminal, then ctrl+r.",
            ) from None
        except asyncio.CancelledError:
            if borrower is None or not self._interrupted or borrower.uncancel():
                raise
            raise CredentialsError(f"{wish}; ctrl-c ended it", "ctrl+r asks again.") from None
        finally:
            self._borrower = None
            self._free.set()

    def _interrupt(self) -> None:
        if self._borrower is not None and not self._interrupted:
            self._interrupted = True
            self._borrower.cancel()
