"""LiveSession: what the screen gets to see of a cluster, while it is well and while it is not."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from meshtui.kube.live import LiveSession
from meshtui.mesh.kinds import GATEWAY, NODE, PEER_AUTHENTICATION, POD
from meshtui.mesh.snapshot import Phase, Scope
from meshtui.settings import Settings
from tests.kube.eventually import snapshot_where
from tests.kube.scripted import QUICK, Plain, Scripted, Watched, event, pod, serving, status

PODS = "/api/v1/pods"


@pytest.fixture
async def server() -> AsyncIterator[Scripted]:
    async with serving() as scripted:
        yield scripted


def session(server: Scripted) -> LiveSession:
    return LiveSession(Settings(), Plain(server.port), QUICK)


async def test_a_change_in_the_cluster_is_in_the_next_snapshot(server: Scripted) -> None:
    pods = Watched(pod("one"), pod("two"))
    server.on(PODS, pods)
    async with session(server) as live:
        live.want([Scope(POD)])
        snapshots = live.snapshots()
        seen = await snapshot_where(snapshots, lambda s: s.source(POD).phase is Phase.LIVE)
        assert set(seen.objects[POD]) == {"shop/one", "shop/two"}
        assert seen.source(POD).count == 2
        pods.send(event("ADDED", pod("three", 2)) + event("DELETED", pod("one", 3)))
        later = await snapshot_where(snapshots, lambda s: "shop/three" in s.objects[POD])
        assert set(later.objects[POD]) == {"shop/two", "shop/three"}
        assert set(seen.objects[POD]) == {"shop/one", "shop/two"}, "a snapshot never changes"
        assert later.objects[POD]["shop/two"] is seen.objects[POD]["shop/two"]


async def test_the_server_says_its_version_and_whom_it_takes_us_for(server: Scripted) -> None:
    async def review(_: object) -> object:
        from aiohttp import web

        return web.json_response({"status": {"userInfo": {"username": "jane@acmellc.local"}}})

    server.on("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)  # type: ignore[arg-type]
    async with session(server) as live:
        seen = await snapshot_where(live.snapshots(), lambda s: s.server.answered is not None)
    assert (seen.server.version, seen.server.user) == ("v1.36.3", "jane@acmellc.local")


async def test_kinds_that_are_absent_unreadable_or_forbidden_say_so(server: Scripted) -> None:
    words = 'nodes is forbidden: User "jane" cannot list resource "nodes" in API group ""'
    server.on("/api/v1/nodes", status(403, words))
    server.on("/apis/gateway.networking.k8s.io/v1/gateways", Watched())
    scopes = [Scope(NODE), Scope(PEER_AUTHENTICATION), Scope(GATEWAY)]
    async with session(server) as live:
        live.want(scopes)
        seen = await snapshot_where(
            live.snapshots(),
            lambda s: all(source.phase is not Phase.LOADING for source in s.sources.values()),
        )
    phases = [seen.sources[scope].phase for scope in scopes]
    assert phases == [Phase.ABSENT, Phase.UNREADABLE, Phase.LIVE]
