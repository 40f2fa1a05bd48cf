"""Sweep: what is read next, and how much."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from meshtui.kube.pace import Pace
from meshtui.kube.sweep import Budget, Counts, Ztunnel, due
from meshtui.mesh.snapshot import Probe

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PACE = Pace()


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def ztunnel(name: str) -> Ztunnel:
    """One that was read a moment ago and whose counts agree."""
    return Ztunnel(
        metrics=Probe("istio-system", name, 15020, "/metrics", len),
        dump=Probe("istio-system", name, 15000, "/config_dump", len),
        counts=Counts(5, 5),
        counts_at_dump=Counts(5, 5),
        metrics_tried=ago(1),
        dump_tried=ago(1),
    )


def read_next(*ztunnels: Ztunnel) -> list[str]:
    return [f"{probe.pod}{probe.path}" for probe in due(ztunnels, NOW, PACE)]


def test_what_was_just_read_and_agrees_is_left_alone() -> None:
    assert read_next(ztunnel("a")) == []


def test_a_new_ztunnel_is_read_whole_its_metrics_first() -> None:
    new = replace(
        ztunnel("a"), counts=None, counts_at_dump=None, metrics_tried=None, dump_tried=None
    )
    assert read_next(new) == ["a/metrics"]
    assert read_next(replace(new, metrics_tried=ago(1))) == ["a/config_dump"]


def test_metrics_are_read_every_minute_and_dumps_every_ten() -> None:
    assert read_next(replace(ztunnel("a"), metrics_tried=ago(60))) == ["a/metrics"]
    assert read_next(replace(ztunnel("a"), metrics_tried=ago(59))) == []
    assert read_next(replace(ztunnel("a"), dump_tried=ago(600))) == ["a/config_dump"]
    assert read_next(replace(ztunnel("a"), dump_tried=ago(599))) == []


@pytest.mark.parametrize(
    ("counts", "at_dump", "read"),
    [
        (Counts(4, 5), Counts(5, 5), True),
        (Counts(5, 6), Counts(5, 5), True),
        (Counts(4, 5), Counts(4, 5), False),  # a ghost that the last dump has shown already
        (Counts(4, 6), Counts(4, 5), True),
        (Counts(4, 5), None, True),
        (Counts(6, 6), Counts(5, 5), False),
        (Counts(5, 5), Counts(4, 5), True),  # the last dump was read while a pod was on its way
        (None, Counts(5, 5), False),
    ],
)
def test_a_dump_is_read_where_the_counts_disagree_and_changed_since_the_last_one(
    counts: Counts | None, at_dump: Counts | None, read: bool
) -> None:
    found = read_next(replace(ztunnel("a"), counts=counts, counts_at_dump=at_dump))
    assert found == (["a/config_dump"] if read else [])


def test_counts_that_disagree_are_looked_at_again_soon_after_the_dump_and_then_ever_more_seldom() -> (
    None
):
    waiting = replace(ztunnel("a"), counts=Counts(4, 5), counts_at_dump=Counts(4, 5))
    looked: list[datetime] = []
    for second in range(1, 61):
        now = ago(0) + timedelta(seconds=second)
        at_dump = replace(waiting, dump_tried=NOW, metrics_tried=looked[-1] if looked else ago(50))
        if at_dump.metrics in due([at_dump], now, PACE):
            looked.append(now)
    assert [int((each - NOW).total_seconds()) for each in looked] == [3, 6, 12, 24, 48]


def test_without_counts_a_dump_is_read_where_a_pod_has_changed_since_but_not_more_often_than_on_screen() -> (
    None
):
    narrow = replace(ztunnel("a"), counts=None, counts_at_dump=None, dump_tried=ago(PACE.probe))
    assert read_next(narrow) == []
    assert read_next(replace(narrow, behind=True)) == ["a/config_dump"]
    assert read_next(replace(narrow, behind=True, dump_tried=ago(PACE.probe - 1))) == []
    assert read_next(replace(narrow, behind=True, refused=True)) == []


def test_a_dump_with_another_number_of_pods_than_the_counts_agree_on_is_read_again_but_no_sooner_than_on_screen() -> (
    None
):
    outdated = replace(ztunnel("a"), outdated=True)
    assert read_next(outdated) == []
    assert read_next(replace(outdated, dump_tried=ago(PACE.probe))) == ["a/config_dump"]
    assert read_next(replace(outdated, dump_tried=ago(PACE.probe), refused=True)) == []
    urgent = replace(ztunnel("b"), counts=Counts(4, 5))
    assert read_next(replace(outdated, dump_tried=ago(PACE.probe)), urgent) == [
        "b/config_dump",
        "a/config_dump",
    ]


def test_disagreement_comes_first_then_metrics_then_new_dumps_then_the_slow_round() -> None:
    disagrees = replace(ztunnel("disagrees"), counts=Counts(4, 5))
    quiet = replace(ztunnel("quiet"), metrics_tried=ago(100))
    quieter = replace(ztunnel("quieter"), metrics_tried=ago(200))
    new = replace(ztunnel("new"), dump_tried=None)
    old = replace(ztunnel("old"), dump_tried=ago(700))
    older = replace(ztunnel("older"), dump_tried=ago(900))
    assert read_next(old, older, new, quiet, quieter, disagrees) == [
        "disagrees/config_dump",
        "quieter/metrics",
        "quiet/metrics",
        "new/config_dump",
        "older/config_dump",
        "old/config_dump",
    ]


def test_what_is_forbidden_is_not_tried_every_minute() -> None:
    refused = replace(ztunnel("a"), refused=True, counts=Counts(4, 5), metrics_tried=ago(500))
    assert read_next(refused) == []
    assert read_next(replace(refused, metrics_tried=ago(600))) == ["a/metrics"]


def test_what_failed_is_tried_again_soon_and_then_ever_more_seldom() -> None:
    """A ztunnel that starts refuses at first: waiting for the slow round, it would be unknown for ten minutes."""
    failed = replace(ztunnel("a"), dump_failed=1, dump_tried=ago(2))
    assert read_next(failed) == []
    assert read_next(replace(failed, dump_tried=ago(4))) == ["a/config_dump"]
    assert read_next(replace(failed, dump_tried=ago(4), dump_failed=3)) == []
    assert read_next(replace(failed, dump_tried=ago(13), dump_failed=3)) == ["a/config_dump"]
    often = replace(ztunnel("a"), dump_failed=30, dump_tried=ago(601))
    assert read_next(often) == ["a/config_dump"], "never more seldom than the slow round"
    assert read_next(replace(ztunnel("a"), metrics_failed=1, metrics_tried=ago(4))) == ["a/metrics"]
    assert read_next(replace(failed, dump_tried=ago(300), refused=True)) == []


def test_the_budget_holds_over_time() -> None:
    """2 MB a second, one second's worth in advance; whatever was expected of a reading, what it cost counts."""
    budget = Budget(2_000_000)
    budget.spend(500_000, 100.0)
    assert budget.allows(100.0)
    budget.spend(8_500_000, 100.0)
    assert not budget.allows(103.4)
    assert budget.allows(103.6)
    budget.spend(9_000_000, 200.0)
    budget.spend(-8_900_000, 200.1)
    assert budget.allows(200.1)
