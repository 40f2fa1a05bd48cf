"""Session: one cluster as a stream of snapshots, and what may be asked of it beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from types import TracebackType
from typing import Protocol, Self

from msgspec import Struct

from meshtui.mesh.changes import Change
from meshtui.mesh.kinds import Kind
from meshtui.mesh.logs import LogLine, LogOptions
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Probe, Ref, Right, Scope, Snapshot, Tail


class Written(Struct, frozen=True):
    """What the server made of a change."""

    object: Raw | None
    """None where it was deleted."""
    warnings: tuple[str, ...] = ()
    """The server's own, and those of admission webhooks."""


class Session(Protocol):
    """The seam between the screen and a cluster. Whoever holds one closes it, by `async with`."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def snapshots(self) -> AsyncIterator[Snapshot]:
        """Everything known, again whenever something changed (settled for 0.1 s), and once at the start: also while
        nothing can be reached, since the failure is part of what is known. Ends when the session is closed."""
        ...

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
        """What is on screen now, replacing what was wanted before; returns at once. Scopes are listed and watched,
        probes are asked now and every 15 s, refs are read once and again every minute. Tables are scopes too, of any
        kind that the server has, listed and watched as it prints them: they come as `Snapshot.tables`, never as
        objects. Tails are read as often as probes are asked. `denials` is whether the access logs of ztunnels,
        waypoints and gateways are followed, over a bounded number of streams: what they tell is `Snapshot.heard`.
        Snapshots carry what a wanted scope holds, and no more; what is no longer wanted is given up after a while.
        What came of a probe stays, with its age."""
        ...

    def refresh(self) -> None:
        """List again all that is wanted, ask every wanted probe again, and retry at once what waits to be retried."""
        ...

    async def get(self, ref: Ref, *, managed_fields: bool = False) -> Raw:
        """One object whole, as the server has it now; of a Secret only the certificates. Raises KubeError."""
        ...

    def logs(self, pod: Ref, options: LogOptions) -> AsyncIterator[LogLine]:
        """The lines of a container's log as they come. A cut stream is taken up again where it ended, with a notice;
        it ends when the pod is gone or, without `follow`, at the end of the log. Raises KubeError where refused."""
        ...

    async def may(
        self,
        verb: str,
        kind: Kind,
        namespace: str | None = None,
        subresource: str = "",
        *,
        name: str = "",
    ) -> Right:
        """Whether the server would let us, with all objects or with the one of a name; cached for five minutes. Never
        raises: no answer is an unknown right."""
        ...

    async def preview(self, change: Change) -> Written:
        """What the server would make of a change: a dry run. For `perform` alone. Raises KubeError."""
        ...

    async def apply(self, change: Change) -> Written:
        """Makes a change. For `perform` alone, on the road that asks and keeps the audit. Raises KubeError; Conflict
        where the object is no longer as the change has it."""
        ...

    async def admin(self, pod: Ref, port: int, target: str) -> bytes:
        """Posts to the admin port of a proxy; gives what it answers. For `levels` alone, on the road that asks and
        keeps the audit. Raises KubeError."""
        ...
