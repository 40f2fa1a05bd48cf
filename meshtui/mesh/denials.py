"""Denials: who is refused by whom, and why, from the access logs of several proxies: both sides of one refusal are one
event, and events with the same source, destination and reason are one row. However long it runs, it stays small."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from meshtui.mesh.access import causes
from meshtui.mesh.access.lines import AccessLine, End
from meshtui.mesh.access.reading import Counts, Reader
from meshtui.mesh.denial_rows import MINUTES, Dark, Gap, Row, Sample, minute
from meshtui.mesh.denial_sides import WAITING, Event, Sides, named
from meshtui.mesh.health import Verdict
from meshtui.mesh.kinds import POD
from meshtui.mesh.logs import LogLine
from meshtui.mesh.snapshot import Ref

ROWS = 2_000
"""So many rows are kept; beyond, that which was quiet longest goes, and is counted as dropped."""
GAPS = 200
_NAMED = 8
"""So many policies, identities and proxies are named in a row."""
_LONGEST = 400
"""Characters of what a proxy said."""
_SAMPLES = 2
_SAMPLED = 2_000
"""Characters of a line that is kept as a sample."""
_NO_END = 2**40
"""A minute that does not come."""

Named = Callable[[str, str], str]
"""Namespace and pod to the name of its workload, such as the Deployment's; the pod's own where that is not known."""
Located = Callable[[str, datetime], tuple[str, str] | None]
"""An IP at a moment to the namespace and the name of the workload that had it; None where that is not known. Envoys
tell no more than addresses, and neither do ztunnels of what failed early."""


class _Tally(Struct):
    """What a row is made of, beside the events that wait for their other side."""

    event: Event
    """The last one."""
    first: datetime
    count: int = 0
    minutes: dict[int, int] = field(default_factory=dict)
    identities: dict[str, None] = field(default_factory=dict)
    policies: dict[str, None] = field(default_factory=dict)
    proxies: dict[str, None] = field(default_factory=dict)
    samples: list[Event] = field(default_factory=list)
    """The last ones, the newest first."""

    def add(self, event: Event) -> None:
        self.count += 1
        self.first = min(self.first, event.at)
        if event.at >= self.event.at:
            self.event = event
            self.samples = [event, *self.samples[: _SAMPLES - 1]]
        at = minute(event.at)
        self.minutes[at] = self.minutes.get(at, 0) + 1
        if len(self.minutes) > 2 * MINUTES:
            newest = max(self.minutes)
            self.minutes = {at: n for at, n in self.minutes.items() if at > newest - MINUTES}
        _note(self.identities, (event.source.identity,))
        _note(self.policies, event.policies)
        _note(self.proxies, (event.proxy,))

    def with_waiting(self, events: Iterable[Event]) -> _Tally:
        """The same with events that are not counted for good."""
        copied = replace(
            self,
            minutes=dict(self.minutes),
            identities=dict(self.identities),
            policies=dict(self.policies),
            proxies=dict(self.proxies),
        )
        for event in events:
            copied.add(event)
        return copied


def _note(found: dict[str, None], more: Sequence[str]) -> None:
    found.update((each, None) for each in more if each and len(found) < _NAMED)


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
        self._refused: dict[str, datetime] = {}
        self._gaps: OrderedDict[tuple[str, datetime], Gap] = OrderedDict()
        self._open: dict[str, Gap] = {}
        self._tallies: OrderedDict[str, _Tally] = OrderedDict()
        self._sides = Sides(waiting)
        self._rows: dict[str, Row] = {}
        self._changed: set[str] = set()
        """Keys of the rows that have to be made anew."""

    @property
    def forgotten(self) -> int:
        """Sides of refusals that were waited for no longer: should the other side come yet, it counts by itself."""
        return self._sides.forgotten

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The last of them, those that last at the end."""
        return (*self._gaps.values(), *self._open.values())

    @property
    def dark(self) -> Dark:
        """When which proxy was not heard: in gaps, and before its log was read."""
        found = {proxy: [(0, minute(at) - 1)] for proxy, at in self._since.items()}
        for gap in self.gaps:
            end = minute(gap.until) if gap.until else _NO_END
            found.setdefault(gap.proxy, []).append((minute(gap.since), end))
        return found

    def refused(self, proxy: str) -> datetime | None:
        """When a proxy last told of a refusal."""
        return self._refused.get(proxy)

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
            self.hear(proxy, line.at)
        reader = self._readers.get(proxy)
        if reader is None:
            reader = self._readers[proxy] = Reader(self.counts)
        found = reader.read(line.text)
        if found is not None and found.error:
            self.add(proxy, found, reader.whole)

    def hear(self, proxy: str, at: datetime) -> None:
        """All that the proxy wrote up to that moment has come."""
        gap = self._open.pop(proxy, None)
        if gap is not None and at > gap.since:
            self._gaps[proxy, gap.since] = replace(gap, until=at)
            if len(self._gaps) > GAPS:
                self._gaps.popitem(last=False)
        self._heard[proxy] = max(at, self._heard.get(proxy, at))

    def cut(self, proxy: str, at: datetime, why: str) -> None:
        """Nothing comes from this proxy, since its last line."""
        if proxy in self._readers:
            self._readers[proxy].end()
        since = min(self._heard.get(proxy, at), at)
        self._open.setdefault(proxy, Gap(proxy, since, None, why))

    def gone(self, proxy: str, at: datetime) -> None:
        """The proxy is no more: what was missed of it ends with it."""
        self.cut(proxy, at, "the pod is gone")
        self.hear(proxy, at)
        for known in (self._readers, self._heard, self._since, self._refused):
            known.pop(proxy, None)

    def add(self, proxy: str, line: AccessLine, written: str = "") -> None:
        """One access line of a proxy, with the line as it stands in its log."""
        cause = causes.of(line)
        if cause is None:
            return
        self._refused[proxy] = max(line.at, self._refused.get(proxy, line.at))
        event = Event(
            line.at,
            self._end(line.source, line.at),
            self._end(line.destination, line.at),
            line,
            cause.reason,
            cause.policies,
            proxy,
            [(proxy, _brief(written))],
        )
        for each in self._sides.add(event):
            self._tally(each)

    def rows(self) -> tuple[Row, ...]:
        """The rows, the last one first; one that has not changed is the same one as before."""
        self._changed |= self._sides.changed
        for key in self._changed:
            tally, waiting = self._tallies.get(key), self._sides.waiting(key)
            if waiting:
                first = next(iter(waiting))
                tally = (tally or _Tally(first, first.at)).with_waiting(waiting)
            if tally is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = _row(key, tally)
        self._changed.clear()
        self._sides.changed.clear()
        return tuple(sorted(self._rows.values(), key=lambda row: (row.last, row.key), reverse=True))

    def _end(self, end: End, at: datetime) -> End:
        """With the name of the workload in place of the pod's: the pod's is in the line yet."""
        if end.workload:
            workload = self._named(end.namespace, end.workload) or end.workload
            return replace(end, workload=workload)
        found = self._located(end.ip, at)
        return replace(end, namespace=found[0], workload=found[1]) if found else end

    def _tally(self, event: Event) -> None:
        key = event.key
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = _Tally(event, event.at)
            if len(self._tallies) > self._limit:
                given_up, other = self._tallies.popitem(last=False)
                self.dropped += other.count
                self._changed.add(given_up)
        self._tallies.move_to_end(key)
        tally.add(event)
        self._changed.add(key)


def _row(key: str, tally: _Tally) -> Row:
    event = tally.event
    line = event.line
    return Row(
        key=key,
        verdict=Verdict(event.reason.health, event.reason.words),
        ref=_pod(line.destination),
        caller=_pod(line.source),
        source=event.caller,
        destination=event.called,
        service=line.service,
        port=line.port,
        reason=event.reason,
        identities=tuple(tally.identities),
        policies=tuple(tally.policies),
        proxies=tuple(tally.proxies),
        via=named(event.destination) if line.through else "",
        said=line.error[:_LONGEST],
        count=tally.count,
        first=tally.first,
        last=event.at,
        samples=tuple(Sample(each.at, tuple(each.written)) for each in tally.samples),
        minutes=dict(tally.minutes),
    )


def _pod(end: End) -> Ref | None:
    return Ref(POD, end.namespace, end.workload) if end.workload else None


def _brief(written: str) -> str:
    if len(written) <= _SAMPLED:
        return written
    return f"{written[:_SAMPLED]}… ({len(written):,} characters)"
