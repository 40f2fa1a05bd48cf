"""Writes: create, update, the four kinds of patch, delete, dry run; conflicts, generations and the status beside."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cluster.cluster import NODE, Cluster, pod, running
from tests.cluster.kubeconfig import MERGE, Raw, Response

JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
APPS = "apps/v1"


def config(name: str, **data: str) -> Raw:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": data,
    }


def deployment(name: str, replicas: int = 1) -> Raw:
    labels = {"app": name}
    return {
        "apiVersion": APPS,
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "containers": [
                        {"name": "app", "image": "example.test/app:1"},
                        {"name": "side", "image": "example.test/side:1"},
                    ]
                },
            },
        },
    }


async def send(cluster: Cluster, path: str, body: Any, content_type: str, **query: str) -> Response:
    return await cluster.api.send("PATCH", path, body, content_type=content_type, query=query)


def refused(response: Response, status: int, reason: str) -> str:
    """The message of a refusal of that kind."""
    assert response.status == status, response.body
    assert (response.body["kind"], response.body["status"]) == ("Status", "Failure")
    assert (response.body["code"], response.body["reason"]) == (status, reason)
    message: str = response.body["message"]
    return message


async def test_what_is_created_gets_identity_time_and_version(cluster: Cluster) -> None:
    created = await cluster.api.send("POST", cluster.path("configmaps"), config("one", a="1"))
    assert created.status == 201
    metadata = created.body["metadata"]
    assert metadata["namespace"] == cluster.namespace
    assert metadata["uid"]
    assert metadata["creationTimestamp"].endswith("Z")
    again = (await cluster.api.get(cluster.path("configmaps", "one"))).body
    assert again["metadata"]["resourceVersion"] == metadata["resourceVersion"]
    assert again["data"] == {"a": "1"}


async def test_a_name_may_be_made_up_by_the_server(cluster: Cluster) -> None:
    body = {"metadata": {"generateName": "some-"}}
    first = await cluster.api.create(cluster.path("configmaps"), body)
    second = await cluster.api.create(cluster.path("configmaps"), body)
    assert first["metadata"]["name"].startswith("some-")
    assert first["metadata"]["name"] != second["metadata"]["name"]


async def test_a_second_one_of_the_same_name_already_exists(cluster: Cluster) -> None:
    await cluster.api.create(cluster.path("configmaps"), config("one"))
    again = await cluster.api.send("POST", cluster.path("configmaps"), config("one"))
    assert refused(again, 409, "AlreadyExists") == 'configmaps "one" already exists'


async def test_there_must_be_a_namespace_to_create_in(cluster: Cluster) -> None:
    path = cluster.path("configmaps", namespace="no-such-namespace")
    message = refused(await cluster.api.send("POST", path, config("one")), 404, "NotFound")
    assert message == 'namespaces "no-such-namespace" not found'


@pytest.mark.parametrize("name", ["Upper", "under_score", "-dash", "a" * 254])
async def test_a_name_that_may_not_be_is_invalid(cluster: Cluster, name: str) -> None:
    answer = await cluster.api.send("POST", cluster.path("configmaps"), config(name))
    message = refused(answer, 422, "Invalid")
    assert message.startswith(f'ConfigMap "{name}" is invalid: metadata.name: Invalid value')


async def test_a_body_that_is_no_object_is_refused(cluster: Cluster) -> None:
    answer = await cluster.api.send("POST", cluster.path("configmaps"), b"{nonsense")
    refused(answer, 400, "BadRequest")


async def test_a_name_in_the_body_that_differs_from_the_path_is_refused(cluster: Cluster) -> None:
    await cluster.api.create(cluster.path("configmaps"), config("one"))
    answer = await cluster.api.send("PUT", cluster.path("configmaps", "one"), config("two"))
    refused(answer, 400, "BadRequest")


async def test_an_update_of_an_old_version_conflicts_and_of_the_newest_does_not(
    cluster: Cluster,
) -> None:
    path = cluster.path("configmaps", "one")
    old = await cluster.api.create(cluster.path("configmaps"), config("one", a="1"))
    new = await cluster.api.patch(path, {"data": {"a": "2"}})
    late = await cluster.api.send("PUT", path, old | {"data": {"a": "3"}})
    message = refused(late, 409, "Conflict")
    assert "the object has been modified; please apply your changes to the latest" in message
    good = await cluster.api.send("PUT", path, new | {"data": {"a": "3"}})
    assert (good.status, good.body["data"]) == (200, {"a": "3"})
    assert int(good.body["metadata"]["resourceVersion"]) > int(new["metadata"]["resourceVersion"])


async def test_a_patch_may_insist_on_a_version(cluster: Cluster) -> None:
    path = cluster.path("configmaps", "one")
    old = await cluster.api.create(cluster.path("configmaps"), config("one", a="1"))
    await cluster.api.patch(path, {"data": {"a": "2"}})
    stale = {"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}}
    refused(await send(cluster, path, stale | {"data": {"a": "3"}}, MERGE), 409, "Conflict")
    assert (await cluster.api.get(path)).body["data"] == {"a": "2"}


async def test_a_patch_that_changes_nothing_makes_no_new_version(cluster: Cluster) -> None:
    path = cluster.path("configmaps", "one")
    made = await cluster.api.create(cluster.path("configmaps"), config("one", a="1"))
    same = await cluster.api.patch(path, {"data": {"a": "1"}})
    assert same["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


async def test_a_merge_patch_sets_and_takes_away(cluster: Cluster) -> None:
    path = cluster.path("configmaps", "one")
    await cluster.api.create(cluster.path("configmaps"), config("one", a="1", b="2"))
    patched = await send(cluster, path, {"data": {"a": None, "c": "3"}}, MERGE)
    assert (patched.status, patched.body["data"]) == (200, {"b": "2", "c": "3"})


async def test_a_json_patch_does_step_by_step(cluster: Cluster) -> None:
    path = cluster.path("configmaps", "one")
    await cluster.api.create(cluster.path("configmaps"), config("one", a="1", b="2"))
    await cluster.api.patch(path, {"metadata": {"annotations": {"example.test/x": "old"}}})
    steps = [
        {"op": "test", "path": "/data/a", "value": "1"},
        {"op": "replace", "path": "/data/a", "value": "9"},
        {"op": "remove", "path": "/data/b"},
        {"op": "replace", "path": "/metadata/annotations/example.test~1x", "value": "new"},
    ]
    patched = await send(cluster, path, steps, JSON_PATCH)
    assert (patched.status, patched.body["data"]) == (200, {"a": "9"})
    assert patched.body["metadata"]["annotations"] == {"example.test/x": "new"}


async def test_a_json_patch_whose_test_fails_changes_nothing(cluster: Cluster) -> None:
    path = cluster.path("configmaps", "one")
    await cluster.api.create(cluster.path("configmaps"), config("one", a="1"))
    steps = [
        {"op": "replace", "path": "/data/a", "value": "9"},
        {"op": "test", "path": "/data/a", "value": "1"},
    ]
    refused(await send(cluster, path, steps, JSON_PATCH), 422, "Invalid")
    assert (await cluster.api.get(path)).body["data"] == {"a": "1"}


async def test_a_strategic_patch_merges_lists_by_their_key(cluster: Cluster) -> None:
    path = cluster.path("deployments", "web", group=APPS)
    await cluster.api.create(cluster.path("deployments", group=APPS), deployment("web"))
    containers = [{"name": "side", "image": "example.test/side:2"}]
    body = {"spec": {"template": {"spec": {"containers": containers}}}}
    patched = await send(cluster, path, body, STRATEGIC)
    assert patched.status == 200
    found = patched.body["spec"]["template"]["spec"]["containers"]
    assert {each["name"]: each["image"] for each in found} == {
        "app": "example.test/app:1",
        "side": "example.test/side:2",
    }


async def test_a_strategic_patch_deletes_from_lists_and_replaces_maps_where_it_says_so(
    cluster: Cluster,
) -> None:
    path = cluster.path("deployments", "web", group=APPS)
    await cluster.api.create(cluster.path("deployments", group=APPS), deployment("web"))
    containers = [{"name": "side", "$patch": "delete"}]
    body = {
        "metadata": {"annotations": {"a": "1"}},
        "spec": {"template": {"spec": {"containers": containers}}},
    }
    patched = await send(cluster, path, body, STRATEGIC)
    found = patched.body["spec"]["template"]["spec"]["containers"]
    assert [each["name"] for each in found] == ["app"]
    replaced = {"metadata": {"annotations": {"b": "2", "$patch": "replace"}}}
    patched = await send(cluster, path, replaced, STRATEGIC)
    assert patched.body["metadata"]["annotations"] == {"b": "2"}


async def test_a_custom_kind_takes_no_strategic_patch(cluster: Cluster) -> None:
    group = "security.istio.io/v1"
    body = {"apiVersion": group, "kind": "PeerAuthentication", "metadata": {"name": "default"}}
    await cluster.api.create(cluster.path("peerauthentications", group=group), body)
    path = cluster.path("peerauthentications", "default", group=group)
    answer = await send(cluster, path, {"metadata": {"labels": {"a": "b"}}}, STRATEGIC)
    refused(answer, 415, "UnsupportedMediaType")


async def test_a_patch_of_no_known_kind_is_refused(cluster: Cluster) -> None:
    await cluster.api.create(cluster.path("configmaps"), config("one"))
    answer = await send(cluster, cluster.path("configmaps", "one"), {}, "application/json")
    refused(answer, 415, "UnsupportedMediaType")


async def test_applying_creates_then_changes_and_takes_away_what_is_no_longer_said(
    cluster: Cluster,
) -> None:
    path = cluster.path("configmaps", "one")
    query = {"fieldManager": "tester"}
    created = await send(cluster, path, config("one", a="1", b="2"), APPLY, **query)
    assert created.status == 201
    changed = await send(cluster, path, config("one", a="3"), APPLY, **query)
    assert (changed.status, changed.body["data"]) == (200, {"a": "3"})
    [managed] = changed.body["metadata"]["managedFields"]
    assert (managed["manager"], managed["operation"]) == ("tester", "Apply")


async def test_applying_over_the_field_of_another_conflicts_unless_forced(
    cluster: Cluster,
) -> None:
    path = cluster.path("configmaps", "one")
    await send(cluster, path, config("one", a="1"), APPLY, fieldManager="first")
    other = await send(cluster, path, config("one", a="2"), APPLY, fieldManager="second")
    message = refused(other, 409, "Conflict")
    assert message == 'Apply failed with 1 conflict: conflict with "first": .data.a'
    forced = await send(
        cluster, path, config("one", a="2"), APPLY, fieldManager="second", force="true"
    )
    assert (forced.status, forced.body["data"]) == (200, {"a": "2"})


async def test_applying_over_what_was_patched_says_at_which_version_it_was(
    cluster: Cluster,
) -> None:
    path = cluster.path("configmaps", "one")
    await cluster.api.create(cluster.path("configmaps"), config("one", other="1"))
    await send(cluster, path, {"data": {"a": "1", "b": "1"}}, MERGE, fieldManager="first")
    other = await send(cluster, path, config("one", a="2", b="2"), APPLY, fieldManager="second")
    assert refused(other, 409, "Conflict") == (
        'Apply failed with 2 conflicts: conflicts with "first" using v1:\n- .data.a\n- .data.b'
    )


async def test_kubectl_applies_over_what_it_applied_itself_by_the_client(cluster: Cluster) -> None:
    path, named = (
        cluster.path("configmaps", "one"),
        "kubectl.kubernetes.io/last-applied-configuration",
    )
    once = config("one", a="1", b="1")
    once["metadata"]["annotations"] = {named: json.dumps(config("one", a="1", b="1"))}
    by = {"fieldManager": "kubectl-client-side-apply"}
    await cluster.api.send("POST", cluster.path("configmaps"), once, query=by)
    other = await send(cluster, path, config("one", a="2"), APPLY, fieldManager="other")
    assert refused(other, 409, "Conflict") == (
        'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using v1: .data.a'
    )
    mine = await send(cluster, path, config("one", a="2"), APPLY, fieldManager="kubectl")
    assert (mine.status, mine.body["data"]) == (200, {"a": "2", "b": "1"})
    assert json.loads(mine.body["metadata"]["annotations"][named])["data"] == {"a": "2"}


async def test_kubectl_does_not_apply_over_what_somebody_changed_since(cluster: Cluster) -> None:
    path, named = (
        cluster.path("configmaps", "one"),
        "kubectl.kubernetes.io/last-applied-configuration",
    )
    once = config("one", a="1")
    once["metadata"]["annotations"] = {named: json.dumps(config("one", a="1"))}
    by = {"fieldManager": "kubectl-client-side-apply"}
    await cluster.api.send("POST", cluster.path("configmaps"), once, query=by)
    await send(cluster, path, {"data": {"a": "7"}}, MERGE, fieldManager="first")
    answer = await send(cluster, path, config("one", a="2"), APPLY, fieldManager="kubectl")
    assert refused(answer, 409, "Conflict") == (
        'Apply failed with 1 conflict: conflict with "first" using v1: .data.a'
    )


async def test_a_dry_run_answers_as_if_and_leaves_all_as_it_was(cluster: Cluster) -> None:
    collection, path = cluster.path("configmaps"), cluster.path("configmaps", "one")
    dry = {"dryRun": "All"}
    created = await cluster.api.send("POST", collection, config("one"), query=dry)
    assert (created.status, bool(created.body["metadata"]["uid"])) == (201, True)
    assert (await cluster.api.get(path)).status == 404
    await cluster.api.create(collection, config("one", a="1"))
    patched = await send(cluster, path, {"data": {"a": "2"}}, MERGE, **dry)
    assert (patched.status, patched.body["data"]) == (200, {"a": "2"})
    deleted = await cluster.api.send("DELETE", path, query=dry)
    assert deleted.status == 200
    assert (await cluster.api.get(path)).body["data"] == {"a": "1"}
    again = await cluster.api.send("POST", collection, config("one"), query=dry)
    refused(again, 409, "AlreadyExists")


async def test_a_dry_run_that_is_not_for_all_is_refused(cluster: Cluster) -> None:
    query = {"dryRun": "some"}
    answer = await cluster.api.send("POST", cluster.path("configmaps"), config("one"), query=query)
    assert answer.status in (400, 422)
    assert (await cluster.api.get(cluster.path("configmaps", "one"))).status == 404


async def test_a_generation_counts_changes_of_what_is_wanted_alone(cluster: Cluster) -> None:
    path = cluster.path("deployments", "web", group=APPS)
    made = await cluster.api.create(cluster.path("deployments", group=APPS), deployment("web"))
    assert made["metadata"]["generation"] == 1
    labelled = await cluster.api.patch(path, {"metadata": {"labels": {"a": "b"}}})
    assert labelled["metadata"]["generation"] == 1
    scaled = await cluster.api.patch(path, {"spec": {"replicas": 2}})
    assert scaled["metadata"]["generation"] == 2
    status = {"status": {"observedGeneration": 2, "replicas": 0}}
    told = await cluster.api.patch(f"{path}/status", status)
    assert told["metadata"]["generation"] == 2
    assert told["status"]["observedGeneration"] == 2


async def test_status_and_the_rest_are_written_apart(cluster: Cluster) -> None:
    path = cluster.path("deployments", "web", group=APPS)
    await cluster.api.create(cluster.path("deployments", group=APPS), deployment("web"))
    await cluster.api.patch(f"{path}/status", {"status": {"replicas": 1}, "spec": {"replicas": 7}})
    await cluster.api.patch(path, {"status": {"replicas": 9}, "spec": {"paused": True}})
    found = (await cluster.api.get(path)).body
    assert (found["spec"]["replicas"], found["spec"]["paused"]) == (1, True)
    assert found["status"]["replicas"] == 1
    assert (await cluster.api.get(f"{path}/status")).body["status"]["replicas"] == 1


async def test_a_status_sent_with_a_new_object_is_left_out(cluster: Cluster) -> None:
    group = "gateway.networking.k8s.io/v1"
    gateway = {
        "apiVersion": group,
        "kind": "Gateway",
        "metadata": {"name": "edge"},
        "spec": {
            "gatewayClassName": "istio",
            "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
        },
        "status": {"conditions": [{"type": "Programmed", "status": "True"}]},
    }
    made = await cluster.api.create(cluster.path("gateways", group=group), gateway)
    conditions = made.get("status", {}).get("conditions", [])
    assert all(condition["status"] == "Unknown" for condition in conditions)


async def test_a_deleted_object_is_gone(cluster: Cluster) -> None:
    path = cluster.path("configmaps", "one")
    await cluster.api.create(cluster.path("configmaps"), config("one"))
    answer = await cluster.api.send("DELETE", path)
    assert (answer.status, answer.body["kind"], answer.body["status"]) == (200, "Status", "Success")
    refused(await cluster.api.get(path), 404, "NotFound")
    refused(await cluster.api.send("DELETE", path), 404, "NotFound")


async def test_a_deletion_may_insist_on_an_identity(cluster: Cluster) -> None:
    path = cluster.path("configmaps", "one")
    await cluster.api.create(cluster.path("configmaps"), config("one"))
    options = {"preconditions": {"uid": "someone-else"}}
    refused(await cluster.api.send("DELETE", path, options), 409, "Conflict")
    assert (await cluster.api.get(path)).status == 200


async def test_a_finalizer_holds_an_object_until_it_is_taken_away(cluster: Cluster) -> None:
    path = cluster.path("configmaps", "one")
    body = config("one")
    body["metadata"]["finalizers"] = ["example.test/hold"]
    await cluster.api.create(cluster.path("configmaps"), body)
    await cluster.api.delete(path)
    held = (await cluster.api.get(path)).body
    assert held["metadata"]["deletionTimestamp"]
    await cluster.api.patch(path, {"metadata": {"finalizers": None}})
    refused(await cluster.api.get(path), 404, "NotFound")


async def test_a_pod_is_given_time_to_end_unless_it_is_not(cluster: Cluster) -> None:
    path = cluster.path("pods", "web")
    await cluster.add_pod("web")
    ending = await cluster.api.delete(path)
    assert ending["metadata"]["deletionGracePeriodSeconds"] == 30
    assert ending["metadata"]["deletionTimestamp"]
    assert (await cluster.api.get(path)).status == 200
    await cluster.api.delete(path, gracePeriodSeconds=0)
    refused(await cluster.api.get(path), 404, "NotFound")


async def test_all_of_a_selection_is_deleted_at_once(cluster: Cluster) -> None:
    collection = cluster.path("configmaps")
    for name, app in (("a", "x"), ("b", "x"), ("c", "y")):
        body = config(name)
        body["metadata"]["labels"] = {"app": app}
        await cluster.api.create(collection, body)
    await cluster.api.delete(collection, labelSelector="app=x")
    left = (await cluster.api.get(collection)).body["items"]
    assert [item["metadata"]["name"] for item in left] == ["c"]


async def test_most_of_a_pod_may_not_change(cluster: Cluster) -> None:
    await cluster.api.create(cluster.path("pods"), pod("web", NODE, {}))
    path = cluster.path("pods", "web")
    refused(await send(cluster, path, {"spec": {"nodeName": "node-2"}}, MERGE), 422, "Invalid")
    told = await cluster.api.patch(f"{path}/status", {"status": running()})
    assert told["status"]["phase"] == "Running"


async def test_who_changed_what_is_in_managed_fields(cluster: Cluster) -> None:
    path = cluster.path("configmaps", "one")
    await cluster.api.create(cluster.path("configmaps"), config("one", a="1"))
    patched = await send(cluster, path, {"data": {"b": "2"}}, MERGE, fieldManager="tester")
    [entry] = [m for m in patched.body["metadata"]["managedFields"] if m["manager"] == "tester"]
    assert entry["operation"] == "Update"
    assert entry["fieldsV1"] == {"f:data": {"f:b": {}}}
