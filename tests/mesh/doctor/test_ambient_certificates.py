"""AMB-035 to AMB-038 and AMB-057: certificates that expire, are late, missing, not trusted by all, or do not fit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from meshtui.mesh.doctor.findings import Severity
from meshtui.mesh.kinds import SECRET
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Answer, Problem, Ref, Snapshot, Trouble
from tests.mesh import made
from tests.mesh.doctor.judged import keys, of, unsure
from tests.mesh.issuing import NOON, Issued, root, workload
from tests.mesh.test_certificates import (
    MIDDLE,
    ROOT,
    SERVER,
    config_map,
    entry,
    gateway,
    listener,
    mesh,
    secret,
)

DAY = timedelta(days=1)


def ca(left: timedelta) -> Snapshot:
    """A root that two namespaces trust, ten years old, with so much left."""
    authority = root("Old Root", start=NOON - 3650 * DAY, life=3650 * DAY + left)
    return mesh({}, config_map("shop", authority.pem), config_map("batch", authority.pem))


@pytest.mark.parametrize(
    ("left", "severity"),
    [
        (80 * DAY, Severity.MEDIUM),
        (20 * DAY, Severity.HIGH),
        (3 * DAY, Severity.CRITICAL),
        (-DAY, Severity.CRITICAL),
    ],
)
def test_a_root_that_expires(left: timedelta, severity: Severity) -> None:
    """AMB-035: under 90, 30 and 7 days."""
    (found,) = of("AMB-035", ca(left))
    assert found.grade is severity
    assert keys(found) == [
        "ConfigMap shop/istio-ca-root-cert",
        "ConfigMap batch/istio-ca-root-cert",
    ]


def test_roots_that_do_not() -> None:
    assert of("AMB-035", ca(100 * DAY)) == []
    assert of("AMB-035", mesh({})) == []


def test_a_secret_of_the_ca_that_one_may_not_read_leaves_it_open() -> None:
    refused = Answer(problem=Problem(Trouble.FORBIDDEN, "oncall may not get secrets"))
    istiod = made.pod("istiod", "istio-system", labels={"app": "istiod"})
    gets = {Ref(SECRET, "istio-system", "cacerts"): refused}
    assert "oncall may not get secrets" in unsure("AMB-035", replace(mesh({}, istiod), gets=gets))


def held(age: timedelta, count: int = 1) -> Snapshot:
    """Certificates of a day, so old when the dump was read."""
    return mesh(
        {"node-1": [entry(workload(MIDDLE, f"a{n}", start=NOON - age)) for n in range(count)]}
    )


@pytest.mark.parametrize(
    ("age", "severity"),
    [
        (timedelta(hours=13), Severity.MEDIUM),
        (timedelta(hours=19), Severity.CRITICAL),
        (DAY * 2, Severity.CRITICAL),
    ],
)
def test_certificates_that_were_not_renewed(age: timedelta, severity: Severity) -> None:
    """AMB-036: at half of their life they should have been; critical with a quarter left."""
    (found,) = of("AMB-036", held(age, 2))
    assert found.grade is severity
    assert keys(found) == ["Pod istio-system/ztunnel-node-1"]
    assert found.says.startswith("2 identities of ztunnel ztunnel-node-1 on node node-1: ")
    assert found.evidence[0].source == "config_dump of ztunnel-node-1"
    assert found.evidence[0].at == NOON


@pytest.mark.parametrize("age", [timedelta(hours=1), timedelta(hours=12, minutes=5)])
def test_certificates_that_are_renewed_in_time(age: timedelta) -> None:
    """Near miss: five minutes after the half, which is a usual delay."""
    assert of("AMB-036", held(age)) == []


def test_a_ztunnel_that_no_longer_answers_leaves_it_open() -> None:
    late = [entry(workload(MIDDLE, start=NOON - timedelta(hours=11)))]
    silent = mesh(
        {"node-1": late},
        read_at=NOON,
        now=NOON + timedelta(hours=2),
        problem=Problem(Trouble.TIMEOUT, "t"),
    )
    assert of("AMB-036", silent) == []
    assert any("has not answered since" in each for each in unsure("AMB-036", silent))


def without(state: str, *objects: Raw, **parts: Any) -> Snapshot:
    return mesh(
        {"node-1": [{"identity": "spiffe://cluster.local/ns/shop/sa/cart", "state": state}]},
        *objects,
        **parts,
    )


def test_a_certificate_that_is_not_there() -> None:
    """AMB-037."""
    (found,) = of(
        "AMB-037",
        without("Unavailable: signing gRPC error (Unknown error): client error (Connect)"),
    )
    assert keys(found) == ["Pod istio-system/ztunnel-node-1"]
    assert "nobody answers at the address of the CA" in found.says
    assert found.evidence[0].value.startswith("Unavailable: signing gRPC error")


def test_ztunnels_without_certificates_for_the_same_reason_are_one_finding() -> None:
    state = "Unavailable: signing gRPC error (Unknown error): client error (Connect)"
    held = [
        {"identity": f"spiffe://cluster.local/ns/shop/sa/{name}", "state": state}
        for name in ("a", "b")
    ]
    (found,) = of("AMB-037", mesh({"node-1": held, "node-2": held[:1], "node-3": []}))
    assert keys(found) == ["Pod istio-system/ztunnel-node-1", "Pod istio-system/ztunnel-node-2"]
    assert found.says.startswith("3 identities of 2 ztunnels (ztunnel-node-1, ztunnel-node-2): ")


def test_a_certificate_that_need_not_be_there() -> None:
    assert of("AMB-037", without("Unavailable: the identity is no longer needed")) == []
    assert of("AMB-037", held(timedelta(hours=1))) == []


def test_a_certificate_that_is_being_fetched_for_too_long() -> None:
    """A pod that needs it was there for more than half a minute when the dump was read."""
    needs = made.made("Namespace", "shop", labels={"istio.io/dataplane-mode": "ambient"})
    annotated = {"ambient.istio.io/redirection": "enabled"}
    old = without("Initializing", needs, made.pod(annotations=annotated))
    assert len(of("AMB-037", old)) == 1
    age = (made.NOW - NOON).total_seconds() + 20  # 20 s old then
    young = without("Initializing", needs, made.pod(annotations=annotated, age=age))
    assert of("AMB-037", young) == []
    assert unsure("AMB-037", young) == ["being fetched, not there yet"]


def test_roots_that_differ() -> None:
    """AMB-038."""
    told = {"node-1": [entry(workload(MIDDLE))]}
    (found,) = of(
        "AMB-038", mesh(told, config_map("shop", ROOT.pem), config_map("batch", root("other").pem))
    )
    assert found.grade is Severity.HIGH
    assert set(keys(found)) == {
        "Pod istio-system/ztunnel-node-1",
        "ConfigMap shop/istio-ca-root-cert",
        "ConfigMap batch/istio-ca-root-cert",
    }
    assert of("AMB-038", mesh(told, config_map("shop", ROOT.pem))) == []
    assert "istiod hands out" not in found.says, "the ztunnel trusts what one namespace has"


def test_a_ztunnel_that_trusts_another_root_than_istiod_hands_out_is_named() -> None:
    """AMB-038: a ztunnel reads the roots when it starts."""
    new = root("the next root")
    (found,) = of(
        "AMB-038", mesh({"node-1": [entry(workload(MIDDLE))]}, config_map("shop", new.pem))
    )
    assert "the ztunnel of node-1 trusts only " in found.says
    assert "istiod hands out the next root" in found.says
    assert found.step.startswith("restart the ztunnel of node-1")


def test_roots_of_a_rotation() -> None:
    """Near miss: all trust the old one, and some the new one already."""
    both = config_map("shop", ROOT.pem + root("the next root").pem)
    (found,) = of("AMB-038", mesh({"node-1": [entry(workload(MIDDLE))]}, both))
    assert found.grade is Severity.MEDIUM
    assert found.says == "rotation under way: 1 of 2 hold all 2 roots"


def tls(answer: Answer, hostname: str = "*.acme.example", now: Any = NOON, **ref: str) -> Snapshot:
    it = gateway(listener({"name": "acme-tls", **ref}, hostname))
    gets = {Ref(SECRET, ref.get("namespace", "edge"), "acme-tls"): answer}
    return replace(mesh({}, it, now=now), gets=gets)


def pem(issued: Issued) -> Answer:
    return secret({"tls.crt": issued.pem + MIDDLE.pem})


def test_a_listener_whose_secret_is_missing() -> None:
    """AMB-057."""
    (found,) = of(
        "AMB-057", tls(Answer(problem=Problem(Trouble.GONE, 'secrets "acme-tls" not found')))
    )
    assert keys(found) == ["Secret edge/acme-tls", "Gateway edge/public"]
    assert found.grade is Severity.HIGH


@pytest.mark.parametrize(
    ("found", "severity"),
    [
        (tls(pem(SERVER), hostname="shop.other.example"), Severity.MEDIUM),  # no name for it
        (tls(pem(SERVER), now=NOON + 340 * DAY), Severity.MEDIUM),  # 25 days left
        (tls(pem(SERVER), now=NOON + 366 * DAY), Severity.HIGH),  # it has expired
        (tls(pem(SERVER), namespace="certs"), Severity.HIGH),  # nothing there lets it be named
        (tls(secret({"ca.crt": SERVER.pem})), Severity.HIGH),  # under another key
    ],
)
def test_a_certificate_that_does_not_fit(found: Snapshot, severity: Severity) -> None:
    (told,) = of("AMB-057", found)
    assert told.grade is severity


def test_certificates_of_listeners_that_are_well_or_not_known() -> None:
    assert of("AMB-057", tls(pem(SERVER))) == []
    refused = tls(Answer(problem=Problem(Trouble.FORBIDDEN, "oncall may not get secrets")))
    assert of("AMB-057", refused) == []
    assert "oncall may not get secrets" in unsure("AMB-057", refused)
