"""AuthorizationPolicies (istioctl-analyze.md, auth.AuthorizationPoliciesAnalyzer and authn.BlockedCIDRsAnalyzer)."""

from __future__ import annotations

import pytest

from meshtui.mesh.doctor.examination import Outcome
from meshtui.mesh.kinds import CONFIGMAP, NAMESPACE, POD, Kind
from tests.mesh.doctor.written import cluster, examined, found, narrowed, pairs, yaml

POLICIES, KEYS = "auth.AuthorizationPoliciesAnalyzer", "authn.BlockedCIDRsAnalyzer"
AMBIENT = {"ambient.istio.io/redirection": "enabled"}
NONE, THERE = ("IST0127", "AuthorizationPolicy shop/p"), ("IST0101", "AuthorizationPolicy shop/p")
SELECTS = "spec: {selector: {matchLabels: {app: cart}}}"


def policy(body: str = "", namespace: str = "shop") -> str:
    return yaml("AuthorizationPolicy", "p", body, namespace=namespace)


def pod(namespace: str = "shop", body: str = "", **metadata: object) -> str:
    return yaml("Pod", "cart", body, namespace=namespace, **metadata)


CART = {"app": "cart"}


@pytest.mark.parametrize(
    ("objects", "is_found"),
    [
        (pod(labels=CART, annotations=AMBIENT), False),
        (pod(labels=CART), True),  # outside the mesh
        (pod(labels=CART, annotations={"ambient.istio.io/redirection": "disabled"}), True),
        (pod(labels={"app": "card"}, annotations=AMBIENT), True),
        (pod(namespace="other", labels=CART, annotations=AMBIENT), True),
        (pod(labels=CART, body="spec: {containers: [{name: istio-proxy, image: proxyv2}]}"), False),
        (pod(labels=CART, body="spec: {initContainers: [{name: istio-proxy, image: x}]}"), False),
        (pod(labels=CART, body="spec: {containers: [{name: istio-proxy}]}"), True),
        (pod(labels={**CART, "sidecar.istio.io/inject": "true"}), False),
        (pod(labels=CART, annotations={"sidecar.istio.io/inject": "true"}), False),
        (
            yaml("Namespace", "shop", labels={"istio-injection": "enabled"}) + pod(labels=CART),
            False,
        ),
        (yaml("Namespace", "shop", labels={"istio.io/rev": "canary"}) + pod(labels=CART), True),
        (
            yaml("Namespace", "shop", labels={"istio-injection": "enabled"})
            + pod(labels={**CART, "sidecar.istio.io/inject": "false"}),
            True,
        ),
    ],
)
def test_a_policy_takes_pods_of_its_namespace_that_are_in_a_mesh(
    objects: str, is_found: bool
) -> None:
    assert found(POLICIES, policy(SELECTS) + objects) == ({NONE} if is_found else set())


def test_a_policy_without_selector_takes_its_namespace() -> None:
    assert found(POLICIES, policy()) == {NONE}
    assert not found(POLICIES, policy() + pod(annotations=AMBIENT))


def test_a_policy_of_the_root_namespace_takes_the_mesh() -> None:
    for root, mesh in (("istio-system", ""), ("mesh", "rootNamespace: mesh")):
        none = ("IST0127", f"AuthorizationPolicy {root}/p")
        assert not found(POLICIES, policy(namespace=root), mesh)
        assert found(POLICIES, policy("spec: {selector: {}}", root), mesh) == {none}
        assert found(POLICIES, policy(SELECTS, root), mesh) == {none}
        assert not found(
            POLICIES, policy(SELECTS, root) + pod(labels=CART, annotations=AMBIENT), mesh
        )


@pytest.mark.parametrize(
    ("source", "is_found"),
    [
        ("{namespaces: [edge]}", False),
        ("{namespaces: [EDGE]}", False),
        ("{namespaces: [kube-system]}", False),  # it is there, though no rule looks into it
        ("{namespaces: [edge, egde]}", True),
        ("{notNamespaces: [egde]}", True),
        ("{namespaces: ['*']}", False),
        ("{namespaces: ['*ge']}", False),
        ("{namespaces: ['ed*']}", False),
        ("{namespaces: ['ge*']}", True),
        ("{namespaces: ['*ed']}", True),
    ],
)
def test_sources_are_namespaces_that_there_are(source: str, is_found: bool) -> None:
    written = policy(f"spec: {{rules: [{{from: [{{source: {source}}}]}}]}}")
    there = yaml("Namespace", "edge") + yaml("Namespace", "kube-system") + pod(annotations=AMBIENT)
    assert found(POLICIES, written + there) == ({THERE} if is_found else set())


@pytest.mark.parametrize("unread", [POD, NAMESPACE, CONFIGMAP], ids=str)
def test_nobody_is_missed_while_not_all_are_known(unread: Kind) -> None:
    result = examined(POLICIES, cluster(policy(SELECTS), unread=[unread]))
    assert not result.findings
    assert result.outcomes == {"IST0127": Outcome.UNKNOWN, "IST0101": Outcome.UNKNOWN}


def test_who_a_policy_of_the_root_namespace_takes_is_not_known_from_one_namespace_alone() -> None:
    written = "".join(policy(SELECTS, where) for where in ("shop", "istio-system", "edge"))
    result = examined(POLICIES, narrowed(cluster(written), POD, "shop"))
    assert pairs(result) == {NONE}  # the pods of shop itself are known, and nobody asked for edge
    assert [each.rule.code for each in result.unsure] == ["IST0127"]


@pytest.mark.parametrize(
    ("env", "is_found"),
    [
        ("[]", True),
        ("[{name: BLOCKED_CIDRS_IN_JWKS_URIS, value: 10.0.0.0/8}]", False),
        ("[{name: BLOCKED_CIDRS_IN_JWKS_URIS, value: ''}]", True),
        ("[{name: BLOCKED_CIDRS_IN_JWKS_URIS, valueFrom: {configMapKeyRef: {}}}]", True),
    ],
)
def test_istiod_fetches_keys_from_anywhere(env: str, is_found: bool) -> None:
    body = f"spec: {{template: {{spec: {{containers: [{{name: discovery, env: {env}}}]}}}}}}"
    istiod = yaml("Deployment", "istiod", body, namespace="istio-system", labels={"app": "istiod"})
    other = yaml("Deployment", "cart", body, namespace="shop", labels=CART)
    asking = yaml("RequestAuthentication", "jwt", namespace="shop")
    expected = {("IST0175", "Deployment istio-system/istiod")} if is_found else set()
    assert found(KEYS, istiod + other + asking) == expected
    assert not found(KEYS, istiod + other)
