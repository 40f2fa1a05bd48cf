"""`meshtui denials`: who is refused by whom, and why, from the access logs of ztunnels, waypoints and gateways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import click

from meshtui.commands import denials_reports, whole
from meshtui.commands.denials_reports import Report
from meshtui.commands.latest import Latest
from meshtui.commands.whole import Asked
from meshtui.kube import kubeconfig
from meshtui.kube.errors import KubeError
from meshtui.kube.live import LiveSession
from meshtui.kube.pace import Pace
from meshtui.kube.tails import STREAMS, Tails
from meshtui.mesh import pods, scopes
from meshtui.mesh.access import switches
from meshtui.mesh.access.switches import State, Switch
from meshtui.mesh.denials import Denials, Row
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import POD
from meshtui.mesh.logs import LogLine, LogOptions
from meshtui.mesh.pods import Pod
from meshtui.mesh.snapshot import Phase, Ref, Snapshot
from meshtui.settings import Settings

CLEAN, FINDINGS, USAGE, UNREADABLE = 0, 1, 2, 3
"""Exit statuses, those of `meshtui doctor`."""

CONTAINER = "istio-proxy"
"""Of ztunnels, waypoints and gateways alike."""

_PATIENCE = timedelta(minutes=5)
_NEWS = 1.0
"""Seconds between two looks for what is new."""
_RECENT = timedelta(minutes=2)
"""A proxy that told of a refusal so lately keeps its stream."""
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for."""

    since: int = 600
    """Seconds back from now."""
    follow: bool = False
    output: str = "table"
    strict: bool = False
    """Logs that were read only in part could not be read."""
    streams: int = STREAMS
    """So many logs are read at once."""


def run(order: Order, settings: Settings) -> int:
    """Does it, and gives the exit status. What was found goes to standard output, all else to standard error."""
    watching = _Watching(order)
    try:
        asyncio.run(_read(watching, settings))
    except KubeError as error:
        whole.complain(error)
        return UNREADABLE
    except KeyboardInterrupt:
        if not order.follow:
            raise
        watching.print_rows()
    return _told(watching)


def _told(watching: _Watching) -> int:
    """What is left to say, and the exit status."""
    order, report = watching.order, watching.report()
    if not order.follow:
        click.echo(denials_reports.FORMATS[order.output](report), nl=False)
    for line in report.missing:
        click.echo(f"meshtui: not known: {line}", err=True)
    if order.follow:
        click.echo(f"meshtui: {denials_reports.summary(report)}", err=True)
    if not report.read or (order.strict and report.missing):
        return UNREADABLE
    refused = any(row.verdict.health is Health.BAD for row in report.rows)
    return FINDINGS if refused else CLEAN


async def _read(watching: _Watching, settings: Settings) -> None:
    """Reads the logs, to their ends or until it is interrupted. Raises KubeError where the cluster cannot be
    reached."""
    order = watching.order
    async with _session(settings) as (session, latest, namespaces):
        asked = Asked(
            scopes.of((*switches.KINDS, POD), namespaces),
            lambda snapshot: (),
            lambda snapshot: (),
        )
        watching.namespaces = namespaces
        watching.see(await whole.read(session, latest, asked, _PATIENCE))
        options = LogOptions(CONTAINER, tail=None, since=order.since, follow=order.follow)
        tails = watching.tails = Tails(
            session, watching.take, options, streams=order.streams, matters=watching.matters
        )
        tails.offer(watching.proxies())
        if not order.follow:
            await tails.run()
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(tails.run())
            while True:
                await asyncio.sleep(_NEWS)
                watching.see(latest.snapshot)
                tails.offer(watching.proxies())
                watching.print_following()
                watching.print_rows()


@asynccontextmanager
async def _session(
    settings: Settings,
) -> AsyncIterator[tuple[LiveSession, Latest, tuple[str, ...]]]:
    config = kubeconfig.load(settings)
    context = config.choose(settings.context)[0].name
    quiet = replace(settings, sweep=False)
    async with (
        LiveSession(config, settings.context, quiet, pace=Pace()) as session,
        Latest.of(session) as latest,
    ):
        yield session, latest, settings.namespaces_of(context)


class _Watching:
    """What is known so far, and what of it was printed."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.namespaces: tuple[str, ...] = ()
        self.tails: Tails | None = None
        self._snapshot = Snapshot(datetime.now(UTC))
        self._switches: Sequence[Switch] = ()
        self._workloads: dict[tuple[str, str], str] = {}
        """Of every pod that was seen, what it belongs to."""
        self._addresses: dict[str, Pod] = {}
        """Who has which address now."""
        self._denials = Denials(
            lambda namespace, pod: self._workloads.get((namespace, pod), pod), self._located
        )
        self._watched: set[Ref] = set()
        self._refused: dict[str, datetime] = {}
        """When a proxy last told of a refusal."""
        self._printed: dict[str, int] = {}
        self._said = ""

    def see(self, snapshot: Snapshot) -> None:
        """What the lists say now."""
        if snapshot is self._snapshot:
            return
        self._snapshot = snapshot
        self._switches = switches.of(snapshot)
        every = pods.of(snapshot).values()
        for pod in every:
            self._workloads[pod.namespace, pod.name] = pod.controller.partition("/")[2] or pod.name
        self._addresses = {
            pod.address: pod for pod in every if not (pod.host_network or pod.finished)
        }

    def _located(self, ip: str, at: datetime) -> tuple[str, str] | None:
        """Not of a pod that is younger: another one had its address then."""
        pod = self._addresses.get(ip)
        if pod is None or pod.created is None or at < pod.created:
            return None
        return pod.namespace, self._workloads[pod.namespace, pod.name]

    def proxies(self) -> list[Ref]:
        """Those whose logs are worth reading, which are watched from now on."""
        found = [each.ref for each in self._switches if each.state is not State.OFF]
        since = datetime.now(UTC) - timedelta(seconds=self.order.since)
        every = pods.of(self._snapshot)
        for gone in self._watched.difference(found):
            self._denials.gone(gone.key, datetime.now(UTC))
        self._watched = set(found)
        for ref in found:
            begun = every[ref.key].started or since
            self._denials.watch(ref.key, max(since, begun))
        return found

    def take(self, pod: Ref, line: LogLine) -> None:
        self._denials.read(pod.key, line)

    def matters(self, pod: Ref) -> bool:
        last = self._refused.get(pod.key)
        return last is not None and datetime.now(UTC) - last < _RECENT

    def report(self) -> Report:
        tails = self.tails
        problems = tails.problems if tails else {}
        total = tails.total if tails else 0
        return Report(
            snapshot=self._snapshot,
            at=datetime.now(UTC),
            since=self.order.since,
            rows=self._rows(),
            switches=self._switches,
            denials=self._denials,
            read=total - len(problems),
            total=total,
            missing=tuple(self._missing()),
        )

    def print_following(self) -> None:
        """How many logs are followed, where that has changed."""
        said = f"following {self.tails.open if self.tails else 0} of {denials_reports.parts(self._switches)}"
        if said != self._said:
            self._said = said
            click.echo(f"meshtui: {said}", err=True)

    def print_rows(self) -> None:
        """The rows that were not printed as they are now, the last one at the end."""
        rows = [row for row in self._rows() if self._printed.get(row.key) != row.count]
        for row in rows:
            self._refused.update((proxy, row.last) for proxy in row.proxies)
        if rows:
            news = denials_reports.NEWS[self.order.output]
            click.echo(news(self._snapshot, rows[::-1], not self._printed), nl=False)
        self._printed.update((row.key, row.count) for row in rows)

    def _rows(self) -> list[Row]:
        return [row for row in self._denials.rows(datetime.now(UTC)) if self._is_wanted(row)]

    def _is_wanted(self, row: Row) -> bool:
        """Whether one of its ends is in a namespace that is looked at."""
        if not self.namespaces:
            return True
        host = row.destination.split(".")
        ends = {row.source.partition("/")[0], row.destination.partition("/")[0], *host[1:2]}
        return not ends.isdisjoint(self.namespaces)

    def _missing(self) -> Iterator[str]:
        for scope, source in self._snapshot.sources.items():
            if not source.complete and source.phase is not Phase.ABSENT:
                where = f" of {scope.namespace}" if scope.namespace else ""
                why = source.problem.text if source.problem else "it took too long"
                yield f"{scope.kind.plural}{where}: {why}"
        if self.tails is not None:
            words = ((ref.key, problem.text) for ref, problem in self.tails.problems.items())
            yield from _grouped("the log of", words)
        dark = [each for each in self._switches if each.state is not State.ON]
        yield from _grouped(
            "what is refused by",
            ((f"{each.part} {each.key}", each.verdict.reason) for each in dark),
        )
        if not self._switches:
            yield "anything: no ztunnel was found"


def _grouped(what: str, told: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A line for each reason, with the first few that it is said of."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in told:
        by_reason.setdefault(reason.replace(name.rpartition("/")[2], "…"), []).append(name)
    for reason, names in by_reason.items():
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield f"{what} {', '.join(names[:_NAMED])}{more}: {reason}"
