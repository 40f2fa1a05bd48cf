"""Gateways and routes: what istiod writes on them, and makes for them, against the recorded mesh."""

from __future__ import annotations

from typing import Any

import pytest

from meshtui.sim.behaviour import gateways, listeners, proxies, routes
from meshtui.sim.behaviour.classes import CLASSES, class_of, title
from meshtui.sim.behaviour.listeners import Listener
from meshtui.sim.kinds import (
    CONFIGMAP,
    DEPLOYMENT,
    GATEWAY,
    GATEWAY_CLASS,
    HTTP_ROUTE,
    REFERENCE_GRANT,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
)
from meshtui.sim.store import Store
from tests.sim.recorded import shop, timeless

Raw = dict[str, Any]
STAMP = "2026-11-22T12:40:00Z"


@pytest.fixture
def mesh() -> Store:
    return shop()


def all_routes(mesh: Store) -> list[Raw]:
    return [route for kind in routes.ROUTES for route in mesh.list(kind)]


def test_gateways_have_the_recorded_status(mesh: Store) -> None:
    for gateway in mesh.list(GATEWAY):
        written = gateways.status(mesh, gateway, all_routes(mesh), STAMP)
        assert timeless(written) == timeless(gateway["status"]), gateway["metadata"]["name"]


def test_times_of_conditions_move_only_with_their_status(mesh: Store) -> None:
    gateway = mesh.need(GATEWAY, "shop", "waypoint")
    assert gateways.status(mesh, gateway, [], STAMP) == gateway["status"]


def test_routes_have_the_recorded_status(mesh: Store) -> None:
    checked = 0
    for route in all_routes(mesh):
        written = routes.parents(mesh, route, STAMP)
        assert timeless(written) == timeless(route["status"]["parents"]), route["metadata"]["name"]
        checked += 1
    assert checked == 6


def test_gateway_classes_are_the_recorded_ones(mesh: Store) -> None:
    for recorded in mesh.list(GATEWAY_CLASS):
        made = gateways.gateway_class(recorded["metadata"]["name"])
        assert made["spec"] == recorded["spec"]
        assert timeless(gateways.class_status(recorded, STAMP)) == timeless(recorded["status"])


def test_what_runs_a_gateway_is_as_recorded(mesh: Store) -> None:
    for gateway in mesh.list(GATEWAY):
        of_class = class_of(mesh, gateway)
        assert of_class is not None
        key = gateway["metadata"]["namespace"], title(gateway, of_class)
        service = proxies.service(gateway, of_class, gateway["spec"]["listeners"])
        recorded = mesh.need(SERVICE, *key)
        assert service["metadata"]["labels"] == recorded["metadata"]["labels"]
        assert service["metadata"].get("annotations") == recorded["metadata"].get("annotations")
        assert service["spec"]["selector"] == recorded["spec"]["selector"]
        assert service["spec"]["type"] == recorded["spec"]["type"]
        given = [{k: v for k, v in p.items() if k != "nodePort"} for p in recorded["spec"]["ports"]]
        assert service["spec"]["ports"] == given

        deployment = proxies.deployment(gateway, of_class, "proxy:1")
        recorded = mesh.need(DEPLOYMENT, *key)
        assert deployment["metadata"]["labels"] == recorded["metadata"]["labels"]
        owner = deployment["metadata"]["ownerReferences"]
        assert owner == recorded["metadata"]["ownerReferences"]
        template, known = deployment["spec"]["template"], recorded["spec"]["template"]
        assert template["metadata"] == known["metadata"]
        assert template["spec"]["serviceAccountName"] == known["spec"]["serviceAccountName"]
        ports = [each["ports"] for each in template["spec"]["containers"]]
        assert ports == [each["ports"] for each in known["spec"]["containers"]]

        account = proxies.service_account(gateway, of_class)
        recorded = mesh.need(SERVICE_ACCOUNT, *key)
        assert account["metadata"]["labels"] == recorded["metadata"]["labels"]


def test_a_grant_and_a_certificate_cure_what_the_recording_misses(mesh: Store) -> None:
    reference = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "shop"}
    grant = {"from": [reference], "to": [{"group": "", "kind": "Service", "name": "ledger"}]}
    mesh.create(
        REFERENCE_GRANT, {"metadata": {"name": "shop", "namespace": "payments"}, "spec": grant}
    )
    route = mesh.need(HTTP_ROUTE, "shop", "no-grant")
    (parent,) = routes.parents(mesh, route, STAMP)
    reasons = {each["type"]: each["reason"] for each in parent["conditions"]}
    assert reasons["ResolvedRefs"] == "ResolvedRefs"

    mesh.create(SECRET, {"metadata": {"name": "absent", "namespace": "edge"}})
    public = gateways.status(mesh, mesh.need(GATEWAY, "edge", "public"), [], STAMP)
    assert public is not None
    accepted = next(each for each in public["conditions"] if each["type"] == "Accepted")
    assert accepted["reason"] == "Accepted"


def test_a_waypoint_of_another_shape_is_told_so_at_its_listener(mesh: Store) -> None:
    gateway = mesh.need(GATEWAY, "shop", "waypoint")
    listener = {"name": "web", "port": 80, "protocol": "HTTP"}
    odd = {**gateway, "spec": {**gateway["spec"], "listeners": [listener]}}
    status = gateways.status(mesh, odd, [], STAMP)
    assert status is not None
    (told,) = status["listeners"]
    accepted = told["conditions"][0]
    # reference istio-ambient.md, 2.1
    assert (accepted["status"], accepted["reason"]) == ("False", "UnsupportedProtocol")
    expected = 'Expected a single listener on port 15008 with protocol "HBONE"'
    assert accepted["message"] == expected


ROOTS = {"ca.crt": "-----BEGIN CERTIFICATE-----\n"}
# Gateway API's conformance tests GatewayFrontendInvalidDefaultClientCertificateValidation and those beside it: the
# authorities that are named, then the reasons of Accepted, Programmed and ResolvedRefs
AUTHORITIES = [
    (["roots"], "Accepted", "Programmed", "ResolvedRefs"),
    (["absent"], "NoValidCACertificate", "Invalid", "InvalidCACertificateRef"),
    (["odd"], "NoValidCACertificate", "Invalid", "InvalidCACertificateRef"),
    (["malformed"], "NoValidCACertificate", "Invalid", "InvalidCACertificateRef"),
    (["Service/roots"], "NoValidCACertificate", "Invalid", "InvalidCACertificateKind"),
    (["roots", "absent"], "Accepted", "Programmed", "InvalidCACertificateRef"),
]


@pytest.mark.parametrize(("names", "accepted", "programmed", "resolved"), AUTHORITIES)
def test_clients_are_verified_by_authorities_that_are_there(
    names: list[str], accepted: str, programmed: str, resolved: str
) -> None:
    store = Store()
    for name, data in (("roots", ROOTS), ("odd", {"x": "y"}), ("malformed", {"ca.crt": "hello"})):
        store.create(CONFIGMAP, {"metadata": {"name": name, "namespace": "edge"}, "data": data})
    store.create(SECRET, {"metadata": {"name": "own", "namespace": "edge"}})
    references = [
        {"group": "", "kind": each.rpartition("/")[0] or "ConfigMap", "name": each.split("/")[-1]}
        for each in names
    ]
    validation = {"validation": {"caCertificateRefs": references}}
    certificate = {"mode": "Terminate", "certificateRefs": [{"name": "own"}]}
    secure = {"name": "s", "port": 443, "protocol": "HTTPS", "tls": certificate}
    gateway = {
        "kind": "Gateway",
        "metadata": {"name": "g", "namespace": "edge"},
        "spec": {
            "gatewayClassName": "istio",
            "listeners": [secure, {"name": "p", "port": 80, "protocol": "HTTP"}],
            "tls": {"frontend": {"default": validation}},
        },
    }
    status = gateways.status(store, gateway, [], STAMP)
    assert status is not None
    said, plain = (
        {each["type"]: each["reason"] for each in listener["conditions"]}
        for listener in status["listeners"]
    )
    assert (said["Accepted"], said["Programmed"], said["ResolvedRefs"]) == (
        accepted,
        programmed,
        resolved,
    )
    assert plain["ResolvedRefs"] == "ResolvedRefs"


def test_a_gateway_says_that_the_certificate_that_it_is_to_show_is_not_there() -> None:
    def resolved(**reference: str) -> tuple[str, str]:
        store = Store()
        store.create(SECRET, {"metadata": {"name": "own", "namespace": "edge"}})
        store.create(SECRET, {"metadata": {"name": "own", "namespace": "other"}})
        spec = {
            "gatewayClassName": "istio",
            "tls": {"backend": {"clientCertificateRef": reference}},
        }
        gateway = {"kind": "Gateway", "metadata": {"name": "g", "namespace": "edge"}, "spec": spec}
        status = gateways.status(store, gateway, [], STAMP)
        assert status is not None
        (said,) = [each for each in status["conditions"] if each["type"] == "ResolvedRefs"]
        return said["status"], said["reason"]

    # Gateway API's conformance test GatewayInvalidTLSBackendConfiguration
    assert resolved(name="own") == ("True", "ResolvedRefs")
    assert resolved(name="absent") == ("False", "InvalidClientCertificateRef")
    assert resolved(name="own", kind="ConfigMap") == ("False", "InvalidClientCertificateRef")
    assert resolved(name="own", namespace="other") == ("False", "RefNotPermitted")


def test_hostnames_meet_as_gateway_api_says() -> None:
    def refused(listener: str, route: str) -> bool:
        gateway = {"kind": "Gateway", "metadata": {"name": "g", "namespace": "n"}}
        entry = {"name": "l", "port": 80, "protocol": "HTTP", "hostname": listener}
        parent = {"name": "g"}
        obj = {
            "kind": "HTTPRoute",
            "metadata": {"name": "r", "namespace": "n"},
            "spec": {"hostnames": [route], "parentRefs": [parent]},
        }
        return (
            listeners.attached(Store(), Listener(gateway, gateway, CLASSES["istio"], entry), [obj])
            == 0
        )

    # the examples of Gateway API's own documentation of HTTPRoute.spec.hostnames
    assert not refused("*.example.com", "test.example.com")
    assert not refused("*.example.com", "*.example.com")
    assert not refused("*.example.com", "foo.test.example.com")
    assert not refused("test.example.com", "*.example.com")
    assert refused("*.example.com", "example.com")
    assert refused("*.example.com", "test.example.net")
