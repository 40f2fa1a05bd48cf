"""Bars, sparklines and horizons, cell by cell."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshtui.ui.bars import axis, bar, coverage, horizon, sparkline
from meshtui.ui.spans import Tone, text_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("share", "drawn"),
    [
        (0.0, "────────"),
        (0.001, "╸───────"),
        (0.5, "━━━━────"),
        (7 / 8, "━━━━━━━─"),
        (0.99, "━━━━━━━╸"),
        (1.0, "━━━━━━━━"),
        (1.7, "━━━━━━━━"),
        (-1.0, "────────"),
    ],
)
def test_something_is_never_nothing_nor_less_than_all_all(share: float, drawn: str) -> None:
    assert bar(share).text == drawn


def test_only_what_is_missing_stands_out() -> None:
    assert coverage(1.0, Tone.BAD) == (("━━━━━━━━", Tone.MUTED),)
    assert coverage(0.5, Tone.BAD) == (("━━━━", Tone.MUTED), ("────", Tone.BAD))
    assert coverage(0.0, Tone.BAD) == (("────────", Tone.BAD),)


@pytest.mark.parametrize(
    ("series", "drawn"),
    [
        ((), "······"),
        ((0, 0, 0), "···▁▁▁"),
        ((5, 5), "····▄▄"),
        ((0, None, 7), "···▁·▇"),
        ((0, 1, 2, 3, 4, 5, 6, 7), "▁▃▄▅▆▇"),  # the first two have no room; 2 to 7 are left
        ((0, 1, 1000), "···▁▂▇"),
    ],
)
def test_what_is_not_known_is_a_dot_and_never_a_level(
    series: tuple[int | None, ...], drawn: str
) -> None:
    assert text_of(sparkline(series, 6)) == drawn


def test_a_horizon_runs_from_now_to_ten_years() -> None:
    def at(left: timedelta) -> int:
        return text_of(horizon(left, 61)).index("●")

    ticks = [HOUR, DAY, 7 * DAY, 30 * DAY, 365 * DAY, 3650 * DAY]
    assert [at(each) for each in ticks] == [10, 20, 30, 40, 50, 60]
    assert at(timedelta()) == at(-DAY) == 0
    assert at(8000 * DAY) == 60
    assert at(timedelta(minutes=30)) == 5


def test_its_labels_stand_over_their_places() -> None:
    (line,) = axis(61)
    assert [line.text.index(each) for each in ("now", "1h", "1d", "7d", "30d", "1y")] == [
        *(0, 10, 20, 30, 40, 50)
    ]
    assert line.text.endswith("10y")


@given(st.integers(0, 200), st.integers(-(10**6), 10**10))
def test_all_are_as_wide_as_they_should_be(width: int, seconds: int) -> None:
    assert len(text_of(sparkline((1, None, 3), width))) == width
    if width:
        assert len(text_of(horizon(timedelta(seconds=seconds), width))) == width
    if width > 10:
        assert len(text_of(axis(width))) == width
