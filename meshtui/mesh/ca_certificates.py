"""CA certificates: the roots and intermediates in use, wherever they are held, and the lists of what they revoked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from meshtui.mesh import life, named_secrets, roots, x509
from meshtui.mesh.certificate_rows import Role, Row, odd
from meshtui.mesh.crl import Crl, crls
from meshtui.mesh.health import Health, Verdict, worst
from meshtui.mesh.holdings import Part
from meshtui.mesh.kinds import CONFIGMAP
from meshtui.mesh.life import Renewal
from meshtui.mesh.named_secrets import Content
from meshtui.mesh.raw import Raw, name, namespace, text
from meshtui.mesh.roots import Authorities, Authority, Bundle
from meshtui.mesh.snapshot import Ref, Scope, Snapshot
from meshtui.mesh.x509 import Unreadable

ROOTS = Scope(CONFIGMAP, None, fields="metadata.name=istio-ca-root-cert")
REVOKED = Scope(CONFIGMAP, None, fields="metadata.name=istio-ca-crl")
"""The ConfigMaps that istiod writes into every namespace (reference istio-ambient.md, 6.1)."""


def trust(snapshot: Snapshot, held: Sequence[Part]) -> Authorities:
    """The CA certificates of ztunnels, namespaces and the CA's own Secrets, and whether all agree on the roots."""
    contents = named_secrets.contents(snapshot)
    homes = named_secrets.ca_homes(snapshot)
    return snapshot.memo.once(
        _trust,
        (
            tuple(part.holding.bundle for part in held),
            tuple(snapshot.each(CONFIGMAP, _bundle)),
            homes,
            tuple(contents[ref] for home in homes for ref in named_secrets.ca_secrets(home)),
        ),
    )


def _trust(
    of_ztunnels: Sequence[Bundle],
    of_namespaces: Sequence[Bundle | None],
    homes: Sequence[str],
    contents: Sequence[Content],
) -> Authorities:
    of_secrets = [
        bundle
        for index, home in enumerate(homes)
        for bundle in _ca_bundles(home, contents[2 * index], contents[2 * index + 1])
    ]
    held = [bundle for bundle in of_namespaces if bundle is not None]
    return roots.authorities([*of_ztunnels, *held, *of_secrets])


def _bundle(raw: Raw) -> Bundle | None:
    if name(raw) != "istio-ca-root-cert":
        return None
    return Bundle(_configmap(raw), x509.blocks(text(raw, "data", "root-cert.pem")))


def _configmap(raw: Raw) -> Ref:
    return Ref(CONFIGMAP, namespace(raw), name(raw))


def _ca_bundles(home: str, plugged: Content, own: Content) -> Iterable[Bundle]:
    """What the CA's Secrets hold. istiod's own is out of use as soon as another one is plugged in, so its root counts
    as trusted only where none is (reference istio-ambient.md, 6.1)."""
    plugged_ref, own_ref = named_secrets.ca_secrets(home)
    if plugged.entries:
        yield Bundle(
            plugged_ref,
            plugged.first("root-cert.pem", "ca.crt"),
            (*plugged.first("ca-cert.pem", "tls.crt"), *plugged.first("cert-chain.pem")),
        )
    if own.entries:
        root = own.first("root-cert.pem")
        yield Bundle(own_ref, root if plugged.absent else (), (*own.first("ca-cert.pem"), *root))


def authorities(snapshot: Snapshot, held: Sequence[Part]) -> Iterable[Row]:
    """The roots and intermediates, and what should be one and cannot be read."""
    found = trust(snapshot, held)
    contents = named_secrets.contents(snapshot)
    for authority in found.known:
        renewal = _ca_renewal(authority, contents)
        certificate = authority.certificate
        when = life.terms(certificate.not_before, certificate.not_after, renewal)
        yield Row(
            key=f"ca/{certificate.fingerprint}",
            verdict=_verdict(authority, renewal, snapshot.now),
            ref=authority.holders[0],
            role=Role.ROOT if authority.root else Role.INTERMEDIATE,
            name=certificate.title,
            held_by=roots.holders_in_words(authority.holders),
            holders=authority.holders,
            issuer=certificate.issuer_title,
            not_before=certificate.not_before,
            not_after=certificate.not_after,
            due=when.due,
            renewal=renewal,
            chain=tuple(link.certificate.der for link in authority.chain.links),
            roots=found.trusted,
        )
    for index, broken in enumerate(found.broken):
        yield odd(
            f"broken/{broken.holder.kind}/{broken.holder.key}/{index}",
            Verdict(Health.BAD, f"not readable: {broken.reason}"),
            broken.holder,
            Role.ROOT,
            "unreadable certificate",
        )
    for home in named_secrets.ca_homes(snapshot):
        for ref in named_secrets.ca_secrets(home):
            content = contents[ref]
            if content.problem is not None and content.entries is None and not content.absent:
                verdict = Verdict(Health.UNKNOWN, content.problem.text)
                yield odd(f"secret/{ref.key}", verdict, ref, Role.CA_SECRET, ref.name)


def _verdict(authority: Authority, renewal: Renewal, now: datetime) -> Verdict:
    if authority.root and authority.agreement.health is Health.NONE:
        return Verdict(Health.NONE, "held, and trusted nowhere that was read: out of use")
    certificate = authority.certificate
    dates = life.judge(certificate.not_before, certificate.not_after, now, renewal)
    return worst([dates, authority.agreement, authority.chain.verdict])


def _ca_renewal(authority: Authority, contents: Mapping[Ref, Content]) -> Renewal:
    """istiod renews the root that it made, which has an organisation and no common name (reference 6.2, 6.3)."""
    certificate = authority.certificate
    if any(contents[ref].renewed for ref in authority.holders if ref in contents):
        return Renewal.CERT_MANAGER
    own = (
        authority.root
        and certificate.subject.startswith("O = ")
        and ", " not in certificate.subject
    )
    return Renewal.ISTIOD if own else Renewal.CA_BY_HAND


def revocations(snapshot: Snapshot) -> Iterable[Row]:
    """One row for each list, however many namespaces have a copy."""
    copies: dict[str, list[Ref]] = {}
    for written, ref in snapshot.each(CONFIGMAP, _revocation):
        if written:
            copies.setdefault(written, []).append(ref)
    for written, holders in copies.items():
        for index, found in enumerate(crls(written)):
            yield _crl(found, index, tuple(holders), snapshot.now)


def _revocation(raw: Raw) -> tuple[str, Ref]:
    return text(raw, "data", "ca-crl.pem") if name(raw) == "istio-ca-crl" else "", _configmap(raw)


def _crl(found: Crl | Unreadable, index: int, holders: tuple[Ref, ...], now: datetime) -> Row:
    key, held_by = f"crl/{index}/{holders[0].key}", roots.holders_in_words(holders)
    if isinstance(found, Unreadable):
        verdict = Verdict(Health.BAD, found.reason)
        return Row(key, verdict, holders[0], Role.REVOKED, "revocation list", held_by, holders)
    promised = found.next_update
    if promised is not None and now >= promised:
        verdict = Verdict(Health.WARN, f"out of date: the next was due at {life.stamp(promised)}")
    else:
        verdict = Verdict(Health.OK, f"{found.revoked} certificates are revoked")
    return Row(
        key,
        verdict,
        holders[0],
        Role.REVOKED,
        f"{found.revoked} revoked by {found.issuer}",
        held_by,
        holders,
        found.issuer,
        found.updated,
        promised,
        promised,
    )
