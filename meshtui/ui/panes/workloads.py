"""Workloads: every pod as kubectl shows it, and whether it is really in the mesh, with the evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cache
from operator import attrgetter

from meshtui.mesh import (
    changes,
    components,
    events,
    left_out,
    nodes,
    pod_templates,
    pods,
    policy_rows,
    raw,
    services,
    workloads,
    ztunnel_probes,
)
from meshtui.mesh.changes import Change, Refusal
from meshtui.mesh.enrollment import Enrollment, State
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import POD
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.workloads import Workload
from meshtui.ui import detail, evidence, times, ways
from meshtui.ui.columns import Column
from meshtui.ui.detail import Fact, Section
from meshtui.ui.exchange import Jump, Offer, Wants, Wish
from meshtui.ui.pane import Pane
from meshtui.ui.sorting import since
from meshtui.ui.spans import Cell, Line, Span, Tone, mark, tone


def _how_ready(row: Workload) -> tuple[float, int]:
    """The least ready first, by its share."""
    return row.pod.ready / max(1, row.pod.containers), row.pod.ready


class WorkloadsPane(Pane[Workload]):
    NAME = "workloads"
    ALIASES = ("wl", "workload", "po", "pods", "pod")
    TITLE = "Workloads"
    NEEDS = workloads.KINDS
    COLUMNS = (
        Column("NAMESPACE", 10, 24, 2, by=lambda row: row.pod.namespace, letter="P"),
        Column("NAME", 24, 50, 0, by=lambda row: row.pod.name, letter="N"),
        Column("READY", 5, 6, 4, right=True, by=_how_ready, letter="R"),
        Column("STATUS", 9, 20, 3, by=lambda row: row.pod.status),
        Column("RESTARTS", 8, 14, 6, right=True, by=lambda row: row.pod.restarts, letter="T"),
        Column("ENROLLED", 15, 22, 1, by=lambda row: _worst_first(row.enrolled)),
        Column("ACCOUNT", 12, 20, 8, by=lambda row: row.pod.account),
        Column("NODE", 10, 24, 7, by=lambda row: row.pod.node),
        Column("CHANGED", 7, 7, 9, right=True, by=lambda row: since(row.pod.changed)),
        Column("AGE", 4, 6, 5, right=True, by=lambda row: since(row.pod.created), letter="A"),
        Column("ZTUNNEL", 10, 16, 10, by=lambda row: _ztunnel(row)),
        Column("CONTROLLER", 10, 32, 11, by=lambda row: row.pod.controller),
    )
    EMPTY = "There are no pods here."
    ROW_AND_TIME = True

    def rows(self, snapshot: Snapshot) -> Sequence[Workload]:
        return snapshot.once(_placed, workloads.of(snapshot))

    def namespace_of(self, row: Workload) -> str:
        return row.pod.namespace

    def belongs(self, row: Workload, within: str) -> bool:
        what, _, name = within.partition("/")
        match what:
            case "namespace":
                return row.pod.namespace == name
            case "node":
                return row.pod.node == name
            case "service":
                return self.snapshot is not None and row.pod.key in services.pods(
                    self.snapshot, name
                )
            case "policy":
                return self.snapshot is not None and row.pod.key in policy_rows.pods_of(
                    self.snapshot, name
                )
            case "waypoint":
                return row.waypoint is not None and row.waypoint.key == name
            case "controller":
                return f"{row.pod.namespace}/{row.pod.controller}" == name
            case _:
                return row.enrolled.ztunnel == name

    def cells(self, row: Workload, snapshot: Snapshot) -> Sequence[Cell]:
        pod = row.pod
        ready = f"{pod.ready}/{pod.containers}"
        return (
            pod.namespace,
            pod.name,
            ready,
            Span(pod.status, Tone.PLAIN if pod.status in _CALM else Tone.WARN),
            _restarts(pod.restarts, pod.restarted, snapshot.now),
            _enrolled(row),
            pod.account,
            pod.node or "–",
            times.age(pod.changed, snapshot.now),
            times.age(pod.created, snapshot.now),
            _ztunnel(row),
            pod.controller,
        )

    def detail(self, row: Workload, snapshot: Snapshot) -> Iterable[Section]:
        pod, now = row.pod, snapshot.now
        chain = [evidence.link(each, now) for each in workloads.chain(snapshot, row)]
        yield Section("", [*chain, *_cure(row, snapshot)])
        waypoint: Cell = "none"
        if row.waypoint is not None:
            named = f"{row.waypoint.key} (label of the {row.waypoint.label_of}) "
            waypoint = (mark(row.waypoint.health), Span(f" {named}{row.waypoint.reason}".rstrip()))
        yield Section(
            "",
            [
                Fact("identity", row.identity or "none: it is not to be in the mesh"),
                Fact("ztunnel", row.enrolled.ztunnel or _no_ztunnel(row)),
                Fact("waypoint", waypoint),
                Fact("mTLS", evidence.mtls_words(row.mtls)),
                Fact("listed as", row.protocol or "not told"),
            ],
        )
        yield Section(
            "",
            [
                Fact("pod", f"{pod.status}, {pod.ready} of {pod.containers} containers ready"),
                Fact("restarts", _restarts(pod.restarts, pod.restarted, now)),
                Fact("controller", pod.controller or "none: it is a pod of its own"),
                Fact("node", pod.node or "not scheduled"),
                Fact("account", pod.account),
                Fact("address", pod.address or "–"),
                Fact("image", pod.image or "–"),
                Fact("started", times.ago(pod.started, now)),
                Fact("created", times.ago(pod.created, now)),
                Fact("changed", times.ago(pod.changed, now)),
            ],
        )
        yield detail.happened(snapshot, row.ref, pod.uid)

    def described(self, row: Workload, snapshot: Snapshot) -> Iterable[Section]:
        yield from self.detail(row, snapshot)
        found = self.object(row, snapshot)
        yield detail.conditions(found, snapshot.now)
        yield detail.about(found, snapshot.now)

    def wants(self, row: Workload | None, in_view: Sequence[Workload], snapshot: Snapshot) -> Wants:
        if row is None:
            return Wants()
        asked = (row, *(each for each in in_view if each.enrolled.state not in _NOT_IN_MESH))
        serving = dict.fromkeys(each.enrolled.ztunnel for each in asked)
        named = [key.partition("/") for key in serving if key][:_MOST_ZTUNNELS]
        return Wants(
            scopes=(events.scope(row.ref, row.pod.uid),),
            probes=tuple(ztunnel_probes.dump(namespace, name) for namespace, _, name in named),
        )

    def onward(self, row: Workload) -> Jump | None:
        return self.ztunnel_of(row, self.snapshot) if self.snapshot else None

    def used_by(self, row: Workload, snapshot: Snapshot) -> Jump | None:
        return Jump("services", within=f"workload/{row.pod.key}")

    def caller(self, row: Workload) -> str:
        return f"{row.pod.namespace}/pod/{row.pod.name}"

    def callee(self, row: Workload, snapshot: Snapshot) -> str:
        return self.caller(row)

    def policies_of(self, row: Workload, snapshot: Snapshot) -> Jump | None:
        return Jump("policies", within=f"workload/{row.pod.key}")

    def owner(self, row: Workload, snapshot: Snapshot) -> Jump | None:
        """All pods of its controller; from there, and from a pod of its own, its namespace."""
        within = f"controller/{row.pod.namespace}/{row.pod.controller}"
        if row.pod.controller and self.within != within:
            return Jump(self.NAME, within=within, key=row.key)
        return ways.namespace(snapshot, row.pod.namespace)

    def changeable(self, row: Workload) -> Ref | None:
        return pod_templates.controller(row.pod)

    def mesh_menu(self, rows: Sequence[Workload], snapshot: Snapshot) -> Sequence[Offer]:
        """For the controllers, whose pods' template carries the label."""
        found = [pod_templates.controller(row.pod) for row in rows]
        targets = tuple(dict.fromkeys(each for each in found if each is not None))
        words = targets[0].name if len(targets) == 1 else f"{len(targets)} controllers"
        if not targets:
            return ()
        cures = []
        if any(_cured_by_restart(row, snapshot) for row in rows):
            again = tuple(_wish(target, _restart) for target in targets)
            cures = [Offer("restart", f"{words}, whose new pods are captured anew", again)]
        return cures + [
            Offer(title, words, tuple(_wish(target, build) for target in targets))
            for title, build in (
                ("take in", pod_templates.join),
                ("take out", pod_templates.leave),
                ("as its namespace says", pod_templates.follow),
            )
        ]

    def ztunnel_of(self, row: Workload, snapshot: Snapshot) -> Jump | None:
        namespace, _, name = row.enrolled.ztunnel.partition("/")
        pod = snapshot.find(POD, namespace, name)
        return Jump("ztunnels", key=raw.uid(pod)) if pod else None

    def istioctl(self, row: Workload, snapshot: Snapshot) -> Sequence[str]:
        namespace, _, name = row.enrolled.ztunnel.partition("/")
        asked = ("ztunnel-config", "workload", *([f"{name}.{namespace}"] if name else []))
        return (*asked, "--workload-namespace", row.pod.namespace)

    def node_of(self, row: Workload, snapshot: Snapshot) -> Jump | None:
        return ways.node(snapshot, row.pod.node)

    def log_of(self, row: Workload, snapshot: Snapshot) -> Ref | None:
        return Ref(POD, row.pod.namespace, row.pod.name)

    def logs_of(self, row: Workload, snapshot: Snapshot) -> Sequence[Ref]:
        """Those that the same controller made."""
        pod = row.pod
        return [
            Ref(POD, each.namespace, each.name)
            for each in pods.of(snapshot).values()
            if each is pod
            or (
                pod.controller
                and (each.namespace, each.controller) == (pod.namespace, pod.controller)
            )
        ]


def _worst_first(enrolled: Enrollment) -> tuple[int, str] | None:
    health = enrolled.state.health
    return None if health is Health.UNKNOWN else (-health.rank, enrolled.word)


def _no_ztunnel(row: Workload) -> str:
    *_, proxied = row.enrolled.links
    return "not known" if proxied.health is Health.UNKNOWN else "none"


def _cured_by_restart(row: Workload, snapshot: Snapshot) -> bool:
    return row.enrolled.state in _CURED_BY_RESTART and not nodes.lacks_agent(snapshot, row.pod.node)


def _cure(row: Workload, snapshot: Snapshot) -> Iterable[Fact]:
    """What has a pod captured that should be and is not: the CNI agent takes in the pods that it sees coming."""
    if row.enrolled.state not in _CURED_BY_RESTART:
        return
    if nodes.lacks_agent(snapshot, row.pod.node):
        left = left_out.of(snapshot, row.pod.node, components.is_cni)
        yield from [Fact("why", left.why)] if left.why else []
        step = left.step or f"see why no CNI agent is ready on {row.pod.node}: o leads there"
        yield Fact("cure", Span(step, Tone.STRONG))
        return
    cure = f"r restarts {row.pod.controller}, whose new pods are captured anew"
    if pod_templates.controller(row.pod) is None:
        cure = "make the pod anew: it has no controller that would"
    yield Fact("cure", Span(cure, Tone.STRONG))


def _restart(target: Ref, it: Raw, snapshot: Snapshot) -> Change | Refusal:
    return changes.restart(target, it, snapshot.now)


def _wish(target: Ref, build: Callable[[Ref, Raw, Snapshot], Change | Refusal]) -> Wish:
    return Wish(target, lambda it, snapshot: build(target, it, snapshot))


_CURED_BY_RESTART = (State.NOT_ANNOTATED, State.NOT_PROXIED)
"""A pod that was never captured, and a ghost (doctor-rules.md, AMB-001 and AMB-002)."""
_NOT_IN_MESH = (State.OUTSIDE, State.SIDECAR, State.ENDED)
"""What no ztunnel is asked about, but for the selected row."""
_MOST_ZTUNNELS = 4
"""So many are read again and again for the rows in view; a dump may have megabytes, and the sweep reads the others."""
_CALM = frozenset({"Running", "Completed", "Succeeded"})


def _placed(found: Sequence[Workload]) -> Sequence[Workload]:
    return sorted(found, key=attrgetter("pod.key"))


def _restarts(count: int, last: datetime | None, now: datetime) -> str:
    return f"{count} ({times.age(last, now)} ago)" if last is not None and count else str(count)


def _ztunnel(row: Workload) -> str:
    return row.enrolled.ztunnel.partition("/")[2]


def _enrolled(row: Workload) -> Line:
    return _word_of(row.enrolled.state.health, row.enrolled.word)


@cache  # there are few, and a filter asks it of every row
def _word_of(health: Health, word: str) -> Line:
    if health in (Health.OK, Health.NONE):
        return (Span(word, Tone.PLAIN if health is Health.OK else Tone.MUTED),)
    return (mark(health), Span(f" {word}", tone(health)))
