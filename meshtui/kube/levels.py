"""Levels: what goes down the road to set the log level of a proxy, or to set it back.

A level is in no object: there is no dry run of it, and the proxy itself is asked how it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from meshtui.kube import road
from meshtui.kube.audit import Audit
from meshtui.kube.errors import Absent
from meshtui.kube.road import Ended, Errand, State, Stopped
from meshtui.kube.session import Session
from meshtui.mesh import log_levels, raw
from meshtui.mesh.log_levels import LevelChange
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Server

_NOT_UNDONE = "a log level goes back by itself, or is offered to be set back at the next start"


class Leveled(Ended[LevelChange], frozen=True):
    """How a change of a level ended; its change has what was before, where that could be asked."""

    until: datetime | None = None
    """When one that was set is to be set back."""
    gone: bool = False
    """The pod is not there any more, and its level went with it."""


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
    """Takes it down the road, as `road.follow` says."""
    errand = _Leveling(change, session)
    return await road.follow(
        errand, confirm, audit, server=server, read_only=read_only, undoes=undoes
    )


class _Leveling(Errand[LevelChange, Leveled]):
    def __init__(self, change: LevelChange, session: Session) -> None:
        self.change: LevelChange = change
        self._session = session
        self._until = datetime.now(UTC) + log_levels.LASTS

    async def guard(self) -> None:
        """The server says no by itself where a port-forward is not allowed."""

    async def look(self) -> LevelChange:
        if not await self._is_there():
            why = "the pod is gone, and its level with it"
            raise Stopped(Leveled(State.FAILED, self.change, why, gone=True))
        if self.change.level:
            said = await self._post(log_levels.QUESTION)
            try:
                self.change = self.change.known(said)
            except ValueError as error:
                raise Stopped(self.ended(State.FAILED, str(error))) from error
        return self.change

    async def send(self, tell: Callable[[Leveled], Awaitable[str]]) -> Leveled:
        self.sent = True
        for target in self.change.posts:
            await self._post(target)
        until = self._until if self.change.level else None
        return Leveled(State.APPLIED, self.change, until=until)

    def ended(self, state: State, reason: str, remedy: str = "") -> Leveled:
        return Leveled(state, self.change, reason, remedy)

    def entry(self) -> Raw:
        kept = log_levels.kept(self.change, self._until)
        return {"posts": list(self.change.posts), "log_level": kept}

    def outcome(self, end: Leveled) -> Raw:
        return {"back": {"none": _NOT_UNDONE}}

    async def _is_there(self) -> bool:
        """Whether it is the pod that was meant: another of its name began with its own level."""
        try:
            return raw.uid(await self._session.get(self.change.target)) == self.change.uid
        except Absent:
            return False

    async def _post(self, target: str) -> bytes:
        return await self._session.admin(self.change.target, log_levels.PORT, target)
