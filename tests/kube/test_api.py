"""Api: every failure of a request has its kind and its words."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

import meshtui
from meshtui.kube.api import Api, address
from meshtui.kube.errors import (
    Absent,
    Conflict,
    Expired,
    Forbidden,
    KubeError,
    StatusError,
    Throttled,
    Unauthorized,
    Unreachable,
)
from meshtui.mesh.kinds import GATEWAY, NODE, POD
from meshtui.mesh.snapshot import Trouble
from tests.kube import configs
from tests.kube.scripted import Handler, Scripted, answer, status

PATH = "/version"

ODD = "app in (a, b),c!=d+e&f=g%2F#ü;?[]\u2028/.."
"""A value that comes whole only where it is quoted."""


async def failure(scripted: Scripted, api: Api, handler: Handler) -> KubeError:
    scripted.on(PATH, handler)
    with pytest.raises(KubeError) as raised:
        await api.get(PATH, dict[str, str])
    return raised.value


async def test_of_the_official_client_no_more_is_loaded_than_is_used(
    scripted: Scripted, api: Api
) -> None:
    scripted.on(PATH, answer({}))
    await api.get(PATH, dict[str, str])
    assert "kubernetes.aio.client.api_client" in sys.modules
    assert sys.modules.keys().isdisjoint({"kubernetes.client", "kubernetes.aio.config"})


@pytest.mark.parametrize(
    ("code", "kind", "trouble"),
    [
        (401, Unauthorized, Trouble.UNAUTHORIZED),
        (403, Forbidden, Trouble.FORBIDDEN),
        (404, Absent, Trouble.ABSENT),
        (409, Conflict, Trouble.SERVER),
        (410, Expired, Trouble.SERVER),
        (429, Throttled, Trouble.SERVER),
        (500, StatusError, Trouble.SERVER),
    ],
)
async def test_the_servers_own_words_are_kept(
    scripted: Scripted, api: Api, code: int, kind: type[StatusError], trouble: Trouble
) -> None:
    error = await failure(scripted, api, status(code, "so it is"))
    assert type(error) is kind
    assert (error.problem.trouble, error.problem.text) == (trouble, "so it is")
    assert bool(error.problem.remedy) is (code in (401, 403, 500))


async def test_an_object_that_is_gone_is_not_a_kind_that_is_not_installed(
    scripted: Scripted, api: Api
) -> None:
    words = 'pods "a" not found'
    error = await failure(scripted, api, status(404, words, details={"name": "a", "kind": "pods"}))
    assert error.problem.trouble is Trouble.GONE


async def text(body: str, code: int, **headers: str) -> web.Response:
    return web.Response(text=body, status=code, headers=headers)


async def test_an_error_without_a_status_object_is_told_as_it_is(
    scripted: Scripted, api: Api
) -> None:
    error = await failure(scripted, api, lambda _: text("404 page not found\n", 404))
    assert error.problem.text == "404 page not found"
    error = await failure(scripted, api, lambda _: text("", 503))
    assert error.problem.text == "the server answered with status 503"
    error = await failure(scripted, api, lambda _: text("x" * 100_000, 500))
    assert len(error.problem.text) == 2_000


async def test_a_login_page_is_neither_followed_nor_read(scripted: Scripted, api: Api) -> None:
    error = await failure(scripted, api, lambda _: text("", 302, Location="/login"))
    assert isinstance(error, StatusError)
    assert error.code == 302
    assert scripted.asked("/login") == []
    error = await failure(scripted, api, lambda _: text("<html>log in</html>", 200))
    assert isinstance(error, Unreachable)
    assert error.problem.trouble is Trouble.BROKEN
    error = await failure(scripted, api, answer(["not", "an object"]))
    assert error.problem.trouble is Trouble.BROKEN


@pytest.mark.parametrize(
    ("asked", "seconds"), [("7", 7), ("0", 0), ("999999", 60), ("-1", 0), ("tomorrow", 0), ("", 0)]
)
async def test_retry_after_is_heard_within_reason(
    scripted: Scripted, api: Api, asked: str, seconds: float
) -> None:
    error = await failure(scripted, api, status(429, "slow down", {"Retry-After": asked}))
    assert isinstance(error, Throttled)
    assert error.retry_after == seconds


async def test_silence_before_and_within_an_answer_ends_it(scripted: Scripted, api: Api) -> None:
    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async def stops(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"{")
        return await silent(request)

    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"{")
        assert request.transport is not None
        request.transport.abort()
        return response

    error = await failure(scripted, api, cut)
    assert error.problem.trouble is Trouble.UNREACHABLE
    assert error.problem.text.endswith("closed the connection")
    impatient = Api(api.connection, timeout=0.05)
    for handler in (silent, stops):
        error = await failure(scripted, impatient, handler)
        assert error.problem.trouble is Trouble.TIMEOUT


async def test_the_server_hears_what_was_asked_and_who_asks(scripted: Scripted, api: Api) -> None:
    scripted.on(PATH, answer({}))
    await api.read(PATH, {"labelSelector": ODD, "limit": "500"}, accept="text/plain")
    await api.read(PATH)
    asked, plain = scripted.requests
    assert (asked.method, asked.headers["Accept"]) == ("GET", "text/plain")
    assert asked.headers.getall("User-Agent") == [f"meshtui/{meshtui.__version__}"]
    assert dict(asked.query) == {"labelSelector": ODD, "limit": "500"}
    assert (plain.headers["Accept"], plain.query_string) == ("application/json", "")


async def test_a_body_is_sent_as_json(scripted: Scripted, api: Api) -> None:
    async def echo(request: web.Request) -> web.Response:
        assert (request.method, request.content_type) == ("POST", "application/json")
        return web.json_response(await request.json())

    scripted.on(PATH, echo)
    body = {"spec": {"name": ODD, "none": None, "list": [1, {"b": True}]}}
    assert await api.post(PATH, body, dict[str, Any]) == body


async def test_a_name_with_slashes_stays_one_part_of_the_path(scripted: Scripted, api: Api) -> None:
    path = address(POD, "v1", "a/../b", "{name}")
    scripted.on("/api/v1/namespaces/a/../b/pods/{name}", answer({}))
    await api.read(path)
    assert scripted.requests[0].raw_path == "/api/v1/namespaces/a%2F..%2Fb/pods/%7Bname%7D"


async def test_requests_wait_for_the_client_together_and_may_give_it_up(
    scripted: Scripted, config: Path
) -> None:
    scripted.on(PATH, answer({"a": "b"}))
    async with configs.connection(config) as connection:
        api = Api(connection, timeout=2.0)
        first, second = (asyncio.create_task(api.get(PATH, dict[str, str])) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == {"a": "b"}
        assert first.cancelled()


def test_addresses() -> None:
    assert address(NODE, "v1") == "/api/v1/nodes"
    assert address(POD, "v1", "shop", "a", "log") == "/api/v1/namespaces/shop/pods/a/log"
    assert address(GATEWAY, "v1beta1", "edge", "public") == (
        "/apis/gateway.networking.k8s.io/v1beta1/namespaces/edge/gateways/public"
    )
    assert address(POD, "v1", "a/../b", "?x") == "/api/v1/namespaces/a%2F..%2Fb/pods/%3Fx"
