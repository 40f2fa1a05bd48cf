"""Standing: which writes of others make a change stale, and what an object tells of a write that was not answered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from meshtui.mesh import standing
from meshtui.mesh.changes import Change, Create, Delete, Patch, Refusal
from meshtui.mesh.kinds import GATEWAY
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref
from tests.anything import JSON

TARGET = Ref(GATEWAY, "shop", "waypoint")


def gateway(
    version: str = "7",
    *,
    uid: str = "u",
    generation: int = 1,
    spec: Any = None,
    labels: Any = None,
    **metadata: Any,
) -> Raw:
    return {
        "metadata": {
            "name": "waypoint",
            "namespace": "shop",
            "uid": uid,
            "resourceVersion": version,
            "generation": generation,
            "labels": labels or {},
            **metadata,
        },
        "spec": spec or {"gatewayClassName": "istio-waypoint"},
        "status": {"told": version},
    }


LABEL = "istio.io/waypoint-for"
LABELLING = Patch(
    title="Label",
    target=TARGET,
    before=gateway(),
    patch={"metadata": {"labels": {LABEL: "all"}}},
)
DELETING = Delete(title="Delete", target=TARGET, before=gateway())
CREATING = Create(title="Create", target=TARGET, wanted=gateway())


@pytest.mark.parametrize(
    ("change", "now"),
    [
        (LABELLING, gateway("8")),
        (LABELLING, gateway("8", labels={"team": "a"})),
        (DELETING, gateway("8")),
        (DELETING, {"apiVersion": "v1", "kind": "Gateway", **gateway("8")}),
    ],
)
def test_what_was_written_to_something_else_is_no_obstacle(change: Change, now: Raw) -> None:
    """A status; another label; and what an object in a list is without."""
    found = standing.rebased(change, now)
    assert not isinstance(found, Refusal)
    assert found.before is now
    assert (found.based_on, found.title) == ("8", change.title)


@pytest.mark.parametrize(
    ("change", "now", "why"),
    [
        (LABELLING, gateway("8", labels={LABEL: "none"}), "was changed in the meantime"),
        (LABELLING, gateway("8", generation=2), "was changed in the meantime"),
        (DELETING, gateway("8", labels={"team": "a"}), "was changed in the meantime"),
        (DELETING, gateway("8", spec={"x": 1}), "was changed in the meantime"),
        (DELETING, gateway("8", uid="v"), "was deleted and made anew"),
        (LABELLING, None, "is gone: somebody deleted it"),
        (CREATING, gateway(), "exists already"),
    ],
)
def test_what_was_written_to_the_same_stops_it(change: Change, now: Raw | None, why: str) -> None:
    found = standing.rebased(change, now)
    assert isinstance(found, Refusal)
    assert found.reason == f"Gateway shop/waypoint {why}"


def test_what_a_list_leaves_out_of_an_object_is_no_obstacle_to_its_deletion() -> None:
    containers = [{"name": "web", "image": "web:1", "env": [{"name": "A", "value": "1"}]}]
    whole = gateway(spec={"nodeName": "n1", "containers": containers, "tolerations": []})
    listed = gateway("8", spec={"nodeName": "n1", "containers": [{"name": "web", "env": []}]})
    change = Delete(title="Delete", target=TARGET, before=whole)
    assert isinstance(standing.rebased(change, listed, pruned=True), Delete)
    assert isinstance(standing.rebased(change, listed), Refusal)
    moved = gateway("8", spec={"nodeName": "n2"})
    assert isinstance(standing.rebased(change, moved, pruned=True), Refusal)


def test_who_wrote_last_is_named_and_when() -> None:
    """Of two in the same second the one that was not there before."""
    at = "2026-11-25T12:00:00Z"
    ours, theirs = ({"manager": who, "time": at} for who in ("kubectl", "argocd-controller"))
    before = gateway(managedFields=[ours])
    now = gateway("8", labels={LABEL: "none"}, managedFields=[ours, theirs])
    change = Patch(title="", target=TARGET, before=before, patch=LABELLING.patch)
    found = standing.rebased(change, now)
    assert isinstance(found, Refusal)
    assert found.reason.endswith("last by argocd-controller at 2026-11-25 12:00:00 UTC")


def test_what_an_object_tells_of_a_patch() -> None:
    done = gateway("8", labels={LABEL: "all", "team": "a"})
    assert standing.is_done(LABELLING, done, done)
    assert not standing.is_untouched(LABELLING, done)
    assert standing.is_untouched(LABELLING, gateway("9"))
    assert not standing.is_done(LABELLING, gateway("9"), done)
    for neither in (None, gateway("9", labels={LABEL: "none"}), gateway(uid="v")):
        assert not standing.is_done(LABELLING, neither, done)
    assert not standing.is_untouched(LABELLING, gateway(uid="v"))


def test_what_an_object_tells_of_a_creation() -> None:
    by = gateway(managedFields=[{"manager": "meshtui", "operation": "Update"}])
    assert standing.is_done(CREATING, by, by)
    assert standing.is_untouched(CREATING, None)
    assert not standing.is_done(CREATING, gateway(), by)
    assert not standing.is_done(CREATING, None, by)


def test_what_an_object_tells_of_a_deletion() -> None:
    going = gateway("8", deletionTimestamp="2026-11-25T12:00:00Z")
    for gone in (None, gateway(uid="v"), going):
        assert standing.is_done(DELETING, gone, None)
    assert standing.is_untouched(DELETING, gateway("8"))
    assert not standing.is_done(DELETING, gateway("8"), None)


@given(JSON)
def test_nothing_takes_it_down(anything: Any) -> None:
    now = {"metadata": anything, "spec": anything}
    for change in (LABELLING, DELETING, CREATING):
        standing.rebased(change, now)
        standing.is_done(change, now, now)
        standing.is_untouched(change, now)
