"""Identity: whether plain text is taken, whether both ztunnels have their certificates, and whether each trusts the
other's (doctor-rules.md, C5 and AMB-038)."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from msgspec.structs import replace

from meshtui.mesh import identities
from meshtui.mesh.doctor.findings import Evidence
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.identities import Identity
from meshtui.mesh.kinds import PEER_AUTHENTICATION, POD
from meshtui.mesh.nodes import Ztunnel
from meshtui.mesh.peer_authentication import Mode, Mtls
from meshtui.mesh.snapshot import Ref
from meshtui.mesh.trace import hops
from meshtui.mesh.trace.around import Around
from meshtui.mesh.trace.hops import Hop
from meshtui.mesh.traffic.parties import Member
from meshtui.mesh.traffic.passage import Dataplane

TITLE = "mTLS"
_ROOTS = (
    "restart the ztunnels that hold the old root (r in Ztunnels): a new one reads the root anew"
)


def of(around: Around) -> Hop:
    """Of every pair of pods."""
    found = [
        _between(around, caller, called)
        for called in around.called.members
        for caller in around.source.members
    ]
    if not found:
        return hops.unknown(TITLE, "no pod is known that could be called")
    return hops.together(found)


def _between(around: Around, caller: Member, called: Member) -> Hop:
    it = around.pods[called.pod]
    mode = _mode(around, called, it.mtls)
    shown = tuple(_deciding(it.mtls, mode))
    if not called.party.in_mesh:
        words = f"{called.pod} is outside the mesh: it is sent plain text"
        return hops.well(
            TITLE, words, Evidence(f"Pod {called.pod}", "capture", it.enrolled.word, it.ref)
        )
    direct = around.waypoint is None
    if direct and not caller.party.in_mesh:
        if mode is Mode.STRICT:
            words = f"plain text, and {called.pod} takes none (mTLS is STRICT, {_decided(it.mtls)})"
            step = "take the caller into the mesh (m in Namespaces)"
            return hops.broken(TITLE, words, *shown, step=step)
        if mode is Mode.UNKNOWN:
            return hops.unknown(TITLE, f"plain text, and {it.mtls.reason}")
        return hops.well(TITLE, f"plain text, which it takes (mTLS is {mode.value})", *shown)
    return _certified(around, caller, called, _in_words(mode), shown)


def _mode(around: Around, called: Member, mtls: Mtls) -> Mode:
    return mtls.ports.get(str(around.pod_port(called)), mtls.mode)


def _in_words(mode: Mode) -> str:
    if mode in (Mode.UNKNOWN, Mode.NONE):
        return "both speak mTLS, whatever mode is asked for"
    return f"mTLS is {mode.value}"


def _decided(mtls: Mtls) -> str:
    return f"PeerAuthentication {mtls.decided_by}" if mtls.decided_by else "Istio's default"


def _deciding(mtls: Mtls, mode: Mode) -> Iterator[Evidence]:
    if not mtls.decided_by:
        yield Evidence("PeerAuthentications", "spec.mtls.mode", "none decides: PERMISSIVE")
    else:
        ref = Ref(PEER_AUTHENTICATION, *mtls.decided_by.split("/", 1))
        yield Evidence(f"PeerAuthentication {ref.key}", "spec.mtls.mode", mode.name, ref)


def _certified(
    around: Around, caller: Member, called: Member, words: str, shown: tuple[Evidence, ...]
) -> Hop:
    """Both have certificates, and trust each other."""
    odd = caller if caller.odd else called
    if odd.odd:
        said = Evidence(f"Pod {odd.pod}", "capture", odd.odd, around.pods[odd.pod].ref)
        words = f"not judged before the capture of {odd.pod} is clear"
        return hops.unknown(TITLE, words, said, step="see to its capture first")
    own = [_holds(around, each) for each in (caller, called) if _by_ztunnel(each)]
    for _, said, verdict in own:
        if verdict.health is not Health.OK:
            reason = f"{said.source}: {verdict.reason}"
            if verdict.health is Health.UNKNOWN:
                return hops.unknown(TITLE, reason, said, *shown, step=hops.READ_DUMP)
            step = "look at the certificate of its identity (:cert) and at the ztunnel's CA"
            return hops.broken(TITLE, reason, said, *shown, step=step)
    if not own:
        return hops.unknown(TITLE, f"{words}; what sidecars and gateways hold is not read", *shown)
    told = tuple(said for _, said, _ in own)
    if len(own) == 2 and own[0][0] and own[1][0]:
        wrong = _distrust(own[0][0], own[1][0], told)
        if wrong:
            roots = tuple(_roots(identity, said) for identity, said, _ in own if identity)
            return _distrusted(around, wrong, (*roots, *told, *shown))
        words = f"{words}; both have certificates and trust each other"
        return hops.well(TITLE, words, *told, *shown)
    return hops.well(TITLE, f"{words}; what ztunnels hold for it is good", *told, *shown)


def _distrusted(around: Around, wrong: str, shown: tuple[Evidence, ...]) -> Hop:
    if around.waypoint is None:
        words = f"{wrong} (calls fail with an unknown issuer)"
        return hops.broken(TITLE, words, *shown, step=_ROOTS)
    words = f"what the waypoint between trusts was not read, and {wrong}"
    return hops.unknown(TITLE, words, *shown, step=_ROOTS)


def _roots(identity: Identity, said: Evidence) -> Evidence:
    """The roots that a ztunnel trusts, by the beginnings of their fingerprints."""
    field = f"{said.field.removesuffix('.state')}.rootCerts"
    prints = (sha256(each).hexdigest()[:16] for each in identity.roots if isinstance(each, bytes))
    return replace(said, field=field, value=f"SHA-256 {', '.join(prints) or 'none'}")


def _by_ztunnel(member: Member) -> bool:
    return member.party.dataplane is Dataplane.ZTUNNEL


def _holds(around: Around, member: Member) -> tuple[Identity | None, Evidence, Verdict]:
    """The certificate that the ztunnel of a pod holds for it."""
    it = around.pods[member.pod]
    node = around.seen(member)
    source = f"config_dump of {node.key.rpartition('/')[2] or 'no ztunnel'}"
    dump, ztunnel = (node.ztunnel.current if node.ztunnel else None), node.ztunnel
    field = f"certificates[{it.identity}]"
    ref = Ref(POD, ztunnel.pod.namespace, ztunnel.pod.name) if ztunnel else None
    if dump is None or ztunnel is None:
        why = node.why or "its dump was not read"
        return None, Evidence(source, field, "not known", ref), Verdict(Health.UNKNOWN, why)
    found = next((each for each in dump.identities if each.uri == it.identity), None)
    if found is None:
        said = Evidence(source, field, "absent", ref, ztunnel.reading.at)
        return None, said, Verdict(Health.BAD, f"no certificate for {it.identity}")
    said = Evidence(source, f"{field}.state", found.state, ref, ztunnel.reading.at)
    return found, said, _verdict(around, found, ztunnel)


def _verdict(around: Around, found: Identity, ztunnel: Ztunnel) -> Verdict:
    now = around.snapshot.now
    if found.verdict.health is not Health.OK:
        return found.verdict
    if found.not_after is not None and found.not_after <= now:
        return Verdict(
            Health.BAD, f"its certificate expired at {found.not_after:%Y-%m-%d %H:%M} UTC"
        )
    return Verdict(Health.OK)


def _distrust(one: Identity, other: Identity, told: tuple[Evidence, ...]) -> str:
    """Who does not trust whose certificate; "" where both do."""
    for held, by, whose, who in ((one, other, told[0], told[1]), (other, one, told[1], told[0])):
        _, chain = identities.opened(held.chain, by.roots)
        if chain is None or not chain.anchored:
            names = (
                who.source.removeprefix("config_dump of "),
                whose.source.removeprefix("config_dump of "),
            )
            return f"{names[0]} does not trust the root that {names[1]} has its certificates from"
    return ""
