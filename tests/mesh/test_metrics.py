"""A ztunnel's metrics: the recorded ones, and what they tell of its connection to istiod."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshtui.mesh import metrics
from meshtui.mesh.health import Health
from meshtui.mesh.metrics import Metrics
from tests.recordings import Recording


@pytest.mark.parametrize(
    ("name", "node", "active"),
    [("shop", "node-1", 6), ("shop", "node-2", 5), ("acme", "node-1", 5), ("no-ca", "node-1", 5)],
)
def test_recorded_metrics(name: str, node: str, active: int) -> None:
    read = metrics.read_metrics(Recording(name).metrics(node))
    assert (read.active, read.pending) == (active, 0)
    assert read.messages == 2
    assert read.terminations == {}
    assert read.version == "unknown"


def test_metrics_without_istiod() -> None:
    read = metrics.read_metrics(Recording("no-istiod").metrics("node-1"))
    assert read.terminations == {"ConnectionError": 10, "Reconnect": 1}
    assert read.active == 5


def test_a_release_tells_its_version() -> None:
    body = b'# TYPE istio_build gauge\nistio_build{component="ztunnel",tag="1.31.0"} 1\n# EOF\n'
    read = metrics.read_metrics(body)
    assert read == Metrics(version="1.31.0")
    assert read.active is None  # not printed is unknown for a gauge, not 0


@pytest.mark.parametrize("body", [b"", b"<html>", b"# EOF\n", b"\xff\x00", b"up 1\n"])
def test_an_answer_of_another_kind_is_unreadable(body: bytes) -> None:
    with pytest.raises(ValueError, match="no metrics of a ztunnel"):
        metrics.read_metrics(body)


@given(st.binary(max_size=200))
@settings(deadline=None, derandomize=True)
def test_no_bytes_crash_the_reader(tail: bytes) -> None:
    metrics.read_metrics(Recording("shop").metrics("node-2") + tail)


LOST = {"ConnectionError": 10, "Reconnect": 1}


@pytest.mark.parametrize(
    ("now", "before", "health", "words"),
    [
        (Metrics(messages=2), None, Health.OK, "no attempt to reach istiod has failed"),
        (Metrics(), None, Health.BAD, "received nothing from istiod"),
        # the normal recycling of a connection
        (Metrics(messages=4, terminations={"Reconnect": 3}), None, Health.OK, "no attempt"),
        # one reading cannot tell "once, long ago" from "now"
        (Metrics(messages=2, terminations=LOST), None, Health.UNKNOWN, "10 attempts to reach"),
        (
            Metrics(messages=2, terminations=LOST),
            Metrics(messages=2, terminations={"ConnectionError": 7, "Reconnect": 1}),
            *(Health.BAD, "3 attempts to reach istiod failed since the last reading"),
        ),
        (
            Metrics(messages=2, terminations={"ConnectionError": 1}),
            Metrics(messages=2),
            *(Health.BAD, "1 attempt to reach istiod failed since the last reading"),
        ),
        (
            Metrics(messages=3, terminations=LOST),
            Metrics(messages=2, terminations=LOST),
            *(Health.OK, ""),
        ),
        # counters start anew with the process: fewer is a restart, not a rate
        (
            Metrics(messages=1, terminations={"ConnectionError": 1}),
            Metrics(messages=2, terminations=LOST),
            *(Health.UNKNOWN, "restarted"),
        ),
    ],
)
def test_connected(now: Metrics, before: Metrics | None, health: Health, words: str) -> None:
    verdict = metrics.connected(now, before)
    assert verdict.health is health
    assert words in verdict.reason
