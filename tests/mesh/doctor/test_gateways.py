"""Istio Gateways: their pods, ports, certificates and rivals (gateway.* of the reference)."""

from __future__ import annotations

from typing import Any

import pytest

from meshtui.mesh.kinds import ISTIO_GATEWAY
from tests.mesh.doctor.analyzing import Thing, cluster, examined, found, pod, service, thing

PORTS = "gateway.IngressGatewayPortAnalyzer"
CERTIFICATES = "gateway.CertificateAnalyzer"
CONFLICTS = "gateway.ConflictingGatewayAnalyzer"
INGRESS = {"istio": "ingress"}
INTERNAL = {"istio": "ingress", "type": "internal"}


def gateway(
    name: str, /, *servers: dict[str, Any], selector: Any = INGRESS, namespace: str = "shop"
) -> Thing:
    return thing(ISTIO_GATEWAY, name, namespace, selector=selector, servers=[*servers])


def at(port: Any, *hosts: str, **more: Any) -> dict[str, Any]:
    return {"port": {"number": port}, "hosts": [*hosts] or ["*"], **more}


def tls(**parts: Any) -> dict[str, Any]:
    return {"tls": {"mode": "SIMPLE", **parts}}


@pytest.mark.parametrize(
    ("port", "service_ports", "reached"),
    [
        (8080, [{"port": 80, "targetPort": 8080, "protocol": "TCP"}], True),
        (80, [{"port": 80, "targetPort": 8080, "protocol": "TCP"}], True),
        (80, [{"port": 80, "protocol": "TCP"}], True),
        (80, [{"port": 80, "targetPort": "http", "protocol": "TCP"}], True),
        (8080, [{"port": 80, "targetPort": "8080", "protocol": "TCP"}], True),
        (8081, [{"port": 80, "targetPort": 8080, "protocol": "TCP"}], False),
        (53, [{"port": 53, "protocol": "UDP"}], False),
        (80, [{"port": 80}], False),
        (None, [{"port": 80, "protocol": "TCP"}], True),
    ],
)
def test_a_port_is_reached_by_a_service_of_the_pods(
    port: Any, service_ports: list[dict[str, Any]], reached: bool
) -> None:
    serving = service("s", namespace="edge", ports=service_ports, selector=INGRESS)
    expected = set() if reached else {("IST0162", "shop/g")}
    assert found(PORTS, gateway("g", at(port)), pod("p", "edge", **INGRESS), serving) == expected


@pytest.mark.parametrize(
    ("serving", "reached"),
    [
        (service("s", 80, namespace="edge"), True),
        (service("s", 80, namespace="edge", selector=INTERNAL), False),
        (service("s", 80, selector=INGRESS), False),
    ],
)
def test_only_services_beside_the_pods_that_take_them_count(serving: Thing, reached: bool) -> None:
    expected = set() if reached else {("IST0162", "shop/g")}
    assert found(PORTS, gateway("g", at(80)), pod("p", "edge", **INGRESS), serving) == expected


@pytest.mark.parametrize("analyzer", [PORTS, CONFLICTS])
def test_a_selector_that_takes_no_pod(analyzer: str) -> None:
    alone = gateway("g", selector={"istio": "typo"})
    dns = pod("p", "kube-system", istio="typo")
    assert found(analyzer, alone, pod(**INGRESS), dns) == {("IST0101", "shop/g")}


def test_any_pod_serves_a_gateway_without_selector() -> None:
    everything = gateway("g", at(80), selector=None)
    assert not found(PORTS, everything, pod(app="x"), service("s", 80))
    assert found(PORTS, everything) == {("IST0101", "shop/g")}


FILES = {"serverCertificate": "/c.pem", "privateKey": "/k.pem"}


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (tls(credentialName="c"), tls(credentialName="c"), True),
        (tls(credentialName="c"), tls(credentialName="d"), False),
        (tls(**FILES), tls(**FILES), True),
        (tls(**FILES), tls(**FILES, credentialName="c"), False),
        (tls(**FILES), tls(serverCertificate="/c.pem", privateKey="/other.pem"), False),
        (tls(serverCertificate="/c.pem"), tls(serverCertificate="/c.pem"), False),
        (tls(), tls(), False),
        ({}, {}, False),
    ],
)
def test_one_certificate_in_two_gateways(
    first: dict[str, Any], second: dict[str, Any], told: bool
) -> None:
    one, other = gateway("a", at(443, **first)), gateway("b", at(443, **second), namespace="other")
    expected = {("IST0138", "shop/a"), ("IST0138", "other/b")} if told else set()
    assert found(CERTIFICATES, one, other) == expected


def test_of_a_certificate_the_gateway_with_the_wider_selector_is_told() -> None:
    same = at(443, **tls(credentialName="c"))
    wide, narrow = gateway("wide", same), gateway("narrow", same, selector=INTERNAL)
    assert found(CERTIFICATES, wide, narrow) == {("IST0138", "shop/wide")}
    assert not found(CERTIFICATES, gateway("twice", same, same))


@pytest.mark.parametrize(
    ("one", "other", "conflict"),
    [
        (at(80, "a.b"), at(80, "a.b"), True),
        (at(80, "a.b", "c.d"), at(80, "x.y", "c.d"), True),
        (at(80, "a.b"), at(80, "*"), False),
        (at(80, "a.b"), at(80, "shop/a.b"), False),
        (at(80, "a.b"), at(81, "a.b"), False),
        (at(80, "a.b"), at(80, "a.b", bind="10.0.0.1"), False),
        (at(80, "a.b", bind="10.0.0.1"), at(80, "a.b", bind="10.0.0.1"), True),
        (at(None, "a.b"), at(None, "c.d"), False),
    ],
)
def test_one_host_at_one_port_of_the_same_proxies(
    one: dict[str, Any], other: dict[str, Any], conflict: bool
) -> None:
    things = gateway("a", one), gateway("b", other, namespace="other")
    expected = {("IST0145", "shop/a"), ("IST0145", "other/b")} if conflict else set()
    assert found(CONFLICTS, *things, pod(**INGRESS)) == expected


@pytest.mark.parametrize(
    ("selector", "labels", "conflict"),
    [
        (INTERNAL, INTERNAL, True),
        (INTERNAL, INGRESS, False),
        ({"istio": "ingress-2"}, {"istio": "ingress-2"}, False),
        (None, INGRESS, True),
        ({"app": "g"}, {"app": "g", **INGRESS}, False),
    ],
)
def test_selectors_of_which_one_is_part_of_the_other_meet_at_a_pod_of_both(
    selector: Any, labels: dict[str, str], conflict: bool
) -> None:
    a, b = gateway("a", at(80, "a.b")), gateway("b", at(80, "a.b"), selector=selector)
    expected = {("IST0145", "shop/a"), ("IST0145", "shop/b")} if conflict else set()
    assert found(CONFLICTS, a, b, pod(**labels)) == expected


def test_of_two_servers_of_a_gateway_at_one_port_others_see_the_later() -> None:
    two = gateway("two", at(80, "a.b"), at(80, "c.d"))
    assert found(CONFLICTS, two, gateway("b", at(80, "a.b"))) == {("IST0145", "shop/two")}


def test_a_gateway_without_servers_is_told_in_words_that_are_true_of_it() -> None:
    result = examined(CONFLICTS, cluster(gateway("g"), pod(**INGRESS)))
    (only,) = result.findings
    assert only.found.rule.code == "IST0101"
    assert "no servers" in only.found.says
