"""Network policies: whether they let TCP 15008 and the kubelet's probes through (C7 of doctor-rules.md)."""

from __future__ import annotations

from typing import Any

import pytest

from meshtui.mesh import network_policies
from meshtui.mesh.kinds import NETWORK_POLICY, POD
from meshtui.mesh.network_policies import Blocked, Direction
from meshtui.mesh.raw import Raw
from tests.mesh.made import made, pod, snapshot
from tests.recordings import snapshot as recorded

IN, OUT = Direction.INGRESS, Direction.EGRESS
SHOP = {"podSelector": {"matchLabels": {"app": "shop"}}}


def policy(name: str = "only", namespace: str = "shop", **spec: Any) -> Raw:
    return made("NetworkPolicy", name, namespace, spec={"podSelector": {}, **spec})


def tunnel(direction: Direction, *policies: Raw, **parts: Any) -> Blocked | None:
    it = pod(**parts)
    return network_policies.tunnel(network_policies.of(snapshot(it, *policies)), it, direction)


def port(value: Any = None, **more: Any) -> dict[str, Any]:
    return ({} if value is None else {"port": value}) | more


WHOLLY = Blocked(("shop/only",), wholly=True)
PARTLY = Blocked(("shop/only",), wholly=False)


@pytest.mark.parametrize(
    ("ingress", "expected"),
    [
        ([], WHOLLY),
        ([{}], None),
        ([{"ports": []}], None),
        ([{"ports": None, "from": None}], None),
        ([{"ports": [port(8080)]}], WHOLLY),
        ([{"ports": [port(15008)]}], None),
        ([{"ports": [port(15008, protocol="UDP")]}], WHOLLY),
        ([{"ports": [port()]}], None),
        ([{"ports": [port(protocol="UDP")]}], WHOLLY),
        ([{"ports": [port(15000, endPort=15008)]}], None),
        ([{"ports": [port(15000, endPort=15007)]}], WHOLLY),
        ([{"ports": [port("http")]}], WHOLLY),
        ([{"ports": [port("hbone")]}], None),
        ([{"ports": [port(8080)]}, {"ports": [port(15008)]}], None),
        ([{"ports": [port(8080)]}, {"ports": [port(15008)], "from": [SHOP]}], PARTLY),
        (
            [
                {"ports": [port(8080)], "from": [SHOP]},
                {"ports": [port(15008)], "from": [SHOP]},
            ],
            None,
        ),
    ],
)
def test_tcp_15008_is_let_in_or_not(ingress: Any, expected: Blocked | None) -> None:
    ports = [{"name": "http", "containerPort": 8080}, {"name": "hbone", "containerPort": 15008}]
    spec = {"containers": [{"name": "app", "ports": ports}]}
    assert tunnel(IN, policy(ingress=ingress), spec=spec) == expected


@pytest.mark.parametrize(
    ("spec", "blocked_in", "blocked_out"),
    [
        ({}, True, False),
        ({"policyTypes": ["Ingress"]}, True, False),
        ({"policyTypes": ["Egress"]}, False, True),
        ({"egress": [{"ports": [{"port": 8080}]}]}, True, True),
        ({"policyTypes": ["Egress"], "egress": [{"ports": [{"port": 15008}]}]}, False, False),
        ({"policyTypes": ["Ingress", "Egress"], "ingress": [{}], "egress": [{}]}, False, False),
    ],
)
def test_what_a_policy_is_about_by_its_types(
    spec: Raw, blocked_in: bool, blocked_out: bool
) -> None:
    assert (tunnel(IN, policy(**spec)) is not None) == blocked_in
    assert (tunnel(OUT, policy(**spec)) is not None) == blocked_out


def test_only_policies_of_its_namespace_that_select_it_count() -> None:
    other: dict[str, Any] = {"podSelector": {"matchLabels": {"app": "other"}}}
    assert tunnel(IN, policy(namespace="elsewhere"), policy(**other)) is None
    assert tunnel(IN, policy(**other), labels={"app": "other"}) == WHOLLY
    unless = {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["other"]}]}
    assert tunnel(IN, policy(podSelector=unless), labels={"app": "other"}) is None


def test_what_one_policy_leaves_out_another_may_let_in() -> None:
    let_in = policy("mesh", ingress=[{"ports": [{"port": 15008}]}])
    assert tunnel(IN, policy(ingress=[{"ports": [{"port": 8080}]}]), let_in) is None


@pytest.mark.parametrize(
    ("peers", "ports", "blocked"),
    [
        ([], [], False),
        ([], [{"port": 8080}], False),
        ([], [{"port": 9090}], True),
        ([SHOP], [], True),
        ([{"ipBlock": {"cidr": "169.254.7.127/32"}}], [], False),
        ([{"ipBlock": {"cidr": "169.254.0.0/16", "except": ["169.254.7.0/24"]}}], [], True),
        ([{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}], [], False),
        ([{"ipBlock": {"cidr": "10.0.0.0/8"}}], [], True),
        ([{"ipBlock": {"cidr": "nonsense"}}], [], True),
        ([{"ipBlock": None}], [], True),
    ],
)
@pytest.mark.parametrize("probed", [8080, "web"])
def test_probes_come_from_an_address_that_no_pod_has(
    peers: Any, ports: Any, blocked: bool, probed: Any
) -> None:
    container = {
        "name": "app",
        "ports": [{"name": "web", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"port": probed}},
    }
    it = pod(spec={"containers": [container]})
    found = list(network_policies.of(snapshot(policy(ingress=[{"from": peers, "ports": ports}]))))
    assert (network_policies.probes(found, it) is not None) == blocked


def test_a_command_in_the_container_needs_no_way_in() -> None:
    it = pod(spec={"containers": [{"livenessProbe": {"exec": {"command": ["true"]}}}]})
    assert network_policies.probes(network_policies.of(snapshot(policy())), it) is None


@pytest.mark.parametrize(
    "spec",
    [
        None,
        {"podSelector": None, "policyTypes": None, "ingress": None},
        {"podSelector": {"matchExpressions": [{"operator": "Near"}]}, "ingress": [None, 3]},
        {"podSelector": [], "policyTypes": [None, {}], "ingress": [{"ports": 3, "from": "x"}]},
        {"podSelector": {}, "ingress": [{"ports": [{"port": None, "endPort": "x"}, "y"]}]},
    ],
)
def test_no_policy_takes_it_down(spec: Any) -> None:
    it = made("NetworkPolicy", "odd", "shop", spec=spec)
    for direction in Direction:
        tunnel(direction, it)
    network_policies.probes(network_policies.of(snapshot(it)), pod())


def test_the_recorded_policy_leaves_15008_out_for_refunds_alone() -> None:
    found = recorded("shop")
    policies = list(network_policies.of(found))
    assert len(found.raw(NETWORK_POLICY)) == 1
    blocked = {
        it["metadata"]["labels"]["app"]: network_policies.tunnel(policies, it, IN)
        for it in found.raw(POD)
        if it["metadata"]["namespace"] == "payments" and "app" in it["metadata"]["labels"]
    }
    assert blocked["refunds"] == Blocked(("payments/only-8080",), wholly=True)
    assert blocked["ledger"] is None
