"""Denial sides: a refusal is written by both ztunnels, each with an address of its own for the tunnel, in either order,
and perhaps read long apart: whoever comes second finds the first here, and they are one event."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct, field

from meshtui.mesh.access.lines import AccessLine, Direction, End
from meshtui.mesh.access.reasons import CERTIFICATES, Reason

WINDOW = 5.0
"""Seconds between the lines of the two sides: milliseconds, and what the clocks of two nodes differ."""
WAITING = 10_000
"""So many sides are kept that wait for the other; those of the pair that was quiet longest go first."""


class Event(Struct, frozen=True, eq=False):
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
    written: list[tuple[str, str]] = field(default_factory=list)
    """The proxy and its line as it stands in its log; once the other side has come, its own behind it."""

    @property
    def key(self) -> str:
        """The same for all of one source, one destination and one reason."""
        return f"{self.caller} {self.called}:{self.line.port} {self.reason.code}"

    @property
    def caller(self) -> str:
        """ "namespace/workload", or the address."""
        return named(self.source)

    @property
    def called(self) -> str:
        """What was meant: the Service, where a waypoint stands before it; else the workload."""
        line = self.line
        if line.through or line.direction is Direction.BETWEEN or not self.destination.workload:
            return line.service or line.asked or self.destination.ip
        return named(self.destination)

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


def named(end: End) -> str:
    """ "namespace/workload", or the address alone, without the port that each connection has of its own."""
    return f"{end.namespace}/{end.workload}" if end.workload else end.ip


class _Side(NamedTuple):
    """One that waits. Ordered by time; `number` tells those of one time apart."""

    at: float
    number: int
    asked: str
    inbound: bool
    handshake: bool
    key: str
    written: list[tuple[str, str]]
    """Both of its event, which is not kept itself where it has been counted."""


class _Pair(Struct):
    """What waits between two addresses."""

    causes: list[_Side] = field(default_factory=list)
    echoes: list[_Side] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.causes) + len(self.echoes)


class Sides:
    """An event that knows its reason counts at once, and later takes in its echo; an echo waits for it."""

    def __init__(self, waiting: int = WAITING) -> None:
        self.forgotten = 0
        self.changed: set[str] = set()
        """Keys of events of which another side has come, or is waited for; whoever reads it empties it."""
        self._waiting: dict[str, dict[int, Event]] = {}
        """Echoes by their key, then by the number of their side."""
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
            event.key,
            event.written,
        )
        found = _take(pair.causes if echo else pair.echoes, side)
        if found is not None:
            self._size -= 1
            if not len(pair):
                del self._pairs[key]
            if echo:
                self._meet(side, found)
            else:
                self._meet(found, side)
            return
        if echo:
            self._waiting.setdefault(side.key, {})[side.number] = event
            self.changed.add(side.key)
        insort(pair.echoes if echo else pair.causes, side)
        self._size += 1
        yield from self._bound()

    def waiting(self, key: str) -> Collection[Event]:
        """The echoes of a key whose other side has not come."""
        return self._waiting.get(key, {}).values()

    def _meet(self, echo: _Side, cause: _Side) -> None:
        """They are the two sides of one: the cause counts, and has what the echo says."""
        cause.written.extend(echo.written)
        self.changed.add(cause.key)
        self._no_longer(echo)

    def _no_longer(self, echo: _Side) -> Event | None:
        """The echo does not wait any more; None where it never did."""
        waiting = self._waiting.get(echo.key, {})
        event = waiting.pop(echo.number, None)
        if event is not None:
            self.changed.add(echo.key)
            if not waiting:
                del self._waiting[echo.key]
        return event

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
            yield from filter(None, map(self._no_longer, echoes))


def _take(sides: list[_Side], other: _Side) -> _Side | None:
    """Takes out the other side that is nearest in time; None where there is none within the window."""
    found, least = -1, WINDOW
    for index in range(bisect_left(sides, (other.at - WINDOW,)), len(sides)):
        side = sides[index]
        if side.at - other.at > least:
            break
        if abs(side.at - other.at) <= least and _fit(side, other):
            found, least = index, abs(side.at - other.at)
    return sides.pop(found) if found >= 0 else None


def _fit(one: _Side, other: _Side) -> bool:
    """Whether they are the two sides of one connection. A handshake that failed leaves the server without a target."""
    if one.inbound == other.inbound or one.handshake != other.handshake:
        return False
    return one.asked == other.asked or not one.asked or not other.asked
