"""Annotations of Istio (istioctl-analyze.md, annotations.K8sAnalyzer and AlphaAnalyzer)."""

from __future__ import annotations

import pytest

from meshtui.mesh.doctor.rules import ANALYZERS
from tests.mesh.doctor.written import Pairs, found, yaml

K8S, ALPHA = "annotations.K8sAnalyzer", "annotations.AlphaAnalyzer"


def annotated(kind: str, key: str, value: str = "x") -> str:
    return yaml(kind, "it", annotations={key: value})


def codes(pairs: Pairs) -> set[str]:
    return {code for code, _ in pairs}


@pytest.mark.parametrize(
    ("kind", "key", "expected"),
    [
        ("Pod", "sidecar.istio.io/logLevel", set()),
        ("Pod", "sidecar.istio.io/loglevel", {"IST0108"}),  # a letter is wrong
        ("Pod", "example.com/logLevel", set()),  # not Istio's
        ("Pod", "istio.io", {"IST0108"}),  # all of it is before the slash
        ("Pod", "kubernetes.io/ingress.class", {"IST0107"}),
        ("Pod", "kubernetes.io/ingress.classes", set()),
        ("Deployment", "sidecar.istio.io/logLevel", {"IST0107"}),  # it belongs on the pods
        ("Deployment", "sidecar.istio.io/statsInclusionPrefixes", {"IST0107", "IST0135"}),
        ("Namespace", "galley.istio.io/analyze-suppress", set()),  # on anything
        ("Namespace", "networking.istio.io/traffic-distribution", set()),
        ("Service", "networking.istio.io/exportTo", set()),
        ("Namespace", "networking.istio.io/exportTo", {"IST0107"}),
        ("Service", "alpha.istio.io/canonical-serviceaccounts", {"IST0135"}),
        ("Namespace", "istio.io/rev", set()),  # these three are Istio's own doing
        ("Deployment", "sidecar.istio.io/status", set()),
        ("Service", "gateway.istio.io/controller-version", set()),
    ],
)
def test_where_an_annotation_stands(kind: str, key: str, expected: set[str]) -> None:
    assert codes(found(K8S, annotated(kind, key))) == expected


def test_the_old_annotation_is_fine_beside_the_label_that_took_its_place() -> None:
    old = {"sidecar.istio.io/inject": "false"}
    assert codes(found(K8S, yaml("Pod", "a", annotations=old))) == {"IST0135"}
    assert not found(K8S, yaml("Pod", "a", annotations=old, labels=old))


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("sidecar.istio.io/interceptionMode", ["REDIRECT", "TPROXY", "NONE"], ["redirect", ""]),
        ("status.sidecar.istio.io/port", ["0", "65535"], ["65536", "-1", "http"]),
        (
            "readiness.status.sidecar.istio.io/periodSeconds",
            ["0", "4294967295"],
            ["4294967296", "1.5", "-1", " 1", "1_0", ""],
        ),
        (
            "traffic.sidecar.istio.io/includeOutboundIPRanges",
            ["*", "", "10.0.0.0/8,192.168.1.7/16", "2001:db8::/32"],
            ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/255.0.0.0", "*,10.0.0.0/8", "10.0.0/8", ","],
        ),
        ("traffic.sidecar.istio.io/excludeOutboundIPRanges", ["", "10.0.0.0/8"], ["*"]),
        ("traffic.sidecar.istio.io/includeInboundPorts", ["*", "", "80, 443"], ["80;443", "99999"]),
        ("traffic.sidecar.istio.io/excludeInboundPorts", ["", "15020"], ["*", "80-90"]),
        ("traffic.sidecar.istio.io/excludeOutboundPorts", ["53"], ["dns"]),
        (
            "traffic.sidecar.istio.io/excludeInterfaces",
            ["eth0,net1"],
            ["eth/0", "a-name-too-long-to-be"],
        ),
        ("istio.io/reroute-virtual-interfaces", ["k6t-eth0"], ["a b"]),
        ("prometheus.istio.io/merge-metrics", ["true", "T", "0", "False"], ["yes", "tRUE", ""]),
        (
            "sidecar.istio.io/proxyCPU",
            ["100m", "2", "0.5", "1e3", "128Mi", ".5"],
            ["100 m", "128MB", "m", "1Ki2", "", "1.5.2"],
        ),
        ("sidecar.istio.io/proxyMemoryLimit", ["1Gi"], ["1gi", "1Gi\\x07"]),
        (
            "proxy.istio.io/config",
            ["{}", "", "concurrency: 2", "drainDuration: 45s", "unknownToIstio: 1"],
            [
                "[",
                "text",
                "concurrency: two",
                "drainDuration: 45",
                "proxyMetadata: {ISTIO_META_DNS_CAPTURE: true}",  # it must be text
                "discoveryAddress: istiod",
                "statusPort: 70000",
            ],
        ),
    ],
)
def test_values(key: str, good: list[str], bad: list[str]) -> None:
    for value in good:
        assert not codes(found(K8S, annotated("Pod", key, value))) - {"IST0135"}, value
    for value in bad:
        assert "IST0125" in codes(found(K8S, annotated("Pod", key, value))), value


def test_alpha_annotations_are_told_only_when_asked_for() -> None:
    (alpha,) = [each for each in ANALYZERS if each.name == ALPHA]
    assert alpha.asked_for
    assert codes(found(ALPHA, annotated("Service", "networking.istio.io/exportTo"))) == {"IST0136"}
    assert not found(ALPHA, annotated("Pod", "ambient.istio.io/redirection"))  # beta
    assert not found(ALPHA, annotated("Pod", "sidecar.istio.io/status"))
    assert not found(ALPHA, annotated("Pod", "sidecar.istio.io/unheard-of"))


def test_what_the_cni_agent_sets_is_not_told_of_pods_without_init_container() -> None:
    mode = annotated("Pod", "sidecar.istio.io/interceptionMode", "REDIRECT")
    assert not found(ALPHA, mode)
    assert not found(ALPHA, mode + "spec: {initContainers: [{name: istio-validation}]}\n")
    assert found(ALPHA, mode + "spec: {initContainers: [{name: istio-init}]}\n")


def test_a_code_can_be_suppressed_by_the_object_itself() -> None:
    both = {
        "sidecar.istio.io/unheard-of": "x",
        "galley.istio.io/analyze-suppress": "IST0107, IST0108",
    }
    assert not found(K8S, yaml("Pod", "a", annotations=both))
    assert found(
        K8S, yaml("Pod", "a", annotations={**both, "galley.istio.io/analyze-suppress": "IST0107"})
    )


def test_namespaces_of_kubernetes_itself_are_left_out() -> None:
    odd = {"sidecar.istio.io/unheard-of": "x"}
    assert not found(K8S, yaml("Pod", "a", namespace="kube-system", annotations=odd))
    assert not found(K8S, yaml("Namespace", "kube-system", annotations=odd))
