"""Rates: how counters rose over the time that they were watched.

A counter that was never raised is not printed, so one that is missing in a reading is 0. One that is lower than before
began anew: its proxy was restarted, and what it counted in between is not known (doctor-rules.md, H7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, pairwise
from operator import attrgetter
from typing import Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

K = TypeVar("K")

MOST = 40
"""So many readings are kept of a proxy: ten minutes of those that are asked every 15 seconds."""

Samples = Sequence[tuple[datetime, Mapping[K, int]]]
"""Readings, oldest first."""


def kept(before: Samples[K] | None, counters: Mapping[K, int], now: datetime) -> Samples[K]:
    """The readings with a new one, as a probe's `keep` has it."""
    return (*(before or ())[1 - MOST :], (now, counters))


class Rise(Struct, Generic[K], frozen=True):
    """How the counters of one proxy rose between two readings."""

    begin: datetime
    end: datetime
    counters: Mapping[K, int]
    """Those that rose, and by how much."""


def rises(samples: Samples[K]) -> Iterator[Rise[K]]:
    """From each reading to the next; none over a restart of the proxy."""
    for (begin, before), (end, now) in pairwise(samples):
        risen = {key: count - before.get(key, 0) for key, count in now.items()}
        lost = any(key not in now for key in before)
        if end > begin and not lost and all(each >= 0 for each in risen.values()):
            yield Rise(begin, end, {key: each for key, each in risen.items() if each})


def coverage(proxies: Sequence[Sequence[Rise[K]]]) -> Sequence[Rise[K]]:
    """The times in which any of them was watched, each once and without counters: what there is of a counter that rose
    at none of them."""
    found: list[Rise[K]] = []
    for rise in sorted(chain.from_iterable(proxies), key=attrgetter("begin")):
        if not found or found[-1].end < rise.begin:
            found.append(replace(rise, counters={}))
        elif found[-1].end < rise.end:
            found[-1] = replace(found[-1], end=rise.end)
    return found


def watched(proxies: Sequence[Sequence[Rise[K]]]) -> timedelta:
    """Over how long the rates are: of the proxy that was watched longest."""
    return max((_length(each) for each in proxies), default=timedelta())


def a_second(proxies: Sequence[Sequence[Rise[K]]], wanted: Callable[[K], bool]) -> float | None:
    """How often a second what is wanted was counted by all of them; None where none was read twice."""
    found = [each for each in proxies if each]
    if not found:
        return None
    return sum(
        sum(_counted(rise, wanted) for rise in each) / _length(each).total_seconds()
        for each in found
    )


def series(
    proxies: Sequence[Sequence[Rise[K]]],
    wanted: Callable[[K], bool],
    now: datetime,
    *,
    buckets: int,
    width: timedelta,
) -> tuple[float | None, ...]:
    """The same for each of the last `buckets` times of this `width`, oldest first; None where nothing was read then.
    What was counted between two readings is spread evenly over the time between them."""
    totals: list[float | None] = [None] * buckets
    start = now - buckets * width
    for rise in (rise for each in proxies for rise in each):
        rate = _counted(rise, wanted) / (rise.end - rise.begin).total_seconds()
        first = max(0, (rise.begin - start) // width)
        last = min(buckets - 1, (rise.end - start) // width)
        for index in range(first, last + 1):
            begin = start + index * width
            shared = min(rise.end, begin + width) - max(rise.begin, begin)
            if shared > timedelta():
                totals[index] = (totals[index] or 0.0) + rate * (shared / width)
    return tuple(totals)


def _counted(rise: Rise[K], wanted: Callable[[K], bool]) -> int:
    return sum(count for key, count in rise.counters.items() if wanted(key))


def _length(rises_: Sequence[Rise[K]]) -> timedelta:
    return sum((each.end - each.begin for each in rises_), timedelta())
