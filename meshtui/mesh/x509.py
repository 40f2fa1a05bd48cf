"""X.509: PEM to Certificate, in the words that `openssl x509 -text` uses. A broken one is a value with its reason."""

from __future__ import annotations

import binascii
import warnings
from base64 import b64decode
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID
from msgspec import Struct

from meshtui.mesh.distinguished_names import called, oneline, path

T = TypeVar("T")
Extended = TypeVar("Extended", bound=x509.ExtensionType)

UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What cryptography raises over odd bytes, found by changing some in 60,000 certificates."""


class Unreadable(Struct, frozen=True):
    """In place of a certificate: why it could not be read."""

    reason: str


class Name(Struct, frozen=True):
    """One subject alternative name, its kind in openssl's words: DNS, IP Address, URI, email, DirName, …"""

    kind: str
    value: str


class Key(Struct, frozen=True):
    """A public key: "RSA" and its bits, "ECDSA" and its curve (P-256), "Ed25519"."""

    algorithm: str
    bits: int = 0
    """0 where the key has one size only, or the curve says it."""
    curve: str = ""

    def __str__(self) -> str:
        return " ".join(
            part for part in (self.algorithm, self.curve or str(self.bits or "")) if part
        )


class Certificate(Struct, frozen=True):
    """One X.509 certificate. Where a part could not be read it is empty, and `notes` says why."""

    der: bytes
    subject: str
    """As `distinguished_names.oneline` has it; "" where it is empty, as a workload's is."""
    issuer: str
    title: str
    """What a person would call it: its SPIFFE URI, common name, organisation or first name."""
    issuer_title: str
    names: tuple[Name, ...]
    serial: str
    """Hex in pairs with colons, lower case; a leading "-" where it is negative."""
    not_before: datetime
    not_after: datetime
    key: Key
    signature: str
    """The algorithm by openssl's name, such as "sha256WithRSAEncryption"; dotted where it has none."""
    key_usage: tuple[str, ...] | None
    """In openssl's words; None where the certificate does not limit it. So with the next one."""
    extended_key_usage: tuple[str, ...] | None
    ca: bool | None
    """None where it does not say: no CA then."""
    path_length: int | None
    subject_key_id: str
    """Hex in pairs with colons, upper case; "" where there is none."""
    authority_key_id: str
    fingerprint: str
    """SHA-256 of the DER, upper case with colons."""
    notes: tuple[str, ...] = ()

    @property
    def spiffe(self) -> str:
        """The SPIFFE URI among its names; "" where there is none."""
        return _spiffe(self.names)


ILLEGIBLE = b"illegible"
"""Stands for bytes that were no certificate and were not kept, since what they are instead is anybody's guess."""


def certificate(pem: str) -> Certificate | Unreadable:
    """The first certificate in a PEM text."""
    first = blocks(pem)[0]
    return first if isinstance(first, Unreadable) else read(first)


def bundle(pem: str) -> tuple[Certificate | Unreadable, ...]:
    """Every certificate in a PEM text, at least one or the reason why there is none."""
    return tuple(block if isinstance(block, Unreadable) else read(block) for block in blocks(pem))


def blocks(pem: str) -> tuple[bytes | Unreadable, ...]:
    """The DER of every certificate in a PEM text, unparsed. Keys and whatever else stands there are passed over."""
    _, *parts = pem.split("-----BEGIN CERTIFICATE-----")
    if not parts:
        return (Unreadable(_nothing(pem)),)
    return tuple(_der(part) for part in parts)


def read(der: bytes) -> Certificate | Unreadable:
    """One certificate from its DER; anything that is none gives the reason. Never raises."""
    if der == ILLEGIBLE:
        return Unreadable("not a certificate")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of serial numbers and names that RFC 5280 forbids
        try:
            loaded = x509.load_der_x509_certificate(der)
            return _certificate(loaded, der)
        except UNREADABLE as error:
            return Unreadable(f"not a certificate: {_first_line(error)}")


def colons(number: bytes) -> str:
    """Bytes as openssl prints identifiers: AB:CD:…"""
    return number.hex(":").upper()


def _nothing(pem: str) -> str:
    if not pem.strip():
        return "empty: no certificate in it"
    if "-----BEGIN" in pem:
        return "holds no certificate, but something else in PEM"
    return "not PEM: no BEGIN CERTIFICATE line"


def _der(part: str) -> bytes | Unreadable:
    body, end, _ = part.partition("-----END CERTIFICATE-----")
    if not end:
        return Unreadable("cut off: no END CERTIFICATE line")
    try:
        return b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        return Unreadable(f"not base64: {_first_line(error)}")


def _certificate(loaded: x509.Certificate, der: bytes) -> Certificate:
    notes: list[str] = []
    subject = _try(lambda: loaded.subject, x509.Name([]), "subject", notes)
    issuer = _try(lambda: loaded.issuer, x509.Name([]), "issuer", notes)
    extensions = _try(lambda: loaded.extensions, x509.Extensions([]), "extensions", notes)
    names = _names(_extension(extensions, x509.SubjectAlternativeName))
    key_usage = _extension(extensions, x509.KeyUsage)
    extended = _extension(extensions, x509.ExtendedKeyUsage)
    constraints = _extension(extensions, x509.BasicConstraints)
    subject_id = _extension(extensions, x509.SubjectKeyIdentifier)
    authority_id = _extension(extensions, x509.AuthorityKeyIdentifier)
    algorithm = loaded.signature_algorithm_oid
    return Certificate(
        der=der,
        subject=oneline(subject),
        issuer=oneline(issuer),
        title=_spiffe(names)
        or called(subject)
        or next((name.value for name in names), "")
        or "without a name",
        issuer_title=called(issuer) or "without a name",
        names=names,
        serial=_serial(loaded.serial_number),
        not_before=loaded.not_valid_before_utc,
        not_after=loaded.not_valid_after_utc,
        key=_try(lambda: _key(loaded), Key("unknown"), "key", notes),
        signature=_SIGNATURES.get(algorithm, algorithm.dotted_string),
        key_usage=None if key_usage is None else _key_usage(key_usage),
        extended_key_usage=None
        if extended is None
        else tuple(_PURPOSES.get(oid, oid.dotted_string) for oid in extended),
        ca=None if constraints is None else constraints.ca,
        path_length=None if constraints is None else constraints.path_length,
        subject_key_id="" if subject_id is None else colons(subject_id.digest),
        authority_key_id="" if authority_id is None else colons(authority_id.key_identifier or b""),
        fingerprint=colons(sha256(der).digest()),
        notes=tuple(notes),
    )


def _try(read_part: Callable[[], T], default: T, part: str, notes: list[str]) -> T:
    """One part of a certificate; where it is broken the default, with a note: the other parts still count."""
    try:
        return read_part()
    except UNREADABLE as error:
        notes.append(f"{part} not readable: {_first_line(error)}")
        return default


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _extension(extensions: x509.Extensions, kind: type[Extended]) -> Extended | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _spiffe(names: tuple[Name, ...]) -> str:
    return next(
        (name.value for name in names if name.kind == "URI" and name.value.startswith("spiffe://")),
        "",
    )


def _names(found: x509.SubjectAlternativeName | None) -> tuple[Name, ...]:
    return () if found is None else tuple(_name(name) for name in found)


def _name(name: x509.GeneralName) -> Name:
    match name:
        case x509.DNSName():
            return Name("DNS", name.value)
        case x509.UniformResourceIdentifier():
            return Name("URI", name.value)
        case x509.RFC822Name():
            return Name("email", name.value)
        case x509.IPAddress():
            return Name("IP Address", str(name.value))
        case x509.DirectoryName():
            return Name("DirName", path(name.value))
        case x509.RegisteredID():
            return Name("Registered ID", name.value.dotted_string)
        case x509.OtherName():
            return Name("othername", f"{name.type_id.dotted_string}::{_other(name.value)}")
        case _:
            return Name("unknown", type(name).__name__)


def _other(value: bytes) -> str:
    """The text of an otherName, where it is a UTF8String, IA5String or PrintableString; its DER in hex otherwise."""
    tag, length, content = value[:1], value[1:2], value[2:]
    if tag in (b"\x0c", b"\x16", b"\x13") and length == bytes((len(content),)):
        return content.decode("utf-8", "replace")
    return value.hex()


def _serial(number: int) -> str:
    size = max(1, (number.bit_length() + 7) // 8)
    sign = "-" if number < 0 else ""
    return sign + abs(number).to_bytes(size, "big").hex(":")


def _key(loaded: x509.Certificate) -> Key:
    match loaded.public_key():
        case rsa.RSAPublicKey() as key:
            return Key("RSA", key.key_size)
        case ec.EllipticCurvePublicKey() as key:
            curve = key.curve.name
            return Key("ECDSA", key.key_size, _CURVES.get(curve, curve))
        case ed25519.Ed25519PublicKey():
            return Key("Ed25519")
        case ed448.Ed448PublicKey():
            return Key("Ed448")
        case dsa.DSAPublicKey() as key:
            return Key("DSA", key.key_size)
        case _:
            return Key(loaded.public_key_algorithm_oid.dotted_string)


def _key_usage(usage: x509.KeyUsage) -> tuple[str, ...]:
    said = {
        "Digital Signature": usage.digital_signature,
        "Non Repudiation": usage.content_commitment,
        "Key Encipherment": usage.key_encipherment,
        "Data Encipherment": usage.data_encipherment,
        "Key Agreement": usage.key_agreement,
        "Certificate Sign": usage.key_cert_sign,
        "CRL Sign": usage.crl_sign,
        "Encipher Only": usage.key_agreement and usage.encipher_only,
        "Decipher Only": usage.key_agreement and usage.decipher_only,
    }
    return tuple(word for word, is_so in said.items() if is_so)


# The words of openssl 3 for object identifiers (its objects.txt).
_CURVES = {
    "secp192r1": "P-192",
    "secp224r1": "P-224",
    "secp256r1": "P-256",
    "secp384r1": "P-384",
    "secp521r1": "P-521",
}
_SIGNATURES = {
    SignatureAlgorithmOID.RSA_WITH_MD5: "md5WithRSAEncryption",
    SignatureAlgorithmOID.RSA_WITH_SHA1: "sha1WithRSAEncryption",
    SignatureAlgorithmOID.RSA_WITH_SHA224: "sha224WithRSAEncryption",
    SignatureAlgorithmOID.RSA_WITH_SHA256: "sha256WithRSAEncryption",
    SignatureAlgorithmOID.RSA_WITH_SHA384: "sha384WithRSAEncryption",
    SignatureAlgorithmOID.RSA_WITH_SHA512: "sha512WithRSAEncryption",
    SignatureAlgorithmOID.RSASSA_PSS: "rsassaPss",
    SignatureAlgorithmOID.ECDSA_WITH_SHA1: "ecdsa-with-SHA1",
    SignatureAlgorithmOID.ECDSA_WITH_SHA224: "ecdsa-with-SHA224",
    SignatureAlgorithmOID.ECDSA_WITH_SHA256: "ecdsa-with-SHA256",
    SignatureAlgorithmOID.ECDSA_WITH_SHA384: "ecdsa-with-SHA384",
    SignatureAlgorithmOID.ECDSA_WITH_SHA512: "ecdsa-with-SHA512",
    SignatureAlgorithmOID.ED25519: "ED25519",
    SignatureAlgorithmOID.ED448: "ED448",
}
_PURPOSES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "TLS Web Server Authentication",
    ExtendedKeyUsageOID.CLIENT_AUTH: "TLS Web Client Authentication",
    ExtendedKeyUsageOID.CODE_SIGNING: "Code Signing",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "E-mail Protection",
    ExtendedKeyUsageOID.TIME_STAMPING: "Time Stamping",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSP Signing",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "Any Extended Key Usage",
}
