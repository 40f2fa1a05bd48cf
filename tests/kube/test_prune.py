"""Prune: what is kept of an object, against the recorded pods."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshtui.kube.prune import LAST_APPLIED, pruned, reader
from meshtui.mesh import pods
from meshtui.mesh.kinds import GATEWAY, POD
from tests.recordings import DATA

RECORDED = json.loads((DATA / "shop" / "objects" / "pods.json").read_text())["items"]


def test_a_pruned_pod_reads_as_the_whole_one() -> None:
    """Nothing that the panes show of a pod is dropped: the recorded pods give the same values either way."""
    for raw in RECORDED:
        kept = reader(POD)(json.dumps(raw).encode())
        whole, small = pods.read(raw), pods.read(kept)
        for field in pods.Pod.__struct_fields__:
            assert getattr(whole, field) == getattr(small, field), field


@pytest.mark.parametrize("probe", ["livenessProbe", "readinessProbe", "startupProbe"])
@pytest.mark.parametrize("how", ["httpGet", "tcpSocket", "grpc"])
def test_where_the_kubelet_asks_is_kept(probe: str, how: str) -> None:
    """Whether a NetworkPolicy keeps it out hangs on the port, and on nothing else of a probe."""
    probed = {probe: {how: {"port": 8080, "path": "/ready"}, "periodSeconds": 3}}
    raw = {"spec": {"containers": [{"name": "app", **probed}]}}
    kept = reader(POD)(json.dumps(raw).encode())
    assert kept["spec"]["containers"] == [{"name": "app", probe: {how: {"port": 8080}}}]


def test_of_the_environment_nothing_is_kept_but_what_a_ztunnel_logs() -> None:
    level = {"name": "RUST_LOG", "value": "error"}
    secret = {"name": "PASSWORD", "value": "x"}
    raw = {
        "metadata": {
            "name": "ztunnel-1",
            "namespace": "istio-system",
            "labels": {"app": "ztunnel"},
        },
        "spec": {"containers": [{"env": [secret, level]}], "initContainers": [{"env": [secret]}]},
    }
    kept = reader(POD)(json.dumps(raw).encode())
    assert kept["spec"] == {"containers": [{"env": [level]}], "initContainers": [{}]}


def test_what_no_pane_shows_of_a_pod_is_dropped() -> None:
    raw = {
        "metadata": {"name": "a", "labels": {"app": "a"}},
        "spec": {
            "containers": [
                {"name": "app", "image": "i", "env": [{"name": "PASSWORD", "value": "x"}]}
            ],
            "volumes": [{"name": "token"}],
            "tolerations": [{}],
        },
    }
    kept = reader(POD)(json.dumps(raw).encode())
    assert kept == {
        "metadata": {"name": "a", "labels": {"app": "a"}},
        "spec": {"containers": [{"name": "app", "image": "i"}]},
    }


def test_of_managed_fields_the_newest_writers_stay() -> None:
    raw = {
        "metadata": {
            "name": "a",
            "annotations": {LAST_APPLIED: "{}", "kept": "yes"},
            "managedFields": [
                {"manager": "kubectl", "time": "2026-11-22T10:00:00Z", "fieldsV1": {"f:spec": {}}},
                {"manager": "istio-cni", "time": "2026-11-22T11:00:00Z", "fieldsV1": {}},
                {
                    "manager": "kubelet",
                    "time": "2026-11-22T12:00:00Z",
                    "subresource": "status",
                    "fieldsV1": {},
                },
            ],
        }
    }
    before = json.dumps(raw)
    for kind in (POD, GATEWAY):
        metadata = reader(kind)(before.encode())["metadata"]
        assert metadata["annotations"] == {"kept": "yes"}
        assert metadata["managedFields"] == [
            {"manager": "kubelet", "time": "2026-11-22T12:00:00Z", "subresource": "status"},
            {"manager": "istio-cni", "time": "2026-11-22T11:00:00Z"},
        ]
    pruned(raw)
    assert json.dumps(raw) == before, "the object itself is not edited"


@pytest.mark.parametrize("wrong", [None, 1, "x", [], {"labels": None}, {"managedFields": "x"}])
@pytest.mark.parametrize("field", ["metadata", "spec", "status"])
def test_fields_of_the_wrong_type_are_kept_as_they_are(field: str, wrong: Any) -> None:
    raw = {"metadata": {"name": "a"}, "spec": {"nodeName": "n"}, field: wrong}
    kept = reader(POD)(json.dumps(raw).encode())
    assert kept["metadata" if field != "metadata" else "spec"]
    if not isinstance(wrong, dict):
        assert kept[field] == wrong


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "metadata",
                    "spec",
                    "status",
                    "labels",
                    "annotations",
                    "managedFields",
                    "containers",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_JSON)
def test_no_object_crashes_it(raw: Any) -> None:
    for kind in (POD, GATEWAY):
        try:
            kept = reader(kind)(json.dumps(raw).encode())
        except msgspec.DecodeError:
            assert not isinstance(raw, dict)
        else:
            assert isinstance(kept, dict)


def test_pods_of_one_template_share_what_they_have_in_common() -> None:
    recorded = json.dumps(RECORDED[0]).encode()
    read = reader(POD)
    one, other = read(recorded), read(recorded)
    assert one == other
    assert one["spec"]["containers"] is other["spec"]["containers"]
    assert one["metadata"]["labels"] is other["metadata"]["labels"]
    assert one["status"] is not other["status"]
