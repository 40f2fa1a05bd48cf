"""Gateway certificates: what listeners serve, out of the Secrets that they name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from meshtui.mesh import life, named_secrets
from meshtui.mesh.certificate_rows import Role, Row
from meshtui.mesh.chains import Chain
from meshtui.mesh.health import Health, Verdict, worst
from meshtui.mesh.identities import opened
from meshtui.mesh.life import Renewal
from meshtui.mesh.named_secrets import Content, Use
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.x509 import Certificate, Unreadable


class Served(Struct, frozen=True, eq=False):
    """What a Secret holds for listeners, read once; what it comes to depends on the time and on the listeners."""

    content: Content
    leaf: Certificate | Unreadable
    chain: Chain | None
    """None where there is no certificate to be chained."""

    @property
    def certificate(self) -> Certificate | None:
        """The one that is served; None where none is."""
        readable = self.chain is not None and not self.content.absent
        return self.leaf if readable and isinstance(self.leaf, Certificate) else None

    @property
    def renewal(self) -> Renewal:
        return Renewal.CERT_MANAGER if self.content.renewed else Renewal.HAND

    def verdict(self, users: Sequence[Use], now: datetime) -> Verdict:
        """How it is at `now` for these listeners, all of which name the same Secret."""
        leaf = self.certificate
        if leaf is None or self.chain is None:
            return _no_certificate(users[0].secret, users, self.content, self.leaf)
        return worst(
            [
                life.judge(leaf.not_before, leaf.not_after, now, self.renewal),
                self.chain.verdict,
                *(_covered(leaf, use) for use in users),
                _old(self.content),
            ]
        )


def served(snapshot: Snapshot) -> Iterable[Row]:
    """A row for each Secret that listeners name."""
    known = of(snapshot)
    for ref, users in named_secrets.uses(snapshot).items():
        yield _row(ref, users, known[ref], snapshot.now)


def of(snapshot: Snapshot) -> Mapping[Ref, Served]:
    """What each Secret that listeners name holds: the same object as long as the Secret is the same one."""
    contents = named_secrets.contents(snapshot)
    named = {ref.key: (ref, contents[ref]) for ref in named_secrets.uses(snapshot)}
    read = snapshot.memo.each(
        "served", {key: content for key, (_, content) in named.items()}, _served, lambda _: ()
    )
    return dict(zip((ref for ref, _ in named.values()), read, strict=True))


_ENTRIES = ("tls.crt", "cert")
"""Where a Secret has its certificate; under the second for Istio Gateways alone (reference istio-ambient.md, 8.6)."""


def _served(content: Content) -> Served:
    return Served(content, *opened(content.first(*_ENTRIES)))


def _row(ref: Ref, users: Sequence[Use], found: Served, now: datetime) -> Row:
    listeners = f"{len(users)} listener{'s' if len(users) > 1 else ''}"
    held_by = f"{ref.key} → {listeners}"
    holders = (ref, *dict.fromkeys(use.gateway for use in users))
    key, verdict, leaf = f"secret/{ref.key}", found.verdict(users, now), found.certificate
    if leaf is None:
        return Row(key, verdict, ref, Role.GATEWAY, ref.name, held_by, holders)
    return Row(
        key=key,
        verdict=verdict,
        ref=ref,
        role=Role.GATEWAY,
        name=", ".join(each.value for each in leaf.names) or leaf.title,
        held_by=held_by,
        holders=holders,
        issuer=leaf.issuer_title,
        not_before=leaf.not_before,
        not_after=leaf.not_after,
        due=life.terms(leaf.not_before, leaf.not_after, found.renewal).due,
        renewal=found.renewal,
        chain=found.content.first(*_ENTRIES),
    )


def _no_certificate(
    ref: Ref, users: Sequence[Use], content: Content, leaf: Certificate | Unreadable
) -> Verdict:
    named = ", ".join(f"{use.listener} of {use.gateway.key}" for use in users)
    if content.absent:
        said = f"Secret {ref.key} does not exist: no certificate for listener {named}"
        return Verdict(Health.BAD, said)
    if content.entries is None:
        why = content.problem.text if content.problem else f"Secret {ref.key} is not read yet"
        return Verdict(Health.UNKNOWN, why)
    if not content.first(*_ENTRIES):
        return Verdict(Health.BAD, f"Secret {ref.key} has no certificate under tls.crt")
    reason = leaf.reason if isinstance(leaf, Unreadable) else ""
    return Verdict(Health.BAD, f"tls.crt of Secret {ref.key} is not readable: {reason}")


def _covered(leaf: Certificate, use: Use) -> Verdict:
    """Whether the names in it are of any use to the listener's hostname (doctor-rules.md, AMB-057)."""
    names = [each.value for each in leaf.names if each.kind == "DNS"]
    bare = [each for each in use.hostnames if not any(serves(name, each) for name in names)]
    if not bare:
        return Verdict(Health.OK)
    said = f"has no name for {', '.join(bare)}, which listener {use.listener} of {use.gateway.key} serves"
    return Verdict(Health.WARN, said)


def _old(content: Content) -> Verdict:
    if content.problem is None:
        return Verdict(Health.OK)
    return Verdict(Health.UNKNOWN, f"as it was read before: {content.problem.text}")


def serves(certified: str, hostname: str) -> bool:
    """Whether a name in a certificate can stand for a hostname; either may have "*" for its first label. Of a hostname
    with one it is enough that some host under it is certified."""
    certified, hostname = certified.lower(), hostname.lower()
    if certified == hostname:
        return True
    if hostname.startswith("*."):
        return certified.endswith(hostname[1:])
    return certified.startswith("*.") and hostname.partition(".")[2] == certified[2:]
