"""What comes up next: renewals, expiries and ends of support, the overdue ones first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from heapq import nsmallest

from msgspec.structs import replace

from meshtui.mesh import certificates, components, versions
from meshtui.mesh.certificate_rows import Role, Row
from meshtui.mesh.life import Renewal
from meshtui.mesh.overview_items import Item, Place
from meshtui.mesh.snapshot import Snapshot

_MOST = 8
_SOON = timedelta(days=180)
"""So long before it an end of support is worth a line."""


def of(snapshot: Snapshot) -> Sequence[Item]:
    """The next few things, worst first, then soonest first. Workload certificates that renew normally are one."""
    rows = certificates.of(snapshot)
    dated = (row for row in rows if row.not_after is not None and row.role is not Role.RENEWING)
    items = [_certificate(row) for row in nsmallest(_MOST, dated, key=_overdue)]
    renewing = next((row for row in rows if row.role is Role.RENEWING), None)
    if renewing is not None:
        items.append(replace(_certificate(renewing), text="workload certificates", ref=None))
    items += _support(snapshot)
    return sorted(items, key=_urgency)[:_MOST]


def _overdue(row: Row) -> tuple[int, datetime]:
    return -row.verdict.health.rank, row.due or _NEVER


def _urgency(item: Item) -> tuple[int, datetime]:
    return -item.verdict.health.rank, item.when or _NEVER


_NEVER = datetime.max.replace(tzinfo=UTC)


def _certificate(row: Row) -> Item:
    """By hand what counts is the end; where somebody renews it, when that is expected."""
    by_hand = row.renewal in (Renewal.HAND, Renewal.CA_BY_HAND)
    when = row.not_after if by_hand else row.due
    value = "expires" if by_hand else "renews"
    return Item(
        key=f"coming/{row.key}",
        verdict=row.verdict,
        text=row.name,
        value=value,
        jump=Place("certificates", row.key),
        ref=row.ref,
        when=when,
    )


def _support(snapshot: Snapshot) -> Iterable[Item]:
    """The ends of support of the releases of Istio that run here."""
    running = {versions.minor(version) for version in components.control_planes(snapshot)}
    for release in versions.RELEASES:
        if release.minor not in running or release.end is None:
            continue
        end = datetime.combine(release.end, time.max, UTC)
        if end - snapshot.now > _SOON:
            continue
        called = ".".join(map(str, release.minor))
        verdict = versions.istio(called, snapshot.now)
        about = ", about" if release.expected else ""
        yield Item(
            f"coming/istio-{called}", verdict, f"Istio {called}", f"out of support{about}", when=end
        )
