"""Identities: the workload certificates that one ztunnel holds, as `certificates[]` of its dump tells of them.

Read, verified and sorted once, with the dump and beside the event loop: 300 ztunnels hold 30,000 of them. What
is kept of each is small; all that a certificate says is read from its DER when a person looks at it.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, TypeVar

from msgspec import Struct

from meshtui.mesh import chains, life, x509
from meshtui.mesh.chains import Chain, Verifier
from meshtui.mesh.health import OK, Health, Verdict
from meshtui.mesh.life import Renewal
from meshtui.mesh.raw import Raw, entries, text
from meshtui.mesh.x509 import Certificate, Unreadable

T = TypeVar("T")

AVAILABLE = "Available"


class Identity(Struct, frozen=True):
    """One entry of `certificates[]`."""

    uri: str
    """The SPIFFE URI."""
    state: str
    """ "Available", "Initializing", or "Unavailable: …" with the reason; only the first has a chain."""
    chain: tuple[bytes | Unreadable, ...] = ()
    """The DER of the leaf and of what the CA sent with it: nothing under a self-signed CA, often the root too."""
    roots: tuple[bytes | Unreadable, ...] = ()
    issuer: str = ""
    """What a person would call it."""
    not_before: datetime | None = None
    not_after: datetime | None = None
    verdict: Verdict = OK
    """Whether it is there, readable, made out to this identity, and signed up to one of the roots. Not its dates."""


class Dated(Struct, frozen=True):
    """One that is there and verifies: what is left to judge are its dates."""

    identity: Identity
    not_before: datetime
    not_after: datetime
    due: datetime
    """When the ztunnel should renew it."""


class Identities(Struct, frozen=True, eq=False):
    """All that one ztunnel holds, arranged so that nothing need be looked at while none changes its health."""

    dated: Mapping[str, tuple[Dated, ...]]
    """By namespace, the first due first."""
    odd: tuple[Identity, ...]
    """Not there, not readable, or not verified."""
    changes: tuple[datetime, ...]
    """The moments, in order, at which any of them changes its health."""
    started: datetime
    """When the youngest of them becomes valid."""
    roots: tuple[bytes | Unreadable, ...]
    """All that any of them is held against, each once."""
    others: tuple[bytes | Unreadable, ...]
    """All that the CA sent with any of them."""

    def __len__(self) -> int:
        return len(self.odd) + sum(map(len, self.dated.values()))

    def __iter__(self) -> Iterator[Identity]:
        yield from self.odd
        for found in self.dated.values():
            for each in found:
                yield each.identity


def of_dump(certificates: Sequence[Raw]) -> Identities:
    """The identities in `certificates[]` of a `/config_dump`. Never raises, whatever stands there."""
    dated: dict[str, list[Dated]] = {}
    odd: list[Identity] = []
    changes: set[datetime] = set()
    started = datetime.min.replace(tzinfo=UTC)
    roots: dict[bytes | Unreadable, None] = {}
    others: dict[bytes | Unreadable, None] = {}
    for identity in _read(certificates):
        roots |= dict.fromkeys(identity.roots)
        others |= dict.fromkeys(identity.chain[1:])
        start, end = identity.not_before, identity.not_after
        if identity.verdict.health is not Health.OK or start is None or end is None:
            odd.append(identity)
            continue
        when = life.terms(start, end, Renewal.HALF)
        changes.update((start, when.due, when.late, when.critical, when.end))
        started = max(started, start)
        found = dated.setdefault(namespace(identity.uri), [])
        found.append(Dated(identity, start, end, when.due))
    return Identities(
        {where: tuple(sorted(found, key=attrgetter("due"))) for where, found in dated.items()},
        tuple(odd),
        tuple(sorted(changes)),
        started,
        tuple(roots),
        tuple(others),
    )


def _read(certificates: Sequence[Raw]) -> Iterator[Identity]:
    verifier = Verifier()
    kept: dict[Any, Any] = {}

    def keep(value: T) -> T:
        """One copy of what many entries have: the CAs, their names, a verdict."""
        same: T = kept.setdefault(value, value)
        return same

    def identity(entry: Raw) -> Identity:
        uri, state = text(entry, "identity"), text(entry, "state")
        if state != AVAILABLE:
            return Identity(uri, keep(state), verdict=keep(_absent(state)))
        chain = keep(tuple(keep(block) for block in _blocks(entry, "certChain")))
        roots = keep(tuple(keep(block) for block in _blocks(entry, "rootCerts")))
        leaf, found = opened(chain, roots, verifier)
        if isinstance(leaf, Unreadable):
            verdict = Verdict(Health.BAD, f"certificate not readable: {leaf.reason}")
            return Identity(uri, keep(state), chain, roots, verdict=verdict)
        return Identity(
            uri,
            keep(state),
            chain,
            roots,
            keep(leaf.issuer_title),
            leaf.not_before,
            leaf.not_after,
            keep(_verdict(uri, leaf, found)),
        )

    return map(identity, certificates)


def namespace(uri: str) -> str:
    """The namespace in `spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT`; "" in any other URI."""
    parts = uri.removeprefix("spiffe://").split("/")
    return parts[2] if len(parts) == 5 and parts[1] == "ns" and parts[3] == "sa" else ""


def opened(
    chain: Sequence[bytes | Unreadable],
    roots: Sequence[bytes | Unreadable] = (),
    verifier: Verifier | None = None,
) -> tuple[Certificate | Unreadable, Chain | None]:
    """The first certificate of a chain with all that it says, and its chain to the roots; no chain where the first
    cannot be read."""
    reader = verifier or Verifier()
    read = [one if isinstance(one, Unreadable) else reader.read(one) for one in chain]
    leaf = read[0] if read else Unreadable("no certificate in it")
    if isinstance(leaf, Unreadable):
        return leaf, None
    anchors = [
        root
        for one in roots
        if isinstance(one, bytes) and isinstance(root := reader.read(one), Certificate)
    ]
    return leaf, chains.chain(leaf, read[1:], anchors, reader)


def _blocks(entry: Raw, field: str) -> list[bytes | Unreadable]:
    return [block for sent in entries(entry, field) for block in _pem(text(sent, "pem"))]


def _pem(encoded: str) -> tuple[bytes | Unreadable, ...]:
    """The dump has base64 of the PEM text, which is base64 once more inside."""
    try:
        return x509.blocks(b64decode(encoded, validate=True).decode("utf-8", "replace"))
    except (binascii.Error, ValueError) as error:
        return (Unreadable(f"not base64: {error}"),)


def _verdict(uri: str, leaf: Certificate, chain: Chain | None) -> Verdict:
    if leaf.spiffe != uri:
        return Verdict(Health.BAD, f"made out to {leaf.spiffe or leaf.title}, not to this identity")
    if chain is None or (chain.missing and chain.verdict.health is Health.NONE):
        return Verdict(Health.UNKNOWN, "the dump names no root to hold it against")
    return chain.verdict


# What ztunnel writes behind "Unavailable:", and what it comes to (reference istio-ambient.md, 4.5).
_CAUSES = {
    "client error (Connect)": "nobody answers at the address of the CA, or its root is not trusted",
    "The service is currently unavailable": "the CA is not available",
    "does not have permission": "the CA refused it; is this ztunnel in CA_TRUSTED_NODE_ACCOUNTS of istiod?",
    "does not have valid authentication credentials": "the CA did not accept the token of the ztunnel",
    "chain returned from CA is empty": "the CA sent no certificate",
    "did not find expected SAN": "the CA made it out to another identity",
}


def _absent(state: str) -> Verdict:
    kind, _, said = state.partition(": ")
    if kind == "Initializing":
        return Verdict(Health.UNKNOWN, "being fetched, not there yet")
    if kind != "Unavailable":
        return Verdict(
            Health.UNKNOWN, f"in a state that is not known here: {state or 'none given'}"
        )
    if "the identity is no longer needed" in said:
        return Verdict(Health.NONE, "no longer needed: its last pod here has gone")
    cause = next((cause for sign, cause in _CAUSES.items() if sign in said), "")
    return Verdict(
        Health.BAD, f"no certificate: {cause} ({said})" if cause else f"no certificate: {said}"
    )
