"""The log reader: ranges, what stands, in columns, of several pods, marked and saved."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from meshtui.mesh.kinds import POD
from meshtui.mesh.logs import LogLine
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref
from meshtui.ui.log_lines import Look, Sieve, Sifted, drawn
from meshtui.ui.log_reader import MOST, LogReader
from meshtui.ui.spans import text_of
from tests import recordings
from tests.ui import situations
from tests.ui.looking import Looking, looking

SHOP = situations.shop()
LINES = [LogLine(SHOP.now, f"line {number}") for number in range(100)]
NODE_1 = [
    LogLine(SHOP.now, line) for line in recordings.Recording("shop").log("node-1").splitlines()
]


@asynccontextmanager
async def a_log(
    lines: list[LogLine] = LINES, size: tuple[int, int] = (120, 30)
) -> AsyncIterator[Looking]:
    async with looking(SHOP, "ztunnels", size, log=lines) as at:
        await at.select("node-1")
        await at.press("l")
        await at.until(lambda: "end of the log" in at.read)
        yield at


def heading(at: Looking) -> str:
    return at.screen.splitlines()[0].strip()


def reader(at: Looking) -> LogReader:
    assert isinstance(at.app.screen, LogReader)
    return at.app.screen


# Ranges


async def test_digits_choose_how_much_of_the_log_is_read() -> None:
    async with a_log() as at:
        assert "last 500 lines" in heading(at)
        asked = at.session.logs_asked
        assert (asked[-1][1].tail, asked[-1][1].since) == (500, None)
        for key, tail, since, words in (
            ("3", None, 300, "last 5 minutes"),
            ("6", None, 3600, "last hour"),
            ("1", None, None, "from its start"),
            ("8", 2000, None, "last 2,000 lines"),
        ):
            before = len(asked)
            await at.press(key)
            await at.until(lambda before=before: len(asked) > before)  # type: ignore[misc]
            assert (asked[-1][1].tail, asked[-1][1].since) == (tail, since), key
            assert words in heading(at)
        await at.until(lambda: len(at.read.splitlines()) == 101)


# What stands


def sifted(sieve: Sieve, count: int = 20) -> list[tuple[int, bool, int]]:
    return [
        (int(each.line.text.split()[1]), each.found, each.left_out)
        for line in LINES[:count]
        for each in sieve.sift(line)
    ]


def test_all_lines_stand_where_nothing_is_looked_for_or_others_are_wanted_too() -> None:
    assert len(sifted(Sieve())) == 20
    found = sifted(Sieve(lambda text: text.endswith("7")))
    assert [number for number, is_found, _ in found if is_found] == [7, 17]
    assert len(found) == 20


def test_alone_they_stand_with_so_many_lines_around_them_each_once() -> None:
    seven = Sieve(lambda text: text.endswith("7"), only=True, around=2)
    assert sifted(seven) == [
        (5, False, 5), (6, False, 0), (7, True, 0), (8, False, 0), (9, False, 0),
        (15, False, 5), (16, False, 0), (17, True, 0), (18, False, 0), (19, False, 0),
    ]  # fmt: skip
    near = Sieve(lambda text: text in ("line 4", "line 6"), only=True, around=2)
    assert [number for number, _, _ in sifted(near)] == [2, 3, 4, 5, 6, 7, 8]
    bare = Sieve(lambda text: text == "line 4", only=True)
    assert sifted(bare) == [(4, True, 4)]


def test_what_the_program_says_itself_always_stands() -> None:
    sieve = Sieve(lambda text: False, only=True)
    gap = LogLine(None, "stream cut", notice=True)
    assert [*sieve.sift(LINES[0]), *sieve.sift(gap)] == [Sifted(gap, left_out=1)]


async def test_what_is_looked_for_is_marked_and_f_leaves_it_alone_with_lines_around() -> None:
    async with a_log() as at:
        await at.type("/line [3-5]5$\r")
        await at.until(lambda: "1 of 3" in heading(at))
        assert len(at.read.splitlines()) == 101
        await at.press("f")
        await at.until(lambda: len(at.read.splitlines()) == 4)
        assert at.read.splitlines()[:3] == ["⋯35 line 35", "⋯9 line 45", "⋯9 line 55"]
        assert "no others" in heading(at)
        await at.press("+")
        await at.until(lambda: "line 54\nline 55\nline 56" in at.read)
        assert "1 around" in heading(at)
        reader(at).add([LogLine(SHOP.now, "line 65"), LogLine(SHOP.now, "line 35")])
        await at.settle()
        assert at.read.endswith("line 65\nline 35"), "as context, and as found"
        assert "of 4" in heading(at)
        await at.press("escape")
        await at.until(lambda: len(at.read.splitlines()) == 103)
        await at.press("escape")
        assert len(at.app.screen_stack) == 1


async def test_a_bad_expression_says_why_and_a_nasty_one_holds_nobody() -> None:
    async with a_log([LogLine(SHOP.now, "a" * 5000)] * 200) as at:
        await at.type("/(a")
        assert "missing )" in heading(at)
        before = time.monotonic()
        await at.type("+)+b$\r")
        await at.until(lambda: "nowhere" in heading(at))
        assert time.monotonic() - before < 5, "a backtracking engine would not come back"


# Times


@pytest.fixture
def _in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_in_new_york")
async def test_times_are_utc_or_local_and_the_zone_is_named() -> None:
    async with a_log([LogLine(datetime(2026, 11, 22, 12, 39, tzinfo=UTC), "it")]) as at:
        assert at.read.splitlines()[0] == "it"
        for line, zone in (
            ("12:39:00 it", "times in UTC"),
            ("07:39:00 it", "times in EST (local)"),
        ):
            await at.press("t")
            await at.until(lambda line=line: at.read.splitlines()[0] == line)  # type: ignore[misc]
            assert zone in heading(at)
        await at.press("t")
        await at.until(lambda: at.read.splitlines()[0] == "it")


# Columns


async def test_lines_of_a_ztunnel_stand_in_columns_and_x_shows_them_as_they_came() -> None:
    async with a_log(NODE_1, (200, 40)) as at:
        denied, *_ = [
            line for line in at.read.splitlines()
            if "in  shop/storefront" in line and "policy rejection" in line
        ]  # fmt: skip
        words = denied.split()
        assert words[0] == "12:37:12Z"
        del words[0]
        assert words[:3] == ["✗", "in", "shop/storefront-79968d5cff-lzb2w"]
        assert words[4] == "payments/ledger-669657bc95-s5qqg:8080"
        assert words[5:7] == ["as", "storefront"]
        assert denied.rstrip().endswith("allow policies exist, but none allowed")
        assert "plain text" in at.read
        await at.press("x")
        await at.until(lambda: 'src.workload="storefront-79968d5cff-lzb2w"' in at.read)
        assert "✗ in" not in at.read


def test_a_line_that_is_no_access_line_or_half_of_one_stands_as_it_came() -> None:
    half = next(line.text for line in NODE_1 if "connection failed" in line.text)[:200]
    long = f"{half}{'x' * 100_000}"
    for text in (half, long, "{", '{"a": [[[[', "[2026-", "\x1b[31mred", ""):
        assert text_of(drawn(Sifted(LogLine(None, text)), Look())) == text


# Several pods as one


async def test_marked_rows_are_read_as_one_log_by_the_stamps_each_line_with_its_pod() -> None:
    first, second = "ztunnel-4rh2t", "ztunnel-gnq4h"
    async with looking(SHOP, "ztunnels", (120, 30)) as at:
        at.session.logs_by_pod = {
            name: [
                LogLine(SHOP.now + timedelta(seconds=2 * n + shift), f"{name} says {2 * n + shift}")
                for n in range(3)
            ]
            for name, shift in ((first, 0), (second, 1))
        }
        await at.select("node-1")
        await at.press("space")
        await at.select("node-2")
        await at.press("space", "l")
        await at.until(lambda: at.read.count("end of the log") == 2)
        assert heading(at).startswith("Logs of 2 pods")
        lines = at.read.splitlines()
        assert [line.split()[-1] for line in lines if "says" in line] == [*"012345"]
        assert {tuple(line.split()[:2]) for line in lines if "says" in line} == {
            (first, first),
            (second, second),
        }


async def test_capital_l_reads_all_replicas_of_a_row() -> None:
    async with looking(SHOP, "workloads", (120, 30), log=LINES[:2]) as at:
        await at.type("/ledger\r")
        replicas = {row.pod.name for row in at.pane.table.rows}
        assert len(replicas) == 2
        await at.press("L")
        await at.until(lambda: len(at.session.logs_asked) == 2)
        assert {pod for pod, _ in at.session.logs_asked} == {
            Ref(POD, "payments", name) for name in replicas
        }
        await at.press("escape")
        await at.type(":svc\r")
        await at.select("payments", "ledger")
        await at.press("L")
        await at.until(lambda: len(at.session.logs_asked) == 4)
        assert {pod.name for pod, _ in at.session.logs_asked[2:]} == replicas


async def test_a_pod_that_replaces_one_of_theirs_is_read_too_and_no_other() -> None:
    """One of the same Deployment, once it runs."""
    every = SHOP.objects[POD]
    ledgers = sorted(key for key in every if key.startswith("payments/ledger-"))

    def another(key: str, name: str, **status: object) -> dict[str, Raw]:
        namespace, it = key.partition("/")[0], every[key]
        metadata = {**it["metadata"], "name": name, "uid": name}
        it = {**it, "metadata": metadata, "status": {**it["status"], **status}}
        return {f"{namespace}/{name}": it}

    new = another(ledgers[0], "ledger-new")
    others = {
        **another(ledgers[0], "ledger-waits", containerStatuses=[], phase="Pending"),
        **another("shop/checkout-5f686c4cb7-v2nsk", "checkout-new"),
    }
    async with looking(SHOP, "workloads", (120, 30), log=LINES[:1]) as at:
        await at.type("/ledger\r")
        await at.press("L")
        await at.until(lambda: len(at.session.logs_asked) == 2)
        left = {key: it for key, it in every.items() if key != ledgers[0]}
        await at.show(replace(SHOP, objects={**SHOP.objects, POD: {**left, **new, **others}}))
        await at.until(lambda: len(at.session.logs_asked) == 3)
        pod, options = at.session.logs_asked[-1]
        assert (pod.key, options.tail, options.since) == ("payments/ledger-new", None, None)
        await at.until(lambda: "came in the place of another" in at.read)
        await at.until(lambda: heading(at).startswith("Logs of 3 pods"))
        assert len(at.session.logs_asked) == 3


async def test_the_only_replica_is_read_as_all_of_them() -> None:
    async with looking(SHOP, "workloads", (120, 30), log=LINES[:1]) as at:
        await at.select("catalog")
        await at.press("L")
        await at.until(lambda: "end of the log" in at.read)
        assert reader(at).merged
        await at.press("escape", "l")
        await at.until(lambda: "end of the log" in at.read)
        assert not reader(at).merged


# Marked and saved


async def test_m_marks_the_place_with_the_time_and_ctrl_s_saves_what_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with a_log() as at:
        before = datetime.now(UTC).replace(microsecond=0)
        await at.press("m")
        words = at.read.splitlines()[-1].split()
        clock = words[words.index("at") + 1]
        assert f"{before:%H:%M:%S}" <= clock <= f"{datetime.now(UTC):%H:%M:%S}"
        assert "UTC" in words
        await at.type("/line 9\r")
        await at.press("f")
        await at.until(lambda: "line 8" not in at.read)
        await at.press("ctrl+s")
        told = at.app._told
        await at.until(lambda: bool(told))
        assert told[-1].text.startswith("Saved 13 lines in ")
        [saved] = (tmp_path / "meshtui" / "logs").iterdir()
        assert saved.name.startswith("istio-system-ztunnel-4rh2t-")
        assert saved.stat().st_mode & 0o777 == 0o600
        lines = saved.read_text().splitlines()
        assert lines[0] == f"{SHOP.now:%Y-%m-%dT%H:%M:%S.%f}Z line 9"
        assert lines[-1].startswith(f"{before:%Y-%m-%d}")


async def test_more_lines_than_are_kept_are_said() -> None:
    async with a_log() as at:
        reader(at).add([LogLine(SHOP.now, f"more {number}") for number in range(MOST)])
        await at.settle()
        assert "101 older ones not kept" in heading(at)
        assert len(at.read.splitlines()) == MOST
