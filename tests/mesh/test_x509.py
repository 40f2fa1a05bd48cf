"""What a certificate says, against openssl; and that nothing broken gets further than a reason."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import warnings
from base64 import b64decode
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509 as reference
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from meshtui.mesh import x509
from meshtui.mesh.x509 import Certificate, Unreadable
from tests.mesh import issuing
from tests.recordings import DATA

OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")

# Each is what `openssl req -x509` is given beside a key, a name and a configuration.
MADE = {
    "rsa-2048": ["-newkey", "rsa:2048"],
    "rsa-pss": ["-newkey", "rsa:2048", "-sigopt", "rsa_padding_mode:pss"],
    "rsa-sha1": ["-newkey", "rsa:2048", "-sha1"],
    "p-256": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p-384": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha384"],
    "p-521": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521", "-sha512"],
    "brainpool": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"],
    "ed25519": ["-newkey", "ed25519"],
    "ed448": ["-newkey", "ed448"],
    "serial-one": ["-newkey", "ed25519", "-set_serial", "1"],
    "serial-160-bits": ["-newkey", "ed25519", "-set_serial", "0x" + "ff" * 19 + "fe"],
    "serial-huge": ["-newkey", "ed25519", "-set_serial", "0x" + "ab" * 40],
    "serial-negative": ["-newkey", "ed25519", "-set_serial", "-1234567890123456789012345"],
    "serial-negative-small": ["-newkey", "ed25519", "-set_serial", "-5"],
    "no-key-ids": ["-newkey", "ed25519", "-extensions", "bare"],
    "every-name": ["-newkey", "ed25519", "-extensions", "names"],
    "every-usage": ["-newkey", "ed25519", "-extensions", "usages"],
    "a-ca-of-depth-3": ["-newkey", "ed25519", "-extensions", "deep"],
    "odd-extensions": ["-newkey", "ed25519", "-extensions", "odd"],
    "many-attributes": ["-newkey", "ed25519", "-subj", "/C=DE/ST=Land/L=Stadt/O=Acme, LLC/OU=a+b"
                        "/CN=x \\/ y/emailAddress=a@b.example/serialNumber=7/street=Weg 1/DC=acme"
                        "/UID=u/SN=Sur/GN=Given/title=Dr"],
    "no-subject": ["-newkey", "ed25519", "-subj", "/"],
    "unicode": ["-newkey", "ed25519", "-utf8", "-subj", "/O=Zürich 株式会社/CN=ñandú"],
    "bmp-string": ["-newkey", "ed25519", "-utf8", "-config", "bmp.cnf", "-subj", "/O=Zürich 株式会社/CN=ñ"],
    "two-in-one-rdn": ["-newkey", "ed25519", "-multivalue-rdn", "-subj", "/O=Acme/CN=a+UID=b"],
    "every-attribute": ["-newkey", "ed25519", "-subj", "".join(f"/{oid}=DE" for oid in (
        *(f"2.5.4.{n}" for n in (*range(3, 14), *range(15, 19), 20, *range(41, 47), 51, 65, 72, 97)),
        *(f"0.9.2342.19200300.100.1.{n}" for n in (1, 3, 25)),
        *(f"1.2.840.113549.1.9.{n}" for n in (1, 2, 8)),
        *(f"1.3.6.1.4.1.311.60.2.1.{n}" for n in (1, 2, 3))))],
    "special-characters": ["-newkey", "ed25519", "-subj", "/O= leading;<>\"\\\\#/CN=#hash, comma/OU=trailing "
                           "/OU=#/OU= /OU=\"/OU=a = b"],
}  # fmt: skip

CONFIGURATION = """
[req]
distinguished_name = name
x509_extensions = usual
string_mask = {mask}
[name]
[usual]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
basicConstraints = critical, CA:TRUE
[bare]
subjectKeyIdentifier = none
authorityKeyIdentifier = none
[names]
subjectAltName = critical, DNS:a.example, DNS:*.b.example, IP:192.0.2.7, IP:2001:db8::7, \
  URI:spiffe://acmellc.local/ns/shop/sa/a, email:on@call.example, RID:1.2.3.4, \
  otherName:1.2.3.4;UTF8:hello, dirName:directory
[directory]
O = Acme LLC
CN = by/name+ü
[usages]
keyUsage = critical, digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment, \
  keyAgreement, keyCertSign, cRLSign, encipherOnly, decipherOnly
extendedKeyUsage = serverAuth, clientAuth, codeSigning, emailProtection, timeStamping, \
  OCSPSigning, anyExtendedKeyUsage, 1.2.3.4.5
[deep]
basicConstraints = critical, CA:TRUE, pathlen:3
[odd]
1.2.3.4.5.6 = ASN1:UTF8String:something of our own
2.5.29.54 = DER:02:01:05
nameConstraints = permitted;DNS:.example
certificatePolicies = 1.2.3.4
crlDistributionPoints = URI:http://crl.example/a
subjectKeyIdentifier = hash
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("made")
    (folder / "usual.cnf").write_text(CONFIGURATION.format(mask="utf8only"))
    (folder / "bmp.cnf").write_text(CONFIGURATION.format(mask="MASK:2048"))
    return {name: _make(folder, arguments) for name, arguments in MADE.items()}


def _make(folder: Path, arguments: list[str]) -> str:
    command = [
        str(OPENSSL),
        "req",
        "-x509",
        "-nodes",
        "-keyout",
        "key.pem",
        "-days",
        "30",
        *arguments,
    ]
    if "-config" not in arguments:
        command += ["-config", "usual.cnf"]
    if "-subj" not in arguments:
        command += ["-subj", "/O=Acme LLC/CN=made"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def recorded() -> dict[str, str]:
    """Every certificate of the recordings, by where it stood."""
    found: dict[str, str] = {}
    for file in sorted(DATA.glob("*/ztunnel-*.config_dump.json")):
        for entry in json.loads(file.read_bytes())["certificates"]:
            for field in ("certChain", "rootCerts"):
                for index, sent in enumerate(entry[field]):
                    where = f"{file.parent.name}/{file.stem}/{entry['identity']}/{field}/{index}"
                    found[where] = b64decode(sent["pem"]).decode()
    for file in sorted(DATA.glob("*/objects/secrets.json")):
        for secret in json.loads(file.read_bytes())["items"]:
            for key, value in secret["data"].items():
                if "BEGIN CERTIFICATE" in (text := b64decode(value or "").decode()):
                    found[f"{file.parent.parent.name}/{secret['metadata']['name']}/{key}"] = text
    return found


@needs_openssl
@pytest.mark.parametrize("name", MADE)
def test_a_made_certificate_reads_as_openssl_prints_it(made: dict[str, str], name: str) -> None:
    _agree(made[name])


@needs_openssl
def test_recorded_certificates_read_as_openssl_prints_them() -> None:
    found = recorded()
    assert len(found) > 50
    for pem in dict.fromkeys(found.values()):
        _agree(pem)


def _agree(pem: str) -> None:
    said = openssl(pem)
    read = x509.certificate(pem)
    assert isinstance(read, Certificate)
    ours = {
        "subject": read.subject,
        "issuer": read.issuer,
        "names": sorted((name.kind, _same_address(name.kind, name.value)) for name in read.names),
        "serial": read.serial,
        "not_before": read.not_before,
        "not_after": read.not_after,
        "key": read.key,
        "signature": read.signature,
        "key_usage": read.key_usage,
        "extended_key_usage": read.extended_key_usage,
        "constraints": (read.ca, read.path_length),
        "subject_key_id": read.subject_key_id,
        "authority_key_id": read.authority_key_id,
        "fingerprint": read.fingerprint,
    }
    assert ours == said
    assert read.notes == ()


def openssl(pem: str) -> dict[str, Any]:
    """What `openssl x509 -text` prints, field by field."""
    command = [str(OPENSSL), "x509", "-noout", "-text", "-subject", "-issuer", "-serial", "-fingerprint", "-sha256",
               "-nameopt", "oneline"]  # fmt: skip
    done = subprocess.run(command, input=pem, capture_output=True, text=True, check=True)
    printed = done.stdout

    def line(pattern: str) -> str | None:
        found = re.search(pattern, printed, re.MULTILINE)
        return found[1].strip() if found else None

    def extension(name: str) -> str | None:
        return line(rf"^ +X509v3 {name}:.*\n +(.*)$")

    constraints = extension("Basic Constraints")
    depth = re.search(r"pathlen:(\d+)", constraints or "")
    usage, purposes = extension("Key Usage"), extension("Extended Key Usage")
    return {
        "subject": line(r"^subject=(.*)$"),
        "issuer": line(r"^issuer=(.*)$"),
        "names": _names(extension("Subject Alternative Name")),
        "serial": _serial(line(r"^serial=((?:.*\\\n)*.*)$") or ""),
        "not_before": _time(line(r"Not Before: (.*)$")),
        "not_after": _time(line(r"Not After : (.*)$")),
        "key": _key(printed),
        "signature": line(r"Signature Algorithm: (.*)$"),
        "key_usage": tuple(usage.split(", ")) if usage is not None else None,
        "extended_key_usage": tuple(purposes.split(", ")) if purposes is not None else None,
        "constraints": (
            None if constraints is None else "CA:TRUE" in constraints,
            int(depth[1]) if depth else None,
        ),
        "subject_key_id": extension("Subject Key Identifier") or "",
        "authority_key_id": (extension("Authority Key Identifier") or "").removeprefix("keyid:"),
        "fingerprint": line(r"^sha256 Fingerprint=(.*)$"),
    }


def _names(printed: str | None) -> list[tuple[str, str]]:
    kinds = "DNS|IP Address|URI|email|Registered ID|othername|DirName"
    found = re.findall(rf"({kinds}):(.*?)(?:, (?=(?:{kinds}):)|$)", printed or "")
    return sorted((kind, _same_address(kind, value.strip())) for kind, value in found)


def _same_address(kind: str, value: str) -> str:
    """openssl writes IPv6 in full: the same thing in another form."""
    return str(ip_address(value)) if kind == "IP Address" else value


def _serial(printed: str) -> str:
    """`-serial` prints hex without colons, with a minus in front and a backslash where it breaks the line."""
    printed = printed.replace("\\\n", "")
    sign, digits = ("-", printed[1:]) if printed.startswith("-") else ("", printed)
    return sign + bytes.fromhex(digits.rjust(len(digits) + len(digits) % 2, "0")).hex(":")


def _time(printed: str | None) -> datetime:
    return datetime.strptime(str(printed), "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)


def _key(printed: str) -> x509.Key:
    algorithm = re.search(r"Public Key Algorithm: (.*)$", printed, re.MULTILINE)
    bits = re.search(r"Public-Key: \((\d+) bit\)", printed)
    curve = re.search(r"NIST CURVE: (.*)$", printed, re.MULTILINE) or re.search(
        r"ASN1 OID: (.*)$", printed, re.MULTILINE
    )
    assert algorithm is not None
    match algorithm[1]:
        case "rsaEncryption":
            return x509.Key("RSA", int(bits[1]) if bits else 0)
        case "id-ecPublicKey":
            return x509.Key("ECDSA", int(bits[1]) if bits else 0, curve[1] if curve else "")
        case "ED25519" | "ED448":
            return x509.Key(algorithm[1].capitalize())
        case other:
            raise AssertionError(other)


def test_an_authority_id_without_key_id_is_empty() -> None:
    """An authority key identifier may name the issuer and its serial number only (RFC 5280, 4.2.1.1)."""
    own = issuing.root()
    identifier = reference.AuthorityKeyIdentifier(
        None, [reference.DirectoryName(own.certificate.subject)], own.certificate.serial_number
    )
    builder = (
        reference.CertificateBuilder()
        .subject_name(own.certificate.subject)
        .issuer_name(own.certificate.subject)
        .public_key(own.key.public_key())
        .serial_number(7)
        .not_valid_before(issuing.NOON)
        .not_valid_after(issuing.NOON.replace(year=2027))
        .add_extension(identifier, critical=False)
    )
    signed = builder.sign(own.key, hashes.SHA256())
    read = x509.read(signed.public_bytes(Encoding.DER))
    assert isinstance(read, Certificate)
    assert read.authority_key_id == ""
    assert read.serial == "07"


def test_a_workload_is_called_by_its_spiffe_uri_and_a_root_by_its_name() -> None:
    authority = issuing.root("Acme LLC Root CA")
    leaf, root = x509.certificate(issuing.workload(authority).pem), x509.certificate(authority.pem)
    assert isinstance(leaf, Certificate)
    assert isinstance(root, Certificate)
    assert (leaf.subject, leaf.title) == ("", "spiffe://acmellc.local/ns/shop/sa/a")
    assert (root.title, leaf.issuer_title) == ("Acme LLC Root CA", "Acme LLC Root CA")


def test_the_self_signed_root_of_istiod_is_called_by_its_organisation() -> None:
    read = x509.certificate(recorded()["shop/istio-ca-secret/ca-cert.pem"])
    assert isinstance(read, Certificate)
    assert read.title == "cluster.local"


def test_a_bundle_keeps_what_is_readable_and_says_what_is_not() -> None:
    one, other = issuing.root("one").pem, issuing.root("other").pem
    broken = one.replace("MII", "!!!", 1)
    read = x509.bundle(f"{one}\nsome words between\n{broken}{other}")
    assert [type(each) for each in read] == [Certificate, Unreadable, Certificate]


@pytest.mark.parametrize(
    ("pem", "word"),
    [
        ("", "empty"),
        ("\n \n", "empty"),
        ("hello", "not PEM"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "something else"),
        ("-----BEGIN CERTIFICATE-----\nAAAA", "cut off"),
        ("-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----", "not base64"),
        ("-----BEGIN CERTIFICATE-----\nü\n-----END CERTIFICATE-----", "not base64"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "not a certificate"),
        ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "not a certificate"),
    ],
)
def test_what_is_no_certificate_says_why(pem: str, word: str) -> None:
    read = x509.certificate(pem)
    assert isinstance(read, Unreadable)
    assert word in read.reason


def test_of_a_broken_extension_the_rest_is_still_read() -> None:
    der = bytearray(issuing.workload(issuing.root()).der)
    at = der.index(b"spiffe://")
    der[at] = 0xFF
    read = x509.read(bytes(der))
    assert isinstance(read, Certificate)
    assert read.names == ()
    assert "extensions" in read.notes[0]
    assert read.key == x509.Key("ECDSA", 256, "P-256")


SAMPLES = [b64decode("".join(pem.split("-----")[2].split())) for pem in recorded().values()]


def _whole(read: Certificate | Unreadable) -> bool:
    return bool(read.reason) if isinstance(read, Unreadable) else len(read.fingerprint) == 95


@given(st.text(), st.binary())
def test_random_text_and_bytes_never_raise(text: str, der: bytes) -> None:
    assert all(_whole(read) for read in x509.bundle(text))
    assert all(
        _whole(read)
        for read in x509.bundle(f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    )
    assert _whole(x509.read(der))


@given(st.sampled_from(SAMPLES), st.data())
def test_truncated_and_mutated_certificates_never_raise(sample: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(sample)))
    assert _whole(x509.read(sample[:cut]))
    changed = bytearray(sample)
    for at in data.draw(st.lists(st.integers(0, len(sample) - 1), min_size=1, max_size=6)):
        changed[at] = data.draw(st.integers(0, 255))
    assert _whole(x509.read(bytes(changed)))


@needs_openssl
def test_warnings_of_odd_certificates_stay_inside(made: dict[str, str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(x509.certificate(made["serial-negative"]), Certificate)
