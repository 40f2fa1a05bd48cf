"""Distinguished names of certificates, as OpenSSL 3 prints them: its crypto/asn1/a_strex.c and x509/x509_obj.c.

`openssl x509 -text` writes subject and issuer by default in the form that `-nameopt oneline` asks for by name (newer
versions print the same without blanks around the equals sign), and a name among the alternative names as a path.
"""

from __future__ import annotations

from collections.abc import Callable

from cryptography import x509
from cryptography.x509.oid import NameOID

_BACKSLASHED = '"\\'
_QUOTED = ",+;<>"
_QUOTED_FIRST = " #"
_QUOTED_LAST = " "


def oneline(name: x509.Name) -> str:
    """In the order of the certificate: "O = Acme LLC, CN = Acme LLC Root CA"; "" where it is empty. All that is not
    printable ASCII is escaped: it can do nothing to a screen."""
    return ", ".join(_step(rdn, " = ", " + ", _value) for rdn in name.rdns)


def path(name: x509.Name) -> str:
    """The same as openssl writes it among alternative names: "/O=Acme LLC/CN=by name"."""
    return "".join(f"/{_step(rdn, '=', '+', _segment)}" for rdn in name.rdns)


def called(name: x509.Name) -> str:
    """The common name, or the organisation: the self-signed root of istiod has no common name."""
    for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        for attribute in name.get_attributes_for_oid(oid):
            return str(attribute.value)
    return oneline(name)


def _step(
    rdn: x509.RelativeDistinguishedName,
    equals: str,
    plus: str,
    written: Callable[[str | bytes], str],
) -> str:
    return plus.join(f"{_attribute(each.oid)}{equals}{written(each.value)}" for each in rdn)


def _attribute(oid: x509.ObjectIdentifier) -> str:
    return _ATTRIBUTES.get(oid.dotted_string, oid.dotted_string)


def _value(value: str | bytes) -> str:
    if isinstance(value, bytes):  # a bit string: its DER
        return f"#{_bit_string(value).hex().upper()}"
    quoted = (
        any(sign in value for sign in _QUOTED)
        or value.endswith(tuple(_QUOTED_LAST))
        or (value.startswith(tuple(_QUOTED_FIRST)) and len(value) > 1)
    )
    escaped = "".join(_escaped(byte) for byte in value.encode("utf-8", "replace"))
    return f'"{escaped}"' if quoted else escaped


def _escaped(byte: int) -> str:
    if chr(byte) in _BACKSLASHED:
        return f"\\{chr(byte)}"
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:02X}"


def _segment(value: str | bytes) -> str:
    written = value[1:] if isinstance(value, bytes) else value.encode("utf-8", "replace")
    return "".join(
        f"\\{chr(byte)}"
        if chr(byte) in "/+"
        else (chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02X}")
        for byte in written
    )


def _bit_string(content: bytes) -> bytes:
    size = len(content)
    octets = size.to_bytes((size.bit_length() + 7) // 8 or 1, "big")
    return b"\x03" + (octets if size < 0x80 else bytes((0x80 | len(octets),)) + octets) + content


_ATTRIBUTES = {
    "2.5.4.3": "CN",
    "2.5.4.4": "SN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "street",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.12": "title",
    "2.5.4.13": "description",
    "2.5.4.15": "businessCategory",
    "2.5.4.16": "postalAddress",
    "2.5.4.17": "postalCode",
    "2.5.4.18": "postOfficeBox",
    "2.5.4.20": "telephoneNumber",
    "2.5.4.41": "name",
    "2.5.4.42": "GN",
    "2.5.4.43": "initials",
    "2.5.4.44": "generationQualifier",
    "2.5.4.45": "x500UniqueIdentifier",
    "2.5.4.46": "dnQualifier",
    "2.5.4.51": "houseIdentifier",
    "2.5.4.65": "pseudonym",
    "2.5.4.72": "role",
    "2.5.4.97": "organizationIdentifier",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.3": "mail",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "emailAddress",
    "1.2.840.113549.1.9.2": "unstructuredName",
    "1.2.840.113549.1.9.8": "unstructuredAddress",
    "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL",
    "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST",
    "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
}
"""The short names of openssl 3 (its objects.txt) for what names are made of; others are printed dotted."""
