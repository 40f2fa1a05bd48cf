"""Services: how each is reached, who answers and whether in the mesh, its waypoint, routes and policies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from meshtui.mesh import policy_rows, raw, routes, service_entries, service_traffic
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import POD
from meshtui.mesh.service_entries import ServiceEntry
from meshtui.mesh.service_specs import Port, ServiceSpec
from meshtui.mesh.service_traffic import Traffic
from meshtui.mesh.services import Service
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.waypoints import USE_WAYPOINT
from meshtui.ui import (
    evidence,
    notices,
    service_entry_facts,
    times,
    traffic_facts,
    waypoint_offers,
    ways,
)
from meshtui.ui.columns import Column
from meshtui.ui.detail import Fact, Grid, Section
from meshtui.ui.exchange import Jump, Offer, Wants
from meshtui.ui.pane import Pane
from meshtui.ui.sorting import since
from meshtui.ui.spans import Cell, Line, Span, Tone, mark, said, tone

Row = Service | ServiceEntry


class ServicesPane(Pane[Row]):
    NAME = "services"
    ALIASES = ("svc", "service")
    TITLE = "Services"
    NEEDS = service_entries.KINDS
    COLUMNS = (
        Column("NAMESPACE", 9, 24, 2, by=lambda row: row.ref.namespace, letter="P"),
        Column("SERVICE", 12, 40, 0, by=lambda row: row.ref.name, letter="N"),
        Column("TYPE", 9, 12, 7),
        Column("ADDRESS", 10, 20, 8),
        Column("PORTS", 11, 30, 6),
        Column("READY", 5, 7, 3, right=True),
        Column("IN MESH", 7, 12, 1),
        Column("WAYPOINT", 17, 40, 0),
        Column("FAILS", 5, 6, 2),
        Column("REQ/S", 5, 7, 5, right=True),
        Column("5XX", 3, 5, 5, right=True),
        Column("FAILED/S", 8, 8, 4, right=True),
        Column("ROUTES", 6, 6, 6, right=True),
        Column("POLICIES", 8, 8, 4, right=True),
        Column("EXTERNAL", 8, 30, 10),
        Column("AGE", 4, 6, 9, right=True, by=lambda row: since(_created(row)), letter="A"),
    )
    EMPTY = "There are no services here."

    def rows(self, snapshot: Snapshot) -> Sequence[Row]:
        service_traffic.counted(snapshot)
        routes.of(snapshot)  # the detail shows them, and here they are not derived on the loop
        return service_entries.with_services(snapshot)

    def namespace_of(self, row: Row) -> str:
        return row.ref.namespace

    def belongs(self, row: Row, within: str) -> bool:
        what, _, name = within.partition("/")
        match what:
            case "waypoint":
                return row.waypoint is not None and row.waypoint.key == name
            case "workload" if isinstance(row, ServiceEntry):
                return any(each.pod.key == name for each in row.pods)
            case "policy" if isinstance(row, ServiceEntry):
                found = self.snapshot
                known = policy_rows.for_service_entry(found, row.ref.key) if found else ()
                own = f"{row.ref.kind.plural}/{row.ref.key}"
                return name in (own, *(each.named for each in known))
            case "policy" | "workload" | "route":
                return isinstance(row, Service) and self._leads(row, what, name)
            case _:
                return row.ref.namespace == name

    def _leads(self, row: Service, what: str, name: str) -> bool:
        """Whether a policy, pod or route is for a Service."""
        if what == "policy":
            return self.snapshot is not None and row.ref.key in policy_rows.services_of(
                self.snapshot, name
            )
        if what == "workload":
            return row.endpoints is not None and name in row.endpoints.pods
        routes = (each.route for each in row.routes)
        return any(f"{route.kind.plural}/{route.key}" == name for route in routes)

    def cells(self, row: Row, snapshot: Snapshot) -> Sequence[Cell]:
        if isinstance(row, ServiceEntry):
            return service_entry_facts.cells(row, _waypoint(row), snapshot.now)
        spec, found = row.spec, row.endpoints
        return (
            spec.namespace,
            spec.name,
            spec.type,
            spec.external_name or spec.address,
            ", ".join(map(str, spec.ports)),
            "?" if found is None else f"{found.ready}/{found.total}",
            evidence.captured(row.captured, drawn=False),
            _waypoint(row),
            Span(row.waypoint.fails if row.waypoint else "", Tone.BAD),
            *traffic_facts.cells(_traffic(row, snapshot)),
            _count(len(row.routes), row.routes_unread),
            _count(len(row.policies), row.policies_unread),
            spec.external,
            times.age(spec.created, snapshot.now),
        )

    def detail(self, row: Row, snapshot: Snapshot) -> Iterable[Section]:
        if isinstance(row, ServiceEntry):
            yield from service_entry_facts.detail(row, snapshot.now)
            return
        spec = row.spec
        yield Section("", [said(each) for each in row.troubles[1:]])
        yield Section("", [*_reached(row)])
        yield Section("Waypoint", [*_effective(row)])
        yield Section("Traffic", [*traffic_facts.of(_traffic(row, snapshot))])
        yield Section("Endpoints", [*_endpoints(row)])
        yield Section("Routes", [*_routes(row, snapshot)])
        yield Section("Policies", [*_policies(row)])
        yield Section("", [Fact("created", times.ago(spec.created, snapshot.now))])

    def wants(self, row: Row | None, in_view: Sequence[Row], snapshot: Snapshot) -> Wants:
        """What the waypoints of those in view count, and the ztunnels, of which a sweep knows less often."""
        named = [each.waypoint.key for each in in_view if each.waypoint is not None]
        return Wants(probes=service_traffic.wanted(snapshot, named))

    def mesh_menu(self, rows: Sequence[Row], snapshot: Snapshot) -> Sequence[Offer]:
        """For those that may have a waypoint; a waypoint's own Service has none."""
        found = [row for row in rows if isinstance(row, Service) and not row.spec.proxy]
        named = [row.ref for row in found if USE_WAYPOINT in row.spec.labels]
        return waypoint_offers.of([row.ref for row in found], named, snapshot) if found else ()

    def action_mesh(self) -> None:
        """Says where to change what is not changed on its own row."""
        row, snapshot = self.table.selected, self.snapshot
        if row is None or snapshot is None or self.mesh_menu(self.meant, snapshot):
            super().action_mesh()
        elif isinstance(row, ServiceEntry):
            told = service_entry_facts.waypoint_set_by(row, self.place.context)
            self.post_message(self.Told(told))
        else:
            words = "This Service was made for a Gateway, which J leads to: m is for that one."
            self.post_message(self.Told(words))

    def onward(self, row: Row) -> Jump | None:
        if isinstance(row, ServiceEntry):
            return None
        return Jump("workloads", within=f"service/{row.ref.key}")

    def used_by(self, row: Row, snapshot: Snapshot) -> Jump | None:
        named = isinstance(row, Service) and row.routes
        return Jump("routes", within=f"service/{row.ref.key}") if named else None

    def logs_of(self, row: Row, snapshot: Snapshot) -> Sequence[Ref]:
        """Its endpoints'."""
        if isinstance(row, ServiceEntry):
            return [each.ref for each in row.pods]
        names = (key.partition("/") for key in (row.endpoints.pods if row.endpoints else ()))
        return [Ref(POD, namespace, name) for namespace, _, name in names]

    def callee(self, row: Row, snapshot: Snapshot) -> str:
        if isinstance(row, ServiceEntry):
            return row.called
        port = f":{row.spec.ports[0].number}" if len(row.spec.ports) == 1 else ""
        return f"{row.ref.namespace}/service/{row.ref.name}{port}"

    def policies_of(self, row: Row, snapshot: Snapshot) -> Jump | None:
        what = "serviceentry" if isinstance(row, ServiceEntry) else "service"
        return Jump("policies", within=f"{what}/{row.ref.key}")

    def owner(self, row: Row, snapshot: Snapshot) -> Jump | None:
        """The Gateway that it was made for, else its namespace."""
        for each in raw.entries(self.object(row, snapshot), "metadata", "ownerReferences"):
            if raw.text(each, "kind") == "Gateway":
                own = isinstance(row, Service) and row.spec.proxy
                pane = "waypoints" if own else "gateways"
                return Jump(pane, key=raw.text(each, "uid"))
        return ways.namespace(snapshot, row.ref.namespace)

    def istioctl(self, row: Row, snapshot: Snapshot) -> Sequence[str]:
        return ("ztunnel-config", "service", "--service-namespace", row.ref.namespace)

    def notes(self, snapshot: Snapshot) -> list[Line]:
        return notices.below(snapshot, notices.wanted(snapshot, self.NEEDS))


_MOST = 40
"""So many rows of a list stand in the detail."""


def _traffic(row: Service, snapshot: Snapshot) -> Traffic:
    waypoint = row.waypoint.key if row.waypoint is not None else None
    return service_traffic.of(snapshot, row.spec.namespace, row.spec.name, waypoint)


def _created(row: Row) -> datetime | None:
    return row.created if isinstance(row, ServiceEntry) else row.spec.created


def _waypoint(row: Row) -> Cell:
    found = row.waypoint
    if found is None:
        opted_out = isinstance(row, Service) and row.opted_out
        return Span("opted out" if opted_out else "–", Tone.MUTED)
    name = found.name if found.namespace == row.ref.namespace else found.key
    if found.health is Health.OK:
        return name
    return (
        Span(f"{name} "),
        Span(f"{found.health.mark} {found.state.value}", tone(found.health)),
    )


def _count(number: int, unread: str) -> str:
    return "?" if unread and not number else f"{number}+?" if unread else str(number)


def _reached(row: Service) -> Iterable[Fact]:
    """How it is addressed."""
    spec = row.spec
    yield Fact("type", spec.type)
    yield Fact("address", spec.external_name or spec.address or "none")
    if spec.external:
        yield Fact("external", spec.external)
    for position, port in enumerate(spec.ports):
        yield Fact("" if position else "ports", _port(port))
    yield Fact("selector", _selector(spec))


def _port(port: Port) -> Line:
    """A port, what is spoken there, and who says so."""
    spoken = port.app_protocol or "protocol not declared"
    by = " (by its name)" if port.app_protocol and port.by_name else ""
    to = f" → {port.target}" if port.target else ""
    return (
        Span(f"{port.number}/{port.protocol}{to}"),
        Span(f"  {spoken}{by}", Tone.PLAIN if port.app_protocol else Tone.MUTED),
    )


def _selector(spec: ServiceSpec) -> str:
    pairs = (f"{label}={value}" for label, value in spec.selector.items())
    return ", ".join(pairs) or "none: its endpoints are written by somebody else"


def _effective(row: Service) -> Iterable[Fact | Line]:
    """The waypoint that traffic to it takes, why that one, and what istiod says."""
    found = row.waypoint
    if found is None:
        yield Fact("waypoint", f"none: {row.why}")
    else:
        yield Fact("waypoint", f"{found.key}, {row.why}")
        words = found.reason or "traffic to the service goes through it"
        yield Fact("in effect", (mark(found.health), Span(f" {words}")))
    if found is not None and found.fails:
        yield Fact("fails", found.fails)
    if row.spec.bound is not None:
        told = row.spec.bound
        words = f"{told.type.partition('/')[2]}={told.status} {told.reason}: {told.message}"
        yield Fact("istiod", words)


def _endpoints(row: Service) -> Iterable[Grid | Fact]:
    """Who answers, those that fail first."""
    found = row.endpoints
    if found is None or not found.each:
        yield Fact("endpoints", "not known" if found is None else "none")
        return
    pods = {each.pod.key: each for each in row.pods}
    rows: list[tuple[Cell, ...]] = []
    for each in sorted(found.each, key=lambda each: (each.ready, each.pod)):
        pod = pods.get(each.pod)
        enrolled: Cell = ""
        if pod is not None:
            enrolled = (
                mark(pod.enrolled.state.health),
                Span(f" {pod.enrolled.word}"),
            )
        rows.append(
            (
                each.pod.rpartition("/")[2] or each.address,
                "ready" if each.ready else Span("not ready", Tone.BAD),
                enrolled,
                each.address if each.pod else "",
            )
        )
    more = len(rows) - _MOST
    if more > 0:
        rows = [*rows[:_MOST], (f"and {more:,} more: enter lists them", "", "", "")]
    columns = (
        Column("ENDPOINT", 16, 44, 0),
        Column("READY", 5, 9, 1),
        Column("ENROLLED", 8, 24, 0),
        Column("ADDRESS", 8, 40, 2),
    )
    yield Grid(columns, rows)


def _routes(row: Service, snapshot: Snapshot) -> Iterable[Grid | Fact]:
    if row.routes:
        known = {each.ref: each for each in routes.of(snapshot)}
        rows: list[tuple[Cell, ...]] = []
        for each in row.routes[:_MOST]:
            verdict = known[each.route].verdict
            how = "decides" if each.before else "leads here"
            name = each.route.key
            rows.append((mark(verdict.health), each.route.kind.title, name, how, verdict.reason))
        columns = (
            Column("", 1, 1, 0),
            Column("KIND", 9, 14, 2),
            Column("ROUTE", 12, 36, 0),
            Column("", 7, 10, 1),
            Column("", 16, 400, 0),
        )
        yield Grid(columns, rows)
    if row.routes_unread:
        yield Fact("more", (mark(Health.UNKNOWN), Span(f" {row.routes_unread}")))
    elif not row.routes:
        yield Fact("routes", "none names it")


def _policies(row: Service) -> Iterable[Grid | Fact]:
    if row.policies:
        rows: list[tuple[Cell, ...]] = [
            (mark(each.verdict.health), each.action, each.ref.key, each.at, each.verdict.reason)
            for each in row.policies[:_MOST]
        ]
        columns = (
            Column("", 1, 1, 0),
            Column("ACTION", 5, 6, 2),
            Column("POLICY", 12, 40, 0),
            Column("AT", 7, 8, 1),
            Column("", 16, 400, 0),
        )
        yield Grid(columns, rows)
    if row.policies_unread:
        yield Fact("more", (mark(Health.UNKNOWN), Span(f" {row.policies_unread}")))
    elif not row.policies:
        yield Fact("policies", "none applies")
