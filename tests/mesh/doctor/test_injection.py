"""Namespaces, sidecars and their images (istioctl-analyze.md, injection.*)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshtui.mesh.kinds import NAMESPACE, PROXY_CONFIG, WEBHOOK
from tests.mesh.doctor.written import Pairs, cluster, examined, found, narrowed, pairs, yaml

INJECTION, IMAGES, AUTO = (
    "injection.Analyzer",
    "injection.ImageAnalyzer",
    "injection.ImageAutoAnalyzer",
)
ENABLED = {"istio-injection": "enabled"}


def injector(values: Any, name: str = "istio-sidecar-injector") -> str:
    written = json.dumps(json.dumps(values))
    return yaml("ConfigMap", name, f"data: {{values: {written}}}", namespace="istio-system")


def by_default(it_is: object, name: str = "istio-sidecar-injector") -> str:
    return injector({"sidecarInjectorWebhook": {"enableNamespacesByDefault": it_is}}, name)


def codes(found_pairs: Pairs) -> set[str]:
    return {code for code, _ in found_pairs}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, {"IST0102"}),
        ({"istio-injection": ""}, {"IST0102"}),
        (ENABLED, set()),
        ({"istio-injection": "disabled"}, set()),
        ({"istio.io/rev": "canary"}, set()),
        ({"istio.io/dataplane-mode": "ambient"}, set()),
        ({"istio.io/dataplane-mode": "none"}, {"IST0102"}),
        ({**ENABLED, "istio.io/rev": "canary"}, {"IST0123"}),
        ({**ENABLED, "istio.io/dataplane-mode": "ambient"}, {"IST0123"}),
        ({"istio.io/rev": "canary", "istio.io/dataplane-mode": "ambient"}, {"IST0123"}),
        ({"istio-injection": "disabled", "istio.io/dataplane-mode": "ambient"}, set()),
        ({"istio-injection": "disabled", "istio.io/rev": "canary"}, set()),
    ],
)
def test_labels_of_a_namespace(labels: dict[str, str], expected: set[str]) -> None:
    assert codes(found(INJECTION, yaml("Namespace", "shop", labels=labels))) == expected
    assert not found(INJECTION, yaml("Namespace", "istio-system", labels=labels))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (by_default(True), "IST0148"),
        (by_default(False), "IST0102"),
        (by_default(True, "other"), "IST0102"),
        (by_default(True, "istio-sidecar-injector-canary"), "IST0148"),
        (by_default(True, "istio-sidecar-injector-canary") + by_default(False), "IST0102"),
        (
            yaml("ConfigMap", "istio-sidecar-injector", "data: {values: '{'}", namespace="x"),
            "IST0102",
        ),
    ],
)
def test_injected_by_default(config: str, expected: str) -> None:
    assert codes(found(INJECTION, yaml("Namespace", "shop") + config)) == {expected}


@pytest.mark.parametrize(
    ("body", "metadata", "is_found"),
    [
        ("spec: {containers: [{name: app, image: app}]}", {}, True),
        ("spec: {containers: [{name: istio-proxy, image: proxyv2}]}", {}, False),
        ("spec: {initContainers: [{name: istio-proxy, image: proxyv2}]}", {}, False),
        ("spec: {containers: [{name: istio-proxy}]}", {}, True),
        ("spec: {hostNetwork: true}", {}, False),
        ("", {"labels": {"sidecar.istio.io/inject": "False"}}, False),
        ("", {"annotations": {"sidecar.istio.io/inject": "false"}}, False),
        (
            "",
            {
                "labels": {"sidecar.istio.io/inject": "true"},
                "annotations": {"sidecar.istio.io/inject": "false"},
            },
            True,
        ),
    ],
)
def test_a_pod_without_its_sidecar(body: str, metadata: dict[str, object], is_found: bool) -> None:
    pod = yaml("Pod", "cart", body, namespace="shop", **metadata)
    inside = yaml("Namespace", "shop", labels=ENABLED)
    assert found(INJECTION, inside + pod) == ({("IST0103", "Pod shop/cart")} if is_found else set())
    revision = yaml("Namespace", "shop", labels={"istio.io/rev": "canary"})
    assert not found(INJECTION, revision + pod)
    both = yaml("Namespace", "shop", labels={**ENABLED, "istio.io/dataplane-mode": "ambient"})
    assert found(INJECTION, both + pod) == {("IST0123", "Namespace shop")}


HUB = {"hub": "example.com/istio", "tag": "1.31.0", "proxy": {"image": "proxyv2"}}
WANTED = "example.com/istio/proxyv2:1.31.0"


def proxied(image: str, **metadata: object) -> str:
    body = f"spec: {{containers: [{{name: istio-proxy, image: '{image}'}}]}}"
    return yaml("Pod", "cart", body, namespace="shop", **metadata)


@pytest.mark.parametrize(
    ("image", "is_found"),
    [
        (WANTED, False),
        ("example.com/istio/proxyv2:1.30.0", True),
        (f"{WANTED}-distroless", True),
        (f"{WANTED}-debug", True),
    ],
)
def test_images(image: str, is_found: bool) -> None:
    inside = yaml("Namespace", "shop", labels=ENABLED)
    expected = {("IST0158", "Namespace shop")} if is_found else set()
    config = injector({"global": HUB})
    assert found(IMAGES, config + inside + proxied(image)) == expected
    assert not found(IMAGES, inside + proxied(image))  # nothing to compare with
    assert not found(IMAGES, config + yaml("Namespace", "shop") + proxied(image))
    own = {"sidecar.istio.io/proxyImage": image}
    assert not found(IMAGES, config + inside + proxied(image, annotations=own))


def test_images_of_a_revision_and_by_their_full_name() -> None:
    config = injector({"global": {"proxy": {"image": "a/b:c"}}}, "istio-sidecar-injector-canary")
    inside = yaml("Namespace", "shop", labels={"istio.io/rev": "canary"})
    assert not found(IMAGES, config + inside + proxied("a/b:c"))
    assert found(IMAGES, config + inside + proxied("a/b:d"))
    other = yaml("Namespace", "shop", labels={"istio.io/rev": "stable"})
    assert not found(IMAGES, config + other + proxied("a/b:d"))


DISTROLESS = "spec: {image: {imageType: distroless}"


@pytest.mark.parametrize(
    ("more", "mesh", "metadata", "is_found"),
    [
        ("", "defaultConfig: {image: {imageType: distroless}}", {}, False),
        (yaml("ProxyConfig", "a", DISTROLESS + "}", namespace="istio-system"), "", {}, False),
        (yaml("ProxyConfig", "a", DISTROLESS + "}", namespace="shop"), "", {}, False),
        (yaml("ProxyConfig", "a", DISTROLESS + "}", namespace="other"), "", {}, True),
        (
            yaml(
                "ProxyConfig",
                "a",
                DISTROLESS + ", selector: {matchLabels: {app: cart}}}",
                namespace="shop",
            ),
            "",
            {},
            True,
        ),
        (
            yaml(
                "ProxyConfig",
                "a",
                DISTROLESS + ", selector: {matchLabels: {app: cart}}}",
                namespace="shop",
            ),
            "",
            {"labels": {"app": "cart"}},
            False,
        ),
        (
            "",
            "",
            {"annotations": {"proxy.istio.io/config": "image: {imageType: distroless}"}},
            False,
        ),
        (
            "",
            "defaultConfig: {image: {imageType: distroless}}",
            {"annotations": {"proxy.istio.io/config": "image: {imageType: default}"}},
            True,
        ),
        ("", "", {"annotations": {"proxy.istio.io/config": "["}}, True),
    ],
)
def test_the_variant_of_an_image(
    more: str, mesh: str, metadata: dict[str, object], is_found: bool
) -> None:
    written = injector({"global": HUB}) + yaml("Namespace", "shop", labels=ENABLED) + more
    result = found(IMAGES, written + proxied(f"{WANTED}-distroless", **metadata), mesh)
    assert result == ({("IST0158", "Namespace shop")} if is_found else set())


def test_a_variant_is_not_known_without_the_root_namespace() -> None:
    written = injector({"global": HUB}) + yaml("Namespace", "shop", labels=ENABLED)
    old = cluster(written + proxied("example.com/istio/proxyv2:1.30.0"))
    assert examined(IMAGES, narrowed(old, PROXY_CONFIG, "istio-system")).findings
    unknown = examined(IMAGES, narrowed(old, PROXY_CONFIG, "shop"))
    assert not unknown.findings
    assert [each.rule.code for each in unknown.unsure] == ["IST0158"]


AUTO_POD = "{containers: [{name: istio-proxy, image: auto}]}"
GATE = f"spec: {{template: {{metadata: {{labels: {{app: gate}}}}, spec: {AUTO_POD}}}}}"


def test_a_pod_with_an_image_that_nobody_filled_in() -> None:
    assert found(AUTO, yaml("Pod", "gate", f"spec: {AUTO_POD}", namespace="edge")) == {
        ("IST0147", "Pod edge/gate")
    }
    init = "spec: {initContainers: [{name: istio-proxy, image: auto}]}"
    assert not found(AUTO, yaml("Pod", "gate", init, namespace="edge"))


@pytest.mark.parametrize(
    ("webhook", "is_found"),
    [
        ("name: a.istio.io", False),
        ("name: a.example.com", True),
        ("name: a.istio.io, namespaceSelector: {matchLabels: {istio-injection: enabled}}", False),
        ("name: a.istio.io, namespaceSelector: {matchLabels: {istio-injection: disabled}}", True),
        ("name: a.istio.io, objectSelector: {matchLabels: {app: gate}}", False),
        (
            "name: a.istio.io, objectSelector: {matchExpressions: [{key: app, operator: DoesNotExist}]}",
            True,
        ),
        ("name: a.istio.io, objectSelector: {matchExpressions: [{key: app, operator: Odd}]}", True),
    ],
)
def test_a_deployment_that_no_webhook_takes(webhook: str, is_found: bool) -> None:
    hooks = yaml("MutatingWebhookConfiguration", "it", f"webhooks: [{{{webhook}}}]")
    inside = yaml("Namespace", "edge", labels=ENABLED)
    gate = yaml("Deployment", "gate", GATE, namespace="edge")
    expected = {("IST0146", "Deployment edge/gate")} if is_found else set()
    assert found(AUTO, hooks + inside + gate) == expected


def test_nobody_is_missed_while_namespaces_and_webhooks_are_not_known() -> None:
    gate = yaml("Deployment", "gate", GATE, namespace="edge")
    for kind in (NAMESPACE, WEBHOOK):
        result = examined(AUTO, cluster(gate, unread=[kind]))
        assert not pairs(result)
        assert result.unsure
