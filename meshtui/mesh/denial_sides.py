"""Denial sides: a refusal is written by both ztunnels, each with an address of its own for the tunnel, in either order,
and perhaps read long apart: whoever comes second finds the first here, and they are one event."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from meshtui.mesh.access.lines import AccessLine, Direction, End
from meshtui.mesh.access.reasons import CERTIFICATES, Reason

WINDOW = 5.0
"""Seconds between the lines of the two sides: milliseconds, and what the clocks of two nodes differ."""
WAITING = 10_000
"""So many sides are kept that wait for the other; those of the pair that was quiet longest go first."""


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """One refusal, as one side or both tell of it."""

    at: datetime
    source: End
    destination: End
    """Both with the name of the workload."""
    line: AccessLine
    """Of the side that knows the reason."""
    reason: Reason
    policies: tuple[str, ...]
    proxy: str
    """ "namespace/name" of the one that wrote the line."""

    @property
    def inbound(self) -> bool:
        return self.line.direction is Direction.INBOUND

    @property
    def handshake(self) -> bool:
        """Whether TLS failed: each side has its own words for that."""
        return self.reason in CERTIFICATES

    @property
    def is_echo(self) -> bool:
        """Whether the other side knows better: who was called, who calls, or why it was refused."""
        return self.reason.echo or (self.inbound and self.handshake)

    @property
    def has_echo(self) -> bool:
        """Whether the other side may write of it too. In plain text, only the destination does."""
        if self.handshake:
            return not self.inbound
        return self.inbound and bool(self.line.asked)


class _Side(NamedTuple):
    """One that waits. Ordered by time; `number` tells those of one time apart."""

    at: float
    number: int
    asked: str
    inbound: bool
    handshake: bool
    event: Event | None
    """Of an echo alone: a reason has been counted."""


@dataclass(slots=True)
class _Pair:
    """What waits between two addresses."""

    causes: list[_Side] = field(default_factory=list)
    echoes: list[_Side] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.causes) + len(self.echoes)


class Sides:
    """An event that knows its reason counts at once, and later takes in its echo; an echo waits for it."""

    def __init__(self, waiting: int = WAITING) -> None:
        self.forgotten = 0
        self._limit = waiting
        self._pairs: OrderedDict[tuple[str, str], _Pair] = OrderedDict()
        self._size = 0
        self._number = 0

    def add(self, event: Event) -> Iterator[Event]:
        """What is to be counted now: the event itself, echoes that are kept no longer, or nothing."""
        echo = event.is_echo
        if not echo:
            yield event
            if not event.has_echo:
                return
        key = (event.line.source.ip, event.line.destination.address)
        pair = self._pairs.setdefault(key, _Pair())
        self._pairs.move_to_end(key)
        self._number += 1
        side = _Side(
            event.at.timestamp(),
            self._number,
            event.line.asked,
            event.inbound,
            event.handshake,
            event if echo else None,
        )
        if _take(pair.causes if echo else pair.echoes, side):
            self._size -= 1
            return
        insort(pair.echoes if echo else pair.causes, side)
        self._size += 1
        yield from self._bound()

    def waiting(self) -> Iterator[Event]:
        """The echoes whose other side has not come."""
        for pair in self._pairs.values():
            for side in pair.echoes:
                if side.event is not None:
                    yield side.event

    def _bound(self) -> Iterator[Event]:
        """Gives up the pair that was quiet longest, or the older half of the only one."""
        while self._size > self._limit:
            key, pair = next(iter(self._pairs.items()))
            if len(self._pairs) == 1:
                echoes = pair.echoes[: (len(pair.echoes) + 1) // 2]
                causes = pair.causes[: (len(pair.causes) + 1) // 2]
                pair.echoes = pair.echoes[len(echoes) :]
                pair.causes = pair.causes[len(causes) :]
            else:
                echoes, causes = pair.echoes, pair.causes
                del self._pairs[key]
            gone = len(echoes) + len(causes)
            self._size -= gone
            self.forgotten += gone
            yield from (side.event for side in echoes if side.event is not None)


def _take(sides: list[_Side], other: _Side) -> bool:
    """Takes out the other side that is nearest in time; False where there is none within the window."""
    found, least = -1, WINDOW
    for index in range(bisect_left(sides, (other.at - WINDOW,)), len(sides)):
        side = sides[index]
        if side.at - other.at > least:
            break
        if abs(side.at - other.at) <= least and _fit(side, other):
            found, least = index, abs(side.at - other.at)
    if found >= 0:
        del sides[found]
    return found >= 0


def _fit(one: _Side, other: _Side) -> bool:
    """Whether they are the two sides of one connection. A handshake that failed leaves the server without a target."""
    if one.inbound == other.inbound or one.handshake != other.handshake:
        return False
    return one.asked == other.asked or not one.asked or not other.asked
