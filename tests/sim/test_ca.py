"""The certificates of the built-in cluster: as openssl sees them, and of the recorded form."""

from __future__ import annotations

import base64
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from meshtui.sim.behaviour.ca import Authority, Certificate
from tests.sim.recorded import dump

BORN = datetime(2026, 10, 1, tzinfo=UTC)
ASKED = datetime(2026, 11, 22, 13, 29, 27, tzinfo=UTC)
IDENTITY = "spiffe://acmellc.local/ns/payments/sa/ledger"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("acmellc.local", seed=1, born=BORN)


def recorded(at: int) -> x509.Certificate:
    """Leaf, intermediate or root as recorded."""
    chain = dump(mesh="acme")["certificates"][0]["certChain"]
    return x509.load_pem_x509_certificate(base64.b64decode(chain[at]["pem"]))


def form(certificate: x509.Certificate) -> dict[str, Any]:
    """What two certificates of the same making have in common."""
    extensions = {
        each.oid.dotted_string: (each.critical, _value(each.value))
        for each in certificate.extensions
    }
    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "life": certificate.not_valid_after_utc - certificate.not_valid_before_utc,
        "extensions": extensions,
    }


def _value(extension: x509.ExtensionType) -> object:
    if isinstance(extension, x509.SubjectKeyIdentifier | x509.AuthorityKeyIdentifier):
        return type(extension)  # keys differ
    return extension


def test_each_certificate_has_the_recorded_form(authority: Authority) -> None:
    leaf = authority.workload(IDENTITY, ASKED, "ztunnel-4rh2t")
    for at, ours in enumerate((leaf, authority.intermediate, authority.root)):
        assert form(x509.load_pem_x509_certificate(ours.pem.encode())) == form(recorded(at))


def test_the_chain_verifies(authority: Authority) -> None:
    def load(certificate: Certificate) -> x509.Certificate:
        return x509.load_pem_x509_certificate(certificate.pem.encode())

    leaf = authority.workload(IDENTITY, ASKED, "ztunnel-4rh2t")
    verifier = (
        PolicyBuilder().store(Store([load(authority.root)])).time(ASKED).build_client_verifier()
    )
    verified = verifier.verify(load(leaf), [load(authority.intermediate)])
    assert verified.subjects == [x509.UniformResourceIdentifier(IDENTITY)]
    assert len(verified.chain) == 3


def test_the_dumped_form_says_what_the_certificate_says(authority: Authority) -> None:
    leaf = authority.workload(IDENTITY, ASKED, "ztunnel-4rh2t")
    decoded = x509.load_pem_x509_certificate(base64.b64decode(leaf.dumped["pem"]))
    assert leaf.dumped["serialNumber"] == str(decoded.serial_number)
    assert leaf.dumped["validFrom"] == "2026-11-22T13:27:27Z"
    assert leaf.dumped["expirationTime"] == "2026-11-23T13:29:27Z"
    assert leaf.dumped.keys() == dump(mesh="acme")["certificates"][0]["certChain"][0].keys()


def test_same_seed_same_certificates_and_each_holder_its_own(authority: Authority) -> None:
    again = Authority("acmellc.local", seed=1, born=BORN)
    one = authority.workload(IDENTITY, ASKED, "a")
    assert again.workload(IDENTITY, ASKED, "a") == one
    assert (
        authority.workload(IDENTITY, ASKED, "b").dumped["serialNumber"]
        != one.dumped["serialNumber"]
    )
    other = Authority("acmellc.local", seed=2, born=BORN)
    assert other.root.pem != authority.root.pem


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_openssl_accepts_chain_and_server_certificate(authority: Authority, tmp_path: Path) -> None:
    leaf = authority.workload(IDENTITY, ASKED, "ztunnel-4rh2t")
    files = {"leaf": leaf.pem, "middle": authority.intermediate.pem, "root": authority.root.pem}
    for name, pem in files.items():
        (tmp_path / name).write_text(pem)
    at = str(int(ASKED.timestamp()))
    command = ["openssl", "verify", "-x509_strict", "-attime", at, "-CAfile", "root"]
    done = subprocess.run(
        [*command, "-untrusted", "middle", "leaf"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "leaf: OK", done.stderr

    (tmp_path / "server").write_text(authority.server(["*.acme.example"], ASKED, timedelta(days=6)))
    text = subprocess.run(
        ["openssl", "x509", "-in", "server", "-noout", "-enddate", "-ext", "subjectAltName"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "notAfter=Nov 28 13:29:27 2026 GMT" in text
    assert "DNS:*.acme.example" in text


def test_a_successor_and_what_it_replaces_vouch_for_nothing_of_each_other() -> None:
    first = Authority("acmellc.local", seed=1, born=BORN)
    assert first.replaced is None
    second = first.successor(ASKED)
    assert first.replaced == ASKED
    assert second.workload(IDENTITY, ASKED, "ztunnel").pem
    pems = [each.root.pem for each in (first, second)]
    old, new = (x509.load_pem_x509_certificate(pem.encode()) for pem in pems)
    assert old.public_key() != new.public_key()
    # With one name for both, a ztunnel would say BadSignature (istio/ztunnel issue 1613) instead of UnknownIssuer.
    assert old.subject != new.subject
    issued = x509.load_pem_x509_certificate(second.intermediate.pem.encode())
    issued.verify_directly_issued_by(new)
    with pytest.raises(ValueError, match="does not match"):
        issued.verify_directly_issued_by(old)
