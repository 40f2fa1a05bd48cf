"""A whole reading of a cluster, for what has no screen: all lists to their end, and what was asked beside them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from meshtui.commands.latest import Latest
from meshtui.kube.errors import Unreachable
from meshtui.kube.session import Session
from meshtui.mesh.snapshot import Phase, Probe, Ref, Scope, Snapshot


@dataclass(frozen=True, slots=True)
class Asked:
    """What to read: scopes, and what else, which may follow from what the lists bring."""

    scopes: tuple[Scope, ...]
    probes: Callable[[Snapshot], Collection[Probe]]
    refs: Callable[[Snapshot], Collection[Ref]]


async def read(
    session: Session,
    latest: Latest,
    asked: Asked,
    patience: timedelta,
    progress: Callable[[str], None] = lambda said: None,
) -> Snapshot:
    """The snapshot once all has come or has failed, or what is there when the patience is over. `progress` is told how
    far it is, in words. Raises Unreachable where there is no connection to the cluster."""
    session.want(asked.scopes)
    async with aclosing(latest.until(datetime.now(UTC) + patience)) as snapshots:
        async for snapshot in snapshots:
            server = snapshot.server
            if server.problem is not None and server.retry_at is not None:  # no mere delay
                raise Unreachable(server.problem)
            loading = [
                scope
                for scope in asked.scopes
                if scope not in snapshot.sources or snapshot.sources[scope].phase is Phase.LOADING
            ]
            if loading or not server.answered:
                read = len(asked.scopes) - len(loading)
                progress(f"reading: {read} of {len(asked.scopes)} lists")
                continue
            probes, refs = set(asked.probes(snapshot)), set(asked.refs(snapshot))
            session.want(asked.scopes, probes, refs)
            waiting = len(probes - snapshot.answers.keys())
            if not waiting and refs <= snapshot.gets.keys():
                break
            progress(f"reading: {len(probes) - waiting} of {len(probes)} ztunnels")
    return latest.snapshot
