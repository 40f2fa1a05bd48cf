"""A session that says what a test tells it to: the seam at which the screen is tested."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from json_merge_patch import lib as json_merge_patch
from msgspec.structs import replace
from textual.app import App
from textual.message_pump import MessagePump
from textual.pilot import Pilot
from textual.screen import Screen

from meshtui.app import MeshApp
from meshtui.clusters import Clusters
from meshtui.files import Files
from meshtui.kube.background import PREFIX
from meshtui.kube.errors import Absent, ConfigError, KubeError
from meshtui.kube.exec_plugin import Suspend
from meshtui.kube.session import Session, Written
from meshtui.mesh.changes import Change, Create, Delete, Patch
from meshtui.mesh.kinds import Kind
from meshtui.mesh.logs import LogLine, LogOptions
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Probe, Problem, Ref, Right, Scope, Snapshot, Tail, Trouble
from meshtui.settings import Settings


@dataclass(eq=False)
class StillSession:
    """Gives the snapshots that are shown to it, and remembers what was asked of it."""

    first: Snapshot
    log: Collection[LogLine] = ()
    logs_by_pod: Mapping[str, Collection[LogLine]] = field(default_factory=dict)
    """Of pods with these names, in place of `log`."""
    logs_asked: list[tuple[Ref, LogOptions]] = field(default_factory=list)
    wanted: tuple[Collection[Scope], Collection[Probe], Collection[Ref]] = ((), (), ())
    tables: Collection[Scope] = ()
    """Of what was wanted, the kinds as the server prints them."""
    tails: Collection[Tail] = ()
    denials: bool = False
    """Whether the access logs were wanted."""
    asked: list[Ref] = field(default_factory=list)
    rights: Mapping[Kind, Right] = field(default_factory=dict)
    """What it says of changing objects of a kind; of others nothing is known."""
    refusal: KubeError | None = None
    """What it answers to the next change that is applied."""
    previewing: Callable[[], Awaitable[object]] | None = None
    applying: Callable[[], Awaitable[object]] | None = None
    """What a dry run, and a change, wait for."""
    posted: list[tuple[Ref, int, str]] = field(default_factory=list)
    """What was posted to proxies: pod, port and target."""
    applied: list[Change] = field(default_factory=list)
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
        tables: Collection[Scope] = (),
        tails: Collection[Tail] = (),
        *,
        denials: bool = False,
    ) -> None:
        self.wanted = (scopes, probes, refs)
        self.tables = tables
        self.tails = tails
        self.denials = denials

    def refresh(self) -> None:
        pass

    async def get(self, ref: Ref, *, managed_fields: bool = False) -> Raw:
        self.asked.append(ref)
        found = self.now.find(ref.kind, ref.namespace, ref.name)
        if found is None:
            raise Absent(Problem(Trouble.GONE, f"{ref.key} is not there"), 404)
        return found

    async def logs(self, pod: Ref, options: LogOptions) -> AsyncIterator[LogLine]:
        self.logs_asked.append((pod, options))
        for line in self.logs_by_pod.get(pod.name, self.log):
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
        return self.rights.get(kind, Right(None, "not asked"))

    async def admin(self, pod: Ref, port: int, target: str) -> bytes:
        """What a ztunnel answers, whose level is what was posted last (istio-ambient.md, 4.6)."""
        self.posted.append((pod, port, target))
        if self.refusal is not None:
            raise self.refusal
        return b"current log level is hickory_server::server=off,info\n"

    async def preview(self, change: Change) -> Written:
        if self.previewing is not None:
            await self.previewing()
        return Written(None if isinstance(change, Delete) else _after(change))

    async def apply(self, change: Change) -> Written:
        """Makes a patch, for the version that it is based on, or a new object, and shows the snapshot with it."""
        if self.applying is not None:
            await self.applying()
        if self.refusal is not None:
            raise self.refusal
        target, found = change.target, _after(change)
        version = int(change.based_on or 0) + 1
        it = {**found, "metadata": {**found["metadata"], "resourceVersion": f"{version}"}}
        self.applied.append(change)
        key = f"{target.namespace}/{target.name}" if target.namespace else target.name
        of_kind = {**self.now.objects.get(target.kind, {}), key: it}
        self.show(replace(self.now, objects={**self.now.objects, target.kind: of_kind}))
        return Written(it)


def _after(change: Change) -> dict[str, Any]:
    if isinstance(change, Create):
        return {**change.wanted}
    assert isinstance(change, Patch), "no test here deletes: those on both servers do"
    found: dict[str, Any] = json_merge_patch.merge(copy.deepcopy(change.before), change.patch)
    return found


def app_of(
    sessions: Mapping[str, Session],
    *,
    settings: Settings | None = None,
    now: datetime,
    files: Files | None = None,
) -> MeshApp:
    """The program over sessions by context, the first one current, at a fixed time."""

    def opened(context: str, suspend: Suspend) -> Session:
        if context not in sessions:
            raise ConfigError(f"there is no context {context}", "Look into the kubeconfig.")
        return sessions[context]

    contexts = [(name, f"https://{name}.example:6443") for name in sessions]
    clusters = Clusters(contexts, next(iter(sessions)), opened)
    return MeshApp(settings or Settings(), clusters, lambda: now, files)


_THREADS = 1.0
"""Seconds that threads in the background are waited for: what goes on and on has one all the time."""


async def settle(pilot: Pilot[Any]) -> None:
    """Waits until no message waits to be handled, nor one that those led to, no thread works in the background, and all
    is drawn that changed.

    `Pilot.pause` waits for the process to be idle instead: 40 ms for each key, and not at all where others keep the
    machine busy."""
    app, loop = pilot.app, asyncio.get_running_loop()
    patience = loop.time() + _THREADS
    async with asyncio.timeout(30):
        while app.is_running:
            await asyncio.sleep(0)
            if loop._ready or _busy(app):  # type: ignore[attr-defined]
                continue
            if _undrawn(app.screen):
                app.screen._on_timer_update()
            elif _works_behind() and loop.time() < patience:
                await asyncio.sleep(0.003)
            else:
                break
    if app.animator._animations:
        await pilot.wait_for_scheduled_animations()


def _busy(app: App[Any]) -> bool:
    pumps: list[MessagePump] = [app, *app.screen.walk_children(with_self=True)]
    return any(pump.message_queue_size or pump._next_callbacks for pump in pumps)


def _undrawn(screen: Screen[Any]) -> bool:
    changed = screen._layout_required or screen._scroll_required or screen._repaint_required
    return changed or bool(screen._dirty_widgets or screen._callbacks)


def _works_behind() -> bool:
    return any(each.name.startswith(PREFIX) for each in threading.enumerate())


async def until(pilot: Pilot[Any], condition: Callable[[], bool], seconds: float = 20) -> None:
    """Waits for a condition, looking again whenever the program has nothing to do."""
    async with asyncio.timeout(seconds):
        while not condition():
            await settle(pilot)
            await asyncio.sleep(0.02)
