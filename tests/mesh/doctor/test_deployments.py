"""Deployments: their Services' ports and their users (istioctl-analyze.md, deployment.MultiServiceAnalyzer and
applicationUID.Analyzer)."""

from __future__ import annotations

import pytest

from tests.mesh.doctor.written import found, yaml

SHARED, USER = "deployment.MultiServiceAnalyzer", "applicationUID.Analyzer"
INJECTED = yaml("Namespace", "shop", labels={"istio-injection": "enabled"})


def deployment(template: str = "", **metadata: object) -> str:
    body = f"spec: {{template: {{metadata: {{labels: {{app: cart}}}} {template}}}}}"
    return yaml("Deployment", "cart", body, namespace="shop", **metadata)


def services(*ports: str, selector: str = "{app: cart}", namespace: str = "shop") -> str:
    return "".join(
        yaml(
            "Service",
            f"cart-{position}",
            f"spec: {{selector: {selector}, ports: [{port}]}}",
            namespace=namespace,
        )
        for position, port in enumerate(ports)
    )


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        (["{port: 80}", "{port: 80, protocol: TCP}"], set()),
        (["{port: 80}", "{port: 80, protocol: UDP}"], {"IST0116"}),
        (["{port: 80}", "{port: 81, protocol: UDP}"], set()),
        (["{port: 80, targetPort: 8080}", "{port: 81, targetPort: 8080}"], {"IST0137"}),
        (["{port: 80, targetPort: 8080}", "{port: 80, targetPort: 8080}"], set()),
        (["{port: 80, targetPort: web}", "{port: 81, targetPort: web}"], {"IST0137"}),
        (["{port: 80, targetPort: web}", "{port: 81, targetPort: api}"], set()),
        (["{port: 80}", "{port: 81, targetPort: 80}"], {"IST0137"}),  # without one it is the port
        (["{port: 80, targetPort: 0}", "{port: 81, targetPort: 80}"], {"IST0137"}),
        (["{port: 80, targetPort: '8080'}", "{port: 81, targetPort: 8080}"], {"IST0137"}),
    ],
)
def test_services_that_share_a_port(ports: list[str], expected: set[str]) -> None:
    result = found(SHARED, INJECTED + deployment() + services(*ports))
    assert result == {(code, "Deployment shop/cart") for code in expected}


CLASH = ("{port: 80}", "{port: 80, protocol: UDP}")


@pytest.mark.parametrize(
    "written",
    [
        deployment() + services(*CLASH),  # not in the mesh
        INJECTED + deployment() + services(*CLASH, selector="{}"),
        INJECTED + deployment() + services(*CLASH, selector="{app: cart, version: v1}"),
        INJECTED + deployment() + services(*CLASH, namespace="other"),
        INJECTED + deployment() + services("{port: 80}"),
        INJECTED
        + deployment(labels={"gateway.istio.io/managed": "istio.io-mesh-controller"})
        + services(*CLASH),
        yaml("Namespace", "shop", labels={"istio.io/dataplane-mode": "ambient"})
        + deployment()
        + services(*CLASH),
        deployment(", spec: {initContainers: [{name: istio-proxy, image: x}]}") + services(*CLASH),
    ],
)
def test_services_that_share_nothing_in_a_sidecar_mesh(written: str) -> None:
    assert not found(SHARED, written)


def test_a_deployment_with_its_own_proxy_is_in_the_mesh() -> None:
    own = deployment(", spec: {containers: [{name: istio-proxy, image: proxyv2}]}")
    assert found(SHARED, own + services(*CLASH)) == {("IST0116", "Deployment shop/cart")}


@pytest.mark.parametrize(
    ("spec", "is_found"),
    [
        ("{securityContext: {runAsUser: 1337}}", True),
        ("{securityContext: {runAsUser: 1338}}", False),
        ("{securityContext: {runAsUser: '1337'}}", False),
        ("{containers: [{name: app, securityContext: {runAsUser: 1337}}]}", True),
        ("{containers: [{name: istio-proxy, securityContext: {runAsUser: 1337}}]}", False),
        ("{containers: [{name: istio-operator, securityContext: {runAsUser: 1337}}]}", False),
        ("{initContainers: [{name: app, securityContext: {runAsUser: 1337}}]}", False),
        ("{containers: [{name: app, securityContext: null}]}", False),
    ],
)
def test_the_user_of_an_application(spec: str, is_found: bool) -> None:
    pod = yaml("Pod", "cart", f"spec: {spec}", namespace="shop")
    assert found(USER, pod) == ({("IST0144", "Pod shop/cart")} if is_found else set())
    templated = deployment(f", spec: {spec}")
    assert found(USER, templated) == ({("IST0144", "Deployment shop/cart")} if is_found else set())


@pytest.mark.parametrize("label", [{"istio": "ingressgateway"}, {"release": "istio"}])
def test_the_control_plane_may_run_as_any_user(label: dict[str, str]) -> None:
    spec = "spec: {securityContext: {runAsUser: 1337}}"
    assert not found(USER, yaml("Pod", "gate", spec, namespace="edge", labels=label))
    assert found(USER, yaml("Pod", "gate", spec, namespace="edge", labels={"release": "shop"}))
