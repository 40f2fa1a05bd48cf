"""Namespaces: how each takes part in the mesh, and how far what its labels ask for has come true."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from meshtui.mesh import changes, namespaces, waypoint_rows, workloads
from meshtui.mesh.changes import Change, Refusal
from meshtui.mesh.enrollment import State
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import NAMESPACE
from meshtui.mesh.namespaces import Mode, Namespace
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.workloads import Workload
from meshtui.ui import evidence, times
from meshtui.ui.columns import Column
from meshtui.ui.detail import Fact, Grid, Section
from meshtui.ui.exchange import Jump, Offer, Wish
from meshtui.ui.pane import Pane
from meshtui.ui.spans import Cell, Line, Span, Tone, mark, said, tone


class NamespacesPane(Pane[Namespace]):
    NAME = "namespaces"
    TITLE = "Namespaces"
    NEEDS = (NAMESPACE, *namespaces.KINDS)
    COLUMNS = (
        Column("NAMESPACE", 14, 40, 0),
        Column("MODE", 7, 8, 1),
        Column("CAPTURED", 16, 20, 0),
        Column("WAYPOINT", 14, 36, 2),
        Column("mTLS", 10, 10, 3),
        Column("POLICIES", 8, 8, 5, right=True),
        Column("REVISION", 8, 20, 6),
        Column("AGE", 4, 6, 4, right=True),
    )
    EMPTY = "There are no namespaces that you may see."

    def rows(self, snapshot: Snapshot) -> Sequence[Namespace]:
        return namespaces.of(snapshot)

    def namespace_of(self, row: Namespace) -> str:
        return row.name

    def belongs(self, row: Namespace, within: str) -> bool:
        """The ones that name a waypoint."""
        return row.waypoint is not None and f"waypoint/{row.waypoint.key}" == within

    def cells(self, row: Namespace, snapshot: Snapshot) -> Sequence[Cell]:
        quiet = row.mode is Mode.NONE
        return (
            row.name,
            Span("–" if quiet else row.mode.value, Tone.MUTED if quiet else Tone.PLAIN),
            _captured(row),
            _waypoint(row),
            row.mtls.mode.value,
            "?" if row.policies is None else str(row.policies),
            _revision(row),
            times.age(row.created, snapshot.now),
        )

    def detail(self, row: Namespace, snapshot: Snapshot) -> Iterable[Section]:
        yield Section("", [said(each) for each in row.troubles[1:]])
        waypoint: Cell = "none named"
        if row.waypoint is not None:
            words = f" {row.waypoint.key}: {row.waypoint.reason or row.waypoint.state.value}"
            waypoint = (mark(row.waypoint.health), Span(words))
        policies = "not known" if row.policies is None else f"{row.policies} apply here"
        yield Section(
            "",
            [
                Fact("mode", row.mode.value),
                Fact("revision", _revision(row)),
                Fact("waypoint", waypoint),
                Fact("mTLS", evidence.mtls_words(row.mtls)),
                Fact("policies", policies),
                Fact("created", times.ago(row.created, snapshot.now)),
            ],
        )
        inside = [each for each in workloads.of(snapshot) if each.pod.namespace == row.name]
        yield Section("Pods", [_pods(inside)] if inside else [Fact("pods", "none")])

    def mesh_menu(self, rows: Sequence[Namespace], snapshot: Snapshot) -> Sequence[Offer]:
        inside = [row for row in rows if row.mode is Mode.AMBIENT]
        outside = [row for row in rows if row.mode is not Mode.AMBIENT]
        named = [row for row in rows if row.waypoint is not None]
        offers = [
            _offer("enroll", "in the mesh", outside, changes.enroll),
            _offer("remove", "from the mesh", inside, changes.unenroll),
            Offer("set the waypoint", "…", more=lambda: _waypoints(rows, snapshot)),
            _offer("clear the waypoint", "", named, changes.clear_waypoint),
        ]
        return [offer for offer in offers if offer.wishes or offer.more]

    def policies_of(self, row: Namespace, snapshot: Snapshot) -> Jump | None:
        return Jump("policies", within=f"namespace/{row.name}")

    def onward(self, row: Namespace) -> Jump | None:
        return Jump("workloads", within=f"namespace/{row.name}")


Builder = Callable[[Raw, Snapshot], Change | Refusal]


def _offer(title: str, words: str, rows: Sequence[Namespace], build: Builder) -> Offer:
    many = f"{len(rows)} namespaces" if len(rows) > 1 else ""
    return Offer(title, f"{many} {words}".strip(), _wishes(rows, build))


def _wishes(rows: Sequence[Namespace], build: Builder) -> tuple[Wish, ...]:
    return tuple(Wish(Ref(NAMESPACE, "", row.name), build) for row in rows)


def _waypoints(rows: Sequence[Namespace], snapshot: Snapshot) -> Sequence[Offer]:
    """A line for each waypoint, those of the namespace itself first."""
    own = {row.name for row in rows}
    found = [each for each in waypoint_rows.of(snapshot) if each.ref is not None]
    return [
        Offer(
            each.waypoint, each.verdict.reason, _wishes(rows, _setting(each.namespace, each.name))
        )
        for each in sorted(found, key=lambda each: (each.namespace not in own, each.waypoint))
    ]


def _setting(where: str, waypoint: str) -> Builder:
    return lambda it, snapshot: changes.set_waypoint(it, where, waypoint, snapshot)


_MOST_PODS = 60
_LINKS = ("label", "CNI", "HBONE", "proxied")


def _pods(inside: Sequence[Workload]) -> Grid:
    """The pods of a namespace with their chains, those that fail first."""
    worst_first = sorted(inside, key=lambda each: (-each.verdict.health.rank, each.pod.name))
    rows: list[tuple[Cell, ...]] = [
        (
            each.pod.name,
            *(mark(link.health) for link in each.enrolled.links),
            Span(each.enrolled.word, _tone(each.enrolled.state)),
        )
        for each in worst_first[:_MOST_PODS]
    ]
    if len(inside) > _MOST_PODS:
        rows.append((f"and {len(inside) - _MOST_PODS:,} more: enter lists them", *("",) * 5))
    columns = (
        Column("POD", 16, 44, 0),
        *(Column(title, len(title), len(title), 1) for title in _LINKS),
        Column("", 12, 30, 2),
    )
    return Grid(columns, rows)


def _tone(state: State) -> Tone:
    return Tone.PLAIN if state.health is Health.OK else tone(state.health)


def _captured(row: Namespace) -> Cell:
    if not row.pods.desired and row.unread:
        return Span("?", Tone.UNKNOWN)
    return evidence.captured(row.pods)


def _waypoint(row: Namespace) -> Cell:
    found = row.waypoint
    if found is None:
        return Span("–", Tone.MUTED)
    name = found.name if found.namespace == row.name else found.key
    if found.health is Health.OK:
        return name
    line: Line = (
        Span(f"{name} "),
        Span(f"{found.health.mark} {found.state.value}", tone(found.health)),
    )
    return line


def _revision(row: Namespace) -> str:
    if not row.revision:
        return "–"
    return f"{row.revision} (tag {row.tag})" if row.tag else row.revision
