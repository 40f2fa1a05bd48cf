"""Sifting: what is typed behind `/` over more rows than are judged at once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Struct

from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.snapshot import Ref
from meshtui.mesh.workloads import Workload
from meshtui.ui import filters
from meshtui.ui.filters import Filter, Subject
from meshtui.ui.panes.workloads import WorkloadsPane
from meshtui.ui.sifting import Sifted, Subjects
from tests.bench.rows import many
from tests.ui.looking import looking
from tests.ui.still import until

NOW = datetime.fromisoformat("2026-11-22T12:00:00Z")


class Row(Struct, frozen=True, eq=False):
    key: str
    age: str = "41d"
    verdict: Verdict = Verdict(Health.OK)
    ref: Ref | None = None


class Reader:
    """Puts rows into words, and remembers which."""

    def __init__(self) -> None:
        self.read: list[Row] = []

    def __call__(self, row: Row) -> Subject:
        self.read.append(row)
        return Subject((row.key, row.age))


def wanted(text: str) -> Filter:
    found = filters.parse(text)
    assert found is not None
    return found


WORDS = st.text("skAb0-_/:", min_size=1, max_size=3)
TEXTS = st.text("skSKAb0-_/:ſ\N{KELVIN SIGN}éß ", max_size=8)


@given(WORDS, TEXTS)
@example("s", "ſ")
@example("k", "\N{KELVIN SIGN}")
@example("ss", "ß")
def test_a_plain_word_is_found_where_the_engine_finds_it(word: str, text: str) -> None:
    assert filters.finder(word)(text) is filters.finds(filters.pattern_of(word), text)


def test_rows_are_put_into_words_once_for_all_letters_that_follow_each_other_soon() -> None:
    reader = Reader()
    subjects = Subjects(reader)
    rows = [Row("a"), Row("b", "12s")]

    def letter(seconds: float, text: str = "a") -> list[Row]:
        """What is put into words for a letter so long after the first one."""
        reader.read.clear()
        subjects.at(NOW + timedelta(seconds=seconds))
        subjects.typed()
        assert Sifted(wanted(text), subjects.of).kept(rows) == rows[:1]
        return reader.read

    assert letter(0) == rows
    assert letter(0, "41d") == []
    assert letter(29) == []
    assert letter(58) == []
    rows[0] = Row("a")
    assert letter(60) == rows[:1]
    assert letter(90) == rows
    assert letter(80) == rows  # the clock was set back


def test_words_are_not_held_for_long_once_nobody_types() -> None:
    reader = Reader()
    subjects = Subjects(reader)
    row = Row("a")
    subjects.at(NOW)
    subjects.typed()
    subjects.of(row)
    subjects.at(NOW + timedelta(seconds=30))
    subjects.of(row)
    subjects.at(NOW + timedelta(seconds=31))
    subjects.of(row)
    assert reader.read == [row] * 3


def test_another_row_of_the_same_key_is_judged_again_and_no_other() -> None:
    reader = Reader()
    sifted = Sifted(wanted("41d"), reader)
    rows = [Row("a"), Row("b", "2h"), Row("c")]
    assert sifted.kept(rows) == [rows[0], rows[2]]
    reader.read.clear()
    again = [rows[0], changed := Row("b"), rows[2]]
    assert sifted.kept(again) == again
    assert reader.read == [changed]


def test_what_was_judged_in_slices_is_kept_in_the_order_of_now() -> None:
    reader = Reader()
    sifted = Sifted(wanted("41d"), reader)
    rows = [Row("a"), Row("b", "2h"), Row("c"), Row("d")]
    for one in rows[:3]:
        sifted.judge([one])
    assert sifted.kept(rows[::-1]) == [rows[3], rows[2], rows[0]]
    assert reader.read == rows


async def test_rows_are_put_into_words_before_the_first_letter_is_typed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worded: list[str] = []
    called = WorkloadsPane.called

    def noted(pane: WorkloadsPane, row: Workload) -> str:
        worded.append(row.key)
        return called(pane, row)

    monkeypatch.setattr(WorkloadsPane, "called", noted)
    async with looking(many(1_500), "workloads") as at:
        await at.press("/")
        await until(at.pilot, lambda: len(worded) == 1_500)
        await at.press("l", "e", "d")
        await until(at.pilot, lambda: at.pane.filter_text == "led")
        assert len(worded) == 1_500, "no letter puts any of them into words again"


async def test_the_old_rows_stand_there_until_all_are_judged() -> None:
    snapshot = many(1_500)
    async with looking(snapshot, "workloads") as at:
        pane = at.pane
        pane.filter_soon(pane.read_filter("ledger"))
        assert len(pane.table.rows) == 1_500
        assert pane.filter_text == ""
        await until(at.pilot, lambda: pane.filter_text == "ledger")
        kept = pane.table.rows
        assert 0 < len(kept) < 1_500
        assert all("ledger" in row.pod.name + row.pod.account + row.pod.controller for row in kept)
        # entered: the rows are there before any key that was typed right behind it
        pane.filter_soon(pane.read_filter("node:node-1"))
        pane.filter(pane.read_filter("node:node-1"))
        assert pane.filter_text == "node:node-1"
        assert len(pane.table.rows) not in (0, len(kept), 1_500)
        # given up: what was being typed does not come any more
        pane.filter_soon(pane.read_filter("ledger"))
        pane.filter(None)
        await at.settle()
        assert pane.filter_text == ""
        assert len(pane.table.rows) == 1_500
