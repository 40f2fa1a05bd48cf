"""Revocation lists, as the ConfigMap `istio-ca-crl` carries them to the proxies."""

from __future__ import annotations

import warnings
from datetime import datetime

from cryptography import x509
from msgspec import Struct

from meshtui.mesh.distinguished_names import called
from meshtui.mesh.x509 import UNREADABLE, Unreadable

_BEGIN, _END = "-----BEGIN X509 CRL-----", "-----END X509 CRL-----"


class Crl(Struct, frozen=True):
    """One list: whose, of when, and how many certificates it revokes."""

    issuer: str
    updated: datetime
    next_update: datetime | None
    """When a newer one is promised; None where it is not."""
    revoked: int


def crls(pem: str) -> tuple[Crl | Unreadable, ...]:
    """Every list in a PEM text; none in an empty one. Never raises."""
    return tuple(_crl(part) for part in pem.split(_BEGIN)[1:])


def _crl(part: str) -> Crl | Unreadable:
    body, end, _ = part.partition(_END)
    if not end:
        return Unreadable("cut off: no END X509 CRL line")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            loaded = x509.load_pem_x509_crl(f"{_BEGIN}{body}{_END}\n".encode())
            return Crl(
                called(loaded.issuer),
                loaded.last_update_utc,
                loaded.next_update_utc,
                len(loaded),
            )
        except UNREADABLE as error:
            return Unreadable(f"not a revocation list: {error}")
