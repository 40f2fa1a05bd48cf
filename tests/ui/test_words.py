"""The small pure parts of the screen: ages, wrapping, cleaning, completion."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshtui.ui import commands, times
from meshtui.ui.columns import Column
from meshtui.ui.commands import Command
from meshtui.ui.detail import Grid, Section, render, wrap
from meshtui.ui.spans import Span, Tone, plain, text_of


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [  # the table of k8s.io/apimachinery/pkg/util/duration, TestHumanDuration
        (1, "1s"),
        (70, "70s"),
        (190, "3m10s"),
        (70 * 60, "70m"),
        (47 * 3600, "47h"),
        (49 * 3600, "2d1h"),
        ((8 * 24 + 2) * 3600, "8d"),
        (367 * 24 * 3600, "367d"),
        ((365 * 2 + 25) * 24 * 3600, "2y25d"),
        ((365 * 8 + 2) * 24 * 3600, "8y"),
    ],
)
def test_ages_read_as_those_of_kubectl(seconds: int, shown: str) -> None:
    assert times.duration(timedelta(seconds=seconds)) == shown


@pytest.mark.parametrize(
    ("what", "hours", "columns", "words"),
    [
        ("renews", 9, ("9h", "renews"), "renews in 9h"),
        ("renews", -10, ("10h", "late"), "10h late"),
        ("expires", -72, ("3d", "expired"), "expired 3d ago"),
        ("out of support", -72, ("3d", "out of support"), "out of support 3d ago"),
    ],
)
def test_what_is_overdue_is_called_so(
    what: str, hours: int, columns: tuple[str, str], words: str
) -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    moment = now + timedelta(hours=hours)
    assert times.due(what, moment, now) == columns
    assert times.coming(what, moment, now) == words


def test_text_is_wrapped_between_words_and_indented_under_its_label() -> None:
    line = (Span("wanted     ", Tone.MUTED), Span("label of namespace shop says ambient"))
    assert [text_of(each) for each in wrap(line, 30, hang=11)] == [
        "wanted     label of namespace",
        "           shop says ambient",
    ]


def test_a_word_longer_than_the_line_is_broken() -> None:
    assert [text_of(each) for each in wrap((Span("a" * 25),), 10)] == ["a" * 10, "a" * 10, "a" * 5]


def test_the_message_of_an_event_goes_on_under_itself() -> None:
    columns = (Column("SEEN", 5, 8, right=True), Column("MESSAGE", 8, 400))
    grid = Grid(columns, [("4m", "Successfully assigned shop/cart to node-1"), ("12m", "Started")])
    lines = render(None, [Section("", [grid])], 30)
    assert [text_of(each).rstrip() for each in lines] == [
        "SEEN  MESSAGE",
        "  4m  Successfully assigned",
        "      shop/cart to node-1",
        " 12m  Started",
    ]


def test_a_column_that_is_empty_in_all_rows_is_left_out() -> None:
    columns = (Column("POD", 4, 40), Column("WAYPOINT", 8, 40), Column("BY", 2, 6))
    grid = Grid(columns, [("cart", "", "HBONE"), ("a-longer-name", "", "TCP")])
    assert [text_of(each).rstrip() for each in render(None, [Section("", [grid])], 30)] == [
        "POD            BY",
        "cart           HBONE",
        "a-longer-name  TCP",
    ]


@given(st.text(), st.integers(1, 60), st.integers(0, 20))
def test_wrapping_loses_no_word(text: str, width: int, hang: int) -> None:
    wrapped = wrap((Span(text),), width, hang)
    assert "".join(text_of(each) for each in wrapped).replace(" ", "") == text.replace(" ", "")


@given(st.text())
def test_nothing_that_is_drawn_can_steer_a_terminal(text: str) -> None:
    drawn = plain(text)
    assert len(drawn) == len(text)
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 or "\u202a" <= c <= "\u202e" for c in drawn)


def _nowhere(_: str) -> None:
    pass


COMMANDS = [
    Command(("workloads", "wl"), "", _nowhere),
    Command(("namespaces",), "", _nowhere),
    Command(("ns",), "", _nowhere, lambda: ["shop", "payments", "shopping"]),
    Command(("ztunnels", "zt"), "", _nowhere),
]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("ns", ["ns", "namespaces", "ztunnels"]),
        ("zt", ["ztunnels"]),
        ("work", ["workloads"]),
        ("ns sh", ["ns shop", "ns shopping"]),
        ("ns payments,sh", ["ns payments,shop", "ns payments,shopping"]),
        ("xyz", []),
    ],
)
def test_completion_ranks_what_fits_best_first(typed: str, offered: list[str]) -> None:
    assert [each.text for each in commands.complete(COMMANDS, typed)] == offered


CLOSED = Command(("ctx",), "", _nowhere, lambda: ["prod", "test"], closed=True)


@pytest.mark.parametrize(
    ("typed", "whole"),
    [
        ("ns", True),
        ("work", False),
        ("ns shop", True),
        ("ns sh", True),  # it may be one that may not be listed
        ("ctx", True),
        ("ctx test", True),
        ("ctx te", False),
        ("nope te", True),
    ],
)
def test_a_completion_replaces_only_what_cannot_be_meant(typed: str, whole: bool) -> None:
    assert commands.is_whole([*COMMANDS, CLOSED], typed) is whole
