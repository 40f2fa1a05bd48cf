"""Changes: what is built, what is refused, and what takes it back."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_merge_patch import lib as json_merge_patch

from meshtui.mesh import changes
from meshtui.mesh.changes import Create, Delete, Patch, Refusal
from meshtui.mesh.kinds import CONFIGMAP, DEPLOYMENT, NAMESPACE, POD, SECRET
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Phase, Ref, Scope, Source
from tests.anything import JSON
from tests.mesh.made import made, pod, snapshot

MODE = "istio.io/dataplane-mode"
USE = "istio.io/use-waypoint"
USE_NAMESPACE = "istio.io/use-waypoint-namespace"
SHOP = Ref(NAMESPACE, "", "shop")


def namespace(**labels: str) -> Raw:
    return made("Namespace", "shop", labels=labels, metadata={"resourceVersion": "7"})


def patch(found: Patch | Refusal) -> Any:
    assert isinstance(found, Patch), found
    return found.patch


def refused(found: object) -> str:
    assert isinstance(found, Refusal), found
    return found.reason


def test_enrolling_sets_the_label_and_says_whom_it_reaches() -> None:
    replica = {"controller": True, "kind": "DaemonSet", "name": "cart"}
    owned = pod("cart-a", metadata={"ownerReferences": [replica]})
    found = changes.enroll(
        namespace(), snapshot(namespace(), owned, pod("b"), pod("c", "elsewhere"))
    )
    assert isinstance(found, Patch)
    assert found.patch == {"metadata": {"labels": {MODE: "ambient"}}}
    assert (found.title, found.target) == ("Enroll namespace shop in the mesh", SHOP)
    assert found.based_on == "7"
    assert found.reach == ("2 pods of 1 controller", "0 services")
    assert found.warnings == ("existing connections stay plain until they are reopened",)


def test_how_many_it_reaches_is_not_known_where_pods_were_not_read() -> None:
    loading = {Scope(POD): Source(Phase.LOADING)}
    found = changes.enroll(namespace(), snapshot(namespace(), sources=loading))
    assert isinstance(found, Patch)
    assert found.reach[0] == (
        "how many pods it reaches is not known: the pods of shop were not all read yet"
    )


def test_unenrolling_takes_the_label_away() -> None:
    inside = namespace(**{MODE: "ambient", "team": "a"})
    assert patch(changes.unenroll(inside, snapshot(inside))) == {
        "metadata": {"labels": {MODE: None}}
    }


def test_what_is_so_already_is_refused() -> None:
    inside = namespace(**{MODE: "ambient"})
    assert "already" in refused(changes.enroll(inside, snapshot(inside)))
    assert "is not labelled" in refused(changes.unenroll(namespace(), snapshot()))


def test_a_namespace_that_is_being_deleted_is_left_alone() -> None:
    going = made("Namespace", "shop", metadata={"deletionTimestamp": "2026-11-22T12:00:00Z"})
    assert refused(changes.enroll(going, snapshot(going))) == "shop is being deleted"


def deployment(**spec: Any) -> Raw:
    return made("Deployment", "web", "shop", spec={"template": {"metadata": {}}, **spec})


WEB = Ref(DEPLOYMENT, "shop", "web")
AT = datetime(2026, 11, 25, 14, 0, tzinfo=timezone(timedelta(hours=2)))


def test_a_restart_stamps_the_template_as_kubectl_does() -> None:
    found = changes.restart(WEB, deployment(), AT)
    annotations = {"kubectl.kubernetes.io/restartedAt": "2026-11-25T12:00:00Z"}
    assert patch(found) == {"spec": {"template": {"metadata": {"annotations": annotations}}}}
    assert isinstance(found, Patch)
    assert (found.title, found.danger) == ("Restart Deployment shop/web", False)


def test_a_second_restart_within_the_second_differs_from_the_first() -> None:
    annotations = {"kubectl.kubernetes.io/restartedAt": "2026-11-25T12:00:00Z"}
    found = changes.restart(
        WEB, deployment(template={"metadata": {"annotations": annotations}}), AT
    )
    stamp = patch(found)["spec"]["template"]["metadata"]["annotations"]
    assert stamp == {"kubectl.kubernetes.io/restartedAt": "2026-11-25T12:00:01Z"}


def test_a_restart_of_a_ztunnel_is_dangerous_and_says_what_it_interrupts() -> None:
    ztunnel = deployment(template={"metadata": {"labels": {"app": "ztunnel"}}})
    found = changes.restart(WEB, ztunnel, AT)
    assert isinstance(found, Patch)
    assert found.danger
    assert found.warnings == ("connections of all mesh pods of a node break when its ztunnel ends",)


@pytest.mark.parametrize(
    ("app", "part", "strategy", "danger"),
    [
        ("ztunnel", "template", "RollingUpdate", True),
        ("ztunnel", "template", "OnDelete", False),
        ("ztunnel", "minReadySeconds", "RollingUpdate", False),
        ("web", "template", "RollingUpdate", False),
    ],
)
def test_an_edit_that_replaces_ztunnels_is_as_dangerous_as_their_restart(
    app: str, part: str, strategy: str, *, danger: bool
) -> None:
    """Kubernetes replaces the pods of a DaemonSet when its template is another one, except with OnDelete."""
    template = {"metadata": {"labels": {"app": app}}}
    before = deployment(template=template, updateStrategy={"type": strategy})
    other = {
        "template": {**template, "spec": {"nodeSelector": {"disk": "fast"}}},
        "minReadySeconds": 9,
    }
    after = {**before, "spec": {**before["spec"], part: other[part]}}
    found = changes.edit(WEB, before, after)
    assert isinstance(found, Patch)
    assert (found.danger, bool(found.warnings)) == (danger, danger)
    back = changes.inverse(found, after)
    assert isinstance(back, Patch)
    assert back.danger == danger


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"template": None}, "no template"),
        ({"paused": True}, "paused"),
        ({"updateStrategy": {"type": "OnDelete"}}, "OnDelete"),
    ],
)
def test_a_restart_that_would_replace_no_pod_is_refused(spec: dict[str, Any], why: str) -> None:
    """kubernetes.io: kubectl refuses a paused Deployment; with OnDelete nothing happens."""
    assert why in refused(changes.restart(WEB, deployment(**spec), AT))


CONFIG: Raw = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "one", "namespace": "shop", "resourceVersion": "7", "uid": "u"},
    "data": {"a": "1", "b": "2"},
}
ONE = Ref(CONFIGMAP, "shop", "one")


def test_an_edit_is_the_patch_between_the_two() -> None:
    after = {**CONFIG, "data": {"a": "1", "c": "3"}, "immutable": True}
    found = changes.edit(ONE, CONFIG, after)
    assert patch(found) == {"data": {"b": None, "c": "3"}, "immutable": True}


def test_an_edit_tells_a_number_from_a_truth() -> None:
    before = {**CONFIG, "data": {"a": 1}}
    assert patch(changes.edit(ONE, before, {**CONFIG, "data": {"a": True}})) == {
        "data": {"a": True}
    }


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (CONFIG, "nothing was changed"),
        ({**CONFIG, "status": {"x": 1}}, "nothing was changed"),
        ({**CONFIG, "data": {1: "a"}}, "keys or values that JSON has not"),
        ({**CONFIG, "data": {"a": [AT]}}, "keys or values that JSON has not"),
        ("text", "no object"),
        (None, "no object"),
        ({**CONFIG, "kind": "Secret"}, "kind of an object cannot be changed"),
        ({**CONFIG, "metadata": {**CONFIG["metadata"], "name": "two"}}, "metadata.name of"),
        ({**CONFIG, "metadata": None}, "metadata.name of"),
    ],
)
def test_an_edit_that_is_none_is_refused(after: Any, why: str) -> None:
    assert why in refused(changes.edit(ONE, CONFIG, after))


def test_a_secret_is_not_edited() -> None:
    assert "certificates" in refused(changes.edit(Ref(SECRET, "shop", "tls"), {}, {"a": 1}))


def test_an_undo_of_labels_leaves_those_of_others() -> None:
    before = made("Namespace", "shop")
    change = changes.enroll(before, snapshot(before))
    assert isinstance(change, Patch)
    left = namespace(**{MODE: "ambient"})
    back = changes.inverse(change, left)
    assert isinstance(back, Patch)
    assert back.patch == {"metadata": {"labels": {MODE: None}}}
    assert back.before is left


def test_a_deletion_is_undone_by_the_same_object_without_what_the_server_gave_it() -> None:
    delete = Delete(title="Delete", target=ONE, before={**CONFIG, "status": {"x": 1}})
    back = changes.inverse(delete, None)
    assert isinstance(back, Create)
    assert back.wanted == {**CONFIG, "metadata": {"name": "one", "namespace": "shop"}}
    again = changes.inverse(back, CONFIG)
    assert isinstance(again, Delete)
    assert (again.based_on, again.danger) == ("7", True)


def test_a_secret_that_was_deleted_does_not_come_back_without_its_key() -> None:
    target = Ref(SECRET, "shop", "tls")
    delete = Delete(title="Delete Secret shop/tls", target=target, before={"kind": "Secret"})
    assert "no way back" in refused(changes.inverse(delete, None))


def test_there_is_no_way_back_from_a_restart() -> None:
    change = changes.restart(WEB, deployment(), AT)
    assert isinstance(change, Patch)
    assert "no way back" in refused(changes.inverse(change, deployment()))


def test_a_repository_gets_the_patch_with_its_object_named() -> None:
    change = Patch(title="", target=ONE, before=CONFIG, patch={"data": {"a": "2"}})
    assert changes.manifest(change) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "one", "namespace": "shop"},
        "data": {"a": "2"},
    }
    assert changes.manifest(Delete(title="", target=ONE, before=CONFIG)) == {}


PLAIN = st.recursive(
    st.booleans() | st.integers(0, 3) | st.sampled_from("abc"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abcd"), inner),
    max_leaves=8,
)
"""JSON without null, which in a merge patch is no value."""
FIELDS = st.dictionaries(st.sampled_from(("spec", "data", "other")), PLAIN)


@given(FIELDS, FIELDS)
def test_an_edit_makes_what_was_written_and_its_undo_what_was_there(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    """By another implementation of RFC 7386."""
    head = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}
    change = changes.edit(ONE, {**head, **before}, {**head, **after})
    if isinstance(change, Refusal):
        assert before == after
        return
    left = merged({**head, **before}, change.patch)
    assert left == {**head, **after}
    back = changes.inverse(change, left)
    assert isinstance(back, Patch)
    assert _without_empty(merged(left, back.patch)) == _without_empty({**head, **before})


def merged(it: Raw, by: Raw) -> Any:
    return json_merge_patch.merge(copy.deepcopy(it), copy.deepcopy(by))


def _without_empty(value: Any) -> Any:
    """Without mappings that hold nothing: Kubernetes writes no labels and empty labels alike."""
    if not isinstance(value, dict):
        return value
    kept = {key: _without_empty(each) for key, each in value.items()}
    return {key: each for key, each in kept.items() if each != {}}


@given(JSON)
def test_nothing_takes_a_builder_down(anything: Any) -> None:
    it = {"kind": "Namespace", "metadata": anything, "spec": anything}
    here = snapshot()
    for build in (changes.enroll, changes.unenroll):
        build(it, here)
    changes.restart(WEB, it, datetime(2026, 1, 1, tzinfo=UTC))
    found = changes.edit(ONE, {"metadata": anything}, {"metadata": anything, "spec": anything})
    if isinstance(found, Patch):
        changes.inverse(found, {"metadata": anything})
