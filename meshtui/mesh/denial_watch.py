"""Denial watch: whose access logs are worth reading, what they have told so far, and what is not known beside it. The
command and the screen have both from here."""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from meshtui.mesh import pods
from meshtui.mesh.access import switches
from meshtui.mesh.access.reading import Counts
from meshtui.mesh.access.switches import State, Switch
from meshtui.mesh.checks import count
from meshtui.mesh.denial_rows import Dark, Gap, Row
from meshtui.mesh.denials import Denials
from meshtui.mesh.kinds import POD
from meshtui.mesh.logs import LogLine
from meshtui.mesh.pods import Pod
from meshtui.mesh.snapshot import Phase, Problem, Ref, Snapshot

KINDS = (*switches.KINDS, POD)

CONTAINER = "istio-proxy"
"""Of ztunnels, waypoints and gateways alike."""

_RECENT = timedelta(minutes=2)
"""A proxy that told of a refusal so lately keeps its stream."""
_GONE = 10_000
"""So many pods are remembered that are gone: what was written of them is read yet."""
_OF_DEPLOYMENT = re.compile(r"(.+-[0-9a-z]{5,10}-)[0-9a-z]{5}")
"""The name of a Deployment's pod: that of its ReplicaSet, which ends with a hash of the template, and five more letters
or digits (k8s.io/apiserver, storage/names)."""
_SILENT = "what they refuse is not known"
_MENTIONED = 3
"""So many are named for one reason."""


class Heard(Struct, frozen=True, eq=False):
    """What the access logs have told so far."""

    rows: tuple[Row, ...] = ()
    """The last one first."""
    dark: Dark = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
    counts: Counts = field(default_factory=Counts)
    dropped: int = 0
    """Refusals whose row was given up for others."""
    forgotten: int = 0
    """Sides of refusals that were waited for no longer: should the other side come yet, it counts by itself."""
    switches: tuple[Switch, ...] = ()
    followed: frozenset[Ref] = frozenset()
    """The pods whose logs are read at this moment."""
    problems: Mapping[Ref, Problem] = field(default_factory=dict)
    """Of the pods whose log could not be read, why."""


class Watch:
    """Given snapshots and the lines of logs, it has what they tell."""

    def __init__(self, since: int) -> None:
        """`since` is how many seconds back the logs are read."""
        self.switches: Sequence[Switch] = ()
        self.denials = Denials(self._named, self._located)
        self._since = timedelta(seconds=since)
        self._pods: Mapping[str, Pod] = {}
        self._gone: OrderedDict[str, Pod] = OrderedDict()
        self._addresses: Mapping[str, Pod] | None = None
        """Who has which address now; None where nobody has asked since the pods are others."""
        self._templates: dict[str, str] = {}
        """The Deployments that were looked for, by what the names of their pods begin with."""
        self._watched: set[Ref] = set()

    def see(self, snapshot: Snapshot) -> None:
        """What the lists say now."""
        self.switches = switches.of(snapshot)
        every = pods.of(snapshot)
        if every is self._pods:
            return
        for key in self._pods.keys() - every.keys():
            self._gone[key] = self._pods[key]
        while len(self._gone) > _GONE:
            self._gone.popitem(last=False)
        self._pods, self._addresses = every, None
        self._templates.clear()

    def proxies(self, now: datetime) -> Sequence[Ref]:
        """Those whose logs are worth reading, which are watched from now on."""
        found = [each.ref for each in self.switches if each.state is not State.OFF]
        for gone in self._watched.difference(found):
            self.denials.gone(gone.key, now)
        self._watched = set(found)
        for ref in found:
            begun = self._pods[ref.key].started if ref.key in self._pods else None
            begin = now - self._since
            self.denials.watch(ref.key, max(begin, begun or begin))
        return found

    def take(self, pod: Ref, line: LogLine) -> None:
        """The next line of a log."""
        self.denials.read(pod.key, line)

    def take_up(self, pod: Ref, at: datetime) -> None:
        """All that was written up to that moment has come."""
        self.denials.hear(pod.key, at)

    def leave(self, pod: Ref, now: datetime) -> None:
        """Its log is not read any more, though it may be worth it."""
        self.denials.cut(pod.key, now, "nobody looked at denials")

    def matters(self, pod: Ref, now: datetime) -> bool:
        """Whether it told of a refusal of late."""
        last = self.denials.refused(pod.key)
        return last is not None and now - last < _RECENT

    def heard(self, followed: Collection[Ref], problems: Mapping[Ref, Problem]) -> Heard:
        """What they have told so far."""
        denials = self.denials
        return Heard(
            rows=denials.rows(),
            dark=denials.dark,
            gaps=denials.gaps,
            counts=replace(denials.counts),
            dropped=denials.dropped,
            forgotten=denials.forgotten,
            switches=tuple(self.switches),
            followed=frozenset(followed),
            problems=dict(problems),
        )

    def _named(self, namespace: str, pod: str) -> str:
        key = f"{namespace}/{pod}"
        found = self._pods.get(key) or self._gone.get(key)
        controller = found.controller if found else self._of_template(key)
        return controller.partition("/")[2] or pod

    def _of_template(self, key: str) -> str:
        """The Deployment of a pod that was gone before one looked, by another of its template; "" where none is."""
        named = _OF_DEPLOYMENT.fullmatch(key)
        if named is None:
            return ""
        begin = named[1]
        if begin not in self._templates:
            others = (pod.controller for each, pod in self._pods.items() if each.startswith(begin))
            found = (each for each in others if each.startswith("Deployment/"))
            self._templates[begin] = next(found, "")
        return self._templates[begin]

    def _located(self, ip: str, at: datetime) -> tuple[str, str] | None:
        """Not of a pod that is younger: another one had its address then."""
        if self._addresses is None:
            self._addresses = {
                pod.address: pod
                for pod in self._pods.values()
                if not (pod.host_network or pod.finished)
            }
        pod = self._addresses.get(ip)
        if pod is None or pod.created is None or at < pod.created:
            return None
        return pod.namespace, self._named(pod.namespace, pod.name)


def concerns(row: Row, namespaces: Collection[str]) -> bool:
    """Whether one of its ends is in a namespace that is looked at; none are all."""
    if not namespaces:
        return True
    host = row.destination.split(".")
    ends = {row.source.partition("/")[0], row.destination.partition("/")[0], *host[1:2]}
    return not ends.isdisjoint(namespaces)


def following(heard: Heard) -> str:
    """How many logs are read at once, of those that are written: "following 120 of 300 ztunnels, 1 of 1 waypoint". One
    whose stream was cut is not followed until it comes again."""
    worth = [each for each in heard.switches if each.state is not State.OFF]
    total = Counter(each.part for each in worth)
    cut = {gap.proxy for gap in heard.gaps if gap.until is None}
    read = Counter(
        each.part for each in worth if each.ref in heard.followed and each.ref.key not in cut
    )
    told = (f"{read[part]:,} of {count(number, part)}" for part, number in total.items())
    return f"following {', '.join(told) or 'no logs'}"


def missing(heard: Heard, snapshot: Snapshot) -> Iterator[str]:
    """What is not known, a line for each reason."""
    for scope, source in snapshot.sources.items():
        if not source.complete and source.phase is not Phase.ABSENT:
            where = f" of {scope.namespace}" if scope.namespace else ""
            why = source.problem.text if source.problem else "it took too long"
            yield f"{scope.kind.plural}{where}: {why}"
    yield from unheard(heard)
    if not heard.switches:
        yield "anything: no ztunnel was found"


def unheard(heard: Heard) -> Iterator[str]:
    """Which logs tell nothing, or not all, a line for each reason."""
    words = ((ref.key, problem.text) for ref, problem in heard.problems.items())
    yield from _grouped("the log of", words)
    dark = [each for each in heard.switches if each.state is not State.ON]
    yield from _grouped(
        "what is refused by", ((f"{each.part} {each.key}", each.verdict.reason) for each in dark)
    )


def in_short(heard: Heard) -> Iterator[str]:
    """The same in a few lines, however many logs there are."""
    problems = Counter(each.text for each in heard.problems.values()).most_common()
    for why, number in problems[:_MENTIONED]:
        yield f"{count(number, 'log')} cannot be read: {why}"
    if more := sum(number for _, number in problems[_MENTIONED:]):
        yield f"{count(more, 'more log')} cannot be read"
    for state in (State.OFF, State.PART, State.UNKNOWN):
        found = Counter(each.part for each in heard.switches if each.state is state)
        whom = ", ".join(count(number, part) for part, number in found.items())
        if whom:
            known = "not all of what they refuse is known" if state is State.PART else _SILENT
            yield f"access log {state.word}: {whom}; {known}"


def lost(heard: Heard) -> Iterator[str]:
    """What of the lines came to nothing, and how many."""
    told = (
        (heard.counts.unread, "could not be read"),
        (heard.dropped, "dropped with their rows"),
        (heard.forgotten, "may count twice: the other side came too late to be told"),
    )
    yield from (f"{number:,} {words}" for number, words in told if number)


def _grouped(what: str, told: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A line for each reason, with the first few that it is said of."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in told:
        by_reason.setdefault(reason.replace(name.rpartition("/")[2], "…"), []).append(name)
    for reason, names in by_reason.items():
        more = f" and {len(names) - _MENTIONED} more" if len(names) > _MENTIONED else ""
        yield f"{what} {', '.join(names[:_MENTIONED])}{more}: {reason}"
