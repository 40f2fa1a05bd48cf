"""Sweep: reading the ztunnels of all nodes in turn, within a budget, so that a verdict need not wait for a glance.

A dump of a large mesh has 9 MB and there is one on every node. So each node's `/metrics`, which are small, say how many
pods it proxies; where that is not the number of pods annotated there, the dump is read soon, and else in a slow round.
Mostly the two numbers are on their way to agree, and a dump that was read before they did shows half of it: so the
metrics are read again soon after it, and the dump once more when the numbers have changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from meshtui.kube.pace import Pace
from meshtui.mesh.snapshot import Probe


class Counts(Struct, frozen=True):
    """Whether a node's dump is worth a look: two numbers that should be equal."""

    proxied: int
    annotated: int


class Ztunnel(Struct, frozen=True):
    """What the sweep goes by, for one ztunnel."""

    metrics: Probe
    dump: Probe
    counts: Counts | None
    """None while either number is unknown."""
    counts_at_dump: Counts | None
    """Those that the last dump was read at."""
    metrics_tried: datetime | None
    """When last read, or tried in vain."""
    dump_tried: datetime | None
    behind: bool = False
    """A pod that was captured there has changed since the dump; asked where not all pods of the node are known, so that
    there are no counts."""
    outdated: bool = False
    """The counts agree, and the dump has another number of pods: it was read while they came and went."""
    metrics_failed: int = 0
    """How often they were asked in vain in a row, and `dump_failed` the dump: one that starts refuses at first."""
    dump_failed: int = 0
    refused: bool = False
    """The last try was forbidden: it is not repeated soon, since each is a line in the cluster's audit log."""

    @property
    def doubtful(self) -> bool:
        """Whether its pods are changing, or it lacks some: what its dump says is waited for."""
        return self.behind or _disagree(self.counts) or _disagree(self.counts_at_dump)


def due(ztunnels: Iterable[Ztunnel], now: datetime, pace: Pace) -> list[Probe]:
    """What to read now, the most urgent first: dumps where the counts disagree; metrics; dumps never read, once the
    metrics are known, so that they need not be read twice; the slow round, where outdated ones come sooner. Within each
    what was tried longest ago."""
    every = list(ztunnels)
    # Metrics alone may take half of the budget at most, or no dump would ever be read of a very large mesh.
    often = max(pace.sweep_metrics, 2 * len(every) * pace.sweep_ask / pace.sweep_rate)
    urgent = [
        (rank, tried.timestamp() if tried else 0.0, probe)
        for ztunnel in every
        for rank, tried, probe in _due(ztunnel, now, often, pace)
    ]
    return [probe for _, _, probe in sorted(urgent, key=lambda each: each[:2])]


def _due(
    ztunnel: Ztunnel, now: datetime, often: float, pace: Pace
) -> Iterable[tuple[int, datetime | None, Probe]]:
    def old(tried: datetime | None, seconds: float, failed: int) -> bool:
        if failed and not ztunnel.refused:
            seconds = min(seconds, pace.sweep_again * 2.0 ** min(failed - 1, 16))
        return tried is None or now - tried >= timedelta(seconds=seconds)

    counts, at_dump = ztunnel.counts, ztunnel.counts_at_dump
    doubtful = not ztunnel.refused and (_disagree(counts) or _disagree(at_dump))
    often = pace.sweep_dump if ztunnel.refused else often
    if old(ztunnel.metrics_tried, often, ztunnel.metrics_failed) or (
        doubtful and counts == at_dump and _again(ztunnel, now, pace)
    ):
        yield 1, ztunnel.metrics_tried, ztunnel.metrics
    moved = doubtful and counts is not None and counts != at_dump
    lagging = ztunnel.behind and not ztunnel.refused
    behind = lagging and old(ztunnel.dump_tried, pace.probe, ztunnel.dump_failed)
    if moved or behind:
        yield 0, ztunnel.dump_tried, ztunnel.dump
        return
    rest = pace.probe if ztunnel.outdated and not ztunnel.refused else pace.sweep_dump
    if ztunnel.metrics_tried and old(ztunnel.dump_tried, rest, ztunnel.dump_failed):
        yield 2 if ztunnel.dump_tried is None else 3, ztunnel.dump_tried, ztunnel.dump


def _disagree(counts: Counts | None) -> bool:
    return counts is not None and counts.proxied != counts.annotated


def _again(ztunnel: Ztunnel, now: datetime, pace: Pace) -> bool:
    """Whether to look, after the dump, if the counts have changed since: soon, and then after twice as long each time,
    since a ghost never changes them."""
    metrics, dump = ztunnel.metrics_tried, ztunnel.dump_tried
    if metrics is None or dump is None:
        return False
    return now - max(metrics, dump) >= max(timedelta(seconds=pace.sweep_again), metrics - dump)


class Budget:
    """So many bytes a second on average, a second's worth in advance. What a reading may cost is set aside when it
    starts, and settled after."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._paid_at = 0.0

    def allows(self, now: float) -> bool:
        """Whether another reading may start, `now` in seconds on any clock that only rises."""
        return now >= self._paid_at - 1.0

    def spend(self, size: int, now: float) -> None:
        """So many bytes are read, or set aside; less than nothing gives some back."""
        self._paid_at = max(self._paid_at, now) + size / self._rate
