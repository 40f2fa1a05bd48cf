"""A list to pick from: what is typed leads to the entry that is called so, and to no other."""

from __future__ import annotations

import pytest

from meshtui.ui.confirm import Confirm
from meshtui.ui.pick import Pick, called
from tests.ui import situations
from tests.ui.looking import Looking, looking

SHOP = situations.shop()
MENU = ["remove", "set the waypoint", "clear the waypoint", "create a waypoint and bind to it",
        "create a waypoint"]  # fmt: skip
CONTEXTS = ["arn:aws:eks:eu-west-1:1234:cluster/team_a", "Kind-shop", "shop", "shop-2"]


@pytest.mark.parametrize(
    ("typed", "names", "found"),
    [
        ("way", MENU, 1),
        ("CL", MENU, 2),
        ("create a", MENU, 3),
        ("create a waypoint", MENU, 4),
        ("point", MENU, None),
        ("", MENU, None),
        ("w.y", MENU, None),
        ("shop", CONTEXTS, 2),
        ("shop-", CONTEXTS, 3),
        ("kind", CONTEXTS, 1),
        ("team", CONTEXTS, 0),
        ("a", CONTEXTS, 0),
    ],
)
def test_which_entry_is_called_so(typed: str, names: list[str], found: int | None) -> None:
    assert called(typed, names) == found


async def menu(at: Looking) -> Pick:
    """The mesh menu of a namespace that is in the mesh."""
    await at.select("shop")
    await at.press("m")
    await at.until(lambda: isinstance(at.app.screen, Pick))
    assert isinstance(at.app.screen, Pick)
    return at.app.screen


async def test_a_word_and_enter_pick_the_entry_with_that_word() -> None:
    async with looking(SHOP, "namespaces", (80, 24)) as at:
        first = await menu(at)
        assert first.options.highlighted == 0
        await at.type("way")
        assert first.options.highlighted == 1
        assert "shop  ▸ way\n" in at.screen
        await at.press("enter")
        await at.until(lambda: isinstance(at.app.screen, Pick) and at.app.screen is not first)
        assert "shop: set the waypoint" in at.screen


async def test_a_word_that_no_entry_has_picks_nothing_until_it_is_taken_back() -> None:
    async with looking(SHOP, "namespaces", (80, 24)) as at:
        picking = await menu(at)
        await at.type("jzgkq\r")
        assert at.app.screen is picking
        assert picking.options.highlighted == 1, "j goes down, and then letters are letters"
        assert "shop  ▸ zgkq: no name here has a word that begins so\n" in at.screen
        await at.press("backspace", "backspace", "backspace", "backspace")
        assert "  shop\n" in at.screen
        await at.press("z", "up", "enter")
        await at.until(lambda: isinstance(at.app.screen, Confirm))
        assert "Take namespace shop out of the mesh" in at.screen


async def test_keys_in_one_go_count_in_their_order() -> None:
    async with looking(SHOP, "namespaces", (80, 24)) as at:
        first = await menu(at)
        await at.type("jjclear")
        assert first.options.highlighted == 2
        await at.hammer("home", "w", "x", "backspace", "down", "enter")
        await at.until(lambda: isinstance(at.app.screen, Confirm))
        assert "Clear the waypoint" in at.screen
