"""Watches: which events come, from which version on, and how a server says that it no longer knows a version."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp

from tests.cluster.cluster import Cluster
from tests.cluster.kubeconfig import Raw

EVENT_DEADLINE = 10


class Watch:
    """The events of one watch, in turn."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer

    async def next(self) -> tuple[str, Raw]:
        """Type and object of the next event. EOFError at the end of the stream."""
        async with asyncio.timeout(EVENT_DEADLINE):
            line = await self.answer.content.readline()
        if not line:
            raise EOFError
        event = json.loads(line)
        return event["type"], event["object"]

    async def rest(self) -> list[tuple[str, Raw]]:
        """Types and objects of all events until the server ends the stream."""
        events = []
        with suppress(EOFError):
            while True:
                events.append(await self.next())
        return events

    async def names(self, count: int) -> list[tuple[str, str]]:
        """Types and names of the next events."""
        events = [await self.next() for _ in range(count)]
        return [(kind, obj["metadata"]["name"]) for kind, obj in events]


@asynccontextmanager
async def watching(cluster: Cluster, path: str, **query: str | int) -> AsyncIterator[Watch]:
    params: dict[str, str | int] = {"watch": "true", "timeoutSeconds": 60, **query}
    async with cluster.api.stream(path, params) as answer:
        yield Watch(answer)


async def listed(cluster: Cluster, path: str) -> str:
    """The version of a list of now."""
    version: str = (await cluster.api.get(path)).body["metadata"]["resourceVersion"]
    return version


async def add(cluster: Cluster, name: str, **labels: str) -> Raw:
    metadata = {"name": name, "labels": labels}
    return await cluster.api.create(cluster.path("configmaps"), {"metadata": metadata})


async def test_changes_after_the_list_come_in_their_order(cluster: Cluster) -> None:
    path = cluster.path("configmaps")
    await add(cluster, "old")
    async with watching(cluster, path, resourceVersion=await listed(cluster, path)) as watch:
        await add(cluster, "new")
        await cluster.api.patch(f"{path}/old", {"data": {"a": "1"}})
        await cluster.api.delete(f"{path}/new")
        events = [await watch.next() for _ in range(3)]
    assert [(kind, obj["metadata"]["name"]) for kind, obj in events] == [
        ("ADDED", "new"),
        ("MODIFIED", "old"),
        ("DELETED", "new"),
    ]
    assert events[1][1]["data"] == {"a": "1"}
    versions = [int(obj["metadata"]["resourceVersion"]) for _, obj in events]
    assert versions == sorted(set(versions)), "a deletion has a version of its own"
    assert all((obj["kind"], obj["apiVersion"]) == ("ConfigMap", "v1") for _, obj in events)


async def test_without_a_version_it_begins_with_what_is_there(cluster: Cluster) -> None:
    for name in ("a", "b"):
        await add(cluster, name)
    async with watching(cluster, cluster.path("configmaps")) as watch:
        assert sorted(await watch.names(2)) == [("ADDED", "a"), ("ADDED", "b")]
        await add(cluster, "c")
        assert await watch.names(1) == [("ADDED", "c")]


async def test_it_is_taken_up_again_at_the_version_of_any_event(cluster: Cluster) -> None:
    path = cluster.path("configmaps")
    first = await add(cluster, "first")
    await add(cluster, "second")
    await cluster.api.delete(f"{path}/first")
    version = first["metadata"]["resourceVersion"]
    async with watching(cluster, path, resourceVersion=version) as watch:
        assert await watch.names(2) == [("ADDED", "second"), ("DELETED", "first")]


async def test_a_selected_watch_tells_of_coming_and_going(cluster: Cluster) -> None:
    path = cluster.path("configmaps")
    await add(cluster, "x", app="other")
    version = await listed(cluster, path)
    async with watching(cluster, path, resourceVersion=version, labelSelector="app=web") as watch:
        await add(cluster, "unseen", app="other")
        await cluster.api.patch(f"{path}/x", {"metadata": {"labels": {"app": "web"}}})
        await cluster.api.patch(f"{path}/x", {"data": {"a": "1"}})
        await cluster.api.patch(f"{path}/x", {"metadata": {"labels": {"app": None}}})
        await add(cluster, "y", app="web")
        assert await watch.names(4) == [
            ("ADDED", "x"),
            ("MODIFIED", "x"),
            ("DELETED", "x"),
            ("ADDED", "y"),
        ]


async def test_a_single_object_is_watched_by_its_name(cluster: Cluster) -> None:
    path = cluster.path("configmaps")
    version = await listed(cluster, path)
    selector = "metadata.name=mine"
    async with watching(cluster, path, resourceVersion=version, fieldSelector=selector) as watch:
        await add(cluster, "other")
        await add(cluster, "mine")
        assert await watch.names(1) == [("ADDED", "mine")]


async def test_a_bookmark_says_how_far_the_watch_is_and_the_watch_ends_when_it_was_asked_to(
    cluster: Cluster,
) -> None:
    path = cluster.path("configmaps")
    version = await listed(cluster, path)
    query: dict[str, str | int] = {
        "resourceVersion": version,
        "allowWatchBookmarks": "true",
        "timeoutSeconds": 4,
    }
    async with watching(cluster, path, **query) as watch:
        await add(cluster, "one")
        _, one = await watch.next()
        kind, obj = await watch.next()
        assert kind == "BOOKMARK"
        assert set(obj) <= {"kind", "apiVersion", "metadata"}
        assert (obj["kind"], obj["apiVersion"]) == ("ConfigMap", "v1")
        assert int(obj["metadata"]["resourceVersion"]) >= int(one["metadata"]["resourceVersion"])
        rest = await watch.rest()
        assert {kind for kind, _ in rest} <= {"BOOKMARK"}


async def test_a_version_of_long_ago_is_gone_with_an_event_in_a_good_answer(
    cluster: Cluster,
) -> None:
    path = cluster.path("peerauthentications", group="security.istio.io/v1")
    version = await cluster.old_version()
    async with watching(cluster, path, resourceVersion=version) as watch:
        assert watch.answer.status == 200
        kind, status = await watch.next()
    assert kind == "ERROR"
    assert (status["kind"], status["code"], status["reason"]) == ("Status", 410, "Expired")
    assert status["message"].startswith("too old resource version: ")


async def test_a_version_that_is_no_number_is_refused(cluster: Cluster) -> None:
    refused = await cluster.api.get(cluster.path("configmaps"), resourceVersion="soon")
    assert (refused.status, refused.body["reason"]) == (400, "BadRequest")


async def test_a_watch_covers_all_namespaces(cluster: Cluster) -> None:
    other = await cluster.add_namespace("other")
    version = await listed(cluster, "/api/v1/configmaps")
    selector = f"test={cluster.namespace}"
    query = {"resourceVersion": version, "labelSelector": selector}
    async with watching(cluster, "/api/v1/configmaps", **query) as watch:
        for namespace in (cluster.namespace, other):
            metadata = {"name": "same", "labels": {"test": cluster.namespace}}
            path = cluster.path("configmaps", namespace=namespace)
            await cluster.api.create(path, {"metadata": metadata})
        seen = [(await watch.next())[1]["metadata"]["namespace"] for _ in range(2)]
    assert seen == [cluster.namespace, other]


async def test_a_namespace_is_seen_coming_and_its_label_changing(cluster: Cluster) -> None:
    path = "/api/v1/namespaces"
    version = await listed(cluster, path)
    name = f"{cluster.namespace}-new"
    query = {"resourceVersion": version, "fieldSelector": f"metadata.name={name}"}
    async with watching(cluster, path, **query) as watch:
        await cluster.add_namespace("new")
        label = {"metadata": {"labels": {"istio.io/dataplane-mode": "ambient"}}}
        await cluster.api.patch(f"{path}/{name}", label)
        assert await watch.names(1) == [("ADDED", name)]
        kind, obj = await watch.next()
    assert kind == "MODIFIED"
    assert obj["metadata"]["labels"]["istio.io/dataplane-mode"] == "ambient"
