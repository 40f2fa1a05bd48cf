"""A whole reading of a cluster, for what has no screen: all lists to their end, and what was asked beside them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta

import click
from msgspec import Struct
from msgspec.structs import replace

from meshtui import memory
from meshtui.commands.latest import Latest
from meshtui.kube import kubeconfig
from meshtui.kube.errors import ConfigError, KubeError, Unreachable
from meshtui.kube.live import LiveSession
from meshtui.kube.pace import Pace
from meshtui.kube.session import Session
from meshtui.mesh import ztunnels
from meshtui.mesh.doctor.configuration.schema import Tried
from meshtui.mesh.kinds import Kind
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Answer, Phase, Probe, Ref, Scope, Snapshot, Tail
from meshtui.settings import Settings

PATIENCE = timedelta(minutes=5)
"""For all lists and all ztunnels; each request has its own deadline."""


class Asked(Struct, frozen=True):
    """What to read: scopes, and what else, which may follow from what the lists bring."""

    scopes: tuple[Scope, ...]
    probes: Callable[[Snapshot], Collection[Probe]]
    refs: Callable[[Snapshot], Collection[Ref]]
    again: Callable[[Snapshot], Collection[Probe]] = lambda snapshot: ()
    """What is asked once more, `after` so long."""
    after: timedelta = timedelta()
    tails: Callable[[Snapshot], Collection[Tail]] = lambda snapshot: ()


def reached(settings: Settings, asked: Callable[[Sequence[str]], Asked]) -> Snapshot | None:
    """The cluster, read as `cluster` does; where it cannot be reached, standard error says why, and there is none.
    Raises UsageError where the kubeconfig does not tell of it."""
    memory.look_seldom()
    try:
        return asyncio.run(cluster(settings, asked))
    except ConfigError as error:
        raise click.UsageError(
            " ".join(filter(None, (f"{error}.", error.problem.remedy)))
        ) from error
    except KubeError as error:
        complain(error)
        return None


def complain(error: KubeError) -> None:
    """Says on standard error why a cluster cannot be reached, and what to do about it."""
    click.echo(f"meshtui: {error}", err=True)
    if error.problem.remedy:
        click.echo(f"meshtui: {error.problem.remedy}", err=True)


async def cluster(settings: Settings, asked: Callable[[Sequence[str]], Asked]) -> Snapshot:
    """The cluster of the settings, as far as it can be read; `asked` is told to which namespaces its context keeps.
    Raises KubeError where it cannot be reached."""
    with progress() as said:
        async with opened(settings, Pace()) as (session, latest, context):
            wanted = asked(settings.namespaces_of(context))
            try:
                return await read(session, latest, wanted, PATIENCE, said)
            except Unreachable as error:  # raised below: a task group would bury it in a group
                failed = error
    raise failed


@asynccontextmanager
async def opened(settings: Settings, pace: Pace) -> AsyncIterator[tuple[LiveSession, Latest, str]]:
    """A session with the cluster of the settings, what it knows, and the name of the context. Raises KubeError."""
    config = kubeconfig.load(settings)
    context = config.choose(settings.context)[0].name
    quiet = replace(settings, sweep=False)
    async with (
        LiveSession(config, settings.context, quiet, pace=pace) as session,
        Latest.of(session) as latest,
    ):
        yield session, latest, context


async def tried(settings: Settings, objects: Iterable[Raw], namespace: str) -> Sequence[Tried]:
    """What the server says of each object of a file, by a dry run. Raises KubeError where it cannot be reached."""
    config = kubeconfig.load(settings)
    async with LiveSession(config, settings.context, replace(settings, sweep=False)) as session:
        return [await session.tried(raw, namespace) for raw in objects]


async def read(
    session: Session,
    latest: Latest,
    asked: Asked,
    patience: timedelta,
    progress: Callable[[str], None] = lambda said: None,
) -> Snapshot:
    """The snapshot once all has come or has failed, or what is there when the patience is over. `progress` is told how
    far it is, in words. Raises Unreachable where there is no connection to the cluster."""
    session.want(asked.scopes)
    async with aclosing(latest.until(datetime.now(UTC) + patience)) as snapshots:
        async for snapshot in snapshots:
            server = snapshot.server
            if server.problem is not None and server.retry_at is not None:  # no mere delay
                raise Unreachable(server.problem)
            loading = [
                scope
                for scope in asked.scopes
                if scope not in snapshot.sources or snapshot.sources[scope].phase is Phase.LOADING
            ]
            if loading or not server.answered:
                read = len(asked.scopes) - len(loading)
                progress(f"reading: {read} of {len(asked.scopes)} lists")
                continue
            probes, refs = set(asked.probes(snapshot)), set(asked.refs(snapshot))
            tails = set(asked.tails(snapshot))
            session.want(asked.scopes, probes, refs, tails=tails)
            waiting = len(probes - snapshot.answers.keys())
            if not waiting and refs <= snapshot.gets.keys() and tails <= snapshot.tails.keys():
                break
            progress(f"reading: {len(probes) - waiting} of {len(probes)} questions to ztunnels")
    await _again(session, latest, asked, patience, progress)
    return latest.snapshot


async def _again(
    session: Session,
    latest: Latest,
    asked: Asked,
    patience: timedelta,
    progress: Callable[[str], None],
) -> None:
    """Asks a second time what rises: an answer then has the one before beside it."""
    probes = set(asked.again(latest.snapshot))
    if not probes:
        return
    tails = tuple(latest.snapshot.tails)  # what was read of logs is kept as long as it is wanted
    session.want(asked.scopes, tails=tails)  # what is wanted anew is asked at once
    progress(f"reading the counters again in {asked.after.total_seconds():.0f} s")
    await asyncio.sleep(asked.after.total_seconds())
    first = {probe: answer.at for probe, answer in latest.snapshot.answers.items()}
    session.want(asked.scopes, probes, tails=tails)
    async with aclosing(latest.until(datetime.now(UTC) + patience)) as snapshots:
        async for snapshot in snapshots:
            answers = [(probe, snapshot.answers.get(probe, Answer())) for probe in probes]
            waiting = sum(it.at == first.get(probe) and not it.problem for probe, it in answers)
            if not waiting:
                return
            progress(f"reading again: {len(probes) - waiting} of {len(probes)} ztunnels")


def dumps(snapshot: Snapshot) -> Sequence[Probe]:
    """What every ztunnel says itself."""
    probes = [ztunnels.dump_probe(pod) for pod in ztunnels.pods(snapshot)]
    return [*probes, *counters(snapshot)]


def counters(snapshot: Snapshot) -> Sequence[Probe]:
    """What every ztunnel counts."""
    return [ztunnels.metrics_probe(pod) for pod in ztunnels.pods(snapshot)]


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Where to tell how far it is: one line on standard error that is written over, if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda said: None
        return
    try:
        yield lambda said: click.echo(f"\r\x1b[K{said}", nl=False, err=True)
    finally:
        click.echo("\r\x1b[K", nl=False, err=True)


def missing(snapshot: Snapshot, needs: Iterable[Kind | Scope]) -> Iterator[str]:
    """What was not read, a line each."""
    needed = {need.kind if isinstance(need, Scope) else need for need in needs}
    for scope, source in snapshot.sources.items():
        if scope.kind in needed and not source.complete and source.phase is not Phase.ABSENT:
            where = f" of {scope.namespace}" if scope.namespace else ""
            why = source.problem.text if source.problem else "it took too long"
            yield f"{scope.kind.plural}{where}: {why}"
    questions = (*snapshot.answers.values(), *snapshot.tails.values())
    unread = [answer.problem for answer in questions if answer.problem]
    if unread:
        yield f"{len(unread)} questions to ztunnels, istiods and logs had no answer; the first: {unread[0].text}"
