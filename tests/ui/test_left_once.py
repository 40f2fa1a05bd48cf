"""Two keys pressed in one go, of which the first leaves a screen, leave that one alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.screen import Screen

from meshtui.ui.answers import AnswerScreen
from meshtui.ui.jumping import Jumping
from meshtui.ui.mute import AskMute
from meshtui.ui.naming import Naming
from meshtui.ui.pick import Pick
from meshtui.ui.reader import Describe
from meshtui.ui.tree import TreeScreen
from tests.ui import situations
from tests.ui.looking import looking

CASES: list[tuple[tuple[str, ...], type[Screen[Any]], str, type[Screen[Any]] | None]] = [
    ((":work\r", "C"), Pick, "\r\r", None),
    ((":ctx\r",), Pick, "\r\r", None),
    (("ctrl+o",), Jumping, "ww", None),
    ((":tree\r",), TreeScreen, "\r\r", None),
    ((":trace shop/storefront payments/ledger\r",), AnswerScreen, "\r\r", None),
    ((":find\r", "i"), AskMute, "known\r\r", None),
    ((":work\r", "d", "ctrl+s"), Naming, "\r\r", Describe),
]
"""Keys, the screen that they open, those that leave it in one go, and what is seen then; None for the pane."""


async def test_it_is_left_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # where texts are saved
    async with looking(situations.shop(), mutes_file=tmp_path / "mutes") as at:
        for opening, opened, keys, left in CASES:
            for key in opening:
                await (at.press if key.startswith("ctrl") else at.type)(key)
            await at.until(lambda opened=opened: isinstance(at.app.screen, opened))  # type: ignore[misc]
            await at.type(keys)
            await at.until(lambda opened=opened: not isinstance(at.app.screen, opened))  # type: ignore[misc]
            assert isinstance(at.app.screen, left or type(at.main)), opened
            assert at.app.is_running
            await at.type(":work\r")
