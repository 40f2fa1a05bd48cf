"""When a certificate is due, late and critical, by the rules of doctor-rules.md (AMB-035, AMB-036)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshtui.mesh.health import Health
from meshtui.mesh.life import Renewal, Span, judge, life, terms

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def at(days: float, renewal: Renewal, passed: timedelta) -> Health:
    span = Span(START, START + timedelta(days=days))
    return life(span, START + passed, renewal).verdict.health


@pytest.mark.parametrize(
    ("passed", "health"),
    [
        (timedelta(seconds=-1), Health.BAD),  # not valid yet
        (timedelta(), Health.OK),
        (timedelta(hours=12, minutes=9), Health.OK),  # due nine minutes ago
        (timedelta(hours=12, minutes=11), Health.WARN),  # late by more than some minutes
        (timedelta(hours=17, minutes=59), Health.WARN),
        (timedelta(hours=18), Health.BAD),  # a quarter left
        (timedelta(hours=24), Health.BAD),
    ],
)
def test_a_workload_certificate_of_a_day(passed: timedelta, health: Health) -> None:
    assert at(1, Renewal.HALF, passed) is health


@pytest.mark.parametrize(
    ("left", "health"),
    [(91, Health.OK), (90, Health.WARN), (30, Health.WARN), (7.1, Health.WARN), (7, Health.BAD)],
)
def test_a_ca_that_a_person_renews(left: float, health: Health) -> None:
    assert at(730, Renewal.CA_BY_HAND, timedelta(days=730 - left)) is health


@pytest.mark.parametrize(("left", "health"), [(31, Health.OK), (30, Health.WARN), (7, Health.BAD)])
def test_a_gateway_certificate_that_a_person_renews(left: float, health: Health) -> None:
    assert at(365, Renewal.HAND, timedelta(days=365 - left)) is health


def test_a_short_life_is_judged_by_its_parts() -> None:
    """A gateway certificate of 44 days, 6 days before its end: soon, yet not critical."""
    assert at(44, Renewal.HAND, timedelta(days=38)) is Health.WARN
    assert at(20, Renewal.HAND, timedelta(days=1)) is Health.OK


def test_istiods_own_root_is_renewed_in_the_last_fifth() -> None:
    assert at(3650, Renewal.ISTIOD, timedelta(days=2919)) is Health.OK
    assert at(3650, Renewal.ISTIOD, timedelta(days=2922)) is Health.WARN


def test_what_is_left_and_what_is_late() -> None:
    found = life(
        Span(START, START + timedelta(hours=24)), START + timedelta(hours=13), Renewal.HALF
    )
    assert found.left == pytest.approx(11 / 24)
    assert found.expires_in == timedelta(hours=11)
    assert found.due == START + timedelta(hours=12)
    assert found.late_by == timedelta(hours=1)
    assert found.past_half
    assert "2026-11-23 00:00 UTC" in found.verdict.reason


def test_the_end_before_the_beginning_is_no_life_at_all() -> None:
    found = life(Span(START, START - timedelta(hours=1)), START, Renewal.HALF)
    assert (found.left, found.verdict.health) == (0.0, Health.BAD)


moments = st.datetimes(timezones=st.just(UTC))


@given(moments, moments, moments, st.sampled_from(Renewal))
def test_health_changes_at_the_start_and_at_the_terms_only(
    start: datetime, end: datetime, now: datetime, renewal: Renewal
) -> None:
    when = terms(start, end, renewal)
    assert when.due <= when.late <= when.critical <= when.end
    changes = sorted(each for each in (start, when.late, when.critical, when.end) if each <= now)
    if changes:
        assert judge(start, end, now, renewal) == judge(start, end, changes[-1], renewal)
    assert 0 <= life(Span(start, end), now, renewal).left <= 1
