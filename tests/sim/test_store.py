"""The store keeps Kubernetes' promises on versions, generations, deletion and history."""

import asyncio
from typing import Any

import pytest

from meshtui.sim.definitions import definition
from meshtui.sim.errors import AlreadyExists, Conflict, Expired, NotFound
from meshtui.sim.kinds import (
    CONFIGMAP,
    CRD,
    DEPLOYMENT,
    GATEWAY,
    NAMESPACE,
    POD,
    REPLICASET,
    kind_of,
)
from meshtui.sim.store import Store


def named(name: str, namespace: str = "", **rest: Any) -> dict[str, Any]:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"metadata": metadata | rest.pop("metadata", {}), **rest}


@pytest.fixture
def store() -> Store:
    made = Store()
    made.create(NAMESPACE, named("shop"))
    return made


def test_a_created_object_gets_what_the_server_gives(store: Store) -> None:
    made = store.create(POD, named("web", "shop", spec={"nodeName": "n1"}))
    assert (made["apiVersion"], made["kind"]) == ("v1", "Pod")
    assert made["metadata"]["generation"] == 1
    assert made["metadata"]["resourceVersion"] == str(store.version)
    assert made["metadata"]["uid"]
    assert kind_of(made) == POD
    assert store.get(POD, "shop", "web") is made
    with pytest.raises(AlreadyExists, match=r'^pods "web" already exists$'):
        store.create(POD, named("web", "shop"))


def test_only_what_is_wanted_counts_as_a_generation(store: Store) -> None:
    store.create(DEPLOYMENT, named("web", "shop", spec={"replicas": 1}))
    labelled = store.update(
        DEPLOYMENT, named("web", "shop", metadata={"labels": {"a": "b"}}, spec={"replicas": 1})
    )
    assert labelled["metadata"]["generation"] == 1
    scaled = store.update(DEPLOYMENT, named("web", "shop", spec={"replicas": 2}))
    assert scaled["metadata"]["generation"] == 2
    assert "labels" not in scaled["metadata"]


def test_status_and_the_rest_do_not_touch_each_other(store: Store) -> None:
    store.create(POD, named("web", "shop", spec={"nodeName": "n1"}))
    told = store.update(POD, named("web", "shop", status={"phase": "Running"}), "status")
    assert (told["spec"], told["status"]) == ({"nodeName": "n1"}, {"phase": "Running"})
    kept = store.update(POD, named("web", "shop", spec={}, status={"phase": "Failed"}))
    assert (kept["spec"], kept["status"]) == ({}, {"phase": "Running"})


def test_an_update_that_changes_nothing_is_no_change(store: Store) -> None:
    made = store.create(CONFIGMAP, named("c", "shop", data={"a": "1"}))
    version = store.version
    assert store.update(CONFIGMAP, named("c", "shop", data={"a": "1"})) is made
    assert store.version == version


def test_an_old_resource_version_or_another_uid_is_a_conflict(store: Store) -> None:
    old = store.create(CONFIGMAP, named("c", "shop", data={}))
    store.update(CONFIGMAP, {**old, "data": {"a": "1"}})
    with pytest.raises(Conflict, match="the object has been modified"):
        store.update(CONFIGMAP, {**old, "data": {"a": "2"}})
    with pytest.raises(Conflict, match="Precondition failed: UID"):
        store.update(CONFIGMAP, named("c", "shop", metadata={"uid": "other"}))
    with pytest.raises(NotFound, match=r'^configmaps "none" not found$'):
        store.update(CONFIGMAP, named("none", "shop"))


def test_what_an_object_owns_goes_with_it(store: Store) -> None:
    def owned(kind: str, obj: dict[str, Any]) -> dict[str, Any]:
        reference = {"kind": kind, "name": obj["metadata"]["name"], "uid": obj["metadata"]["uid"]}
        return {"ownerReferences": [reference]}

    deployment = store.create(DEPLOYMENT, named("web", "shop"))
    replicas = store.create(
        REPLICASET, named("web-1", "shop", metadata=owned("Deployment", deployment))
    )
    store.create(POD, named("web-1-a", "shop", metadata=owned("ReplicaSet", replicas)))
    store.create(POD, named("alone", "shop"))
    store.delete(DEPLOYMENT, "shop", "web")
    assert store.list(REPLICASET) == []
    assert [pod["metadata"]["name"] for pod in store.list(POD)] == ["alone"]


def test_a_pod_on_a_node_waits_for_its_kubelet(store: Store) -> None:
    store.create(POD, named("web", "shop", spec={"nodeName": "n1"}))
    store.delete(POD, "shop", "web")
    pod = store.need(POD, "shop", "web")
    assert pod["metadata"]["deletionGracePeriodSeconds"] == 30
    store.delete(POD, "shop", "web", grace=0)
    assert store.get(POD, "shop", "web") is None


def test_finalizers_hold_an_object_until_they_are_gone(store: Store) -> None:
    held = store.create(GATEWAY, named("g", "shop", metadata={"finalizers": ["a/b"]}))
    store.delete(GATEWAY, "shop", "g")
    held = store.need(GATEWAY, "shop", "g")
    assert held["metadata"]["deletionTimestamp"]
    metadata = {k: v for k, v in held["metadata"].items() if k != "finalizers"}
    store.update(GATEWAY, {**held, "metadata": metadata})
    assert store.get(GATEWAY, "shop", "g") is None


def test_a_namespace_goes_once_it_is_empty(store: Store) -> None:
    store.create(CONFIGMAP, named("c", "shop"))
    store.create(POD, named("web", "shop", spec={"nodeName": "n1"}))
    store.delete(NAMESPACE, "", "shop")
    assert store.need(NAMESPACE, "", "shop")["status"]["phase"] == "Terminating"
    assert store.list(CONFIGMAP) == []
    store.delete(POD, "shop", "web", grace=0)
    assert store.get(NAMESPACE, "", "shop") is None


def test_a_list_can_be_read_as_it_was(store: Store) -> None:
    for name in "abc":
        store.create(CONFIGMAP, named(name, "shop", data={"v": "1"}))
    then = store.version
    store.delete(CONFIGMAP, "shop", "a")
    store.update(CONFIGMAP, named("b", "shop", data={"v": "2"}))
    store.create(CONFIGMAP, named("d", "shop"))
    was = store.list(CONFIGMAP, at=then)
    assert [(c["metadata"]["name"], c["data"]["v"]) for c in was] == [
        ("a", "1"),
        ("b", "1"),
        ("c", "1"),
    ]
    assert [c["metadata"]["name"] for c in store.list(CONFIGMAP)] == ["b", "c", "d"]
    store.forget()
    with pytest.raises(Expired):
        store.list(CONFIGMAP, at=then)


def test_a_namespace_whose_name_begins_another_lists_its_own_only(store: Store) -> None:
    for namespace in ("shop", "shop-a", "shopping", "sho"):
        store.create(CONFIGMAP, named("c", namespace))
    assert [c["metadata"]["namespace"] for c in store.list(CONFIGMAP, "shop")] == ["shop"]


def test_history_is_bounded() -> None:
    store = Store((NAMESPACE, CONFIGMAP), history=3)
    for name in "abcde":
        store.create(CONFIGMAP, named(name, "shop"))
    assert len(store.changes(store.version - 3)) == 3
    with pytest.raises(Expired, match="too old resource version"):
        store.changes(store.version - 4)


async def test_a_subscription_gets_each_change_of_its_kinds_once(store: Store) -> None:
    since = store.version
    store.create(CONFIGMAP, named("before", "shop"))
    with store.subscribe(CONFIGMAP, since=since) as changes:
        store.create(POD, named("other", "shop"))
        store.create(CONFIGMAP, named("after", "shop"))
        store.delete(CONFIGMAP, "shop", "before")
        got = await asyncio.wait_for(changes.take(), 5)
    assert [(c.type, c.object["metadata"]["name"]) for c in got] == [
        ("ADDED", "before"),
        ("ADDED", "after"),
        ("DELETED", "before"),
    ]
    gone = got[-1]
    assert gone.before is not None
    assert gone.after is None
    assert gone.before["metadata"]["resourceVersion"] == str(gone.resource_version)


async def test_who_is_too_slow_is_told_so() -> None:
    store = Store((NAMESPACE, CONFIGMAP), history=3)
    with store.subscribe(CONFIGMAP) as changes:
        for name in "abcde":
            store.create(CONFIGMAP, named(name, "shop"))
        with pytest.raises(Expired):
            await changes.take()


def test_a_custom_kind_is_served_while_it_is_defined(store: Store) -> None:
    store.create(GATEWAY, named("g", "shop"))
    assert GATEWAY in store.kinds
    store.delete(CRD, "", str(GATEWAY))
    assert GATEWAY not in store.kinds
    assert store.list(GATEWAY) == []
    store.create(CRD, definition(GATEWAY))
    found = next(kind for kind in store.kinds if kind == GATEWAY)
    assert (found.name, found.versions, found.short) == ("Gateway", ("v1", "v1beta1"), ("gtw",))
