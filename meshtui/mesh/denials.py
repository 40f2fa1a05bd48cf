"""Denials: who is refused by whom, and why, from the access logs of several proxies: both sides of one refusal are one
event, and events with the same source, destination and reason are one row. However long it runs, it stays small."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime

from meshtui.mesh.access import causes
from meshtui.mesh.access.lines import AccessLine, Direction, End
from meshtui.mesh.access.reading import Counts, Reader
from meshtui.mesh.access.reasons import Reason
from meshtui.mesh.denial_sides import WAITING, Event, Sides
from meshtui.mesh.health import Verdict
from meshtui.mesh.kinds import POD
from meshtui.mesh.logs import LogLine
from meshtui.mesh.snapshot import Ref

MINUTES = 60
"""How far back a row tells each minute."""
ROWS = 2_000
"""So many rows are kept; beyond, that which was quiet longest goes, and is counted as dropped."""
GAPS = 200
_RATED = 5
"""Minutes over which the rate is taken."""
_NAMED = 8
"""So many policies, identities and proxies are named in a row."""
_LONGEST = 400
"""Characters of what a proxy said."""

Named = Callable[[str, str], str]
"""Namespace and pod to the name of its workload, such as the Deployment's; the pod's own where that is not known."""
Located = Callable[[str, datetime], tuple[str, str] | None]
"""An IP at a moment to the namespace and the name of the workload that had it; None where that is not known. Envoys
tell no more than addresses, and neither do ztunnels of what failed early."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A proxy was not heard. What it wrote then may have come later, or never."""

    proxy: str
    since: datetime
    until: datetime | None
    """None while it lasts."""
    why: str


@dataclass(frozen=True, slots=True)
class Row:
    """All refusals of one source by one destination for one reason."""

    key: str
    verdict: Verdict
    ref: Ref | None
    """The pod that refused last, or was not reached; None where the lines do not name it."""
    source: str
    """ "namespace/workload", or the address where the line tells no more."""
    destination: str
    """ "namespace/workload", or the host name, behind a waypoint."""
    port: str
    reason: Reason
    identities: tuple[str, ...]
    """Of the source; empty where it came in plain text, or the lines do not tell."""
    policies: tuple[str, ...]
    """ "namespace/name" of those that the lines name."""
    proxies: tuple[str, ...]
    """ "namespace/name" of those whose lines give the reason."""
    via: str
    """The waypoint's pod, where it was on the way to one; "" elsewhere."""
    said: str
    """The proxy's own words, the last."""
    count: int
    rate: float
    """A minute, over the last five, or as long as the logs were read."""
    first: datetime
    last: datetime
    series: tuple[int | None, ...]
    """Of each of the last 60 minutes, oldest first, how many; None where that is not known."""


@dataclass(slots=True)
class _Tally:
    """What a row is made of."""

    event: Event
    """The last one."""
    first: datetime
    count: int = 0
    minutes: dict[int, int] = field(default_factory=dict)
    identities: dict[str, None] = field(default_factory=dict)
    policies: dict[str, None] = field(default_factory=dict)
    proxies: dict[str, None] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        self.count += 1
        self.first = min(self.first, event.at)
        if event.at >= self.event.at:
            self.event = event
        minute = _minute(event.at)
        self.minutes[minute] = self.minutes.get(minute, 0) + 1
        if len(self.minutes) > 2 * MINUTES:
            newest = max(self.minutes)
            self.minutes = {at: n for at, n in self.minutes.items() if at > newest - MINUTES}
        _note(self.identities, (event.source.identity,))
        _note(self.policies, event.policies)
        _note(self.proxies, (event.proxy,))

    def copied(self) -> _Tally:
        return replace(
            self,
            minutes=copy(self.minutes),
            identities=copy(self.identities),
            policies=copy(self.policies),
            proxies=copy(self.proxies),
        )


def _note(found: dict[str, None], more: Sequence[str]) -> None:
    found.update((each, None) for each in more if each and len(found) < _NAMED)


def _minute(at: datetime) -> int:
    return int(at.timestamp() // 60)


class Denials:
    """Given the lines of each proxy in their order, it has the rows."""

    def __init__(
        self,
        named: Named = lambda namespace, pod: pod,
        located: Located = lambda ip, at: None,
        rows: int = ROWS,
        waiting: int = WAITING,
    ) -> None:
        self.counts = Counts()
        """Of all lines."""
        self.dropped = 0
        """Refusals whose row was given up for others."""
        self._named = named
        self._located = located
        self._limit = rows
        self._readers: dict[str, Reader] = {}
        self._since: dict[str, datetime] = {}
        self._heard: dict[str, datetime] = {}
        self._gaps: OrderedDict[tuple[str, datetime], Gap] = OrderedDict()
        self._open: dict[str, Gap] = {}
        self._tallies: OrderedDict[str, _Tally] = OrderedDict()
        self._sides = Sides(waiting)

    @property
    def forgotten(self) -> int:
        """Sides of refusals that were waited for no longer: should the other side come yet, it counts by itself."""
        return self._sides.forgotten

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The last of them, those that last at the end."""
        return (*self._gaps.values(), *self._open.values())

    def watch(self, proxy: str, since: datetime) -> None:
        """The log of a proxy, "namespace/name", is read from that moment on."""
        self._since.setdefault(proxy, since)

    def read(self, proxy: str, line: LogLine) -> None:
        """The next line of a proxy's log, or a notice that its stream was cut."""
        if line.notice:
            if line.at is not None:
                self.cut(proxy, line.at, line.text)
            return
        if line.at is not None:
            self._hear(proxy, line.at)
        reader = self._readers.get(proxy)
        if reader is None:
            reader = self._readers[proxy] = Reader(self.counts)
        found = reader.read(line.text)
        if found is not None:
            self.add(proxy, found)

    def cut(self, proxy: str, at: datetime, why: str) -> None:
        """Nothing comes from this proxy, since its last line."""
        if proxy in self._readers:
            self._readers[proxy].end()
        since = min(self._heard.get(proxy, at), at)
        self._open.setdefault(proxy, Gap(proxy, since, None, why))

    def gone(self, proxy: str, at: datetime) -> None:
        """The proxy is no more: what was missed of it ends with it."""
        self.cut(proxy, at, "the pod is gone")
        self._hear(proxy, at)
        for known in (self._readers, self._heard, self._since):
            known.pop(proxy, None)

    def add(self, proxy: str, line: AccessLine) -> None:
        """One access line of a proxy."""
        cause = causes.of(line)
        if cause is None:
            return
        event = Event(
            line.at,
            self._end(line.source, line.at),
            self._end(line.destination, line.at),
            line,
            cause.reason,
            cause.policies,
            proxy,
        )
        for each in self._sides.add(event):
            self._tally(each)

    def rows(self, now: datetime) -> tuple[Row, ...]:
        """The rows, the last one first; `now` ends the series."""
        tallies: dict[str, _Tally] = {}
        for event in self._sides.waiting():
            key = _key(event)
            if key not in tallies:
                known = self._tallies.get(key)
                tallies[key] = known.copied() if known else _Tally(event, event.at)
            tallies[key].add(event)
        found = [self._row(key, each, now) for key, each in {**self._tallies, **tallies}.items()]
        return tuple(sorted(found, key=lambda row: row.last, reverse=True))

    def _end(self, end: End, at: datetime) -> End:
        """With the name of the workload in place of the pod's: the pod's is in the line yet."""
        if end.workload:
            workload = self._named(end.namespace, end.workload) or end.workload
            return replace(end, workload=workload)
        found = self._located(end.ip, at)
        return replace(end, namespace=found[0], workload=found[1]) if found else end

    def _hear(self, proxy: str, at: datetime) -> None:
        gap = self._open.pop(proxy, None)
        if gap is not None:
            self._gaps[proxy, gap.since] = replace(gap, until=max(at, gap.since))
            if len(self._gaps) > GAPS:
                self._gaps.popitem(last=False)
        self._heard[proxy] = at

    def _tally(self, event: Event) -> None:
        key = _key(event)
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = _Tally(event, event.at)
            if len(self._tallies) > self._limit:
                self.dropped += self._tallies.popitem(last=False)[1].count
        self._tallies.move_to_end(key)
        tally.add(event)

    def _row(self, key: str, tally: _Tally, now: datetime) -> Row:
        event = tally.event
        line = event.line
        said = line.error[:_LONGEST]
        series = tuple(self._series(tally, now))
        pod = line.destination
        return Row(
            key=key,
            verdict=Verdict(event.reason.health, event.reason.words),
            ref=Ref(POD, pod.namespace, pod.workload) if pod.workload else None,
            source=_named(event.source),
            destination=_wanted(event),
            port=line.port,
            reason=event.reason,
            identities=tuple(tally.identities),
            policies=tuple(tally.policies),
            proxies=tuple(tally.proxies),
            via=_named(event.destination) if line.through else "",
            said=said,
            count=tally.count,
            rate=_rate(series),
            first=tally.first,
            last=event.at,
            series=series,
        )

    def _series(self, tally: _Tally, now: datetime) -> Iterator[int | None]:
        """A minute with none is only known as such where every proxy that tells of it was heard."""
        newest = _minute(now)
        gaps = [
            (_minute(gap.since), _minute(gap.until) if gap.until else newest)
            for gap in self.gaps
            if gap.proxy in tally.proxies
        ]
        begun = [_minute(self._since[each]) for each in tally.proxies if each in self._since]
        gaps.append((0, max(begun, default=0) - 1))
        for minute in range(newest - MINUTES + 1, newest + 1):
            count = tally.minutes.get(minute)
            if count is None and not any(begin <= minute <= end for begin, end in gaps):
                count = 0
            yield count


def _rate(series: Sequence[int | None]) -> float:
    """Over the minutes that are known; 0 where none is."""
    known = [each for each in series[-_RATED:] if each is not None]
    return sum(known) / len(known) if known else 0.0


def _key(event: Event) -> str:
    source, destination = _named(event.source), _wanted(event)
    return f"{source} {destination}:{event.line.port} {event.reason.code}"


def _named(end: End) -> str:
    """ "namespace/workload", or the address alone, without the port that each connection has of its own."""
    return f"{end.namespace}/{end.workload}" if end.workload else end.ip


def _wanted(event: Event) -> str:
    """What was meant: the Service, where a waypoint stands before it; else the workload."""
    line = event.line
    if line.through or line.direction is Direction.BETWEEN or not event.destination.workload:
        return line.service or line.asked or event.destination.ip
    return _named(event.destination)
