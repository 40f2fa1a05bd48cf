"""Deletions: what goes along, and where there is no way back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from meshtui.mesh import changes, deletions
from meshtui.mesh.changes import Create, Delete, Refusal
from meshtui.mesh.kinds import CONFIGMAP, CRD, DEPLOYMENT, GATEWAY, NAMESPACE, POD, SECRET, Kind
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref
from tests.anything import JSON
from tests.mesh.made import made, pod, snapshot


def deleted(kind: Kind, it: Raw) -> Delete:
    name, where = it["metadata"]["name"], it["metadata"].get("namespace", "")
    change = deletions.of(Ref(kind, where, name), it, snapshot())
    assert isinstance(change, Delete)
    return change


def test_a_deletion_asks_for_the_name_and_can_be_undone() -> None:
    it = made("ConfigMap", "shop/settings", data={"a": "1"})
    change = deleted(CONFIGMAP, it)
    assert change.title == "Delete ConfigMap shop/settings"
    assert change.danger
    assert change.warnings == ()
    back = changes.inverse(change, None)
    assert isinstance(back, Create)
    assert back.wanted["data"] == {"a": "1"}


@pytest.mark.parametrize(
    ("kind", "it", "warning"),
    [
        (NAMESPACE, made("Namespace", "shop"), "everything in it is deleted"),
        (CRD, made("CustomResourceDefinition", "things.example.com"), "all objects of its kind"),
        (POD, pod("web-5d-x"), "ReplicaSet web-5d, which it belongs to, may make another one"),
    ],
    ids=["a namespace", "a kind", "what a controller made"],
)
def test_there_is_no_way_back_from_what_takes_more_along_or_is_made_anew(
    kind: Kind, it: Raw, warning: str
) -> None:
    owner = {"kind": "ReplicaSet", "name": "web-5d", "uid": "1", "controller": True}
    owned = [owner] if kind == POD else []
    it = {**it, "metadata": {**it["metadata"], "ownerReferences": owned}}
    change = deleted(kind, it)
    assert any(warning in each for each in change.warnings)
    assert isinstance(changes.inverse(change, None), Refusal)


def test_finalizers_are_named_and_so_are_the_pods_of_a_controller() -> None:
    metadata = {"finalizers": ["example.com/keep"]}
    change = deleted(DEPLOYMENT, made("Deployment", "shop/web", metadata=metadata))
    assert change.warnings == (
        "its pods go with it, and come back only with an undo",
        "it stays until 1 finalizer let go of it: example.com/keep",
    )


def test_what_is_being_deleted_and_what_is_secret_is_left_alone() -> None:
    leaving = made("ConfigMap", "shop/a", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
    for kind, it, why in (
        (CONFIGMAP, leaving, "ConfigMap shop/a is being deleted already"),
        (SECRET, made("Secret", "shop/a"), "of a Secret only its certificates are read here"),
    ):
        found = deletions.of(Ref(kind, "shop", "a"), it, snapshot())
        assert isinstance(found, Refusal)
        assert why in found.reason


def test_a_waypoint_goes_as_the_mesh_menu_has_it() -> None:
    it = made("Gateway", "shop/waypoint", spec={"gatewayClassName": "istio-waypoint"})
    change = deletions.of(Ref(GATEWAY, "shop", "waypoint"), it, snapshot(it))
    assert isinstance(change, Delete)
    assert change.title == "Delete waypoint shop/waypoint"


@given(JSON)
def test_nothing_takes_it_down(anything: Any) -> None:
    for kind in (NAMESPACE, POD, GATEWAY):
        deletions.of(Ref(kind, "shop", "web"), {"metadata": anything}, snapshot())
        deletions.of(Ref(kind, "shop", "web"), {"metadata": {"finalizers": anything}}, snapshot())
        odd = {"metadata": {"ownerReferences": anything}}
        deletions.of(Ref(kind, "shop", "web"), odd, snapshot())
