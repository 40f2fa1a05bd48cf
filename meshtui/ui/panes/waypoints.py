"""Waypoints: how each is, who is attached to it, and who names one in vain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from meshtui.mesh import pod_templates, waypoint_rows
from meshtui.mesh.attachments import Attachment
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import NAMESPACE, POD, SERVICE
from meshtui.mesh.log_levels import Proxy
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.waypoint_rows import Row
from meshtui.ui import envoy_lists, evidence, level_offers, times, waypoint_offers, ways
from meshtui.ui.columns import Column
from meshtui.ui.detail import Fact, Grid, Section
from meshtui.ui.exchange import Jump, Offer, Wants
from meshtui.ui.pane import Pane
from meshtui.ui.sorting import since
from meshtui.ui.spans import Cell, Span, Tone, mark, said


class WaypointsPane(Pane[Row]):
    NAME = "waypoints"
    ALIASES = ("wp", "waypoint")
    TITLE = "Waypoints"
    NEEDS = waypoint_rows.KINDS
    COLUMNS = (
        Column("NAMESPACE", 9, 24, 1, by=lambda row: row.namespace, letter="P"),
        Column("WAYPOINT", 12, 36, 0, by=lambda row: row.name, letter="N"),
        Column("CLASS", 12, 28, 8),
        Column("FOR", 7, 8, 5),
        Column("PROGRAMMED", 10, 22, 4),
        Column("PODS", 4, 7, 2, right=True),
        Column("ATTACHED", 12, 26, 0),
        Column("IN VAIN", 12, 26, 3),
        Column("ADDRESS", 11, 20, 7),
        Column("VERSION", 7, 16, 6),
        Column("AGE", 4, 6, 9, right=True, by=lambda row: since(row.created), letter="A"),
    )
    EMPTY = "There are no waypoints, and nothing names one."

    def rows(self, snapshot: Snapshot) -> Sequence[Row]:
        return waypoint_rows.of(snapshot)

    def called(self, row: Row) -> str:
        return row.waypoint

    def namespace_of(self, row: Row) -> str:
        return row.namespace

    def cells(self, row: Row, snapshot: Snapshot) -> Sequence[Cell]:
        return (
            row.namespace,
            row.name,
            row.class_name or Span("–", Tone.MUTED),
            row.traffic or Span("–", Tone.MUTED),
            _programmed(row),
            _pods(row),
            _attached(row),
            Span(_briefly(row.in_vain), Tone.BAD if row.in_vain else Tone.MUTED),
            row.address or row.hostname or Span("–", Tone.MUTED),
            ", ".join(row.versions) or Span("–", Tone.MUTED),
            times.age(row.created, snapshot.now),
        )

    def detail(self, row: Row, snapshot: Snapshot) -> Iterable[Section]:
        yield Section("", [said(each) for each in row.troubles[1:]])
        if row.ref is None and row.verdict.health is Health.BAD:
            yield Section("", [Fact("next", Span(_MISSING, Tone.STRONG))])
        if row.ref is not None:
            yield Section("", [*_how(row), *evidence.access_log(snapshot, row.pods)])
        yield Section("Attached", _named(row.attached, by_reason=False))
        yield Section("Names it, bound or not", _named(row.unsure, by_reason=True))
        yield Section("Names it in vain", _named(row.in_vain, by_reason=True))
        if row.pods:
            yield Section("Pods", [_grid_of_pods(row)])
            yield from envoy_lists.sections(row.pods, snapshot)
        if row.created is not None:
            yield Section("", [Fact("created", times.ago(row.created, snapshot.now))])

    def wants(self, row: Row | None, in_view: Sequence[Row], snapshot: Snapshot) -> Wants:
        return Wants(probes=envoy_lists.probes(row.pods, snapshot) if row is not None else ())

    def mesh_menu(self, rows: Sequence[Row], snapshot: Snapshot) -> Sequence[Offer]:
        there = [row.ref for row in rows if row.ref is not None]
        if there:
            levels = level_offers.of([pod for row in rows for pod in row.pods], Proxy.ENVOY)
            return [waypoint_offers.deleting(there), *levels]
        first = rows[0]
        unknown = first.verdict.health is Health.UNKNOWN
        return [] if unknown else [waypoint_offers.missing(first.namespace, first.name, snapshot)]

    def meshed(self, row: Row) -> Ref | None:
        """To delete one takes another right than to change one; whoever has it not is told so by the road."""
        return None

    def changeable(self, row: Row) -> Ref | None:
        return pod_templates.controller(row.pods[0]) if row.pods else None

    def onward(self, row: Row) -> Jump | None:
        within = f"waypoint/{row.waypoint}"
        named = (*row.attached, *row.in_vain, *row.unsure)
        if not any(each.kind == SERVICE for each in named) and row.workloads:
            return Jump("workloads", within=within)
        return Jump("services", within=within)

    def used_by(self, row: Row, snapshot: Snapshot) -> Jump | None:
        named = (*row.attached, *row.in_vain, *row.unsure)
        if not any(each.kind == NAMESPACE for each in named):
            return None
        return Jump("namespaces", within=f"waypoint/{row.waypoint}")

    def policies_of(self, row: Row, snapshot: Snapshot) -> Jump | None:
        return Jump("policies", within=f"gateway/{row.waypoint}")

    def owner(self, row: Row, snapshot: Snapshot) -> Jump | None:
        return ways.namespace(snapshot, row.namespace)

    def istioctl(self, row: Row, snapshot: Snapshot) -> Sequence[str]:
        return (
            ("waypoint", "status", "--name", row.name, "--namespace", row.namespace)
            if row.ref
            else ()
        )

    def log_of(self, row: Row, snapshot: Snapshot) -> Ref | None:
        return next(iter(self.logs_of(row, snapshot)), None)

    def logs_of(self, row: Row, snapshot: Snapshot) -> Sequence[Ref]:
        return [Ref(POD, pod.namespace, pod.name) for pod in row.pods]


_MOST = 60
"""So many rows of a list stand in the detail."""


_MISSING = "u leads to who names it, and m there names another; or m creates it"


def _programmed(row: Row) -> Cell:
    found = row.programmed
    if row.ref is None:
        known = row.verdict.health is not Health.UNKNOWN
        return Span("missing", Tone.BAD) if known else Span("not known", Tone.UNKNOWN)
    if found is None:
        return Span("not said", Tone.UNKNOWN)
    if found.status == "True":
        return "yes"
    return Span(f"no: {found.reason}", Tone.BAD)


def _pods(row: Row) -> Cell:
    if row.ready is None:
        return Span("–", Tone.MUTED)
    words = f"{row.ready}/{len(row.pods)}"
    if not row.ready:
        return Span(words, Tone.BAD)
    return Span(words, Tone.WARN) if row.ready < len(row.pods) else words


def _attached(row: Row) -> Cell:
    if row.orphan:
        return Span("orphan", Tone.WARN)
    if row.unsure:
        return Span(f"{_briefly((*row.attached, *row.unsure))} ?", Tone.UNKNOWN)
    return _briefly(row.attached) if row.attached else Span("–", Tone.MUTED)


def _briefly(who: Sequence[Attachment]) -> str:
    """How many of each kind, by kubectl's short names and the pane's own: "1 ns, 7 svc, 12 wl"."""
    counts = (
        (sum(each.kind == NAMESPACE for each in who), "ns"),
        (sum(each.kind in waypoint_rows.SERVICES for each in who), "svc"),
        (sum(each.kind in waypoint_rows.WORKLOADS for each in who), "wl"),
    )
    return ", ".join(f"{number} {noun}" for number, noun in counts if number) or "–"


def _how(row: Row) -> Iterable[Fact]:
    yield Fact("class", row.class_name)
    yield Fact("for", f"traffic to {row.traffic}, by {row.traffic_by}")
    if row.programmed is not None:
        told = row.programmed
        yield Fact("programmed", f"{told.status}, {told.reason}: {told.message}")
    yield Fact("address", ", ".join(filter(None, (row.address, row.hostname))) or "none")
    yield Fact("version", ", ".join(row.versions) or "not told by the images of its pods")


def _named(who: Sequence[Attachment], *, by_reason: bool) -> Sequence[Grid]:
    """Who names it, namespaces first, with whose label does; where it is in vain, with the reason."""
    if not who:
        return ()
    ordered = sorted(who, key=lambda each: (each.kind != NAMESPACE, each.kind.title, each.key))
    rows: list[tuple[Cell, ...]] = []
    for each in ordered[:_MOST]:
        binding = each.binding
        whose = "itself" if _is_own(each) else "namespace"
        why: Cell = ""
        if by_reason:
            why = (mark(binding.health), Span(f" {binding.state.value}"))
        rows.append((each.kind.title, each.key, whose, why))
    if len(who) > _MOST:
        rows.append(("", f"and {len(who) - _MOST:,} more: enter lists services", "", ""))
    columns = (
        Column("KIND", 7, 14, 1),
        Column("NAME", 16, 52, 0),
        Column("LABEL OF", 9, 10, 2),
        Column("", 8, 30, 0),
    )
    return (Grid(columns, rows),)


def _is_own(attachment: Attachment) -> bool:
    return attachment.kind == NAMESPACE or attachment.binding.label_of == "own"


def _grid_of_pods(row: Row) -> Grid:
    rows: list[tuple[Cell, ...]] = [
        (
            mark(_health(pod.healthy)),
            pod.name,
            f"{pod.ready}/{pod.containers}",
            pod.status,
            pod.node,
        )
        for pod in sorted(row.pods, key=lambda pod: (pod.healthy, pod.name))
    ]
    columns = (
        Column("", 1, 1, 0),
        Column("POD", 16, 44, 0),
        Column("READY", 5, 5, 1),
        Column("STATUS", 8, 20, 1),
        Column("NODE", 8, 24, 2),
    )
    return Grid(columns, rows)


def _health(healthy: bool) -> Health:
    return Health.OK if healthy else Health.BAD
