"""Reads that only the built-in cluster can be brought to: what it forgets, and each form of an answer."""

from collections.abc import AsyncIterator

import pytest

from meshtui.sim.kinds import BUILT_IN, CONFIGMAP, GATEWAY, NAMESPACE
from meshtui.sim.serve import serve
from meshtui.sim.store import Store
from tests.cluster.kubeconfig import Api, Raw
from tests.cluster.on_built_in import Kubelets

CONFIGMAPS = "/api/v1/namespaces/shop/configmaps"
GATEWAYS = "/apis/gateway.networking.k8s.io/{}/namespaces/shop/gateways"


@pytest.fixture
def store() -> Store:
    made = Store()
    made.create(NAMESPACE, {"metadata": {"name": "shop"}})
    return made


@pytest.fixture
async def api(store: Store) -> AsyncIterator[Api]:
    async with serve(store, Kubelets()) as served, Api.connected(served.kubeconfig) as api:
        yield api


def add(store: Store, *names: str) -> None:
    for name in names:
        store.create(CONFIGMAP, {"metadata": {"name": name, "namespace": "shop"}})


def names(listing: Raw) -> list[str]:
    return [item["metadata"]["name"] for item in listing["items"]]


async def test_a_continue_token_that_is_too_old_says_how_to_go_on(store: Store, api: Api) -> None:
    add(store, "a", "b", "c", "d")
    first = (await api.get(CONFIGMAPS, limit=2)).body
    store.delete(CONFIGMAP, "shop", "c")
    store.forget()
    refused = await api.get(CONFIGMAPS, limit=2, **{"continue": first["metadata"]["continue"]})
    assert (refused.status, refused.body["reason"]) == (410, "Expired")
    assert "continue parameter is too old" in refused.body["message"]
    go_on = refused.body["metadata"]["continue"]
    rest = (await api.get(CONFIGMAPS, limit=2, **{"continue": go_on})).body
    assert names(rest) == ["d"], "as it is now, from where the first page ended"


async def test_a_list_at_a_version_is_exact_or_newer_as_asked(store: Store, api: Api) -> None:
    add(store, "a")
    then = store.version
    add(store, "b")
    exact: dict[str, str | int] = {"resourceVersion": then, "resourceVersionMatch": "Exact"}
    assert names((await api.get(CONFIGMAPS, **exact)).body) == ["a"]
    newer = exact | {"resourceVersionMatch": "NotOlderThan"}
    assert names((await api.get(CONFIGMAPS, **newer)).body) == ["a", "b"]
    assert names((await api.get(CONFIGMAPS, resourceVersion=0)).body) == ["a", "b"]
    store.forget()
    gone = await api.get(CONFIGMAPS, **exact)
    assert (gone.status, gone.body["reason"]) == (410, "Expired")
    ahead = await api.get(CONFIGMAPS, resourceVersion=store.version + 1000)
    assert (ahead.status, ahead.body["reason"]) == (504, "Timeout")
    assert ahead.body["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


async def test_metadata_alone(store: Store, api: Api) -> None:
    add(store, "a")
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    listing = (await api.send("GET", CONFIGMAPS, accept=accept)).body
    assert (listing["kind"], listing["apiVersion"]) == (
        "PartialObjectMetadataList",
        "meta.k8s.io/v1",
    )
    [item] = listing["items"]
    assert item.keys() == {"kind", "apiVersion", "metadata"}
    assert item["kind"] == "PartialObjectMetadata"


async def test_a_table_brings_as_much_of_each_object_as_is_asked_for(
    store: Store, api: Api
) -> None:
    add(store, "a")
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

    async def row(included: str) -> Raw:
        query = {"includeObject": included}
        table = (await api.send("GET", CONFIGMAPS, accept=accept, query=query)).body
        found: Raw = table["rows"][0]
        return found

    assert (await row("Object"))["object"]["kind"] == "ConfigMap"
    assert (await row("Metadata"))["object"]["kind"] == "PartialObjectMetadata"
    assert "object" not in await row("None")


async def test_an_object_is_read_at_the_version_that_is_asked_for(store: Store, api: Api) -> None:
    store.create(GATEWAY, {"metadata": {"name": "g", "namespace": "shop"}, "spec": {}})
    for version in ("v1", "v1beta1"):
        path = GATEWAYS.format(version)
        wanted = f"gateway.networking.k8s.io/{version}"
        assert (await api.get(f"{path}/g")).body["apiVersion"] == wanted
        listing = (await api.get(path)).body
        assert (listing["apiVersion"], listing["items"][0]["apiVersion"]) == (wanted, wanted)
        assert listing["items"][0]["kind"] == "Gateway", "a custom kind says so in each item"
    assert (await api.get(GATEWAYS.format("v2"))).status == 404


async def test_ten_thousand_objects_come_whole(store: Store, api: Api) -> None:
    add(store, *(f"c-{number:05}" for number in range(10_000)))
    listing = (await api.get(CONFIGMAPS)).body
    assert names(listing) == [f"c-{number:05}" for number in range(10_000)]


async def test_without_its_definition_a_kind_is_not_served() -> None:
    async with (
        serve(Store(BUILT_IN), Kubelets()) as served,
        Api.connected(served.kubeconfig) as api,
    ):
        absent = await api.get(GATEWAYS.format("v1"))
        groups = (await api.get("/apis")).body["groups"]
    assert (absent.status, absent.body) == (404, "404 page not found\n")
    assert "gateway.networking.k8s.io" not in [group["name"] for group in groups]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing/here", 404),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/namespaces/shop/namespaces/x", 404),
        ("GET", "/api/v1/namespaces/shop/pods/x/nothing", 404),
        ("GET", "/api/v1/namespaces/shop/configmaps/x/status", 404),
        ("PUT", "/api/v1/namespaces", 405),
        ("POST", "/api/v1/pods", 405),
        ("POST", "/api", 405),
        ("OPTIONS", "/api/v1/pods", 405),
    ],
)
async def test_paths_and_methods_that_are_none(
    api: Api, method: str, path: str, status: int
) -> None:
    found = await api.send(method, path, {} if method in ("PUT", "POST") else None)
    assert found.status == status, found.body
