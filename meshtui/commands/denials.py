"""`meshtui denials`: who is refused by whom, and why, from the access logs of ztunnels, waypoints and gateways."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import click
from msgspec import Struct
from msgspec.structs import replace

from meshtui.commands import denials_reports, frame, whole
from meshtui.commands.denials_reports import Report
from meshtui.commands.frame import UNREADABLE, Told
from meshtui.commands.latest import Latest
from meshtui.commands.whole import Asked
from meshtui.kube.errors import KubeError, Unreachable
from meshtui.kube.pace import Pace
from meshtui.kube.session import Session
from meshtui.kube.tails import STREAMS, Tails
from meshtui.mesh import denial_watch, scopes
from meshtui.mesh.denial_rows import Row
from meshtui.mesh.denial_watch import Heard, Watch
from meshtui.mesh.health import Health
from meshtui.mesh.logs import LogOptions
from meshtui.mesh.snapshot import Snapshot
from meshtui.settings import Settings

_PATIENCE = timedelta(minutes=5)
_NEWS = 1.0
"""Seconds between two looks for what is new."""


class Order(Struct, frozen=True):
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
    notes = [f"not known: {line}" for line in report.missing]
    text = ""
    if order.follow:
        notes.append(denials_reports.summary(report))
    else:
        text = denials_reports.FORMATS[order.output](report)
    refused = any(row.verdict.health is Health.BAD for row in report.rows)
    status = frame.say(Told(text, well=not refused, notes=notes))
    return UNREADABLE if not report.read or (order.strict and report.missing) else status


async def _read(watching: _Watching, settings: Settings) -> None:
    """Reads the logs, to their ends or until it is interrupted. Raises KubeError where the cluster cannot be
    reached."""
    async with whole.opened(settings, Pace()) as (session, latest, context):
        watching.namespaces = settings.namespaces_of(context)
        try:
            await _read_logs(watching, session, latest)
            return
        except Unreachable as error:  # raised below: a task group would bury it in a group
            failed = error
    raise failed


async def _read_logs(watching: _Watching, session: Session, latest: Latest) -> None:
    order, watch = watching.order, watching.watch
    needs = scopes.of(denial_watch.KINDS, watching.namespaces)
    asked = Asked(needs, lambda snapshot: (), lambda snapshot: ())
    watching.see(await whole.read(session, latest, asked, _PATIENCE))
    tails = watching.tails = Tails(
        session,
        watch.take,
        LogOptions(denial_watch.CONTAINER, tail=None, since=order.since, follow=order.follow),
        streams=order.streams,
        matters=lambda pod: watch.matters(pod, datetime.now(UTC)),
        take_up=watch.take_up,
    )
    tails.offer(watch.proxies(datetime.now(UTC)))
    if not order.follow:
        await tails.run()
        return
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(tails.run())
        while True:
            await asyncio.sleep(_NEWS)
            watching.see(latest.snapshot)
            tails.offer(watch.proxies(datetime.now(UTC)))
            for pod in tails.steady:
                watch.take_up(pod, datetime.now(UTC))
            watching.print_following()
            watching.print_rows()


class _Watching:
    """What is known so far, and what of it was printed."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.namespaces: tuple[str, ...] = ()
        self.tails: Tails | None = None
        self.watch = Watch(order.since)
        self._snapshot = Snapshot(datetime.now(UTC))
        self._printed: dict[str, int] = {}
        self._said = ""

    def see(self, snapshot: Snapshot) -> None:
        """What the lists say now."""
        if snapshot is not self._snapshot:
            self._snapshot = snapshot
            self.watch.see(snapshot)

    def report(self) -> Report:
        tails, heard = self.tails, self._heard()
        total = tails.total if tails else 0
        return Report(
            snapshot=self._snapshot,
            at=datetime.now(UTC),
            since=self.order.since,
            rows=self._wanted(heard),
            heard=heard,
            read=total - len(heard.problems),
            total=total,
            missing=tuple(denial_watch.missing(heard, self._snapshot)),
        )

    def print_following(self) -> None:
        """How many logs are followed, where that has changed."""
        said = denial_watch.following(self._heard())
        if said != self._said:
            self._said = said
            click.echo(f"meshtui: {said}", err=True)

    def print_rows(self) -> None:
        """The rows that were not printed as they are now, the last one at the end."""
        heard = self._heard()
        rows = [row for row in self._wanted(heard) if self._printed.get(row.key) != row.count]
        if rows:
            news = denials_reports.NEWS[self.order.output]
            report = replace(self.report(), rows=rows[::-1])
            click.echo(news(report, not self._printed), nl=False)
        self._printed.update((row.key, row.count) for row in rows)

    def _heard(self) -> Heard:
        tails = self.tails
        return self.watch.heard(tails.open, tails.problems) if tails else Heard()

    def _wanted(self, heard: Heard) -> list[Row]:
        return [row for row in heard.rows if denial_watch.concerns(row, self.namespaces)]
