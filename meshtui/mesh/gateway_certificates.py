"""Gateway certificates: what listeners serve, out of the Secrets that they name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from meshtui.mesh import life, named_secrets
from meshtui.mesh.certificate_rows import Role, Row
from meshtui.mesh.health import Health, Verdict, worst
from meshtui.mesh.identities import opened
from meshtui.mesh.life import Renewal
from meshtui.mesh.named_secrets import Content, Use
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.x509 import Certificate, Unreadable


def served(snapshot: Snapshot) -> Iterable[Row]:
    contents = named_secrets.contents(snapshot)
    for ref, users in named_secrets.uses(snapshot).items():
        yield _gateway(ref, users, contents[ref], snapshot.now)


def _gateway(ref: Ref, users: Sequence[Use], content: Content, now: datetime) -> Row:
    listeners = f"{len(users)} listener{'s' if len(users) > 1 else ''}"
    held_by = f"{ref.key} → {listeners}"
    holders = (ref, *dict.fromkeys(use.gateway for use in users))
    key = f"secret/{ref.key}"
    chain = content.first("tls.crt")
    leaf, found = opened(chain)
    if content.absent or isinstance(leaf, Unreadable) or found is None:
        verdict = _no_certificate(ref, users, content, leaf)
        return Row(key, verdict, ref, Role.GATEWAY, ref.name, held_by, holders)
    renewal = Renewal.CERT_MANAGER if content.renewed else Renewal.HAND
    names = tuple(each.value for each in leaf.names)
    return Row(
        key=key,
        verdict=worst(
            [
                life.judge(leaf.not_before, leaf.not_after, now, renewal),
                found.verdict,
                *(_covered(leaf, use) for use in users),
                _old(content),
            ]
        ),
        ref=ref,
        role=Role.GATEWAY,
        name=", ".join(names) or leaf.title,
        held_by=held_by,
        holders=holders,
        issuer=leaf.issuer_title,
        not_before=leaf.not_before,
        not_after=leaf.not_after,
        due=life.terms(leaf.not_before, leaf.not_after, renewal).due,
        renewal=renewal,
        chain=chain,
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
    if not content.first("tls.crt"):
        return Verdict(Health.BAD, f"Secret {ref.key} has no certificate under tls.crt")
    reason = leaf.reason if isinstance(leaf, Unreadable) else ""
    return Verdict(Health.BAD, f"tls.crt of Secret {ref.key} is not readable: {reason}")


def _covered(leaf: Certificate, use: Use) -> Verdict:
    """Whether the names in it are of any use to the listener's hostname (doctor-rules.md, AMB-057)."""
    if not use.hostname or any(
        each.kind == "DNS" and serves(each.value, use.hostname) for each in leaf.names
    ):
        return Verdict(Health.OK)
    said = (
        f"has no name for {use.hostname}, which listener {use.listener} of {use.gateway.key} serves"
    )
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
