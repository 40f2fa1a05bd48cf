"""Gateways: what istiod wrote on the recorded ones and what its README says of them; the rules of istio-ambient.md, 2.4
and 8.6, and RFC 6125 for the names in certificates."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from meshtui.mesh import gateways, listeners, named_secrets, raw
from meshtui.mesh.gateways import Gateway
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import GATEWAY, GATEWAY_CLASS, ISTIO_GATEWAY, POD, SECRET, SERVICE, Kind
from meshtui.mesh.listeners import meet
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import (
    Answer,
    Phase,
    Problem,
    Ref,
    Scope,
    Snapshot,
    Source,
    Trouble,
)
from tests import recordings
from tests.anything import JSON, damaged
from tests.mesh import issuing
from tests.mesh.made import NOW, made, pod, snapshot
from tests.ui import situations

SHOP = situations.shop()
CA = issuing.root()
NAME = "gateway.networking.k8s.io/gateway-name"
REFUSED = Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, "you may not list them"))


def recorded(name: str) -> Gateway:
    return next(each for each in gateways.of(SHOP) if each.ref.name == name)


CLASS = made("GatewayClass", "istio", spec={"controllerName": "istio.io/gateway-controller"})
PROXY = pod("public-1", "edge", labels={NAME: "public"})
GOOD = ({"type": "Accepted", "status": "True"}, {"type": "Programmed", "status": "True"})


def https(name: str = "https", hostname: str = "", secret: str = "tls", **ref: str) -> Raw:
    refs = [{"name": secret, **ref}]
    found = {"name": name, "port": 443, "protocol": "HTTPS", "tls": {"certificateRefs": refs}}
    return {**found, "hostname": hostname} if hostname else found


def gateway(
    *on: Raw, conditions: tuple[Raw, ...] = GOOD, class_name: str = "istio", **status: Any
) -> Raw:
    return made(
        "Gateway",
        "public",
        "edge",
        spec={"gatewayClassName": class_name, "listeners": list(on)},
        status={"conditions": list(conditions), **status},
    )


def only(
    *objects: Raw,
    secrets: dict[str, issuing.Issued] | None = None,
    sources: dict[Scope, Source] | None = None,
    days: int = 0,
) -> Gateway:
    """The one gateway of these objects, so many days later, where the Secrets have these certificates."""
    at = snapshot(*objects, sources=sources)
    gets = {
        Ref(SECRET, *key.split("/")): Answer(
            {"data": {"tls.crt": base64.b64encode(one.pem.encode()).decode()}}, NOW
        )
        for key, one in (secrets or {}).items()
    }
    (found,) = gateways.of(replace(at, gets=gets, now=NOW + timedelta(days=days)))
    return found


def certified(*names: str, days: int = 90) -> issuing.Issued:
    start = NOW - timedelta(hours=1)
    return CA.issue("server", dns=names, start=start, life=timedelta(days=days, hours=1))


# The recording


def test_gateways_are_those_that_are_no_waypoints_and_istios_own() -> None:
    assert [(each.ref.kind, each.ref.key) for each in gateways.of(SHOP)] == [
        (ISTIO_GATEWAY, "edge/classic"),
        (GATEWAY, "edge/public"),
    ]


def test_the_recorded_gateway_has_one_listener_without_its_certificate_and_no_address() -> None:
    found = recorded("public")
    assert found.class_name == "istio"
    assert found.controller == "istio.io/gateway-controller"
    assert found.addresses == ()
    assert (found.verdict.health, found.ready) == (Health.BAD, 1)
    assert found.verdict.reason.startswith("Secret edge/absent does not exist")
    told = [each.reason for each in found.troubles]
    assert any("InvalidCertificateRef" in each for each in told)
    assert "no address was assigned to it yet (AddressNotAssigned)" in told
    assert [
        (
            each.listener.name,
            each.listener.port,
            each.listener.protocol,
            each.listener.hostnames,
            each.listener.tls,
            each.attached,
            each.verdict(SHOP.now).health,
        )
        for each in found.listeners
    ] == [
        ("http", 80, "HTTP", ("*.acme.example",), "", 2, Health.OK),
        ("https", 443, "HTTPS", ("*.acme.example",), "Terminate", 3, Health.OK),
        ("missing-cert", 8443, "HTTPS", (), "Terminate", 0, Health.BAD),
    ]
    assert (found.accepted, found.routes) == (3, 4)


def test_its_certificate_is_the_recorded_one() -> None:
    """openssl: notAfter=Dec 12 12:34:35 2026 GMT, DNS:*.acme.example; recorded at 12:39 on 22 November."""
    (certificate,) = recorded("public").listeners[1].certificates
    assert certificate.days_left(SHOP.now) == 19
    assert certificate.coverage == "covers *.acme.example"
    assert certificate.verdict(SHOP.now).health is Health.OK
    late = certificate.verdict(SHOP.now + timedelta(days=20))
    assert late.health is Health.BAD
    assert "expired" in late.reason


def test_nothing_serves_the_recorded_istio_gateway() -> None:
    """It selects istio=ingressgateway, and no recorded pod has that label."""
    labelled = [it for it in SHOP.raw(POD) if raw.label(it, "istio") == "ingressgateway"]
    found = recorded("classic")
    assert (labelled, found.pods) == ([], ())
    assert found.verdict.reason == "no pod has the labels istio=ingressgateway: nothing serves it"
    assert found.listeners[0].listener.hostnames == ("classic.acme.example",)
    assert found.routes == 1


def test_an_unchanged_gateway_is_not_derived_again_but_its_certificates_age() -> None:
    first, again = gateways.of(SHOP), gateways.of(replace(SHOP, now=SHOP.now + timedelta(hours=1)))
    assert first[0] is again[0]
    one = gateway(https())
    (early,) = [only(CLASS, PROXY, one, secrets={"edge/tls": certified("a.example")})]
    late = only(CLASS, PROXY, one, secrets={"edge/tls": certified("a.example")}, days=89)
    assert (early.verdict.health, late.verdict.health) == (Health.OK, Health.BAD)


# Certificates


@pytest.mark.parametrize(
    ("names", "hostname", "health", "words"),
    [
        (("shop.acme.example",), "shop.acme.example", Health.OK, "covers shop.acme.example"),
        (("*.acme.example",), "shop.acme.example", Health.OK, "covers shop.acme.example"),
        (("*.ACME.example",), "shop.acme.example", Health.OK, "covers shop.acme.example"),
        (("*.acme.example",), "a.shop.acme.example", Health.WARN, "no name for a.shop"),
        (("*.acme.example",), "acme.example", Health.WARN, "no name for acme.example"),
        (("*.acme.example",), "*.acme.example", Health.OK, "covers *.acme.example"),
        (("a.acme.example",), "*.acme.example", Health.OK, "covers only a.acme.example of *."),
        (("other.example",), "shop.acme.example", Health.WARN, "no name for shop.acme.example"),
        (("a.example", "b.example"), "", Health.OK, "for a.example, b.example"),
    ],
)
def test_whether_a_certificate_covers_the_host(
    names: tuple[str, ...], hostname: str, health: Health, words: str
) -> None:
    """RFC 6125, 6.4.3: a wildcard is the first label and stands for exactly one."""
    found = only(
        CLASS, PROXY, gateway(https(hostname=hostname)), secrets={"edge/tls": certified(*names)}
    )
    (certificate,) = found.listeners[0].certificates
    assert words in certificate.coverage
    assert found.verdict.health is health
    assert certificate.days_left(NOW) == 90


def test_each_listener_is_held_against_its_own_host_alone() -> None:
    on = (https("good", "a.example"), https("bad", "b.example"))
    found = only(CLASS, PROXY, gateway(*on), secrets={"edge/tls": certified("a.example")})
    assert [each.verdict(NOW).health for each in found.listeners] == [Health.OK, Health.WARN]


@pytest.mark.parametrize(("granted", "health"), [(False, Health.BAD), (True, Health.OK)])
def test_a_secret_of_another_namespace_needs_a_grant(granted: bool, health: Health) -> None:
    group = "gateway.networking.k8s.io"
    grant = made(
        "ReferenceGrant",
        "g",
        "certs",
        spec={
            "from": [{"group": group, "kind": "Gateway", "namespace": "edge"}],
            "to": [{"group": "", "kind": "Secret", "name": "tls"}],
        },
    )
    found = only(
        CLASS,
        PROXY,
        gateway(https(namespace="certs")),
        *([grant] if granted else []),
        secrets={"certs/tls": certified("a.example")},
    )
    assert found.verdict.health is health
    assert granted or "no ReferenceGrant in certs" in found.verdict.reason


def test_a_secret_that_was_not_read_is_unknown() -> None:
    found = only(CLASS, PROXY, gateway(https()))
    assert found.verdict.health is Health.UNKNOWN
    assert "edge/tls is not read yet" in found.verdict.reason


# Who serves it


def test_a_gateway_without_ready_pods_serves_nobody() -> None:
    down = pod(
        "public-1",
        "edge",
        labels={NAME: "public"},
        status={"conditions": [{"type": "Ready", "status": "False"}]},
    )
    listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    assert only(CLASS, PROXY, gateway(listener)).verdict.health is Health.OK
    assert "0 of its 1 pods are ready" in only(CLASS, down, gateway(listener)).verdict.reason
    assert "nothing serves it" in only(CLASS, gateway(listener)).verdict.reason
    hidden = only(CLASS, gateway(listener), sources={Scope(POD): REFUSED})
    assert (hidden.verdict.health, hidden.pods) == (Health.UNKNOWN, None)


def test_pods_of_a_gateway_by_hand_or_of_another_controller_are_not_missed() -> None:
    by_hand = gateway()
    by_hand["spec"]["addresses"] = [{"type": "Hostname", "value": "own.edge.svc"}]
    assert only(CLASS, by_hand).verdict.health is Health.OK
    theirs = made("GatewayClass", "nginx", spec={"controllerName": "example.com/nginx"})
    assert only(theirs, gateway(class_name="nginx")).verdict.health is Health.OK


def test_a_class_that_does_not_exist_is_told_from_one_that_was_not_read() -> None:
    assert "GatewayClass istio does not exist" in only(PROXY, gateway()).verdict.reason
    nameless = only(PROXY, gateway(class_name=""))
    assert "it names no GatewayClass" in nameless.verdict.reason
    assert not nameless.is_istios
    hidden = only(PROXY, gateway(), sources={Scope(GATEWAY_CLASS): REFUSED})
    assert (hidden.verdict.health, hidden.verdict.reason) == (
        Health.UNKNOWN,
        "you may not list them",
    )


@pytest.mark.parametrize(
    ("condition", "health", "words"),
    [
        (("Programmed", "False", "AddressNotAssigned"), Health.WARN, "no address was assigned"),
        (("Programmed", "False", "AddressNotUsable"), Health.BAD, "cannot be used"),
        (("Accepted", "False", "InvalidParameters"), Health.BAD, "parameters"),
        (("Accepted", "True", "ListenersNotValid"), Health.WARN, "a listener of it is invalid"),
        (("Accepted", "Unknown", "Pending"), Health.UNKNOWN, "waits for a controller"),
    ],
)
def test_conditions_in_plain_words(
    condition: tuple[str, str, str], health: Health, words: str
) -> None:
    of, status, reason = condition
    told = ({"type": of, "status": status, "reason": reason, "message": "m"},)
    found = only(CLASS, PROXY, gateway(conditions=told))
    assert found.verdict.health is health
    assert words in found.verdict.reason
    assert reason in found.verdict.reason


def test_a_conflicted_listener_is_well_when_the_condition_is_false() -> None:
    on = {"name": "http", "port": 80, "protocol": "HTTP"}

    def told(status: str, reason: str) -> Raw:
        said = [{"type": "Conflicted", "status": status, "reason": reason}]
        return gateway(on, listeners=[{"name": "http", "attachedRoutes": 1, "conditions": said}])

    assert only(CLASS, PROXY, told("False", "NoConflicts")).verdict.health is Health.OK
    found = only(CLASS, PROXY, told("True", "ProtocolConflict"))
    assert found.verdict.health is Health.BAD
    assert "listener http: another listener has its port" in found.verdict.reason


def test_waypoints_are_told_by_the_controller_of_their_class() -> None:
    mesh = made("GatewayClass", "own", spec={"controllerName": "istio.io/mesh-controller"})
    assert not gateways.of(snapshot(mesh, gateway(class_name="own")))
    assert not gateways.of(snapshot(gateway(class_name="istio-waypoint")))


# Istio's own


def istio(credential: str = "", *hosts: str, **selector: str) -> Raw:
    tls = {"tls": {"mode": "SIMPLE", "credentialName": credential}} if credential else {}
    port = {"number": 443, "name": "https", "protocol": "HTTPS"}
    server = {"port": port, "hosts": list(hosts or ("*",)), **tls}
    return made(
        "Istio Gateway", "classic", "shop", spec={"selector": selector, "servers": [server]}
    )


INGRESS = pod("ingress-1", "ingress", labels={"istio": "ingress", "app": "ingress"})


def test_an_istio_gateway_selects_pods_of_any_namespace() -> None:
    found = only(INGRESS, istio(istio="ingress"))
    assert [each.key for each in found.pods or ()] == ["ingress/ingress-1"]
    assert found.verdict.health is Health.OK
    assert only(INGRESS, istio(istio="ingress", app="other")).pods == ()


def test_its_certificates_are_in_the_namespace_of_its_pods() -> None:
    """istio-ambient.md, 8.6."""
    it = istio("tls", "shop/a.example", "./b.example", istio="ingress")
    found = only(INGRESS, it, secrets={"ingress/tls": certified("a.example")})
    (certificate,) = found.listeners[0].certificates
    assert certificate.use.secret == Ref(SECRET, "ingress", "tls")
    assert certificate.coverage == "covers a.example; has no name for b.example"
    assert found.verdict.health is Health.WARN


def test_its_addresses_are_those_of_the_service_before_its_pods() -> None:
    balancer = made(
        "Service",
        "ingress",
        "ingress",
        spec={"type": "LoadBalancer", "selector": {"istio": "ingress"}},
        status={"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}, {"hostname": "lb.example"}]}},
    )
    assert only(INGRESS, balancer, istio(istio="ingress")).addresses == ("192.0.2.7", "lb.example")


def test_the_secrets_of_both_kinds_are_asked_for() -> None:
    at = snapshot(INGRESS, CLASS, istio("own", istio="ingress"), gateway(https()))
    assert {Ref(SECRET, "ingress", "own"), Ref(SECRET, "edge", "tls")} <= set(
        named_secrets.refs(at)
    )


# Hostnames


@pytest.mark.parametrize(
    ("one", "other", "is_met"),
    [
        ("*.acme.example", "shop.acme.example", True),
        ("*.acme.example", "a.shop.acme.example", True),  # one label or more
        ("*.acme.example", "acme.example", False),
        ("*.acme.example", "*.shop.acme.example", True),
        ("shop.acme.example", "*.acme.example", True),
        ("shop.acme.example", "SHOP.acme.example", True),
        ("a.example", "b.example", False),
        ("*", "b.example", True),
    ],
)
def test_hostnames_of_listeners_and_routes_meet(one: str, other: str, is_met: bool) -> None:
    """The Gateway API's examples on Listener.hostname and HTTPRoute.hostnames."""
    assert meet(one, other) is is_met
    assert meet(other, one) is is_met


# Hostile input


@given(st.sampled_from((GATEWAY, ISTIO_GATEWAY)), JSON, JSON, JSON)
@settings(deadline=None, derandomize=True)
def test_no_object_crashes_it(kind: Kind, spec: Any, status: Any, metadata: Any) -> None:
    it = {"metadata": metadata, "spec": spec, "status": status}
    others: dict[Kind, dict[str, Raw]] = {each: {"odd": it} for each in (GATEWAY_CLASS, SERVICE)}
    for each in gateways.of(Snapshot(NOW, objects={**others, kind: {"edge/odd": it}})):
        assert each.verdict.reason
    listeners.of_gateway(it), listeners.of_istio_gateway(it)


_RECORDED = [
    (kind, it) for kind in (GATEWAY, ISTIO_GATEWAY) for it in recordings.snapshot("shop").raw(kind)
]


@given(
    st.sampled_from(_RECORDED).flatmap(lambda each: st.tuples(st.just(each[0]), damaged(each[1])))
)
@settings(deadline=None, derandomize=True)
def test_no_damaged_gateway_crashes_it(damage: tuple[Kind, Any]) -> None:
    kind, it = damage
    gateways.of(replace(SHOP, objects={**SHOP.objects, kind: {"edge/odd": it}}))
