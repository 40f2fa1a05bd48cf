"""Last calls: what the access logs at both ends tell of the calls that were made (doctor-rules.md, G1, step 8). All
other hops say what should become of a call; this one says what became of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from meshtui.mesh.access import causes, switches, tails
from meshtui.mesh.access.causes import Cause
from meshtui.mesh.access.lines import AccessLine, Direction, End
from meshtui.mesh.access.switches import State
from meshtui.mesh.access.tails import AccessTail, Told
from meshtui.mesh.checks import count
from meshtui.mesh.doctor.findings import Evidence
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import POD
from meshtui.mesh.pods import GATEWAY_NAME
from meshtui.mesh.snapshot import Answer, Ref, Tail
from meshtui.mesh.trace import hops
from meshtui.mesh.trace.around import Around
from meshtui.mesh.trace.hops import Hop

TITLE = "access lines"
_LATELY = timedelta(minutes=2)
"""A call that failed so lately fails; one before that did, and nobody has tried since."""
_SHOWN = 3
_LONGEST = 2_000
"""Characters of a line that are shown."""
_READ_LOGS = "`meshtui rbac` prints the rights that reading logs needs"


class _Call(Struct, frozen=True):
    """One line about a call of this kind."""

    log: Ref
    read: datetime | None
    told: Told
    cause: Cause | None
    """Why it failed; None where it did not, or was only cut short."""

    @property
    def at(self) -> datetime:
        return self.told.line.at

    @property
    def echo(self) -> bool:
        """Whether the other side's line says more."""
        return self.cause is not None and self.cause.reason.echo

    @property
    def shown(self) -> Evidence:
        written = self.told.written.replace("\t", " ")
        cut = f"{written[:_LONGEST]}…" if len(written) > _LONGEST else written
        return Evidence(f"log of {self.log.name}", "access line", cut, self.log, self.read)


def logs(around: Around, beyond: Around) -> tuple[Tail, ...]:
    """Of the ztunnels of all that call and are called, and of the waypoint's pods where they write one."""
    between = _waypoints(around)
    pods = [each.pod for each in (*around.source.members, *beyond.called.members)]
    nodes = (known.pod.node for pod in (*pods, *between) if (known := around.pods.get(pod)))
    ztunnels = (hops.seen(around.snapshot, node).ztunnel for node in dict.fromkeys(nodes))
    refs = [Ref(POD, each.pod.namespace, each.pod.name) for each in ztunnels if each is not None]
    refs += [
        each.ref
        for each in switches.of(around.snapshot)
        if each.state is State.ON and each.key in between
    ]
    return tuple(map(tails.of, refs))


def of(around: Around, beyond: Around) -> Hop | None:
    """None where no log was asked for."""
    known = around.snapshot.tails
    read = {each: known[each] for each in logs(around, beyond) if each in known}
    if not read:
        return None
    found = _newest(_calls(around, beyond, read))
    failed = sorted(
        (each for each in found if each.cause is not None),
        key=lambda each: (each.echo, -each.at.timestamp()),
    )
    if failed:
        return _failed(failed, around.snapshot.now)
    dark = [(tail, it.problem) for tail, it in read.items() if it.problem and it.value is None]
    if dark:
        tail, problem = dark[0]
        more = f" (and {len(dark) - 1} more)" if len(dark) > 1 else ""
        words = f"the log of {tail.pod}{more} cannot be read: {problem.text}"
        return hops.unknown(TITLE, words, *_counted(read), step=problem.remedy or _READ_LOGS)
    if not found:
        words = "no failure was written: no line that was read is of such a call"
        return hops.well(TITLE, words, *_counted(read))
    last = found[0]
    words = f"the last call, at {_clock(last.at)}, went through"
    if last.told.line.error:
        words = f"the last call, at {_clock(last.at)}, was let in, and cut short: {last.told.line.error[:200]}"
    return hops.well(TITLE, words, *(each.shown for each in found[:_SHOWN]))


def _failed(failed: Sequence[_Call], now: datetime) -> Hop:
    first = failed[0]
    assert first.cause is not None
    reason, policies = first.cause
    by = f" ({', '.join(policies)})" if policies else ""
    shown = [each.shown for each in failed[:_SHOWN]]
    words = f"the last call, at {_clock(first.at)}, failed: {reason.words}{by}"
    if now - first.at > _LATELY:
        return hops.unknown(TITLE, f"{words}; no line tells of one since", *shown, step=reason.next)
    return hops.broken(TITLE, words, *shown, step=reason.next)


def _counted(read: Mapping[Tail, Answer]) -> Iterator[Evidence]:
    """How much of each log was read."""
    for tail, it in read.items():
        ref = Ref(POD, tail.namespace, tail.pod)
        if isinstance(it.value, AccessTail):
            since = f" since {_clock(it.value.since)}" if it.value.since else ""
            unread = f", and {it.value.unread} that cannot be understood" if it.value.unread else ""
            value = f"{count(len(it.value.told), 'access line')}{since}{unread}"
        else:
            value = it.problem.text if it.problem else "nothing"
        yield Evidence(f"log of {tail.pod}", f"last {tail.lines:,} lines", value, ref, it.at)


def _calls(around: Around, beyond: Around, read: Mapping[Tail, Answer]) -> Iterator[_Call]:
    """All lines about such calls."""
    pair = _Pair.of(around, beyond)
    for tail, it in read.items():
        if not isinstance(it.value, AccessTail):
            continue
        for told in it.value.told:
            if pair.has(told.line):
                cause = causes.of(told.line)
                bad = cause is not None and cause.reason.health is Health.BAD
                ref = Ref(POD, tail.namespace, tail.pod)
                yield _Call(ref, it.at, told, cause if bad else None)


def _newest(calls: Iterable[_Call]) -> list[_Call]:
    """Of each caller and each side the last one, the newest first: of several pods one alone may fail."""
    found: dict[tuple[Direction, str], _Call] = {}
    for each in sorted(calls, key=lambda call: call.at):
        line = each.told.line
        found[line.direction, line.source.workload or line.source.ip] = each
    return sorted(found.values(), key=lambda call: call.at, reverse=True)


class _Pair(Struct, frozen=True):
    """Whose calls to whom."""

    callers: Collection[str]
    """ "namespace/name" of pods, and their addresses."""
    waypoints: Collection[str]
    """Likewise of those between."""
    called: Collection[str]
    """Likewise of those that answer in the end."""
    host: str
    """How the name of the Service begins; "" where none is called."""
    ports: Collection[str]
    """Of the Service and of its pods; none where any will do."""

    @classmethod
    def of(cls, around: Around, beyond: Around) -> _Pair:
        spec = around.called.service
        ports = {around.port, *(beyond.pod_port(each) for each in beyond.called.members)}
        return cls(
            _names(around, (each.pod for each in around.source.members)),
            _names(around, _waypoints(around)),
            _names(around, (each.pod for each in beyond.called.members)),
            f"{spec.name}.{spec.namespace}.svc" if spec else "",
            {str(each) for each in ports if each is not None} if around.port else (),
        )

    def has(self, line: AccessLine) -> bool:
        if self.ports and line.port and line.port not in self.ports:
            return False
        at_pods = _is(line.destination, self.called)
        if _is(line.source, self.waypoints):
            return at_pods
        asked = bool(self.host) and line.service.startswith(self.host)
        return _is(line.source, self.callers) and (at_pods or asked)


def _names(around: Around, pods: Iterable[str]) -> Collection[str]:
    found = {each for each in pods if each}
    known = (around.pods[each].pod for each in found if each in around.pods)
    return found | {pod.address for pod in known if pod.address and not pod.host_network}


def _is(end: End, names: Collection[str]) -> bool:
    return (f"{end.namespace}/{end.workload}" if end.workload else end.ip) in names


def _waypoints(around: Around) -> Collection[str]:
    """The pods of the waypoint that the call takes."""
    at = around.waypoint
    if at is None:
        return ()
    return [
        each.pod.key
        for each in around.pods.values()
        if each.pod.namespace == at.namespace and each.pod.labels.get(GATEWAY_NAME) == at.name
    ]


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%H:%M:%S} UTC"
