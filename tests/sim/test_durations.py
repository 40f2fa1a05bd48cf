"""Durations read as kubectl's do; the cases are those of apimachinery's `duration_test.go`."""

from datetime import UTC, datetime, timedelta

import pytest

from meshtui.sim.durations import human, since
from meshtui.sim.objects import Raw
from meshtui.sim.podcells import pod_cells

S, M, H, D = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
Y = 365 * D


@pytest.mark.parametrize(
    ("duration", "said"),
    [
        (S, "1s"),
        (70 * S, "70s"),
        (190 * S, "3m10s"),
        (70 * M, "70m"),
        (47 * H, "47h"),
        (49 * H, "2d1h"),
        (8 * D + 2 * H, "8d"),
        (367 * D, "367d"),
        (2 * Y + 25 * D, "2y25d"),
        (8 * Y + 2 * D, "8y"),
        (2 * M - timedelta(milliseconds=1), "119s"),
        (2 * M, "2m"),
        (10 * M + S, "10m"),
        (3 * H, "3h"),
        (3 * H + 10 * M, "3h10m"),
        (8 * H + 2 * M, "8h"),
        (2 * D, "2d"),
        (8 * D - timedelta(milliseconds=1), "7d23h"),
        (0 * S, "0s"),
        (-S, "0s"),
        (-2 * S, "<invalid>"),
    ],
)
def test_human(duration: timedelta, said: str) -> None:
    assert human(duration) == said


def test_nobody_knows_when() -> None:
    assert since(None, datetime.now(UTC)) == since("soon", datetime.now(UTC)) == "<unknown>"


def test_a_pod_says_when_it_was_restarted_last() -> None:
    """As kube-apiserver 1.36.3 printed it on 2026-11-25: "3 (20y ago)"."""
    terminated = {"exitCode": 1, "finishedAt": "2006-01-02T15:04:05Z"}
    status: Raw = {"name": "app", "ready": True, "restartCount": 3, "state": {"running": {}}}
    pod: Raw = {
        "spec": {"containers": [{"name": "app"}]},
        "status": {
            "phase": "Running",
            "containerStatuses": [{**status, "lastState": {"terminated": terminated}}],
        },
    }
    now = datetime(2026, 11, 25, tzinfo=UTC)
    assert pod_cells(pod, now) == ("1/1", "Running", "3 (20y ago)")
