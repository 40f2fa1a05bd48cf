"""AMB-010 to AMB-012: NetworkPolicies and the mesh's own port, by derivation C7 of doctor-rules.md."""

from __future__ import annotations

from typing import Any

import pytest

from meshtui.mesh.doctor.findings import Severity
from meshtui.mesh.raw import Raw
from tests.mesh.doctor.judged import CART, SERVED, endpoints, keys, of, unsure
from tests.mesh.made import made, pod, snapshot
from tests.mesh.test_enrollment import ENABLED

TILL = pod("till", annotations=ENABLED, labels={"app": "till"})
MESH = (CART, TILL, *SERVED)


def tcp(port: Any, **more: Any) -> Raw:
    return {"protocol": "TCP", "port": port, **more}


def policy(*rules: Raw, way: str = "ingress", name: str = "p", selects: Raw | None = None) -> Raw:
    """For the pods with app=cart."""
    selector = {"matchLabels": {"app": "cart"}} if selects is None else selects
    spec = {"podSelector": selector, way: [*rules], "policyTypes": [way.capitalize()]}
    return made("NetworkPolicy", name, "shop", spec=spec)


def test_a_policy_that_opens_the_ports_of_the_application_alone() -> None:
    (found,) = of("AMB-010", (*MESH, policy({"ports": [tcp(8080)]})))
    assert keys(found) == ["NetworkPolicy shop/p", "Pod shop/cart"]
    assert found.grade is Severity.CRITICAL
    assert found.evidence[0].value == "8080"
    assert "NetworkPolicies" not in found.step  # nobody is told to drop them
    assert "allows TCP 15008" in found.step


@pytest.mark.parametrize(
    "rule",
    [
        {"ports": [tcp(8080), tcp(15008)]},
        {"ports": [tcp(15000, endPort=15010)]},  # near miss: a range that contains it
        {"ports": [{"protocol": "TCP"}]},
        {"from": [{"podSelector": {}}]},
        {"ports": [{"port": 15008}]},  # TCP is the default
        {},
    ],
)
def test_a_policy_that_lets_the_mesh_in(rule: Raw) -> None:
    assert of("AMB-010", (*MESH, policy(rule))) == []


@pytest.mark.parametrize(
    "rule",
    [
        {"ports": [{"protocol": "UDP", "port": 15008}]},
        {"ports": [tcp("hbone")]},
        {"ports": [tcp(15009, endPort=15100)]},
    ],
)
def test_ports_that_are_not_the_mesh_s(rule: Raw) -> None:
    assert len(of("AMB-010", (*MESH, policy(rule)))) == 1


def test_pods_outside_the_mesh_are_none_of_its_business() -> None:
    outside = pod(labels={"app": "cart", "istio.io/dataplane-mode": "none"})
    assert of("AMB-010", (outside, TILL, *SERVED, policy({"ports": [tcp(8080)]}))) == []


def test_nothing_let_in_matters_to_pods_of_services_alone() -> None:
    """A worker behind a default deny is as it should be; one behind a Service is to be reached."""
    deny = policy(selects={})
    assert of("AMB-010", (*MESH, deny)) == []
    (found,) = of("AMB-010", (*MESH, deny, endpoints()))
    assert keys(found) == ["NetworkPolicy shop/p", "Pod shop/cart"]


def test_a_second_policy_that_opens_it_is_enough() -> None:
    opened = policy({"ports": [tcp(15008)]}, name="q")
    assert of("AMB-010", (*MESH, policy({"ports": [tcp(8080)]}), opened)) == []


def test_peers_of_the_mesh_to_whom_it_stays_closed() -> None:
    to_till = {"ports": [tcp(8080)], "from": [{"podSelector": {"matchLabels": {"app": "till"}}}]}
    elsewhere = {
        "ports": [tcp(15008)],
        "from": [{"podSelector": {"matchLabels": {"app": "other"}}}],
    }
    (found,) = of("AMB-010", (*MESH, policy(to_till, elsewhere)))
    assert found.grade is Severity.HIGH
    everywhere = {"ports": [tcp(15008)], "from": [{"namespaceSelector": {}}]}
    assert of("AMB-010", (*MESH, policy(to_till, everywhere))) == []
    # near miss: the peers of the closed rule are outside the mesh, and come in plain text
    to_scraper = {
        "ports": [tcp(9090)],
        "from": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
    }
    assert of("AMB-010", (*MESH, policy(to_scraper, elsewhere))) == []


def test_calls_into_the_mesh_that_a_policy_keeps_from_a_pod() -> None:
    to_till = {"ports": [tcp(8080)], "to": [{"podSelector": {"matchLabels": {"app": "till"}}}]}
    (found,) = of("AMB-011", (*MESH, policy(to_till, way="egress")))
    assert keys(found) == ["NetworkPolicy shop/p", "Pod shop/cart"]
    assert found.grade is Severity.CRITICAL


@pytest.mark.parametrize(
    "rules",
    [
        [],  # it is to call nobody
        [{"ports": [tcp(53), {"protocol": "UDP", "port": 53}]}],  # near miss: DNS alone
        [
            {"ports": [tcp(8080)], "to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}
        ],  # outside the cluster
        [{"ports": [tcp(8080), tcp(15008)], "to": [{"podSelector": {}}]}],
        [{"to": [{"podSelector": {}}]}],
    ],
)
def test_calls_that_pass_or_are_not_to_be(rules: list[Raw]) -> None:
    assert of("AMB-011", (*MESH, policy(*rules, way="egress"))) == []


RESTRICTED = policy(
    {"ports": [tcp(8080)], "from": [{"podSelector": {"matchLabels": {"app": "till"}}}]},
    {"ports": [tcp(15008)]},
)


def test_a_port_open_to_everybody_undoes_what_is_restricted_by_caller() -> None:
    """AMB-012."""
    (found,) = of("AMB-012", (*MESH, RESTRICTED))
    assert keys(found) == ["NetworkPolicy shop/p", "Pod shop/cart"]
    guard = made(
        "AuthorizationPolicy", "a", "shop", spec={"selector": {"matchLabels": {"app": "cart"}}}
    )
    assert of("AMB-012", (*MESH, RESTRICTED, guard)) == []
    assert of("AMB-012", (*MESH, policy({"ports": [tcp(8080)]}, {"ports": [tcp(15008)]}))) == []


def test_policies_of_other_kinds_are_said_not_to_be_evaluated() -> None:
    from msgspec.structs import replace

    from meshtui.mesh.kinds import Kind
    from meshtui.mesh.snapshot import Server

    served = {Kind("cilium.io", "ciliumnetworkpolicies", "CiliumNetworkPolicy"): "v2"}
    found = replace(snapshot(*MESH), server=Server(kinds=served))
    assert unsure("AMB-010", found) == [
        "policies of cilium.io are served here, and are not evaluated"
    ]
    assert unsure("AMB-010", snapshot(*MESH)) == []


def test_an_unchanged_cluster_is_not_judged_anew() -> None:
    """The same pods, policies and namespaces give the same finding after a pod's status changed."""
    from msgspec.structs import replace

    from meshtui.mesh.kinds import POD

    first = snapshot(*MESH, policy({"ports": [tcp(8080)]}))
    (before,) = of("AMB-010", first)
    changed = {
        **first.objects[POD],
        "shop/cart": {**CART, "status": {**CART["status"], "podIP": "10.0.0.9"}},
    }
    (after,) = of("AMB-010", replace(first, objects={**first.objects, POD: changed}))
    assert after == before
