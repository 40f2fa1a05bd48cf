"""Perform: what goes down the road to change an object.

The rights, the object as it is, a dry run by the server; and then apply for the version that was seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn

from msgspec import Struct

from meshtui.kube import background, road
from meshtui.kube.audit import Audit
from meshtui.kube.errors import Absent, Conflict, KubeError, StatusError, Unreachable
from meshtui.kube.road import Ended, Errand, State, Stopped
from meshtui.kube.session import Session
from meshtui.mesh import diff, past, standing
from meshtui.mesh.changes import Change, Create, Delete, Patch, Refusal, manifest
from meshtui.mesh.kinds import SECRET
from meshtui.mesh.ownership import Owner, owners
from meshtui.mesh.raw import Raw, text
from meshtui.mesh.snapshot import Server, Trouble

LOOKS = (0.0, 1.0, 2.0, 4.0)
"""Seconds before each look at an object whose write was not answered."""

_UNREAD = "Look at the object once the cluster answers; the audit has what was sent."
_OVERWRITTEN = "Look at the object, and make the change again where it is still wanted."
_NOT_SENT = (Trouble.NAME, Trouble.REFUSED)
"""Failures that come before a request is on its way."""


class Proposal(Struct, frozen=True):
    """What a person is asked to confirm."""

    change: Change
    diff: tuple[str, ...]
    """As `mesh.diff.lines` gives it: from the object as it is to what the dry run gave."""
    warnings: tuple[str, ...]
    """The server's and the admission webhooks'; the change has its own."""
    owners: Sequence[Owner]
    for_repository: str
    """YAML to copy for whoever owns the object; "" for a deletion."""
    expected: Raw | None
    """The object that the dry run gave; None for a deletion."""


class Result(Ended[Change], frozen=True):
    """How a change ended; `changes.inverse(change, left)` takes an applied one back."""

    left: Raw | None = None
    """The object as an applied change left it; None where it was deleted."""
    diff: tuple[str, ...] = ()
    """After a conflict: what somebody else changed."""
    warnings: tuple[str, ...] = ()


Confirm = Callable[[Proposal], Awaitable[bool]]
Tell = Callable[[Result], Awaitable[str]]


async def perform(
    change: Change,
    session: Session,
    confirm: Confirm,
    audit: Audit,
    *,
    server: Server,
    read_only: Callable[[], str],
    undoes: str = "",
    looks: Sequence[float] = LOOKS,
) -> Result:
    """Takes a change down the road, as `road.follow` says."""
    errand = _Changing(change, session, looks)
    return await road.follow(
        errand, confirm, audit, server=server, read_only=read_only, undoes=undoes
    )


async def dry_run(
    change: Change, session: Session, *, read_only: Callable[[], str]
) -> Proposal | Result:
    """The road as far as the question, or how it ended before. It is not in the audit, which tells what was done to a
    cluster or was to be: of this nothing was."""
    errand = _Changing(change, session)
    try:
        return await road.proposed(errand, read_only)
    except (Stopped, KubeError) as reason:
        return road.ended(errand, reason)


class _Changing(Errand[Proposal, Result]):
    def __init__(self, change: Change, session: Session, looks: Sequence[float] = LOOKS) -> None:
        self.change: Change = change
        """Against the version that was seen last."""
        self._session = session
        self._looks = looks
        self._expected: Raw | None = None
        """The object that the dry run gave; None for a deletion."""

    async def guard(self) -> None:
        target = self.change.target
        where = target.namespace or None
        name = "" if isinstance(self.change, Create) else target.name  # RBAC knows no name yet
        right = await self._session.may(self.change.verb, target.kind, where, name=name)
        if right.allowed is False:
            self._stop(State.REFUSED, right.reason, "`meshtui rbac` prints the rights needed")

    async def look(self) -> Proposal:
        await self._rebase()
        try:
            written = await self._session.preview(self.change)
        except Conflict:
            await self._rebase()
            written = await self._session.preview(self.change)
        self._expected = written.object
        change, before = self.change, self.change.before
        lines = await background.start(diff.lines, before, written.object)
        if not lines and isinstance(change, Patch):
            self._stop(State.REFUSED, "nothing would change: it is so already")
        wanted = manifest(change)
        return Proposal(
            change=change,
            diff=lines,
            warnings=written.warnings,
            owners=owners(before, change) if before is not None else (),
            for_repository=await background.start(diff.text, wanted) if wanted else "",
            expected=written.object,
        )

    async def send(self, tell: Tell, *, again: bool = True) -> Result:
        """Once more where it was refused for what somebody else did to its object."""
        self.sent = True
        try:
            written = await self._session.apply(self.change)
        except KubeError as error:
            self.sent = _may_have_been_done(error, self.change)
            if again and _is_of_another(error, self.change):
                await self._rebase()
                return await self.send(tell, again=False)
            if not self.sent:
                raise
            return await self._looked_up(error, tell)
        return Result(State.APPLIED, self.change, left=written.object, warnings=written.warnings)

    def ended(self, state: State, reason: str, remedy: str = "") -> Result:
        return Result(state, self.change, reason, remedy)

    def entry(self) -> Raw:
        """What a Secret holds is in none."""
        change, told = self.change, self.change.target.kind != SECRET
        return {
            "based_on": change.based_on,
            **({"patch": change.patch} if isinstance(change, Patch) and told else {}),
            **({"object": change.wanted} if isinstance(change, Create) and told else {}),
        }

    def outcome(self, end: Result) -> Raw:
        left = text(end.left, "metadata", "resourceVersion")
        applied = end.state is State.APPLIED
        return {"left": left, **({"back": past.kept(end.change, end.left)} if applied else {})}

    async def _looked_up(self, error: KubeError, tell: Tell) -> Result:
        """What became of a change whose answer never came, as the object tells."""
        change, answered = self.change, isinstance(error, StatusError)
        lost = str(error) if answered else f"its answer never came ({error})"
        await tell(self.ended(State.UNKNOWN, lost, _UNREAD))
        result = self.ended(State.UNKNOWN, f"{lost}; the object cannot be read either", _UNREAD)
        for seconds in self._looks:
            await asyncio.sleep(seconds)
            try:
                now = await self._read()
            except KubeError:
                continue
            if standing.is_done(change, now, self._expected):
                return Result(State.APPLIED, change, f"{lost}; the object is as asked", left=now)
            if standing.is_untouched(change, now):
                why = f"{lost}; the object is as it was before"
                result = self.ended(State.FAILED, why, error.problem.remedy)
            else:
                why = f"{lost}; the object is neither as before nor as asked"
                result = Result(State.UNKNOWN, change, why, _OVERWRITTEN, left=now)
        return result

    async def _rebase(self) -> None:
        """Puts the change onto the object as it is, read whole; stops where something was written that it is about."""
        now = await self._read()
        found = standing.rebased(self.change, now)
        if isinstance(found, Refusal):
            before = self.change.before
            lines = await background.start(diff.lines, before, standing.seen(self.change, now))
            raise Stopped(Result(State.CONFLICT, self.change, found.reason, diff=lines))
        self.change = found

    async def _read(self) -> Raw | None:
        try:
            return await self._session.get(self.change.target, managed_fields=True)
        except Absent as error:
            if error.problem.trouble is Trouble.GONE:
                return None
            raise

    def _stop(self, state: State, reason: str, remedy: str = "") -> NoReturn:
        raise Stopped(self.ended(state, reason, remedy))


def _is_of_another(error: KubeError, change: Change) -> bool:
    """Whether a change was refused for what somebody else did to its object."""
    gone = isinstance(error, Absent) and error.problem.trouble is Trouble.GONE
    return isinstance(error, Conflict) or (gone and isinstance(change, Patch))


def _may_have_been_done(error: KubeError, change: Change) -> bool:
    if isinstance(error, StatusError):
        return error.code >= 500 or (isinstance(error, Absent) and isinstance(change, Delete))
    return isinstance(error, Unreachable) and error.problem.trouble not in _NOT_SENT
