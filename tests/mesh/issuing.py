"""Certificates made for tests: an authority of one's own, quick keys, any dates and names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key; `issue` signs another with it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def issue(
        self,
        name: str = "",
        *,
        uri: str = "",
        dns: tuple[str, ...] = (),
        ca: bool = False,
        path_length: int | None = None,
        cert_sign: bool = True,
        start: datetime = NOON,
        life: timedelta = timedelta(hours=24),
        key: ec.EllipticCurvePrivateKey | None = None,
    ) -> Issued:
        own = key or ec.generate_private_key(ec.SECP256R1())
        return _issue(self, own, name, uri, dns, ca, path_length, cert_sign, start, life)


def root(
    name: str = "Test Root CA",
    *,
    start: datetime = NOON - timedelta(days=1),
    life: timedelta = timedelta(days=3650),
) -> Issued:
    """A self-signed CA."""
    own = ec.generate_private_key(ec.SECP256R1())
    return _issue(None, own, name, "", (), True, None, True, start, life)


def workload(
    authority: Issued,
    account: str = "a",
    *,
    namespace: str = "shop",
    start: datetime = NOON,
    life: timedelta = timedelta(hours=24),
) -> Issued:
    """What istiod issues: an empty subject and a SPIFFE URI in the trust domain acmellc.local."""
    uri = f"spiffe://acmellc.local/ns/{namespace}/sa/{account}"
    return authority.issue(uri=uri, start=start, life=life)


def _issue(
    issuer: Issued | None,
    own: ec.EllipticCurvePrivateKey,
    name: str,
    uri: str,
    dns: tuple[str, ...],
    ca: bool,
    path_length: int | None,
    cert_sign: bool,
    start: datetime,
    life: timedelta,
) -> Issued:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])
    names: list[x509.GeneralName] = [x509.DNSName(each) for each in dns]
    if uri:
        names.append(x509.UniformResourceIdentifier(uri))
    signer = issuer.key if issuer else own
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + life)
        .add_extension(x509.BasicConstraints(ca, path_length), critical=True)
        .add_extension(_usage(ca and cert_sign), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if ca:
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False
        )
    else:
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not name)
    return Issued(builder.sign(signer, hashes.SHA256()), own)


def _usage(sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign,
        crl_sign=sign,
        encipher_only=False,
        decipher_only=False,
    )
