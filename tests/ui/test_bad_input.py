"""Input that makes no sense, and terminals that have no room: a clear line, nothing lost, nothing frozen."""

from __future__ import annotations

import random
import time
from functools import partial

import pytest
from textual.widgets import Input

from meshtui.ui.filters import BadPattern, Filter, Subject
from meshtui.ui.filters import parse as read_filter
from meshtui.ui.panes import PANES
from tests.ui import situations
from tests.ui.key_table import GROUPS, told
from tests.ui.looking import Looking, looking

SHOP = situations.shop()

CATASTROPHES = (
    "(a+)+$",
    "(a|a)*$",
    "(a|aa)+$",
    "(.*a){12}",
    "([a-z]+)*$",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "(x+x+)+y",
    "(.*)*(.*)*(.*)*z",
)
"""What takes the engines of most languages longer than anybody waits (OWASP, ReDoS)."""


@pytest.mark.parametrize("pattern", CATASTROPHES)
def test_no_pattern_takes_long(pattern: str) -> None:
    wanted = read_filter(pattern)
    assert isinstance(wanted, Filter)
    began = time.process_time()
    wanted.keeps(Subject(["a" * 20_000 + "!"]))
    assert time.process_time() - began < 1, "and with backtracking until the end of the world"


NO_PATTERNS = (
    "(",
    "[",
    "*",
    "a**",
    "(?=a)",
    r"\1",
    "(x{1000}){1000}",
    "x{99999}",
    "(?P<",
    "\\",
    "-l a=b=c",
)


async def test_what_is_no_pattern_is_said_and_the_rows_stay() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type("/ledger\r")
        rows = at.rows
        assert len(rows) == 2
        for text in NO_PATTERNS:
            with pytest.raises(BadPattern):
                read_filter(text)
            await at.type("/")
            with at.main.prompt.prevent(Input.Changed):
                at.main.prompt.typed.value = ""
            await at.type(text)
            assert "▸" in at.screen, "in the prompt, while it is typed"
            await at.press("enter")
            assert told(at).startswith(f"/{text}: ")


def _was_told(at: Looking, words: str) -> bool:
    return words in told(at)


LINES = (
    (":wl -f", "-f wants a part of a name behind it"),
    (":wl /", "/ wants a filter behind it"),
    (":wl ,", ", is no namespace"),
    (":ns ,,,", ",,, is no namespace"),
    (":ns UPPER_case", "upper_case is no namespace"),
    (":wl app=", "app= wants a value behind it"),
    (":wl /[", "missing ]"),
    (":wl -x", "-x is not understood"),
    (":wl @nowhere", "there is no context nowhere"),
    (":ctx nowhere", "there is no context nowhere"),
    (":@nowhere", "there is no context nowhere"),
    (":nonsense", "There is no command :nonsense."),
    (":vs.no.such.group", "There is no command :vs.no.such.group."),
    (":workload", ""),
    (":sort nothing", "no column nothing"),
    (":mark everything", "write range, clear or nothing"),
    (":copy soul", "of this row there are name, namespace"),
    (":theme mud", "There is no theme 'mud': there are dark, light,"),
    (":xray", ":xray is :tree here"),
    (":bundle", ":bundle is not there"),
    (":can everything", ":can everything: :can takes nothing behind it."),
    (":tree everything", ":tree everything: write all behind it"),
    (":refresh pods", ":refresh pods: :refresh takes nothing behind it."),
    (":wide on", ":wide on: :wide takes nothing behind it."),
    (":q now", ":q now: :q takes nothing behind it."),
    (":help workloads", ":help workloads: :help takes nothing behind it."),
    (":save /nowhere/at/all.csv", "was not written: No such file or directory."),
    (":" + "x" * 5000, "There is no command"),
    (":", ""),
)
"""What is typed, and what is said of it."""


async def test_half_of_an_argument_and_unknown_names_are_said() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.select("ledger-669657bc95-cvfm7")
        for line, words in LINES:
            at.app._told.clear()
            await at.type(f"{line}\r")
            await at.until(partial(_was_told, at, words))
            assert at.pane.NAME == "workloads"
            assert len(at.rows) == 26
            assert at.under_cursor[2] == "ledger-669657bc95-cvfm7"
            assert len(at.app.screen_stack) == 1


KEYS = sorted({each.key for keys in GROUPS.values() for each in keys} - {"e", "ctrl+c"})
"""All but the one that opens an editor, and the one that quits when it is pressed twice."""


async def test_every_key_lives_in_20_columns_and_5_lines() -> None:
    async with looking(SHOP, size=(20, 5), toasts=True) as at:
        for pane in ("cluster", "workloads", "certificates"):
            await at.type(f":{pane}\r")
            assert pane == at.pane.NAME
            for key in KEYS:
                await at.press(key, "escape")
                assert at.app.is_running, key
            for _ in range(3):
                await at.press("escape")
            assert len(at.app.screen_stack) == 1


async def test_a_pane_is_drawn_at_any_size() -> None:
    async with looking(SHOP) as at:
        for pane in PANES:
            await at.type(f":{pane.NAME}\r")
            assert at.pane.NAME == pane.NAME
            for width, height in ((1, 1), (20, 5), (300, 3)):
                await at.pilot.resize_terminal(width, height)
                await at.settle()
                assert all(len(line) <= width for line in at.screen.splitlines())


async def test_a_storm_of_resizes_loses_neither_cursor_nor_marks() -> None:
    chance = random.Random(5)
    async with looking(SHOP, "workloads") as at:
        await at.select("ledger-669657bc95-cvfm7")
        await at.press("space", "k", "N")
        for number in range(20):
            await at.pilot.resize_terminal(chance.randint(1, 240), chance.randint(1, 70))
            if number % 10 == 0:
                await at.press("ctrl+w", "d")
                await at.press("escape")
        await at.pilot.resize_terminal(140, 40)
        await at.settle()
        assert at.under_cursor[2] == "ledger-669657bc95-cvfm7"
        assert at.pane.table.marks == 1
        assert "ledger-669657bc95-cvfm7" in at.screen


async def test_a_row_and_what_is_typed_are_seen_in_20_columns_and_5_lines() -> None:
    async with looking(SHOP, "workloads", size=(20, 5)) as at:
        mark, _, name, *_ = at.rows[0]
        row = f" {mark} {name[:4]}"
        assert at.screen.splitlines()[3].startswith(row)
        await at.type(":na")
        assert ":na" in at.screen
        await at.press("escape")
        assert at.screen.splitlines()[3].startswith(row)
