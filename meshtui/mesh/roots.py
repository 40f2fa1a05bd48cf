"""Roots: the CA certificates in use, who holds which, and whether all agree on them (doctor-rules.md, AMB-038)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from meshtui.mesh.chains import Chain, Verifier, chain
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import CONFIGMAP, POD
from meshtui.mesh.snapshot import Ref
from meshtui.mesh.x509 import Certificate, Unreadable


class Bundle(Struct, frozen=True):
    """The CA certificates at one place: a ztunnel, a namespace's ConfigMap, a Secret of the CA."""

    holder: Ref
    roots: tuple[bytes | Unreadable, ...]
    """What is trusted there. Of a Secret that is what istiod hands out to the others."""
    others: tuple[bytes | Unreadable, ...] = ()
    """Intermediates, and whatever else lies there."""


class Authority(Struct, frozen=True):
    """One CA certificate, wherever it is held."""

    certificate: Certificate
    root: bool
    """Trusted somewhere, or self-signed; otherwise an intermediate."""
    holders: tuple[Ref, ...]
    chain: Chain
    agreement: Verdict
    """Of a root, whether everyone who trusts roots trusts this one."""


class Broken(Struct, frozen=True):
    """Something in a bundle that is no certificate."""

    holder: Ref
    reason: str


class Authorities(Struct, frozen=True):
    """All CA certificates of the cluster."""

    known: tuple[Authority, ...]
    broken: tuple[Broken, ...]
    trusted: tuple[bytes, ...]
    """The DER of every root."""
    agreement: Verdict


def authorities(bundles: Sequence[Bundle]) -> Authorities:
    """Each CA certificate once, by its fingerprint, and whether the bundles agree."""
    verifier = Verifier()
    found: dict[bytes, tuple[Certificate, list[Ref]]] = {}
    broken: dict[Broken, None] = {}
    trusted: dict[bytes, None] = {}
    trusting: list[tuple[Ref, frozenset[bytes]]] = []
    for bundle in bundles:
        roots = set()
        for block in dict.fromkeys((*bundle.roots, *bundle.others)):
            read = block if isinstance(block, Unreadable) else verifier.read(block)
            if isinstance(read, Unreadable):
                broken[Broken(bundle.holder, read.reason)] = None
                continue
            found.setdefault(read.der, (read, []))[1].append(bundle.holder)
            if block in bundle.roots:
                roots.add(read.der)
        trusted |= dict.fromkeys(roots)
        if roots:
            trusting.append((bundle.holder, frozenset(roots)))
    anchors = [found[der][0] for der in trusted]
    return Authorities(
        known=tuple(
            Authority(
                certificate=read,
                root=read.der in trusted or verifier.self_signed(read),
                holders=tuple(holders),
                chain=chain(read, [other for other, _ in found.values()], anchors, verifier),
                agreement=_held(read.der, trusting)
                if read.der in trusted
                else Verdict(Health.NONE),
            )
            for read, holders in found.values()
        ),
        broken=tuple(broken),
        trusted=tuple(trusted),
        agreement=_agreement(trusting),
    )


def holders_in_words(holders: Sequence[Ref]) -> str:
    """ "3 ztunnels, 12 namespaces, Secret istio-system/cacerts"."""
    ztunnels = sum(ref.kind == POD for ref in holders)
    namespaces = sum(ref.kind == CONFIGMAP for ref in holders)
    words = [_count(ztunnels, "ztunnel"), _count(namespaces, "namespace")]
    words += [f"{ref.kind.title} {ref.key}" for ref in holders if ref.kind not in (POD, CONFIGMAP)]
    return ", ".join(word for word in words if word)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' if number > 1 else ''}" if number else ""


def _agreement(trusting: Sequence[tuple[Ref, frozenset[bytes]]]) -> Verdict:
    """Whether all trust the same roots. Where they do not, one that all trust makes it a rotation: nobody refuses
    anybody."""
    sets = {roots for _, roots in trusting}
    if len(sets) < 2:
        return Verdict(Health.OK if sets else Health.UNKNOWN, "" if sets else "no root was read")
    every = frozenset().union(*sets)
    complete = sum(roots == every for _, roots in trusting)
    if frozenset.intersection(*sets):
        said = f"rotation under way: {complete} of {len(trusting)} hold all {len(every)} roots"
        return Verdict(Health.WARN, said)
    return Verdict(Health.BAD, f"roots differ: no root is trusted by all {len(trusting)}")


def _held(der: bytes, trusting: Sequence[tuple[Ref, frozenset[bytes]]]) -> Verdict:
    without = [holder for holder, roots in trusting if der not in roots]
    if not without:
        return Verdict(Health.OK, f"trusted by all {len(trusting)} that hold roots")
    whole = _agreement(trusting)
    first = ", ".join(holder.key for holder in without[:3]) + (" …" if len(without) > 3 else "")
    said = f"trusted by {len(trusting) - len(without)} of {len(trusting)}, not by {first}"
    return Verdict(whole.health, f"{said}; {whole.reason}")
