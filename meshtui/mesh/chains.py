"""Chains: from a certificate by its issuers to a root, and whether each link holds."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import cryptography.x509
from cryptography.exceptions import InvalidSignature
from msgspec import Struct

from meshtui.mesh import x509
from meshtui.mesh.health import Health, Verdict, worst
from meshtui.mesh.x509 import UNREADABLE, Certificate, Unreadable

_DEEPEST = 10
_MOST_PARENTS = 16
"""Real chains have two or three links. Whoever sends thousands of issuers of one name shall not hold the screen."""


class Link(Struct, frozen=True):
    """One certificate of a chain, and whether the next one really signed it."""

    certificate: Certificate
    verdict: Verdict


class Chain(Struct, frozen=True):
    """The links, leaf first; for a good one the last is a root."""

    links: tuple[Link, ...]
    verdict: Verdict
    anchored: bool = False
    """It ends in one of the roots that it was held against."""
    missing: str = ""
    """The issuer that was to follow and is not there."""


class Verifier:
    """Reads each certificate and checks each pair once: short-lived, for the many chains of one dump."""

    def __init__(self) -> None:
        self._read: dict[bytes, Certificate | Unreadable] = {}
        self._loaded: dict[bytes, cryptography.x509.Certificate] = {}
        self._signed: dict[tuple[bytes, bytes], Verdict] = {}

    def read(self, der: bytes) -> Certificate | Unreadable:
        if der not in self._read:
            self._read[der] = x509.read(der)
        return self._read[der]

    def signed(self, child: Certificate, parent: Certificate) -> Verdict:
        """Whether `parent` issued `child`: its name as bytes, and the signature by its key."""
        pair = (child.der, parent.der)
        if pair not in self._signed:
            self._signed[pair] = self._check(child, parent)
        return self._signed[pair]

    def self_signed(self, certificate: Certificate) -> bool:
        return (
            certificate.subject == certificate.issuer
            and self.signed(certificate, certificate).health is Health.OK
        )

    def _check(self, child: Certificate, parent: Certificate) -> Verdict:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of serial numbers and names that RFC 5280 forbids
            try:
                self._load(child).verify_directly_issued_by(self._load(parent))
            except InvalidSignature:
                said = f"its signature does not verify with the key of {parent.title}"
                return Verdict(Health.BAD, said)
            except ValueError as error:
                return Verdict(Health.BAD, f"not issued by {parent.title}: {error}")
            except UNREADABLE as error:
                return Verdict(Health.UNKNOWN, f"its signature cannot be checked here: {error}")
        return Verdict(Health.OK, f"signed by {parent.title}")

    def _load(self, certificate: Certificate) -> cryptography.x509.Certificate:
        loaded = self._loaded.get(certificate.der)
        if loaded is None:
            loaded = cryptography.x509.load_der_x509_certificate(certificate.der)
            self._loaded[certificate.der] = loaded
        return loaded


def chain(
    leaf: Certificate,
    others: Sequence[Certificate | Unreadable] = (),
    roots: Sequence[Certificate] = (),
    verifier: Verifier | None = None,
) -> Chain:
    """The chain of a certificate, from what came with it and the roots it should end in; none where nobody says.

    Names and signatures are compared, and that an issuer is a CA that may sign at this depth (RFC 5280, 6.1.4 k-n).
    Dates are another question: `life`.
    """
    verifier = verifier or Verifier()
    anchors = {root.fingerprint for root in roots}
    sent = [other for other in others if isinstance(other, Certificate)]
    links: list[Link] = []
    current, seen = leaf, {leaf.fingerprint}
    while len(links) < _DEEPEST:
        if current.fingerprint in anchors or verifier.self_signed(current):
            links.append(Link(current, _root(current, verifier)))
            return _ended(links, others, anchors, missing="")
        parents = [
            other
            for other in (*sent, *roots)
            if other.subject == current.issuer and other.fingerprint not in seen
        ][:_MOST_PARENTS]
        if not parents:
            said = f"its issuer {current.issuer or 'without a name'} is not here"
            links.append(Link(current, Verdict(Health.UNKNOWN, said)))
            return _ended(links, others, anchors, missing=current.issuer or "without a name")
        verdicts = [_link(current, parent, len(links), anchors, verifier) for parent in parents]
        best = min(range(len(parents)), key=lambda index: verdicts[index].health.rank)
        links.append(Link(current, verdicts[best]))
        current = parents[best]
        seen.add(current.fingerprint)
    return Chain(
        tuple(links),
        Verdict(Health.BAD, f"no root within {_DEEPEST} certificates"),
        missing="a root",
    )


def _root(certificate: Certificate, verifier: Verifier) -> Verdict:
    how = "self-signed" if verifier.self_signed(certificate) else "trusted as it is"
    return Verdict(Health.OK, how)


def _link(
    child: Certificate, parent: Certificate, below: int, anchors: set[str], verifier: Verifier
) -> Verdict:
    """`below` counts the certificates between this child and the leaf: the CAs under the parent."""
    signed = verifier.signed(child, parent)
    if signed.health is not Health.OK:
        return signed
    if parent.ca is False or (parent.ca is None and parent.fingerprint not in anchors):
        return Verdict(Health.BAD, f"{parent.title} signed it, but is not a CA")
    if parent.key_usage is not None and "Certificate Sign" not in parent.key_usage:
        return Verdict(Health.BAD, f"{parent.title} signed it, but may not sign certificates")
    if parent.path_length is not None and below > parent.path_length:
        return Verdict(
            Health.BAD,
            f"{parent.title} allows {parent.path_length} CAs below it, this is number {below}",
        )
    return signed


def _ended(
    links: list[Link],
    others: Sequence[Certificate | Unreadable],
    anchors: set[str],
    missing: str,
) -> Chain:
    last = links[-1].certificate
    anchored = last.fingerprint in anchors
    broken = [
        Verdict(Health.BAD, other.reason) for other in others if isinstance(other, Unreadable)
    ]
    bad = worst([link.verdict for link in links[:-1]] + broken)
    if bad.health.rank > Health.OK.rank:
        whole = bad
    elif missing:
        health = Health.BAD if anchors else Health.NONE
        whole = Verdict(health, f"incomplete: {missing} is missing")
    elif anchored:
        whole = Verdict(Health.OK, f"verified up to {last.title}")
    elif anchors:
        whole = Verdict(Health.BAD, f"ends in {last.title}, which is not among the roots in use")
    else:
        whole = Verdict(Health.OK, f"verified up to {last.title}, self-signed")
    return Chain(tuple(links), whole, anchored, missing)
