"""Routes: where requests go, by which parents, and whether those take the route and its backends are there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from meshtui.mesh import raw, route_parents, routes
from meshtui.mesh.health import Health, Verdict, worst
from meshtui.mesh.kinds import GATEWAY, ISTIO_GATEWAY, SERVICE
from meshtui.mesh.route_backends import Backend
from meshtui.mesh.route_parents import Parent
from meshtui.mesh.routes import Route
from meshtui.mesh.snapshot import Snapshot
from meshtui.mesh.trace import reached
from meshtui.ui import notices, times, ways
from meshtui.ui.columns import Column
from meshtui.ui.detail import Fact, Grid, Section
from meshtui.ui.exchange import Jump
from meshtui.ui.pane import Pane
from meshtui.ui.sorting import since
from meshtui.ui.spans import Cell, Line, Span, Tone, mark, said, tone


class RoutesPane(Pane[Route]):
    NAME = "routes"
    ALIASES = ("rt", "route", "httproutes", "hr", "vs")
    TITLE = "Routes"
    NEEDS = routes.KINDS
    COLUMNS = (
        Column("NAMESPACE", 9, 24, 3, by=lambda row: row.ref.namespace, letter="P"),
        Column("KIND", 9, 14, 5),
        Column("ROUTE", 14, 36, 0, by=lambda row: row.ref.name, letter="N"),
        Column("HOSTS", 16, 36, 1),
        Column("PARENTS", 14, 32, 4),
        Column("ACCEPTED", 8, 8, 6),
        Column("REFS", 4, 6, 7),
        Column("BACKENDS", 20, 60, 0),
        Column("READY", 5, 7, 2, right=True),
        Column("AGE", 4, 6, 8, right=True, by=lambda row: since(row.created), letter="A"),
    )
    EMPTY = "There are no routes here."

    def rows(self, snapshot: Snapshot) -> Sequence[Route]:
        return routes.of(snapshot)

    def namespace_of(self, row: Route) -> str:
        return row.ref.namespace

    def belongs(self, row: Route, within: str) -> bool:
        """What names a gateway as its parent, or a Service as its parent or a backend."""
        what, _, name = within.partition("/")
        if what == "service":
            named = {("Service", name)}
            backends = {(each.ref.kind, each.ref.key) for each in row.backends}
            return not named.isdisjoint(backends | _parents(row))
        return (what, name) in _parents(row)

    def cells(self, row: Route, snapshot: Snapshot) -> Sequence[Cell]:
        return (
            row.ref.namespace,
            row.kind,
            row.ref.name,
            ", ".join(row.hosts) or Span("any", Tone.MUTED),
            ", ".join(_short(each, row) for each in row.parents) or Span("none", Tone.WARN),
            _over(each.accepted for each in row.parents),
            _over(each.resolved for each in row.parents),
            _backends(row),
            _ready(row),
            times.age(row.created, snapshot.now),
        )

    def detail(self, row: Route, snapshot: Snapshot) -> Iterable[Section]:
        yield Section("", [said(each) for each in row.troubles[1:]])
        yield Section(
            "",
            [
                Fact("kind", row.kind),
                Fact("hosts", ", ".join(row.hosts) or "any that its parents take"),
                Fact("created", times.ago(row.created, snapshot.now)),
            ],
        )
        for each in row.parents:
            yield Section(f"At {route_parents.title(each.ref)}", _said_at(each))
        yield Section("Rules", [_rules(row)] if row.rules else ())

    def onward(self, row: Route) -> Jump | None:
        return Jump("services", within=f"route/{row.ref.kind.plural}/{row.ref.key}")

    def used_by(self, row: Route, snapshot: Snapshot) -> Jump | None:
        """The first of its parents that is a row of another pane."""
        for parent in row.parents:
            for kind, pane in (
                (GATEWAY, "gateways"),
                (ISTIO_GATEWAY, "gateways"),
                (SERVICE, "services"),
            ):
                it = snapshot.find(kind, parent.ref.namespace, parent.ref.name)
                if parent.ref.kind == kind.title and it is not None:
                    return Jump(pane, key=raw.uid(it))
        return None

    def callee(self, row: Route, snapshot: Snapshot) -> str:
        return reached.through(row, snapshot)

    def owner(self, row: Route, snapshot: Snapshot) -> Jump | None:
        return ways.namespace(snapshot, row.ref.namespace)

    def notes(self, snapshot: Snapshot) -> list[Line]:
        return notices.below(snapshot, notices.wanted(snapshot, self.NEEDS))


def _parents(row: Route) -> set[tuple[str, str]]:
    return {(each.ref.kind, each.ref.key) for each in row.parents}


def _short(parent: Parent, row: Route) -> str:
    """ "public:https", "edge/public", "Service reviews:80"."""
    ref = parent.ref
    name = ref.name if ref.namespace in ("", row.ref.namespace) else ref.key
    place = ref.section or (str(ref.port) if ref.port else "")
    kind = "" if ref.kind in ("Gateway", "Istio Gateway", "mesh") else f"{ref.kind} "
    return f"{kind}{name}{f':{place}' if place else ''}"


def _over(verdicts: Iterable[Verdict]) -> Cell:
    """One word for all parents."""
    found = list(verdicts)
    health = worst(found).health
    if health is Health.NONE:
        return Span("–", Tone.MUTED)
    if health is Health.OK:
        return "yes"
    failing = sum(each.health is health for each in found)
    word = {Health.BAD: "no", Health.UNKNOWN: "?"}.get(health, "partly")
    some = f" {failing}/{len(found)}" if len(found) > 1 else ""
    return Span(f"{health.mark} {word}{some}", tone(health))


def _backends(row: Route) -> Line:
    """The backends of all rules, each once in a rule, with their weights where there are several."""
    spans: list[Span] = []
    for rule in row.rules:
        spans += [Span(" · ", Tone.MUTED)] if spans and rule.backends else []
        for position, each in enumerate(rule.backends):
            spans += [Span(" ")] if position else []
            spans.append(_backend(each, row, share=len(rule.backends) > 1))
    return tuple(spans) or (Span("none", Tone.MUTED),)


def _backend(backend: Backend, row: Route, *, share: bool) -> Span:
    ref, health = backend.ref, backend.verdict.health
    name = ref.name if ref.namespace in ("", row.ref.namespace) else ref.key
    part = f" {_percent(backend)}" if share else ""
    if health.rank <= Health.OK.rank:
        return Span(f"{name}{part}")
    return Span(f"{health.mark} {name}{part}", tone(health))


def _percent(backend: Backend) -> str:
    return "?" if backend.share is None else f"{backend.share:.0%}"


def _ready(row: Route) -> Cell:
    """Ready endpoints of all, over the backends that have any to count, each once."""
    counted = {
        each.ref.key: (each.ready, each.total)
        for each in row.backends
        if each.ready is not None and each.total is not None
    }
    if not counted:
        return Span("–", Tone.MUTED)
    ready, total = (sum(numbers) for numbers in zip(*counted.values(), strict=True))
    words = f"{ready}/{total}"
    if not ready:
        return Span(words, Tone.BAD)
    return Span(words, Tone.WARN) if ready < total else words


def _said_at(parent: Parent) -> Sequence[Fact | Line]:
    """What is said of the route at one parent: in plain words where something is wrong, and as it was said."""
    if not parent.judged:
        return [said(parent.accepted)]
    lines: list[Fact | Line] = []
    for each in parent.judged:
        verdict, condition = each.verdict, each.condition
        words = f" {condition.type}: {condition.message}"
        if verdict.health is not Health.OK:
            own = parent.accepted if condition.type == "Accepted" else verdict
            words = f" {condition.type}: {own.reason}: {condition.message}"
        lines.append((mark(verdict.health), Span(words)))
    return [*lines, (Span(f"  by {parent.controller}", Tone.MUTED),)]


def _rules(row: Route) -> Grid:
    """A line for each backend, the first of a rule with its matches."""
    rows: list[tuple[Cell, ...]] = []
    for number, rule in enumerate(row.rules, 1):
        matches = " or ".join(rule.matches) or "everything"
        if rule.actions:
            matches = f"{matches}; {', '.join(rule.actions)}"
        for position, each in enumerate(rule.backends):
            rows.append(
                (
                    mark(each.verdict.health),
                    "" if position else str(number),
                    each.ref.key + (f":{each.ref.port}" if each.ref.port else ""),
                    each.ref.subset,
                    _percent(each) if len(rule.backends) > 1 else "",
                    "–" if each.ready is None else f"{each.ready}/{each.total}",
                    "" if position else matches,
                )
            )
        if not rule.backends:
            rows.append(("", str(number), Span("none", Tone.MUTED), "", "", "", matches))
    return Grid(_RULE, rows)


_RULE = (
    Column("", 1, 1, 0),
    Column("RULE", 4, 4, 3, right=True),
    Column("BACKEND", 20, 40, 0),
    Column("SUBSET", 6, 14, 4),
    Column("SHARE", 5, 5, 1, right=True),
    Column("READY", 5, 7, 1, right=True),
    Column("FOR", 12, 400, 0),
)
