"""The frame: keys, ways between panes, prompts, screens over them; over the recorded mesh."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from textual._xterm_parser import XTermParser
from textual.events import Paste
from textual.pilot import Pilot
from textual.widgets import Input

from meshtui.app import MeshApp
from meshtui.clusters import Clusters, clusters
from meshtui.kube.errors import ConfigError
from meshtui.kube.exec_plugin import Suspend
from meshtui.kube.session import Session
from meshtui.mesh import workloads
from meshtui.mesh.kinds import POD
from meshtui.mesh.logs import LogLine
from meshtui.mesh.snapshot import Problem, Server, Snapshot, Trouble
from meshtui.mesh.workloads import Workload
from meshtui.settings import Settings
from meshtui.ui.header import Header
from meshtui.ui.log_reader import LogReader
from meshtui.ui.main import Main
from meshtui.ui.panes import PANES
from meshtui.ui.pick import Pick
from meshtui.ui.reader import Describe, Reader, Yaml
from meshtui.ui.spans import join
from tests import recordings
from tests.kube import configs
from tests.ui.look import strips_of
from tests.ui.still import StillSession, app_of, settle, until

SHOP = recordings.snapshot("shop")


def shop(*, settings: Settings | None = None, log: tuple[LogLine, ...] = ()) -> MeshApp:
    return app_of({"kind-shop": StillSession(SHOP, log)}, settings=settings, now=SHOP.now)


def main(app: MeshApp) -> Main:
    assert isinstance(app.screen_stack[0], Main)
    return app.screen_stack[0]


def drawn(app: MeshApp) -> str:
    """What is on the screen, as text."""
    width, height = app.size
    lines = strips_of(app)
    assert len(lines) == height
    return "\n".join(strip.text[:width].rstrip() for strip in lines)


async def type_in(pilot: Pilot[int], text: str) -> None:
    await pilot.press(*("space" if c == " " else c for c in text))
    await settle(pilot)


async def test_the_first_pane_shows_its_rows_and_the_header_where_one_is() -> None:
    app = shop(settings=Settings(pane="wl"))
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        text = drawn(app)
        assert "kind-shop" in text
        assert "● live" in text
        assert "reports-" in text
        assert main(app).front.NAME == "workloads"


async def test_enter_goes_on_and_escape_comes_back_to_the_same_row() -> None:
    app = shop(settings=Settings(pane="workloads"))
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("j", "j")
        before = main(app).front.cursor
        await pilot.press("colon")
        await type_in(pilot, "cert")
        await pilot.press("enter")
        await settle(pilot)
        assert main(app).front.NAME == "certificates"
        await pilot.press("escape")
        await settle(pilot)
        assert main(app).front.NAME == "workloads"
        assert main(app).front.cursor == before


async def test_tab_goes_round_all_panes_and_back() -> None:
    app = shop()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        seen = []
        for _ in PANES:
            seen.append(main(app).front.NAME)
            await pilot.press("tab")
        assert len(set(seen)) == len(PANES)
        assert seen[0] == main(app).front.NAME
        await pilot.press("shift+tab")
        assert seen[-1] == main(app).front.NAME


async def test_a_filter_narrows_as_it_is_typed_and_escape_ends_it() -> None:
    app = shop(settings=Settings(pane="workloads"))
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        everything = len(main(app).front.table.rows)
        await pilot.press("slash")
        await type_in(pilot, "ledger")
        assert {row.pod.namespace for row in main(app).front.table.rows} == {"payments"}
        await pilot.press("enter")
        assert len(main(app).front.table.rows) == 2
        await pilot.press("escape")
        assert len(main(app).front.table.rows) == everything


async def test_a_bad_pattern_is_said_and_the_rows_stay() -> None:
    app = shop(settings=Settings(pane="workloads"))
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("slash")
        await type_in(pilot, "ledger")
        await type_in(pilot, "(")
        assert len(main(app).front.table.rows) == 2
        assert "missing" in drawn(app)


async def test_a_burst_of_keys_behind_a_colon_goes_into_the_prompt() -> None:
    app = shop(settings=Settings(pane="workloads"))
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press(*":info", "enter")
        await settle(pilot)
        assert isinstance(app.screen, Reader)
        assert "kind-shop" in drawn(app)


@pytest.mark.parametrize("enter", ["\r", "\n"])  # the latter before the terminal is raw
@pytest.mark.parametrize("turns", [0, 12, 30, 100])
async def test_what_is_typed_before_there_is_a_screen_counts(turns: int, enter: str) -> None:
    app = shop()
    running = asyncio.create_task(app.run_async(headless=True, size=(80, 24)))
    async with asyncio.timeout(10):
        while app._driver is None:  # noqa: ASYNC110 - Textual tells nobody when it has one
            await asyncio.sleep(0)
        for _ in range(turns):  # of the event loop
            await asyncio.sleep(0)
        for typed in XTermParser().feed(f":q{enter}"):
            app._driver.send_message(typed)
        assert await running == 0


async def test_a_prompt_that_a_click_took_the_focus_from_can_be_taken_up_or_left() -> None:
    app = shop(settings=Settings(pane="workloads"))
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        prompt = main(app).prompt
        await pilot.press("colon")
        await pilot.click(main(app).front.table, offset=(10, 3))
        assert app.focused is main(app).front.table
        await pilot.press("colon", *"ns")
        assert prompt.typed.value == "ns"
        await pilot.click(main(app).front.table, offset=(10, 3))
        await pilot.press("escape")
        assert not prompt.asking
        assert not prompt.display


async def test_ns_keeps_only_the_rows_of_the_named_namespaces() -> None:
    app = shop(settings=Settings(pane="workloads"))
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        everything = len(main(app).front.table.rows)
        await pilot.press(*":ns", "space", *"payments,batch", "enter")
        await settle(pilot)
        assert {row.pod.namespace for row in main(app).front.table.rows} == {"payments", "batch"}
        assert "ns: payments,batch" in drawn(app)
        await pilot.press(*":ns", "space", *"all", "enter")
        await settle(pilot)
        assert len(main(app).front.table.rows) == everything


async def test_a_colon_leaves_a_screen_for_the_prompt() -> None:
    app = shop(settings=Settings(pane="workloads"))
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("l")
        await pilot.press(*":cert", "enter")
        await settle(pilot)
        assert len(app.screen_stack) == 1
        assert main(app).front.NAME == "certificates"


async def test_a_paste_fires_no_verb() -> None:
    app = shop(settings=Settings(pane="workloads"))
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        app.post_message(Paste("yd:q\r"))
        await settle(pilot)
        assert len(app.screen_stack) == 1
        assert not main(app).prompt.asking


async def test_d_describes_with_conditions_and_events_and_follows_the_cluster() -> None:
    session = StillSession(SHOP)
    app = app_of({"c": session}, settings=Settings(pane="workloads"), now=SHOP.now)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        main(app).front.table.select(ghost().key)
        await pilot.press("d")
        await settle(pilot)
        assert isinstance(app.screen, Describe)
        text = join(app.screen.lines.shown)
        assert "Kubernetes and istiod call it enrolled" in text
        assert "ContainersReady=True" in text
        assert "Events" in text
        pods = {key: raw for key, raw in SHOP.objects[POD].items() if "checkout" not in key}
        session.show(replace(SHOP, objects={**SHOP.objects, POD: pods}))
        await settle(pilot)
        assert "It is gone" in join(app.screen.lines.shown)
        await pilot.press("q")
        assert len(app.screen_stack) == 1


def ghost() -> Workload:
    return next(row for row in workloads.of(SHOP) if row.enrolled.word == "not proxied")


async def test_y_reads_the_object_whole() -> None:
    app = shop(settings=Settings(pane="workloads"))
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await pilot.press("y")
        assert isinstance(app.screen, Yaml)
        screen = app.screen
        await until(pilot, lambda: len(screen.lines.shown) > 1)
        assert "nodeName: node-" in join(app.screen.lines.shown)


async def test_l_shows_the_log_and_hostile_lines_harm_nobody() -> None:
    log = (
        LogLine(SHOP.now, "2026-11-22T12:36:00Z\tinfo\tready"),
        LogLine(SHOP.now, "\x1b]0;pwned\x07[bold]error\x9b31m"),
        LogLine(None, "stream cut, trying again in 2 s", notice=True),
    )
    app = shop(settings=Settings(pane="workloads"), log=log)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await pilot.press("l")
        assert isinstance(app.screen, LogReader)
        screen = app.screen
        await until(pilot, lambda: len(screen.lines.shown) == len(log) + 1)
        text = drawn(app)
        assert "ready" in text
        assert "[bold]error" in text
        assert "trying again" in text
        assert "\x1b" not in text
        assert "\x9b" not in text


async def test_the_reader_finds_what_is_searched() -> None:
    app = shop(settings=Settings(pane="workloads"))
    async with app.run_test(size=(100, 24)) as pilot:
        await settle(pilot)
        await pilot.press("question_mark")
        await settle(pilot)
        await pilot.press("slash")
        await type_in(pilot, "another cluster")
        assert app.screen.query_one("#search", Input).value == "another cluster"
        assert "look at another cluster" in drawn(app)
        await pilot.press("enter")
        await pilot.press("escape", "escape")
        await settle(pilot)
        assert len(app.screen_stack) == 1


async def test_an_unknown_command_says_so_and_offers_the_nearest() -> None:
    app = shop()
    async with app.run_test(size=(100, 24)) as pilot:
        await settle(pilot)
        await pilot.press(*":workload_", "enter")
        await settle(pilot)
        await pilot.press("exclamation_mark")
        await settle(pilot)
        assert "There is no command :workload_" in drawn(app)


async def test_another_context_is_another_session_and_the_old_one_is_closed() -> None:
    first = StillSession(SHOP)
    other = StillSession(Snapshot(SHOP.now, Server(context="b", problem=None)))
    app = app_of({"a": first, "b": other}, now=SHOP.now)
    async with app.run_test(size=(100, 24)) as pilot:
        await settle(pilot)
        await pilot.press(*":ctx", "space", "b", "enter")
        await settle(pilot)
        assert first.closed
        assert app.snapshot is other.first
        assert main(app).place.context == "b"


@pytest.mark.parametrize(
    ("context", "said"), [("prod-eu1", True), ("nonprod", False), ("kind-shop", False)]
)
async def test_what_looks_like_production_is_read_only_and_says_so(
    context: str, said: bool
) -> None:
    app = app_of({context: StillSession(SHOP)}, now=SHOP.now)
    async with app.run_test(size=(100, 24)) as pilot:
        await settle(pilot)
        assert ("read-only" in drawn(app)) is said


async def test_contexts_are_picked_by_a_part_of_their_name_or_from_a_list() -> None:
    names = [f"arn:aws:eks:eu-west-1:123456789012:cluster/team-{i:02}-[bold]" for i in range(60)]
    app = app_of({name: StillSession(SHOP) for name in names}, now=SHOP.now)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press(*":ctx", "space", *"team-42")
        assert drawn(app).splitlines()[-3].strip() == f"ctx {names[42]}"
        await pilot.press("enter")
        await until(pilot, lambda: "team-42" in drawn(app).splitlines()[0])
        await pilot.press(*":ctx", "enter")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await until(pilot, lambda: "team-42-[bold]" in drawn(app))  # the one that is looked at
        lines = [line for line in drawn(app).splitlines()[1:] if "team-" in line]
        assert len(lines) > 8
        assert all(line.rstrip("▁▂▃▄▅▆▇█ ").endswith("-[bold]") for line in lines)
        await pilot.press("j", "enter")
        await until(pilot, lambda: "team-43" in drawn(app).splitlines()[0])


async def test_a_long_toast_is_cut_and_whole_under_the_messages() -> None:
    told = "a long story, " * 40 + "and its end"
    app = shop(settings=Settings(complaints=(told,)))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "it)" in drawn(app))
        assert "(! for all of it)" in " ".join(drawn(app).replace("▌", " ").split())
        assert "and its end" not in drawn(app)
        await pilot.press("exclamation_mark")
        assert isinstance(app.screen, Reader)
        assert "and its end" in " ".join(join(app.screen.lines.shown).split())


async def test_a_long_name_of_a_context_keeps_its_end_and_the_rest_of_the_header() -> None:
    context = "arn:aws:eks:eu-west-1:123456789012:cluster/payments-live"
    among = Settings(namespaces=("shop", "payments", "batch", "legacy", "plain"))
    app = app_of({context: StillSession(SHOP)}, settings=among, now=SHOP.now)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "● live" in drawn(app))
        header = drawn(app).splitlines()[0]
        assert header.startswith(" arn:")
        assert "ts-live   ns: shop" in header
        assert header.endswith("read-only  ● live")
        await pilot.resize_terminal(200, 24)
        await until(pilot, lambda: len(drawn(app).splitlines()[0]) > 100)
        header = drawn(app).splitlines()[0]
        assert context in header
        assert "127.0.0.1" in header
        assert "ns: shop,payments,batch,legacy,plain" in header


async def test_a_broken_kubeconfig_starts_says_which_it_is_and_lets_one_leave() -> None:
    def fail(context: str, suspend: Suspend) -> Session:
        raise ConfigError("/home/me/.kube/config: line 3 is not YAML", "Mend it, then start again.")

    app = MeshApp(Settings(), Clusters((), "", fail), lambda: SHOP.now)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = drawn(app)
        assert "line 3 is not YAML" in text
        assert "Mend it" in text
        await pilot.press(*":q", "enter")
        await settle(pilot)
    assert app.return_value == 0


LONG = "no route to the API server from here, " * 5


async def test_what_is_said_to_the_person_is_wrapped_and_a_log_is_scrolled_sideways() -> None:
    told = LogLine(None, "0123456789" * 20), LogLine(None, f"{LONG} REMEDY", notice=True)
    app = shop(settings=Settings(pane="zt", complaints=(f"{LONG} REMEDY",)), log=told)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("l")
        await until(pilot, lambda: "end of the log" in drawn(app))
        assert "REMEDY" in drawn(app)
        line = drawn(app).splitlines()[1].strip()
        await pilot.press("right")
        assert drawn(app).splitlines()[1].strip() != line
        await pilot.press("right", "right", "left", "left", "left")
        assert drawn(app).splitlines()[1].strip() == line
        await pilot.press("escape", "exclamation_mark")
        assert "REMEDY" in drawn(app)
        await pilot.resize_terminal(60, 24)
        assert "REMEDY" in drawn(app)


async def test_a_search_says_where_it_found_something_and_that_it_found_nothing() -> None:
    app = shop(settings=Settings(pane="workloads"))
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await pilot.press("y")
        await until(pilot, lambda: "apiVersion" in drawn(app))
        heading = drawn(app).splitlines()[0]
        await pilot.press("slash", *"type", "enter")
        assert drawn(app).startswith(f"{heading} · /type: 1 of ")
        await pilot.press("n")
        assert drawn(app).startswith(f"{heading} · /type: 2 of ")
        await pilot.press("slash", *"zzz", "enter")
        assert drawn(app).splitlines()[0] == f"{heading} · /zzz: nowhere"
        await pilot.press("slash", *"type", "enter", "escape")
        assert drawn(app).splitlines()[0] == heading


async def test_help_is_whole_at_80_columns() -> None:
    app = shop()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("question_mark")
        assert isinstance(app.screen, Reader)
        shown = join(app.screen.lines.shown).splitlines()
        assert max(map(len, shown)) <= 78
        assert "(:wl :workload :po :pods :pod)" in " ".join(" ".join(shown).split())


async def test_a_kubeconfig_that_was_corrected_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "config"
    settings = Settings(kubeconfig=(path,))
    app = MeshApp(settings, clusters(settings), lambda: SHOP.now)
    async with app.run_test(size=(160, 24)) as pilot:
        await until(pilot, lambda: "there is no kubeconfig" in drawn(app))
        await pilot.press(*":ctx", "enter")
        await until(pilot, lambda: "there is no kubeconfig" in messages(app))
        configs.write(path, "https://127.0.0.1:1")
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "127.0.0.1:1 refuses connections" in drawn(app))
        path.write_text(path.read_text().replace("test", "new"))
        await pilot.press(*":ctx", "space", *"nwe", "enter")
        await until(pilot, lambda: 'there is no context "nwe"' in messages(app))
        assert 'Did you mean "new"?' in messages(app)
        await pilot.press(*":ctx", "space", *"new", "enter")
        await until(pilot, lambda: drawn(app).startswith(" new"))
        path.unlink()
        await pilot.press(*":ctx", "enter")
        await until(pilot, lambda: isinstance(app.screen, Pick))


async def test_an_unreadable_kubeconfig_is_said_and_the_contexts_of_the_others_can_be_chosen(
    tmp_path: Path,
) -> None:
    """kubectl 1.32 fails over it: error loading config file."""
    good, bad = tmp_path / "good", tmp_path / "bad"
    configs.write(good, "https://127.0.0.1:1")
    bad.write_text("contexts: [\n")
    settings = Settings(kubeconfig=(good, bad))
    app = MeshApp(settings, clusters(settings), lambda: SHOP.now)
    async with app.run_test(size=(160, 24)) as pilot:
        await until(pilot, lambda: f"{bad} is not valid YAML" in drawn(app))
        await pilot.press(*":ctx other", "enter")
        await until(pilot, lambda: f"{bad} is not valid YAML" in messages(app))
        await pilot.press(*":ctx", "enter")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press("enter")
        await until(pilot, lambda: "127.0.0.1:1 refuses connections" in drawn(app))
        assert drawn(app).startswith(" test")
        await until(pilot, lambda: "its contexts are not known. Correct it there." in messages(app))


def messages(app: MeshApp) -> str:
    """What was told to the person so far."""
    return "\n".join(told.text for told in app._told)


@pytest.mark.parametrize("trouble", list(Trouble))
async def test_each_failure_to_connect_has_its_words_on_the_screen(trouble: Trouble) -> None:
    problem = Problem(trouble, f"words of {trouble.name}", "and what to do")
    down = Snapshot(SHOP.now, Server(context="c", problem=problem))
    app = app_of({"c": StillSession(down)}, now=SHOP.now)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = drawn(app)
        assert trouble.value in text
        assert f"words of {trouble.name}" in text
        assert "and what to do" in text


async def test_what_was_live_and_is_not_any_more_keeps_its_rows_and_says_since_when() -> None:
    problem = Problem(Trouble.TIMEOUT, "no answer within 10 s")
    server = replace(SHOP.server, problem=problem, answered=SHOP.now - timedelta(minutes=2))
    app = app_of(
        {"c": StillSession(replace(SHOP, server=server))},
        settings=Settings(pane="workloads"),
        now=SHOP.now,
    )
    async with app.run_test(size=(120, 30)) as pilot:
        await settle(pilot)
        text = drawn(app)
        assert f"stale since {SHOP.now - timedelta(minutes=2):%H:%M:%S}" in text
        assert "reports-" in text


async def test_the_clock_and_the_header_stay_within_80_columns() -> None:
    app = app_of({"a-rather-long-context-name-prod": StillSession(SHOP)}, now=SHOP.now)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert len(app.query_one(Header).render_line(0).text) == 80
        assert "● live" in drawn(app)
