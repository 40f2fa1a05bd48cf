"""Keys: what each does, on which screen; the help lists those that live, and those alone."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from textual.binding import Binding

from meshtui.mesh.logs import LogLine
from meshtui.settings import Settings
from meshtui.ui.log_reader import LogReader
from meshtui.ui.panes import PANES
from meshtui.ui.panes.served import ServedPane
from meshtui.ui.pick import Pick
from meshtui.ui.reader import Describe, Reader, Yaml
from meshtui.ui.unbound import HINTS
from tests.ui import key_table, situations
from tests.ui.key_table import cursor, told
from tests.ui.looking import Looking, looking
from tests.ui.test_served import CONFIGMAPS

SHOP = situations.shop()
NAMES = [pane.NAME for pane in PANES]
MANY_LINES = [LogLine(SHOP.now, f"line {number}") for number in range(200)]

Open = Callable[[Looking], Awaitable[None]]


async def nothing(at: Looking) -> None:
    """Stays in the pane."""


def opened(*keys: str) -> Open:
    async def press(at: Looking) -> None:
        await at.press(*keys)

    return press


def typed(text: str) -> Open:
    async def press(at: Looking) -> None:
        await at.type(text)

    return press


SCREENS: dict[str, Open] = {
    **dict.fromkeys(NAMES, nothing),
    "describe": opened("d"),
    "yaml": opened("y"),
    "log": opened("l"),
    "messages": opened("!"),
    "tree": typed(":tree\r"),
    "trace": typed(":trace shop/storefront payments/ledger\r"),
    "help": opened("?"),
    "aliases": opened("ctrl+a"),
    "contexts": typed(":ctx\r"),
    "any kind": typed(":cm\r"),
}


def pane_of(screen: str) -> str:
    return screen if screen in NAMES else "workloads"


# The table of ux.md, 5: what a key that k9s users have in their fingers does here.


XTERM = {
    ":": "colon",
    "/": "slash",
    "?": "question_mark",
    "!": "exclamation_mark",
    "[": "left_square_bracket",
    "]": "right_square_bracket",
    "-": "minus",
}
"""How Textual names what these characters are typed with."""


async def test_the_cursor_stays_within_the_rows() -> None:
    async with looking(SHOP, "workloads", (80, 24)) as at:
        await at.press("home", "k", "up", "pageup")
        assert cursor(at) == 0
        await at.press("end", "j", "down", "pagedown")
        assert cursor(at) == 25


async def test_page_keys_move_by_what_is_in_view_and_come_back() -> None:
    async with looking(SHOP, "workloads", (80, 20)) as at:
        for forth, back in (("pagedown", "pageup"), ("ctrl+f", "ctrl+b")):
            await at.press(forth)
            paged = cursor(at)
            assert 8 < paged < 20
            assert at.under_cursor[2][-5:] in at.screen, "the row is in view"
            await at.press(back)
            assert cursor(at) == 0


async def test_keys_work_on_rows_that_came_after_there_were_none() -> None:
    async with looking(situations.empty(), "workloads") as at:
        await at.show(SHOP)
        await at.press("j", "j")
        assert cursor(at) == 2
        await at.type("/nothing-like-it\r")
        assert at.rows == []
        await at.press("escape", "j")
        assert cursor(at) == 3
        await at.show(situations.empty())
        await at.show(SHOP)
        await at.press("d")
        assert isinstance(at.app.screen, Describe)


@pytest.mark.parametrize("group", key_table.GROUPS)
async def test_a_key_does_what_the_table_says(group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBE_EDITOR", "true")
    async with looking(SHOP, "workloads") as at:
        for each in key_table.GROUPS[group]:
            await at.type(f":{each.pane[:4]}\r")
            await at.press("home", *each.before)
            at.app._told.clear()
            await at.press(each.key)
            try:
                await at.until(partial(each.does, at))
            except TimeoutError:
                pytest.fail(f"{each.key} in {each.pane}: not {each.words}\n{at.screen}")
            await at.press(*each.after)
            await at.until(lambda: len(at.app.screen_stack) == 1 and not at.app._changing.busy)
            assert at.app.is_running, "no key but the second ctrl-c ends the program"


async def test_the_table_has_every_key_of_the_panes() -> None:
    pressed = {
        (each.key, each.pane if each.key in ("x",) else "")
        for keys in key_table.GROUPS.values()
        for each in keys
    }
    known = {XTERM.get(key, key) for key, _ in pressed}
    async with looking(SHOP) as at:
        for pane in NAMES:
            assert pane == at.pane.NAME
            bound = {key for key in live(at) if key not in tuple("23456789")}
            assert bound - known == set(), pane
            await at.press("tab")


def test_the_page_of_keys_in_the_readme_is_the_table() -> None:
    readme = key_table.README.read_text(encoding="utf-8")
    assert readme == key_table.written(readme), "python -m tests.ui.key_table writes it anew"


@pytest.mark.parametrize("key", ["q", "escape"])
async def test_where_no_way_leads_back_the_key_says_how_to_quit(key: str) -> None:
    async with looking(SHOP) as at:
        await at.press(key)
        assert told(at) == ":q quits."
        assert at.app.is_running


IN_SOME = (*"imtvVx", *"ANOPRST")
"""Keys with a verb in some panes, and a hint in the others."""
UNBOUND = ("W", "delete", "insert", "f2", "f10")
"""Keys that mean nothing."""


async def test_a_key_without_a_verb_does_nothing_and_says_so_where_k9s_has_one() -> None:
    async with looking(CONFIGMAPS) as at:
        said_of = set()
        for pane in (*NAMES, ServedPane.NAME):
            if pane == ServedPane.NAME:
                await at.type(":cm\r")
            assert pane == at.pane.NAME
            before = at.screen
            for key in (*UNBOUND, *HINTS):
                if key in at.app.screen.active_bindings:
                    assert key in IN_SOME, (
                        f"{key} has a verb in {pane}, and a hint that it has none"
                    )
                    continue
                at.app._told.clear()
                await at.hammer(key)
                assert told(at) == HINTS.get(key, ""), (pane, key)
                said_of.add(key)
            assert at.screen == before
            assert len(at.app.screen_stack) == 1
            at.app._told.clear()
            await at.press("tab")
        assert at.session.asked == []
        assert said_of == {*UNBOUND, *HINTS}


async def test_where_text_is_typed_a_key_without_a_verb_is_text() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type("/stavi")
        await at.press("ctrl+s", "ctrl+z", "ctrl+l")
        assert at.main.prompt.typed.value == "stavi"
        assert told(at) == ""


async def test_ctrl_c_twice_quits_and_with_time_between_does_not() -> None:
    async with looking(SHOP) as at:
        await at.press("ctrl+c")
        assert at.app.is_running
        await at.press("ctrl+c")
        await at.until(lambda: not at.app.is_running)
        assert at.app.return_value == 0


async def test_ctrl_c_quits_at_the_first_or_never_where_the_configuration_says_so() -> None:
    async with looking(SHOP, settings=Settings(quit_on_ctrl_c="first")) as at:
        await at.press("ctrl+c")
        await at.until(lambda: not at.app.is_running)
        assert at.app.return_value == 0
    async with looking(SHOP, settings=Settings(quit_on_ctrl_c="never")) as at:
        await at.press("ctrl+c", "ctrl+c")
        assert at.app.is_running
        assert told(at) == ":q quits."


@pytest.mark.parametrize(
    ("screen", "command"), [("workloads", "q"), ("describe", "quit"), ("log", "q!")]
)
async def test_colon_q_quits_from_everywhere(screen: str, command: str) -> None:
    async with looking(SHOP, "workloads", log=MANY_LINES) as at:
        await SCREENS[screen](at)
        await at.type(f":{command}\r")
        await at.until(lambda: not at.app.is_running)
        assert at.app.return_value == 0


async def test_escape_ends_one_thing_at_a_time_and_never_the_program() -> None:
    """Prompt, then filter, then the way back, then what the pane is narrowed to."""
    async with looking(SHOP, "namespaces") as at:
        await at.select("shop")
        await at.press("enter")
        await at.type("/store\r")
        assert len(at.rows) == 3
        await at.type(":cert")
        await at.press("escape")
        assert not at.main.prompt.asking
        assert len(at.rows) == 3, "the filter is still there"
        await at.press("escape")
        assert len(at.rows) == 9
        await at.press("escape")
        assert at.pane.NAME == "namespaces"
        for _ in range(3):
            await at.press("escape")
        assert at.app.is_running


async def test_ctrl_q_clears_the_filter_and_does_not_quit() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type("/ledger\r")
        assert len(at.rows) == 2
        await at.press("ctrl+q")
        assert len(at.rows) == 26
        assert at.app.is_running


async def test_the_keys_of_the_prompt() -> None:
    async with looking(SHOP, "workloads") as at:
        prompt = at.main.prompt
        await at.type(":zt")
        assert prompt.choices.display
        await at.press("tab")
        assert prompt.typed.value == "ztunnels "
        await at.press("ctrl+u")
        assert prompt.typed.value == ""
        await at.type("ns sho")
        await at.press("tab")
        assert prompt.typed.value == "ns shop"
        await at.press("ctrl+w")
        assert prompt.typed.value == "ns "
        for key in ("right", "ctrl+f"):
            await at.press("ctrl+u")
            await at.type("ns sho")
            await at.press("left", "right")
            assert prompt.typed.value == "ns sho"
            await at.press(key)
            assert prompt.typed.value == "ns shop"
        await at.press("ctrl+u", "right")
        assert prompt.typed.value == ""
        first = prompt.choices.highlighted
        await at.press("down", "down", "up")
        assert first == 0
        assert prompt.choices.highlighted == 1
        await at.press("enter")
        assert NAMES[1] == at.pane.NAME, "the one that was chosen"


async def test_the_keys_of_a_reader() -> None:
    async with looking(SHOP, "workloads", (80, 24), log=MANY_LINES) as at:
        await at.press("l")
        await at.until(lambda: "line 199" in at.screen)
        assert isinstance(at.app.screen, LogReader)
        await at.press("g")
        assert "line 0\n" in at.screen
        await at.press("j", "down", "k")
        assert "line 0\n" not in at.screen
        await at.press("G")
        assert "line 199" in at.screen
        await at.press("pageup", "ctrl+b", "ctrl+f", "pagedown", "space")
        assert "line 199" in at.screen
        await at.press("t")
        await at.until(lambda: "12:39:00 line 199" in at.screen)
        await at.type("/line 17\r")
        await at.until(lambda: "/line 17: 1 of 11" in at.screen)
        assert "line 17\n" in at.screen, "the first that was found"
        await at.press("n")
        first = at.screen
        await at.press("N")
        assert at.screen != first
        await at.press("c")
        assert "line 0\n12:39:00 line 1\n" in at.app.clipboard.replace("12:39:00 line 0", "line 0")
        await at.press("C")
        assert "line" not in at.screen.splitlines()[1]
        await at.press("escape", "escape")
        assert len(at.app.screen_stack) == 1


async def test_a_log_scrolls_along_until_one_scrolls_up_and_again_at_its_end() -> None:
    async with looking(SHOP, "workloads", (80, 24), log=MANY_LINES) as at:
        await at.press("l")
        await at.until(lambda: "line 199" in at.screen)
        screen = at.app.screen
        assert isinstance(screen, LogReader)

        async def comes(text: str) -> bool:
            """Whether a line that comes is seen; three at once, as from a slow connection."""
            for _ in range(3):
                screen.add([LogLine(SHOP.now, text)])
            await at.settle()
            return text in at.screen

        assert await comes("first")
        await at.press("k")
        assert not await comes("second")
        await at.press("s")
        assert await comes("third")
        await at.press("g", "G")
        assert await comes("fourth")
        await at.press("C")
        assert await comes("fifth")


async def test_w_wraps_long_lines_of_a_log_and_keeps_the_place() -> None:
    """Each is nearly 100 characters: two lines of a screen of 80, one of a screen of 120."""
    lines = [LogLine(SHOP.now, f"line {i} {'word ' * 17}end;") for i in range(50)]
    async with looking(SHOP, "workloads", (80, 24), log=lines) as at:
        await at.press("l")
        await at.until(lambda: "end of the log" in at.screen)
        assert "end;" not in at.screen
        await at.press("w")
        await at.until(lambda: "end;" in at.screen)
        assert "end of the log" in at.screen, "still at its end"
        assert len(at.read.splitlines()) == 101
        await at.press("g")
        assert at.screen.count("end;") == 11
        await at.pilot.resize_terminal(120, 24)
        await at.until(lambda: len(at.read.splitlines()) == 51)
        await at.press("pagedown")
        first = at.screen.splitlines()[1].split()[1]
        await at.pilot.resize_terminal(80, 24)
        await at.until(lambda: len(at.read.splitlines()) == 101)
        assert at.screen.splitlines()[1].split()[1] == first
        await at.press("w")
        await at.until(lambda: "end;" not in at.screen)
        assert at.screen.splitlines()[1].split()[1] == first


async def test_m_shows_who_manages_which_field() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.press("y")
        await at.press("m")
        assert [ref.key for ref in at.session.asked] == ["batch/opted-out-79c9876f8-jvcb9"] * 2


async def test_the_keys_of_a_list_to_pick_from() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type(":ctx\r")
        assert isinstance(at.app.screen, Pick)
        assert "   enter pick  esc back\n" in at.screen
        await at.press("j", "k", "down", "up", "q")
        assert len(at.app.screen_stack) == 1


# Bursts: typed before the program has looked at the first key.


async def test_on_every_screen_no_key_has_two_meanings_and_a_colon_opens_the_prompt() -> None:
    """And every binding has an id, so that its key can be moved."""
    async with looking(CONFIGMAPS, log=MANY_LINES) as at:
        for screen, arrive in SCREENS.items():
            await at.type(f":{pane_of(screen)[:4]}\r")
            await arrive(at)
            meant: dict[str, set[str]] = defaultdict(set)
            for _, bindings in at.app.screen._modal_binding_chain:
                for key, bound in bindings.key_to_bindings.items():
                    meant[key] |= {binding.id or binding.action for binding in bound}
            assert {key: ids for key, ids in meant.items() if len(ids) > 1} == {}, screen
            ids = [binding.id or "" for binding in live(at).values()]
            assert all(re.fullmatch(r"[a-z]+\.[a-z_0-9]+", each) for each in ids), (screen, ids)
            if at.app.screen.is_modal:
                await at.press("escape")  # a list to pick from is answered first
            await at.type(":cert\r")
            assert at.pane.NAME == "certificates", screen
            assert len(at.app.screen_stack) == 1, screen


async def test_a_burst_behind_a_slash_is_a_filter_in_every_pane() -> None:
    """Each letter is a verb by itself."""
    async with looking(SHOP) as at:
        for pane in NAMES:
            await at.type(f":{pane[:4]}\r")
            await at.type("/qdylpzcxjkgGnm!?:1\r")
            assert at.pane.filter_text == "qdylpzcxjkgGnm!?:1", pane
            assert at.rows == []
            assert len(at.app.screen_stack) == 1
        assert at.app.clipboard == ""


# The help.


def live(at: Looking) -> dict[str, Binding]:
    """By key what is bound here and now, of our own."""
    return {
        key: active.binding
        for key, active in at.app.screen.active_bindings.items()
        if active.enabled and not at.app.screen.is_modal
    }


async def test_the_help_lists_every_live_key_and_no_other() -> None:
    async with looking(CONFIGMAPS, size=(120, 60), log=MANY_LINES) as at:
        for screen in (*NAMES, "any kind", "describe", "yaml", "log", "tree"):
            await at.type(f":{pane_of(screen)[:4]}\r")
            await SCREENS[screen](at)
            bound = live(at)
            await at.press("?")
            listed: dict[str, str] = {}
            for text in at.read.partition("Commands")[0].splitlines():
                if text.startswith("   "):
                    keys, words = text[3:].rstrip().split("  ", 1)
                    listed.update(dict.fromkeys(keys.split(), words.strip()))
            shown = {at.app.get_key_display(binding): binding for binding in bound.values()}
            assert {key: each.description for key, each in shown.items()} == listed, screen
            stack = len(at.app.screen_stack)
            await at.press("?")
            assert len(at.app.screen_stack) == stack, "one help is enough"


async def test_the_help_lists_every_command_with_its_other_names() -> None:
    async with looking(SHOP, "workloads", (120, 60)) as at:
        await at.press("?")
        commands = at.read.partition("Commands")[2]
        for pane in PANES:
            assert re.search(rf":{pane.NAME}\b", commands)
            for alias in pane.ALIASES:
                assert f":{alias}" in commands
        for name in (
            "ns",
            "ctx",
            "aliases",
            "a",
            "can",
            "help",
            "messages",
            "info",
            "theme",
            "refresh",
            "q",
            "quit",
        ):
            assert f":{name}" in commands


async def test_a_key_can_be_moved_and_the_help_says_where() -> None:
    keys = {"pane.describe": "e", "certificates.decode": "f2"}
    async with looking(SHOP, settings=Settings(pane="workloads", keys=keys)) as at:
        await at.press("d")
        assert len(at.app.screen_stack) == 1
        await at.press("e")
        assert isinstance(at.app.screen, Describe)
        await at.press("escape", "?")
        assert re.search(r"^   e +Describe$", at.read, re.MULTILINE)


async def test_the_footer_shows_keys_that_live_here() -> None:
    async with looking(SHOP, "certificates") as at:
        assert at.screen.splitlines()[-1].split("  ")[:5] == [
            *(" enter open", "d describe", "y yaml", "l logs", "x decode"),
        ]
        await at.press("d")
        assert at.screen.splitlines()[-1].strip().startswith("esc back")


def test_the_names_of_commands_do_not_clash() -> None:
    names = [name for pane in PANES for name in (pane.NAME, *pane.ALIASES)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ["ns", "namespace", "namespaces", "zt", "Certs"])
async def test_a_pane_to_start_at_is_named_as_in_its_command(name: str) -> None:
    async with looking(SHOP, name) as at:
        started = at.pane
        await at.press("tab")
        assert at.pane is not started
        await at.type(f":{name}\r")
        assert at.pane is started


@pytest.mark.parametrize("reader", [Reader, Describe, Yaml, LogReader])
def test_readers_are_left_by_the_same_keys(reader: Any) -> None:
    assert reader._merged_bindings.key_to_bindings.keys() >= {"escape", "q", "slash", "c"}
