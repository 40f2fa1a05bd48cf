"""The table: rows by identity, one open row, columns by priority, nothing drawn that is not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from textual.app import App, ComposeResult

from meshtui.mesh.health import OK, Health, Verdict
from meshtui.ui.columns import Column, layout, shorten
from meshtui.ui.paint import COMPONENTS
from meshtui.ui.spans import Cell, Span, Tone
from meshtui.ui.table import Table
from tests.ui.still import settle

COLUMNS = (Column("NAME", 8, 20, 0), Column("AGE", 4, 6, 2, right=True), Column("NOTE", 6, 12, 1))


@dataclass(frozen=True, slots=True)
class Row:
    key: str
    name: str
    verdict: Verdict = OK


def rows(*names: str) -> list[Row]:
    return [Row(f"uid-{name}", name) for name in names]


class Shows(App[None]):
    COMPONENT_CLASSES = COMPONENTS

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[str] = []

    def compose(self) -> ComposeResult:
        yield Table[Row](COLUMNS, self.cells)

    def cells(self, row: Row) -> Sequence[Cell]:
        self.drawn.append(row.name)
        return row.name, "2h", Span("note", Tone.WARN)

    @property
    def table(self) -> Table[Row]:
        return self.query_one(Table)

    def text(self) -> list[str]:
        height = self.table.size.height
        return [self.table.render_line(y).text.rstrip() for y in range(height)]


async def test_cursor_stays_on_its_object_while_rows_come_move_and_go() -> None:
    app = Shows()
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show(rows("b", "c", "d"))
        await pilot.press("j")
        assert app.table.selected == Row("uid-c", "c")
        app.table.show(rows("a", "b", "c", "d"))
        await settle(pilot)
        assert app.table.selected == Row("uid-c", "c")
        app.table.show(rows("d", "c"))
        await settle(pilot)
        assert app.table.selected == Row("uid-c", "c")


async def test_when_the_row_under_the_cursor_goes_the_next_one_takes_its_place() -> None:
    app = Shows()
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show(rows("a", "b", "c"))
        await pilot.press("j")
        app.table.show(rows("a", "c"))
        await settle(pilot)
        assert app.table.selected == Row("uid-c", "c")
        app.table.show([])
        await settle(pilot)
        assert app.table.selected is None


async def test_the_cursor_keeps_its_place_on_the_screen_when_rows_appear_above() -> None:
    app = Shows()
    many = [f"n{i:03}" for i in range(200)]
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show(rows(*many))
        await pilot.press("end")
        await pilot.press("up", "up", "up")
        before = next(y for y, line in enumerate(app.text()) if "n196" in line)
        app.table.show(rows(*(f"a{i}" for i in range(5)), *many))
        await settle(pilot)
        after = next(y for y, line in enumerate(app.text()) if "n196" in line)
        assert after == before


async def test_only_rows_in_view_are_drawn() -> None:
    app = Shows()
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show(rows(*(f"n{i:05}" for i in range(10_000))))
        await settle(pilot)
        app.drawn.clear()
        app.table.refresh()
        await settle(pilot)
        assert 0 < len(set(app.drawn)) <= 12
        assert app.table.in_view[0].name == "n00000"


async def test_an_open_row_shows_its_lines_and_the_rows_under_it_move_down() -> None:
    app = Shows()
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show(rows("a", "b", "c"))
        app.table.open("uid-a", [(Span("one"),), (Span("two"),)])
        await settle(pilot)
        assert [line.strip()[:6].strip() for line in app.text()[:6]] == [
            "NAME", "✓ a", "one", "two", "✓ b", "✓ c",
        ]  # fmt: skip
        await pilot.press("j")
        assert app.table.selected == Row("uid-b", "b")
        await pilot.click(Table, offset=(5, 5))
        assert app.table.selected == Row("uid-c", "c")
        app.table.show(rows("b", "c"))
        await settle(pilot)
        assert app.table.opened == ""


async def test_a_health_shows_as_a_mark_and_hostile_text_as_harmless_characters() -> None:
    app = Shows()
    async with app.run_test(size=(60, 12)) as pilot:
        hostile = Row("uid", "\x1b[31m[bold]x", Verdict(Health.BAD, "why"))
        app.table.show([hostile])
        await settle(pilot)
        drawn = app.text()[1]
        assert "✗" in drawn
        assert "\x1b" not in drawn
        assert "[bold]x" in drawn


@pytest.mark.parametrize(
    ("room", "shown"),
    [
        (60, [(0, 20), (1, 4), (2, 12)]),
        (34, [(0, 15), (1, 3), (2, 12)]),
        (20, [(0, 10), (2, 8)]),
        (10, [(0, 10)]),
    ],
)
def test_columns_share_the_room_and_the_least_important_go_first(
    room: int, shown: list[tuple[int, int]]
) -> None:
    places = layout(COLUMNS, [30, 2, 30], room)
    assert [(place.index, place.width) for place in places] == shown


def test_no_column_goes_or_is_cut_while_another_is_wider_than_what_is_in_it() -> None:
    places = [layout(COLUMNS, [6, 2, 12], room) for room in (28, 26, 24, 23)]
    assert [[place.width for place in found] for found in places] == [
        [8, 4, 12],
        [6, 4, 12],
        [6, 3, 11],
        [6, 3, 10],
    ]


def test_a_name_is_shortened_in_the_middle() -> None:
    short = shorten("storefront-79cd5f9f8d-jbfb7", 20)
    assert len(short) == 20
    assert short.startswith("storefront")
    assert short.endswith("jbfb7")
    assert shorten("short", 20) == "short"


@pytest.mark.parametrize(
    ("words", "short"),
    [
        ("Pod batch/reports-664c848cf8-ntfxm", "Pod batch/rep…f8-ntfxm"),
        ("Istio Gateway edge/classic", "Istio Gateway edg…ic"),
        ("Service reviews:80", "Service rev…:80"),
        ("AuthorizationPolicy shop/viewers", "AuthorizationPolicy …"),
        ("called by Service shop/storefront", "called by Service shop/s…"),
    ],
)
def test_a_name_behind_its_kind_is_shortened_in_the_middle_where_it_has_room(
    words: str, short: str
) -> None:
    assert shorten(words, len(short)) == short


@pytest.mark.parametrize(
    ("words", "short"),
    [
        ("edge/absent → 1 listener", "edge/absent → …"),
        ("1 pod was never captured: reports", "1 pod was never…"),
        (" 3 of 4 links seen", " 3 of 4 links s…"),
    ],
)
def test_words_end_where_there_is_no_more_room(words: str, short: str) -> None:
    assert shorten(words, len(short)) == short


async def test_a_column_makes_room_for_rows_that_are_wider_than_those_before() -> None:
    app = Shows()
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show(rows("b", "c"))
        await settle(pilot)
        app.table.show(rows("quite-a-long-name", "c"))
        await settle(pilot)
        assert "quite-a-long-name  " in app.text()[1]


async def test_columns_take_the_width_of_other_rows_where_a_person_asked_for_them() -> None:
    app = Shows()
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show(rows("quite-a-long-name", "c"))
        await settle(pilot)
        wide = app.text()[0].index("AGE")
        app.table.show(rows("c"))
        await settle(pilot)
        assert app.text()[0].index("AGE") == wide, "nothing jumps about by itself"
        app.table.show(rows("c"), others=True)
        await settle(pilot)
        assert app.text()[0].index("AGE") == wide - len("quite-a-long-name") + 8


@pytest.mark.parametrize(
    ("room", "titles", "widths"),
    [
        (27, ["NAME", "AGE", "NOTE"], [9, 6, 8]),  # "127d3h" is never "12…3h"
        (24, ["NAME", "AGE", "NOTE"], [8, 6, 6]),
        (23, ["NAME", "NOTE"], [12, 8]),
    ],
)
def test_numbers_are_whole_or_not_there(room: int, titles: list[str], widths: list[int]) -> None:
    places = layout(COLUMNS, (12, 6, 8), room)
    assert [COLUMNS[place.index].title for place in places] == titles
    assert [place.width for place in places] == widths


def test_a_narrow_column_comes_back_where_a_wide_one_had_to_go() -> None:
    columns = (Column("NAME", 8, 20, 0), Column("NOTE", 12, 20, 1), Column("AGE", 4, 6, 2))
    places = layout(columns, (8, 12, 3), 16)
    assert [columns[place.index].title for place in places] == ["NAME", "AGE"]
