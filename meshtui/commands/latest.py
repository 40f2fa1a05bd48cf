"""Latest: what a session knows now, for what has no screen that is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from meshtui.kube.session import Session
from meshtui.mesh.snapshot import Snapshot


class Latest:
    """The newest snapshot of a session, which is followed as long as `of` runs."""

    def __init__(self) -> None:
        self.snapshot = Snapshot(datetime.now(UTC))
        self._changed = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def of(cls, session: Session) -> AsyncIterator[Latest]:
        latest = cls()
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(latest._follow(session))
            try:
                yield latest
            finally:
                following.cancel()

    async def until(self, moment: datetime) -> AsyncGenerator[Snapshot, None]:
        """The snapshot of now and each that comes, until that moment."""
        while (left := (moment - datetime.now(UTC)).total_seconds()) > 0:
            self._changed.clear()
            yield self.snapshot
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)

    async def _follow(self, session: Session) -> None:
        async for self.snapshot in session.snapshots():
            self._changed.set()
