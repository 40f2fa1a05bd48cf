"""Names that `openssl req` makes for nobody, against openssl; the usual ones are in test_x509."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from meshtui.mesh.distinguished_names import oneline, path

OPENSSL = shutil.which("openssl")
UNKNOWN = x509.ObjectIdentifier("1.2.3.4.9")

ODD = {
    "two in one step": [[(NameOID.COMMON_NAME, "a"), (NameOID.USER_ID, "b, c")]],
    "of a type that nobody knows": [[(UNKNOWN, "odd")]],
    "that would move the cursor": [[(NameOID.COMMON_NAME, "a\x1b[31m\x7f\x00\r\nb\u202e\u009b")]],
    "quoted and escaped": [[(NameOID.COMMON_NAME, 'a "b", \\c; #')]],
    "beyond the plane": [[(NameOID.ORGANIZATION_NAME, "😀/+")]],
    "of one sign": [[(NameOID.COMMON_NAME, sign)] for sign in ' #"\\,+;<>=/'],
}


@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
@pytest.mark.parametrize("case", ODD)
def test_a_name_is_written_as_openssl_writes_it(case: str) -> None:
    attributes = [[_attribute(*each) for each in step] for step in ODD[case]]
    name = x509.Name(map(x509.RelativeDistinguishedName, attributes))
    assert (oneline(name), path(name)) == _openssl(name)


@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
@pytest.mark.parametrize("size", [2, 127, 128, 256])
def test_a_bit_string_is_written_as_its_der(size: int) -> None:
    bits = x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, bytes(size), _ASN1Type.BitString)
    name = x509.Name([bits])
    assert oneline(name) == _openssl(name)[0]


def _attribute(oid: x509.ObjectIdentifier, value: str) -> x509.NameAttribute[str]:
    return x509.NameAttribute(oid, value, _validate=False)


def _openssl(name: x509.Name) -> tuple[str, str]:
    """The name as subject, and among the alternative names."""
    key = ed25519.Ed25519PrivateKey.generate()
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, start, end)
    alternative = x509.SubjectAlternativeName([x509.DirectoryName(name)])
    signed = builder.add_extension(alternative, critical=False).sign(key, None)
    command = [OPENSSL or "", "x509", "-noout", "-subject", "-ext", "subjectAltName"]
    pem = signed.public_bytes(Encoding.PEM)
    done = subprocess.run(
        [*command, "-nameopt", "oneline"], input=pem, capture_output=True, check=True
    )
    subject, _, directory = done.stdout.decode().splitlines()
    return subject.removeprefix("subject="), directory.strip().removeprefix("DirName:")
