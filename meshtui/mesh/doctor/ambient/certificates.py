"""Certificates: what expires, is not renewed, is not there, or is trusted by some alone (doctor-rules.md, D6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from meshtui.mesh import certificates, gateways, holdings, life, nodes, pods, roots, workloads
from meshtui.mesh.certificate_rows import Role, Row
from meshtui.mesh.checks import count, listed
from meshtui.mesh.doctor.ambient.evidence import SHOWN, dumped, grouped, older, seen
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.findings import Evidence, Found, Rule, Severity, Unsure
from meshtui.mesh.health import Health, worst
from meshtui.mesh.holdings import Holding, Judged
from meshtui.mesh.kinds import CONFIGMAP, POD, REFERENCE_GRANT
from meshtui.mesh.roots import Authority
from meshtui.mesh.snapshot import Snapshot

CA_EXPIRES = Rule(
    "AMB-035",
    "a CA certificate expires",
    Severity.CRITICAL,
    why="From that moment every connection of the mesh fails at once, and no new certificate helps.",
    remedy="plan its rotation: trust the new root everywhere first, then issue by it",
    link="docs/tasks/security/cert-management/plugin-ca-cert/",
)
NOT_RENEWED = Rule(
    "AMB-036",
    "workload certificates were not renewed in time",
    Severity.CRITICAL,
    why="They are renewed at half of their life; once they expire, all calls of their pods fail.",
    remedy="see that istiod is reachable from the ztunnel, and what it says of certificate requests",
    link="docs/ambient/usage/troubleshoot-ztunnel/",
)
UNAVAILABLE = Rule(
    "AMB-037",
    "workload certificates are missing or not valid",
    Severity.CRITICAL,
    why="Calls of these identities in the mesh fail, while their pods look well and plain text works.",
    remedy="see that the CA address answers, istiod is ready and accepts the ztunnel's token",
    link="docs/ambient/usage/troubleshoot-ztunnel/",
)
ROOTS = Rule(
    "AMB-038",
    "not all trust the same roots",
    Severity.HIGH,
    why="Those who trust different roots refuse each other's certificates.",
    remedy="see who holds which in the pane Certificates, and bring the missing root to all",
    link="docs/tasks/security/cert-management/plugin-ca-cert/",
)
GATEWAY_TLS = Rule(
    "AMB-057",
    "the certificate of a gateway's listener is missing, expires or does not fit",
    Severity.HIGH,
    why="Clients outside cannot connect, or are warned of the certificate.",
    remedy="mend the Secret that the listener names, or the ReferenceGrant that lets it",
    link="docs/tasks/traffic-management/ingress/secure-ingress/",
)


def expiring(snapshot: Snapshot) -> Findings:
    for row in certificates.of(snapshot):
        if row.role not in (Role.ROOT, Role.INTERMEDIATE) or row.verdict.health is Health.NONE:
            continue
        lasts = row.life(snapshot.now)
        if lasts is None or row.not_after is None or lasts.verdict.health is Health.OK:
            continue
        severity = Severity.MEDIUM
        if lasts.expires_in < timedelta(days=7):
            severity = Severity.CRITICAL
        elif lasts.expires_in < timedelta(days=30):
            severity = Severity.HIGH
        says = f"{row.role.value} {row.name}: {lasts.verdict.reason} (held by {row.held_by})"
        yield Found(CA_EXPIRES, row.holders, says, _validity(row), severity=severity)
    yield from _unread(snapshot, CA_EXPIRES, Role.CA_SECRET)


def _validity(row: Row) -> tuple[Evidence, ...]:
    if row.not_after is None or not row.holders:
        return ()
    return tuple(
        seen(ref, f"{row.name}: notAfter", life.stamp(row.not_after)) for ref in row.holders[:SHOWN]
    )


def _unread(snapshot: Snapshot, rule: Rule, role: Role) -> Iterator[Unsure]:
    for row in certificates.of(snapshot):
        if row.role is role and row.verdict.health is Health.UNKNOWN:
            yield Unsure(rule, row.verdict.reason, row.ref)


class _Trouble(NamedTuple):
    """What is wrong with certificates, at whatever ztunnels."""

    rule: Rule
    severity: Severity | None
    why: str


class _At(NamedTuple):
    """The certificates of one ztunnel with a trouble, when its dump was read."""

    holding: Holding
    found: Sequence[Judged]
    at: datetime | None


def of_workloads(snapshot: Snapshot) -> Findings:
    """One for each kind of trouble, over all ztunnels that have it."""
    troubles: dict[_Trouble, list[_At]] = {}
    for part in holdings.parts(snapshot):
        at = _read_at(snapshot, part.holding) if part.noticeable else None
        for (rule, health), group in grouped(part.noticeable, _kind).items():
            overdue = [each for each in group if _is_overdue(snapshot, each, at)]
            if health is Health.UNKNOWN and len(overdue) < len(group):
                yield Unsure(rule, group[0].verdict.reason, part.holding.pod)
            certain = overdue if health is Health.UNKNOWN else group
            for trouble, found in grouped(certain, _trouble).items():
                if health is not Health.NONE:
                    troubles.setdefault(trouble, []).append(_At(part.holding, found, at))
    causes = ["AMB-041"]
    if troubles and certificates.trust(snapshot).agreement.health is Health.BAD:
        causes.append(ROOTS.code)  # who trusts another root than istiod's gets nothing from it
    yield from (_found(trouble, where, causes) for trouble, where in troubles.items())
    for why, refs in holdings.unread(snapshot).items():
        said = f"the certificates of {count(len(refs), 'ztunnel')} are not known: {why}"
        yield from (Unsure(rule, said, refs[0]) for rule in (NOT_RENEWED, UNAVAILABLE))


def _kind(each: Judged) -> tuple[Rule, Health]:
    return UNAVAILABLE if each.due is None else NOT_RENEWED, each.verdict.health


def _trouble(each: Judged) -> _Trouble:
    """Of those that are late each has its own times, and they have one cause all the same."""
    rule, _ = _kind(each)
    if rule is NOT_RENEWED:
        late = each.verdict.health is Health.WARN
        return _Trouble(rule, Severity.MEDIUM if late else None, "")
    return _Trouble(rule, None, each.verdict.reason)


def _is_overdue(snapshot: Snapshot, each: Judged, at: datetime | None) -> bool:
    """Whether it was still being fetched when a pod that needs it was there for more than half a minute."""
    return each.identity.state == "Initializing" and any(
        pod.pod.created is not None
        and at is not None
        and at - pod.pod.created > timedelta(seconds=30)
        for pod in workloads.of(snapshot)
        if pod.identity == each.identity.uri and pod.pod.node == each.holding.node
    )


def _read_at(snapshot: Snapshot, holding: Holding) -> datetime | None:
    node = nodes.of(snapshot).get(holding.node)
    found = node.ztunnels if node else ()
    return next((each.reading.at for each in found if each.pod.name == holding.pod.name), None)


def _found(trouble: _Trouble, where: Sequence[_At], causes: Sequence[str]) -> Found:
    total = sum(len(each.found) for each in where)
    what = f"{total} {'identity' if total == 1 else 'identities'}"
    first = where[0].holding
    who = f"ztunnel {first.pod.name} on node {first.node}"
    if len(where) > 1:
        who = f"{len(where)} ztunnels ({listed([each.holding.pod.name for each in where])})"
    every = ((each, one) for each in where for one in each.found)
    shown = tuple(
        dumped(at.holding.pod.key, f"certificates[{one.identity.uri}]", _state(one), at.at)
        for at, one in islice(every, SHOWN)
    )
    return Found(
        trouble.rule,
        tuple(each.holding.pod for each in where),
        f"{what} of {who}: {where[0].found[0].verdict.reason}",
        shown,
        severity=trouble.severity,
        symptom_of=tuple((code, each.holding.pod) for code in causes for each in where),
    )


def _state(one: Judged) -> str:
    until = one.identity.not_after
    return f"{one.identity.state}, expires at {life.stamp(until)}" if until else one.identity.state


def disagreeing(snapshot: Snapshot) -> Findings:
    found = certificates.trust(snapshot)
    if found.agreement.health is Health.UNKNOWN:
        yield Unsure(ROOTS, found.agreement.reason)
    if found.agreement.health not in (Health.BAD, Health.WARN):
        return
    held = [each for each in found.known if each.agreement.health in (Health.BAD, Health.WARN)]
    refs = tuple(dict.fromkeys(ref for each in held for ref in each.holders))
    shown = tuple(
        seen(
            each.holders[0],
            f"root {each.certificate.title} ({each.certificate.fingerprint[:23]})",
            _held_by(each),
        )
        for each in held
    )
    rotating = found.agreement.health is Health.WARN
    severity = Severity.MEDIUM if rotating else None
    behind, step = _behind(snapshot, held)
    says = "; ".join(filter(None, (found.agreement.reason, behind)))
    yield Found(ROOTS, refs, says, shown, step, severity)


def _behind(snapshot: Snapshot, held: Sequence[Authority]) -> tuple[str, str]:
    """The ztunnels that trust none of the roots that istiod hands out to the namespaces now, and what mends it: a
    ztunnel reads them once, when it starts."""
    handed = [each for each in held if any(ref.kind == CONFIGMAP for ref in each.holders)]
    current = {ref for each in handed for ref in each.holders}
    late = [
        (each.certificate.title, ref)
        for each in held
        for ref in each.holders
        if ref.kind == POD and ref not in current
    ]
    if not handed or not late:
        return "", ""
    running = pods.of(snapshot)
    on = (running[ref.key].node if ref.key in running else ref.name for _, ref in late)
    where, own = listed([*dict.fromkeys(on)]), listed([*dict.fromkeys(title for title, _ in late)])
    new = listed([each.certificate.title for each in handed])
    says = f"the ztunnel of {where} trusts only {own}, and istiod hands out {new}"
    return says, f"restart the ztunnel of {where}: it reads the roots when it starts"


def _held_by(authority: Authority) -> str:
    return f"held by {roots.holders_in_words(authority.holders)}"


def of_gateways(snapshot: Snapshot) -> Findings:
    """One for each Secret that listeners name."""
    judged = [
        (each, gateway)
        for gateway in gateways.of(snapshot)
        for listening in gateway.listeners
        for each in listening.certificates
        if older(gateway.created, snapshot.now, 30)
    ]
    for secret, group in grouped(judged, lambda each: each[0].use.secret).items():
        verdicts = [(each.verdict(snapshot.now), gateway) for each, gateway in group]
        bad = worst(verdict for verdict, _ in verdicts)
        if bad.health is Health.UNKNOWN:
            yield Unsure(GATEWAY_TLS, bad.reason, secret)
        if bad.health not in (Health.BAD, Health.WARN):
            continue
        refs = dict.fromkeys(
            gateway.ref for verdict, gateway in verdicts if verdict.health is bad.health
        )
        certificate = group[0][0].served.certificate
        shown = [
            seen(ref, f"tls.certificateRefs: {secret.key}", bad.reason)
            for ref in list(refs)[:SHOWN]
        ]
        if certificate is not None:
            names = ", ".join(each.value for each in certificate.names) or certificate.title
            until = life.stamp(certificate.not_after)
            shown.append(seen(secret, "tls.crt", f"for {names}, notAfter {until}"))
        severity = Severity.MEDIUM if bad.health is Health.WARN else None
        says = bad.reason if secret.key in bad.reason else f"Secret {secret.key} {bad.reason}"
        yield Found(GATEWAY_TLS, (secret, *refs), says, tuple(shown), severity=severity)


ANALYZERS = (
    Analyzer("CA certificates", (CA_EXPIRES,), certificates.KINDS, expiring),
    Analyzer("workload certificates", (NOT_RENEWED, UNAVAILABLE), nodes.KINDS, of_workloads),
    Analyzer("roots", (ROOTS,), certificates.KINDS, disagreeing),
    Analyzer(
        "certificates of gateways", (GATEWAY_TLS,), (*gateways.KINDS, REFERENCE_GRANT), of_gateways
    ),
)
