"""Lists: pages, selectors, tables, and what the server says where there is nothing or no such thing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.kubeconfig import Raw

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def names(listing: Raw) -> list[str]:
    return [item["metadata"]["name"] for item in listing["items"]]


async def add(cluster: Cluster, *wanted: str, **labels: str) -> None:
    for name in wanted:
        metadata = {"name": name, "labels": labels}
        await cluster.api.create(cluster.path("configmaps"), {"metadata": metadata})


async def test_a_list_says_its_kind_and_version_and_leaves_them_out_of_its_items(
    cluster: Cluster,
) -> None:
    await add(cluster, "b", "a")
    listing = (await cluster.api.get(cluster.path("configmaps"))).body
    assert (listing["kind"], listing["apiVersion"]) == ("ConfigMapList", "v1")
    assert names(listing) == ["a", "b"]
    assert int(listing["metadata"]["resourceVersion"]) >= max(
        int(item["metadata"]["resourceVersion"]) for item in listing["items"]
    )
    assert "continue" not in listing["metadata"]
    assert "kind" not in listing["items"][0]


async def test_pages_make_up_the_list_as_it_was_at_the_first_one(cluster: Cluster) -> None:
    await add(cluster, "a", "b", "c", "d", "e")
    collection = cluster.path("configmaps")
    first = (await cluster.api.get(collection, limit=2)).body
    assert names(first) == ["a", "b"]
    assert first["metadata"]["remainingItemCount"] == 3
    await add(cluster, "bb", "f")
    await cluster.api.delete(f"{collection}/d")
    token = first["metadata"]["continue"]
    second = (await cluster.api.get(collection, limit=2, **{"continue": token})).body
    third = (
        await cluster.api.get(collection, limit=2, **{"continue": second["metadata"]["continue"]})
    ).body
    assert names(second) + names(third) == ["c", "d", "e"]
    assert "continue" not in third["metadata"]
    versions = {page["metadata"]["resourceVersion"] for page in (first, second, third)}
    assert len(versions) == 1


async def test_a_limit_that_takes_all_gives_no_token(cluster: Cluster) -> None:
    await add(cluster, "a", "b")
    listing = (await cluster.api.get(cluster.path("configmaps"), limit=2)).body
    assert names(listing) == ["a", "b"]
    assert not listing["metadata"].get("continue")


async def test_a_token_that_is_none_is_refused(cluster: Cluster) -> None:
    asked = await cluster.api.get(cluster.path("configmaps"), limit=2, **{"continue": "nonsense"})
    assert (asked.status, asked.body["reason"]) == (400, "BadRequest")


async def test_pages_keep_the_selector(cluster: Cluster) -> None:
    await add(cluster, "a", "c", "e", app="x")
    await add(cluster, "b", "d", app="y")
    collection = cluster.path("configmaps")
    query: dict[str, str | int] = {"labelSelector": "app=x", "limit": 2}
    first = (await cluster.api.get(collection, **query)).body
    token = first["metadata"]["continue"]
    second = (await cluster.api.get(collection, **query, **{"continue": token})).body
    assert (names(first), names(second)) == (["a", "c"], ["e"])


@pytest.mark.parametrize(
    ("selector", "wanted"),
    [
        ("app=x", ["a", "c"]),
        ("app==x", ["a", "c"]),
        ("app!=x", ["b", "d"]),
        ("app", ["a", "b", "c"]),
        ("!app", ["d"]),
        ("app in (x, y)", ["a", "b", "c"]),
        ("app notin (x)", ["b", "d"]),
        ("app=x,tier=front", ["c"]),
        ("app=x,tier!=front", ["a"]),
        ("", ["a", "b", "c", "d"]),
    ],
)
async def test_labels_select(cluster: Cluster, selector: str, wanted: list[str]) -> None:
    await add(cluster, "a", app="x")
    await add(cluster, "b", app="y")
    await add(cluster, "c", app="x", tier="front")
    await add(cluster, "d")
    listing = await cluster.api.get(cluster.path("configmaps"), labelSelector=selector)
    assert names(listing.body) == wanted


@pytest.mark.parametrize("selector", ["app in x", "app in (x", "=x", "a,,b="])
async def test_a_label_selector_that_cannot_be_read_is_refused(
    cluster: Cluster, selector: str
) -> None:
    refused = await cluster.api.get(cluster.path("configmaps"), labelSelector=selector)
    assert (refused.status, refused.body["reason"]) == (400, "BadRequest")


@pytest.mark.parametrize(
    ("selector", "wanted"),
    [
        ("metadata.name=one", ["one"]),
        ("metadata.name!=one", ["two"]),
        ("spec.nodeName=node-2", ["two"]),
        ("status.phase=Running", ["one", "two"]),
        ("status.phase=Pending", []),
        ("spec.nodeName=node-1,status.phase=Running", ["one"]),
    ],
)
async def test_fields_select_pods(cluster: Cluster, selector: str, wanted: list[str]) -> None:
    await cluster.add_pod("one", node="node-1")
    await cluster.add_pod("two", node="node-2")
    listing = await cluster.api.get(cluster.path("pods"), fieldSelector=selector)
    assert names(listing.body) == wanted


async def test_a_field_that_no_one_can_select_by_is_refused(cluster: Cluster) -> None:
    refused = await cluster.api.get(cluster.path("pods"), fieldSelector="spec.image=x")
    assert (refused.status, refused.body["reason"]) == (400, "BadRequest")


async def test_one_list_covers_all_namespaces(cluster: Cluster) -> None:
    other = await cluster.add_namespace("other")
    labels = {"test": cluster.namespace}
    for namespace in (cluster.namespace, other):
        path = cluster.path("configmaps", namespace=namespace)
        await cluster.api.create(path, {"metadata": {"name": "same", "labels": labels}})
    listing = await cluster.api.get("/api/v1/configmaps", labelSelector=f"test={cluster.namespace}")
    found = {item["metadata"]["namespace"] for item in listing.body["items"]}
    assert found == {cluster.namespace, other}


async def test_what_is_not_there_is_not_found(cluster: Cluster) -> None:
    nobody = await cluster.api.get(cluster.path("configmaps", "nobody"))
    assert nobody.status == 404
    assert nobody.body["kind"] == "Status"
    assert nobody.body["reason"] == "NotFound"
    assert nobody.body["message"] == 'configmaps "nobody" not found'
    assert nobody.body["details"] == {"name": "nobody", "kind": "configmaps"}
    empty = await cluster.api.get(cluster.path("configmaps", namespace="no-such-namespace"))
    assert (empty.status, empty.body["items"]) == (200, [])


async def test_a_kind_that_is_not_served_is_told_from_an_object_that_is_not_there(
    cluster: Cluster,
) -> None:
    unknown = await cluster.api.get("/apis/inference.example.com/v1/pools")
    assert unknown.status == 404
    body = unknown.body if isinstance(unknown.body, str) else unknown.body["message"]
    assert body.strip() in (
        "404 page not found",
        "the server could not find the requested resource",
    )


async def test_pods_come_as_the_table_that_kubectl_prints(cluster: Cluster) -> None:
    await cluster.add_pod("web")
    table = (await cluster.api.send("GET", cluster.path("pods"), accept=TABLE)).body
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    columns = [column["name"] for column in table["columnDefinitions"]]
    assert columns[:5] == ["Name", "Ready", "Status", "Restarts", "Age"]
    [row] = table["rows"]
    assert row["cells"][:4] == ["web", "1/1", "Running", "0"]
    assert row["object"]["kind"] == "PartialObjectMetadata"
    assert row["object"]["metadata"]["name"] == "web"


async def test_a_custom_kind_has_the_columns_of_its_definition(cluster: Cluster) -> None:
    group = "security.istio.io/v1"
    path = cluster.path("peerauthentications", group=group)
    body = {
        "apiVersion": group,
        "kind": "PeerAuthentication",
        "metadata": {"name": "default"},
        "spec": {"mtls": {"mode": "STRICT"}},
    }
    await cluster.api.create(path, body)
    table = (await cluster.api.send("GET", path, accept=TABLE)).body
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Mode", "Age"]
    assert table["rows"][0]["cells"][:2] == ["default", "STRICT"]


async def test_the_server_says_what_it_is(cluster: Cluster) -> None:
    version = (await cluster.api.get("/version")).body
    assert (version["major"], version["minor"]) == ("1", "36")
    assert version["gitVersion"].startswith("v1.36.")
    assert (await cluster.api.get("/readyz")).body == "ok"


async def test_discovery_in_one_answer_names_kinds_scopes_verbs_and_subresources(
    cluster: Cluster,
) -> None:
    core = (await cluster.api.send("GET", "/api", accept=DISCOVERY)).body
    apis = (await cluster.api.send("GET", "/apis", accept=DISCOVERY)).body
    assert core["kind"] == apis["kind"] == "APIGroupDiscoveryList"
    pods = resource(core, "", "v1", "pods")
    assert pods["scope"] == "Namespaced"
    assert pods["responseKind"]["kind"] == "Pod"
    assert set(pods["verbs"]) >= {"get", "list", "watch", "create", "update", "patch", "delete"}
    assert {sub["subresource"] for sub in pods["subresources"]} >= {"log", "portforward", "status"}
    assert resource(core, "", "v1", "namespaces")["scope"] == "Cluster"
    gateways = resource(apis, "gateway.networking.k8s.io", "v1", "gateways")
    assert (gateways["scope"], gateways["responseKind"]["kind"]) == ("Namespaced", "Gateway")
    assert resource(apis, "security.istio.io", "v1", "authorizationpolicies")


async def test_discovery_of_the_older_kind_says_the_same(cluster: Cluster) -> None:
    assert "v1" in (await cluster.api.get("/api")).body["versions"]
    groups = (await cluster.api.get("/apis")).body["groups"]
    gateway = next(group for group in groups if group["name"] == "gateway.networking.k8s.io")
    assert gateway["preferredVersion"]["version"] == "v1"
    known = (await cluster.api.get("/apis/gateway.networking.k8s.io/v1")).body
    assert known["kind"] == "APIResourceList"
    [gateways] = [each for each in known["resources"] if each["name"] == "gateways"]
    assert (gateways["kind"], gateways["namespaced"]) == ("Gateway", True)
    pods = (await cluster.api.get("/api/v1")).body["resources"]
    assert {"pods", "pods/log", "pods/portforward", "pods/status"} <= {p["name"] for p in pods}


def resource(discovered: Raw, group: str, version: str, plural: str) -> Any:
    for item in discovered["items"]:
        if item["metadata"].get("name", "") == group:
            for served in item["versions"]:
                if served["version"] == version:
                    return next(r for r in served["resources"] if r["resource"] == plural)
    raise AssertionError(f"no {plural}.{version}.{group}")
