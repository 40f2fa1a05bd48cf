"""`meshtui enroll` and `meshtui unenroll`: namespaces into the mesh and out of it, one after the other, each proved
before the next is touched."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import click
from msgspec import Struct
from msgspec.structs import replace

from meshtui import production
from meshtui.commands import steps
from meshtui.commands.latest import Latest
from meshtui.commands.steps import Step
from meshtui.kube import background, kubeconfig
from meshtui.kube.audit import Audit
from meshtui.kube.errors import KubeError, StatusError, Unauthorized
from meshtui.kube.live import LiveSession
from meshtui.kube.pace import Pace
from meshtui.kube.perform import Proposal, Result, dry_run, perform
from meshtui.kube.road import State
from meshtui.mesh import foresight, preflight, verification
from meshtui.mesh.changes import Patch, Refusal
from meshtui.mesh.checks import Check
from meshtui.mesh.kinds import NAMESPACE
from meshtui.mesh.printable import plain
from meshtui.mesh.snapshot import Phase, Ref, Scope, Snapshot, Trouble
from meshtui.mesh.verification import Progress, Verification
from meshtui.settings import Settings

VERIFIED, UNVERIFIED, USAGE, UNREACHABLE, REFUSED, ENDED = 0, 1, 2, 3, 4, 143
"""Exit statuses; the last one where it was told to end (SIGTERM)."""

PATIENCE = verification.PATIENCE.total_seconds()

_NEEDS = (*preflight.KINDS, *verification.KINDS, *foresight.KINDS)
_PACE = Pace(probe=3.0)
"""Somebody waits for what the ztunnels say."""


class Order(Struct, frozen=True):
    """What is asked for."""

    namespaces: tuple[str, ...]
    leave: bool = False
    waypoint: str = ""
    """NAME, or NAMESPACE/NAME; "" for none."""
    dry_run: bool = False
    yes: bool = False
    """Nobody is asked."""
    patience: float = PATIENCE
    """Seconds for the evidence of each change."""
    context_named: bool = False
    """The context was named on the command line."""


class _Stop(Exception):  # noqa: N818 - it is an end, not an error
    """An end before all is done."""

    def __init__(self, status: int, text: str, remedy: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.remedy = remedy


def run(order: Order, settings: Settings, audit: Path) -> int:
    """Does it, and gives the exit status. Prints what is looked at, asked, done and proved; what stops it goes to
    standard error."""
    return asyncio.run(_until_told_to_end(order, settings, audit))


async def _until_told_to_end(order: Order, settings: Settings, audit: Path) -> int:
    """SIGTERM ends it as ctrl-c does: what was under way is in the audit."""
    work = asyncio.ensure_future(_run(order, settings, audit))
    told: list[bool] = []

    def end() -> None:
        told.append(True)
        work.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
    try:
        return await work
    except asyncio.CancelledError:
        if told:
            return ENDED
        raise


async def _run(order: Order, settings: Settings, audit: Path) -> int:
    try:
        config = kubeconfig.load(settings)
        context = config.choose(settings.context)[0].name
        if order.yes and production.is_production(context) and not order.context_named:
            raise click.UsageError(_NAME_IT.format(context=context))
        quiet = replace(settings, sweep=False)
        async with (
            LiveSession(config, settings.context, quiet, pace=_PACE) as session,
            Latest.of(session) as latest,
        ):
            return await _Enrolling(order, settings, context, session, latest, audit).run()
    except KubeError as error:
        return _ended(_stopped(error))


class _Enrolling:
    """The work on one cluster."""

    def __init__(
        self,
        order: Order,
        settings: Settings,
        context: str,
        session: LiveSession,
        latest: Latest,
        audit: Path,
    ) -> None:
        self._order, self._settings, self._context = order, settings, context
        self._session, self._latest, self._audit = session, latest, Audit(audit)

    async def run(self) -> int:
        left = list(self._order.namespaces)
        try:
            await self._look_around()
            plans = [await self._plan(name) for name in left]
            for plan in plans:
                for step in plan:
                    await self._take(step)
                left.pop(0)
        except _Stop as stop:
            status = _ended(stop)
        except KubeError as error:
            status = _ended(_stopped(error))
        except (
            asyncio.CancelledError,
            BrokenPipeError,
        ):  # told to end, or nobody reads it any more
            if not self._order.dry_run:
                said = "`meshtui audit show` tells how far that came"
                click.echo(f"meshtui: left in the middle of {left[0]}: {said}", err=True)
                _leave(left[1:])
            raise
        else:
            return VERIFIED
        _leave(left[1:])
        return status

    async def _look_around(self) -> None:
        """Returns when all lists and dumps have come, or have failed; what is missing is said to be unknown then."""
        scopes = self._scopes()
        self._session.want(scopes)
        until = datetime.now(UTC) + timedelta(seconds=self._settings.request_timeout)
        async with aclosing(self._latest.until(until)) as snapshots:
            async for snapshot in snapshots:
                server = snapshot.server
                if server.problem is not None and server.retry_at is not None:  # no mere delay
                    raise _Stop(UNREACHABLE, server.problem.text, server.problem.remedy)
                phases = {source.phase for source in snapshot.sources.values()}
                if not server.answered or not phases or Phase.LOADING in phases:
                    continue
                targets = [Ref(NAMESPACE, "", name) for name in self._order.namespaces]
                probes = {
                    each for target in targets for each in verification.dumps(target, snapshot)
                }
                self._session.want(scopes, probes)
                if probes <= snapshot.answers.keys():
                    break

    def _scopes(self) -> Sequence[Scope]:
        """All namespaces, or those that were chosen and those that it is about."""
        chosen = self._settings.namespaces_of(self._context)
        names = sorted({*chosen, *self._order.namespaces}) if chosen else [None]
        found = {
            scope
            for need in _NEEDS
            for scope in (
                [need]
                if isinstance(need, Scope)
                else [Scope(need, name if need.namespaced else None) for name in names]
            )
        }
        return [each for each in found if each == Scope(each.kind) or Scope(each.kind) not in found]

    async def _plan(self, name: str) -> Sequence[Step]:
        """What is to be done with a namespace; everything is planned before anything is done."""
        order, snapshot = self._order, self._latest.snapshot
        try:
            it = await self._session.get(Ref(NAMESPACE, "", name), managed_fields=True)
        except StatusError as error:
            if error.problem.trouble is Trouble.GONE:
                raise _Stop(USAGE, f"there is no namespace {name}") from error
            raise
        found = (
            steps.leaving(it, snapshot)
            if order.leave
            else steps.joining(it, snapshot, order.waypoint)
        )
        if isinstance(found, Refusal):
            raise _Stop(REFUSED, found.reason)
        return found

    async def _take(self, step: Step) -> None:
        """One change, and its proof."""
        before = self._latest.snapshot
        click.echo(plain(f"{step.change.title}:"))
        if step.made:
            click.echo("  the labels are so already")
        for line in _looked_at(step.change, before):
            click.echo(plain(f"  {line}"))
        if self._order.dry_run:
            if not step.made:
                await self._try(step.change)
            return
        started = datetime.now(UTC)
        if not step.made:
            started = await self._make(step.change)
        patience = timedelta(seconds=self._order.patience)
        until = started + patience
        following = Verification(step.change, step.goal, started, frozenset(), until)
        progress = await self._followed(following)
        if progress.state is not verification.State.DONE:
            raise _Stop(UNVERIFIED, f"{step.change.title}: {progress.text}", progress.remedy)

    async def _make(self, change: Patch) -> datetime:
        """Down the road; when it was sent. Raises _Stop where that is not its end."""
        sent = datetime.now(UTC)

        async def confirm(proposal: Proposal) -> bool:
            nonlocal sent
            answer = await self._confirm(proposal)
            sent = datetime.now(UTC)
            return answer

        result = await perform(
            change,
            self._session,
            confirm,
            self._audit,
            server=self._latest.snapshot.server,
            read_only=lambda: production.read_only(self._settings, self._context),
        )
        if result.state is not State.APPLIED:
            _fail(result)
        if result.unaudited:
            click.echo(f"meshtui: {result.unaudited}", err=True)
        for line in result.warnings:
            click.echo(plain(f"  warning: {line}"))
        return sent

    async def _try(self, change: Patch) -> None:
        """What the server would make of it. Raises _Stop where it would not."""
        found = await dry_run(change, self._session, read_only=lambda: "")
        if isinstance(found, Result):
            _fail(found)
        await self._foresee(found)
        _show(found)
        click.echo("  accepted as a dry run; nothing was changed")

    async def _foresee(self, proposal: Proposal) -> None:
        """What the doctor would newly find."""
        change, expected = proposal.change, proposal.expected
        found = await background.start(foresight.of, change, expected, self._latest.snapshot)
        for line in _checked(found):
            click.echo(plain(f"  {line}"))

    async def _confirm(self, proposal: Proposal) -> bool:
        await self._foresee(proposal)
        _show(proposal)
        if self._order.yes:
            return True
        name, server = proposal.change.target.name, self._latest.snapshot.server
        who = server.impersonating or server.user
        where = f"in {self._context} as {who}" if who else f"in {self._context}"
        if production.is_production(self._context):
            return await _answer(f"Type {name} to do that {where}: ") == name
        answer = await _answer(f"Do that {where}? [y/N]: ")
        return answer.lower() in ("y", "yes")

    async def _followed(self, following: Verification) -> Progress:
        """The evidence until it is whole, or the time is over; a line for each way that it is on."""
        scopes, said = self._scopes(), ""
        async with aclosing(self._latest.until(following.until)) as snapshots:
            async for snapshot in snapshots:
                self._session.want(scopes, verification.probes(following, snapshot))
                progress = verification.progress(following, snapshot, datetime.now(UTC))
                if progress.text != said:
                    said = progress.text
                    click.echo(plain(f"  {said}"))
                if progress.state is verification.State.DONE:
                    return progress
        progress = verification.progress(following, self._latest.snapshot, following.until)
        for each in progress.missing:
            click.echo(plain(f"  {each.name}: {each.missing}: {each.verdict.reason}"), err=True)
        return progress


_NAME_IT = (
    "the name of the context {context} looks like production: --yes needs --context {context} beside"
    " it, so that no other context can be meant"
)


def _looked_at(change: Patch, snapshot: Snapshot) -> Iterator[str]:
    """What pre-flight says, and whom it reaches."""
    yield from _checked(preflight.of(change, snapshot))
    for line in change.reach:
        yield f"  reaches {line}"


def _checked(checks: Iterable[Check]) -> Iterator[str]:
    for check in checks:
        yield f"{check.verdict.health.mark} {check.verdict.reason}"
        if check.remedy:
            yield f"  {check.remedy}"


def _show(proposal: Proposal) -> None:
    for line in _proposed(proposal):
        click.echo(plain(f"  {line}"))


def _proposed(proposal: Proposal) -> Iterator[str]:
    """What the server would make of it, and who would put it back."""
    for owner in proposal.owners:
        yield f"! {owner.text}"
    for warning in (*proposal.change.warnings, *proposal.warnings):
        yield f"! {warning}"
    yield from proposal.diff


async def _answer(question: str) -> str:
    """What somebody types at the terminal; "" at its end. No thread waits for it, which would outlive the program."""
    click.echo(plain(question), nl=False)
    loop, terminal = asyncio.get_running_loop(), sys.stdin.fileno()
    ready = asyncio.Event()
    loop.add_reader(terminal, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(terminal)
    return os.read(terminal, 4096).decode(errors="replace").strip()


def _leave(names: Sequence[str]) -> None:
    if names:
        click.echo(f"meshtui: not touched: {', '.join(names)}", err=True)


def _fail(result: Result) -> NoReturn:
    status = UNREACHABLE if result.state in (State.FAILED, State.UNKNOWN) else REFUSED
    raise _Stop(status, f"{result.change.title}: {result.reason}", result.remedy)


def _stopped(error: KubeError) -> _Stop:
    """A server that says no is not one that cannot be reached."""
    said_no = isinstance(error, StatusError) and error.code < 500
    status = REFUSED if said_no and not isinstance(error, Unauthorized) else UNREACHABLE
    return _Stop(status, str(error), error.problem.remedy)


def _ended(stop: _Stop) -> int:
    click.echo(plain(f"meshtui: {stop}"), err=True)
    if stop.remedy:
        click.echo(plain(f"meshtui: {stop.remedy}"), err=True)
    return stop.status
