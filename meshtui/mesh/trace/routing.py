"""Routing: which rule of which route takes a request, and where its weights send it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

from msgspec import Struct

from meshtui.mesh import endpoints, route_targets, routes
from meshtui.mesh.doctor.findings import Evidence
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import ENDPOINT_SLICE, GATEWAY_API, SERVICE, VIRTUAL_SERVICE
from meshtui.mesh.raw import Raw, entries
from meshtui.mesh.route_backends import Backend
from meshtui.mesh.routes import Route
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.trace import hops, requests, waypoint
from meshtui.mesh.trace.around import Around
from meshtui.mesh.trace.hops import Hop
from meshtui.mesh.traffic.calls import Http

ROUTE, ENDPOINTS = "route", "endpoints"


class Taken(Struct, frozen=True):
    """A rule that takes a request, or may."""

    route: Route
    rule: int
    """From 0."""
    surely: bool

    @property
    def backends(self) -> tuple[Backend, ...]:
        return self.route.rules[self.rule].backends

    def shown(self) -> Evidence:
        """What it is for, and where it sends."""
        ref = self.route.ref
        matches = " or ".join(self.route.rules[self.rule].matches) or "everything"
        where = ", ".join(map(_backend, self.backends)) or "no backend"
        return Evidence(f"{ref.kind.title} {ref.key}", f"spec.rules[{self.rule}]",
                        f"{matches} → {where}", ref)  # fmt: skip


def _backend(each: Backend) -> str:
    share = "" if each.share is None else f"{each.share:.0%} "
    return f"{share}{each.ref.key}"


def taken(snapshot: Snapshot, found: Iterable[Route], http: Http) -> list[Taken]:
    """The rules that may take a request, in the order in which they are tried, down to the first that surely does."""
    ranked = []
    for route in found:
        it = snapshot.find(route.ref.kind, route.ref.namespace, route.ref.name) or {}
        made = route.created.timestamp() if route.created else 0.0
        for place, rule in enumerate(_rules(route, it)[: len(route.rules)]):
            answer = requests.takes(route.ref.kind, rule, http) if rule is not None else None
            if answer is not False:
                rank = requests.rank(route.ref.kind, rule or {})
                own = Taken(route, place, answer is True)
                ranked.append(((rank, made, route.ref.key, place), own))
    tried: list[Taken] = []
    for _, each in sorted(ranked, key=itemgetter(0)):
        tried.append(each)
        if each.surely:
            break
    return tried


def _rules(route: Route, it: Raw) -> Sequence[Raw | None]:
    """The rules as they are written, each in the place that it has in the row; None for those of an Ingress, which are
    not looked into."""
    if route.ref.kind.group == GATEWAY_API:
        return entries(it, "spec", "rules")
    if route.ref.kind == VIRTUAL_SERVICE:
        return [each for part in ("http", "tls", "tcp") for each in entries(it, "spec", part)]
    return [None] * len(route.rules)


def told(found: Sequence[Taken], none: str) -> Hop:
    """Where a request goes by the rules that may take it; `none` says what becomes of it where none does."""
    if not found:
        return hops.broken(ROUTE, none, step="see the routes and their hosts (:route)")
    shown = tuple(each.shown() for each in found)
    judged = [_judged(each) for each in found]
    wrong = [each for each in judged if each.health is Health.BAD]
    if wrong and (len(found) == 1 or len(wrong) == len(found)):
        return hops.broken(ROUTE, wrong[0].reason, *shown, step="see the route's backends (:route)")
    unsure = [each for each in judged if each.health is not Health.OK]
    if unsure:
        step = "tell more of the request: its method, path and headers"
        return hops.unknown(ROUTE, unsure[0].reason, *shown, step=step)
    words = "; or ".join(each.reason for each in judged)
    return hops.well(ROUTE, words, *shown)


def _judged(each: Taken) -> Verdict:
    """A rule by its backends: one that gets requests and fails is a failure of so many of them."""
    ref, number = each.route.ref, each.rule + 1
    name = f"rule {number} of {ref.kind.title} {ref.key}"
    failing = [it for it in each.backends if it.verdict.health is Health.BAD and it.ref.weight > 0]
    if failing:
        part = sum(it.share or 0 for it in failing) or 1
        return Verdict(Health.BAD, f"{part:.0%} by {name}: {failing[0].verdict.reason}")
    unknown = [it for it in each.backends if it.verdict.health is Health.UNKNOWN]
    if unknown:
        return Verdict(Health.UNKNOWN, f"{name}: {unknown[0].verdict.reason}")
    if not any(it.ref.weight > 0 for it in each.backends):
        actions = ", ".join(each.route.rules[each.rule].actions)
        if not actions:
            return Verdict(Health.BAD, f"{name} sends requests nowhere")
        return Verdict(Health.OK, f"{name} answers by itself: {actions}")
    return Verdict(Health.OK, f"{name} sends it to {', '.join(map(_backend, each.backends))}")


def before(around: Around) -> Iterator[Route]:
    """The routes that decide the traffic to the Service that is called, and that its waypoint applies."""
    spec = around.called.service
    if spec is None:
        return
    targets = route_targets.of(around.snapshot).get(spec.key, ())
    rows: Mapping[Ref, Route] = {row.ref: row for row in routes.of(around.snapshot)}
    for each in targets:
        row = rows.get(each.route)
        if each.before and row is not None and _for_port(row, spec.key, around.port):
            yield row


def _for_port(row: Route, service: str, port: int | None) -> bool:
    """A parent may name one port of the Service, and may refuse the route."""
    parents = [each for each in row.parents if each.ref.key == service or each.ref.kind == "mesh"]
    return any(
        each.ref.port in (0, port) and each.accepted.health is not Health.BAD for each in parents
    )


def at_waypoint(around: Around) -> tuple[Hop, list[Taken]]:
    """What the waypoint makes of a request, and the rules that it may take."""
    if around.waypoint_unread:
        return hops.unknown(ROUTE, around.waypoint_unread), []
    unread = route_targets.unread(around.snapshot)
    found = [*before(around)]
    names = hops.pods(f"{row.ref.kind.title} {row.ref.key}" for row in found)
    shown = [Evidence(f"{row.ref.kind.title} {row.ref.key}", "spec.parentRefs", "not applied", row.ref)
             for row in found]  # fmt: skip
    if around.waypoint is None:
        if found and around.binding is not None and around.binding.fails == "open":
            words = f"{names} not applied: no waypoint takes the call"
            return hops.broken(ROUTE, words, *shown, step="mend the waypoint first"), []
        words = f"; {names} is not applied" if found else ""
        return hops.well(
            ROUTE,
            f"no waypoint is between, so that no route has a say{words}",
            *shown,
            *waypoint.absent(around),
        ), []
    if unread:
        return hops.unknown(ROUTE, unread), []
    if not found:
        title = around.called.title
        none = Evidence("routes", "spec.parentRefs", f"none names {title}")
        return hops.well(ROUTE, "no route: the waypoint sends it to the Service itself", none), []
    rules = taken(around.snapshot, found, around.http or Http())
    return told(rules, f"no rule of {names} takes it: the waypoint answers 404"), rules


def endpoints_of(around: Around, rules: Sequence[Taken]) -> Hop:
    """Whether anybody is ready who answers: behind the Service, or where the rules send it."""
    spec = around.called.service
    keys = {each.ref.key for rule in rules for each in rule.backends if each.ref.kind == "Service"}
    if not keys and spec is None:
        return _pods(around)
    if not keys and spec is not None:
        if spec.external_name:
            return hops.well(ENDPOINTS, f"outside: another name for {spec.external_name}")
        keys = {spec.key}
    return hops.together([_service(around.snapshot, key) for key in sorted(keys)])


def _service(snapshot: Snapshot, key: str) -> Hop:
    namespace, _, name = key.rpartition("/")
    ref = Ref(SERVICE, namespace, name)
    why = snapshot.unread(ENDPOINT_SLICE, namespace)
    if why:
        return hops.unknown(ENDPOINTS, why)
    found = endpoints.of(snapshot).get(key, endpoints.NONE)
    late = hops.pods(
        each.pod.rpartition("/")[2] or each.address for each in found.each if not each.ready
    )
    value = f"{found.ready} of {found.total} ready" + (f", not {late}" if late else "")
    shown = Evidence(f"EndpointSlices of Service {key}", "endpoints[].conditions.ready", value, ref)
    if not found.ready:
        words = f"{found.ready} of {found.total} endpoints of Service {key} ready: nothing answers"
        return hops.broken(ENDPOINTS, words, shown, step="see why its pods are not ready (enter)")
    return hops.well(
        ENDPOINTS, f"{found.ready} of {found.total} endpoints of Service {key} ready", shown
    )


def _pods(around: Around) -> Hop:
    """Those that are called by their addresses."""
    found = [around.pods[each.pod].pod for each in around.called.members if each.pod in around.pods]
    shown = [Evidence(f"Pod {pod.key}", "status", f"{pod.status}, {pod.ready} of {pod.containers} ready",
                      Ref(around.pods[pod.key].ref.kind, pod.namespace, pod.name))
             for pod in sorted(found, key=lambda each: each.healthy)]  # fmt: skip
    ready = sum(pod.healthy for pod in found)
    if not found:
        return hops.unknown(ENDPOINTS, "no pod is known that could answer")
    if not ready:
        words = f"0 of {len(found)} pods ready"
        return hops.broken(ENDPOINTS, words, *shown, step="see why (enter, then d)")
    return hops.well(ENDPOINTS, f"{ready} of {len(found)} pods ready", *shown)
