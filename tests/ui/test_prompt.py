"""The prompt: commands with arguments, completion, what was entered before, filters as they are typed."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from textual.command import CommandPalette

from meshtui.mesh.snapshot import Server, Snapshot
from meshtui.ui import arguments, commands, filters, keys
from meshtui.ui.commands import Command
from meshtui.ui.reader import Aliases
from meshtui.ui.recall import Recall
from meshtui.ui.spans import text_of
from tests.ui import situations
from tests.ui.looking import Looking, looking
from tests.ui.still import StillSession, app_of, until

SHOP = situations.shop()


def told(at: Looking) -> list[str]:
    """What was said to the person, the last first."""
    return [each.text for each in reversed(at.app._told)]


def names(at: Looking) -> set[str]:
    """The namespaces of the rows."""
    return {row[1] for row in at.rows}


# Commands with arguments

LINES = [
    # what is typed, the pane, namespaces, the filter, how many rows
    (":wl payments", "workloads", ("payments",), "", 4),
    (":pods payments,batch", "workloads", ("payments", "batch"), "", 7),
    (":wl /ledger", "workloads", (), "ledger", 2),
    (":wl app=ledger", "workloads", (), "app=ledger", 2),
    (":wl -f pmldg", "workloads", (), "-f pmldg", 2),
    (":wl payments /ledger app=ledger @kind-shop", "workloads", ("payments",), "ledger app=ledger", 2),
    (":svc shop,payments /ledger", "services", ("shop", "payments"), "ledger", 1),
    (":NS payments,batch", "cluster", ("payments", "batch"), "", None),
    (":ns payments", "cluster", ("payments",), "", None),
    (":ns all", "cluster", (), "", None),
    (":ns", "namespaces", (), "", None),
    (":ns /mode:ambient", "namespaces", (), "mode:ambient", 3),
    (":@kind-shop", "cluster", (), "", None),
]  # fmt: skip


@pytest.mark.parametrize(("line", "pane", "namespaces", "filter_text", "rows"), LINES)
async def test_a_line_says_pane_namespaces_filter_and_context_at_once(
    line: str, pane: str, namespaces: tuple[str, ...], filter_text: str, rows: int | None
) -> None:
    async with looking(SHOP, "cluster") as at:
        await at.type(f"{line}\r")
        assert told(at) == []
        assert pane == at.pane.NAME
        assert at.main.place.namespaces == namespaces
        assert at.pane.filter_text == filter_text
        assert rows is None or len(at.rows) == rows


async def test_what_a_line_does_not_say_stays_as_it_is() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type(":ns payments /ledger\r")
        assert at.main.place.namespaces == ("payments",)
        assert len(at.rows) == 2
        await at.type(":ns batch\r")
        assert at.pane.filter_text == "ledger"
        await at.type(":svc\r")
        assert at.main.place.namespaces == ("batch",)


REFUSED = [
    (":wl /", ":workloads /: / wants a filter behind it."),
    (":wl app=", ":workloads app=: app= wants a value behind it."),
    (":wl -f", ":workloads -f: -f wants a part of a name behind it."),
    (":wl shop /a(", ":workloads shop /a(: missing ): a(."),
    (":wl shop /foo:x", ":workloads shop /foo:x: no column foo"),
    (":ns sh/op", ":ns sh/op: sh/op is no namespace."),
    (":workload_ shop", "There is no command :workload_."),
    (":wrkld x", "There is no command :wrkld. Did you mean :workloads?"),
    (":@nope", "there is no context nope"),
    (":wl shop @nope", "there is no context nope"),
    (":theme nope", "There is no theme 'nope': there are dark,"),
]


@pytest.mark.parametrize(("line", "says"), REFUSED)
async def test_what_cannot_be_meant_is_said_in_one_line_and_nothing_changes(
    line: str, says: str
) -> None:
    async with looking(SHOP, "services") as at:
        await at.type("/ledger\r")
        before = at.main.here
        await at.type(f"{line}\r")
        await at.until(lambda: bool(told(at)))
        assert len(told(at)) == 1
        assert told(at)[0].startswith(says)
        assert at.main.here == before


async def test_a_line_with_another_context_goes_on_there() -> None:
    other = StillSession(SHOP)
    app = app_of({"a": StillSession(SHOP), "b": other}, now=SHOP.now)
    async with app.run_test(size=(120, 36)) as pilot:
        at = Looking(app, pilot, other)
        await at.until(lambda: app.snapshot is SHOP)
        await at.type(":wl @\r")
        assert told(at)[0].endswith("@ wants the name of a context behind it.")
        assert at.main.place.context == "a", "none of them is meant"
        await at.type(":wl payments /ledger @b\r")
        await at.until(lambda: at.main.place.context == "b" and app.snapshot is SHOP)
        assert at.pane.NAME == "workloads"
        assert at.main.place.namespaces == ("payments",)
        assert len(at.rows) == 2
        await at.press("[")
        assert at.main.place.context == "b", "no view leads back into another cluster"


async def test_a_context_that_does_not_answer_can_be_left_by_a_line() -> None:
    dead = StillSession(Snapshot(SHOP.now, Server(context="dead")))
    app = app_of({"dead": dead, "b": StillSession(SHOP)}, now=SHOP.now)
    async with app.run_test(size=(120, 36)) as pilot:
        at = Looking(app, pilot, dead)
        await at.settle()
        await at.type(":wl shop @b\r")
        await until(pilot, lambda: app.snapshot is SHOP)
        await at.settle()
        assert names(at) == {"shop"}


# Completion


def choices(at: Looking) -> list[str]:
    options = at.main.prompt.choices
    if not options.display:
        return []
    return [options.get_option_at_index(i).id or "" for i in range(options.option_count)]


async def test_the_word_that_is_typed_is_completed_and_what_stands_before_it_stays() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type(":wl shop /ledger pay")
        assert choices(at) == ["workloads shop /ledger payments"]
        await at.press("ctrl+u")
        await at.type("wl batch,pay")
        await at.press("tab")
        assert at.main.prompt.typed.value == "workloads batch,payments"
        await at.press("ctrl+u")
        await at.type("wl shop @")
        assert choices(at) == ["workloads shop @kind-shop"]
        await at.press("enter")
        assert told(at) == []
        assert names(at) == {"shop"}


async def test_tab_completes_what_was_typed_before_it() -> None:
    """Also where both came at once, as they do while the program starts or computes."""
    async with looking(SHOP, "cluster") as at:
        await at.type(":cert\t")
        assert at.main.prompt.typed.value == "certificates "


def _nowhere(_: str) -> None:
    pass


NAMED = [
    Command((name,), "", _nowhere) for name in ("certificates", "gateways", "waypoints", "ways")
]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("ways", ["ways", "gateways", "waypoints"]),
        ("way", ["waypoints", "ways", "gateways"]),
        ("ay", ["waypoints", "ways", "gateways"]),
        ("wps", ["waypoints"]),
        ("gws", ["gateways"]),
        ("cxf", []),
        ("crf", ["certificates"]),
        ("", ["certificates", "gateways", "waypoints", "ways"]),
    ],
)
def test_completion_is_by_any_letters_the_best_first(typed: str, offered: list[str]) -> None:
    assert [each.text for each in commands.complete(NAMED, typed)] == offered


# What was entered before


async def test_up_brings_back_what_was_entered_commands_and_filters_each_their_own() -> None:
    async with looking(SHOP, "workloads") as at:
        typed = at.main.prompt.typed
        for line in ("/ledger", ":svc", ":wl payments", "/cart", "/ledger", ":nope"):
            await at.press("ctrl+q")
            await at.type(f"{line}\r")
        await at.press("ctrl+q")
        await at.press(":", "up")
        assert typed.value == "nope"
        assert choices(at) == [], "what was entered is entered again as it was"
        await at.press("up")
        assert typed.value == "wl payments"
        await at.press("up", "up", "up")
        assert typed.value == "svc"
        await at.press("down", "down", "down")
        assert typed.value == ""
        assert choices(at) != []
        await at.press("up", "up", "enter")
        assert at.main.place.namespaces == ("payments",)
        await at.press("/")
        assert typed.value == ""
        await at.press("c", "up")
        assert typed.value == "ledger"
        assert len(at.rows) == 2, "it filters at once"
        await at.press("up")
        assert typed.value == "cart"
        await at.press("down", "down")
        assert typed.value == "c"


async def test_what_one_went_to_in_the_list_is_what_enter_takes() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type(":ns ")
        batch = choices(at).index("ns batch")
        await at.press(*["down"] * batch, "enter")
        assert at.main.place.namespaces == ("batch",)
        await at.type(":ns shop")
        await at.press("enter")
        assert at.main.place.namespaces == ("shop",)
        await at.type(":ns \r")
        assert at.main.place.namespaces == ("shop",), "nobody went to the first one"


async def test_a_filter_that_was_refused_can_be_mended() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type("/ledger(\r")
        assert "missing )" in told(at)[0]
        await at.press("/", "up", "backspace")
        assert len(at.rows) == 2


def test_a_line_that_is_entered_twice_stands_there_once() -> None:
    recall = Recall()
    for line in ("a", "b", " a ", "", "  "):
        recall.add(line)
    assert [recall.older(""), recall.older(""), recall.older("")] == ["a", "b", None]
    assert [recall.newer(), recall.newer(), recall.newer()] == ["a", "", None]
    assert recall.older("a") == "b", "what stands there already is passed over"


# Filters


FILTERED = [
    # what is typed, how many of the 26 rows of Workloads; counted with kubectl over the recording
    ("app=ledger", 2),
    ("-l app=ledger", 2),
    ("namespace:^payments$", 4),
    ("na:^payments$", 4),
    ("!namespace:^payments$", 22),
    ("-f pmldg", 2),
    ("payments ledger", 2),
]


@pytest.mark.parametrize(("typed", "rows"), FILTERED)
async def test_a_filter_looks_at_cells_labels_and_names(typed: str, rows: int) -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type(f"/{typed}")
        assert len(at.rows) == rows


async def test_a_column_is_one_of_the_pane_in_front() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type("/severity:high")
        assert "no column severity" in at.screen
        assert at.main.prompt.typed.has_class("-bad")
        assert len(at.rows) == 26
        await at.press("escape")
        await at.type(":findings\r")
        await at.type("/severity:high\r")
        assert told(at) == []
        assert at.rows


async def test_what_is_typed_stays_in_view_beside_a_long_complaint() -> None:
    async with looking(SHOP, "workloads", (80, 24)) as at:
        await at.type("/nme:ledger")
        line = next(each for each in at.screen.splitlines() if "no column nme" in each)
        assert line.endswith("▸ nme:ledger")


async def test_ctrl_q_clears_the_filter_also_while_it_is_typed() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type("/ledger")
        await at.press("ctrl+q")
        assert at.main.prompt.typed.value == ""
        assert len(at.rows) == 26
        assert at.app.is_running


async def test_a_paste_into_the_panes_fires_no_verb_and_one_into_the_prompt_is_text() -> None:
    async with looking(SHOP, "workloads") as at:
        before = at.screen
        await at.type("\x1b[200~yd:q\rctx\x0b0[\x1b[201~")
        assert at.screen == before
        assert len(at.app.screen_stack) == 1
        assert at.session.asked == []
        await at.type("/\x1b[200~ledger\rdy:q\r\x1b[201~")
        assert at.main.prompt.typed.value == "ledger"
        assert len(at.app.screen_stack) == 1


# Aliases, palette, help


async def test_the_aliases_are_listed_and_the_same_key_leaves_them() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.press("ctrl+a")
        assert isinstance(at.app.screen, Aliases)
        for command in at.main.commands:
            line = next(each for each in at.read.splitlines() if f":{command.names[0]} " in each)
            assert all(f":{name}" in line for name in command.names)
            assert command.help in line
        await at.press("ctrl+a")
        assert len(at.app.screen_stack) == 1
        await at.type(":a\r")
        assert isinstance(at.app.screen, Aliases)


async def test_the_palette_finds_the_same_commands() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.press("ctrl+p")
        for command in at.main.commands[:5]:
            await at.until(lambda name=command.names[0]: name in at.screen)  # type: ignore[misc]
        await at.type("ns paym")
        await at.until(lambda: "ns payments" in at.screen)
        await at.press("down", "enter")
        await at.until(lambda: not isinstance(at.app.screen, CommandPalette))
        await at.until(lambda: at.main.place.namespaces == ("payments",))
        assert at.app.is_running


async def test_the_palette_over_a_screen_leaves_it_for_the_command() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.press("d", "ctrl+p")
        await at.type("certificates")
        await at.until(lambda: "the pane Certificates" in at.screen)
        await at.press("down", "enter")
        await at.until(lambda: len(at.app.screen_stack) == 1)
        await at.until(lambda: at.pane.NAME == "certificates")


def test_the_help_tells_the_whole_grammar() -> None:
    app = app_of({"a": StillSession(SHOP)}, now=SHOP.now)
    said = "\n".join(map(text_of, keys.lines(app, (), ())))
    for form, means in (*arguments.FORMS, *filters.FORMS):
        assert form in said
        assert means in said


# What is typed right behind enter, before anything was handled

AHEAD = [
    # what is typed, the pane, the filter, the row under the cursor, whether the prompt asks
    (":wl\rjj", "workloads", "", 2, ""),
    (":wl\njj", "workloads", "", 2, ""),
    (":cert\r:wl\rj", "workloads", "", 1, ""),
    ("/ledger\r:wl\r", "workloads", "", 0, ""),
    (":wl\r/ledger\rj", "workloads", "ledger", 1, ""),
    (":wl\r/ledger", "workloads", "ledger", 0, "/"),
    (":wl shop\r[", "services", "", 0, ""),
]


@pytest.mark.parametrize(("burst", "pane", "filter_text", "row", "asks"), AHEAD)
async def test_what_is_typed_behind_enter_is_for_what_comes_then(
    burst: str, pane: str, filter_text: str, row: int, asks: str
) -> None:
    async with looking(SHOP, "services") as at:
        await at.type(burst)
        assert told(at) == []
        assert pane == at.pane.NAME
        assert at.pane.filter_text == filter_text
        assert [each.key for each in at.pane.table.rows].index(at.pane.cursor) == row
        assert at.main.prompt.asking == asks


async def test_nothing_is_guessed_from_letters_while_the_kinds_are_not_known() -> None:
    unread = replace(SHOP, server=replace(SHOP.server, served={}))
    async with looking(unread, "cluster", toasts=True) as at:
        await at.type(":ds\r")
        assert at.pane.NAME == "cluster"
        assert "Which kinds the cluster serves is not known." in told(at)[0]
        await at.type(":wor\r")
        assert at.pane.NAME == "workloads", "the beginning of a name is no guess"
