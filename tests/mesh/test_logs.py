"""Logs: several as one by their stamps, and what is kept in a file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshtui.mesh.logs import RANGES, LogLine, Merging, saved

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def said(pod: str, seconds: float | None, text: str = "") -> LogLine:
    at = None if seconds is None else NOON + timedelta(seconds=seconds)
    return LogLine(at, text or f"{pod}{seconds}", pod=pod)


def texts(lines: list[LogLine]) -> list[str]:
    return [line.text for line in lines]


def test_lines_of_several_pods_stand_by_their_stamps_though_they_come_in_another_order() -> None:
    merging = Merging(1.0)
    for line in (said("a", 1), said("a", 4), said("b", 2), said("b", 3)):
        merging.add(line, 0.0)
    assert merging.due(0.9) == [], "another pod may yet say something older"
    assert texts(merging.due(1.0)) == ["a1", "b2", "b3", "a4"]
    assert merging.due(9.0) == []


def test_what_is_older_than_a_line_that_waited_long_enough_goes_before_it() -> None:
    merging = Merging(1.0)
    merging.add(said("a", 5), 0.0)
    merging.add(said("b", 3), 0.9)
    merging.add(said("b", 7), 0.9)
    assert texts(merging.due(1.0)) == ["b3", "a5"]
    assert texts(merging.rest()) == ["b7"]


def test_a_line_without_a_stamp_stays_behind_the_one_before_it_of_its_pod() -> None:
    merging = Merging(1.0)
    for line in (
        said("a", 2, "error: it failed"),
        said("a", None, "  for this reason"),
        said("b", 3),
    ):
        merging.add(line, 0.0)
    merging.add(said("b", 1), 0.0)
    assert texts(merging.due(2.0)) == ["error: it failed", "  for this reason", "b3", "b1"], (
        "and a pod's own order is kept, whatever its stamps say"
    )


@given(st.lists(st.tuples(st.sampled_from("abc"), st.one_of(st.none(), st.integers(0, 50)))))
def test_nothing_is_lost_and_each_pod_keeps_its_order(lines: list[tuple[str, int | None]]) -> None:
    merging, came = Merging(1.0), []
    given_ = [said(pod, at, f"{number}") for number, (pod, at) in enumerate(lines)]
    for number, line in enumerate(given_):
        merging.add(line, number / 3)
        came += merging.due(number / 3)
    came += merging.rest()
    for pod in "abc":
        assert [line for line in came if line.pod == pod] == [
            line for line in given_ if line.pod == pod
        ]


def test_the_ranges_are_those_of_k9s() -> None:
    """Its keys 0 to 6: tail, head, 1m, 5m, 15m, 30m, 1h."""
    assert RANGES["0"].tail == 500
    assert (RANGES["1"].tail, RANGES["1"].since) == (None, None)
    assert [RANGES[key].since for key in "23456"] == [60, 300, 900, 1800, 3600]
    assert set(RANGES) == set("0123456789")


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-5))])
def test_a_saved_line_has_its_stamp_in_utc_and_its_text_as_it_came(zone: timezone) -> None:
    lines = [
        LogLine(NOON.astimezone(zone), "a\tb", pod="shop/a"),
        LogLine(None, "stream cut", notice=True),
    ]
    assert saved(lines) == "2026-11-22T12:00:00.000000Z shop/a a\tb\n-- stream cut\n"
