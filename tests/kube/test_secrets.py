"""Of a Secret only its certificates come out, whatever was put in."""

from __future__ import annotations

import json
import time
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from meshtui.kube.secrets import UNREADABLE, certificates_only
from meshtui.mesh import x509 as certificates
from meshtui.mesh.x509 import Unreadable
from tests.recordings import DATA

KEY = ec.generate_private_key(ec.SECP256R1())
KEY_PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
KEY_BODY = b"".join(KEY_PEM.splitlines()[1:-1])


def certificate() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return (
        x509.CertificateBuilder(name, name, KEY.public_key(), 7, start, start + timedelta(days=1))
        .sign(KEY, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )


CERTIFICATE = certificate()


def secret(**data: bytes) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "shop-tls",
            "namespace": "edge",
            "resourceVersion": "7",
            "labels": {"app": "shop"},
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": KEY_BODY.decode(),
            },
            "managedFields": [{"manager": KEY_BODY.decode()}],
        },
        "type": "kubernetes.io/tls",
        "data": {name.replace("_", "."): b64encode(value).decode() for name, value in data.items()},
        "stringData": {"tls.key": KEY_PEM.decode()},
    }


def kept(raw: dict[str, Any]) -> dict[str, bytes]:
    return {name: b64decode(value) for name, value in certificates_only(raw)["data"].items()}


def test_of_a_remote_secret_the_names_of_clusters_are_kept_and_nothing_that_it_holds() -> None:
    remote = secret(east=b"users: [{user: {token: abc}}]")
    assert certificates_only(remote)["data"] == {}
    remote["metadata"]["labels"]["istio/multiCluster"] = "true"
    assert certificates_only(remote)["data"] == {"east": ""}


def test_certificates_stay_and_keys_go() -> None:
    raw = secret(tls_crt=CERTIFICATE + CERTIFICATE, tls_key=KEY_PEM, token=b"eyJhbGciOi")
    assert kept(raw) == {"tls.crt": CERTIFICATE + CERTIFICATE}
    reduced = certificates_only(raw)
    assert reduced["metadata"] == {
        "name": "shop-tls",
        "namespace": "edge",
        "resourceVersion": "7",
        "labels": {"app": "shop"},
    }
    assert reduced["type"] == "kubernetes.io/tls"


def test_a_key_beside_or_inside_a_certificate_goes() -> None:
    inside = CERTIFICATE.replace(b"-----END", KEY_PEM + b"-----END")
    disguised = b"-----BEGIN CERTIFICATE-----\n" + KEY_BODY + b"\n-----END CERTIFICATE-----\n"
    unended = b"-----BEGIN CERTIFICATE-----\n" + KEY_BODY
    nested = b"-----BEGIN CERTIFICATE-----\n" + KEY_PEM + CERTIFICATE
    assert kept(secret(tls_crt=KEY_PEM + CERTIFICATE)) == {"tls.crt": CERTIFICATE}
    for content in (inside, disguised, unended, nested):
        said = kept(secret(tls_crt=content))["tls.crt"]
        assert said.replace(UNREADABLE, b"") in (b"", CERTIFICATE)


@given(
    st.lists(
        st.sampled_from([CERTIFICATE, KEY_PEM, KEY_BODY, b"-----BEGIN CERTIFICATE-----\n", b"x"]),
        max_size=6,
    )
)
def test_no_arrangement_lets_a_key_out(parts: list[bytes]) -> None:
    out = json.dumps(certificates_only(secret(tls_crt=b"".join(parts), ca=b"".join(parts[::-1]))))
    for value in certificates_only(secret(tls_crt=b"".join(parts)))["data"].values():
        out += b64decode(value).decode()
    for line in KEY_PEM.decode().splitlines()[1:-1]:
        assert line not in out
        assert b64encode(line.encode()).decode()[4:-4] not in out


def test_data_of_any_shape_gives_none() -> None:
    shapes: list[Any] = [None, "x", [], {"a": None, "b": "=", "c": 7, "d": "ä"}]
    for data in shapes:
        assert certificates_only({"metadata": None, "data": data})["data"] == {}


def test_who_renews_it_is_kept_of_the_annotations() -> None:
    raw = secret(tls_crt=CERTIFICATE)
    assert "annotations" not in certificates_only(raw)["metadata"]
    raw["metadata"]["annotations"]["cert-manager.io/certificate-name"] = "shop"
    assert certificates_only(raw)["metadata"]["annotations"] == {
        "cert-manager.io/certificate-name": "shop"
    }


def test_a_version_that_does_not_exist_is_unreadable() -> None:
    """`cryptography` has an error of its own for it, which is no ValueError."""
    der = bytearray(x509.load_pem_x509_certificate(CERTIFICATE).public_bytes(Encoding.DER))
    der[der.index(b"\xa0\x03\x02\x01") + 4] = 5
    body = b64encode(der)
    odd = b"-----BEGIN CERTIFICATE-----\n" + body + b"\n-----END CERTIFICATE-----\n"
    assert kept(secret(tls_crt=odd)) == {"tls.crt": UNREADABLE}


def test_of_what_is_no_certificate_nothing_is_told_but_that() -> None:
    assert certificates.certificate(UNREADABLE.decode()) == Unreadable("not a certificate")


def test_a_secret_full_of_beginnings_takes_no_time() -> None:
    started = time.process_time()
    many = b"-----BEGIN CERTIFICATE-----" * 38_000
    assert set(kept(secret(tls_crt=many))["tls.crt"].split(UNREADABLE)) == {b""}
    assert time.process_time() - started < 2


def test_the_recorded_ca_keeps_its_chain() -> None:
    """`cacerts` of a CA plugged in: three certificate files, no key file."""
    recorded = json.loads((DATA / "acme" / "objects" / "secrets.json").read_text())["items"]
    cacerts = next(raw for raw in recorded if raw["metadata"]["name"] == "cacerts")
    found = kept(cacerts)
    assert set(found) == {"ca-cert.pem", "cert-chain.pem", "root-cert.pem"}
    subjects = [
        x509.load_pem_x509_certificate(pem).subject.rfc4514_string() for pem in found.values()
    ]
    assert any("Acme LLC Root CA" in subject for subject in subjects)
