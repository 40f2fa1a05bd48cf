"""The Gateway API and mesh networks (istioctl-analyze.md, k8sgateway.* and meshnetworks.MeshNetworksAnalyzer)."""

from __future__ import annotations

import pytest

from meshtui.mesh.kinds import SECRET
from tests.mesh.doctor.written import cluster, examined, found, yaml

BY_LABEL, VERSIONS = "k8sgateway.SelectorAnalyzer", "k8sgateway.CRDVersionAnalyzer"
NETWORKS = "meshnetworks.MeshNetworksAnalyzer"
GATE = yaml(
    "Pod",
    "gate-1",
    namespace="edge",
    labels={"app": "gate", "gateway.networking.k8s.io/gateway-name": "gate"},
)
SELECTS = "selector: {matchLabels: {app: gate}}"


@pytest.mark.parametrize(
    "kind", ["AuthorizationPolicy", "RequestAuthentication", "Telemetry", "WasmPlugin"]
)
@pytest.mark.parametrize(
    ("spec", "namespace", "is_found"),
    [
        (f"{{{SELECTS}}}", "edge", True),
        ("{selector: {}}", "edge", True),
        ("{}", "edge", False),
        ("{selector: {matchLabels: {app: gates}}}", "edge", False),
        (f"{{{SELECTS}}}", "shop", False),
        (f"{{{SELECTS}, targetRef: {{kind: Gateway, name: gate}}}}", "edge", False),
    ],
)
def test_policies_that_select_gateways_by_label(
    kind: str, spec: str, namespace: str, is_found: bool
) -> None:
    other = yaml("Pod", "other", namespace="shop", labels={"app": "gate"})
    policy = yaml(kind, "p", f"spec: {spec}", namespace=namespace)
    expected = {("IST0166", f"{kind} {namespace}/p")} if is_found else set()
    assert found(BY_LABEL, GATE + other + policy) == expected


@pytest.mark.parametrize(
    ("name", "version", "is_found"),
    [
        ("grpcroutes", "v1.0.0", True),
        ("grpcroutes", "v1.1.0", False),
        ("grpcroutes", "1.1", False),
        ("grpcroutes", "v1.1.0-rc1", False),  # the pre-release counts as the release
        ("backendtlspolicies", "v1.3.9", True),
        ("backendtlspolicies", "v1.4.0-experimental", False),
        ("tlsroutes", "v1.4.1", True),
        ("tlsroutes", "v1.5.0", False),
        ("tcproutes", "v1.5.10", True),
        ("tcproutes", "v1.10.0", False),
        ("httproutes", "v0.5.0", False),
        ("grpcroutes", "main", False),
        ("grpcroutes", "", False),
    ],
)
def test_crds_that_are_too_old(name: str, version: str, is_found: bool) -> None:
    called = f"{name}.gateway.networking.k8s.io"
    key = "gateway.networking.k8s.io/bundle-version"
    crd = yaml("CustomResourceDefinition", called, annotations={key: version})
    expected = {("IST0176", f"CustomResourceDefinition {called}")} if is_found else set()
    assert found(VERSIONS, crd) == expected
    assert not found(VERSIONS, yaml("CustomResourceDefinition", called))


def networks(written: str) -> str:
    body = f"data: {{meshNetworks: '{written}'}}"
    return yaml("ConfigMap", "istio", body, namespace="istio-system")


REMOTE = yaml(
    "Secret",
    "remote",
    "data: {east: ''}",
    namespace="istio-system",
    labels={"istio/multiCluster": "true"},
)


@pytest.mark.parametrize(
    ("registry", "is_found"),
    [
        ("Kubernetes", False),
        ("kubernetes", True),
        ("Mock", False),
        ("External", False),
        ("east", False),
        ("west", True),
        ('""', False),
    ],
)
def test_registries(registry: str, is_found: bool) -> None:
    written = f"networks: {{n: {{endpoints: [{{fromRegistry: {registry}}}, {{fromCidr: x}}]}}}}"
    expected = {("IST0126", "ConfigMap istio-system/istio")} if is_found else set()
    assert found(NETWORKS, networks(written) + REMOTE) == expected


def test_a_registry_is_known_from_remote_secrets_alone_and_only_once_they_were_read() -> None:
    written = networks("networks: {n: {endpoints: [{fromRegistry: east}]}}")
    assert found(NETWORKS, written + REMOTE.replace("multiCluster", "other"))
    result = examined(NETWORKS, cluster(written, unread=[SECRET]))
    assert not result.findings
    assert [each.rule.code for each in result.unsure] == ["IST0126"]


@pytest.mark.parametrize("written", ["", "[", "networks: [1]", "networks: {n: {endpoints: 3}}"])
def test_networks_that_cannot_be_read_are_passed_over(written: str) -> None:
    assert not found(NETWORKS, networks(written))
