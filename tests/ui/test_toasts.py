"""Toasts: none lies over what one types, or over a dialog and its keys, and none is lost for that."""

from __future__ import annotations

from meshtui.ui.confirm import Confirm
from meshtui.ui.pick import Pick
from meshtui.ui.spans import Tone
from tests.ui import situations
from tests.ui.looking import looking

SAID = "The ferry is late"


async def test_no_toast_lies_over_the_prompt_or_a_dialog() -> None:
    async with looking(situations.shop(), "workloads", (80, 24), toasts=True) as at:
        lines: list[str] = []

        def said() -> bool:
            lines[:] = at.screen.splitlines()
            return any(SAID in line for line in lines)

        await at.press("colon")
        at.app.tell(SAID, Tone.WARN)
        await at.until(said)
        where = [number for number, line in enumerate(lines) if SAID in line or "▌" in line]
        assert max(where) < 12, "above the list of what would complete it"
        assert all("▌" not in line for line in lines[-9:])

        await at.press("escape", "m")
        await at.until(lambda: isinstance(at.app.screen, Pick))
        for _ in range(3):
            at.app.tell(f"{SAID} again", Tone.WARN)
        await at.settle()
        assert "again" not in at.screen
        assert "enter pick  esc back" in at.screen
        await at.press("escape")
        await at.until(lambda: f"{SAID} again" in at.screen)


async def test_a_toast_from_before_lies_over_no_dialog() -> None:
    async with looking(situations.shop(), "workloads", (80, 24), toasts=True) as at:
        at.app.tell(SAID, Tone.WARN)
        await at.until(lambda: SAID in at.screen)
        await at.press("r")
        await at.until(lambda: isinstance(at.app.screen, Confirm))
        await at.settle()
        assert SAID not in at.screen
