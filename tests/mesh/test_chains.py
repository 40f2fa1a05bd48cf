"""Chains made for the purpose, each with one thing wrong, and the recorded ones."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import timedelta

import pytest

from meshtui.mesh import chains, x509
from meshtui.mesh.chains import Chain
from meshtui.mesh.health import Health
from meshtui.mesh.x509 import Certificate, Unreadable
from tests.mesh.issuing import Issued, root, workload
from tests.recordings import Recording

ROOT = root("Acme LLC Root CA")
MIDDLE = ROOT.issue("Acme LLC Intermediate CA", ca=True, path_length=0, life=timedelta(days=90))
LEAF = workload(MIDDLE)


def read(issued: Issued) -> Certificate:
    found = x509.read(issued.der)
    assert isinstance(found, Certificate)
    return found


def chain(leaf: Issued, others: list[Issued], roots: list[Issued]) -> Chain:
    return chains.chain(
        read(leaf), [read(other) for other in others], [read(each) for each in roots]
    )


def titles(found: Chain) -> list[str]:
    return [link.certificate.title for link in found.links]


@pytest.mark.parametrize("sent", [[MIDDLE], [MIDDLE, ROOT], [ROOT, MIDDLE]])
def test_a_good_chain_verifies_up_to_the_root_in_whatever_order_it_came(sent: list[Issued]) -> None:
    found = chain(LEAF, sent, [ROOT])
    assert titles(found) == [
        "spiffe://acmellc.local/ns/shop/sa/a",
        "Acme LLC Intermediate CA",
        "Acme LLC Root CA",
    ]
    assert [link.verdict.health for link in found.links] == [Health.OK] * 3
    assert found.links[-1].verdict.reason == "self-signed"
    assert (found.verdict.health, found.anchored, found.missing) == (Health.OK, True, "")


def test_a_chain_without_its_intermediate_says_what_is_missing() -> None:
    found = chain(LEAF, [], [ROOT])
    assert found.missing == "CN = Acme LLC Intermediate CA"
    assert found.verdict.health is Health.BAD
    assert "CN = Acme LLC Intermediate CA is missing" in found.verdict.reason


def test_a_served_chain_may_leave_out_its_root() -> None:
    """A gateway sends no root: clients have it (RFC 8446, 4.4.2)."""
    found = chain(LEAF, [MIDDLE], [])
    assert found.missing == "CN = Acme LLC Root CA"
    assert found.verdict.health is Health.NONE


def test_an_issuer_of_the_same_name_with_another_key_does_not_verify() -> None:
    impostor = root().issue("Acme LLC Intermediate CA", ca=True)
    found = chain(LEAF, [impostor], [ROOT])
    assert found.links[0].verdict.health is Health.BAD
    assert "does not verify" in found.links[0].verdict.reason
    assert found.verdict.health is Health.BAD


def test_of_two_issuers_of_the_same_name_the_one_that_signed_is_taken() -> None:
    impostor = root().issue("Acme LLC Intermediate CA", ca=True)
    assert chain(LEAF, [impostor, MIDDLE], [ROOT]).verdict.health is Health.OK


def test_an_issuer_that_is_no_ca_is_refused() -> None:
    server = ROOT.issue("just a server")
    found = chain(workload(server), [server], [ROOT])
    assert "is not a CA" in found.verdict.reason
    assert found.verdict.health is Health.BAD


def test_an_issuer_that_may_not_sign_certificates_is_refused() -> None:
    odd = ROOT.issue("odd CA", ca=True, cert_sign=False)
    found = chain(workload(odd), [odd], [ROOT])
    assert "may not sign certificates" in found.verdict.reason


def test_a_ca_below_one_that_allows_none_is_refused() -> None:
    below = MIDDLE.issue("one too many", ca=True)
    found = chain(workload(below), [below, MIDDLE], [ROOT])
    assert [link.verdict.health for link in found.links] == [
        Health.OK,
        Health.BAD,
        Health.OK,
        Health.OK,
    ]
    assert "allows 0 CAs below it" in found.verdict.reason


def test_a_chain_that_ends_in_another_root_is_refused() -> None:
    found = chain(LEAF, [MIDDLE, ROOT], [root("another")])
    assert found.verdict.health is Health.BAD
    assert "not among the roots" in found.verdict.reason
    assert not found.anchored


def test_an_intermediate_that_is_trusted_ends_the_chain() -> None:
    found = chain(LEAF, [], [MIDDLE])
    assert titles(found)[-1] == "Acme LLC Intermediate CA"
    assert (found.verdict.health, found.anchored) == (Health.OK, True)


def test_a_self_signed_certificate_is_a_chain_of_itself() -> None:
    found = chain(ROOT, [], [])
    assert len(found.links) == 1
    assert (found.verdict.health, found.missing) == (Health.OK, "")


def test_something_unreadable_in_a_chain_is_not_passed_over() -> None:
    found = chains.chain(read(LEAF), [read(MIDDLE), Unreadable("cut off")], [read(ROOT)])
    assert (found.verdict.health, found.verdict.reason) == (Health.BAD, "cut off")


def test_cas_that_sign_each_other_end() -> None:
    one, other = root("one"), root("other")
    one_by_other = other.issue("one", ca=True, key=one.key)
    other_by_one = one.issue("other", ca=True, key=other.key)
    found = chain(workload(one), [one_by_other, other_by_one], [])
    assert len(found.links) <= 4
    assert found.missing


def test_a_very_deep_chain_ends() -> None:
    top = root("deep 0")
    issued = [top]
    for depth in range(1, 15):
        issued.append(issued[-1].issue(f"deep {depth}", ca=True))
    found = chain(workload(issued[-1]), issued[1:], [top])
    assert found.verdict.health is Health.BAD
    assert len(found.links) == 10


def test_recorded_chains_verify() -> None:
    """Of acme the chain that istiod sent has leaf, intermediate and root once more."""
    for name, length in (("acme", 3), ("shop", 2)):
        for entry in recorded(name):
            sent, roots = (
                [_read(one) for one in entry[part]] for part in ("certChain", "rootCerts")
            )
            leaf = sent[0]
            assert isinstance(leaf, Certificate)
            anchors = [each for each in roots if isinstance(each, Certificate)]
            found = chains.chain(leaf, sent[1:], anchors)
            assert (found.verdict.health, found.anchored, len(found.links)) == (
                Health.OK,
                True,
                length,
            )


def recorded(name: str) -> list[dict[str, list[dict[str, str]]]]:
    recording = Recording(name)
    return [
        entry
        for node in recording.nodes()
        for entry in json.loads(recording.dump(node))["certificates"]
    ]


def _read(sent: dict[str, str]) -> Certificate | Unreadable:
    return x509.certificate(b64decode(sent["pem"]).decode())
