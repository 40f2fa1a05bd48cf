"""Levels: the one road on which the log level of a proxy is set, and set back.

Guards, the level as it is, the question, audit (intent), POST, audit (outcome). It stands beside `perform`, which
changes objects: a level is in none, and there is no dry run of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from meshtui.kube.audit import Audit, AuditError
from meshtui.kube.errors import Absent, Forbidden, KubeError
from meshtui.kube.perform import State
from meshtui.kube.session import Session
from meshtui.mesh import log_levels, raw
from meshtui.mesh.log_levels import LevelChange
from meshtui.mesh.snapshot import Server

_NOT_UNDONE = "a log level goes back by itself, or is offered to be set back at the next start"


@dataclass(frozen=True, slots=True)
class Leveled:
    """How a change of a level ended, in words."""

    state: State
    change: LevelChange
    """With what was before, where that could be asked."""
    reason: str = ""
    until: datetime | None = None
    """When one that was set is to be set back."""
    gone: bool = False
    """The pod is not there any more, and its level went with it."""
    id: str = ""
    """By which the audit names it."""
    unaudited: str = ""
    """Why the outcome is not in the audit; "" where it is."""


Confirm = Callable[[LevelChange], Awaitable[bool]]


async def perform(
    change: LevelChange,
    session: Session,
    confirm: Confirm,
    audit: Audit,
    *,
    server: Server,
    read_only: Callable[[], str],
    undoes: str = "",
) -> Leveled:
    """Takes it down the whole road; never raises for what a cluster, a file or a person may do. What `confirm` raises,
    and a cancellation, is passed on once it is in the audit. `undoes` is the id of the change that this one sets
    back."""
    road = _Road(change, session, audit, server, read_only, undoes)
    try:
        result = await road.followed(confirm)
    except BaseException:
        state = State.UNKNOWN if road.sent else State.DECLINED
        why = "left before the answer came" if road.sent else "left before it was confirmed"
        await road.told("outcome", Leveled(state, road.change, why))
        raise
    return replace(result, unaudited=await road.told("outcome", result), id=road.id)


@dataclass
class _Road:
    """One change under way."""

    change: LevelChange
    session: Session
    audit: Audit
    server: Server
    read_only: Callable[[], str]
    undoes: str
    sent: bool = False
    id: str = field(default_factory=lambda: str(uuid4()))

    def __post_init__(self) -> None:
        self.until = datetime.now(UTC) + log_levels.LASTS

    async def followed(self, confirm: Confirm) -> Leveled:
        try:
            if why := self.read_only():
                return self._end(State.REFUSED, f"read-only: {why}")
            if not await self._is_there():
                return self._end(State.FAILED, "the pod is gone, and its level with it", gone=True)
            if self.change.level:
                said = await self._post(log_levels.QUESTION)
                self.change = self.change.known(said)
            if not await confirm(self.change):
                return self._end(State.DECLINED, "declined")
            if why := self.read_only():
                return self._end(State.REFUSED, f"read-only: {why}")
            if unaudited := await self.told("intent"):
                return self._end(State.FAILED, f"{unaudited}; so nothing was sent")
            self.sent = True
            for target in self.change.posts:
                await self._post(target)
        except Forbidden as error:
            return self._end(State.REFUSED, str(error))
        except (KubeError, ValueError) as error:
            return self._end(State.UNKNOWN if self.sent else State.FAILED, str(error))
        return self._end(State.APPLIED)

    async def told(self, step: str, end: Leveled | None = None) -> str:
        """Adds a step to the audit; why that failed, or ""."""
        entry = _head(self.change, self.server, self.until) | {"id": self.id, "step": step}
        if self.undoes:
            entry["undoes"] = self.undoes
        if end is not None:
            entry |= {"state": end.state.value, "reason": end.reason, "back": {"none": _NOT_UNDONE}}
        try:
            await self.audit.write(entry)
        except AuditError as error:
            return str(error)
        return ""

    async def _is_there(self) -> bool:
        """Whether it is the pod that was meant: another of its name began with its own level."""
        try:
            return raw.uid(await self.session.get(self.change.target)) == self.change.uid
        except Absent:
            return False

    async def _post(self, target: str) -> bytes:
        return await self.session.admin(self.change.target, log_levels.PORT, target)

    def _end(self, state: State, reason: str = "", *, gone: bool = False) -> Leveled:
        until = self.until if self.change.level and state is State.APPLIED else None
        return Leveled(state, self.change, reason, until, gone)


def _head(change: LevelChange, server: Server, until: datetime) -> dict[str, Any]:
    """Who, where, what: in every line, so that each can be read by itself."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "context": server.context,
        "server": server.url,
        "user": server.user,
        "as": server.impersonating,
        "title": change.title,
        "verb": "post",
        "kind": str(change.target.kind),
        "namespace": change.target.namespace,
        "name": change.target.name,
        "posts": list(change.posts),
        "log_level": log_levels.kept(change, until),
    }
