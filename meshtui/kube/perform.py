"""Perform: the one road on which a change gets into a cluster.

Guards, the object as it is, server-side dry run, confirm, audit (intent), apply for the version that was seen, audit
(outcome). Whatever ends it on the way is said, and is in the audit too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any, NoReturn
from uuid import uuid4

from meshtui.kube import background
from meshtui.kube.audit import Audit, AuditError
from meshtui.kube.errors import Absent, Conflict, KubeError, StatusError, Unreachable
from meshtui.kube.session import Session, Written
from meshtui.mesh import diff, past, standing
from meshtui.mesh.changes import Change, Create, Delete, Patch, Refusal, manifest
from meshtui.mesh.kinds import SECRET
from meshtui.mesh.ownership import Owner, owners
from meshtui.mesh.raw import Raw, text
from meshtui.mesh.snapshot import Server, Trouble

LOOKS = (0.0, 1.0, 2.0, 4.0)
"""Seconds before each look at an object whose write was not answered."""

_UNAUDITED = "See that this file can be written: rights, and room on the disk."
_UNREAD = "Look at the object once the cluster answers; the audit has what was sent."
_OVERWRITTEN = "Look at the object, and make the change again where it is still wanted."
_NOT_SENT = (Trouble.NAME, Trouble.REFUSED)
"""Failures that come before a request is on its way."""


class State(Enum):
    """How a change ended."""

    APPLIED = "applied"
    DECLINED = "declined"
    REFUSED = "refused"
    CONFLICT = "conflict"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Proposal:
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


@dataclass(frozen=True, slots=True)
class Result:
    """How a change ended, in words; `changes.inverse(change, left)` takes an applied one back."""

    state: State
    change: Change
    """Against the version that it was sent for at last."""
    reason: str = ""
    remedy: str = ""
    left: Raw | None = None
    """The object as an applied change left it; None where it was deleted."""
    diff: tuple[str, ...] = ()
    """After a conflict: what somebody else changed."""
    warnings: tuple[str, ...] = ()
    unaudited: str = ""
    """Why the outcome is not in the audit; "" where it is."""
    id: str = ""
    """By which the audit names the change."""


Confirm = Callable[[Proposal], Awaitable[bool]]


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
    """Takes a change down the whole road, and never raises for what a cluster, a file or a person may do. `server` is
    whom the audit names; `read_only` says why nothing may be changed now, "" where it may; `undoes` is the id of the
    change that this one takes back. What `confirm` raises, and a cancellation, is passed on once it is in the audit."""
    road = _Road(change, session, audit, server, read_only, undoes, looks)
    try:
        result = await road.followed(confirm)
    except _Stopped as stopped:
        result = stopped.result
    except BaseException:
        state = State.UNKNOWN if road.sent else State.DECLINED
        why = "left before the answer came" if road.sent else "left before it was confirmed"
        await road.told("outcome", Result(state, road.change, why))
        raise
    return replace(result, unaudited=await road.told("outcome", result), id=road.id)


async def dry_run(
    change: Change, session: Session, *, read_only: Callable[[], str]
) -> Proposal | Result:
    """The road as far as the question, or how it ended before. It is not in the audit, which tells what was done to a
    cluster or was to be: of this nothing was."""
    road = _Road(change, session, None, Server(), read_only)
    try:
        return await road.proposed()
    except _Stopped as stopped:
        return stopped.result


class _Stopped(Exception):  # noqa: N818 - it is an end, not an error
    def __init__(self, result: Result) -> None:
        super().__init__(result.reason)
        self.result = result


@dataclass
class _Road:
    """One change under way."""

    change: Change
    session: Session
    audit: Audit | None
    """None where nothing is to be done."""
    server: Server
    read_only: Callable[[], str]
    undoes: str = ""
    looks: Sequence[float] = LOOKS
    sent: bool = False
    """It is on its way, or was, and no answer has said no."""

    def __post_init__(self) -> None:
        self.id = str(uuid4())

    async def followed(self, confirm: Confirm) -> Result:
        proposal = await self.proposed()
        if not await confirm(proposal):
            self._stop(State.DECLINED, "declined")
        await self._guard()
        if unaudited := await self.told("intent"):
            self._stop(State.FAILED, f"{unaudited}; so nothing was sent", _UNAUDITED)
        return await self._applied(proposal.expected)

    async def proposed(self) -> Proposal:
        await self._guard()
        return await self._proposal()

    async def told(self, step: str, result: Result | None = None) -> str:
        """Adds a step to the audit; why that failed, or ""."""
        if self.audit is None:
            return ""
        undoes = {"undoes": self.undoes} if self.undoes else {}
        head = {**_head(self.change, self.server), "id": self.id, **undoes, "step": step}
        try:
            await self.audit.write({**head, **_end(result)})
        except AuditError as error:
            return str(error)
        return ""

    async def _guard(self) -> None:
        """The last guard: whoever offered the change should have asked before."""
        if why := self.read_only():
            self._stop(State.REFUSED, f"read-only: {why}")
        target = self.change.target
        where = target.namespace or None
        name = "" if isinstance(self.change, Create) else target.name  # RBAC knows no name yet
        right = await self.session.may(self.change.verb, target.kind, where, name=name)
        if right.allowed is False:
            self._stop(State.REFUSED, right.reason, "`meshtui rbac` prints the rights needed")

    async def _proposal(self) -> Proposal:
        await self._rebase()
        try:
            written = await self.session.preview(self.change)
        except Conflict:
            await self._rebase()
            try:
                written = await self.session.preview(self.change)
            except KubeError as again:
                self._fail(again)
        except KubeError as error:
            self._fail(error)
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

    async def _applied(self, expected: Raw | None) -> Result:
        try:
            try:
                written = await self._send()
            except (Conflict, Absent) as error:
                if not _is_of_another(error, self.change):
                    raise
                await self._rebase()
                written = await self._send()
        except KubeError as error:
            if not _may_have_been_done(error, self.change):
                self._fail(error)
            return await self._looked_up(error, expected)
        return Result(State.APPLIED, self.change, left=written.object, warnings=written.warnings)

    async def _send(self) -> Written:
        self.sent = True
        try:
            return await self.session.apply(self.change)
        except StatusError as error:
            self.sent = error.code >= 500
            raise

    async def _looked_up(self, error: KubeError, expected: Raw | None) -> Result:
        """What became of a change whose answer never came, as the object tells."""
        change, answered = self.change, isinstance(error, StatusError)
        lost = str(error) if answered else f"its answer never came ({error})"
        why = f"{lost}; the object cannot be read either"
        result = Result(State.UNKNOWN, change, why, _UNREAD)
        await self.told("outcome", replace(result, reason=lost))
        for seconds in self.looks:
            await asyncio.sleep(seconds)
            try:
                now = await self._read()
            except KubeError:
                continue
            if standing.is_done(change, now, expected):
                return Result(State.APPLIED, change, f"{lost}; the object is as asked", left=now)
            if standing.is_untouched(change, now):
                why = f"{lost}; the object is as it was before"
                result = Result(State.FAILED, change, why, error.problem.remedy)
            else:
                why = f"{lost}; the object is neither as before nor as asked"
                result = Result(State.UNKNOWN, change, why, _OVERWRITTEN, left=now)
        return result

    async def _rebase(self) -> None:
        """Puts the change onto the object as it is, read whole; stops where something was written that it is about."""
        try:
            now = await self._read()
        except KubeError as error:
            self._fail(error)
        found = standing.rebased(self.change, now)
        if isinstance(found, Refusal):
            before = self.change.before
            lines = await background.start(diff.lines, before, standing.seen(self.change, now))
            self._stop(State.CONFLICT, found.reason, diff=lines)
        self.change = found

    async def _read(self) -> Raw | None:
        try:
            return await self.session.get(self.change.target, managed_fields=True)
        except Absent as error:
            if error.problem.trouble is Trouble.GONE:
                return None
            raise

    def _fail(self, error: KubeError) -> NoReturn:
        """The end by an error: the server's no, a conflict, or a failure on the way to it."""
        match error:
            case Conflict():
                state = State.CONFLICT
            case StatusError(code=code) if code < 500:
                state = State.REFUSED
            case _:
                state = State.FAILED
        by_webhook = "admission webhook" in str(error)
        self._stop(state, str(error), "" if by_webhook else error.problem.remedy)

    def _stop(
        self, state: State, reason: str, remedy: str = "", diff: tuple[str, ...] = ()
    ) -> NoReturn:
        raise _Stopped(Result(state, self.change, reason, remedy, diff=diff))


def _is_of_another(error: KubeError, change: Change) -> bool:
    """Whether a change was refused for what somebody else did to its object."""
    gone = isinstance(error, Absent) and error.problem.trouble is Trouble.GONE
    return isinstance(error, Conflict) or (gone and isinstance(change, Patch))


def _may_have_been_done(error: KubeError, change: Change) -> bool:
    if isinstance(error, StatusError):
        return error.code >= 500 or (isinstance(error, Absent) and isinstance(change, Delete))
    return isinstance(error, Unreachable) and error.problem.trouble not in _NOT_SENT


def _head(change: Change, server: Server) -> dict[str, Any]:
    """Who, where, what: in every line, so that each can be read by itself. What a Secret holds is in none."""
    target = change.target
    told = target.kind != SECRET
    return {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "context": server.context,
        "server": server.url,
        "user": server.user,
        "as": server.impersonating,
        "title": change.title,
        "verb": change.verb,
        "kind": str(target.kind),
        "namespace": target.namespace,
        "name": target.name,
        "based_on": change.based_on,
        **({"patch": change.patch} if isinstance(change, Patch) and told else {}),
        **({"object": change.wanted} if isinstance(change, Create) and told else {}),
    }


def _end(result: Result | None) -> dict[str, Any]:
    if result is None:
        return {}
    left = text(result.left, "metadata", "resourceVersion")
    applied = result.state is State.APPLIED
    back = {"back": past.kept(result.change, result.left)} if applied else {}
    return {"state": result.state.value, "reason": result.reason, "left": left, **back}
