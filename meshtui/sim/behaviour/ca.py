"""The company's certificate authority, as istiod has it plugged in: real certificates of a real chain.

Names, extensions and order are those recorded (tests/data/recordings/acme): leaf, intermediate, root. Keys are derived
from a seed, so that the same cluster has the same certificates; they protect nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from meshtui.sim.objects import Raw, seconds

LIFE = timedelta(hours=24)
RENEWAL = LIFE / 2
_BACKDATED = timedelta(minutes=2)
_KEYS = 2**255  # below the order of P-256


class Certificate(Struct, frozen=True):
    """A certificate in the two forms that are handed out."""

    pem: str
    dumped: Raw
    """As a ztunnel's `/config_dump` has it."""


class Authority:
    """Signs workload certificates, and those of gateways."""

    def __init__(self, trust_domain: str, seed: int, born: datetime, generation: int = 1) -> None:
        """`born`: when the root was made; the intermediate is of the same day. Each generation has keys and a root of
        its own."""
        self.trust_domain = trust_domain
        self.replaced: datetime | None = None
        """When another one took its place; it signs nothing since."""
        self._seed = seed
        self._born = born.replace(microsecond=0)
        self._generation = generation
        self._mark = f" G{generation}" if generation > 1 else ""

    def successor(self, now: datetime) -> Authority:
        """The one that takes its place; neither vouches for the other."""
        self.replaced = now
        return Authority(self.trust_domain, self._seed, now, self._generation + 1)

    @cached_property
    def root(self) -> Certificate:
        return _certificate(self._root)

    @cached_property
    def intermediate(self) -> Certificate:
        return _certificate(self._intermediate)

    @property
    def chain(self) -> str:
        """`cert-chain.pem`: the intermediate, then the root once more."""
        return self.intermediate.pem + self.root.pem

    def identity(self, namespace: str, account: str) -> str:
        """The SPIFFE identity of a service account."""
        return f"spiffe://{self.trust_domain}/ns/{namespace}/sa/{account}"

    def workload(self, identity: str, asked: datetime, holder: str) -> Certificate:
        """A certificate of 24 hours for a workload, for a key that `holder` (a ztunnel) made for it."""
        salt = f"{holder} {identity} {asked:%Y%m%d%H%M%S}"
        asked = asked.replace(microsecond=0)
        uri = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)])
        builder = (
            self._builder(x509.Name([]), self._intermediate, self._key(salt), salt, bits=128)
            .not_valid_before(asked - _BACKDATED)
            .not_valid_after(asked + LIFE)
            .add_extension(_key_usage(digital_signature=True, key_encipherment=True), critical=True)
            .add_extension(_USES, critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_issued_by(self._intermediate), critical=False)
            .add_extension(uri, critical=True)
        )
        return _certificate(self._sign(builder, "intermediate"))

    def server(self, hosts: Sequence[str], since: datetime, life: timedelta) -> str:
        """A gateway's certificate for some hosts, signed by the company's edge CA, as PEM."""
        issuer = _name("Acme Edge CA")
        salt = f"server {' '.join(hosts)} {since:%Y%m%d}"
        edge_key = self._key("edge").public_key()
        since = since.replace(microsecond=0)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(hosts[0]))
            .issuer_name(issuer)
            .public_key(self._key(salt).public_key())
            .serial_number(self._number(salt) >> 97)
            .not_valid_before(since)
            .not_valid_after(since + life)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(edge_key), False)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False
            )
        )
        return self._sign(builder, "edge").public_bytes(Encoding.PEM).decode()

    @cached_property
    def _root(self) -> x509.Certificate:
        name, key = _name(f"Acme LLC Root CA{self._mark}"), self._key("root")
        builder = (
            self._builder(name, None, key, "root", bits=159)
            .not_valid_before(self._born)
            .not_valid_after(self._born + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        )
        return self._sign(builder, "root")

    @cached_property
    def _intermediate(self) -> x509.Certificate:
        key = self._key("intermediate")
        name = _name("Acme LLC Intermediate CA", "prod")
        uses = _key_usage(digital_signature=True, key_cert_sign=True, crl_sign=True)
        host = x509.SubjectAlternativeName([x509.DNSName("istiod.istio-system.svc")])
        builder = (
            self._builder(name, self._root, key, "intermediate", bits=159)
            .not_valid_before(self._born + timedelta(seconds=2))
            .not_valid_after(self._born + timedelta(days=730, seconds=2))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(uses, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(_issued_by(self._root), critical=False)
            .add_extension(host, critical=False)
        )
        return self._sign(builder, "root")

    def _builder(
        self,
        subject: x509.Name,
        issuer: x509.Certificate | None,
        key: ec.EllipticCurvePrivateKey,
        salt: str,
        *,
        bits: int,
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(self._number(salt) >> (256 - bits) | 1)
        )

    def _sign(self, builder: x509.CertificateBuilder, signer: str) -> x509.Certificate:
        return builder.sign(self._key(signer), SHA256(), ecdsa_deterministic=True)

    def _key(self, purpose: str) -> ec.EllipticCurvePrivateKey:
        number = self._number(f"key {purpose}") % _KEYS + 1
        return ec.derive_private_key(number, ec.SECP256R1())

    def _number(self, salt: str) -> int:
        digest = hashlib.sha256(f"{self._seed}{self._mark} {salt}".encode()).digest()
        return int.from_bytes(digest, "big")


_USES = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])


def _name(common: str, place: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Acme LLC")]
    if place:
        parts.append(x509.NameAttribute(NameOID.LOCALITY_NAME, place))
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _issued_by(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    found = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found.value)


def _key_usage(
    *,
    digital_signature: bool = False,
    key_encipherment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_encipherment=key_encipherment,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate(signed: x509.Certificate) -> Certificate:
    pem = signed.public_bytes(Encoding.PEM)
    return Certificate(
        pem.decode(),
        {
            "pem": base64.b64encode(pem).decode(),
            "serialNumber": str(signed.serial_number),
            "validFrom": seconds(signed.not_valid_before_utc.astimezone(UTC)),
            "expirationTime": seconds(signed.not_valid_after_utc.astimezone(UTC)),
        },
    )
