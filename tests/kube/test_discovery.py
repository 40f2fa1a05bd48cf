"""Discovery: aggregated and classic, and which version of a kind is read."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from meshtui.kube.api import Api
from meshtui.kube.discovery import Discovery, Unreadable, choose
from meshtui.kube.errors import Absent, StatusError
from meshtui.mesh.kinds import GATEWAY, NODE, PEER_AUTHENTICATION, POD
from meshtui.mesh.served import Served
from tests.kube.scripted import QUICK, Scripted, answer, status

# As `kubectl get --raw /apis` and its like print them without the aggregated form (Kubernetes 1.36).
CLASSIC = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "groups": [
            {
                "name": "gateway.networking.k8s.io",
                "versions": [
                    {"groupVersion": "gateway.networking.k8s.io/v1beta1", "version": "v1beta1"},
                    {"groupVersion": "gateway.networking.k8s.io/v1", "version": "v1"},
                ],
                "preferredVersion": {
                    "groupVersion": "gateway.networking.k8s.io/v1",
                    "version": "v1",
                },
            },
            {
                "name": "metrics.k8s.io",
                "versions": [{"groupVersion": "metrics.k8s.io/v1beta1", "version": "v1beta1"}],
            },
        ],
    },
    "/api/v1": {
        "kind": "APIResourceList",
        "resources": [
            {"name": "pods", "kind": "Pod", "namespaced": True},
            {"name": "pods/log", "kind": "Pod", "namespaced": True},
            {"name": "nodes", "kind": "Node", "namespaced": False},
        ],
    },
    "/apis/gateway.networking.k8s.io/v1": {
        "resources": [{"name": "gateways", "kind": "Gateway", "namespaced": True}]
    },
    "/apis/gateway.networking.k8s.io/v1beta1": {
        "resources": [{"name": "gateways", "kind": "Gateway", "namespaced": True}]
    },
}


def test_our_best_version_that_is_served_is_read() -> None:
    def served(*versions: str) -> dict[object, Served]:
        return {GATEWAY: Served(GATEWAY, versions)}

    assert choose(GATEWAY, served("v1beta1", "v1")) == "v1"  # type: ignore[arg-type]
    assert choose(GATEWAY, served("v1alpha2", "v1beta1")) == "v1beta1"  # type: ignore[arg-type]
    with pytest.raises(Unreadable, match="v1alpha2"):
        choose(GATEWAY, served("v1alpha2"))  # type: ignore[arg-type]
    with pytest.raises(Absent, match="not installed"):
        choose(GATEWAY, {})


async def test_aggregated_discovery_takes_two_requests_for_all_who_ask(
    scripted: Scripted, api: Api
) -> None:
    discovery = Discovery(api, QUICK)
    asked = [discovery.version(kind) for kind in (POD, GATEWAY, POD)]
    assert await asyncio.gather(*asked) == ["v1", "v1", "v1"]
    assert len(scripted.requests) == 2
    assert discovery.kinds[PEER_AUTHENTICATION] == "v1alpha7"
    titles = {str(kind): kind.title for kind in discovery.kinds}
    assert titles["gateways.gateway.networking.k8s.io"] == "Gateway"


async def test_a_server_without_the_aggregated_form_is_read_in_the_classic_one(
    scripted: Scripted, api: Api
) -> None:
    for path, body in CLASSIC.items():
        scripted.on(path, answer(body))
    scripted.on("/apis/metrics.k8s.io/v1beta1", status(503, "service unavailable"))
    discovery = Discovery(api, QUICK)
    assert await discovery.version(NODE) == "v1"
    assert await discovery.version(GATEWAY) == "v1"
    assert discovery.kinds[GATEWAY] == "v1"
    assert {kind.plural for kind in discovery.kinds} == {"pods", "nodes", "gateways"}
    assert {str(kind): kind.namespaced for kind in discovery.kinds}["nodes"] is False


async def test_where_discovery_is_forbidden_each_kind_speaks_for_itself(
    scripted: Scripted, api: Api
) -> None:
    for path in ("/api", "/apis"):
        scripted.on(path, status(403, "forbidden"))
    assert await Discovery(api, QUICK).version(GATEWAY) == "v1"


async def test_a_server_in_trouble_is_not_taken_for_one_without_kinds(
    scripted: Scripted, api: Api
) -> None:
    scripted.on("/apis", status(500, "etcd is away"))
    with pytest.raises(StatusError, match="etcd is away"):
        await Discovery(api, QUICK).version(POD)


async def test_both_forms_are_asked_for_the_newest_first(scripted: Scripted, api: Api) -> None:
    accepted: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        accepted.append(request.headers["Accept"])
        return await answer({"kind": "APIGroupDiscoveryList", "items": []})(request)

    scripted.on("/apis", handle)
    with pytest.raises(Absent):
        await Discovery(api, QUICK).version(GATEWAY)
    forms = [form.partition(";g=")[0] for form in accepted[0].split(",")]
    assert forms == ["application/json"] * 3
    assert "v=v2;as=APIGroupDiscoveryList" in accepted[0].split(",")[0]
