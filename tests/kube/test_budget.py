"""How much was asked of the API server in the last minute."""

from __future__ import annotations

from meshtui.kube.budget import Sent


def test_what_is_a_minute_old_counts_no_more() -> None:
    sent = Sent()
    assert sent.count(1000.0) == 0
    for at in (1000.0, 1000.5, 1030.0, 1059.9):
        sent.add(at)
    assert sent.count(1059.9) == 4
    assert sent.count(1060.0) == 3
    sent.add(1060.4)
    assert sent.count(1060.5) == 3
    assert sent.count(1120.4) == 0


def test_it_keeps_no_more_than_a_minute_though_nobody_asks() -> None:
    sent = Sent()
    for second in range(1000):
        sent.add(float(second))
    assert len(sent._times) == 60
