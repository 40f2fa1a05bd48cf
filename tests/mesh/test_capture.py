"""Which pods are to be captured: the table of istio-ambient.md, 1.2, and derivation C1 of doctor-rules.md."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from msgspec.structs import replace

from meshtui.mesh import capture, pods
from meshtui.mesh.capture import Wanted
from meshtui.mesh.kinds import CONFIGMAP
from meshtui.mesh.snapshot import Phase, Problem, Snapshot, Source, Trouble
from tests import recordings
from tests.anything import JSON
from tests.mesh.made import NOW, config_map, pod, snapshot

MODE = "istio.io/dataplane-mode"
DEFAULT = capture.of(Snapshot(NOW))


@pytest.mark.parametrize(
    ("namespace", "own", "captured"),
    [
        ("ambient", None, True),
        ("ambient", "none", False),
        ("ambient", "ambient", True),
        ("ambient", "foo", True),
        (None, "ambient", True),
        ("other", "ambient", True),
        (None, None, False),
        ("other", None, False),
        ("none", None, False),
    ],
)
def test_labels_decide(namespace: str | None, own: str | None, captured: bool) -> None:
    read = pods.read(pod(labels={MODE: own} if own else {}))
    labels = {MODE: namespace} if namespace else {}
    assert capture.wanted(read, labels, DEFAULT).answer is captured


@pytest.mark.parametrize(
    ("it", "reason"),
    [
        (pod(spec={"hostNetwork": True}), "hostNetwork"),
        (pod(annotations={"sidecar.istio.io/status": ""}), "sidecar"),
        (pod(labels={MODE: "none"}), "opted out by its own label istio.io/dataplane-mode=none"),
        (pod(namespace="kube-system"), "namespace kube-system is excluded by the default"),
    ],
)
def test_what_wins_over_the_label_of_the_namespace(it: dict[str, Any], reason: str) -> None:
    found = capture.wanted(pods.read(it), {MODE: "ambient"}, DEFAULT)
    assert found.answer is False
    assert reason in found.reason


def test_the_label_that_decides_is_named() -> None:
    assert capture.wanted(pods.read(pod()), {MODE: "ambient"}, DEFAULT) == Wanted(
        True, "label istio.io/dataplane-mode=ambient of namespace shop"
    )
    own = pods.read(pod(labels={MODE: "ambient"}))
    assert capture.wanted(own, {}, DEFAULT) == Wanted(
        True, "its own label istio.io/dataplane-mode=ambient"
    )
    assert capture.wanted(pods.read(pod()), {}, DEFAULT) == Wanted(
        False, "namespace shop is not labelled istio.io/dataplane-mode=ambient"
    )


def test_a_namespace_that_is_not_known_is_no_answer_unless_the_pod_decides() -> None:
    assert capture.wanted(pods.read(pod()), None, DEFAULT).answer is None
    own = pods.read(pod(labels={MODE: "ambient"}))
    assert capture.wanted(own, None, DEFAULT).answer is True
    out = pods.read(pod(labels={MODE: "none"}))
    assert capture.wanted(out, None, DEFAULT).answer is False


def test_the_recorded_configuration_is_read() -> None:
    found = capture.of(recordings.snapshot("shop"))
    assert found.source == "ConfigMap istio-system/istio-cni-config"
    assert found.excluded == {"kube-system"}
    assert found.assumed == ""


def test_the_agents_own_selectors_are_used() -> None:
    selectors = [
        {"podSelector": {"matchExpressions": [{"key": "mesh", "operator": "Exists"}]}},
        {
            "podSelector": {
                "matchExpressions": [{"key": "tier", "operator": "In", "values": ["a", "b"]}]
            },
            "namespaceSelector": {"matchLabels": {"team": "x"}},
        },
    ]
    found = capture.of(
        snapshot(
            config_map(
                AMBIENT_ENABLEMENT_SELECTOR=yaml.safe_dump(selectors),
                EXCLUDE_NAMESPACES="infra, tools",
            )
        )
    )
    assert found.excluded == {"infra", "tools"}

    def answer(labels: dict[str, str], namespace: dict[str, str]) -> bool | None:
        return capture.wanted(pods.read(pod(labels=labels)), namespace, found).answer

    assert answer({"mesh": ""}, {}) is True
    assert answer({"tier": "b"}, {"team": "x"}) is True
    assert answer({"tier": "c"}, {"team": "x"}) is False
    assert answer({"tier": "a"}, {}) is False
    assert answer({}, {MODE: "ambient"}) is False  # Istio's own label means nothing then
    where = capture.wanted(pods.read(pod(namespace="kube-system", labels={"mesh": ""})), {}, found)
    assert where.answer is True


def test_an_empty_list_of_excluded_namespaces_excludes_none() -> None:
    assert capture.of(snapshot(config_map(EXCLUDE_NAMESPACES=""))).excluded == frozenset()
    assert capture.of(snapshot(config_map())).excluded == {"kube-system"}


@pytest.mark.parametrize(
    "written",
    ["[", "- 1", "{}", "- podSelector: {matchExpressions: [{key: a, operator: Like}]}", "a: *b"],
)
def test_a_selector_that_cannot_be_read_is_said_and_the_default_assumed(written: str) -> None:
    found = capture.of(snapshot(config_map(AMBIENT_ENABLEMENT_SELECTOR=written)))
    assert found.selectors == DEFAULT.selectors
    assert "AMBIENT_ENABLEMENT_SELECTOR of ConfigMap istio-system/istio-cni-config" in found.assumed


@pytest.mark.parametrize(
    ("source", "assumed"),
    [
        (None, "was not read yet"),
        (Source(Phase.LOADING), "was not read yet"),
        (Source(Phase.LIVE), "there is no ConfigMap istio-cni-config"),
        (
            Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, "you may not list it")),
            "you may not list it",
        ),
    ],
)
def test_without_the_configuration_the_default_is_assumed_and_said_so(
    source: Source | None, assumed: str
) -> None:
    sources = {capture.SCOPE: source} if source else {}
    found = capture.of(Snapshot(NOW, sources=sources))
    assert found.selectors == DEFAULT.selectors
    assert assumed in found.assumed


@given(JSON, JSON)
@settings(deadline=None, derandomize=True)
def test_no_configuration_and_no_pod_crash_it(data: Any, odd: Any) -> None:
    config = {"metadata": {"name": "istio-cni-config", "namespace": "x"}, "data": data}
    objects = {CONFIGMAP: {"x/istio-cni-config": config}}
    found = capture.of(replace(Snapshot(NOW), objects=objects))
    capture.wanted(pods.read(odd if isinstance(odd, dict) else {"metadata": odd}), {}, found)
