"""The lists in a ztunnel's dump: what it proxies and what is open now first, then what istiod told it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from meshtui.mesh import addresses, open_since
from meshtui.mesh.dumps import Connection, DumpDetail
from meshtui.mesh.health import Health
from meshtui.mesh.identities import Identity
from meshtui.mesh.snapshot import Answer, Snapshot
from meshtui.ui import notices, times
from meshtui.ui.columns import Column
from meshtui.ui.detail import Fact, Grid, Section
from meshtui.ui.spans import Cell, Span, Tone, mark, tone

MOST = 200
"""So many lines of a list are drawn; the number of all of them is said."""

_PROXIED = (
    Column("POD", 16, 44, 0),
    Column("STATE", 5, 8, 0),
    Column("IN", 3, 5, 1, right=True),
    Column("OUT", 3, 5, 1, right=True),
)
_OPEN = (
    Column("POD", 20, 44, 0),
    Column("WAY", 8, 8, 2),
    Column("FROM", 16, 40, 1),
    Column("TO", 16, 40, 0),
    Column("BY", 5, 11, 3),
    Column("OPEN", 5, 8, 1, right=True),
)
_CERTIFICATES = (
    Column("IDENTITY", 20, 70, 0),
    Column("STATE", 9, 40, 0),
    Column("EXPIRES", 7, 8, 1, right=True),
)
_WORKLOADS = (
    Column("WORKLOAD", 16, 44, 0),
    Column("BY", 5, 6, 0),
    Column("ADDRESS", 8, 20, 1),
    Column("WAYPOINT", 8, 40, 2),
)
_SERVICES = (
    Column("SERVICE", 16, 50, 0),
    Column("PORTS", 5, 30, 1),
    Column("ENDPOINTS", 9, 9, 1, right=True),
    Column("WAYPOINT", 8, 40, 2),
)
_POLICIES = (
    Column("POLICY", 16, 50, 0),
    Column("ACTION", 5, 16, 0),
    Column("SCOPE", 6, 18, 1),
    Column("RULES", 5, 5, 1, right=True),
)


def sections(answer: Answer | None, snapshot: Snapshot, told: str = "") -> Iterable[Section]:
    """The lists of the dump that was read for this ztunnel; until there is one, how the reading goes. `told` is the
    failure that stands above already."""
    now = snapshot.now
    if answer is None or not isinstance(answer.value, DumpDetail):
        problem = answer.problem if answer is not None else None
        if problem is not None and problem.text == told:
            return
        words: Cell = "being read"
        if problem is not None:
            words = (mark(Health.UNKNOWN), Span(f" {notices.sentences(problem)}"))
        yield Section("Dump", [Fact("dump", words)])
        return
    held, owners = answer.value, addresses.owners(snapshot)
    proxied = held.dump.proxied or {}
    yield _list(
        held,
        "workloadState",
        f"Proxied pods ({len(proxied)})",
        _PROXIED,
        [
            (f"{each.namespace}/{each.name}", each.state, str(each.inbound), str(each.outbound))
            for each in proxied.values()
        ],
    )
    yield _list(
        held,
        "connections",
        f"Open connections ({len(held.connections)})",
        _OPEN,
        [
            (
                f"{each.namespace}/{each.pod}",
                each.direction,
                *_ends(each, owners),
                each.protocol,
                _since(open_since.since(answer, each), now),
            )
            for each in held.connections
        ],
    )
    yield _list(
        held,
        "certificates",
        f"Certificates ({len(held.dump.identities)})",
        _CERTIFICATES,
        [_certificate(each, now) for each in held.dump.identities],
    )
    yield _list(
        held,
        "workloads",
        f"Workloads ({len(held.workloads)} here, {held.listed:,} in the mesh)",
        _WORKLOADS,
        [
            (
                f"{each.namespace}/{each.name}",
                each.protocol,
                ", ".join(each.addresses),
                _service(each.waypoint),
            )
            for each in held.workloads
        ],
    )
    yield _list(
        held,
        "services",
        f"Services ({len(held.services)})",
        _SERVICES,
        [
            (
                _service(each.hostname),
                ", ".join(each.ports),
                str(each.endpoints),
                _service(each.waypoint),
            )
            for each in held.services
        ],
    )
    yield _list(
        held,
        "policies",
        f"Policies ({len(held.policies)})",
        _POLICIES,
        [
            (
                f"{each.namespace}/{each.name}",
                f"{each.action} (dry run)" if each.dry_run else each.action,
                each.scope,
                str(each.rules),
            )
            for each in held.policies
        ],
    )


def _ends(it: Connection, owners: Mapping[str, str]) -> tuple[str, str]:
    """From whom to whom: the owner of an address where one is known."""
    to = it.actual or it.original
    return addresses.named(it.source, owners, port=False), addresses.named(to, owners)


def _since(seen: datetime | None, now: datetime) -> str:
    """A dump does not tell how old a connection is: at least as old as it was seen."""
    return times.NONE if seen is None or seen >= now else f"≥ {times.duration(now - seen)}"


def _certificate(identity: Identity, now: datetime) -> Sequence[Cell]:
    health = identity.verdict.health
    end = identity.not_after
    return (
        identity.uri.removeprefix("spiffe://"),
        Span(identity.state, Tone.PLAIN if health is Health.OK else tone(health)),
        times.NONE if end is None else times.duration(end - now),
    )


def _service(hostname: str) -> str:
    """A Service of the cluster as "name.namespace"; other hostnames as they are. A waypoint's comes with its namespace
    before it."""
    return hostname.rpartition("/")[2].partition(".svc.")[0]


def _list(
    held: DumpDetail,
    section: str,
    title: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
) -> Section:
    """Under its title, which has the number in brackets; of what the dump has nothing of, no number is known."""
    if section in held.lacks:
        words = (mark(Health.UNKNOWN), Span(" not known: this dump does not tell"))
        return Section(title.partition(" (")[0], [words])
    if not rows:
        return Section(title, [(Span("none", Tone.MUTED),)])
    more = [(Span(f"and {len(rows) - MOST:,} more", Tone.MUTED),)] if len(rows) > MOST else []
    return Section(title, [Grid(columns, rows[:MOST]), *more])
