"""LiveSession: what the screen gets to see of a cluster, while it is well and while it is not."""

from __future__ import annotations

import asyncio
import json
import threading
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace

from meshtui.kube import kubeconfig
from meshtui.kube.errors import ConfigError, KubeError
from meshtui.kube.live import LiveSession
from meshtui.kube.probes import LARGE
from meshtui.mesh import ztunnels
from meshtui.mesh.kinds import EVENT, GATEWAY, NODE, PEER_AUTHENTICATION, POD, SECRET
from meshtui.mesh.logs import LogOptions
from meshtui.mesh.snapshot import Phase, Probe, Ref, Scope, Snapshot, Sweep, Trouble
from meshtui.settings import Settings
from tests.kube import configs
from tests.kube.eventually import snapshot_where, until
from tests.kube.scripted import (
    QUICK,
    Scripted,
    Watched,
    answer,
    event,
    forwarded,
    pod,
    status,
)
from tests.kube.test_secrets import CERTIFICATE, secret
from tests.recordings import DATA

PODS = "/api/v1/pods"

Open = Callable[..., LiveSession]


@pytest.fixture
def live(config: Path) -> Open:
    """Opens a session with the scripted server."""

    def opened(pace: dict[str, float] | None = None, **settings: Any) -> LiveSession:
        chosen = Settings(kubeconfig=(config,), **{"request_timeout": 2.0, **settings})
        hurried = replace(QUICK, **(pace or {}))
        return LiveSession(kubeconfig.load(chosen), "", chosen, pace=hurried)

    return opened


async def test_a_change_in_the_cluster_is_in_the_next_snapshot(
    scripted: Scripted, live: Open
) -> None:
    pods = Watched(pod("one"), pod("two"))
    scripted.on(PODS, pods)
    async with live() as session:
        session.want([Scope(POD)])
        snapshots = session.snapshots()
        seen = await snapshot_where(snapshots, lambda s: s.source(POD).phase is Phase.LIVE)
        assert set(seen.objects[POD]) == {"shop/one", "shop/two"}
        assert seen.source(POD).count == 2
        pods.send(event("ADDED", pod("three", 2)) + event("DELETED", pod("one", 3)))
        later = await snapshot_where(snapshots, lambda s: "shop/three" in s.objects[POD])
        assert set(later.objects[POD]) == {"shop/two", "shop/three"}
        assert set(seen.objects[POD]) == {"shop/one", "shop/two"}, "a snapshot never changes"
        assert later.objects[POD]["shop/two"] is seen.objects[POD]["shop/two"]


async def test_the_server_says_its_version_and_whom_it_takes_us_for(
    scripted: Scripted, live: Open
) -> None:
    review = {"status": {"userInfo": {"username": "jane@acmellc.local"}}}
    scripted.on("/apis/authentication.k8s.io/v1/selfsubjectreviews", answer(review))
    async with live() as session:
        seen = await snapshot_where(session.snapshots(), lambda s: s.server.answered is not None)
    server = seen.server
    assert (server.version, server.user) == ("v1.36.3", "jane@acmellc.local")
    assert (server.context, server.cluster, server.url) == ("test", "c", scripted.url)


async def test_where_the_server_does_not_say_who_we_are_the_kubeconfig_does(
    scripted: Scripted, live: Open
) -> None:
    scripted.on("/version", status(403, "forbidden"))
    async with live() as session:
        seen = await snapshot_where(session.snapshots(), lambda s: s.server.answered is not None)
    assert (seen.server.version, seen.server.user) == ("", "u")


async def test_a_server_that_fails_and_comes_back(scripted: Scripted, live: Open) -> None:
    """Its problem is in the snapshots, and what waits for a retry is tried again as soon as it answers."""
    scripted.on("/version", status(500, "etcd is away"))
    scripted.on(PODS, status(500, "etcd is away"))
    async with live({"first_retry": 600.0, "last_retry": 600.0}) as session:
        session.want([Scope(POD)])
        snapshots = session.snapshots()
        seen = await snapshot_where(
            snapshots, lambda s: s.server.problem is not None and s.source(POD).problem is not None
        )
        assert seen.server.problem is not None
        assert seen.server.problem.text == "etcd is away"
        assert seen.server.retry_at is not None
        scripted.on(PODS, Watched(pod("a")))
        scripted.on("/version", answer({"gitVersion": "v1.36.3"}))
        seen = await snapshot_where(snapshots, lambda s: s.source(POD).phase is Phase.LIVE)
        assert seen.server.problem is None


async def test_nobody_listens(config: Path, unused_tcp_port: int, live: Open) -> None:
    configs.write(config, f"http://127.0.0.1:{unused_tcp_port}")
    async with live() as session:
        session.want([Scope(POD)])
        seen = await snapshot_where(session.snapshots(), lambda s: s.server.problem is not None)
        assert seen.server.problem is not None
        assert seen.server.problem.trouble is Trouble.REFUSED
        assert seen.server.answered is None


def test_a_kubeconfig_that_leads_nowhere_is_said_before_a_session_begins(
    config: Path, live: Open
) -> None:
    config.write_text("clusters: []")
    with pytest.raises(ConfigError):
        live()


async def test_each_kind_says_how_far_it_can_be_trusted(scripted: Scripted, live: Open) -> None:
    words = 'secrets is forbidden: User "jane" cannot list resource "secrets" in API group ""'
    scripted.on("/api/v1/secrets", status(403, words))
    scripted.on("/apis/gateway.networking.k8s.io/v1/gateways", Watched())
    wanted = {
        Scope(NODE): Phase.ABSENT,
        Scope(PEER_AUTHENTICATION): Phase.UNREADABLE,
        Scope(SECRET): Phase.FORBIDDEN,
        Scope(GATEWAY): Phase.LIVE,
    }
    async with live() as session:
        session.want(wanted)
        seen = await snapshot_where(
            session.snapshots(),
            lambda s: (
                all(source.phase is not Phase.LOADING for source in s.sources.values())
                and len(s.sources) == 4
            ),
        )
    assert {scope: source.phase for scope, source in seen.sources.items()} == wanted
    problem = seen.sources[Scope(SECRET)].problem
    assert problem is not None
    assert problem.text == words
    assert seen.server.kinds[PEER_AUTHENTICATION] == "v1alpha7"


async def test_secrets_that_are_followed_hold_certificates_only(
    scripted: Scripted, live: Open
) -> None:
    secrets = Watched(secret(tls_crt=CERTIFICATE, tls_key=b"the key"))
    scripted.on("/api/v1/secrets", secrets)
    async with live() as session:
        session.want([Scope(SECRET)])
        snapshots = session.snapshots()
        seen = await snapshot_where(snapshots, lambda s: bool(s.raw(SECRET)))
        (kept,) = seen.raw(SECRET)
        assert set(kept["data"]) == {"tls.crt"}
        again = {**secret(tls_key=b"another"), "metadata": {"name": "b", "resourceVersion": "9"}}
        secrets.send(event("ADDED", again))
        seen = await snapshot_where(snapshots, lambda s: len(s.raw(SECRET)) == 2)
        assert seen.objects[SECRET]["b"]["data"] == {}


async def test_what_nobody_asks_for_is_let_go_while_pods_change(
    scripted: Scripted, live: Open
) -> None:
    pods = Watched(pod("one"))
    scripted.on(PODS, pods)
    async with live() as session:
        session.want([Scope(POD)])
        snapshots = session.snapshots()
        seen = await snapshot_where(snapshots, lambda s: s.source(POD).phase is Phase.LIVE)
        looked_at = frozenset({"one"})
        seen.once(len, looked_at)
        held = weakref.ref(looked_at)
        del looked_at
        for version in range(2, 16):
            changed = pod("one", version)
            pods.send(event("MODIFIED", changed))
            await snapshot_where(snapshots, lambda s: s.objects[POD]["shop/one"] == changed)  # noqa: B023
        assert held() is None


async def test_what_is_no_longer_wanted_is_out_of_sight_and_coming_back_is_instant(
    scripted: Scripted, live: Open
) -> None:
    pods = Watched(pod("a"))
    scripted.on(PODS, pods)
    async with live({"linger": 600.0, "heartbeat": 600.0}) as session:
        session.want([Scope(POD)])
        snapshots = session.snapshots()
        await snapshot_where(snapshots, lambda s: s.source(POD).phase is Phase.LIVE)
        await until(lambda: pods.open == 1)
        for _ in range(2):  # by then nothing else happens that would bring a snapshot
            session.want([])
            seen = await snapshot_where(snapshots, lambda s: not s.sources)
            assert not seen.raw(POD)
            session.want([Scope(POD)])
            seen = await snapshot_where(snapshots, lambda s: bool(s.sources))
            assert seen.source(POD).phase is Phase.LIVE
            assert set(seen.objects[POD]) == {"shop/a"}
        session.want([])
        pods.send(event("ADDED", pod("b", 2)))
        session.want([Scope(POD)])
        pods.send(event("ADDED", pod("c", 3)))
        seen = await snapshot_where(snapshots, lambda s: "shop/c" in s.objects.get(POD, {}))
        assert set(seen.objects[POD]) == {"shop/a", "shop/b", "shop/c"}
        assert (pods.lists, len(pods.watches)) == (1, 1)


async def test_a_snapshot_holds_what_a_wanted_scope_holds_and_nothing_else(
    scripted: Scripted, live: Open
) -> None:
    here, there = pod("a"), pod("a", namespace="edge")
    ztunnel = pod("z", namespace="istio-system", app="ztunnel")
    everywhere, ztunnels_only = Watched(here, there, ztunnel), Watched(ztunnel)
    labelled, shop = Scope(POD, None, labels="app=ztunnel"), Scope(POD, "shop")

    async def listed(request: web.Request) -> web.StreamResponse:
        return await (ztunnels_only if "labelSelector" in request.query else everywhere)(request)

    scripted.on(PODS, listed)
    scripted.on("/api/v1/namespaces/shop/pods", Watched(here))
    async with live({"linger": 600.0}) as session:
        session.want([Scope(POD), labelled])
        snapshots = session.snapshots()
        seen = await snapshot_where(
            snapshots, lambda s: s.source(POD).phase is Phase.LIVE and len(s.sources) == 2
        )
        assert set(seen.objects[POD]) == {"shop/a", "edge/a", "istio-system/z"}
        session.want([shop, labelled])
        seen = await snapshot_where(
            snapshots, lambda s: shop in s.sources and s.source(POD).phase is Phase.LIVE
        )
        assert set(seen.sources) == {shop, labelled}
        assert set(seen.objects[POD]) == {"shop/a", "istio-system/z"}
        session.want([Scope(POD), labelled])
        seen = await snapshot_where(snapshots, lambda s: Scope(POD) in s.sources)
        assert set(seen.objects[POD]) == {"shop/a", "edge/a", "istio-system/z"}
    assert everywhere.lists == 1


@pytest.mark.parametrize(
    ("scope", "path", "pace"),
    [
        (Scope(POD), PODS, {}),
        (
            Scope(EVENT, "shop", fields="involvedObject.name=a"),
            "/api/v1/namespaces/shop/events",
            {"linger": 600.0},
        ),
    ],
)
async def test_what_nobody_wants_for_long_is_given_up_and_a_single_objects_things_soon(
    scripted: Scripted, live: Open, scope: Scope, path: str, pace: dict[str, float]
) -> None:
    watched = Watched(pod("a"))
    scripted.on(path, watched)
    async with live(pace) as session:
        session.want([scope])
        await until(lambda: watched.open == 1)
        session.want([])
        await until(lambda: watched.open == 0)
        session.want([scope])
        await until(lambda: watched.lists == 2)


async def test_refresh_lists_again_and_asks_again(scripted: Scripted, live: Open) -> None:
    pods = Watched(pod("a"))
    scripted.on(PODS, pods)
    async with live({"probe": 600.0, "ref": 600.0, "heartbeat": 600.0}) as session:
        probe = Probe("shop", "a", 15020, "/metrics", len)
        session.want([Scope(POD)], [probe], [Ref(POD, "shop", "a")])
        snapshots = session.snapshots()

        def asked() -> list[int]:
            paths = ("/version", f"{PODS[:7]}/namespaces/shop/pods/a")
            forward = "/api/v1/namespaces/shop/pods/a/portforward"
            return [pods.lists, *(len(scripted.asked(path)) for path in (*paths, forward))]

        await snapshot_where(snapshots, lambda s: asked() == [1, 1, 1, 1])
        session.refresh()
        seen = await snapshot_where(snapshots, lambda s: asked() == [2, 2, 2, 2])
        assert set(seen.objects[POD]) == {"shop/a"}


async def test_single_objects_are_read_by_name(scripted: Scripted, live: Open) -> None:
    path = "/api/v1/namespaces/edge/secrets/shop-tls"
    scripted.on(path, answer(secret(tls_crt=CERTIFICATE, tls_key=b"the key")))
    ref = Ref(SECRET, "edge", "shop-tls")
    async with live() as session:
        session.want([], refs=[ref])
        snapshots = session.snapshots()
        seen = await snapshot_where(snapshots, lambda s: ref in s.gets)
        first = seen.gets[ref]
        assert set(first.value["data"]) == {"tls.crt"}
        words = 'secrets "shop-tls" not found'
        later = await snapshot_where(snapshots, lambda s: s.gets[ref].at != first.at)
        assert later.gets[ref].value is first.value, "what did not change is the same object"
        scripted.on(path, status(404, words, details={"name": "shop-tls"}))
        seen = await snapshot_where(snapshots, lambda s: s.gets[ref].problem is not None)
        problem = seen.gets[ref].problem
        assert problem is not None
        assert (problem.trouble, problem.text) == (Trouble.GONE, words)


async def test_managed_fields_come_on_demand_only(scripted: Scripted, live: Open) -> None:
    raw = pod("a")
    raw["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    scripted.on("/api/v1/namespaces/shop/pods/a", answer(raw))
    async with live() as session:
        ref = Ref(POD, "shop", "a")
        assert await session.get(ref) == pod("a")
        assert await session.get(ref, managed_fields=True) == raw


ZTUNNEL = {
    "metadata": {
        "name": "ztunnel-1",
        "namespace": "istio-system",
        "uid": "z",
        "resourceVersion": "1",
        "labels": {"app": "ztunnel"},
    },
    "spec": {"nodeName": "node-1"},
    "status": {"phase": "Running"},
}


def serve_ztunnel(scripted: Scripted) -> None:
    """The recorded ztunnel of node-1, behind the port-forward of a pod."""
    bodies = {
        "15020": (DATA / "shop" / "ztunnel-node-1.metrics.txt").read_bytes(),
        "15000": (DATA / "shop" / "ztunnel-node-1.config_dump.json").read_bytes(),
    }

    async def forward(request: web.Request) -> web.StreamResponse:
        body = bodies[request.query["ports"]]
        said = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        return await forwarded(said)(request)

    scripted.on("/api/v1/namespaces/istio-system/pods/ztunnel-1/portforward", forward)


@pytest.mark.parametrize("labels", ["", "app=ztunnel"])
async def test_the_sweep_reads_every_ztunnel_and_forgets_those_that_are_gone(
    scripted: Scripted, live: Open, labels: str
) -> None:
    pods = Watched(ZTUNNEL)
    scripted.on(PODS, pods)
    serve_ztunnel(scripted)
    async with live({"sweep_look": 0.01}) as session:
        session.want([Scope(POD, None, labels)])
        snapshots = session.snapshots()
        seen = await snapshot_where(
            snapshots, lambda s: s.sweep.read == 1 and ztunnels.metrics_probe(ZTUNNEL) in s.answers
        )
        assert seen.sweep.total == 1
        assert seen.sweep.oldest is not None
        dump = seen.answers[ztunnels.dump_probe(ZTUNNEL)].value
        assert 2 <= seen.server.forwards < seen.server.requests
        assert len(dump.proxied) == 6, "as workload_manager_active_proxy_count has it"
        pods.send(event("DELETED", ZTUNNEL))
        await snapshot_where(snapshots, lambda s: not s.answers and s.sweep == Sweep())


async def test_without_the_sweep_no_ztunnel_is_read_that_is_not_on_screen(
    scripted: Scripted, live: Open
) -> None:
    scripted.on(PODS, Watched(ZTUNNEL))
    serve_ztunnel(scripted)
    async with live({"sweep_look": 0.01}, sweep=False) as session:
        metrics = ztunnels.metrics_probe(ZTUNNEL)
        session.want([Scope(POD)], [metrics])
        seen = await snapshot_where(
            session.snapshots(), lambda s: metrics in s.answers and s.sweep.total == 1
        )
        assert not seen.sweep.enabled
        assert set(seen.answers) == {metrics}


async def never(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def half_a_list(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(json.dumps({"metadata": {}}).encode()[:-1])
    return await never(request)


begun, let_go = threading.Event(), threading.Event()


def read_until_let_go(_: bytes) -> None:
    begun.set()
    let_go.wait(60)


async def test_closing_does_not_wait_for_a_body_that_is_being_read(
    scripted: Scripted, live: Open
) -> None:
    forward = "/api/v1/namespaces/shop/pods/a/portforward"
    said = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % LARGE + b" " * LARGE
    scripted.on(forward, forwarded(said, frame=32_768))
    async with live() as session:
        session.want([], [Probe("shop", "a", 15000, "/config_dump", read_until_let_go)])
        await until(begun.is_set)
        leaving = monotonic()
    assert monotonic() - leaving < 0.3
    let_go.set()


@pytest.mark.parametrize("stuck", ["answer", "body", "watch", "port-forward"])
async def test_closing_waits_for_nobody(scripted: Scripted, live: Open, stuck: str) -> None:
    scripted.on(PODS, half_a_list if stuck == "body" else Watched(pod("a")))
    forward = "/api/v1/namespaces/shop/pods/a/portforward"
    scripted.on(forward, forwarded())
    if stuck == "answer":
        for path in (PODS, "/version", forward):
            scripted.on(path, never)
    async with live(request_timeout=30.0) as session:
        session.want([Scope(POD)], [Probe("shop", "a", 15000, "/config_dump", len)])
        await until(lambda: len(scripted.asked(PODS)) > 0 and len(scripted.asked(forward)) > 0)
        if stuck == "watch":
            await until(lambda: len(scripted.asked(PODS)) > 1)
        leaving = monotonic()
    assert monotonic() - leaving < 0.3


async def test_a_log_ends_with_its_session(scripted: Scripted, live: Open) -> None:
    scripted.on("/api/v1/namespaces/shop/pods/a/log", never)
    async with live(request_timeout=30.0) as session:

        async def read() -> list[str]:
            ref = Ref(POD, "shop", "a")
            return [line.text async for line in session.logs(ref, LogOptions())]

        reading = asyncio.create_task(read())
        await until(lambda: bool(scripted.asked("/api/v1/namespaces/shop/pods/a/log")))
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading


async def test_snapshots_end_with_the_session(scripted: Scripted, live: Open) -> None:
    async with live() as session:
        snapshots = session.snapshots()
        await anext(snapshots)

        async def rest() -> list[Snapshot]:
            return [snapshot async for snapshot in snapshots]

        watching = asyncio.create_task(rest())
    await asyncio.wait_for(watching, 5)


async def test_who_asks_a_closed_session_hears_that_it_is_closed(live: Open) -> None:
    async with live() as session:
        pass
    session.want([Scope(POD)])
    session.refresh()
    ref = Ref(POD, "shop", "a")
    with pytest.raises(KubeError, match="was closed"):
        await session.get(ref)
    with pytest.raises(KubeError, match="was closed"):
        await anext(session.logs(ref, LogOptions()))
    assert (await session.may("get", POD)).allowed is None


async def test_a_snapshot_knows_its_moment(live: Open) -> None:
    before = datetime.now(UTC)
    async with live() as session:
        snapshot = await anext(session.snapshots())
    assert before <= snapshot.now <= datetime.now(UTC)
