"""Road: the one way on which anything gets into a cluster.

Guards, a look at how it is, the question, the guards again, audit (intent), send, audit (outcome). Whatever ends it on
the way is said, and is in the audit too. What goes down it is an errand: `perform` has those that change an object,
`levels` those that set the log level of a proxy.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Generic, TypeVar
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace

from meshtui.kube.audit import Audit, AuditError
from meshtui.kube.errors import Conflict, KubeError, StatusError
from meshtui.mesh.changes import Change
from meshtui.mesh.log_levels import LevelChange
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Server

_UNAUDITED = "See that this file can be written: rights, and room on the disk."


class State(Enum):
    """How a change ended."""

    APPLIED = "applied"
    DECLINED = "declined"
    REFUSED = "refused"
    CONFLICT = "conflict"
    FAILED = "failed"
    UNKNOWN = "unknown"


C = TypeVar("C", Change, LevelChange)


class Ended(Struct, Generic[C], frozen=True):
    """How a change ended, in words."""

    state: State
    change: C
    """As it was sent at last."""
    reason: str = ""
    remedy: str = ""
    unaudited: str = ""
    """Why the outcome is not in the audit; "" where it is."""
    id: str = ""
    """By which the audit names the change."""


T = TypeVar("T")
Asked = TypeVar("Asked")
End = TypeVar("End", bound=Ended[Any])


class Errand(ABC, Generic[Asked, End]):
    """One change under way: what differs between one kind of change and another."""

    change: Change | LevelChange
    """As it stands now."""
    sent = False
    """It is on its way, or was, and no answer has said no."""

    @abstractmethod
    async def guard(self) -> None:
        """Raises Stopped where it may not be made; comes before the question, and after it."""

    @abstractmethod
    async def look(self) -> Asked:
        """What a person is to confirm, by how the cluster is now. Raises Stopped and KubeError."""

    @abstractmethod
    async def send(self, tell: Callable[[End], Awaitable[str]]) -> End:
        """Makes it, and says in `sent` how far that came. `tell` tells the audit an end of which more is found out
        later. Raises Stopped and KubeError."""

    @abstractmethod
    def ended(self, state: State, reason: str, remedy: str = "") -> End: ...

    @abstractmethod
    def entry(self) -> Raw:
        """What the audit keeps of the change, beside who, where and what."""

    @abstractmethod
    def outcome(self, end: End) -> Raw:
        """What the audit keeps of an end, beside how and why."""


class Stopped(Exception):  # noqa: N818 - it is an end, not an error
    """An end before it was sent."""

    def __init__(self, end: Any) -> None:
        super().__init__(end.reason)
        self.end = end
        """Of the kind of its errand."""


async def follow(
    errand: Errand[Asked, End],
    confirm: Callable[[Asked], Awaitable[bool]],
    audit: Audit,
    *,
    server: Server,
    read_only: Callable[[], str],
    undoes: str = "",
) -> End:
    """Takes an errand down the whole road, and never raises for what a cluster, a file or a person may do. `server` is
    whom the audit names; `read_only` says why nothing may be changed now, "" where it may; `undoes` is the id of the
    change that this one takes back. What `confirm` raises, and a cancellation, is passed on once it is in the audit."""
    key = str(uuid4())

    async def told(step: str, end: End | None = None) -> str:
        """Adds a step to the audit; why that failed, or ""."""
        entry = {**_head(errand.change, server), **errand.entry(), "id": key, "step": step}
        if undoes:
            entry["undoes"] = undoes
        if end is not None:
            entry |= {"state": end.state.value, "reason": end.reason, **errand.outcome(end)}
        try:
            await _to_its_end(audit.write(entry))
        except AuditError as error:
            return str(error)
        return ""

    try:
        question = await proposed(errand, read_only)
        if not await confirm(question):
            raise Stopped(errand.ended(State.DECLINED, "declined"))
        await _guard(errand, read_only)
        if unaudited := await told("intent"):
            why = f"{unaudited}; so nothing was sent"
            raise Stopped(errand.ended(State.FAILED, why, _UNAUDITED))
        end = await errand.send(lambda end: told("outcome", end))
    except (Stopped, KubeError) as reason:
        end = ended(errand, reason)
    except BaseException:
        state = State.UNKNOWN if errand.sent else State.DECLINED
        why = "left before the answer came" if errand.sent else "left before it was confirmed"
        await told("outcome", errand.ended(state, why))
        raise
    return replace(end, unaudited=await told("outcome", end), id=key)


async def proposed(errand: Errand[Asked, End], read_only: Callable[[], str]) -> Asked:
    """The road as far as the question. Raises Stopped and KubeError, whose end `ended` gives."""
    await _guard(errand, read_only)
    return await errand.look()


def ended(errand: Errand[Asked, End], reason: Stopped | KubeError) -> End:
    """The end by what was raised: the server's no, a conflict, a failure on the way to it, or nobody knows."""
    match reason:
        case Stopped():
            end: End = reason.end
            return end
        case Conflict():
            state = State.CONFLICT
        case StatusError(code=code) if code < 500:
            state = State.REFUSED
        case _:
            state = State.UNKNOWN if errand.sent else State.FAILED
    by_webhook = "admission webhook" in str(reason)
    return errand.ended(state, str(reason), "" if by_webhook else reason.problem.remedy)


async def _to_its_end(writing: Coroutine[Any, Any, T]) -> T:
    """A write that is not given up half-way: a cancellation is passed on once it is done."""
    task = asyncio.ensure_future(writing)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(AuditError):
            await task
        raise


async def _guard(errand: Errand[Asked, End], read_only: Callable[[], str]) -> None:
    """The last guard: whoever offered the change should have asked before."""
    if why := read_only():
        raise Stopped(errand.ended(State.REFUSED, f"read-only: {why}"))
    await errand.guard()


def _head(change: Change | LevelChange, server: Server) -> dict[str, Any]:
    """Who, where, what: in every line, so that each can be read by itself."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "context": server.context,
        "server": server.url,
        "user": server.user,
        "as": server.impersonating,
        "title": change.title,
        "verb": change.verb,
        "kind": str(change.target.kind),
        "namespace": change.target.namespace,
        "name": change.target.name,
    }
