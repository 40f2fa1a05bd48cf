"""Rates: how counters rose over the time that they were watched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from meshtui.mesh import rates
from meshtui.mesh.rates import MOST, Samples

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def rose(*readings: tuple[float, dict[str, int]]) -> list[rates.Rise[str]]:
    return list(rates.rises([(at(seconds), counters) for seconds, counters in readings]))


def everything(_: str) -> bool:
    return True


def test_a_rate_is_what_was_counted_over_the_time_between_the_readings() -> None:
    proxy = rose((0, {"a": 100}), (15, {"a": 130}), (30, {"a": 130, "b": 30}))
    assert rates.a_second([proxy], everything) == pytest.approx(2.0)
    assert rates.a_second([proxy], lambda key: key == "b") == pytest.approx(1.0)
    assert rates.watched([proxy]) == timedelta(seconds=30)


def test_one_reading_tells_nothing_and_two_that_are_equal_tell_none() -> None:
    assert rates.a_second([rose((0, {"a": 100}))], everything) is None
    assert rates.a_second([], everything) is None
    assert rates.a_second([rose((0, {"a": 1}), (15, {"a": 1}))], everything) == 0


def test_a_proxy_that_began_anew_has_no_rate_over_its_restart() -> None:
    lower = rose((0, {"a": 100}), (15, {"a": 3}), (30, {"a": 18}))
    assert rates.a_second([lower], everything) == pytest.approx(1.0)
    assert rates.watched([lower]) == timedelta(seconds=15)
    gone = rose((0, {"a": 100, "b": 1}), (15, {"a": 101}))
    assert gone == [], "a counter that was printed is printed for as long as a proxy runs"


def test_the_rates_of_several_proxies_add_up_each_over_its_own_time() -> None:
    young = rose((20, {}), (30, {"a": 10}))
    old = rose((0, {"a": 0}), (30, {"a": 60}))
    assert rates.a_second([young, old, []], everything) == pytest.approx(3.0)
    assert rates.watched([young, old]) == timedelta(seconds=30)


def test_a_series_spreads_what_was_counted_and_knows_what_was_not_read() -> None:
    proxy = rose((20, {}), (40, {"a": 20}), (50, {"a": 20}), (60, {"a": 80}))
    found = rates.series([proxy], everything, at(60), buckets=6, width=timedelta(seconds=10))
    assert found[:2] == (None, None)
    assert found[2:] == pytest.approx((1, 1, 0, 6))
    half = rates.series([proxy], everything, at(60), buckets=2, width=timedelta(seconds=20))
    assert half == pytest.approx((1, 3))


def test_readings_are_kept_within_bounds() -> None:
    kept: Samples[str] | None = None
    for number in range(MOST + 10):
        kept = rates.kept(kept, {"a": number}, at(number))
    assert kept is not None
    assert len(kept) == MOST
    assert kept[-1] == (at(MOST + 9), {"a": MOST + 9})
    assert rates.kept(None, {}, NOON) == ((NOON, {}),)


def test_what_no_proxy_counted_is_known_to_be_none_whenever_any_of_them_was_watched() -> None:
    young, old = rose((25, {"a": 1}), (35, {"a": 9})), rose((0, {}), (10, {}), (30, {"b": 5}))
    later = rose((50, {}), (60, {}))
    found = rates.coverage([later, young, [], old])
    assert found == [rates.Rise(at(0), at(35), {}), rates.Rise(at(50), at(60), {})]
    told = rates.series([found], everything, at(60), buckets=6, width=timedelta(seconds=10))
    assert list(told) == [0, 0, 0, 0, None, 0]
    assert rates.a_second([rates.coverage([[], []])], everything) is None
