"""Certificates: workload certificates of every ztunnel, the CAs above them, and those that gateways serve.

Where they come from: the ztunnels' dumps, the ConfigMaps by which istiod hands out its roots, and the Secrets that
listeners or the CA use. What is wrong with one is found here for all of them; what one says in full is read from its
DER when a person looks at it (`Row.opened`, and `facts`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from operator import attrgetter

from meshtui.mesh import (
    ca_certificates,
    certificate_facts,
    components,
    gateway_certificates,
    holdings,
    life,
    meshconfig,
    named_secrets,
    nodes,
)
from meshtui.mesh.certificate_facts import Fact
from meshtui.mesh.certificate_rows import Role, Row, odd
from meshtui.mesh.derived import derived
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.holdings import Holding, Part
from meshtui.mesh.identities import Dated, Identity
from meshtui.mesh.kinds import GATEWAY, ISTIO_GATEWAY, NAMESPACE, Kind
from meshtui.mesh.life import Renewal
from meshtui.mesh.roots import Authorities
from meshtui.mesh.snapshot import Phase, Ref, Scope, Snapshot, Source

KINDS = (
    nodes.ZTUNNELS,
    ca_certificates.ROOTS,
    ca_certificates.REVOKED,
    meshconfig.SCOPE,
    GATEWAY,
    ISTIO_GATEWAY,
    components.ISTIOD,
    components.ISTIOD_PODS,
)


def of(snapshot: Snapshot) -> Sequence[Row]:
    """Every row, the one whose renewal is most overdue first; before them what has no dates and should."""
    return derived(snapshot, _all)


def _all(snapshot: Snapshot) -> Sequence[Row]:
    held = holdings.parts(snapshot)
    rows = [
        *snapshot.memo.once(_workloads, (held,)),
        *ca_certificates.authorities(snapshot, held),
        *gateway_certificates.served(snapshot),
        *ca_certificates.revocations(snapshot),
        *_unread(snapshot),
    ]
    rows.sort(key=_lateness)
    return snapshot.memo.unchanged("certificates", rows)


def trust(snapshot: Snapshot) -> Authorities:
    """The CA certificates in use, who holds which, and whether all agree on the roots."""
    return ca_certificates.trust(snapshot, holdings.parts(snapshot))


def members(snapshot: Snapshot, row: Row) -> Sequence[Row]:
    """The rows that one of the role RENEWING stands for, the first due first."""
    found = [
        _workload(part.holding, each.identity, _NORMAL, each.due)
        for part in holdings.parts(snapshot)
        for each in part.normal.get(row.name, ())
    ]
    return sorted(found, key=_lateness)


def facts(snapshot: Snapshot, row: Row) -> Sequence[Fact]:
    """What a person reads of a row, line by line."""
    places = holdings.places(snapshot)
    return certificate_facts.of_row(row, trust(snapshot), snapshot.now, places)


refs = named_secrets.refs
"""The Secrets to read for this pane, each by its own GET."""


_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


def _lateness(row: Row) -> datetime:
    if row.due is not None:
        return row.due
    return _FIRST if row.verdict.health.rank > Health.OK.rank else _LAST


_NORMAL = Verdict(Health.OK, "renews normally")


def _workloads(held: tuple[Part, ...]) -> tuple[Row, ...]:
    """A row for each workload certificate that is not as it should be, and one a namespace for all others."""
    noticeable = [
        _workload(each.holding, each.identity, each.verdict, each.due)
        for part in held
        for each in part.noticeable
    ]
    normal: dict[str, list[tuple[Holding, tuple[Dated, ...]]]] = {}
    for part in held:
        for where, found in part.normal.items():
            normal.setdefault(where, []).append((part.holding, found))
    return (*noticeable, *(_renewing(where, found) for where, found in normal.items()))


def _workload(holding: Holding, identity: Identity, verdict: Verdict, due: datetime | None) -> Row:
    return Row(
        key=f"workload/{holding.pod.key}/{identity.uri}",
        verdict=verdict,
        ref=holding.pod,
        role=Role.WORKLOAD,
        name=identity.uri or "without an identity",
        held_by=holding.pod.name,
        holders=(holding.pod,),
        issuer=identity.issuer,
        not_before=identity.not_before,
        not_after=identity.not_after,
        due=due,
        renewal=Renewal.HALF,
        chain=identity.chain,
        roots=identity.roots,
    )


def _renewing(where: str, found: Sequence[tuple[Holding, tuple[Dated, ...]]]) -> Row:
    first = min((dated[0] for _, dated in found), key=attrgetter("due"))
    count = sum(len(dated) for _, dated in found)
    held_by = f"{len(found)} ztunnel{'s' if len(found) > 1 else ''}"
    said = f"{count} renew normally, the next at {life.stamp(first.due)}"
    return Row(
        key=f"renewing/{where}",
        verdict=Verdict(Health.OK, said),
        ref=Ref(NAMESPACE, "", where) if where else None,
        role=Role.RENEWING,
        name=where,
        held_by=held_by,
        holders=tuple(holding.pod for holding, _ in found),
        issuer=first.identity.issuer,
        not_before=first.not_before,
        not_after=first.not_after,
        due=first.due,
        renewal=Renewal.HALF,
        count=count,
    )


def _unread(snapshot: Snapshot) -> Iterable[Row]:
    """What could not be read, so that its certificates are unknown."""
    for why, pods in holdings.unread(snapshot).items():
        title = f"{len(pods)} ztunnels" if len(pods) > 1 else pods[0].name
        ref = pods[0] if len(pods) == 1 else None
        held_by = ", ".join(pod.name for pod in pods[:3]) + (" …" if len(pods) > 3 else "")
        verdict = Verdict(Health.UNKNOWN, f"certificates unknown: {why}")
        yield Row(f"unread/{pods[0].key}", verdict, ref, Role.UNREAD, title, held_by, pods)
    told: dict[Kind, str] = {}
    for scope in KINDS:
        source = _source(snapshot, scope)
        if source.phase in (Phase.FORBIDDEN, Phase.UNREADABLE):
            kind = scope.kind if isinstance(scope, Scope) else scope
            told.setdefault(kind, source.problem.text if source.problem else source.phase.value)
    for kind, why in told.items():
        verdict = Verdict(Health.UNKNOWN, why)
        yield odd(f"unread/{kind}", verdict, None, Role.UNREAD, f"{kind.title}s")


def _source(snapshot: Snapshot, scope: Kind | Scope) -> Source:
    return components.source(snapshot, scope if isinstance(scope, Scope) else Scope(scope))
