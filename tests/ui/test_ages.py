"""Ages: those in seconds go on between two snapshots, in the rows in view and in the detail beside them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from meshtui.ui import times
from tests.ui import situations
from tests.ui.looking import looking

SHOP = situations.shop()


async def test_ages_in_seconds_go_on_while_nothing_is_heard() -> None:
    """The dumps were read 4 s before; the pods are older than what goes on."""
    async with looking(SHOP, "ztunnels", (180, 40)) as at:
        await at.select("node-1")
        before = at.screen.splitlines()[4]
        assert " 4s " in before
        assert "read       4s ago" in at.detail
        at.pane.tick(SHOP.now + timedelta(seconds=3))
        await at.settle()
        assert at.screen.splitlines()[4] == before.replace(" 4s ", " 7s ")
        assert "read       7s ago" in at.detail
        assert at.app.snapshot is SHOP, "without another look at the cluster"


@pytest.mark.parametrize(
    ("text", "young"),
    [("12s", True), ("read 4s ago", True), ("4m27s", False), ("2h", False), ("v1s", False)],
)
def test_which_ages_are_in_seconds(text: str, young: bool) -> None:
    assert times.in_seconds(text) is young
