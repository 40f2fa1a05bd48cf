"""What a person reads of one certificate, line by line, with the health of each line."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from meshtui.mesh import life, roots
from meshtui.mesh.certificate_rows import Role, Row
from meshtui.mesh.chains import Chain, Link
from meshtui.mesh.health import Health
from meshtui.mesh.life import Renewal
from meshtui.mesh.roots import Authorities
from meshtui.mesh.snapshot import Ref
from meshtui.mesh.x509 import Certificate, Unreadable

_NAMED = 8
"""So many holders are named; of more only the numbers are told."""


class Fact(Struct, frozen=True):
    """One line: what it is of, what it says, and how that is."""

    label: str
    text: str
    health: Health = Health.NONE


def of_row(
    row: Row, trust: Authorities, now: datetime, places: Mapping[str, Collection[Ref]]
) -> tuple[Fact, ...]:
    """The lines under a row of the certificates pane: what is wrong first, then the certificate, then who holds it,
    and on which nodes; `places` as `holdings.places` has them."""
    said = Fact("health", row.verdict.reason, row.verdict.health)
    named = ", ".join(ref.key for ref in row.holders) if len(row.holders) <= _NAMED else ""
    holders = (Fact("held by", named or row.held_by), *_nodes(row, places))
    if not row.chain:
        return said, *holders
    certificate, chain = row.opened()
    if isinstance(certificate, Unreadable) or chain is None:
        reason = certificate.reason if isinstance(certificate, Unreadable) else "no certificate"
        return said, Fact("certificate", reason, Health.BAD), *holders
    renewal = row.renewal or Renewal.HAND
    return said, *facts(certificate, chain, now, renewal, trust), *holders


def facts(
    certificate: Certificate,
    chain: Chain,
    now: datetime,
    renewal: Renewal | None = Renewal.HAND,
    trust: Authorities | None = None,
) -> Sequence[Fact]:
    """The lines of one certificate, with the words of `openssl x509 -text` where that has some. `renewal` None is for
    one of which nobody knows who renews it."""
    start, end = certificate.not_before, certificate.not_after
    dates = life.judge(start, end, now, renewal or Renewal.HAND)
    return (
        Fact("valid", _valid(certificate, renewal), dates.health),
        Fact("subject", certificate.subject or "– (a workload has none)"),
        Fact("issuer", certificate.issuer or "–"),
        Fact("names", ", ".join(f"{name.kind} {name.value}" for name in certificate.names) or "–"),
        Fact("key", _key(certificate)),
        Fact("serial", certificate.serial),
        Fact("usage", _usage(certificate)),
        Fact("ids", _ids(certificate)),
        Fact("SHA-256", certificate.fingerprint),
        Fact("chain", _chain(chain, now, trust), chain.verdict.health),
        *(Fact("note", note, Health.WARN) for note in certificate.notes),
    )


def _nodes(row: Row, places: Mapping[str, Collection[Ref]]) -> Iterable[Fact]:
    """Whose ztunnels hold it; of a CA also whose do not, and whose may."""
    holders = set(row.holders)
    on = [node for node, read in places.items() if not holders.isdisjoint(read)]
    if row.role not in (Role.ROOT, Role.INTERMEDIATE):
        return (Fact("nodes", _some(on)),) if on else ()
    unread = [node for node, read in places.items() if not read]
    off = [node for node, read in places.items() if read and holders.isdisjoint(read)]
    words = [f"all {len(on)}: {_some(on)}" if len(on) == len(places) > 1 else _some(on) or "none"]
    words += [f"not {_some(off)}"] if off and on else []
    words += [f"not read: {_some(unread)}"] if unread else []
    return (Fact("nodes", "; ".join(words)),) if places else ()


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def lasting(span: timedelta) -> str:
    """A length of time in the unit that fits: "45 min", "24 h", "87 d", "9.8 y"; with a minus where it is past."""
    sign, span = ("-", -span) if span < timedelta() else ("", span)
    if span < timedelta(hours=2):
        return f"{sign}{span // timedelta(minutes=1)} min"
    if span < timedelta(days=2):
        return f"{sign}{span // timedelta(hours=1)} h"
    if span < timedelta(days=730):
        return f"{sign}{span.days} d"
    return f"{sign}{span / timedelta(days=365.25):.1f} y"


def _valid(certificate: Certificate, renewal: Renewal | None) -> str:
    start, end = certificate.not_before, certificate.not_after
    whole = lasting(end - start)
    renewed = f"; renewed {renewal.words}" if renewal else ""
    return f"{start:%Y-%m-%d %H:%M:%S} → {end:%Y-%m-%d %H:%M:%S} UTC, {whole}{renewed}"


def _key(certificate: Certificate) -> str:
    return f"{certificate.key} · signed by {_signature(certificate.signature)}"


def _signature(algorithm: str) -> str:
    """ "sha256WithRSAEncryption" is "SHA-256 with RSA"; others keep openssl's name."""
    if found := re.fullmatch(r"sha(\d+)WithRSAEncryption", algorithm):
        return f"SHA-{found[1]} with RSA"
    if found := re.fullmatch(r"ecdsa-with-SHA(\d+)", algorithm):
        return f"SHA-{found[1]} with ECDSA"
    return algorithm


_PURPOSES = {
    "TLS Web Server Authentication": "server auth",
    "TLS Web Client Authentication": "client auth",
}


def _usage(certificate: Certificate) -> str:
    usage, purposes = certificate.key_usage, certificate.extended_key_usage
    parts = [
        "any use"
        if usage is None
        else _listed(word.lower().replace("crl", "CRL") for word in usage),
        "any purpose"
        if purposes is None
        else _listed(_PURPOSES.get(each, each) for each in purposes),
        _authority(certificate),
    ]
    return " · ".join(parts)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words) or "none"


def _authority(certificate: Certificate) -> str:
    if not certificate.ca:
        return "not a CA"
    depth = certificate.path_length
    if depth is None:
        return "a CA"
    return f"a CA, {depth or 'no'} other{'s' if depth > 1 else ''} below it"


def _ids(certificate: Certificate) -> str:
    return f"subject {certificate.subject_key_id or '–'} · authority {certificate.authority_key_id or '–'}"


def _chain(chain: Chain, now: datetime, trust: Authorities | None) -> str:
    """ "✓ leaf ← ✓ Acme Issuing CA, 87 d ← ✓ Acme LLC Root CA, 9.8 y, self-signed, held by 3 ztunnels"."""
    words = [_link(link, index, now) for index, link in enumerate(chain.links)]
    if chain.missing:
        words.append(f"{Health.BAD.mark} {chain.missing} is missing")
    elif trust is not None:
        last = chain.links[-1].certificate.fingerprint
        holders = next(
            (each.holders for each in trust.known if each.certificate.fingerprint == last), ()
        )
        words[-1] += f", held by {roots.holders_in_words(holders)}" if holders else ""
    return " ← ".join(words)


def _link(link: Link, index: int, now: datetime) -> str:
    certificate, verdict = link.certificate, link.verdict
    own = certificate.subject == certificate.issuer
    words = [certificate.title if index or own or certificate.ca else "leaf"]
    if index:
        words.append(lasting(certificate.not_after - now))
    if verdict.health is not Health.OK or own:
        words.append(verdict.reason)
    return f"{verdict.health.mark} {', '.join(words)}"
