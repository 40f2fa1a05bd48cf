"""Rights: what a rules review may and may not decide. Rules as in Kubernetes' RBAC documentation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from aiohttp import web

from meshtui.kube.api import Api
from meshtui.kube.rights import Rights
from meshtui.mesh.kinds import GATEWAY, NODE, POD, Kind
from tests.kube.scripted import QUICK, Scripted, status

GROUP = "/apis/authorization.k8s.io/v1"
RULES = f"{GROUP}/selfsubjectrulesreviews"
ACCESS = f"{GROUP}/selfsubjectaccessreviews"


class Reviews:
    """A server's answers to both reviews."""

    def __init__(self, scripted: Scripted, *rules: Any, allowed: Callable[[Any], bool]) -> None:
        self.rules = list(rules)
        self.allowed = allowed
        self.namespaces: list[str] = []
        self.asked: list[Any] = []
        scripted.on(RULES, self._rules)
        scripted.on(ACCESS, self._access)

    async def _rules(self, request: web.Request) -> web.Response:
        self.namespaces.append((await request.json())["spec"]["namespace"])
        return web.json_response({"status": {"resourceRules": self.rules, "incomplete": True}})

    async def _access(self, request: web.Request) -> web.Response:
        attributes = (await request.json())["spec"]["resourceAttributes"]
        self.asked.append(attributes)
        return web.json_response({"status": {"allowed": self.allowed(attributes)}})


def rule(verbs: str, resources: str, group: str = "", **more: Any) -> dict[str, Any]:
    return {
        "verbs": verbs.split(),
        "apiGroups": [group],
        "resources": resources.split(),
        **more,
    }


@pytest.fixture
async def rights(api: Api) -> AsyncIterator[Rights]:
    tasks: set[asyncio.Task[Any]] = set()

    def start(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        tasks.add(task := asyncio.create_task(work))
        return task

    yield Rights(start, api, QUICK, lambda: "jane")
    await asyncio.gather(*tasks)


@pytest.mark.parametrize(
    ("given", "verb", "kind", "subresource", "granted"),
    [
        (rule("get list", "pods"), "list", POD, "", True),
        (rule("*", "*"), "delete", POD, "portforward", True),
        (rule("create", "pods/portforward"), "create", POD, "portforward", True),
        (rule("create", "*/portforward"), "create", POD, "portforward", True),
        (rule("create", "pods"), "create", POD, "portforward", False),
        (rule("create", "pods/portforward"), "create", POD, "", False),
        (rule("get", "pods"), "list", POD, "", False),
        (rule("get", "gateways"), "get", GATEWAY, "", False),
        (rule("get", "gateways", GATEWAY.group), "get", GATEWAY, "", True),
        (rule("get", "pods", resourceNames=["one"]), "get", POD, "", False),
        ({"verbs": ["get"], "apiGroups": None, "resources": None}, "get", POD, "", False),
    ],
)
async def test_a_rule_grants_what_it_says_and_the_rest_is_asked_for(
    scripted: Scripted,
    rights: Rights,
    given: Any,
    verb: str,
    kind: Kind,
    subresource: str,
    granted: bool,
) -> None:
    reviews = Reviews(scripted, given, allowed=lambda _: True)
    assert (await rights.may(verb, kind, "shop", subresource)).allowed is True
    assert reviews.namespaces == ["shop"]
    assert len(reviews.asked) == (0 if granted else 1)


async def test_a_right_may_be_for_one_object(scripted: Scripted, rights: Rights) -> None:
    """A rule with names says nothing of others, and a review is asked by name."""
    reviews = Reviews(
        scripted, rule("patch", "pods", resourceNames=["one"]), allowed=lambda _: False
    )
    assert (await rights.may("patch", POD, "shop", name="one")).allowed is True
    assert reviews.asked == []
    right = await rights.may("patch", POD, "shop", name="two")
    assert (right.allowed, right.reason) == (False, "jane may not patch pods two in shop")
    assert [each["name"] for each in reviews.asked] == ["two"]


async def test_a_refusal_says_who_may_not_do_what_where(scripted: Scripted, rights: Rights) -> None:
    Reviews(scripted, allowed=lambda _: False)
    right = await rights.may("create", POD, "istio-system", "portforward")
    assert (right.allowed, right.reason) == (
        False,
        "jane may not create pods/portforward in istio-system",
    )
    right = await rights.may("list", GATEWAY)
    assert right.reason == "jane may not list gateways.gateway.networking.k8s.io"


async def test_what_concerns_the_whole_cluster_no_rules_review_answers(
    scripted: Scripted, rights: Rights
) -> None:
    reviews = Reviews(scripted, rule("*", "*"), allowed=lambda _: False)
    assert (await rights.may("list", NODE)).allowed is False
    assert reviews.namespaces == []


async def test_many_who_ask_the_same_wait_for_one_answer(
    scripted: Scripted, rights: Rights
) -> None:
    reviews = Reviews(scripted, allowed=lambda _: True)
    asked = [rights.may(verb, POD, "shop") for verb in ("get", "list", "get", "list", "get")]
    assert [right.allowed for right in await asyncio.gather(*asked)] == [True] * 5
    await rights.may("get", POD, "shop")
    assert reviews.namespaces == ["shop"]
    assert sorted(each["verb"] for each in reviews.asked) == ["get", "list"]


async def test_no_answer_is_neither_yes_nor_no_and_is_not_remembered(
    scripted: Scripted, rights: Rights
) -> None:
    scripted.on(ACCESS, status(500, "etcd is away"))
    right = await rights.may("get", POD)
    assert right.allowed is None
    assert right.reason == f"whether jane may get pods is not known: {right.cause}"
    assert "etcd is away" in right.cause
    Reviews(scripted, allowed=lambda _: True)
    assert (await rights.may("get", POD)).allowed is True


async def test_who_asked_and_left_does_not_spoil_it_for_others(
    scripted: Scripted, rights: Rights
) -> None:
    Reviews(scripted, allowed=lambda _: True)
    left = asyncio.create_task(rights.may("get", POD))
    stays = asyncio.create_task(rights.may("get", POD))
    await asyncio.sleep(0)
    left.cancel()
    assert (await stays).allowed is True


async def test_what_was_refused_is_asked_for_again_where_all_is_read_again(
    scripted: Scripted, rights: Rights
) -> None:
    Reviews(scripted, allowed=lambda _: False)
    assert (await rights.may("get", POD, "shop", "log")).allowed is False
    Reviews(scripted, allowed=lambda _: True)
    assert (await rights.may("get", POD, "shop", "log")).allowed is False, "remembered"
    rights.again()
    assert (await rights.may("get", POD, "shop", "log")).allowed is True
