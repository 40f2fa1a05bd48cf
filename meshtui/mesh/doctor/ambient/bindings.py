"""Bindings: what istiod says of the waypoint that an object names, and who goes round it (doctor-rules.md, D4)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from meshtui.mesh import raw, routes, services, waypoints
from meshtui.mesh.attachments import KINDS as ATTACHED
from meshtui.mesh.attachments import Attachment
from meshtui.mesh.attachments import of as attached
from meshtui.mesh.checks import count, listed
from meshtui.mesh.doctor.ambient.evidence import SHOWN, grouped, older, ref_of, seen
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.findings import Evidence, Found, Rule, Severity
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    GATEWAY,
    GRPC_ROUTE,
    HTTP_ROUTE,
    ISTIO_GATEWAY,
    NAMESPACE,
    SERVICE,
    SERVICE_ENTRY,
    VIRTUAL_SERVICE,
    WORKLOAD_ENTRY,
    Kind,
)
from meshtui.mesh.raw import Condition, Raw, conditions, label
from meshtui.mesh.routes import Route
from meshtui.mesh.services import Service
from meshtui.mesh.snapshot import Ref, Scope, Snapshot
from meshtui.mesh.waypoints import State, Waypoints

_LINK = "docs/ambient/usage/waypoint/"
_INGRESS = "istio.io/ingress-use-waypoint"
_BOUND = "istio.io/WaypointBound"

REFUSED = Rule(
    "AMB-021",
    "istiod has not bound an object to the waypoint that it names",
    Severity.HIGH,
    why="Traffic to it goes direct, and L7 policies and routes are skipped.",
    remedy="mend what the reason says; the condition changes within seconds",
    link="docs/ambient/usage/troubleshoot-waypoint/",
)
CANARY = Rule(
    "AMB-022",
    "a canary waypoint is not attached",
    Severity.MEDIUM,
    why="All traffic goes on through the first waypoint, so the canary is not tried.",
    remedy="correct its label, or its weight (0 to 100)",
    link=_LINK,
)
BYPASS = Rule(
    "AMB-025",
    "traffic from an ingress gateway goes round the waypoint",
    Severity.CRITICAL,
    why="What the waypoint enforces holds for callers inside, and not for those from outside.",
    remedy=f"label the Service, or its namespace, {_INGRESS}=true",
    link=_LINK,
)
UNBOUND_ENTRY = Rule(
    "AMB-062",
    "a ServiceEntry needs a waypoint and has none",
    Severity.HIGH,
    why="A ztunnel cannot resolve what it asks for, so its traffic is not what it says.",
    remedy="name a waypoint for egress in its label istio.io/use-waypoint",
    link="docs/ambient/usage/waypoint/",
)

_REMEDIES = {
    "WaypointIsNotReady": "see the conditions and the pods of the Gateway",
    "AttachmentDenied": "admit the namespace in allowedRoutes of the Gateway's listener on port 15008",
    "UnsupportedTrafficType": "label the Gateway istio.io/waypoint-for as the traffic is: service, workload or all",
    "CrossNamespaceWaypointForbidden": "name a waypoint of its own namespace",
}
_REASONS = {State.NOT_ADMITTED: "AttachmentDenied", State.NOT_FOR: "UnsupportedTrafficType"}
_FIELDS = {
    State.NOT_ADMITTED: "spec.listeners[].allowedRoutes",
    State.NOT_FOR: "metadata.labels[istio.io/waypoint-for]",
}
_KINDS = (SERVICE, SERVICE_ENTRY, WORKLOAD_ENTRY)


class _Refusal(NamedTuple):
    """One object that is not bound: to which waypoint, why, and who says so."""

    ref: Ref
    waypoint: str
    reason: str
    says: str
    evidence: Evidence


def refused(snapshot: Snapshot) -> Findings:
    for (waypoint, reason), group in grouped(_refusals(snapshot), lambda each: each[1:3]).items():
        refs = tuple(each.ref for each in group)
        first = f"{refs[0].kind.title} {refs[0].key}"
        who = first if len(refs) == 1 else f"{count(len(refs), 'object')}, such as {first},"
        verb = "is" if len(refs) == 1 else "are"
        says = f"{who} {verb} not bound{f' to {waypoint}' if waypoint else ''}: {group[0].says}"
        causes = (*(("AMB-019", ref) for ref in refs), *(("AMB-024", ref) for ref in refs))
        shown = tuple(each.evidence for each in group[:SHOWN])
        yield Found(REFUSED, refs, says, shown, _REMEDIES.get(reason, ""), symptom_of=causes)
    yield from _silent(snapshot)


def _refusals(snapshot: Snapshot) -> Iterator[_Refusal]:
    """As istiod says; where it says nothing, as is derived."""
    told: set[Ref] = set()
    named = {_ref(each): key for key, each in _attached(snapshot)}
    for kind, it, said in _conditions(snapshot, _BOUND):
        if said.status == "False":
            ref, words = ref_of(kind, it), f"{said.reason}: {said.message}"
            told.add(ref)
            shown = seen(ref, f"status.conditions[{_BOUND}]", f"False ({words})", said.since)
            yield _Refusal(ref, named.get(ref, ""), said.reason, words, shown)
    for key, each in _attached(snapshot):
        reason = _REASONS.get(each.binding.state)
        if reason is not None and _ref(each) not in told:
            field = _FIELDS[each.binding.state]
            shown = seen(Ref(GATEWAY, *key.split("/", 1)), field, each.binding.reason)
            yield _Refusal(_ref(each), key, reason, each.binding.reason, shown)


def _attached(snapshot: Snapshot) -> Iterator[tuple[str, Attachment]]:
    """What istiod writes the condition on, with the "namespace/name" of its waypoint."""
    for key, found in attached(snapshot).items():
        yield from ((key, each) for each in found if each.kind in _KINDS)


def _ref(each: Attachment) -> Ref:
    return Ref(each.kind, each.namespace, each.name)


def _silent(snapshot: Snapshot) -> Iterator[Found]:
    """Where a label and its waypoint are older than half a minute and nobody wrote a condition, istiod writes none."""
    told = {ref_of(kind, it) for kind, it, _ in _conditions(snapshot, _BOUND)}
    refs = tuple(
        ref
        for waypoint, each in _attached(snapshot)
        if each.kind == SERVICE
        and each.binding.bound
        and (ref := _ref(each)) not in told
        and not _is_alias(snapshot, ref)
        and older(_asked(snapshot, ref, waypoint), snapshot.now, 30)
    )
    if refs:
        says = f"istiod has written no condition {_BOUND} on {listed([ref.key for ref in refs])}"
        shown = tuple(seen(ref, f"status.conditions[{_BOUND}]", "none") for ref in refs[:SHOWN])
        remedy = "see that an istiod leads, may write status, has not AMBIENT_ENABLE_STATUS=false"
        yield Found(REFUSED, refs, says, shown, remedy, Severity.MEDIUM)


def _is_alias(snapshot: Snapshot, ref: Ref) -> bool:
    """An ExternalName Service, of which istiod takes no notice in ambient mode."""
    it = snapshot.find(ref.kind, ref.namespace, ref.name)
    return raw.text(it, "spec", "type") == "ExternalName"


def _asked(snapshot: Snapshot, ref: Ref, waypoint: str) -> datetime | None:
    """Since when istiod has had to say something of a Service: its label may be that of its namespace."""
    of = (ref, Ref(NAMESPACE, "", ref.namespace), Ref(GATEWAY, *waypoint.split("/", 1)))
    objects = (snapshot.find(each.kind, each.namespace, each.name) for each in of)
    written = [raw.last_edit(it)[0] or raw.created(it) for it in objects if it is not None]
    return max(filter(None, written), default=None)


def canary(snapshot: Snapshot) -> Findings:
    for kind, it, said in _conditions(snapshot, _BOUND):
        invalid = said.reason in ("CanaryInvalidWeight", "CanarySameAsPrimary")
        if said.status == "True" and (invalid or "Canary waypoint not attached" in said.message):
            ref = ref_of(kind, it)
            words = f"{said.reason}: {said.message}"
            shown = seen(ref, f"status.conditions[{_BOUND}]", f"True ({words})", said.since)
            yield Found(CANARY, (ref,), f"{kind.title} {raw.key(it)}: {words}", (shown,))


def missing(snapshot: Snapshot) -> Findings:
    for kind, it, said in _conditions(snapshot, "istio.io/WaypointMissing"):
        if said.status == "True":
            ref, words = ref_of(kind, it), f"{said.reason}: {said.message}"
            shown = seen(ref, f"status.conditions[{said.type}]", f"True ({words})", said.since)
            yield Found(UNBOUND_ENTRY, (ref,), f"{kind.title} {raw.key(it)}: {words}", (shown,))


def _conditions(snapshot: Snapshot, type_: str) -> Iterator[tuple[Kind, Raw, Condition]]:
    for kind in _KINDS:
        for it, every in zip(snapshot.raw(kind), snapshot.each(kind, conditions), strict=True):
            if (said := every.get(type_)) is not None:
                yield kind, it, said


def bypass(snapshot: Snapshot) -> Findings:
    """One for each ingress gateway and waypoint, and the Services that are reached round it."""
    by_ref = {each.ref: each for each in routes.of(snapshot)}
    every = waypoints.of(snapshot)
    found = [
        (service, gateway, route)
        for service in services.of(snapshot)
        if service.waypoint is not None
        and service.waypoint.bound
        and not _through(snapshot, service)
        for target in service.routes
        if target.leads_to and (route := by_ref.get(target.route)) is not None
        for gateway in _gateways(every, route)
    ]
    for (gateway, waypoint), group in grouped(found, _pair).items():
        reached = list({service.ref: service for service, _, _ in group}.values())
        enforced = sorted(
            {each.ref.key for it in reached for each in it.policies if each.at == "waypoint"}
        )
        keys = listed([it.spec.key for it in reached])
        skipped = f"; skipped: AuthorizationPolicy {listed(enforced)}" if enforced else ""
        says = (
            f"{gateway.kind.title} {gateway.key} reaches {keys} round waypoint {waypoint}{skipped}"
        )
        shown = [
            shown
            for it in reached[:SHOWN]
            for shown in (
                seen(it.ref, f"metadata.labels[{_INGRESS}]", it.spec.labels.get(_INGRESS, "none")),
            )
        ]
        shown += [
            seen(route.ref, "spec.rules[].backendRefs", it.spec.key)
            for it, _, route in group[:SHOWN]
        ]
        yield Found(
            BYPASS,
            (
                *(it.ref for it in reached),
                gateway,
                *dict.fromkeys(route.ref for _, _, route in group),
            ),
            says,
            tuple(shown),
            severity=None if enforced else Severity.HIGH,
        )


def _pair(each: tuple[Service, Ref, Route]) -> tuple[Ref, str]:
    service, gateway, _ = each
    return gateway, service.waypoint.key if service.waypoint else ""


def _through(snapshot: Snapshot, service: Service) -> bool:
    """Whether it asks the ingress to go through its waypoint: its own label beats that of its namespace."""
    own = service.spec.labels.get(_INGRESS)
    it = snapshot.find(NAMESPACE, "", service.spec.namespace)
    if own is None and it is None:
        return True  # its labels are not known: nothing is held against it
    return (own if own is not None else label(it or {}, _INGRESS)) == "true"


def _gateways(every: Waypoints, route: Route) -> Iterator[Ref]:
    """The ingress gateways of Istio that take a route."""
    for parent in route.parents:
        kind = _INGRESSES.get(parent.ref.kind)
        if kind is None or parent.accepted.health is not Health.OK:
            continue
        gateway = every.gateways.get(parent.ref.key)
        of_class = every.classes.get(gateway.class_name) if gateway else None
        ours = of_class is not None and of_class.controller == "istio.io/gateway-controller"
        if kind == ISTIO_GATEWAY or ours:
            yield Ref(kind, parent.ref.namespace, parent.ref.name)


_INGRESSES = {"Gateway": GATEWAY, "Istio Gateway": ISTIO_GATEWAY}


ANALYZERS = (
    Analyzer("objects that are not bound", (REFUSED,), (NAMESPACE, *ATTACHED), refused),
    Analyzer("canary waypoints", (CANARY,), ATTACHED, canary),
    Analyzer("entries without a waypoint", (UNBOUND_ENTRY,), (SERVICE_ENTRY,), missing),
    Analyzer(
        "ingress round waypoints",
        (BYPASS,),
        (
            SERVICE,
            NAMESPACE,
            *waypoints.KINDS,
            Scope(HTTP_ROUTE),
            Scope(GRPC_ROUTE),
            Scope(VIRTUAL_SERVICE),
            Scope(ISTIO_GATEWAY),
            Scope(AUTHORIZATION_POLICY),
        ),
        bypass,
    ),
)
