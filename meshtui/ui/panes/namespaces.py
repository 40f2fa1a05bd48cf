"""Namespaces: how each takes part in the mesh, and how far what its labels ask for has come true."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from meshtui.mesh import changes, namespaces, sidecar_moves, workloads
from meshtui.mesh.changes import Change, Refusal
from meshtui.mesh.checks import count
from meshtui.mesh.enrollment import State
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import NAMESPACE
from meshtui.mesh.namespaces import Mode, Namespace
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.workloads import Workload
from meshtui.ui import evidence, times, waypoint_offers
from meshtui.ui.columns import Column
from meshtui.ui.detail import Fact, Grid, Section
from meshtui.ui.exchange import Jump, Offer, Wish
from meshtui.ui.pane import Pane
from meshtui.ui.sorting import since
from meshtui.ui.spans import Cell, Line, Span, Tone, mark, said, tone


class NamespacesPane(Pane[Namespace]):
    NAME = "namespaces"
    TITLE = "Namespaces"
    NEEDS = (NAMESPACE, *namespaces.KINDS)
    COLUMNS = (
        Column("NAMESPACE", 12, 40, 0, by=lambda row: row.name, letter="N"),
        Column("MODE", 7, 8, 1),
        Column("CAPTURED", 16, 20, 0),
        Column("WAYPOINT", 17, 36, 2),
        Column("mTLS", 10, 10, 3),
        Column("POLICIES", 8, 8, 5, right=True),
        Column("REVISION", 8, 20, 6),
        Column("AGE", 4, 6, 4, right=True, by=lambda row: since(row.created), letter="A"),
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
            _UNKNOWN
            if row.mode is Mode.UNKNOWN
            else Span("–" if quiet else row.mode.value, Tone.MUTED if quiet else Tone.PLAIN),
            _captured(row),
            _waypoint(row),
            row.mtls.mode.value,
            "?" if row.policies is None else str(row.policies),
            _revision(row),
            times.age(row.created, snapshot.now),
        )

    def detail(self, row: Namespace, snapshot: Snapshot) -> Iterable[Section]:
        yield Section("", [said(each) for each in row.troubles[1:]])
        waypoint: Cell = "not known" if row.mode is Mode.UNKNOWN else "none named"
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
        inside = [row for row in rows if row.mode in (Mode.AMBIENT, Mode.BOTH)]
        injected = [row for row in rows if row.mode in (Mode.SIDECAR, Mode.BOTH)]
        outside = [row for row in rows if row.mode in (Mode.NONE, Mode.SIDECAR)]
        named = [row.ref for row in rows if row.waypoint is not None]
        offers = [
            *_from_sidecars(injected, snapshot),
            _offer("enroll", "in the mesh", outside, changes.enroll),
            _offer("remove", "from the mesh", inside, changes.unenroll),
        ]
        about_waypoints = waypoint_offers.of([row.ref for row in rows], named, snapshot)
        return [*(offer for offer in offers if offer.wishes), *about_waypoints]

    def policies_of(self, row: Namespace, snapshot: Snapshot) -> Jump | None:
        return Jump("policies", within=f"namespace/{row.name}")

    def used_by(self, row: Namespace, snapshot: Snapshot) -> Jump | None:
        """The Services in it."""
        return Jump("services", within=f"namespace/{row.name}")

    def istioctl(self, row: Namespace, snapshot: Snapshot) -> Sequence[str]:
        return ("ztunnel-config", "workload", "--workload-namespace", row.name)

    def onward(self, row: Namespace) -> Jump | None:
        return Jump("workloads", within=f"namespace/{row.name}")


Builder = Callable[[Raw, Snapshot], Change | Refusal]


def _offer(title: str, words: str, rows: Sequence[Namespace], build: Builder) -> Offer:
    many = f"{len(rows)} namespaces" if len(rows) > 1 else ""
    return Offer(title, f"{many} {words}".strip(), _wishes(rows, build))


def _wishes(rows: Sequence[Namespace], build: Builder) -> tuple[Wish, ...]:
    return tuple(Wish(Ref(NAMESPACE, "", row.name), build) for row in rows)


def _from_sidecars(rows: Sequence[Namespace], snapshot: Snapshot) -> Iterable[Offer]:
    """With the restarts that it needs, where a pod has a sidecar, and without."""
    controllers = {row.name: sidecar_moves.controllers(row.name, snapshot) for row in rows}
    number = sum(map(len, controllers.values()))
    wishes: list[Wish] = []
    for row in rows:
        build = partial(sidecar_moves.leave_sidecars, restarting=bool(controllers[row.name]))
        wishes += (*_wishes((row,), build), *map(_restart, controllers[row.name]))
    if number:
        words = f"and restart {count(number, 'controller')}, one after the other"
        yield Offer("move from sidecars", words, tuple(wishes))
    alone = "move from sidecars by the labels alone"
    yield Offer(alone, "", _wishes(rows, sidecar_moves.leave_sidecars))


def _restart(target: Ref) -> Wish:
    return Wish(target, lambda it, snapshot: changes.restart(target, it, snapshot.now))


_UNKNOWN = Span("?", Tone.UNKNOWN)
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
        return _UNKNOWN
    return evidence.captured(row.pods)


def _waypoint(row: Namespace) -> Cell:
    found = row.waypoint
    if row.mode is Mode.UNKNOWN:
        return _UNKNOWN
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
    if row.mode is Mode.UNKNOWN:
        return "?"
    if not row.revision:
        return "–"
    return f"{row.revision} (tag {row.tag})" if row.tag else row.revision
