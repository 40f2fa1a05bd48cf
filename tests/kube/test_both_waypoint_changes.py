"""Waypoints on servers as they are: made, deleted, brought back, refused and in conflict; a Service that names one,
and a namespace that leaves sidecars; and what the audit tells of each."""

from __future__ import annotations

from typing import Any

import pytest

from meshtui.kube import audit
from meshtui.kube.road import State
from meshtui.mesh import changes, sidecar_moves, waypoint_changes
from meshtui.mesh.changes import Create, Delete, Patch
from meshtui.mesh.kinds import GATEWAY, NAMESPACE, SERVICE
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref
from tests.cluster.cluster import Cluster, Rule
from tests.kube.test_both_changes import Desk, desk, ref
from tests.mesh.made import snapshot

GATEWAYS = "gateway.networking.k8s.io/v1"


def path(cluster: Cluster, *name: str) -> str:
    return cluster.path("gateways", *name, group=GATEWAYS)


async def found(cluster: Cluster) -> Raw:
    return dict((await cluster.api.get(path(cluster, "waypoint"))).body)


def creating(cluster: Cluster, name: str = "waypoint") -> Create:
    change = waypoint_changes.create(cluster.namespace, name, "service", "", snapshot())
    assert isinstance(change, Create)
    return change


def deleting(cluster: Cluster, it: Raw) -> Delete:
    change = waypoint_changes.delete(ref(cluster, GATEWAY, "waypoint"), it, snapshot())
    assert isinstance(change, Delete)
    return change


async def made(cluster: Cluster) -> Raw:
    return await cluster.api.create(path(cluster), dict(creating(cluster).wanted))


def last(at: Desk) -> dict[str, Any]:
    return dict([*audit.read(at.file)][-1])


async def test_a_waypoint_is_made_and_that_is_undone(cluster: Cluster) -> None:
    async with desk(cluster) as at:
        result = await at.perform(creating(cluster))
        assert result.state is State.APPLIED, result.reason
        assert at.seen is not None
        assert "+  gatewayClassName: istio-waypoint" in at.seen.diff
        there = await found(cluster)
        assert there["metadata"]["labels"] == {"istio.io/waypoint-for": "service"}
        [listener] = there["spec"]["listeners"]
        assert (listener["name"], listener["port"], listener["protocol"]) == (
            "mesh",
            15008,
            "HBONE",
        )
        assert last(at)["verb"] == "create"
        back = changes.inverse(result.change, result.left)
        assert isinstance(back, Delete)
        assert (await at.perform(back)).state is State.APPLIED
        assert (await found(cluster))["code"] == 404
        assert at.story() == ["intent", "outcome applied"] * 2


async def test_a_deleted_waypoint_comes_back_as_it_was(cluster: Cluster) -> None:
    before = await made(cluster)
    async with desk(cluster) as at:
        result = await at.perform(deleting(cluster, before))
        assert (result.state, result.left) == (State.APPLIED, None), result.reason
        assert (await found(cluster))["code"] == 404
        assert (last(at)["verb"], last(at)["name"]) == ("delete", "waypoint")
        back = changes.inverse(result.change, result.left)
        assert isinstance(back, Create)
        assert (await at.perform(back)).state is State.APPLIED
    again = await found(cluster)
    assert again["spec"] == before["spec"]
    assert again["metadata"]["labels"] == before["metadata"]["labels"]
    assert again["metadata"]["uid"] != before["metadata"]["uid"]


async def test_a_name_that_was_taken_meanwhile_is_a_conflict(cluster: Cluster) -> None:
    async with desk(cluster) as at:
        at.meanwhile = lambda: made(cluster)
        result = await at.perform(creating(cluster))
        assert result.state is State.CONFLICT
        assert "exists already" in result.reason
        assert at.story() == ["intent", "outcome conflict"]


async def test_a_waypoint_that_was_changed_meanwhile_is_not_deleted(cluster: Cluster) -> None:
    before = await made(cluster)
    label = {"metadata": {"labels": {"istio.io/waypoint-for": "all"}}}
    async with desk(cluster) as at:
        at.meanwhile = lambda: cluster.api.patch(path(cluster, "waypoint"), label)
        result = await at.perform(deleting(cluster, before))
        assert result.state is State.CONFLICT
        assert "was changed in the meantime" in result.reason
        assert {"-    istio.io/waypoint-for: service", "+    istio.io/waypoint-for: all"} <= {
            *result.diff
        }
        assert at.story() == ["intent", "outcome conflict"]
    assert (await found(cluster))["metadata"]["uid"] == before["metadata"]["uid"]


async def test_a_status_that_was_written_meanwhile_is_no_obstacle(cluster: Cluster) -> None:
    before = await made(cluster)

    async def programmed() -> None:
        address = {"addresses": [{"type": "IPAddress", "value": "10.0.0.1"}]}
        status = f"{path(cluster, 'waypoint')}/status"
        await cluster.api.patch(status, {"status": address})

    async with desk(cluster) as at:
        at.meanwhile = programmed
        result = await at.perform(deleting(cluster, before))
        assert result.state is State.APPLIED, result.reason
    assert (await found(cluster))["code"] == 404


@pytest.mark.parametrize("verb", ["create", "delete"])
async def test_who_may_only_read_waypoints_neither_makes_nor_deletes_one(
    cluster: Cluster, verb: str
) -> None:
    before = await made(cluster) if verb == "delete" else {}
    resource = Rule("get", "gateways", namespace=cluster.namespace, group=GATEWAY.group)
    kubeconfig = await cluster.kubeconfig_of("jane", resource)
    async with desk(cluster, kubeconfig) as at:
        change = deleting(cluster, before) if verb == "delete" else creating(cluster)
        result = await at.perform(change)
        assert (result.state, at.seen) == (State.REFUSED, None)
        assert f"jane.{cluster.namespace} may not {verb} gateways" in result.reason
        assert at.story() == ["outcome refused"]
    assert (await found(cluster)).get("code") == (404 if verb == "create" else None)


async def test_a_name_that_the_server_refuses_is_refused_in_its_words(cluster: Cluster) -> None:
    async with desk(cluster) as at:
        result = await at.perform(creating(cluster, "No_Name"))
        assert (result.state, at.seen) == (State.REFUSED, None)
        assert "No_Name" in result.reason
        assert at.story() == ["outcome refused"]


async def test_a_service_loses_its_own_waypoint_and_that_is_undone(cluster: Cluster) -> None:
    services = cluster.path("services")
    label = {"istio.io/use-waypoint": "waypoint"}
    wanted = {"metadata": {"name": "web", "labels": label}, "spec": {"ports": [{"port": 80}]}}
    before = await cluster.api.create(services, {"apiVersion": "v1", "kind": "Service", **wanted})
    async with desk(cluster) as at:
        change = waypoint_changes.unbind(ref(cluster, SERVICE, "web"), before, snapshot())
        assert isinstance(change, Patch)
        result = await at.perform(change)
        assert result.state is State.APPLIED, result.reason
        now = (await cluster.api.get(f"{services}/web")).body
        assert not now["metadata"].get("labels")
        back = changes.inverse(result.change, result.left)
        assert isinstance(back, Patch)
        assert (await at.perform(back)).state is State.APPLIED
    assert (await cluster.api.get(f"{services}/web")).body["metadata"]["labels"] == label


async def test_a_namespace_leaves_sidecars_and_that_is_undone(cluster: Cluster) -> None:
    where = f"/api/v1/namespaces/{cluster.namespace}"
    label = {"metadata": {"labels": {"istio-injection": "enabled", "istio.io/rev": "prod"}}}
    await cluster.api.patch(where, label)
    before = (await cluster.api.get(where)).body
    async with desk(cluster) as at:
        change = sidecar_moves.leave_sidecars(before, snapshot())
        assert isinstance(change, Patch)
        assert change.target == Ref(NAMESPACE, "", cluster.namespace)
        result = await at.perform(change)
        assert result.state is State.APPLIED, result.reason
        labels = (await cluster.api.get(where)).body["metadata"]["labels"]
        assert labels["istio.io/dataplane-mode"] == "ambient"
        assert not {"istio-injection", "istio.io/rev"} & labels.keys()
        back = changes.inverse(result.change, result.left)
        assert isinstance(back, Patch)
        assert (await at.perform(back)).state is State.APPLIED
    labels = (await cluster.api.get(where)).body["metadata"]["labels"]
    assert labels == before["metadata"]["labels"]
