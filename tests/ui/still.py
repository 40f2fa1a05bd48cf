"""A session that says what a test tells it to: the seam at which the screen is tested."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Self

from textual.pilot import Pilot

from meshtui.app import Clusters, MeshApp
from meshtui.kube.errors import Absent
from meshtui.kube.session import Session, Written
from meshtui.mesh.changes import Change
from meshtui.mesh.kinds import Kind
from meshtui.mesh.logs import LogLine, LogOptions
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Probe, Problem, Ref, Right, Scope, Snapshot, Trouble
from meshtui.settings import Settings


@dataclass(eq=False)
class StillSession:
    """Gives the snapshots that are shown to it, and remembers what was asked of it."""

    first: Snapshot
    log: Collection[LogLine] = ()
    wanted: tuple[Collection[Scope], Collection[Probe], Collection[Ref]] = ((), (), ())
    asked: list[Ref] = field(default_factory=list)
    closed: bool = False

    def __post_init__(self) -> None:
        self._next: asyncio.Queue[Snapshot] = asyncio.Queue()
        self.now = self.first

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.closed = True

    def show(self, snapshot: Snapshot) -> None:
        self.now = snapshot
        self._next.put_nowait(snapshot)

    async def snapshots(self) -> AsyncIterator[Snapshot]:
        yield self.first
        while True:
            yield await self._next.get()

    def want(
        self,
        scopes: Collection[Scope],
        probes: Collection[Probe] = (),
        refs: Collection[Ref] = (),
    ) -> None:
        self.wanted = (scopes, probes, refs)

    def refresh(self) -> None:
        pass

    async def get(self, ref: Ref, *, managed_fields: bool = False) -> Raw:
        self.asked.append(ref)
        found = self.now.find(ref.kind, ref.namespace, ref.name)
        if found is None:
            raise Absent(Problem(Trouble.GONE, f"{ref.key} is not there"), 404)
        return found

    async def logs(self, pod: Ref, options: LogOptions) -> AsyncIterator[LogLine]:
        for line in self.log:
            yield line

    async def may(
        self,
        verb: str,
        kind: Kind,
        namespace: str | None = None,
        subresource: str = "",
        *,
        name: str = "",
    ) -> Right:
        return Right(None, "not asked")

    async def preview(self, change: Change) -> Written:
        raise NotImplementedError

    async def apply(self, change: Change) -> Written:
        raise NotImplementedError


def app_of(
    sessions: Mapping[str, Session], *, settings: Settings | None = None, now: datetime
) -> MeshApp:
    """The program over sessions by context, the first one current, at a fixed time."""
    clusters = Clusters(
        [(name, f"https://{name}.example:6443") for name in sessions],
        next(iter(sessions)),
        lambda context: sessions[context],
    )
    return MeshApp(settings or Settings(), clusters, lambda: now)


async def until(pilot: Pilot[int], condition: Callable[[], bool], seconds: float = 10) -> None:
    """Waits for a condition, looking again whenever the program has nothing to do."""
    async with asyncio.timeout(seconds):
        while not condition():
            await pilot.pause()
