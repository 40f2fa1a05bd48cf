"""Servers that forget: continue tokens and watches of before, over HTTP and through LiveSession.

A real API server forgets by a compaction of etcd and a restart, so these have one of their own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from meshtui.mesh.kinds import POD
from tests.cluster.cluster import Cluster
from tests.cluster.kubeconfig import Api
from tests.cluster.on_built_in import OnBuiltIn
from tests.cluster.on_real import OnReal
from tests.cluster.real import RealCluster, missing
from tests.kube.eventually import snapshot_where
from tests.kube.looking import here, is_live, keys, looking, relayed


@dataclass(frozen=True, slots=True)
class Forgetful:
    cluster: Cluster
    forget: Callable[[], Awaitable[None]]


@pytest.fixture
async def forgetful(server_name: str, tmp_path: Path) -> AsyncIterator[Forgetful]:
    if server_name == "real" and (why := missing()):
        pytest.skip(why)
    start = {"built-in": _built_in, "real": _real}[server_name]
    async with start(tmp_path) as started:
        await started.cluster.add_namespace()
        yield started


@asynccontextmanager
async def _built_in(scratch: Path) -> AsyncIterator[Forgetful]:
    async with OnBuiltIn.started("test", scratch) as cluster:

        async def forget() -> None:
            cluster.store.forget()

        yield Forgetful(cluster, forget)


@asynccontextmanager
async def _real(scratch: Path) -> AsyncIterator[Forgetful]:
    directory = scratch / "real"
    directory.mkdir()
    server = RealCluster(directory, crds=False)
    async with server as access, Api.connected(access.admin) as api:
        yield Forgetful(OnReal(access, api, "test", scratch), server.forget)


async def test_a_token_of_before_has_expired(forgetful: Forgetful) -> None:
    cluster = forgetful.cluster
    path = cluster.path("configmaps")
    for name in ("a", "b", "c"):
        await cluster.api.create(path, {"metadata": {"name": name}})
    first = (await cluster.api.get(path, limit=2)).body
    await cluster.api.create(path, {"metadata": {"name": "d"}})
    await forgetful.forget()
    token = first["metadata"]["continue"]
    second = await cluster.api.get(path, limit=2, **{"continue": token})
    assert (second.status, second.body["code"], second.body["reason"]) == (410, 410, "Expired")
    assert second.body["message"].startswith("The provided continue parameter is too old")


async def test_a_session_lists_again_what_it_may_have_missed(forgetful: Forgetful) -> None:
    cluster = forgetful.cluster
    await cluster.add_pod("one")
    pods = here(cluster, POD)
    async with relayed(cluster) as (relay, kubeconfig), looking(cluster, kubeconfig) as session:
        session.want([pods])
        snapshots = session.snapshots()
        await snapshot_where(snapshots, lambda s: is_live(pods, s))
        await relay.tear()
        await cluster.api.delete(cluster.path("pods", "one"), gracePeriodSeconds=0)
        await cluster.add_pod("two")
        await forgetful.forget()
        await relay.mend()
        await snapshot_where(
            snapshots,
            lambda s: is_live(pods, s) and keys(s, POD, cluster.namespace) == {"two"},
        )
        await cluster.add_pod("three")
        await snapshot_where(
            snapshots, lambda s: keys(s, POD, cluster.namespace) == {"two", "three"}
        )
