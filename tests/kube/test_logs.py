"""Logs: lines as they come, each once, whatever happens to the stream."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from datetime import UTC, datetime

import pytest
from aiohttp import web

from meshtui.kube import logs
from meshtui.kube.api import Api
from meshtui.kube.errors import Absent, StatusError
from meshtui.kube.logs import LONGEST_LINE, TRIES
from meshtui.mesh.kinds import POD
from meshtui.mesh.logs import LogLine, LogOptions
from meshtui.mesh.snapshot import Ref
from tests.kube.scripted import QUICK, Handler, Scripted, answer, status

REF = Ref(POD, "istio-system", "ztunnel-1")
PATH = "/api/v1/namespaces/istio-system/pods/ztunnel-1"
LOG = f"{PATH}/log"


def line(second: int, nanos: int, text: str) -> bytes:
    return f"2026-11-22T12:00:{second:02}.{nanos:09}Z {text}\n".encode()


class Log:
    """A container's log as a kubelet serves it: from `sinceTime` (whole seconds) on; each stream stops after so many
    lines as `cuts` says, the last one goes to the end."""

    def __init__(self, lines: list[bytes], cuts: list[int]) -> None:
        self.lines = lines
        self.cuts = iter(cuts)
        self.queries: list[Mapping[str, str]] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.queries.append(request.query)
        since = request.query.get("sinceTime", "").removesuffix("Z").encode()
        lines = [each for each in self.lines if each[:19] >= since]
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"".join(lines[: next(self.cuts, None)]))
        return response


async def read(api: Api, options: LogOptions | None = None) -> list[LogLine]:
    async with asyncio.timeout(5):
        return [each async for each in logs.follow(api, REF, options or LogOptions(), QUICK)]


def texts(lines: list[LogLine]) -> list[str]:
    return [each.text for each in lines if not each.notice]


def finished(phase: str) -> Handler:
    return answer({"status": {"phase": phase}})


async def test_a_log_without_follow_ends_where_it_ends(scripted: Scripted, api: Api) -> None:
    log = Log([line(1, 5_000, "one"), line(2, 0, "two words"), b"no stamp\n", b"no end"], [])
    scripted.on(LOG, log)
    found = await read(
        api, LogOptions(container="istio-proxy", tail=7, since=60, previous=True, follow=False)
    )
    assert found == [
        LogLine(datetime(2026, 11, 22, 12, 0, 1, 5, tzinfo=UTC), "one"),
        LogLine(datetime(2026, 11, 22, 12, 0, 2, tzinfo=UTC), "two words"),
        LogLine(None, "no stamp"),
        LogLine(None, "no end"),
    ]
    assert log.queries == [
        {
            "timestamps": "true",
            "container": "istio-proxy",
            "tailLines": "7",
            "sinceSeconds": "60",
            "previous": "true",
        }
    ]


async def test_a_cut_stream_goes_on_where_it_ended_and_no_line_comes_twice(
    scripted: Scripted, api: Api
) -> None:
    """Two lines share a stamp, and the cut is between them; the kubelet begins again at the whole second."""
    lines = [
        line(1, 0, "a"),
        line(2, 100, "b"),
        line(2, 200, "c"),
        line(2, 200, "d"),
        line(2, 300, "e"),
        line(4, 0, "f"),
    ]
    log = Log(lines, [3, 4, 99])
    scripted.on(LOG, log)
    states = iter(["Running", "Running", "Succeeded"])

    async def pod(request: web.Request) -> web.StreamResponse:
        return await finished(next(states))(request)

    scripted.on(PATH, pod)
    found = await read(api, LogOptions(container="app"))
    assert texts(found) == ["a", "b", "c", "d", "e", "f"]
    assert [query.get("sinceTime") for query in log.queries] == [
        None,
        "2026-11-22T12:00:02Z",
        "2026-11-22T12:00:02Z",
    ]
    assert [query.get("tailLines") for query in log.queries] == ["500", None, None]
    notices = [each.text for each in found if each.notice]
    assert len(notices) == 2
    assert "the stream ended, trying again in" in notices[0]


async def test_it_ends_when_the_pod_is_gone(scripted: Scripted, api: Api) -> None:
    scripted.on(LOG, Log([line(1, 0, "a")], []))
    scripted.on(PATH, status(404, 'pods "ztunnel-1" not found', details={"name": "ztunnel-1"}))
    found = await read(api)
    assert texts(found) == ["a"]
    assert found[-1].text == "the pod is gone"


async def test_a_container_that_waits_is_tried_again_and_then_given_up(
    scripted: Scripted, api: Api
) -> None:
    scripted.on(PATH, finished("Running"))
    log = Log([line(1, 0, "a")], [])
    tries = 0

    async def crashing(request: web.Request) -> web.StreamResponse:
        nonlocal tries
        tries += 1
        if tries == 1:
            return await log(request)
        return await status(400, "container is waiting to start: CrashLoopBackOff")(request)

    scripted.on(LOG, crashing)
    found = await read(api)
    assert texts(found) == ["a"]
    assert tries == TRIES + 1
    assert found[-1].text == (
        "container is waiting to start: CrashLoopBackOff; given up after 20 tries"
    )


async def test_what_is_refused_at_first_is_an_error(scripted: Scripted, api: Api) -> None:
    scripted.on(LOG, status(400, "a container name must be specified for pod ztunnel-1"))
    with pytest.raises(StatusError, match="a container name must be specified"):
        await read(api)
    scripted.on(LOG, status(404, "gone"))
    with pytest.raises(Absent):
        await read(api)


async def test_hostile_lines_neither_crash_nor_pile_up(scripted: Scripted, api: Api) -> None:
    hostile = [
        b"2026-11-22T12:00:01.000000001Z " + b"x" * 1_000_000 + b"\n",
        b"2026-11-22T12:00:01Z \xff\xfe\x1b[31m[bold]\n",
        b"2026-99-99T12:00:01Z no such day\n",
        "2026-11-22T12:00:01.٣Z digits\n".encode(),
        b"\n",
    ]
    scripted.on(LOG, Log(hostile, []))
    found = await read(api, LogOptions(follow=False))
    assert sum(text.count("x") for text in texts(found)) == 1_000_000
    assert max(len(text) for text in texts(found)) <= LONGEST_LINE
    assert texts(found)[-4:] == [
        "\ufffd\ufffd\x1b[31m[bold]",
        "2026-99-99T12:00:01Z no such day",
        "2026-11-22T12:00:01.٣Z digits",
        "",
    ]


@pytest.mark.parametrize(
    ("annotations", "chosen"),
    [
        ({}, "app"),
        ({"kubectl.kubernetes.io/default-container": "istio-proxy"}, "istio-proxy"),
        ({"kubectl.kubernetes.io/default-container": "gone"}, "app"),
    ],
)
async def test_of_several_containers_it_takes_the_one_that_kubectl_would(
    scripted: Scripted, api: Api, annotations: dict[str, str], chosen: str
) -> None:
    log = Log([line(0, 1, "hello")], [])
    scripted.on(LOG, log)
    pod = answer(
        {
            "metadata": {"annotations": annotations},
            "spec": {"containers": [{"name": "app"}, {"name": "istio-proxy"}]},
            "status": {"phase": "Succeeded"},
        }
    )
    scripted.on(PATH, pod)
    said = await read(api)
    assert said[0].notice
    assert said[0].text == f"container {chosen}, of app, istio-proxy"
    assert texts(said) == ["hello"]
    assert log.queries[0]["container"] == chosen


async def test_leaving_ends_the_stream(scripted: Scripted, api: Api) -> None:
    closed = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            await response.write(line(1, 0, "a"))
            await asyncio.Event().wait()
        finally:
            closed.set()
        return response

    scripted.on(LOG, endless)
    async with aclosing(logs.follow(api, REF, LogOptions(), QUICK)) as lines:
        assert (await anext(lines)).text == "a"
    async with asyncio.timeout(5):
        await closed.wait()
