"""Watches: bookmarks, beginnings, tables, and their end."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest

from meshtui.sim.kinds import CONFIGMAP, NAMESPACE
from meshtui.sim.serve import serve
from meshtui.sim.store import Store
from tests.cluster.kubeconfig import Api, Raw
from tests.cluster.on_built_in import Kubelets
from tests.cluster.waiting import until

CONFIGMAPS = "/api/v1/namespaces/shop/configmaps"
BOOKMARKS = {"watch": "1", "allowWatchBookmarks": "true"}


@pytest.fixture
def store() -> Store:
    made = Store()
    made.create(NAMESPACE, {"metadata": {"name": "shop"}})
    return made


@asynccontextmanager
async def watched(
    api: Api, query: Mapping[str, str | int]
) -> AsyncIterator[aiohttp.ClientResponse]:
    async with asyncio.timeout(30), api.stream(CONFIGMAPS, query) as answer:
        yield answer


async def event(answer: aiohttp.ClientResponse) -> tuple[str, Raw]:
    found = json.loads(await answer.content.readline())
    return found["type"], found["object"]


def add(store: Store, name: str) -> None:
    store.create(CONFIGMAP, {"metadata": {"name": name, "namespace": "shop"}})


async def test_bookmarks_come_as_often_as_they_should(store: Store) -> None:
    async with (
        serve(store, Kubelets(), bookmark_every=0.05) as served,
        Api.connected(served.kubeconfig) as api,
        watched(api, BOOKMARKS | {"resourceVersion": store.version}) as answer,
    ):
        kind, first = await event(answer)
        assert kind == "BOOKMARK"
        store.create(NAMESPACE, {"metadata": {"name": "elsewhere"}})
        while True:
            kind, later = await event(answer)
            assert kind == "BOOKMARK", "a change of another kind is none of this watch's"
            if later["metadata"]["resourceVersion"] == str(store.version):
                break
    assert int(later["metadata"]["resourceVersion"]) > int(first["metadata"]["resourceVersion"])


async def test_no_bookmarks_come_where_none_are_allowed(store: Store) -> None:
    async with (
        serve(store, Kubelets(), bookmark_every=0.01) as served,
        Api.connected(served.kubeconfig) as api,
        watched(
            api, {"watch": "1", "resourceVersion": store.version, "timeoutSeconds": 1}
        ) as answer,
    ):
        assert await answer.content.read() == b""


async def test_initial_events_end_with_a_mark(store: Store) -> None:
    """Kubernetes' streaming list: the state, a bookmark that says so, then changes."""
    add(store, "a")
    query = BOOKMARKS | {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
    async with (
        serve(store, Kubelets()) as served,
        Api.connected(served.kubeconfig) as api,
        watched(api, query) as answer,
    ):
        assert (await event(answer))[1]["metadata"]["name"] == "a"
        kind, mark = await event(answer)
        assert kind == "BOOKMARK"
        assert mark["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        add(store, "b")
        assert (await event(answer))[1]["metadata"]["name"] == "b"


async def test_initial_events_need_to_be_asked_for_rightly(store: Store) -> None:
    async with serve(store, Kubelets()) as served, Api.connected(served.kubeconfig) as api:
        refused = await api.get(CONFIGMAPS, watch=1, sendInitialEvents="true")
    assert (refused.status, refused.body["reason"]) == (422, "Invalid")
    assert "sendInitialEvents requires setting resourceVersionMatch" in refused.body["message"]


async def test_rows_of_a_table_are_watched(store: Store) -> None:
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    async with serve(store, Kubelets()) as served, Api.connected(served.kubeconfig) as api:
        api.http.headers.update(accept)
        query: dict[str, str | int] = {"watch": "1", "resourceVersion": store.version}
        async with watched(api, query) as answer:
            add(store, "a")
            kind, table = await event(answer)
    assert (kind, table["kind"]) == ("ADDED", "Table")
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert table["rows"][0]["cells"][:2] == ["a", 0]


async def test_a_version_that_is_forgotten_while_nobody_looks_is_gone(store: Store) -> None:
    old = store.version
    add(store, "a")
    store.forget()
    async with (
        serve(store, Kubelets()) as served,
        Api.connected(served.kubeconfig) as api,
        watched(api, {"watch": "1", "resourceVersion": old}) as answer,
    ):
        kind, status = await event(answer)
        assert (kind, status["code"]) == ("ERROR", 410)
        assert await answer.content.read() == b"", "and the watch is over"


async def test_watches_end_at_once_when_the_server_does(store: Store) -> None:
    server = serve(store, Kubelets())
    served = await server.__aenter__()
    async with (
        Api.connected(served.kubeconfig) as api,
        watched(api, {"watch": "1", "resourceVersion": store.version}) as answer,
    ):
        async with asyncio.timeout(2):
            await server.__aexit__(None, None, None)
        with pytest.raises(aiohttp.ClientError):
            await answer.content.read()
    assert not served.kubeconfig.parent.exists()


async def test_a_client_that_goes_leaves_no_subscription(store: Store) -> None:
    async with serve(store, Kubelets()) as served, Api.connected(served.kubeconfig) as api:
        async with watched(api, {"watch": "1", "resourceVersion": store.version}):
            assert len(store._history._subscriptions) == 1
        await until(lambda: _is_empty(store._history._subscriptions))


async def _is_empty(found: Collection[object]) -> bool:
    return not found


async def test_an_event_is_encoded_once_for_all_who_watch_alike(store: Store) -> None:
    since = store.version
    query: dict[str, str | int] = {"watch": "1", "resourceVersion": since}
    async with (
        serve(store, Kubelets()) as served,
        Api.connected(served.kubeconfig) as api,
        watched(api, query) as one,
        watched(api, query | {"fieldSelector": "metadata.name=a"}) as two,
        watched(api, query | {"allowWatchBookmarks": "true"}) as three,
    ):
        add(store, "a")
        lines = [await answer.content.readline() for answer in (one, two, three)]
    assert lines[0] == lines[1] == lines[2]
    [change] = store.changes(since, CONFIGMAP)
    assert list(change.encoded.values()) == [lines[0]]


async def test_a_busy_watch_misses_nothing_and_keeps_the_order(store: Store) -> None:
    """Two thousand changes while ten watches look on and ten thousand objects are listed in pages."""
    for number in range(10_000):
        add(store, f"c-{number:05}")

    async def versions(answer: aiohttp.ClientResponse, count: int) -> list[int]:
        return [int((await event(answer))[1]["metadata"]["resourceVersion"]) for _ in range(count)]

    async def churn() -> list[int]:
        made = []
        for number in range(2_000):
            obj = store.need(CONFIGMAP, "shop", f"c-{number:05}")
            changed = store.update(CONFIGMAP, {**obj, "data": {"n": str(number)}})
            made.append(int(changed["metadata"]["resourceVersion"]))
            if number % 20 == 0:
                await asyncio.sleep(0)
        return made

    async with serve(store, Kubelets()) as served, Api.connected(served.kubeconfig) as api:
        query: dict[str, str | int] = {"watch": "1", "resourceVersion": store.version}
        async with AsyncExitStack() as watches, asyncio.timeout(60):
            answers = [await watches.enter_async_context(watched(api, query)) for _ in range(10)]
            told = [asyncio.create_task(versions(answer, 2_000)) for answer in answers]
            first = (await api.get(CONFIGMAPS, limit=500)).body
            listed, token = len(first["items"]), first["metadata"]["continue"]
            made = asyncio.create_task(churn())
            while token:
                page = (await api.get(CONFIGMAPS, limit=500, **{"continue": token})).body
                assert all("data" not in item for item in page["items"]), "as it was at the first"
                listed, token = listed + len(page["items"]), page["metadata"].get("continue")
            assert listed == 10_000
            wanted = await made
            for each in told:
                assert await each == wanted
