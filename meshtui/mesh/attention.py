"""What needs a person, over all panes: how many rows of each are failing, and the worst of them by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from heapq import nsmallest
from typing import Any

from msgspec import Struct

from meshtui.mesh import (
    certificates,
    gateways,
    namespaces,
    policy_rows,
    routes,
    service_entries,
    waypoint_rows,
    workloads,
    ztunnels,
)
from meshtui.mesh.doctor import rows as findings
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    GATEWAY,
    HTTP_ROUTE,
    NAMESPACE,
    POD,
    SERVICE,
    Kind,
)
from meshtui.mesh.overview_items import Item, Place
from meshtui.mesh.snapshot import LOADING, Phase, Ref, Snapshot

_NAMED = 3
"""So many rows of a pane are named; of the findings, which say what is behind them, more."""


class _Pane(Struct, frozen=True):
    """A pane, and how its rows are derived and called."""

    name: str
    title: str
    kind: Kind
    """What its rows are made of."""
    rows: Callable[[Snapshot], Sequence[Any]]
    called: Callable[[Any], str]
    namespace: Callable[[Any], str] | None = None
    """The namespace of a row; None where they are of the whole mesh."""
    named: int = _NAMED
    also: Callable[[Sequence[Any]], str] = lambda rows: ""
    """What else there is to say of its rows, in a word or two."""
    judged: bool = True
    """Whether what the doctor finds of the object behind a row is told of the row."""


def _name(row: Any) -> str:
    return str(row.name)


def _key(row: Any) -> str:
    return str(row.ref.key)


def _namespace(row: Any) -> str:
    return str(row.ref.namespace)


def _about(ref: Ref | None) -> str:
    if ref is None:
        return ""
    return ref.name if ref.kind == NAMESPACE else ref.namespace


def _muted(count: int) -> str:
    return f"{count} muted" if count else ""


_PANES = (
    _Pane(
        "findings",
        "Findings",
        POD,
        findings.of,
        lambda row: str(row.finding.found.rule.code),
        lambda row: _about(row.ref),
        named=4,
        also=lambda rows: _muted(sum(row.mute is not None for row in rows)),
        judged=False,
    ),
    _Pane("namespaces", "Namespaces", NAMESPACE, namespaces.of, _name, _name),
    _Pane("workloads", "Workloads", POD, workloads.of, _key, _namespace),
    _Pane(
        "services",
        "Services",
        SERVICE,
        service_entries.with_services,
        lambda row: f"{row.ref.kind.title} {_key(row)}",
        _namespace,
    ),
    _Pane("ztunnels", "Ztunnels", POD, ztunnels.of, lambda row: f"ztunnel of {row.node}"),
    _Pane(
        "waypoints",
        "Waypoints",
        GATEWAY,
        waypoint_rows.of,
        lambda row: f"waypoint {row.waypoint}",
        lambda row: str(row.namespace),
    ),
    _Pane("gateways", "Gateways", GATEWAY, gateways.of, _key, _namespace),
    _Pane(
        "routes", "Routes", HTTP_ROUTE, routes.of, lambda row: f"{row.kind} {_key(row)}", _namespace
    ),
    _Pane(
        "policies",
        "Policies",
        AUTHORIZATION_POLICY,
        policy_rows.of,
        lambda row: f"{row.kind} {_key(row)}",
        _namespace,
    ),
    _Pane("certificates", "Certificates", POD, certificates.of, _name, judged=False),
)


_Judged = tuple[Verdict, findings.Judged]
"""How a row is, with what the doctor finds of its object, and the row."""


def of(snapshot: Snapshot, within: tuple[str, ...] = ()) -> Iterable[tuple[Item, Sequence[Item]]]:
    """For each pane a line with its counts, which leads to its worst row, and its worst rows. `within` as for the
    overview."""
    for pane in _PANES:
        rows, unread = pane.rows(snapshot), _unread(snapshot, pane.kind)
        muted = (snapshot.muted, snapshot.now) if snapshot.muted else ()  # a mute may end
        yield snapshot.memo.kept(
            ("attention", pane.name),
            partial(_attended, snapshot, pane, rows, within, unread),
            (rows, within, unread, findings.examined(snapshot), muted),
        )


def _attended(
    snapshot: Snapshot,
    pane: _Pane,
    rows: Sequence[Any],
    within: tuple[str, ...],
    unread: str,
) -> tuple[Item, Sequence[Item]]:
    if within and pane.namespace is not None:
        rows = [row for row in rows if pane.namespace(row) in ("", *within)]
    judged = findings.judged(snapshot, rows) if pane.judged else {}
    verdicts = [(judged.get(row.key, row.verdict), row) for row in rows]
    worst = nsmallest(pane.named, verdicts, key=lambda each: -each[0].health.rank)
    named = [
        Item(
            key=f"worst/{pane.name}/{row.key}",
            verdict=verdict,
            text=pane.called(row),
            value=verdict.reason,
            jump=Place(pane.name, row.key),
            ref=row.ref,
        )
        for verdict, row in worst
        if verdict.health in (Health.BAD, Health.WARN)
    ]
    return _summary(pane, verdicts, worst, unread), named


def _summary(
    pane: _Pane, verdicts: Sequence[_Judged], worst: Sequence[_Judged], unread: str
) -> Item:
    counts = Counter(verdict.health for verdict, _ in verdicts)
    shown = (Health.BAD, Health.WARN, Health.UNKNOWN, Health.OK)
    told = [f"{each.mark} {counts[each]}" for each in shown if counts[each]]
    value = "  ".join(filter(None, (*told, pane.also([row for _, row in verdicts]))))
    found, first = worst[0] if worst else (Verdict(Health.NONE), None)
    verdict = Verdict(found.health, "nothing needs a person there")
    if first and found.health.rank >= Health.UNKNOWN.rank:
        verdict = Verdict(found.health, f"{pane.called(first)}: {found.reason}")
    elif unread:
        verdict = Verdict(Health.UNKNOWN, unread)
    return Item(
        key=f"worst/{pane.name}",
        verdict=verdict,
        text=pane.title,
        value=value or ("unknown" if unread else "none"),
        jump=Place(pane.name, first.key if first else ""),
        counts={health: counts[health] for health in shown if counts[health]},
    )


def _unread(snapshot: Snapshot, kind: Kind) -> str:
    """Why not all rows, or not all of their faults, are known; "" where every list that was asked for was read to its
    end, or there is no such kind."""
    if not snapshot.examines:
        return "not everything was examined yet"
    lists = [
        source
        for scope, source in snapshot.sources.items()
        if scope.kind == kind and not (scope.labels or scope.fields)
    ]
    for source in lists or [LOADING]:
        if not source.complete and source.phase is not Phase.ABSENT:
            return source.problem.text if source.problem else f"the {kind.plural} are being read"
    return ""
