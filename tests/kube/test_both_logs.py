"""Logs as the API server passes them on from a kubelet: what of them one may ask for, and what is refused."""

from __future__ import annotations

import asyncio
from datetime import datetime

from tests.cluster.cluster import CONTAINER, Cluster, lines


def log_of(cluster: Cluster, pod: str) -> str:
    return cluster.path("pods", pod) + "/log"


async def test_the_last_lines_are_read_in_their_order(cluster: Cluster) -> None:
    await cluster.add_pod("web", log=lines("one", "two", "three"))
    log = log_of(cluster, "web")
    assert (await cluster.api.get(log)).body == "one\ntwo\nthree\n"
    assert (await cluster.api.get(log, tailLines=2)).body == "two\nthree\n"
    assert (await cluster.api.get(log, tailLines=0)).body == ""
    assert (await cluster.api.get(log, container=CONTAINER)).body == "one\ntwo\nthree\n"


async def test_only_what_is_new_enough_is_read(cluster: Cluster) -> None:
    written = [*lines("long ago", ago=3600), *lines("a minute ago", ago=60), *lines("now")]
    await cluster.add_pod("web", log=written)
    log = log_of(cluster, "web")
    assert (await cluster.api.get(log, sinceSeconds=600)).body == "a minute ago\nnow\n"
    since = written[1][0].strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (await cluster.api.get(log, sinceTime=since)).body == "a minute ago\nnow\n"


async def test_each_line_may_bring_the_time_when_it_was_written(cluster: Cluster) -> None:
    written = lines("hello there", ago=60)
    await cluster.add_pod("web", log=written)
    told = (await cluster.api.get(log_of(cluster, "web"), timestamps="true")).body
    stamp, _, text = told.partition(" ")
    assert text == "hello there\n"
    assert abs((datetime.fromisoformat(stamp) - written[0][0]).total_seconds()) < 0.001


async def test_a_followed_log_goes_on(cluster: Cluster) -> None:
    await cluster.add_pod("web", log=lines("one", "two"))
    query: dict[str, str | int] = {"follow": "true", "tailLines": 1}
    async with (
        asyncio.timeout(10),
        cluster.api.stream(log_of(cluster, "web"), query) as answer,
    ):
        assert answer.status == 200
        assert await answer.content.readline() == b"two\n"
        cluster.write_log("web", lines("three"))
        assert await answer.content.readline() == b"three\n"
        cluster.write_log("web", lines("four", "five"))
        assert await answer.content.readline() == b"four\n"
        assert await answer.content.readline() == b"five\n"


async def test_what_ran_before_the_last_restart_has_a_log_too(cluster: Cluster) -> None:
    await cluster.add_pod("web", log=lines("now"), previous=lines("panic"))
    log = log_of(cluster, "web")
    assert (await cluster.api.get(log, previous="true")).body == "panic\n"
    assert (await cluster.api.get(log)).body == "now\n"


async def test_a_line_may_hold_what_it_likes(cluster: Cluster) -> None:
    hostile = "\x1b[31mred\x1b[0m [bold]markup[/] ünïcödé \t tab"
    await cluster.add_pod("web", log=lines(hostile))
    assert (await cluster.api.get(log_of(cluster, "web"))).body == f"{hostile}\n"


async def test_without_such_a_pod_there_is_no_log(cluster: Cluster) -> None:
    answer = await cluster.api.get(log_of(cluster, "nobody"))
    assert (answer.status, answer.body["reason"]) == (404, "NotFound")
    assert answer.body["message"] == 'pods "nobody" not found'


async def test_without_such_a_container_there_is_no_log(cluster: Cluster) -> None:
    await cluster.add_pod("web", log=lines("one"))
    answer = await cluster.api.get(log_of(cluster, "web"), container="other")
    assert (answer.status, answer.body["reason"]) == (400, "BadRequest")
    assert answer.body["message"] == "container other is not valid for pod web"


async def test_the_log_of_a_pod_on_no_node_is_no_content(cluster: Cluster) -> None:
    container = {"name": CONTAINER, "image": "example.test/app:1"}
    body = {"metadata": {"name": "waiting"}, "spec": {"containers": [container]}}
    await cluster.api.create(cluster.path("pods"), body)
    answer = await cluster.api.get(log_of(cluster, "waiting"))
    assert (answer.status, answer.body) == (204, "")
