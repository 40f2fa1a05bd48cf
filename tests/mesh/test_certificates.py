"""The rows of the certificates pane: on the recordings, and on ztunnels made for the purpose."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509 as reference
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from meshtui.mesh import (
    certificates,
    dumps,
    gateway_certificates,
    holdings,
    named_secrets,
    ztunnels,
)
from meshtui.mesh.certificate_rows import Role, Row
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import CONFIGMAP, GATEWAY, NAMESPACE, POD, SECRET
from meshtui.mesh.life import Renewal
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Answer, Phase, Problem, Ref, Scope, Snapshot, Source, Trouble
from meshtui.mesh.x509 import Certificate
from tests import recordings
from tests.mesh import made
from tests.mesh.issuing import NOON, Issued, root, workload

ROOT = root("Acme LLC Root CA", start=NOON - timedelta(days=30))
MIDDLE = ROOT.issue(
    "Acme LLC Intermediate CA", ca=True, start=NOON - timedelta(days=30), life=timedelta(days=730)
)


def entry(issued: Issued, chain: Sequence[Issued] = (MIDDLE, ROOT), trusted: Issued = ROOT) -> Raw:
    """What a dump has for one identity."""
    names = issued.certificate.extensions.get_extension_for_class(reference.SubjectAlternativeName)
    return {
        "identity": names.value.get_values_for_type(reference.UniformResourceIdentifier)[0],
        "state": "Available",
        "certChain": [sent(each) for each in (issued, *chain)],
        "rootCerts": [sent(trusted)],
    }


def sent(issued: Issued) -> Raw:
    return {"pem": b64encode(issued.pem.encode()).decode()}


def mesh(
    held: Mapping[str, Sequence[Raw]],
    *objects: Raw,
    now: datetime = NOON,
    read_at: datetime | None = None,
    problem: Problem | None = None,
) -> Snapshot:
    """Ztunnels by their node, with the `certificates[]` of their dumps."""
    pods = [
        made.pod(f"ztunnel-{node}", "istio-system", node=node, labels={"app": "ztunnel"})
        for node in held
    ]
    answers = {
        ztunnels.dump_probe(pod): Answer(
            dumps.read_dump(json.dumps({"certificates": certificates}).encode()),
            read_at or now,
            problem,
        )
        for pod, certificates in zip(pods, held.values(), strict=True)
    }
    return replace(made.snapshot(*pods, *objects, answers=answers), now=now)


def rows(snapshot: Snapshot, role: Role) -> list[Row]:
    return [row for row in certificates.of(snapshot) if row.role is role]


def only(snapshot: Snapshot, role: Role) -> Row:
    (row,) = rows(snapshot, role)
    return row


# On the recordings.


def test_shop_folds_what_renews_and_shows_the_missing_certificate_first() -> None:
    snapshot = recordings.snapshot("shop")
    found = certificates.of(snapshot)
    assert (found[0].role, found[0].verdict.health) == (Role.GATEWAY, Health.BAD)
    assert "edge/absent does not exist" in found[0].verdict.reason
    assert "missing-cert of edge/public" in found[0].verdict.reason
    folded = {row.name: row.count for row in found if row.role is Role.RENEWING}
    assert folded == {"payments": 3, "shop": 8, "batch": 1}
    assert only(snapshot, Role.UNREAD).verdict.health is Health.UNKNOWN


def test_a_folded_row_unfolds_into_its_members() -> None:
    snapshot = recordings.snapshot("shop")
    (row,) = [row for row in rows(snapshot, Role.RENEWING) if row.name == "payments"]
    found = certificates.members(snapshot, row)
    assert [each.name.rpartition("/")[2] for each in found] == ["ledger", "refunds", "ledger"]
    assert len({each.key for each in found}) == 3
    assert [each.due for each in found] == sorted(each.due for each in found if each.due)
    assert row.due == found[0].due == datetime.fromisoformat("2026-11-23T00:34:59+00:00")


def test_the_root_of_shop_is_the_same_everywhere() -> None:
    row = only(recordings.snapshot("shop"), Role.ROOT)
    assert (row.name, row.verdict.health) == ("cluster.local", Health.OK)
    assert row.held_by == "2 ztunnels, 9 namespaces, Secret istio-system/istio-ca-secret"


def test_the_gateway_certificate_of_shop() -> None:
    snapshot = recordings.snapshot("shop")
    (row,) = [row for row in rows(snapshot, Role.GATEWAY) if row.not_after]
    assert (row.name, row.held_by) == ("*.acme.example", "edge/acme-tls → 1 listener")
    assert row.not_after == datetime.fromisoformat("2026-12-12T12:34:35+00:00")
    life = row.life(snapshot.now)
    assert life is not None
    assert life.expires_in == row.not_after - snapshot.now


def test_acme_has_an_intermediate_between_its_workloads_and_its_root() -> None:
    snapshot = recordings.snapshot("acme")
    intermediate, root_ca = only(snapshot, Role.INTERMEDIATE), only(snapshot, Role.ROOT)
    assert (intermediate.name, intermediate.issuer) == (
        "Acme LLC Intermediate CA",
        "Acme LLC Root CA",
    )
    assert intermediate.held_by == "1 ztunnel, Secret istio-system/cacerts"
    assert (root_ca.name, root_ca.verdict.health) == ("Acme LLC Root CA", Health.OK)
    (folded, _) = rows(snapshot, Role.RENEWING)
    leaf, chain = certificates.members(snapshot, folded)[0].opened()
    assert isinstance(leaf, Certificate)
    assert leaf.spiffe.startswith("spiffe://acmellc.local/ns/payments/sa/")
    assert chain is not None
    assert [link.certificate.title for link in chain.links][1:] == [
        "Acme LLC Intermediate CA",
        "Acme LLC Root CA",
    ]
    assert (chain.verdict.health, chain.anchored) == (Health.OK, True)


def test_without_a_ca_every_identity_says_why_it_has_no_certificate() -> None:
    found = rows(recordings.snapshot("no-ca"), Role.WORKLOAD)
    assert len(found) == 5
    assert {row.verdict.health for row in found} == {Health.BAD}
    assert all("client error (Connect)" in row.verdict.reason for row in found)
    assert all("nobody answers at the address of the CA" in row.verdict.reason for row in found)


def test_the_secrets_to_read_are_those_of_listeners_and_of_the_ca() -> None:
    assert {ref.key for ref in certificates.refs(recordings.snapshot("shop"))} == {
        "edge/acme-tls",
        "edge/absent",
        "istio-system/cacerts",
        "istio-system/istio-ca-secret",
    }


# Workload certificates.


def test_one_that_is_late_stands_before_those_that_renew_normally() -> None:
    late = workload(MIDDLE, "late", start=NOON - timedelta(hours=13))
    fresh = [workload(MIDDLE, name, start=NOON - timedelta(hours=1)) for name in ("a", "b")]
    snapshot = mesh({"node-1": [entry(each) for each in (*fresh, late)]})
    found = [row for row in certificates.of(snapshot) if row.role in (Role.WORKLOAD, Role.RENEWING)]
    assert [(row.role, row.count) for row in found] == [(Role.WORKLOAD, 1), (Role.RENEWING, 2)]
    assert found[0].name == "spiffe://acmellc.local/ns/shop/sa/late"
    assert found[0].verdict.health is Health.WARN
    assert "not renewed at half of its life: due at 2026-11-22 11:00 UTC" in found[0].verdict.reason


def test_a_dump_is_judged_at_the_moment_it_was_read() -> None:
    """What was due since then has been renewed, for all that is known."""
    fresh = workload(MIDDLE, start=NOON - timedelta(hours=11))
    held = {"node-1": [entry(fresh)]}
    old = mesh(held, now=NOON + timedelta(hours=2), read_at=NOON)
    assert [row.role for row in rows(old, Role.WORKLOAD)] == []
    again = mesh(held, now=NOON + timedelta(hours=2))
    assert only(again, Role.WORKLOAD).verdict.health is Health.WARN


def test_of_a_ztunnel_that_no_longer_answers_it_is_unknown() -> None:
    held = {"node-1": [entry(workload(MIDDLE, start=NOON - timedelta(hours=11)))]}
    silent = Problem(Trouble.TIMEOUT, "no answer")
    before = mesh(held, now=NOON + timedelta(minutes=30), read_at=NOON, problem=silent)
    assert rows(before, Role.WORKLOAD) == []
    after = mesh(held, now=NOON + timedelta(hours=2), read_at=NOON, problem=silent)
    row = only(after, Role.WORKLOAD)
    assert row.verdict.health is Health.UNKNOWN
    assert "has not answered since" in row.verdict.reason


def test_an_identity_that_was_given_the_certificate_of_another() -> None:
    odd = {**entry(workload(MIDDLE, "b")), "identity": "spiffe://acmellc.local/ns/shop/sa/a"}
    row = only(mesh({"node-1": [odd]}), Role.WORKLOAD)
    assert row.verdict.health is Health.BAD
    assert "made out to spiffe://acmellc.local/ns/shop/sa/b" in row.verdict.reason


def test_a_broken_pem_is_a_row_that_says_so() -> None:
    broken = entry(workload(MIDDLE))
    broken["certChain"][0] = {"pem": b64encode(ROOT.pem[:200].encode()).decode()}
    row = only(mesh({"node-1": [broken]}), Role.WORKLOAD)
    assert row.verdict.health is Health.BAD
    assert "cut off" in row.verdict.reason
    lines = certificates.facts(mesh({}), row)
    assert any(line.label == "certificate" and "cut off" in line.text for line in lines)


def test_a_chain_that_does_not_verify_is_a_row() -> None:
    row = only(
        mesh({"node-1": [entry(workload(MIDDLE), chain=())]}),
        Role.WORKLOAD,
    )
    assert "incomplete: CN = Acme LLC Intermediate CA is missing" in row.verdict.reason


@pytest.mark.parametrize(
    ("state", "health", "words"),
    [
        ("Initializing", Health.UNKNOWN, "being fetched"),
        ("Unavailable: the identity is no longer needed", Health.NONE, "no longer needed"),
        (
            "Unavailable: signing gRPC error (The caller does not have permission to execute the specified "
            "operation): request impersonation authentication failure",
            Health.BAD,
            "CA_TRUSTED_NODE_ACCOUNTS",
        ),
        ("Dreaming", Health.UNKNOWN, "Dreaming"),
    ],
)
def test_states_without_a_certificate(state: str, health: Health, words: str) -> None:
    """The states are those of reference istio-ambient.md, 4.5."""
    without = {"identity": "spiffe://acmellc.local/ns/shop/sa/a", "state": state}
    row = only(mesh({"node-1": [without]}), Role.WORKLOAD)
    assert row.verdict.health is health
    assert words in row.verdict.reason


def test_what_does_not_change_is_not_derived_again() -> None:
    late = entry(workload(MIDDLE, "late", start=NOON - timedelta(hours=13)))
    held = {
        "node-1": [late, entry(workload(MIDDLE, start=NOON))],
        "node-2": [entry(workload(MIDDLE))],
    }
    snapshot = mesh(held)
    first = holdings.parts(snapshot)
    assert [*holdings.parts(replace(snapshot, now=NOON + timedelta(minutes=1)))] == [*first]
    read = {
        probe: replace(answer, at=NOON + timedelta(hours=12, minutes=30))
        for probe, answer in snapshot.answers.items()
    }
    later = holdings.parts(replace(snapshot, answers=read))
    assert later[0] is not first[0]
    assert len(later[0].noticeable) == 2


# Certificates of CAs.


def config_map(namespace: str, pem: str, name: str = "istio-ca-root-cert") -> Raw:
    return made.made("ConfigMap", name, namespace, data={"root-cert.pem": pem, "ca-crl.pem": pem})


def test_roots_that_differ_are_a_failure() -> None:
    other = root("another root")
    snapshot = mesh(
        {"node-1": [entry(workload(MIDDLE))]},
        config_map("shop", ROOT.pem),
        config_map("batch", other.pem),
    )
    found = {row.name: row.verdict for row in rows(snapshot, Role.ROOT)}
    assert {verdict.health for verdict in found.values()} == {Health.BAD}
    assert "trusted by 2 of 3, not by batch/istio-ca-root-cert" in found["Acme LLC Root CA"].reason
    assert "roots differ" in found["another root"].reason


def test_a_rotation_in_which_all_trust_one_root_is_a_warning() -> None:
    fresh = root("the next root")
    snapshot = mesh(
        {"node-1": [entry(workload(MIDDLE))]},
        config_map("shop", ROOT.pem + fresh.pem),
        config_map("batch", ROOT.pem + fresh.pem),
    )
    found = {row.name: row.verdict for row in rows(snapshot, Role.ROOT)}
    assert found["Acme LLC Root CA"].health is Health.OK
    assert found["the next root"].health is Health.WARN
    assert "rotation under way: 2 of 3 hold all 2 roots" in found["the next root"].reason


def test_a_broken_root_in_a_config_map_is_a_row() -> None:
    snapshot = mesh({}, config_map("shop", "-----BEGIN CERTIFICATE-----\nnothing"))
    row = only(snapshot, Role.ROOT)
    assert row.verdict.health is Health.BAD
    assert row.ref == Ref(CONFIGMAP, "shop", "istio-ca-root-cert")


def test_istiods_own_root_does_not_count_where_another_ca_is_plugged_in() -> None:
    """A leftover `istio-ca-secret` is normal (reference istio-ambient.md, 6.1)."""
    leftover = root("leftover")
    istiod = made.pod("istiod", "istio-system", labels={"app": "istiod"})
    snapshot = mesh({"node-1": [entry(workload(MIDDLE))]}, istiod)
    snapshot = replace(
        snapshot,
        gets={
            Ref(SECRET, "istio-system", "cacerts"): secret(
                {"ca-cert.pem": MIDDLE.pem, "root-cert.pem": ROOT.pem}
            ),
            Ref(SECRET, "istio-system", "istio-ca-secret"): secret(
                {"ca-cert.pem": leftover.pem, "root-cert.pem": leftover.pem}
            ),
        },
    )
    found = {row.name: row.verdict for row in rows(snapshot, Role.ROOT)}
    assert found["Acme LLC Root CA"].health is Health.OK
    assert found["leftover"].health is Health.NONE
    assert "trusted nowhere" in found["leftover"].reason
    assert certificates.trust(snapshot).agreement.health is Health.OK


def secret(data: Mapping[str, str], labels: Mapping[str, str] | None = None) -> Answer:
    encoded = {key: b64encode(value.encode()).decode() for key, value in data.items()}
    return Answer({"metadata": {"labels": labels or {}}, "data": encoded}, NOON)


def test_a_ca_secret_that_one_may_not_read_is_a_row() -> None:
    istiod = made.pod("istiod", "istio-system", labels={"app": "istiod"})
    refused = Answer(
        problem=Problem(Trouble.FORBIDDEN, "oncall may not get secrets in istio-system")
    )
    gets = dict.fromkeys(named_secrets.ca_secrets("istio-system"), refused)
    found = rows(replace(mesh({}, istiod), gets=gets), Role.CA_SECRET)
    assert [row.verdict.health for row in found] == [Health.UNKNOWN] * 2
    assert "oncall may not get secrets" in found[0].verdict.reason


def test_a_revocation_list_is_one_row_however_many_have_it() -> None:
    builder = (
        reference.CertificateRevocationListBuilder()
        .issuer_name(MIDDLE.certificate.subject)
        .last_update(NOON)
        .next_update(NOON + timedelta(days=1))
        .add_revoked_certificate(
            reference.RevokedCertificateBuilder().serial_number(7).revocation_date(NOON).build()
        )
    )
    pem = builder.sign(MIDDLE.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
    copies = [config_map(where, pem, "istio-ca-crl") for where in ("shop", "batch")]
    row = only(mesh({}, *copies), Role.REVOKED)
    assert (row.name, row.held_by) == ("1 revoked by Acme LLC Intermediate CA", "2 namespaces")
    assert row.verdict.health is Health.OK
    late = only(mesh({}, *copies, now=NOON + timedelta(days=2)), Role.REVOKED)
    assert late.verdict.health is Health.WARN


# Gateways.


def gateway(*listeners: Raw) -> Raw:
    return made.made("Gateway", "public", "edge", spec={"listeners": [*listeners]})


def listener(secret: Any, hostname: str = "*.acme.example", **more: Any) -> Raw:
    return {"name": "https", "hostname": hostname, "tls": {"certificateRefs": [secret]}, **more}


def served(answer: Answer, hostname: str = "*.acme.example", now: datetime = NOON) -> Row:
    snapshot = mesh({}, gateway(listener({"name": "acme-tls"}, hostname)), now=now)
    return only(replace(snapshot, gets={Ref(SECRET, "edge", "acme-tls"): answer}), Role.GATEWAY)


SERVER = MIDDLE.issue(
    "*.acme.example", dns=("*.acme.example",), start=NOON, life=timedelta(days=365)
)


def test_a_gateway_certificate_renewed_by_hand_and_one_renewed_by_cert_manager() -> None:
    """cert-manager marks the Secrets that it writes."""
    by_hand = served(secret({"tls.crt": SERVER.pem + MIDDLE.pem}))
    assert (by_hand.verdict.health, by_hand.renewal) == (Health.OK, Renewal.HAND)
    marked = secret({"tls.crt": SERVER.pem}, {"controller.cert-manager.io/fao": "true"})
    managed = served(marked)
    assert managed.renewal is Renewal.CERT_MANAGER
    soon = NOON + timedelta(days=340)
    assert served(secret({"tls.crt": SERVER.pem}), now=soon).verdict.health is Health.WARN


def test_a_certificate_without_a_name_for_its_listener() -> None:
    row = served(secret({"tls.crt": SERVER.pem}), hostname="shop.other.example")
    assert row.verdict.health is Health.WARN
    assert "no name for shop.other.example" in row.verdict.reason


@pytest.mark.parametrize(
    ("certified", "hostname", "is_served"),
    [
        ("shop.acme.example", "shop.acme.example", True),
        ("SHOP.acme.example", "shop.ACME.example", True),
        ("*.acme.example", "shop.acme.example", True),
        ("*.acme.example", "*.acme.example", True),
        ("*.acme.example", "a.shop.acme.example", False),  # RFC 6125: one label only
        ("*.acme.example", "acme.example", False),
        ("shop.acme.example", "*.acme.example", True),
        ("shop.acme.example", "cart.acme.example", False),
    ],
)
def test_names_and_hostnames(certified: str, hostname: str, is_served: bool) -> None:
    assert gateway_certificates.serves(certified, hostname) is is_served


@pytest.mark.parametrize(
    ("answer", "health", "words"),
    [
        (Answer(), Health.UNKNOWN, "not read yet"),
        (Answer(problem=Problem(Trouble.GONE, "no")), Health.BAD, "does not exist"),
        (
            Answer(problem=Problem(Trouble.FORBIDDEN, "oncall may not get secrets in edge")),
            Health.UNKNOWN,
            "oncall may not",
        ),
        (secret({}), Health.BAD, "no certificate under tls.crt"),
        (secret({"tls.crt": SERVER.pem[:300]}), Health.BAD, "cut off"),
        (
            replace(secret({"tls.crt": SERVER.pem}), problem=Problem(Trouble.TIMEOUT, "no answer")),
            Health.UNKNOWN,
            "as it was read before",
        ),
        (
            replace(secret({"tls.crt": SERVER.pem}), problem=Problem(Trouble.GONE, "no")),
            Health.BAD,
            "does not exist",
        ),
    ],
)
def test_secrets_that_give_no_certificate(answer: Answer, health: Health, words: str) -> None:
    row = served(answer)
    assert row.verdict.health is health
    assert words in row.verdict.reason


def test_two_listeners_may_share_a_secret_of_another_namespace() -> None:
    shared = {"name": "tls", "namespace": "certs"}
    snapshot = mesh({}, gateway(listener(shared), listener(shared, name="more")))
    row = only(snapshot, Role.GATEWAY)
    assert row.held_by == "certs/tls → 2 listeners"
    assert row.ref == Ref(SECRET, "certs", "tls")


# What may not be read, and what is odd.


def test_kinds_that_may_not_be_listed_are_rows() -> None:
    refused = Source(
        Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, "oncall may not list gateways")
    )
    snapshot = replace(mesh({}), sources={Scope(GATEWAY): refused})
    assert only(snapshot, Role.UNREAD).verdict.reason == "oncall may not list gateways"


def test_several_lists_of_a_kind_that_were_refused_are_one_row() -> None:
    refused = Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, "oncall may not"))
    scopes = {scope: refused for scope in certificates.KINDS if isinstance(scope, Scope)}
    found = rows(replace(mesh({}), sources=scopes), Role.UNREAD)
    assert sorted(row.name for row in found) == ["ConfigMaps", "Deployments", "Pods"]
    assert len({row.key for row in found}) == 3


def test_ztunnels_that_could_not_be_read_are_one_row_for_each_trouble() -> None:
    pods = [
        made.pod(f"ztunnel-{index}", "istio-system", node=f"n{index}", labels={"app": "ztunnel"})
        for index in range(3)
    ]
    answers = {
        ztunnels.dump_probe(pod): Answer(problem=Problem(Trouble.REFUSED, f"pod {index}: refused"))
        for index, pod in enumerate(pods[:2])
    }
    found = rows(made.snapshot(*pods, answers=answers), Role.UNREAD)
    assert [row.name for row in found] == ["2 ztunnels", "ztunnel-2"]
    assert {row.verdict.health for row in found} == {Health.UNKNOWN}


def test_the_facts_of_a_workload_certificate() -> None:
    snapshot = recordings.snapshot("acme")
    (folded, _) = rows(snapshot, Role.RENEWING)
    row = certificates.members(snapshot, folded)[0]
    lines = {line.label: line.text for line in certificates.facts(snapshot, row)}
    assert lines["valid"] == (
        "2026-11-22 13:27:26 → 2026-11-23 13:29:26 UTC, 24 h; renewed at half of its life"
    )
    assert lines["names"] == "URI spiffe://acmellc.local/ns/payments/sa/refunds"
    assert lines["key"] == "ECDSA P-256 · signed by SHA-256 with RSA"
    assert lines["usage"] == (
        "digital signature, key encipherment · server auth, client auth · not a CA"
    )
    assert lines["chain"] == (
        "✓ leaf ← ✓ Acme LLC Intermediate CA, 729 d ← ✓ Acme LLC Root CA, 10.0 y, self-signed, "
        "held by 1 ztunnel, 2 namespaces, Secret istio-system/cacerts"
    )
    assert lines["held by"].startswith("istio-system/ztunnel-")


def test_a_root_says_on_which_nodes_it_is_held_and_on_which_it_is_not() -> None:
    other = root("Acme LLC Root CA G2", start=NOON - timedelta(days=1))
    new = other.issue("New CA", ca=True, start=NOON - timedelta(days=1), life=timedelta(days=730))
    held = {
        "node-1": [entry(workload(MIDDLE, "a"))],
        "node-2": [entry(workload(new, "b"), (new, other), other)],
        "node-3": [entry(workload(MIDDLE, "c"))],
    }
    silent = made.pod("ztunnel-4", "istio-system", node="node-4", labels={"app": "ztunnel"})
    assert on_nodes(mesh(held)) == {
        "Acme LLC Root CA": "node-1, node-3; not node-2",
        "Acme LLC Root CA G2": "node-2; not node-1, node-3",
    }
    held["node-2"] = [entry(workload(MIDDLE, "b"))]
    assert on_nodes(mesh(held)) == {"Acme LLC Root CA": "all 3: node-1, node-2, node-3"}
    assert on_nodes(mesh(held, silent)) == {
        "Acme LLC Root CA": "node-1, node-2, node-3; not read: node-4"
    }
    assert nodes_of(mesh(held), only(mesh(held), Role.RENEWING)) == "node-1, node-2, node-3"


def on_nodes(snapshot: Snapshot) -> dict[str, str]:
    return {row.name: nodes_of(snapshot, row) for row in rows(snapshot, Role.ROOT)}


def nodes_of(snapshot: Snapshot, row: Row) -> str:
    return next(fact.text for fact in certificates.facts(snapshot, row) if fact.label == "nodes")


odd_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(MIDDLE.pem),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["metadata", "spec", "listeners", "tls", "certificateRefs", "name", "namespace", "kind",
             "data", "root-cert.pem", "ca-crl.pem", "tls.crt", "labels", "annotations", "mesh", "pem",
             "identity", "state", "certChain", "rootCerts", "hostname"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(
    st.dictionaries(st.text(max_size=4), odd_values, max_size=5), st.lists(odd_values, max_size=3)
)
def test_no_object_takes_the_pane_down(data: dict[str, Any], more: list[Any]) -> None:
    items: list[Any] = [*data.values(), *more]
    raws = [item for item in items if isinstance(item, dict)]
    named = [
        {**raw, "metadata": {"name": name, "namespace": "shop", "labels": {"app": "istiod"}}}
        for raw in raws
        for name in ("istio-ca-root-cert", "istio-ca-crl", "istio", "gw")
    ]
    objects = {
        kind: {str(index): raw for index, raw in enumerate(raws + named)}
        for kind in (CONFIGMAP, GATEWAY, POD, NAMESPACE)
    }
    snapshot = replace(mesh({"node-1": more, "node-2": [data]}), objects=objects)
    snapshot = replace(
        snapshot,
        gets={ref: Answer(items[0] if items else None) for ref in certificates.refs(snapshot)},
    )
    for row in certificates.of(snapshot):
        assert row.key
        certificates.facts(snapshot, row)
        certificates.members(snapshot, row)
