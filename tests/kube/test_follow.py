"""Following a scope: pages, watches, cuts, expiry and refusals, each answered as Kubernetes' API conventions say
(https://kubernetes.io/docs/reference/using-api/api-concepts/)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace

from meshtui.kube.api import Api
from meshtui.kube.discovery import Discovery
from meshtui.kube.follow import PAGE, Follower
from meshtui.kube.pace import Pace
from meshtui.kube.store import Store
from meshtui.mesh.kinds import NODE, PEER_AUTHENTICATION, POD
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Phase, Scope, Trouble
from tests.kube.eventually import until
from tests.kube.scripted import QUICK, Scripted, Watched, answer, event, listing, pod, status

PODS = "/api/v1/pods"
ALL_PODS = Scope(POD)
EXPIRED = {
    "kind": "Status",
    "code": 410,
    "reason": "Expired",
    "message": "too old resource version",
}


class Followed:
    """A follower that runs, and what it has brought."""

    def __init__(self, api: Api, scope: Scope, pace: Pace) -> None:
        self.store = Store()
        self.seen: list[tuple[Phase, str]] = []
        discovery = Discovery(api, pace)
        self.follower = Follower(scope, api, discovery, self.store, pace, self._changed)

    def _changed(self) -> None:
        source = self.follower.source
        self.seen.append((source.phase, source.problem.text if source.problem else ""))

    @property
    def keys(self) -> set[str]:
        return set(self.objects)

    @property
    def objects(self) -> Mapping[str, Raw]:
        scope = self.follower.scope
        return self.store.objects([scope]).get(scope.kind, {})

    @property
    def phase(self) -> Phase:
        return self.follower.source.phase


Follow = Callable[..., Any]


@pytest.fixture
def follow(api: Api) -> Follow:
    @asynccontextmanager
    async def following(scope: Scope = ALL_PODS, **pace: float) -> AsyncIterator[Followed]:
        followed = Followed(api, scope, replace(QUICK, **pace))
        task = asyncio.create_task(followed.follower.run())
        try:
            yield followed
        finally:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    return following


async def test_the_first_list_comes_in_pages_whose_rows_show_at_once(
    scripted: Scripted, follow: Follow
) -> None:
    second_page = asyncio.Event()

    async def pages(request: web.Request) -> web.Response:
        assert request.query["limit"] == str(PAGE)
        if request.query.get("continue") == "next":
            await second_page.wait()
            return web.json_response(listing(pod("b"), version=7))
        return web.json_response(listing(pod("a"), version=7, token="next"))

    pods = Watched()
    pods.list = pages
    scripted.on(PODS, pods)
    async with follow() as followed:
        await until(lambda: followed.keys == {"shop/a"})
        assert (followed.phase, followed.follower.source.count) == (Phase.LOADING, 1)
        second_page.set()
        await until(lambda: followed.phase is Phase.LIVE)
        assert followed.keys == {"shop/a", "shop/b"}
        await until(lambda: len(pods.watches) == 1)
        assert pods.watches[0]["resourceVersion"] == "7"
        assert pods.watches[0]["allowWatchBookmarks"] == "true"


async def test_an_expired_continue_token_begins_the_list_again(
    scripted: Scripted, follow: Follow
) -> None:
    tokens: list[str] = []

    async def pages(request: web.Request) -> web.Response:
        token = request.query.get("continue", "")
        tokens.append(token)
        if token == "old":
            return web.json_response(EXPIRED, status=410)
        if token == "good":
            return web.json_response(listing(pod("c")))
        fresh = tokens.count("") > 1
        return web.json_response(
            listing(pod("b" if fresh else "a"), token="good" if fresh else "old")
        )

    pods = Watched()
    pods.list = pages
    scripted.on(PODS, pods)
    async with follow() as followed:
        await until(lambda: followed.phase is Phase.LIVE)
        assert tokens == ["", "old", "", "good"]
        assert followed.keys == {"shop/b", "shop/c"}, (
            "the pod of the first try is in no complete list"
        )


async def test_a_cut_watch_is_resumed_where_it_ended(scripted: Scripted, follow: Follow) -> None:
    pods = Watched(pod("a"), version=3)
    scripted.on(PODS, pods)
    async with follow() as followed:
        pods.send(event("ADDED", pod("b", 5)))
        pods.send(event("BOOKMARK", {"metadata": {"resourceVersion": "9"}}))
        await until(lambda: "shop/b" in followed.keys)
        pods.cut()
        await until(lambda: len(pods.watches) == 2)
        assert [watch["resourceVersion"] for watch in pods.watches] == ["3", "9"]
        assert pods.lists == 1
        assert Phase.STALE not in {phase for phase, _ in followed.seen}


async def test_an_event_may_come_in_any_pieces(scripted: Scripted, follow: Follow) -> None:
    pods = Watched()
    scripted.on(PODS, pods)
    async with follow() as followed:
        sent = event("ADDED", pod("ä", 2)) + event("ADDED", pod("b", 3))
        for start in range(0, len(sent), 7):
            pods.send(sent[start : start + 7])
        await until(lambda: followed.keys == {"shop/ä", "shop/b"})


@pytest.mark.parametrize("as_http_status", [True, False])
async def test_an_expired_watch_lists_again_and_no_row_vanishes_meanwhile(
    scripted: Scripted, follow: Follow, as_http_status: bool
) -> None:
    pods = Watched(pod("a"), pod("b"), version=3)
    scripted.on(PODS, pods)
    listed_again, go_on = asyncio.Event(), asyncio.Event()

    async def slow_list(request: web.Request) -> web.StreamResponse:
        listed_again.set()
        await go_on.wait()
        return await answer(listing(pod("b"), pod("c"), version=20))(request)

    async def expired_once(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query and request.query["resourceVersion"] == "3":
            return web.json_response(EXPIRED, status=410)
        return await pods(request)

    async with follow() as followed:
        await until(lambda: len(pods.watches) == 1)
        before = followed.objects
        pods.list = slow_list
        if as_http_status:
            scripted.on(PODS, expired_once)
            pods.cut()
        else:
            pods.send(event("ERROR", EXPIRED))
            pods.cut()
        await listed_again.wait()
        assert followed.keys == {"shop/a", "shop/b"}
        go_on.set()
        await until(lambda: followed.keys == {"shop/b", "shop/c"})
        assert followed.objects["shop/b"] is before["shop/b"]
        await until(lambda: pods.watches[-1]["resourceVersion"] == "20")


async def test_a_watch_that_says_nothing_is_opened_again_and_is_old_where_that_fails(
    scripted: Scripted, follow: Follow
) -> None:
    pods = Watched(pod("a"))
    scripted.on(PODS, pods)
    async with follow(silence=0.05) as followed:
        await until(lambda: len(pods.watches) > 2)
        assert {phase for phase, _ in followed.seen} == {Phase.LOADING, Phase.LIVE}
        assert pods.lists == 1
        scripted.on(PODS, status(503, "etcdserver: leader changed"))
        await until(lambda: followed.phase is Phase.STALE)
        assert followed.keys == {"shop/a"}


async def test_what_is_still_not_there_is_so_since_it_was_first_seen(
    scripted: Scripted, follow: Follow
) -> None:
    scripted.on(PODS, status(404, "not found"))
    async with follow() as followed:
        await until(lambda: followed.phase is Phase.ABSENT)
        first = followed.follower.source
        await until(lambda: followed.follower.source.retry_at != first.retry_at)
        assert followed.follower.source.since == first.since


async def test_a_server_that_fails_leaves_the_rows_and_says_since_when_they_are_old(
    scripted: Scripted, follow: Follow
) -> None:
    pods = Watched(pod("a"))
    scripted.on(PODS, pods)
    async with follow() as followed:
        await until(lambda: len(pods.watches) == 1)
        scripted.on(PODS, status(503, "etcdserver: leader changed"))
        pods.cut()
        await until(lambda: followed.phase is Phase.STALE)
        source = followed.follower.source
        assert source.problem is not None
        assert (source.problem.trouble, source.problem.text) == (
            Trouble.SERVER,
            "etcdserver: leader changed",
        )
        assert source.retry_at is not None
        assert source.since is not None
        assert source.since < source.retry_at
        assert followed.keys == {"shop/a"}
        scripted.on(PODS, pods)
        await until(lambda: followed.phase is Phase.LIVE)


async def test_the_wait_that_a_server_asks_for_is_kept(scripted: Scripted, follow: Follow) -> None:
    scripted.on(PODS, status(429, "too many requests", {"Retry-After": "30"}))
    async with follow() as followed:
        await until(lambda: followed.follower.source.retry_at is not None)
        source = followed.follower.source
        assert source.phase is Phase.LOADING
        assert source.since is not None
        assert source.retry_at is not None
        assert (source.retry_at - source.since).total_seconds() == pytest.approx(30, abs=1)
        assert len(scripted.asked(PODS)) == 1


async def test_a_forbidden_list_is_forbidden_in_the_servers_words(
    scripted: Scripted, follow: Follow
) -> None:
    words = 'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "shop"'
    path = "/api/v1/namespaces/shop/pods"
    scripted.on(path, status(403, words))
    async with follow(Scope(POD, "shop")) as followed:
        await until(lambda: followed.phase is Phase.FORBIDDEN)
        problem = followed.follower.source.problem
        assert problem is not None
        assert (problem.trouble, problem.text) == (Trouble.FORBIDDEN, words)
        scripted.on(path, Watched(pod("a")))
        await until(lambda: followed.phase is Phase.LIVE)


async def test_where_watching_is_forbidden_the_list_is_polled_and_says_so(
    scripted: Scripted, follow: Follow
) -> None:
    lists = iter([[pod("a")], [pod("b", 2)], [pod("b", 2)]])
    forbidden = status(403, 'User "jane" cannot watch resource "pods"')

    async def handle(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            return await forbidden(request)
        return await answer(listing(*next(lists, [pod("b", 2)])))(request)

    scripted.on(PODS, handle)
    async with follow() as followed:
        await until(lambda: followed.keys == {"shop/b"})
        await until(lambda: followed.follower.source.problem is not None)
        source = followed.follower.source
        assert source.phase is Phase.LIVE
        assert source.problem is not None
        assert "cannot watch" in source.problem.text
        assert "listed every 0.05 s instead" in source.problem.text


async def test_a_kind_that_appears_later_is_found(scripted: Scripted, follow: Follow) -> None:
    async with follow(Scope(NODE)) as followed:
        await until(lambda: followed.phase is Phase.ABSENT)
        problem = followed.follower.source.problem
        assert problem is not None
        assert problem.trouble is Trouble.ABSENT
        version = {"resource": "nodes", "scope": "Cluster", "responseKind": {"kind": "Node"}}
        group = {"metadata": {}, "versions": [{"version": "v1", "resources": [version]}]}
        scripted.on("/api", answer({"kind": "APIGroupDiscoveryList", "items": [group]}))
        scripted.on("/api/v1/nodes", Watched({"metadata": {"name": "node-1"}}))
        await until(lambda: followed.keys == {"node-1"})


async def test_the_rows_of_a_kind_that_is_taken_away_go(scripted: Scripted, follow: Follow) -> None:
    pods = Watched(pod("a"))
    scripted.on(PODS, pods)
    async with follow() as followed:
        await until(lambda: len(pods.watches) == 1)
        scripted.on(PODS, status(404, "the server could not find the requested resource"))
        pods.cut()
        await until(lambda: followed.phase is Phase.ABSENT)
        assert followed.keys == set()


async def test_a_kind_whose_version_is_swapped_is_old_meanwhile_and_not_gone(
    scripted: Scripted, follow: Follow
) -> None:
    def serves(version: str) -> None:
        policies = {
            "resource": "peerauthentications",
            "scope": "Namespaced",
            "responseKind": {"kind": "PeerAuthentication"},
        }
        group = {
            "metadata": {"name": "security.istio.io"},
            "versions": [{"version": version, "resources": [policies]}],
        }
        scripted.on("/apis", answer({"kind": "APIGroupDiscoveryList", "items": [group]}))

    path = "/apis/security.istio.io/{}/peerauthentications"
    old, new = (Watched({"metadata": {"name": "default", "namespace": "shop"}}) for _ in "ab")
    serves("v1beta1")
    scripted.on(path.format("v1beta1"), old)
    async with follow(Scope(PEER_AUTHENTICATION), absent=60.0) as followed:
        await until(lambda: len(old.watches) == 1)
        serves("v1")
        scripted.on(path.format("v1beta1"), status(404, "could not find the requested resource"))
        scripted.on(path.format("v1"), new)
        old.cut()
        await until(lambda: len(new.watches) == 1)
        phases = {phase for phase, _ in followed.seen}
        assert phases == {Phase.LOADING, Phase.LIVE, Phase.STALE}
        assert followed.keys == {"shop/default"}


async def test_a_version_that_nobody_reads_is_not_read(scripted: Scripted, follow: Follow) -> None:
    async with follow(Scope(PEER_AUTHENTICATION)) as followed:
        await until(lambda: followed.phase is Phase.UNREADABLE)
        problem = followed.follower.source.problem
        assert problem is not None
        assert "v1alpha7" in problem.text


async def test_a_login_page_is_not_taken_for_an_empty_list(
    scripted: Scripted, follow: Follow
) -> None:
    async def login(_: web.Request) -> web.Response:
        return web.Response(text="<html>log in</html>", content_type="text/html")

    scripted.on(PODS, login)
    async with follow() as followed:
        await until(lambda: followed.follower.source.problem is not None)
        problem = followed.follower.source.problem
        assert problem is not None
        assert (followed.phase, problem.trouble) == (Phase.LOADING, Trouble.BROKEN)


async def test_selectors_and_namespaces_narrow_both_list_and_watch(
    scripted: Scripted, follow: Follow
) -> None:
    path = "/api/v1/namespaces/istio-system/pods"
    pods = Watched(pod("ztunnel-x", namespace="istio-system"))
    scripted.on(path, pods)
    scope = Scope(POD, "istio-system", labels="app=ztunnel", fields="spec.nodeName=node-1")
    async with follow(scope):
        await until(lambda: len(pods.watches) == 1)
        for query in scripted.asked(path):
            assert query["labelSelector"] == "app=ztunnel"
            assert query["fieldSelector"] == "spec.nodeName=node-1"


async def test_running_again_lists_again_and_keeps_what_is_known(
    api: Api, scripted: Scripted
) -> None:
    pods = Watched(pod("a"))
    scripted.on(PODS, pods)
    followed = Followed(api, Scope(POD), QUICK)
    for lists in (1, 2):
        task = asyncio.create_task(followed.follower.run())
        await until(lambda wanted=lists: pods.lists == wanted and followed.phase is Phase.LIVE)  # type: ignore[misc]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert followed.keys == {"shop/a"}
    assert Phase.STALE not in {phase for phase, _ in followed.seen}
