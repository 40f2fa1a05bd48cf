"""AMB-016 and AMB-017: policies of Cilium and security groups of EKS that keep the kubelet's probes out."""

from __future__ import annotations

from typing import Any

import pytest

from meshtui.mesh.raw import Raw
from tests.mesh.doctor.judged import SERVED, keys, of, unsure
from tests.mesh.made import made, pod, snapshot
from tests.mesh.test_enrollment import ENABLED

PROBED = pod(
    annotations=ENABLED,
    labels={"app": "cart"},
    spec={"containers": [{"name": "app", "readinessProbe": {"httpGet": {"port": 80}}}]},
)
DENY: dict[str, Any] = {"endpointSelector": {}, "ingress": [{}]}
ADMIT: dict[str, Any] = {"endpointSelector": {}, "ingress": [{"fromCIDR": ["169.254.7.127/32"]}]}


def wide(name: str = "all", **spec: Any) -> Raw:
    return made("CiliumClusterwideNetworkPolicy", name, spec=spec)


def selecting(**labels: str) -> dict[str, Any]:
    named = {key.replace("_", ":"): each for key, each in labels.items()}
    return {**DENY, "endpointSelector": {"matchLabels": named}}


@pytest.mark.parametrize(
    ("policies", "is_found"),
    [
        ([wide(**DENY)], True),
        ([wide(**DENY), wide("probes", **ADMIT)], False),
        ([wide(**ADMIT)], False),
        ([wide(**{**DENY, "ingress": [{"fromEntities": ["cluster"]}]})], True),
        ([wide(**{**DENY, "ingress": [{"fromEntities": ["world"]}]})], False),
        ([wide(**{**DENY, "ingress": [{"fromCIDRSet": [{"cidr": "169.254.0.0/16"}]}]})], False),
        ([wide(**{**DENY, "ingress": [{"fromCIDR": ["10.0.0.0/8"]}]})], True),
        ([wide(**{**DENY, "ingress": [{"toPorts": [{"ports": [{"port": "80"}]}]}]})], False),
        ([wide(**{**DENY, "ingress": [{"fromCIDR": 5, "fromEntities": [3]}]})], True),
        ([wide(**DENY, enableDefaultDeny={"ingress": False})], False),
        ([wide(endpointSelector={}, egress=[{}])], False),
        ([wide(**selecting(k8s_app="cart"))], True),
        ([wide(**selecting(app="cart"))], True),
        ([wide(**selecting(app="web"))], False),
        ([wide(nodeSelector={}, ingress=[{}])], False),  # of hosts
        ([made("CiliumNetworkPolicy", "own", "shop", spec=DENY)], True),
        ([made("CiliumNetworkPolicy", "own", "shop", specs=[DENY, ADMIT])], False),
        ([made("CiliumNetworkPolicy", "own", "other", spec=DENY)], False),
        ([made("CiliumClusterwideNetworkPolicy", "odd", spec={"endpointSelector": 3})], False),
    ],
)
def test_probes_that_cilium_leaves_out(policies: list[Raw], is_found: bool) -> None:
    told = of("AMB-016", (PROBED, *SERVED, *policies))
    assert ["Pod shop/cart" in keys(each) for each in told] == ([True] if is_found else [])


def test_pods_that_are_not_probed_or_not_captured() -> None:
    unprobed = pod(annotations=ENABLED, labels={"app": "cart"})
    assert of("AMB-016", (unprobed, *SERVED, wide(**DENY))) == []
    outside = {**PROBED, "metadata": {**PROBED["metadata"], "annotations": {}}}
    assert of("AMB-016", (outside, *SERVED, wide(**DENY))) == []


def test_a_policy_that_is_not_evaluated() -> None:
    odd = wide(**selecting(reserved_host=""))
    told = unsure("AMB-016", snapshot(PROBED, *SERVED, odd))
    assert ["is not evaluated" in each for each in told] == [True]


GROUPS = made("SecurityGroupPolicy", "db", "shop")


def aws_node(mode: str = "", eni: str = "true") -> Raw:
    env = [{"name": "ENABLE_POD_ENI", "value": eni}]
    env += [{"name": "POD_SECURITY_GROUP_ENFORCING_MODE", "value": mode}] if mode else []
    spec = {"template": {"spec": {"containers": [{"name": "aws-node", "env": env}]}}}
    return made("DaemonSet", "aws-node", "kube-system", spec=spec)


def cni(image: str) -> Raw:
    labels = {"k8s-app": "istio-cni-node"}
    containers = {"containers": [{"name": "install-cni", "image": image}]}
    return pod("istio-cni-node-1", "istio-system", labels=labels, spec=containers)


OLD, NEW = cni("istio/install-cni:1.30.1"), cni("istio/install-cni:1.31.0")


@pytest.mark.parametrize(
    ("objects", "is_found"),
    [
        ((GROUPS, aws_node(), OLD), True),
        ((GROUPS, aws_node("strict"), OLD), True),
        ((GROUPS, aws_node("standard"), OLD), False),
        ((GROUPS, aws_node(eni="false"), OLD), False),
        ((GROUPS, aws_node(), NEW), False),
        ((aws_node(), OLD), False),
        ((GROUPS, OLD), False),
    ],
)
def test_security_groups_that_drop_probes(objects: tuple[Raw, ...], is_found: bool) -> None:
    told = of("AMB-017", (PROBED, *SERVED[:3], *objects))
    expected = ["DaemonSet kube-system/aws-node", "SecurityGroupPolicy shop/db"]
    assert [keys(each) for each in told] == ([expected] if is_found else [])


def test_an_agent_whose_version_is_not_told() -> None:
    unknown = snapshot(PROBED, *SERVED[:3], GROUPS, aws_node(), cni("istio/install-cni:latest"))
    assert unsure("AMB-017", unknown)
