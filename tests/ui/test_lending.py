"""A credential plugin that wants the terminal: asked for over the panes, once, and never in the middle of something."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from textual.drivers.headless_driver import HeadlessDriver
from textual.pilot import Pilot

from meshtui.app import MeshApp
from meshtui.clusters import Clusters
from meshtui.kube import kubeconfig
from meshtui.kube.exec_plugin import Suspend
from meshtui.kube.live import LiveSession
from meshtui.kube.pace import Pace
from meshtui.kube.session import Session
from meshtui.mesh.snapshot import Problem
from meshtui.settings import Settings
from meshtui.ui.pick import Pick
from tests.kube import configs
from tests.ui.looking import drawn
from tests.ui.still import until

QUESTION = 'The credential plugin "log-in" wants to ask on the terminal'


@dataclass(frozen=True, slots=True)
class Asked:
    """The program, and its hands, where a plugin wants the terminal."""

    app: MeshApp
    pilot: Pilot[int]
    runs: Path

    @property
    def asking(self) -> bool:
        return isinstance(self.app.screen, Pick)

    @property
    def problem(self) -> Problem | None:
        return self.app.snapshot.server.problem if self.app.snapshot else None

    async def asks(self) -> None:
        await until(self.pilot, lambda: self.asking)
        await self.shows(QUESTION)

    async def tells(self, words: str) -> None:
        await until(self.pilot, lambda: self.problem is not None and words in self.problem.text)
        await self.shows(words.split()[-1])

    async def shows(self, words: str) -> None:
        await until(self.pilot, lambda: words in drawn(self.app))

    async def beats(self) -> None:
        """Waits until the cluster was asked for once more."""
        before = self.app.snapshot
        await until(self.pilot, lambda: self.app.snapshot is not before)

    async def idles(self) -> None:
        """Waits until whatever is wanted was asked for several times over."""
        for _ in range(10):
            await self.pilot.pause()


@asynccontextmanager
async def asked(tmp_path: Path, script: str) -> AsyncIterator[Asked]:
    """A cluster where nothing listens, and a plugin that is this shell script."""
    plugin, runs = tmp_path / "log-in", tmp_path / "runs"
    plugin.write_text(f"#!/bin/sh\necho >> {runs}\n{script}\n")
    plugin.chmod(0o700)
    wants = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": str(plugin),
        "interactiveMode": "Always",
    }
    path = configs.write(tmp_path / "config", "https://127.0.0.1:1", user={"exec": wants})
    settings = Settings(kubeconfig=(path,))
    config = kubeconfig.load(settings)

    def session(context: str, suspend: Suspend) -> Session:
        pace = Pace(settle=0.01, heartbeat=0.05)
        return LiveSession(config, context, settings, suspend=suspend, pace=pace)

    app = MeshApp(settings, Clusters([("test", "https://127.0.0.1:1")], "test", session))
    async with app.run_test(size=(80, 24)) as pilot:
        yield Asked(app, pilot, runs)


async def test_a_no_holds_until_the_person_wants_all_read_again(tmp_path: Path) -> None:
    async with asked(tmp_path, "exit 7") as at:
        await at.asks()
        await at.pilot.press("down", "enter")
        await at.tells("wants to ask on the terminal, and was not allowed to")
        for _ in range(3):
            await at.beats()
        assert not at.asking
        await at.shows("ctrl+r asks again.")
        await at.pilot.press("ctrl+r")
        await at.asks()
        await at.pilot.press("escape")
        await at.tells("was not allowed to")
        assert not at.runs.exists()


async def test_a_failure_is_told_and_holds_too(tmp_path: Path) -> None:
    async with asked(tmp_path, "exit 7") as at:
        await at.asks()
        await at.pilot.press("enter")
        await at.tells("failed with status 7")
        for _ in range(3):
            await at.beats()
        assert not at.asking
        assert at.runs.read_text() == "\n"


async def test_what_it_prints_lets_the_connection_go_on(tmp_path: Path) -> None:
    printed = (
        '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",'
        ' "status": {"token": "x"}}'
    )
    async with asked(tmp_path, f"echo '{printed}'") as at:
        await at.asks()
        await at.pilot.press("enter")
        await at.tells("127.0.0.1:1 refuses connections")


async def test_nobody_is_asked_in_the_middle_of_something(tmp_path: Path) -> None:
    async with asked(tmp_path, "exit 7") as at:
        await at.asks()
        await at.pilot.press("escape")
        await at.tells("was not allowed to")
        await at.pilot.press("question_mark", "ctrl+r")
        await at.idles()
        assert not at.asking
        await at.pilot.press("colon")
        await at.idles()
        assert not at.asking
        await at.pilot.press("n", "s", "escape")
        await at.asks()


async def test_a_cluster_that_is_chosen_anew_asks_anew(tmp_path: Path) -> None:
    async with asked(tmp_path, "exit 7") as at:
        await at.asks()
        await at.pilot.press("escape")
        await at.tells("was not allowed to")
        await at.pilot.press(*":ctx test", "enter")
        await at.asks()


async def test_a_terminal_that_cannot_be_lent_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under textual-serve: Textual's driver there cannot suspend, and nor can the one that tests have."""
    monkeypatch.setattr(HeadlessDriver, "is_headless", False)
    async with asked(tmp_path, "exit 7") as at:
        await at.asks()
        await at.pilot.press("enter")
        await at.tells("wants to ask on the terminal, which cannot be lent here")
        assert not at.runs.exists()
