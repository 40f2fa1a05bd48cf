"""Which pods reach which by the NetworkPolicies that anyone writes, and what the mesh makes of it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from meshtui.sim.behaviour.cluster import Behaviour
from meshtui.sim.behaviour.network_policies import Way, passes
from meshtui.sim.behaviour.traffic import Flow
from meshtui.sim.kinds import GATEWAY, NETWORK_POLICY
from tests.sim.bench import Bench

Raw = dict[str, Any]
AMBIENT = {"istio.io/dataplane-mode": "ambient"}
TUNNEL = {"port": 15008, "protocol": "TCP"}
WEB, API = {"matchLabels": {"app": "web"}}, {"matchLabels": {"app": "api"}}
SHOP = {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}


@pytest.fixture(scope="module")
def made() -> Bench:
    """web and api in the mesh, old outside of it; each policy is taken away again."""
    flows = [
        Flow(("shop", "web"), ("data", "api"), 80, every=1),
        Flow(("shop", "web"), ("old", "box"), 80, every=1),
    ]
    bench = Bench(nodes=1, behaviour=Behaviour(flows=flows))
    for space, app in (("shop", "web"), ("data", "api"), ("old", "box")):
        bench.namespace(space)
        bench.app(space, app)
    for space in ("shop", "data"):
        bench.label(space, {**AMBIENT, "kubernetes.io/metadata.name": space})
    return bench


@pytest.fixture
def bench(made: Bench) -> Bench:
    for policy in made.store.list(NETWORK_POLICY):
        metadata = policy["metadata"]
        made.store.delete(NETWORK_POLICY, metadata["namespace"], metadata["name"])
    return made


def policy(bench: Bench, namespace: str, **spec: Any) -> None:
    metadata = {"name": f"policy-{len(bench.store.list(NETWORK_POLICY))}", "namespace": namespace}
    bench.apply(NETWORK_POLICY, {"metadata": metadata, "spec": {"podSelector": {}, **spec}})


def reached(bench: Bench, port: int = 15008) -> bool:
    web, api = bench.pod("shop", app="web"), bench.pod("data", app="api")
    return passes(bench.cluster.world, Way(web, api, port))


@pytest.mark.parametrize(
    ("rule", "through"),
    [
        ({}, True),
        ({"ports": [TUNNEL]}, True),
        ({"ports": [{"port": 15008}]}, True),
        ({"ports": [{"protocol": "TCP"}]}, True),
        ({"ports": [{"port": 15000, "endPort": 15010}]}, True),
        ({"ports": [{"port": 15000, "endPort": 15007}]}, False),
        ({"ports": [{"port": 8080, "protocol": "TCP"}]}, False),
        ({"ports": [{"port": 15008, "protocol": "UDP"}]}, False),
        ({"ports": [{"port": "hbone"}]}, False),
        ({"from": [{"podSelector": {}}]}, False),
        ({"from": [{"namespaceSelector": {}}]}, True),
        ({"from": [{"namespaceSelector": SHOP}]}, True),
        ({"from": [{"namespaceSelector": SHOP, "podSelector": WEB}]}, True),
        ({"from": [{"namespaceSelector": SHOP, "podSelector": API}]}, False),
        ({"from": [{"namespaceSelector": SHOP}, {"podSelector": API}]}, True),
        ({"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}, True),
        ({"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8"]}}]}, False),
        ({"from": [{"ipBlock": {"cidr": "192.168.0.0/16"}}]}, False),
        ({"from": [{"ipBlock": {"cidr": "nonsense"}}]}, False),
        ({"from": [{}]}, False),
        ({"from": [{"namespaceSelector": SHOP}], "ports": [{"port": 8080}]}, False),
    ],
    ids=str,
)
def test_a_rule_lets_in_what_it_says(bench: Bench, rule: Raw, through: bool) -> None:
    # https://kubernetes.io/docs/concepts/services-networking/network-policies/
    policy(bench, "data", policyTypes=["Ingress"], ingress=[rule])
    assert reached(bench) is through


@pytest.mark.parametrize(
    ("spec", "through"),
    [
        ({"policyTypes": ["Ingress"]}, False),
        ({"policyTypes": ["Egress"]}, True),
        ({"ingress": []}, False),
        ({"podSelector": {"matchLabels": {"app": "other"}}, "policyTypes": ["Ingress"]}, True),
    ],
    ids=str,
)
def test_a_policy_is_for_some_pods_and_directions(bench: Bench, spec: Raw, through: bool) -> None:
    policy(bench, "data", **spec)
    assert reached(bench) is through


def test_what_one_of_many_policies_lets_in_comes_in(bench: Bench) -> None:
    policy(bench, "data", policyTypes=["Ingress"])
    policy(bench, "data", policyTypes=["Ingress"], ingress=[{"ports": [TUNNEL]}])
    assert reached(bench)


@pytest.mark.parametrize(
    ("rule", "through"),
    [
        ({"ports": [TUNNEL]}, True),
        ({"to": [{"podSelector": {}}]}, False),
        ({"to": [{"namespaceSelector": {}, "podSelector": API}]}, True),
        ({"ports": [{"port": 80}, {"port": 8080}]}, False),
    ],
    ids=str,
)
def test_the_caller_needs_a_way_out_as_well(bench: Bench, rule: Raw, through: bool) -> None:
    policy(bench, "shop", policyTypes=["Egress"], egress=[rule])
    assert reached(bench) is through
    bench.store.delete(NETWORK_POLICY, "shop", "policy-0")
    policy(bench, "shop", egress=[rule])
    assert reached(bench) is through, "without policyTypes it is for what goes out, too"


def test_a_port_may_be_named_as_the_container_names_it(bench: Bench) -> None:
    found = bench.pod("data", app="api")
    (container,) = found["spec"]["containers"]
    named = {**container, "ports": [{"name": "web", "containerPort": 8080}]}
    pod = {**found, "spec": {**found["spec"], "containers": [named]}}
    policy(bench, "data", policyTypes=["Ingress"], ingress=[{"ports": [{"port": "web"}]}])
    web = bench.pod("shop", app="web")
    assert passes(bench.cluster.world, Way(web, pod, 8080))
    assert not passes(bench.cluster.world, Way(web, pod, 15008))


def errors(bench: Bench) -> list[str]:
    """What the next call of each flow comes to, at every ztunnel that sees it."""
    (ztunnel,) = bench.cluster.ztunnels
    before = len(ztunnel.log.lines)
    bench.later(seconds=2)
    bench.cluster.calls.look(("", ""))
    said = [line.text for line in ztunnel.log.lines[before:] if "\taccess\t" in line.text]
    return [found[1] for line in said if (found := re.search(r'error="(.*)"', line))]


def test_the_way_out_to_a_pod_outside_the_mesh_is_that_of_its_own_port(bench: Bench) -> None:
    assert errors(bench) == []
    policy(bench, "shop", policyTypes=["Egress"], egress=[{"ports": [TUNNEL]}])
    assert errors(bench) == ["io error: deadline has elapsed"], "the call to old/box alone"


def test_a_blocked_waypoint_blocks_what_is_behind_it(bench: Bench) -> None:
    listener = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
    spec = {"gatewayClassName": "istio-waypoint", "listeners": [listener]}
    bench.apply(GATEWAY, {"metadata": {"name": "waypoint", "namespace": "data"}, "spec": spec})
    bench.label("data", {**AMBIENT, "istio.io/use-waypoint": "waypoint"})
    of_waypoint = {"matchLabels": {"gateway.networking.k8s.io/gateway-name": "waypoint"}}
    policy(bench, "data", podSelector=of_waypoint, policyTypes=["Ingress"])
    (error,) = errors(bench)
    # reference doctor-rules.md, C7 and E
    assert "maybe a NetworkPolicy is blocking HBONE port 15008" in error
