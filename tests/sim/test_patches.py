"""Patches: RFC 7396 for merge, RFC 6902 for JSON, and Kubernetes' own rules for strategic merge.

The strategic ones follow the examples of `contributors/devel/sig-api-machinery/strategic-merge-patch.md`.
"""

from typing import Any

import pytest

from meshtui.sim.errors import BadRequest, StatusError, UnsupportedMediaType
from meshtui.sim.kinds import DEPLOYMENT, GATEWAY, POD, SERVICE
from meshtui.sim.objects import Raw
from meshtui.sim.patches import JSON, MERGE, STRATEGIC, patched


def pod(**spec: Any) -> Raw:
    return {"metadata": {"name": "x"}, "spec": spec}


def strategic(old: Raw, **spec: Any) -> Raw:
    result: Raw = patched(POD, STRATEGIC, old, {"spec": spec})["spec"]
    return result


@pytest.mark.parametrize(
    ("old", "patch", "new"),
    [  # RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge(old: Raw, patch: Raw, new: Raw) -> None:
    before = pod(**old)
    assert patched(POD, MERGE, before, {"spec": patch})["spec"] == new
    assert before == pod(**old), "the old object stays as it was"


def test_json() -> None:
    steps = [
        {"op": "test", "path": "/spec/a/b", "value": 1},
        {"op": "move", "from": "/spec/a/b", "path": "/spec/c"},
        {"op": "add", "path": "/spec/list/-", "value": 2},
    ]
    assert patched(POD, JSON, pod(a={"b": 1}, list=[1]), steps)["spec"] == {
        "a": {},
        "list": [1, 2],
        "c": 1,
    }


@pytest.mark.parametrize(
    "steps",
    [
        [{"op": "test", "path": "/spec/a", "value": 2}],
        [{"op": "remove", "path": "/spec/nope"}],
        [{"op": "fly", "path": "/spec/a"}],
        [{"path": "/spec/a"}],
        [{"op": "replace", "path": "/metadata", "value": 1}],
        ["nonsense"],
        {"op": "remove"},
        7,
    ],
)
def test_json_that_does_not_work(steps: Any) -> None:
    with pytest.raises(StatusError) as refusal:
        patched(POD, JSON, pod(a=1), steps)
    assert refusal.value.code in (400, 422)


def test_strategic_merges_lists_by_key_and_keeps_the_rest() -> None:
    old = pod(containers=[{"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}])
    new = strategic(
        old,
        containers=[
            {"name": "b", "image": "2"},
            {"name": "a", "env": [{"name": "Y", "value": "2"}]},
        ],
    )
    assert new["containers"] == [
        {
            "name": "a",
            "image": "1",
            "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}],
        },
        {"name": "b", "image": "2"},
    ]


def test_strategic_replaces_lists_without_key() -> None:
    assert strategic(pod(args=["a", "b"]), args=["c"]) == {"args": ["c"]}
    tolerations = [{"key": "a"}]
    assert strategic(pod(tolerations=[{"key": "b"}]), tolerations=tolerations) == {
        "tolerations": tolerations
    }


def test_strategic_directives() -> None:
    old = pod(containers=[{"name": "a"}, {"name": "b"}], nodeSelector={"x": "1", "y": "2"})
    assert strategic(old, containers=[{"$patch": "delete", "name": "a"}])["containers"] == [
        {"name": "b"}
    ]
    assert strategic(old, containers=[{"$patch": "replace"}, {"name": "c"}])["containers"] == [
        {"name": "c"}
    ]
    assert strategic(old, nodeSelector={"$patch": "replace", "z": "3"})["nodeSelector"] == {
        "z": "3"
    }
    assert "nodeSelector" not in strategic(old, nodeSelector={"$patch": "delete"})
    assert strategic(old, **{"$retainKeys": ["containers"]}) == {
        "containers": [{"name": "a"}, {"name": "b"}]
    }


def test_strategic_order_is_what_the_patch_says() -> None:
    old = pod(containers=[{"name": "a"}, {"name": "b"}])
    order = [{"name": "c"}, {"name": "b"}, {"name": "a"}]
    patch = {"$setElementOrder/containers": order, "containers": [{"name": "c", "image": "3"}]}
    assert [each["name"] for each in strategic(old, **patch)["containers"]] == ["c", "b", "a"]


def test_strategic_lists_of_plain_values() -> None:
    old: Raw = {"metadata": {"name": "x", "finalizers": ["a", "b"]}}
    added = patched(POD, STRATEGIC, old, {"metadata": {"finalizers": ["c"]}})
    assert added["metadata"]["finalizers"] == ["a", "b", "c"]
    removed = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}
    assert patched(POD, STRATEGIC, old, removed)["metadata"]["finalizers"] == ["b"]


def test_ports_of_services_and_of_containers_have_different_keys() -> None:
    old: Raw = {"metadata": {"name": "x"}, "spec": {"ports": [{"port": 80, "name": "a"}]}}
    patch = {"spec": {"ports": [{"port": 81, "name": "b"}]}}
    assert patched(SERVICE, STRATEGIC, old, patch)["spec"]["ports"] == [
        {"port": 80, "name": "a"},
        {"port": 81, "name": "b"},
    ]
    containers = [{"name": "a", "ports": [{"containerPort": 80}]}]
    more = [{"name": "a", "ports": [{"containerPort": 81}]}]
    assert strategic(pod(containers=containers), containers=more)["containers"][0]["ports"] == [
        {"containerPort": 80},
        {"containerPort": 81},
    ]


def test_what_is_no_patch_of_this_kind() -> None:
    with pytest.raises(
        UnsupportedMediaType, match=r"merge-patch\+json, application/apply-patch\+yaml$"
    ):
        patched(GATEWAY, STRATEGIC, pod(), {})
    with pytest.raises(UnsupportedMediaType):
        patched(DEPLOYMENT, "application/json", pod(), {})
    for content_type in (MERGE, STRATEGIC):
        with pytest.raises(BadRequest):
            patched(DEPLOYMENT, content_type, pod(), ["not", "an", "object"])
