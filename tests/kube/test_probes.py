"""Probing: what is kept of the answers, and of their failures."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Collection, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from meshtui.kube.api import Api
from meshtui.kube.probes import LARGE, Probing
from meshtui.kube.rights import Rights
from meshtui.mesh import dumps
from meshtui.mesh.snapshot import Probe, Trouble
from tests.kube.eventually import until
from tests.kube.scripted import QUICK, Handler, Scripted, forwarded, status

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def said(body: bytes) -> Handler:
    return forwarded(
        b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body, frame=32_768
    )


def number(body: bytes) -> int:
    return int(body)


def first_of(value: tuple[int], others: Collection[tuple[int]]) -> tuple[int]:
    """One of the others that equals the value, if there is one."""
    return next((other for other in others if other == value), value)


def boxed(body: bytes) -> tuple[int]:
    return (int(body),)


ONE = Probe("istio-system", "ztunnel-1", 15020, "/metrics", number)


def forward(pod: str) -> str:
    return f"/api/v1/namespaces/istio-system/pods/{pod}/portforward"


@pytest.fixture
async def probing(api: Api) -> AsyncIterator[Probing]:
    tasks: set[asyncio.Task[Any]] = set()

    def start(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        tasks.add(task := asyncio.create_task(work))
        return task

    rights = Rights(start, api, QUICK, lambda: "jane")
    probing = Probing(start, api, rights, QUICK, lambda: None)
    yield probing
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_an_answer_keeps_the_one_before_it(scripted: Scripted, probing: Probing) -> None:
    for body in (b"7", b"9"):
        scripted.on(forward("ztunnel-1"), said(body))
        assert await probing.ask(ONE) == 1
    answer = probing.answers[ONE]
    assert (answer.value, answer.before, answer.problem) == (9, 7, None)
    assert answer.at is not None
    assert answer.before_at is not None
    assert answer.before_at < answer.at


async def test_after_a_failure_the_older_value_stays_with_the_problem_beside_it(
    scripted: Scripted, probing: Probing
) -> None:
    scripted.on(forward("ztunnel-1"), said(b"7"))
    await probing.ask(ONE)
    read_at = probing.answers[ONE].at
    scripted.on(forward("ztunnel-1"), said(b"not a number"))
    await probing.ask(ONE)
    answer = probing.answers[ONE]
    assert (answer.value, answer.at) == (7, read_at)
    assert answer.problem is not None
    assert answer.problem.trouble is Trouble.BROKEN
    scripted.on(forward("ztunnel-1"), status(404, "not found"))
    await probing.ask(ONE)
    answer = probing.answers[ONE]
    assert answer.value == 7
    assert answer.problem is not None
    assert (answer.problem.trouble, answer.problem.text) == (
        Trouble.GONE,
        "istio-system/ztunnel-1 is gone",
    )


def thread(_: bytes) -> int:
    """A reader that tells where it runs."""
    return threading.get_ident()


async def test_a_large_body_is_read_beside_the_event_loop(
    scripted: Scripted, probing: Probing
) -> None:
    for size, beside in ((LARGE - 1, False), (LARGE, True)):
        probe = Probe("istio-system", "ztunnel-1", 15000, "/config_dump", thread)
        scripted.on(forward("ztunnel-1"), said(b" " * size))
        await probing.ask(probe)
        assert (probing.answers[probe].value != threading.get_ident()) is beside


@pytest.mark.parametrize("body", [b'{"workloads": [', b"[" * LARGE])
async def test_a_dump_that_cannot_be_read_has_words_however_large(
    scripted: Scripted, probing: Probing, body: bytes
) -> None:
    probe = Probe("istio-system", "ztunnel-1", 15000, "/config_dump", dumps.read_dump)
    scripted.on(forward("ztunnel-1"), said(body))
    await probing.ask(probe)
    problem = probing.answers[probe].problem
    assert problem is not None
    assert problem.trouble is Trouble.BROKEN
    assert problem.text.startswith("the answer cannot be read: the dump is cut off or no JSON")


meeting = threading.Barrier(2)


def meets(_: bytes) -> bool:
    """A reader that tells whether another is at work at the same time."""
    try:
        meeting.wait(0.05)
    except threading.BrokenBarrierError:
        return False
    return True


async def test_large_bodies_are_read_one_at_a_time(scripted: Scripted, probing: Probing) -> None:
    probes = [Probe("istio-system", f"z-{n}", 15000, "/config_dump", meets) for n in range(2)]
    for probe in probes:
        scripted.on(forward(probe.pod), said(b" " * LARGE))
    await asyncio.gather(*map(probing.ask, probes))
    assert [probing.answers[probe].value for probe in probes] == [False, False]


@pytest.mark.parametrize(
    ("allowed", "words"),
    [
        ({"get"}, "jane may not create pods/portforward in istio-system (RBAC: no)"),
        ({"create"}, "jane may not get pods/portforward in istio-system (RBAC: no)"),
        (set(), "jane may not get or create pods/portforward in istio-system"),
        ({"get", "create"}, "an admission webhook says no"),
    ],
)
async def test_a_refusal_names_the_verb_that_is_missing(
    scripted: Scripted, probing: Probing, allowed: set[str], words: str
) -> None:
    async def review(request: web.Request) -> web.Response:
        asked = (await request.json())["spec"]["resourceAttributes"]
        assert (asked["resource"], asked["subresource"]) == ("pods", "portforward")
        yes = asked["verb"] in allowed
        return web.json_response({"status": {"allowed": yes, "reason": "" if yes else "RBAC: no"}})

    scripted.on(forward("ztunnel-1"), status(403, "an admission webhook says no"))
    scripted.on(REVIEWS, review)
    await probing.ask(ONE)
    problem = probing.answers[ONE].problem
    assert problem is not None
    assert problem.trouble is Trouble.FORBIDDEN
    if len(allowed) < 2:
        assert problem.text == words


async def test_values_are_shared_with_those_of_other_pods(
    scripted: Scripted, probing: Probing
) -> None:
    probes = [
        Probe("istio-system", f"ztunnel-{n}", 15000, "/config_dump", boxed, share=first_of)
        for n in (1, 2)
    ]
    for probe in probes:
        scripted.on(forward(probe.pod), said(b"7"))
        await probing.ask(probe)
    assert probing.answers[probes[0]].value is probing.answers[probes[1]].value


async def test_a_wanted_probe_is_asked_again_and_again_until_it_is_not_wanted(
    scripted: Scripted, probing: Probing
) -> None:
    scripted.on(forward("ztunnel-1"), said(b"7"))
    probing.want([ONE])
    await until(lambda: len(scripted.asked(forward("ztunnel-1"))) >= 3)
    probing.forget(lambda probe: True)
    assert ONE in probing.answers, "what is on screen is not taken away"
    probing.want([])
    assert ONE in probing.answers, "what came of it stays"
    probing.forget(lambda probe: True)
    assert probing.answers == {}


async def test_no_more_than_eight_port_forwards_at_once(
    scripted: Scripted, probing: Probing
) -> None:
    open_now: set[str] = set()
    most = 0
    let_go = asyncio.Event()

    async def counted(request: web.Request) -> web.StreamResponse:
        nonlocal most
        open_now.add(request.path)
        most = max(most, len(open_now))
        await let_go.wait()
        open_now.discard(request.path)
        return await status(404, "gone")(request)

    probes = [Probe("istio-system", f"z-{n}", 15020, "/metrics", number) for n in range(12)]
    for probe in probes:
        scripted.on(forward(probe.pod), counted)
    probing.want(probes)
    await until(lambda: len(open_now) == 8)
    let_go.set()
    await until(lambda: len(probing.answers) == 12)
    assert most == 8


def added(before: int | None, value: Any, now: datetime) -> int:
    assert now.tzinfo is UTC
    return (before or 0) + int(value[0])


async def test_what_is_kept_is_made_of_all_values_and_stays_when_one_cannot_be_read(
    scripted: Scripted, probing: Probing
) -> None:
    probe = Probe("istio-system", "ztunnel-1", 15000, "/config_dump", boxed, keep=added)
    for body, kept in ((b"7", 7), (b"5", 12)):
        scripted.on(forward("ztunnel-1"), said(body))
        await probing.ask(probe)
        assert probing.answers[probe].kept == kept
    scripted.on(forward("ztunnel-1"), status(403, "no"))
    await probing.ask(probe)
    assert probing.answers[probe].problem is not None
    assert probing.answers[probe].kept == 12
