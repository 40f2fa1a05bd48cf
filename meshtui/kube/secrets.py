"""Of a Secret only its certificates leave this module: no key, no token, nothing else that it holds."""

from __future__ import annotations

import base64
import re

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from meshtui.mesh.raw import Raw, strings, table, text

_BEGIN = b"-----BEGIN CERTIFICATE-----"
_BLOCK = re.compile(_BEGIN + rb".*?-----END CERTIFICATE-----", re.DOTALL)
UNREADABLE = _BEGIN + b"\nunreadable\n-----END CERTIFICATE-----\n"
"""Stands for a block that is no certificate: what it holds instead is anybody's guess, so it is not kept."""

_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "labels")


def certificates_only(raw: Raw) -> Raw:
    """The Secret's identity, labels, type, and under `data` (base64, as in any Secret) the PEM certificates of each
    entry that has some. Annotations go: kubectl writes the whole Secret into one."""
    metadata = {k: v for k, v in table(raw, "metadata").items() if k in _METADATA}
    data = {
        key: base64.b64encode(kept).decode()
        for key, value in strings(raw, "data").items()
        if (kept := _certificates(value))
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": text(raw, "type"),
        "data": data,
    }


def _certificates(value: str) -> bytes:
    try:
        content = base64.b64decode(value)
    except ValueError:
        return b""
    if _BEGIN not in content:
        return b""
    return b"".join(_certificate(block) for block in _BLOCK.findall(content)) or UNREADABLE


def _certificate(block: bytes) -> bytes:
    """The certificate written anew, so that nothing that stood between the two marks comes along."""
    try:
        return x509.load_pem_x509_certificate(block).public_bytes(Encoding.PEM)
    except (ValueError, TypeError):
        return UNREADABLE
