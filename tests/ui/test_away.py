"""What becomes critical while the terminal is in the background changes its title, and rings if that was asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace
from textual import events

from meshtui.mesh.kinds import GATEWAY
from meshtui.mesh.snapshot import Problem, Snapshot, Trouble
from meshtui.settings import Settings
from meshtui.ui.away import Away
from tests.ui import situations
from tests.ui.looking import Looking, looking

KEEP, RESTORE = "\x1b[22;2t", "\x1b[23;2t"
"""xterm's control sequences that push the window's title and pop it."""


@asynccontextmanager
async def with_terminal(settings: Settings) -> AsyncIterator[tuple[Looking, list[str]]]:
    """The program over a mesh without the fault to come, and what it sends to the terminal."""
    sent: list[str] = []
    async with looking(before(), settings=settings) as at:
        driver = at.app._driver
        assert driver is not None
        setattr(driver, "write", sent.append)  # noqa: B010 - Textual's end of the terminal
        await at.show(replace(before()))  # read whole: what comes now is new
        yield at, sent


def before() -> Snapshot:
    return situations.shop()


def after(at: Looking) -> Snapshot:
    """The same without the waypoint of `shop`: what its policies ask for is skipped (AMB-019, critical)."""
    shop = at.session.now
    left = {key: it for key, it in shop.objects[GATEWAY].items() if key != "shop/waypoint"}
    return replace(shop, objects={**shop.objects, GATEWAY: left})


async def test_the_title_tells_of_what_became_critical_and_is_put_back() -> None:
    async with with_terminal(Settings()) as (at, sent):
        at.app.post_message(events.AppBlur())
        await at.settle()
        await at.show(after(at))
        kept, title = sent
        assert kept == KEEP
        assert title.startswith("\x1b]2;✗ kind-shop: ")
        assert "shop/waypoint" in title
        assert title.endswith("\a")
        await at.show(replace(at.session.now))
        assert len(sent) == 2, "it is told once"
        at.app.post_message(events.AppFocus())
        await at.settle()
        assert sent[2:] == [RESTORE]
        await at.press("!")
        assert "Meanwhile: " in at.read


async def test_the_bell_rings_only_where_that_was_asked_for() -> None:
    async with with_terminal(Settings(bell=True)) as (at, sent):
        at.app.post_message(events.AppBlur())
        await at.settle()
        await at.show(after(at))
        assert sent.count("\a") == 1


async def test_in_front_nothing_is_told_to_the_terminal() -> None:
    async with with_terminal(Settings(bell=True)) as (at, sent):
        await at.show(after(at))
        at.app.post_message(events.AppBlur())
        at.app.post_message(events.AppFocus())
        await at.settle()
        assert sent == []


async def test_a_server_that_falls_silent_is_told() -> None:
    async with with_terminal(Settings()) as (at, sent):
        at.app.post_message(events.AppBlur())
        await at.settle()
        silence = Problem(Trouble.TIMEOUT, "no answer within 10 s")
        shop = at.session.now
        await at.show(replace(shop, server=replace(shop.server, problem=silence)))
        assert "no answer within 10 s" in sent[-1]


@pytest.mark.parametrize("hostile", ["a\x1b]2;evil\x07", "a\x9c\x1b[2J", "a\nb\r\u202e"])
def test_a_title_steers_no_terminal(hostile: str) -> None:
    sent: list[str] = []
    away = Away(sent.append)
    away.leave({})
    away.look(hostile, {"x": hostile})
    title = sent[-1].removeprefix("\x1b]2;").removesuffix("\a")
    assert title.isprintable()
    assert len(title) <= 100


def test_with_ascii_the_title_is_ascii_too() -> None:
    sent: list[str] = []
    away = Away(sent.append, only_ascii=True)
    away.leave({"old": "known already"})
    away.look("prod", {"old": "known already", "new": "größe fails", "other": "so does this"})
    assert sent[-1] == "\x1b]2;x 2 prod: so does this\a"
