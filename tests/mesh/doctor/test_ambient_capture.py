"""Rules of capture and of what serves a node (doctor-rules.md, D1, AMB-039, AMB-068, AMB-069): each found, not found,
and nearly."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from meshtui.mesh.doctor.findings import Severity
from meshtui.mesh.kinds import NAMESPACE, POD
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Phase, Problem, Scope, Source, Trouble
from tests.mesh.doctor.judged import CART, NODE, SERVED, dumps, event, examined, keys, of, unsure
from tests.mesh.made import NOW, before, config_map, made, pod, snapshot
from tests.mesh.test_enrollment import (
    AMBIENT,
    ENABLED,
    PENDING,
    UID,
    agent,
    answer,
    dump,
    ztunnel,
)


def test_a_ghost_is_found_with_both_sides_of_the_evidence() -> None:
    """AMB-001: Kubernetes calls it enabled, and its ztunnel does not proxy it."""
    (found,) = of("AMB-001", snapshot(CART, *SERVED, answers=dumps(node_1=answer(dump({})))))
    assert keys(found) == ["Pod shop/cart"]
    annotated, dumped = found.evidence
    assert annotated.source == "Pod shop/cart"
    assert "redirection=enabled" in annotated.value
    assert (dumped.source, dumped.field) == (
        "config_dump of ztunnel-node-1",
        f"workloadState[{UID}]",
    )
    assert dumped.at == NOW - timedelta(seconds=4)


@pytest.mark.parametrize(
    ("cart", "told"),
    [
        (CART, answer(dump({UID: "Up"}))),  # proxied
        (pod(annotations=ENABLED, age=50), answer(dump({}))),  # 50 s old
        (CART, answer(dump({}), age=3700)),  # the dump is older than the pod
        (pod(annotations=ENABLED, status={"phase": "Succeeded"}), answer(dump({}))),  # it has ended
    ],
)
def test_no_ghost(cart: Raw, told: Any) -> None:
    assert of("AMB-001", snapshot(cart, *SERVED, answers=dumps(node_1=told))) == []


def test_a_dump_that_could_not_be_read_leaves_it_open() -> None:
    refused = Problem(Trouble.REFUSED, "connection refused on port 15000")
    found = snapshot(CART, *SERVED, answers=dumps(node_1=answer(None, problem=refused)))
    assert of("AMB-001", found) == []
    assert any("connection refused on port 15000" in each for each in unsure("AMB-001", found))


def test_pods_that_were_never_captured_are_one_finding_a_node() -> None:
    """AMB-002, grouped: "2 pods of shop on node node-1"."""
    found = of(
        "AMB-002",
        (
            pod(),
            pod("till"),
            pod("far", node="node-2"),
            *SERVED,
            ztunnel("node-2"),
            agent("node-2"),
        ),
    )
    assert [keys(each) for each in found] == [["Pod shop/cart", "Pod shop/till"], ["Pod shop/far"]]
    assert found[0].says.startswith("2 pods of shop on node node-1: ")
    assert found[0].grade is Severity.HIGH


@pytest.mark.parametrize(
    "cart",
    [
        CART,
        pod(age=20),  # 20 s old
        pod(labels={"istio.io/dataplane-mode": "none"}),
        pod(spec={"hostNetwork": True}),
        pod(status={"phase": "Pending", "podIP": ""}),  # it has no address to be captured at
        pod(metadata={"deletionTimestamp": before(1)}),
    ],
)
def test_pods_that_are_captured_or_are_not_to_be(cart: Raw) -> None:
    assert of("AMB-002", (cart, *SERVED)) == []


def test_a_pod_whose_capture_is_pending() -> None:
    """AMB-003."""
    (found,) = of("AMB-003", (pod(annotations=PENDING), *SERVED))
    assert keys(found) == ["Pod shop/cart"]
    assert of("AMB-003", (CART, *SERVED)) == []
    edited = {"managedFields": [{"manager": "istio-cni", "operation": "Apply", "time": before(20)}]}
    assert of("AMB-003", (pod(annotations=PENDING, metadata=edited), *SERVED)) == []


def test_a_node_without_an_agent_explains_the_pods_that_were_not_captured() -> None:
    """AMB-004 is the cause, AMB-002 its symptom."""
    (found,) = examined(snapshot(pod(), pod("till"), AMBIENT, NODE, ztunnel())).findings
    assert found.found.rule.code == "AMB-004"
    assert keys(found.found) == ["Node node-1"]
    assert "it has no CNI agent; 2 pods of shop are to be in the mesh there" in found.found.says
    assert [each.rule.code for each in found.symptoms] == ["AMB-002"]


def daemon_set(**template: Any) -> Raw:
    spec = {"template": {"spec": template}}
    return made(
        "DaemonSet",
        "istio-cni-node",
        "istio-system",
        labels={"k8s-app": "istio-cni-node"},
        spec=spec,
    )


@pytest.mark.parametrize(
    ("node", "template", "why", "step"),
    [
        (
            {"labels": {"pool": "a"}},
            {"nodeSelector": {"pool": "b"}},
            "nodeSelector pool=b",
            "take pool=b off the nodeSelector of DaemonSet istio-system/istio-cni-node",
        ),
        (
            {"spec": {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}},
            {},
            "does not tolerate its taint gpu",
            "let DaemonSet istio-system/istio-cni-node tolerate gpu",
        ),
        (
            {"labels": {"type": "virtual-kubelet"}},
            {},
            "a virtual node cannot run one",
            "see why the DaemonSet has no ready pod there",
        ),
    ],
)
def test_why_a_node_has_no_agent(
    node: dict[str, Any], template: dict[str, Any], why: str, step: str
) -> None:
    (found,) = of(
        "AMB-004",
        (CART, AMBIENT, made("Node", "node-1", **node), ztunnel(), daemon_set(**template)),
    )
    assert why in found.says
    assert step in found.step


@pytest.mark.parametrize(
    "objects",
    [
        (CART, *SERVED),
        (
            pod(labels={"istio.io/dataplane-mode": "none"}),
            AMBIENT,
            NODE,
        ),  # nobody there is to be in the mesh
        (CART, AMBIENT, NODE, ztunnel(), agent(ready="False", age=50)),  # it was started 50 s ago
        (CART, AMBIENT, made("Node", "node-1", spec={"unschedulable": True}), ztunnel()),
    ],
)
def test_a_node_that_serves_or_need_not(objects: tuple[Raw, ...]) -> None:
    assert of("AMB-004", objects) == []


def test_agents_that_were_not_read_are_not_missing() -> None:
    refused = Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, "list pods is missing"))
    found = snapshot(CART, AMBIENT, NODE, ztunnel(), sources={Scope(POD): refused})
    assert of("AMB-004", found) == []
    assert unsure("AMB-004", found)


def test_a_ztunnel_that_is_not_ready_explains_its_node() -> None:
    """AMB-039, with AMB-004 as its symptom."""
    unready = ztunnel(status={"conditions": [{"type": "Ready", "status": "False"}]})
    (found,) = examined(snapshot(CART, AMBIENT, NODE, unready, agent())).findings
    assert found.found.rule.code == "AMB-039"
    assert keys(found.found) == ["Pod istio-system/ztunnel-node-1"]
    assert [each.rule.code for each in found.symptoms] == ["AMB-004"]
    young = ztunnel(age=50, status={"conditions": [{"type": "Ready", "status": "False"}]})
    assert of("AMB-039", (CART, AMBIENT, NODE, young, agent())) == []


SANDBOX = 'plugin type="istio-cni" failed (add): no ztunnel connection'


def test_pods_whose_sandbox_the_agent_refuses() -> None:
    """AMB-005, by the events of the last ten minutes."""
    (found,) = of("AMB-005", (CART, *SERVED, event("FailedCreatePodSandBox", SANDBOX)))
    assert keys(found) == ["Pod istio-system/istio-cni-node-1", "Pod shop/cart"]
    assert found.evidence[0].value == SANDBOX
    assert of("AMB-005", (CART, *SERVED, event("FailedCreatePodSandBox", SANDBOX, age=700))) == []
    other = event("FailedCreatePodSandBox", 'plugin type="calico" failed (add)')
    assert of("AMB-005", (CART, *SERVED, other)) == []
    gone = event("FailedCreatePodSandBox", SANDBOX, name="gone")
    assert of("AMB-005", (CART, *SERVED, gone)) == []


def test_a_node_that_does_not_find_the_plug_in() -> None:
    """AMB-069, and not AMB-005."""
    said = event(
        "FailedCreatePodSandBox", 'failed to find plugin "istio-cni" in path [/opt/cni/bin]'
    )
    (found,) = of("AMB-069", (CART, *SERVED, said))
    assert keys(found) == ["Pod shop/cart"]
    assert of("AMB-005", (CART, *SERVED, said)) == []


def test_a_daemon_set_without_quota() -> None:
    """AMB-068."""
    said = event(
        "FailedCreate",
        'pods "istio-cni-node-" is forbidden: insufficient quota to match these scopes',
        kind="DaemonSet",
        name="istio-cni-node",
        namespace="istio-system",
    )
    (found,) = of("AMB-068", (*SERVED, daemon_set(), said))
    assert keys(found) == ["DaemonSet istio-system/istio-cni-node"]
    other = event(
        "FailedCreate",
        "exceeded quota",
        kind="DaemonSet",
        name="istio-cni-node",
        namespace="istio-system",
    )
    assert of("AMB-068", (*SERVED, daemon_set(), other)) == []
    assert of("AMB-068", (*SERVED, daemon_set())) == []


def test_a_namespace_that_the_agent_excludes() -> None:
    """AMB-006."""
    labelled = (*SERVED, config_map(EXCLUDE_NAMESPACES="kube-system, shop"))
    (found,) = of("AMB-006", labelled)
    assert keys(found) == ["Namespace shop"]
    assert of("AMB-006", (*SERVED, config_map(EXCLUDE_NAMESPACES="kube-system,shopping"))) == []
    assert of("AMB-006", (made("Namespace", "shop"), config_map(EXCLUDE_NAMESPACES="shop"))) == []
    assert unsure("AMB-006", snapshot(*SERVED))


@pytest.mark.parametrize(
    ("label", "value", "found"),
    [
        ("istio-injection", "enabled", True),
        ("istio.io/rev", "canary", True),
        ("istio-injection", "disabled", False),
        ("app", "istio-injection", False),
    ],
)
def test_a_namespace_with_both_modes(label: str, value: str, found: bool) -> None:
    """AMB-008."""
    it = made("Namespace", "shop", labels={"istio.io/dataplane-mode": "ambient", label: value})
    assert bool(of("AMB-008", (it,))) is found
    assert of("AMB-008", (made("Namespace", "shop", labels={label: value}),)) == []


def test_a_pod_with_a_sidecar_in_an_ambient_namespace() -> None:
    (found,) = of("AMB-008", (pod(annotations={"sidecar.istio.io/status": "{}"}), *SERVED))
    assert keys(found) == ["Namespace shop", "Pod shop/cart"]


def test_unread_namespaces_make_capture_unknown() -> None:
    refused = Problem(Trouble.FORBIDDEN, "list namespaces is missing")
    found = snapshot(
        pod(),
        ztunnel(),
        agent(),
        sources={Scope(NAMESPACE): Source(Phase.FORBIDDEN, problem=refused)},
    )
    assert unsure("AMB-002", replace(found)) == ["list namespaces is missing"]
