"""Writes beyond those that the suite of both servers has: definitions at run time, defaults, owners, namespaces."""

from collections.abc import AsyncIterator

import pytest

from meshtui.sim.kinds import CONFIGMAP, DEPLOYMENT, NAMESPACE, REPLICASET
from meshtui.sim.serve import serve
from meshtui.sim.store import Store
from tests.cluster.kubeconfig import MERGE, Api, Raw
from tests.cluster.on_built_in import Kubelets

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/example.test/v1/namespaces/shop/widgets"
SHOP = "/api/v1/namespaces/shop"


@pytest.fixture
def store() -> Store:
    made = Store()
    made.create(NAMESPACE, {"metadata": {"name": "shop"}})
    return made


@pytest.fixture
async def api(store: Store) -> AsyncIterator[Api]:
    async with serve(store, Kubelets()) as served, Api.connected(served.kubeconfig) as api:
        yield api


def widgets(**rest: object) -> Raw:
    column = {"name": "Size", "type": "integer", "jsonPath": ".spec.size"}
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "additionalPrinterColumns": [column],
        **rest,
    }
    return {
        "metadata": {"name": "widgets.example.test"},
        "spec": {
            "group": "example.test",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
            "versions": [version],
        },
    }


def widget(name: str, size: int) -> Raw:
    return {
        "apiVersion": "example.test/v1",
        "kind": "Widget",
        "metadata": {"name": name},
        "spec": {"size": size},
        "status": {"seen": True},
    }


async def test_a_definition_makes_a_kind_and_takes_it_away(api: Api) -> None:
    assert (await api.get(WIDGETS)).status == 404
    made = await api.create(CRDS, widgets())
    conditions = {each["type"]: each["status"] for each in made["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    await api.create(WIDGETS, widget("w", 7))
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    table = (await api.send("GET", WIDGETS, accept=accept)).body
    assert table["rows"][0]["cells"] == ["w", 7]
    await api.delete(f"{CRDS}/widgets.example.test")
    assert (await api.get(WIDGETS)).status == 404


async def test_status_is_apart_only_where_the_definition_says_so(api: Api) -> None:
    await api.create(CRDS, widgets())
    assert (await api.create(WIDGETS, widget("whole", 1)))["status"] == {"seen": True}
    await api.delete(f"{CRDS}/widgets.example.test")
    await api.create(CRDS, widgets(subresources={"status": {}}))
    assert "status" not in await api.create(WIDGETS, widget("apart", 1))


@pytest.mark.parametrize("spec", [{}, {"group": "g", "names": None}, {"versions": 7}, None])
async def test_a_definition_that_defines_nothing_is_invalid(api: Api, spec: object) -> None:
    answer = await api.send("POST", CRDS, {"metadata": {"name": "x.y"}, "spec": spec})
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")


async def test_a_service_gets_an_address_and_keeps_it(api: Api) -> None:
    body = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}], "selector": {"a": "b"}}}
    made = await api.create(f"{SHOP}/services", body)
    address = made["spec"]["clusterIP"]
    assert address.startswith("10.96.")
    assert made["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    body["spec"] = {"ports": [{"port": 81}]}
    changed = (await api.send("PUT", f"{SHOP}/services/web", body)).body
    assert changed["spec"]["clusterIP"] == address
    headless = {
        "metadata": {"name": "none"},
        "spec": {"clusterIP": "None", "ports": [{"port": 80}]},
    }
    assert (await api.create(f"{SHOP}/services", headless))["spec"]["clusterIP"] == "None"


async def test_plain_text_of_a_secret_is_encoded(api: Api) -> None:
    body = {"metadata": {"name": "s"}, "stringData": {"a": "b"}, "data": {"c": "ZA=="}}
    made = await api.create(f"{SHOP}/secrets", body)
    assert made["data"] == {"a": "Yg==", "c": "ZA=="}
    assert (made["type"], "stringData" in made) == ("Opaque", False)


async def test_a_namespace_on_its_way_out_takes_nothing_new(store: Store, api: Api) -> None:
    held: Raw = {"name": "c", "namespace": "shop", "finalizers": ["example.test/hold"]}
    store.create(CONFIGMAP, {"metadata": held})
    ending = await api.delete(SHOP)
    assert ending["status"]["phase"] == "Terminating"
    refused = await api.send("POST", f"{SHOP}/configmaps", {"metadata": {"name": "late"}})
    assert (refused.status, refused.body["reason"]) == (403, "Forbidden")
    assert refused.body["message"] == (
        'configmaps "late" is forbidden: unable to create new content in namespace shop because it is being terminated'
    )
    await api.patch(f"{SHOP}/configmaps/c", {"metadata": {"finalizers": None}})
    assert (await api.get(SHOP)).status == 404


@pytest.mark.parametrize(("policy", "left"), [("Background", 0), ("Foreground", 0), ("Orphan", 1)])
async def test_what_is_owned_goes_or_stays_as_asked(
    store: Store, api: Api, policy: str, left: int
) -> None:
    owner = store.create(DEPLOYMENT, {"metadata": {"name": "web", "namespace": "shop"}})
    reference = {"kind": "Deployment", "name": "web", "uid": owner["metadata"]["uid"]}
    metadata = {"name": "web-1", "namespace": "shop", "ownerReferences": [reference]}
    store.create(REPLICASET, {"metadata": metadata})
    path = "/apis/apps/v1/namespaces/shop/deployments/web"
    await api.send("DELETE", path, {"propagationPolicy": policy})
    found = store.list(REPLICASET)
    assert len(found) == left
    assert all(not each["metadata"]["ownerReferences"] for each in found)


async def test_a_workload_is_scaled(store: Store, api: Api) -> None:
    spec = {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}}
    store.create(DEPLOYMENT, {"metadata": {"name": "web", "namespace": "shop"}, "spec": spec})
    path = "/apis/apps/v1/namespaces/shop/deployments/web/scale"
    scale = (await api.get(path)).body
    assert (scale["kind"], scale["spec"], scale["status"]["selector"]) == (
        "Scale",
        {"replicas": 1},
        "a=b",
    )
    scaled = await api.send("PUT", path, {**scale, "spec": {"replicas": 3}})
    assert (scaled.status, scaled.body["spec"]) == (200, {"replicas": 3})
    late = await api.send("PUT", path, {**scale, "spec": {"replicas": 5}})
    assert late.status == 409
    patched = await api.send("PATCH", path, {"spec": {"replicas": 0}}, content_type=MERGE)
    assert patched.body["spec"] == {"replicas": 0}
    assert store.need(DEPLOYMENT, "shop", "web")["spec"]["replicas"] == 0


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"a b": "x"}, "a valid label key must"),
        ({"a/b/c": "x"}, "a valid label key must"),
        ({"a": "x y"}, "a valid label must be an empty string or"),
        ({"a": "x" * 64}, "must be no more than 63 bytes"),
    ],
)
async def test_labels_that_may_not_be(api: Api, labels: dict[str, str], words: str) -> None:
    answer = await api.send("PATCH", SHOP, {"metadata": {"labels": labels}}, content_type=MERGE)
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert words in answer.body["message"]
    assert answer.body["details"]["causes"][0]["field"] == "metadata.labels"


async def test_a_service_account_can_come_with_a_token(api: Api, store: Store) -> None:
    await api.create(f"{SHOP}/serviceaccounts", {"metadata": {"name": "bot"}})
    asked = await api.create(f"{SHOP}/serviceaccounts/bot/token", {"spec": {}})
    bearer = {"Authorization": f"Bearer {asked['status']['token']}"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    said = (await api.send("POST", path, {}, headers=bearer)).body["status"]["userInfo"]
    assert said["username"] == "system:serviceaccount:shop:bot"
    assert "system:serviceaccounts:shop" in said["groups"]
