"""Leaving in the middle of a change, at each of its steps: nothing is half done without being said and audited."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from meshtui.ui.confirm import Confirm
from meshtui.ui.main import Main
from meshtui.ui.verify import Verify
from tests.ui.looking import Looking, looking
from tests.ui.test_changes import LABEL, SHOP, asked, shown, story, told

LEFT = "A change was under way and was left: `meshtui audit show` tells how far it came."
UNPROVED = "A change was made, and left before its evidence was complete: nothing proves it yet."
STEPS = {
    # the step, what the audit tells when the program is quit in it, and what is said then
    "dry run": (["outcome declined"], LEFT),
    "dialog": (["outcome declined"], LEFT),
    "apply": (["intent", "outcome unknown"], LEFT),
    "verification": (["intent", "outcome applied"], UNPROVED),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


class Gate:
    """Something that a session waits at."""

    def __init__(self) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()

    async def __call__(self) -> None:
        self.reached.set()
        await self.opened.wait()


async def come_to(at: Looking, step: str) -> Gate:
    """Enrolls a namespace as far as a step, and stays in it."""
    gate = Gate()
    await at.select("plain")
    if step == "dry run":
        at.session.previewing = gate
        await at.press("m", "enter")
        await at.until(gate.reached.is_set)
        return gate
    await asked(at, "m", "enter")
    if step == "apply":
        at.session.applying = gate
        await at.press("enter")
        await at.until(gate.reached.is_set)
    elif step == "verification":
        await at.press("enter")
        await at.until(lambda: isinstance(at.app.screen, Verify))
    return gate


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("ending", [":q", signal.SIGTERM])
async def test_quitting_is_said_and_in_the_audit(
    step: str, ending: str | signal.Signals, file: Path
) -> None:
    """Of the signal what it calls; that it does is seen on a terminal of its own (tests/test_cli.py)."""
    expected, words = STEPS[step]
    async with looking(SHOP, "namespaces", audit_file=file) as at:
        await come_to(at, step)
        if isinstance(ending, signal.Signals):
            at.app._leave(128 + ending)
        else:
            await at.type(":q\r")
        await at.until(lambda: at.app._exit)
        if not (step == "dialog" and ending == ":q"):  # `:` declined it, so nothing was under way
            assert words in map(str, at.app._exit_renderables)
        assert bool(at.session.applied) is (step == "verification")
        assert story(file) == expected


async def test_escape_ends_nothing_that_no_dialog_shows(file: Path) -> None:
    async with looking(SHOP, "namespaces", audit_file=file) as at:
        gate = await come_to(at, "dry run")
        await at.press("escape")
        gate.opened.set()
        await at.until(lambda: isinstance(at.app.screen, Confirm))
        await at.press("escape")
        await told(at, "Enroll namespace plain in the mesh: nothing was changed.")
        await at.until(lambda: not at.app._changing.busy)
        gate = await come_to(at, "apply")
        await at.press("escape")
        assert isinstance(at.app.screen, Main)
        gate.opened.set()
        await at.until(lambda: isinstance(at.app.screen, Verify))
        await at.press("escape")
        await shown(at, "plain: 0 of 1 pod captured")
        found = at.session.now.objects[at.session.applied[0].target.kind]["plain"]
        assert found["metadata"]["labels"][LABEL] == "ambient"
    assert story(file) == ["outcome declined", "intent", "outcome applied"]


async def test_a_server_that_does_not_answer_to_a_change_is_told(file: Path) -> None:
    async with looking(SHOP, "namespaces", audit_file=file) as at:
        gate = await come_to(at, "dry run")
        await shown(at, "waiting for the server, 1 s")
        gate.opened.set()
        await at.until(lambda: isinstance(at.app.screen, Confirm))
        assert "waiting for the server" not in at.screen, "a person is waited for"
        at.session.applying = gate = Gate()
        await at.press("enter")
        await shown(at, "waiting for the server, 1 s")
        gate.opened.set()
        await at.until(lambda: isinstance(at.app.screen, Verify))
        assert "waiting for the server" not in at.screen


async def test_keys_behind_a_quit_bring_no_pane() -> None:
    """Nor does the first pane come where the program was quit before it stood: Textual puts nothing up any more."""
    async with looking(SHOP, "namespaces") as at:
        front = at.pane
        at.app.exit()
        at.main.action_turn(1)
        assert at.pane is front
