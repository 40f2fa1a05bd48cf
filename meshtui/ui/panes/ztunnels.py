"""Ztunnels: one row a node: its ztunnel and CNI agent, what it proxies of what it should, and what it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from meshtui.mesh import components, left_out, pod_templates, raw, ztunnel_probes, ztunnels
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.log_levels import Proxy
from meshtui.mesh.metrics import Metrics
from meshtui.mesh.snapshot import Answer, Ref, Snapshot
from meshtui.mesh.ztunnels import Ztunnel
from meshtui.ui import dump_lists, evidence, level_offers, times, ways
from meshtui.ui.columns import Column
from meshtui.ui.detail import Fact, Section
from meshtui.ui.exchange import Jump, Offer, Wants
from meshtui.ui.pane import Pane
from meshtui.ui.sorting import since
from meshtui.ui.spans import Cell, Line, Span, Tone, mark, said, tone


class ZtunnelsPane(Pane[Ztunnel]):
    NAME = "ztunnels"
    ALIASES = ("zt", "ztunnel")
    TITLE = "Ztunnels"
    NEEDS = ztunnels.KINDS
    COLUMNS = (
        Column("NODE", 12, 40, 0, by=lambda row: row.node, letter="N"),
        Column("ZTUNNEL", 13, 24, 4),
        Column("READY", 5, 6, 5, right=True),
        Column("VERSION", 7, 12, 3),
        Column("RESTARTS", 8, 8, 8, right=True),
        Column("PROXIED", 12, 34, 0, by=lambda row: row.proxied),
        Column("CNI", 5, 16, 2),
        Column("ISTIOD", 9, 16, 1),
        Column("CERTIFICATES", 15, 26, 6, by=lambda row: row.certificates),
        Column("READ", 5, 6, 7, right=True, by=lambda row: since(row.read_at)),
        Column(
            "AGE",
            4,
            6,
            9,
            right=True,
            by=lambda row: row.pod and since(row.pod.created),
            letter="A",
        ),
    )
    EMPTY = "There are no nodes that you may see, and no ztunnel pods."

    def rows(self, snapshot: Snapshot) -> Sequence[Ztunnel]:
        return ztunnels.of(snapshot)

    def belongs(self, row: Ztunnel, within: str) -> bool:
        what, _, name = within.partition("/")
        return row.node == name if what == "node" else True

    def cells(self, row: Ztunnel, snapshot: Snapshot) -> Sequence[Cell]:
        now, pod = snapshot.now, row.pod
        if pod is None:
            bare = Span("?", Tone.UNKNOWN) if row.unread else Span("none", Tone.MUTED)
            return (row.node, bare, "–", "–", "–", _proxied(row), _agent(row), "–", "–", "–", "–")
        return (
            row.node,
            pod.name,
            f"{pod.ready}/{pod.containers}",
            row.version or "?",
            str(pod.restarts),
            _proxied(row),
            _agent(row),
            _short(row.connected, "connected"),
            _certificates(row, now),
            times.age(row.read_at, now),
            times.age(pod.created, now),
        )

    def detail(self, row: Ztunnel, snapshot: Snapshot) -> Iterable[Section]:
        now, failure = snapshot.now, row.problem.text if row.problem else ""
        yield Section("", [said(each) for each in row.troubles[1:]])
        facts = [
            Fact("node", row.node),
            Fact("ztunnel", _named(row)),
            *_pod(row, now),
            Fact("version", row.version or "not told"),
            Fact("CNI agent", _told(row.agent_verdict, row.agent.key if row.agent else "none")),
            Fact("istiod", _told(row.connected, "connected", failure)),
            Fact("proxied", _counted(row)),
            *_certified(row, now),
            Fact("read", times.ago(row.read_at, now)),
        ]
        if row.pod is not None:
            facts += evidence.access_log(snapshot, (row.pod,))
        if row.problem is not None and row.problem.remedy:
            facts.append(Fact("next", row.problem.remedy))
        facts += _left_out(row, snapshot)
        yield Section("", facts)
        if row.ref is not None:
            answer = snapshot.answers.get(ztunnel_probes.detail(row.ref.namespace, row.ref.name))
            yield Section("Since it started", [*_counters(row, snapshot)])
            yield from dump_lists.sections(answer, snapshot, failure)

    def wants(self, row: Ztunnel | None, in_view: Sequence[Ztunnel], snapshot: Snapshot) -> Wants:
        pods = [each.ref for each in in_view if each.ref is not None]
        counted = tuple(ztunnel_probes.metrics(ref.namespace, ref.name) for ref in pods)
        if row is None or row.ref is None:
            return Wants(probes=counted)
        return Wants(probes=(ztunnel_probes.detail(row.ref.namespace, row.ref.name), *counted))

    def freshness(self, snapshot: Snapshot) -> Line:
        """How far the sweep is, beside how fresh the watched objects are."""
        sweep = snapshot.sweep
        if not sweep.enabled:
            read = "sweep off"
        elif sweep.read < sweep.total:
            read = f"{sweep.read:,} of {sweep.total:,} read"
        else:
            oldest = f", oldest {times.age(sweep.oldest, snapshot.now)}" if sweep.oldest else ""
            read = f"{sweep.total:,} read{oldest}"
        return (Span(f"{read}  ", Tone.MUTED), *super().freshness(snapshot))

    def changeable(self, row: Ztunnel) -> Ref | None:
        return pod_templates.controller(row.pod) if row.pod is not None else None

    def meshed(self, row: Ztunnel) -> Ref | None:
        """The log level takes another right than to change the DaemonSet."""
        return None

    def mesh_menu(self, rows: Sequence[Ztunnel], snapshot: Snapshot) -> Sequence[Offer]:
        return level_offers.of([row.pod for row in rows if row.pod is not None], Proxy.ZTUNNEL)

    def onward(self, row: Ztunnel) -> Jump | None:
        return Jump("certificates", within=f"ztunnel/{row.ref.key}") if row.ref else None

    def used_by(self, row: Ztunnel, snapshot: Snapshot) -> Jump | None:
        """The workloads that it serves."""
        return Jump("workloads", within=f"ztunnel/{row.ref.key}") if row.ref else None

    def ztunnel_of(self, row: Ztunnel, snapshot: Snapshot) -> Jump | None:
        return Jump(self.NAME, key=row.key)

    def node_of(self, row: Ztunnel, snapshot: Snapshot) -> Jump | None:
        return self.ztunnel_of(row, snapshot)

    def owner(self, row: Ztunnel, snapshot: Snapshot) -> Jump | None:
        """Its DaemonSet."""
        pod = self.object(row, snapshot)
        namespace = row.ref.namespace if row.ref else ""
        owners = raw.entries(pod, "metadata", "ownerReferences")
        return ways.owner(snapshot, owners, namespace)

    def istioctl(self, row: Ztunnel, snapshot: Snapshot) -> Sequence[str]:
        pod = row.ref
        return ("ztunnel-config", "all", f"{pod.name}.{pod.namespace}") if pod else ()

    def log_of(self, row: Ztunnel, snapshot: Snapshot) -> Ref | None:
        return row.ref

    def logs_of(self, row: Ztunnel, snapshot: Snapshot) -> Sequence[Ref]:
        """All on its node: there are two while one replaces the other."""
        rows = ztunnels.of(snapshot)
        return [each.ref for each in rows if each.node == row.node and each.ref is not None]


def _counters(row: Ztunnel, snapshot: Snapshot) -> Iterable[Fact]:
    """What matters of what it counts (doctor-rules.md, F)."""
    assert row.ref is not None
    probe = ztunnel_probes.metrics(row.ref.namespace, row.ref.name)
    found = snapshot.answers.get(probe, Answer()).value
    if not isinstance(found, Metrics):
        return
    failed = Counter[str]()
    for failure, count in found.failures.items():
        failed[f"{failure.flag}, {'plain text' if failure.plain else 'mTLS'}"] += count
    words = "; ".join(f"{count:,} {what}" for what, count in failed.most_common())
    yield Fact("failed", words or "no connection that it can tell why")
    ends = "; ".join(f"{count:,} {why}" for why, count in sorted(found.terminations.items()))
    yield Fact("istiod", f"{found.messages:,} messages; streams that ended: {ends or 'none'}")
    if found.open_files is not None and found.most_files:
        yield Fact("files", f"{found.open_files:,} of {found.most_files:,} that it may have open")


def _left_out(row: Ztunnel, snapshot: Snapshot) -> Iterable[Fact]:
    """Why nothing of the mesh runs on a node where it is wanted, and what would bring it there."""
    if not row.wanted or row.unread:
        return
    absent = [components.is_ztunnel] if row.pod is None else []
    bare = row.agent is None and row.agent_verdict.health is Health.BAD
    absent += [components.is_cni] if bare else []
    found = [left_out.of(snapshot, row.node, owns) for owns in absent]
    whys, steps = (each.why for each in found), (each.step for each in found)
    yield from (Fact("why", each) for each in dict.fromkeys(filter(None, whys)))
    for each in dict.fromkeys(filter(None, steps)):
        yield Fact("next", Span(each, Tone.STRONG))


def _named(row: Ztunnel) -> str:
    if row.ref is not None:
        return row.ref.key
    return f"not known: {row.unread}" if row.unread else "none runs here"


def _pod(row: Ztunnel, now: datetime) -> Iterable[Fact]:
    if row.pod is not None:
        pod = row.pod
        words = f"{pod.ready}/{pod.containers} ready, restarts {pod.restarts}"
        yield Fact("pod", f"{words}, created {times.age(pod.created, now)} ago")


def _certified(row: Ztunnel, now: datetime) -> Iterable[Fact]:
    if row.pod is not None and row.certificates is not None:
        yield Fact("certified", _certificates(row, now))


def _counted(row: Ztunnel) -> str:
    proxied = "not known" if row.proxied is None else str(row.proxied)
    if row.pod is None and not row.unread:
        proxied = "none"
    if row.partial:
        return f"{proxied}; of the pods that are looked at {row.expected} annotated, {row.wanted} wanted"
    if row.proxied is None:
        return f"{proxied}; {row.expected} annotated, {row.wanted} wanted"
    return f"{proxied} of {row.expected} annotated, {row.wanted} wanted"


def _proxied(row: Ztunnel) -> Cell:
    if row.pod is None:
        if row.unread:
            return Span("? not known", Tone.UNKNOWN)
        if not row.wanted:
            return Span("–", Tone.MUTED)
        return Span(f"✗ {row.wanted} unserved", Tone.BAD)
    if row.proxied is None:
        return Span("? not read", Tone.UNKNOWN)
    spans = [Span(f"{row.proxied}" if row.partial else f"{row.proxied} of {row.expected}")]
    if row.missing:
        spans.append(Span(f"  ✗ {row.missing}", Tone.BAD))
    if row.pending:
        spans.append(Span(f"  ! {row.pending}", Tone.WARN))
    return tuple(spans)


def _agent(row: Ztunnel) -> Cell:
    health = row.agent_verdict.health
    if row.agent is None and health in (Health.WARN, Health.BAD):
        return Span(f"{health.mark} none", tone(health))
    return _short(row.agent_verdict, "ready")


def _short(verdict: Verdict, well: str) -> Cell:
    """A verdict in a cell: its own word where all is well, else its mark and the word of its health."""
    if verdict.health is Health.OK:
        return well
    if verdict.health is Health.NONE:
        return Span("–", Tone.MUTED)
    return Span(f"{verdict.health.mark} {verdict.health.word}", tone(verdict.health))


def _told(verdict: Verdict, well: str, told: str = "") -> Cell:
    """A verdict in words; `told` is a failure that stands above already."""
    if verdict.health is Health.OK:
        return (mark(Health.OK), Span(f" {well}"))
    if told and verdict.reason == told:
        return (mark(verdict.health), Span(" not known"))
    return (mark(verdict.health), Span(f" {verdict.reason or verdict.health.word}"))


def _certificates(row: Ztunnel, now: datetime) -> Cell:
    if row.certificates is None:
        return Span("?", Tone.UNKNOWN)
    worst = row.certificates_verdict.health
    if worst not in (Health.OK, Health.NONE):
        return Span(
            f"{worst.mark} {row.certificates}, {row.certificates_verdict.reason}", tone(worst)
        )
    if row.renews is None:
        return str(row.certificates)
    return f"{row.certificates}, renew in {times.duration(row.renews - now)}"
