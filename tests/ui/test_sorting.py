"""Sorting: what is compared with what, the unknown last, and the rows of a pane in their order."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from meshtui import orders
from meshtui.mesh.health import OK, Verdict
from meshtui.mesh.kinds import POD
from meshtui.mesh.snapshot import Ref
from meshtui.ui.panes import PANES
from meshtui.ui.sorting import Order, Sorter, comparable
from tests.ui import situations
from tests.ui.key_table import heading, told
from tests.ui.looking import looking

SHOP = situations.shop()


@pytest.mark.parametrize(
    "in_order",
    [
        ["node-1", "node-2", "node-10"],
        ["5s", "90s", "2m", "119m", "2h", "47h", "2d", "1y"],
        ["-3", "-2.5", "0", "0.25", "0.5", "2", "10", "10.5", "100"],
        ["0/1", "1/1", "1/2", "2/10", "10/10"],
        ["0", "1 (5s ago)", "2 (1s ago)", "14 (2h ago)"],
        ["1.9.0", "1.10.0", "1.31.0", "1.31.0-dev"],
        ["5%", "40%", "100%"],
        ["abc", "Abd", "abe"],
    ],
)
def test_words_are_compared_as_people_read_them(in_order: list[str]) -> None:
    shuffled = random.Random(7).sample(in_order, len(in_order))
    assert sorted(shuffled, key=comparable) == in_order


@pytest.mark.parametrize(
    "text", ["9" * 5000, "1" * 500 + "s", "²³", "é" * 300, "\x1b[2J", "\ud800", "1e999", "NaN"]
)
def test_nothing_that_a_cluster_says_cannot_be_compared(text: str) -> None:
    assert sorted([text, "a", "1"], key=comparable)


@dataclass(frozen=True, slots=True)
class One:
    key: str
    value: object
    verdict: Verdict = OK
    ref: Ref | None = None


def test_what_is_not_known_is_last_either_way_and_equals_keep_their_order() -> None:
    rows = [One("a", "?"), One("b", "2"), One("c", "1"), One("d", "–"), One("e", "2")]
    sorter: Sorter[One] = Sorter()
    up = sorter.sorted(rows, Order("X"), lambda row: row.value)
    down = sorter.sorted(rows, Order("X", descending=True), lambda row: row.value)
    assert "".join(row.key for row in up) == "cbead"
    assert "".join(row.key for row in down) == "becad"


def test_what_a_row_is_sorted_by_is_found_once_for_as_long_as_it_is_the_same() -> None:
    asked: list[str] = []

    def value(row: One) -> object:
        asked.append(row.key)
        return row.value

    rows = [One("a", 2), One("b", 1)]
    sorter: Sorter[One] = Sorter()
    sorter.sorted(rows, Order("X"), value)
    sorter.sorted(rows, Order("X", descending=True), value)
    assert asked == ["a", "b"]
    changed = [rows[0], One("b", 3)]
    assert [row.key for row in sorter.sorted(changed, Order("X"), value)] == ["a", "b"]
    assert asked == ["a", "b", "b"]
    sorter.sorted(changed, Order("Y"), value)
    assert len(asked) == 5, "another column is asked of every row"


async def test_each_column_of_each_pane_sorts_both_ways_and_loses_no_row() -> None:
    async with looking(SHOP) as at:
        for pane in PANES[1:]:
            await at.type(f":{pane.NAME}\r")
            own = [row.key for row in at.pane.table.rows]
            for column in at.pane.columns:
                name = "".join(filter(str.isalnum, column.title))
                for way in ("", " desc"):
                    await at.type(f":sort {name}{way}\r")
                    assert at.pane.order == Order(column.title, bool(way)), (pane.NAME, told(at))
                    assert {row.key for row in at.pane.table.rows} == set(own)
            await at.type(":sort\r")
            assert [row.key for row in at.pane.table.rows] == own


async def test_the_heading_says_which_way_the_cursor_stays_on_its_row_and_so_does_the_order() -> (
    None
):
    async with looking(SHOP, "workloads") as at:
        await at.select("payments", "refunds-6b6c7c499-nsrzq")
        await at.press("N")
        assert " NAME ▲" in heading(at)
        assert at.under_cursor[2] == "refunds-6b6c7c499-nsrzq"
        assert [row[2] for row in at.rows] == sorted(row[2] for row in at.rows)
        await at.press("N")
        assert " NAME ▼" in heading(at)
        down = [row[2] for row in at.rows]
        assert down == sorted(down, reverse=True)
        await at.type(":ns\r")
        assert "▼" not in heading(at)
        await at.type(":wl\r")
        assert [row[2] for row in at.rows] == down, "kept for each pane"
        await at.type("/shop\r")
        assert [row[2] for row in at.rows] == [row for row in down if row in _names(at.rows)]


def _names(rows: list[tuple[str, ...]]) -> set[str]:
    return {row[2] for row in rows}


async def test_rows_that_come_stand_where_they_belong() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.press("A")
        it = next(iter(SHOP.objects[POD].values()))
        young = (SHOP.now - timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
        about = {**it["metadata"], "name": "young", "uid": "young", "creationTimestamp": young}
        new = {**it, "metadata": about}
        pods = {**SHOP.objects[POD], f"{about['namespace']}/young": new}
        await at.show(replace(SHOP, objects={**SHOP.objects, POD: pods}))
        assert at.rows[0][2] == "young"
        await at.press("A")
        assert at.rows[-1][2] == "young"


async def test_the_column_that_sorts_is_seen_where_there_is_little_room() -> None:
    async with looking(SHOP, "workloads", (60, 24)) as at:
        assert "AGE" not in heading(at)
        await at.press("A")
        assert "AGE▲" in heading(at)
        assert "NAME" in heading(at)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("nothing", "no column nothing: there are mark, namespace, name,"),
        ("age upwards", "upwards is no direction"),
    ],
)
async def test_a_column_that_is_not_there_is_said_and_the_order_stays(
    typed: str, words: str
) -> None:
    async with looking(SHOP, "workloads") as at:
        await at.press("N")
        await at.type(f":sort {typed}\r")
        assert words in told(at)
        assert at.pane.order == Order("NAME")


async def test_rows_in_sections_are_not_sorted_and_the_keys_say_so() -> None:
    async with looking(SHOP, "cluster") as at:
        before = at.screen
        for key in ("N", "A", "S"):
            await at.press(key)
            assert told(at).startswith(f"{key} sorts")
        await at.type(":sort age\r")
        assert (
            told(at)
            == "The rows of this pane stand in sections: nothing is sorted or marked there."
        )
        assert at.screen == before


async def test_an_order_outlives_the_program(tmp_path: Path) -> None:
    file = tmp_path / "state" / "orders.json"

    async with looking(SHOP, "workloads", orders_file=file) as at:
        await at.press("N", "N")
        await at.until(lambda: orders.load(file) == {"workloads": ("NAME", True)})
        await at.type(":svc\r")
        await at.press("A")
        await at.until(lambda: len(orders.load(file)) == 2)
    async with looking(SHOP, "workloads", orders_file=file) as at:
        await at.until(lambda: " NAME ▼" in heading(at))
        await at.type(":sort\r")
        await at.until(lambda: orders.load(file) == {"services": ("AGE", False)})


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"workloads": 1}', '{"workloads": [1, 2]}', '{"workloads": ["NOT", true]}'],
)
async def test_a_file_of_orders_that_was_damaged_sorts_nothing(text: str, tmp_path: Path) -> None:
    file = tmp_path / "orders.json"
    file.write_text(text)
    async with looking(SHOP, "workloads") as at:
        own = at.rows
    async with looking(SHOP, "workloads", orders_file=file) as at:
        await at.until(lambda: all(each.name != "_load_orders" for each in at.app.workers))
        await at.settle()
        assert at.rows == own
        assert told(at) == ""
        await at.press("N")
        await at.until(lambda: orders.load(file).get("workloads") == ("NAME", False))


async def test_an_order_that_cannot_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, and no directory")
    async with looking(SHOP, "workloads", orders_file=tmp_path / "state" / "orders.json") as at:
        await at.press("N")
        await at.until(lambda: told(at).startswith("How panes are sorted cannot be kept: "))
