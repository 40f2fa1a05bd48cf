"""LiveSession as tests look through it at a cluster, and what they ask of its snapshots."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import yaml
from msgspec.structs import replace

from meshtui.kube import kubeconfig as kubeconfigs
from meshtui.kube.live import LiveSession
from meshtui.kube.pace import Pace
from meshtui.mesh.kinds import Kind
from meshtui.mesh.snapshot import Phase, Scope, Snapshot
from meshtui.settings import Settings
from tests.cluster.cluster import Cluster
from tests.cluster.local import Relay

BRISK = replace(
    Pace(), heartbeat=0.2, first_retry=0.1, last_retry=0.5, absent=0.3, poll=0.3, probe=0.5
)
"""The pace of a session, with the waits shortened that a test would otherwise wait for."""


@asynccontextmanager
async def looking(
    cluster: Cluster,
    kubeconfig: Path | None = None,
    *,
    pace: Pace = BRISK,
    sweep: bool = False,
) -> AsyncIterator[LiveSession]:
    settings = Settings(kubeconfig=(kubeconfig or cluster.kubeconfig,), sweep=sweep)
    async with LiveSession(kubeconfigs.load(settings), "", settings, pace=pace) as session:
        yield session


def here(cluster: Cluster, kind: Kind) -> Scope:
    return Scope(kind, cluster.namespace)


def is_live(scope: Scope, snapshot: Snapshot) -> bool:
    return scope in snapshot.sources and snapshot.sources[scope].phase is Phase.LIVE


def keys(snapshot: Snapshot, kind: Kind, namespace: str) -> set[str]:
    """The names of the objects of a kind in a namespace."""
    return {
        raw["metadata"]["name"]
        for raw in snapshot.raw(kind)
        if raw["metadata"]["namespace"] == namespace
    }


@asynccontextmanager
async def relayed(cluster: Cluster) -> AsyncIterator[tuple[Relay, Path]]:
    """A relay before the server, and the administrator's kubeconfig that goes through it."""
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    where = config["clusters"][0]["cluster"]
    async with Relay(int(where["server"].rpartition(":")[2])) as relay:
        where["server"] = f"https://127.0.0.1:{relay.port}"
        kubeconfig = cluster.scratch / "relayed.kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(config))
        yield relay, kubeconfig
