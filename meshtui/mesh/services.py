"""Services: how each is reached, who answers, whether those are in the mesh, which waypoint stands before it and why,
and which routes and policies it has (derivations C3, C4 and C6 of doctor-rules.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh import (
    applied_policies,
    attachments,
    endpoints,
    namespaces,
    policies,
    raw,
    route_targets,
    service_specs,
    waypoints,
    workloads,
)
from meshtui.mesh.applied_policies import Applied
from meshtui.mesh.derived import derived
from meshtui.mesh.endpoints import Endpoints
from meshtui.mesh.enrollment import YOUNG
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    ENDPOINT_SLICE,
    NAMESPACE,
    POD,
    SERVICE,
    Kind,
)
from meshtui.mesh.namespaces import Captured
from meshtui.mesh.policies import Policy
from meshtui.mesh.raw import Raw
from meshtui.mesh.service_specs import ServiceSpec
from meshtui.mesh.snapshot import Ref, Scope, Snapshot
from meshtui.mesh.waypoints import USE_WAYPOINT, Binding
from meshtui.mesh.workloads import Workload

KINDS: tuple[Kind | Scope, ...] = (
    SERVICE,
    ENDPOINT_SLICE,
    *workloads.KINDS,
    Scope(AUTHORIZATION_POLICY),
    *route_targets.KINDS,
)


class Service(Struct, frozen=True):
    """One Service."""

    key: str
    ref: Ref
    verdict: Verdict
    """The worst of its troubles, or how well it is."""
    spec: ServiceSpec
    endpoints: Endpoints | None
    """Who answers; None where that could not be read."""
    captured: Captured
    """Of the pods that answer."""
    pods: tuple[Workload, ...]
    """Those of its endpoints that are known."""
    waypoint: Binding | None
    """The one that traffic to it takes, or should."""
    why: str
    """Whose label names it, or why there is none, in plain words."""
    routes: tuple[route_targets.Target, ...]
    routes_unread: str
    """Why there may be more; "" where there are not."""
    policies: tuple[Applied, ...]
    policies_unread: str
    troubles: tuple[Verdict, ...]
    """All that is wrong or not known, the worst first."""

    @property
    def opted_out(self) -> bool:
        """A label says that it is to have no waypoint."""
        return self.why.startswith("opted out")


class _Namespace(Struct, frozen=True, eq=False):
    """What a namespace decides for its Services. Compared by identity."""

    raw: Raw | None
    policies: tuple[Policy, ...]
    """Those for its pods."""
    endpoints_unread: str
    """Why not all of its endpoints are known; "" where they are."""
    pods_unread: str
    policies_unread: str


class _Setting(NamedTuple):
    """What else decides for a Service."""

    namespace: _Namespace
    routes_unread: str
    waypoint: Binding | None
    endpoints: Endpoints | None
    pods: tuple[Workload | None, ...]
    """Of its endpoints; None for one that is not known."""
    routes: tuple[route_targets.Target, ...]
    targeting: tuple[Policy, ...]
    """Policies that target it, or its waypoint."""


class _Derived(Struct, frozen=True):
    """A row without the time: until `settles` it is too young for what is said of who answers."""

    row: Service
    settles: datetime | None

    def at(self, now: datetime) -> Service:
        if self.settles is None or now >= self.settles:
            return self.row
        return replace(self.row, verdict=Verdict(Health.NONE, "just made"), troubles=())


def of(snapshot: Snapshot) -> Sequence[Service]:
    """Every Service, by namespace and name."""
    return derived(snapshot, _all)


def pods(snapshot: Snapshot, service: str) -> tuple[str, ...]:
    """The pods that answer for a Service, by "namespace/name"."""
    return endpoints.of(snapshot).get(service, endpoints.NONE).pods


def _all(snapshot: Snapshot) -> Sequence[Service]:
    found, now = derived(snapshot, _each), snapshot.now
    rows = [each.row if each.settles is None else each.at(now) for each in found]
    return snapshot.memo.unchanged("services", rows)


def _each(snapshot: Snapshot) -> Sequence[_Derived]:
    specs = {each.key: each for each in snapshot.each(SERVICE, service_specs.read)}
    found = snapshot.memo.each("services", specs, _derived, _Settings(snapshot).of)
    return sorted(found, key=attrgetter("row.spec.key"))


class _Settings:
    """What decides for the Services of a snapshot, looked up once for all of them."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._waypoints = waypoints.of(snapshot)
        self._bindings = attachments.of_services(snapshot)
        self._endpoints = endpoints.of(snapshot)
        self._pods = workloads.by_pod(snapshot)
        self._routes = route_targets.of(snapshot)
        self._routes_unread = route_targets.unread(snapshot)
        self._policies = policies.of(snapshot, workloads.root_namespace(snapshot))
        self._namespaces = derived(snapshot, _namespaces)

    def of(self, spec: ServiceSpec) -> _Setting:
        namespace, waypoint = self._namespaces[spec.namespace], self._bindings.get(spec.key)
        found = self._endpoints.get(spec.key, endpoints.NONE)
        targeting = self._policies.of_target.get(spec.target, ())
        if waypoint is not None:
            targeting = (*targeting, *self._through(waypoint))
        return _Setting(
            namespace,
            self._routes_unread,
            waypoint,
            None if namespace.endpoints_unread and not found.each else found,
            tuple(map(self._pods.get, found.pods)),
            self._routes.get(spec.key, ()),
            targeting,
        )

    def _through(self, waypoint: Binding) -> tuple[Policy, ...]:
        """The policies for all traffic through a waypoint."""
        gateway = self._waypoints.gateways.get(waypoint.key)
        if gateway is None:
            return ()
        return self._policies.for_waypoint(gateway.namespace, gateway.name, gateway.class_name)


def _namespaces(snapshot: Snapshot) -> Mapping[str, _Namespace]:
    known = policies.of(snapshot, workloads.root_namespace(snapshot))
    unread = snapshot.unread

    def inputs(name: str) -> tuple[object, ...]:
        return (
            snapshot.find(NAMESPACE, "", name),
            known.for_pods(name),
            unread(ENDPOINT_SLICE, name),
            unread(POD, name),
            unread(AUTHORIZATION_POLICY, name) or unread(AUTHORIZATION_POLICY, known.root),
        )

    specs = snapshot.each(SERVICE, service_specs.read)
    names = {spec.namespace: spec.namespace for spec in specs}
    found = snapshot.memo.each("namespaces of services", names, _namespace, inputs)
    return dict(zip(names, found, strict=True))


def _namespace(
    _: str,
    it: Raw | None,
    for_pods: tuple[Policy, ...],
    endpoints_unread: str,
    pods_unread: str,
    policies_unread: str,
) -> _Namespace:
    return _Namespace(it, for_pods, endpoints_unread, pods_unread, policies_unread)


def _derived(spec: ServiceSpec, *settings: Any) -> _Derived:
    given = _Setting(*settings)
    pods_known = tuple(each for each in given.pods if each is not None)
    captured = namespaces.captured(pods_known)
    applied = (
        *applied_policies.at_waypoint(given.targeting, given.waypoint),
        *applied_policies.at_pods(given.namespace.policies, pods_known),
    )
    troubles = tuple(
        sorted(_troubles(spec, given, pods_known, applied), key=lambda each: -each.health.rank)
    )
    row = Service(
        key=spec.uid or spec.key,
        ref=Ref(SERVICE, spec.namespace, spec.name),
        verdict=troubles[0] if troubles else _well(spec, given.endpoints, captured),
        spec=spec,
        endpoints=given.endpoints,
        captured=captured,
        pods=pods_known,
        waypoint=given.waypoint,
        why=_why(spec, given),
        routes=given.routes,
        routes_unread=given.routes_unread,
        policies=applied,
        policies_unread=given.namespace.policies_unread,
        troubles=troubles,
    )
    unsettled = troubles and spec.created is not None
    return _Derived(row, spec.created + YOUNG if unsettled and spec.created else None)


def _why(spec: ServiceSpec, given: _Setting) -> str:
    if spec.proxy:
        return "it is a waypoint's own, which takes none"
    own, of_namespace = (
        spec.labels.get(USE_WAYPOINT),
        raw.label(given.namespace.raw or {}, USE_WAYPOINT),
    )
    if given.waypoint is not None:
        whose = (
            "its own label" if given.waypoint.label_of == "own" else "the label of its namespace"
        )
        elsewhere = given.waypoint.namespace != spec.namespace
        return f"by {whose}" + (", in another namespace" if elsewhere else "")
    if own == "none":
        return "opted out by its own label"
    if of_namespace == "none":
        return "opted out by the label of its namespace"
    return "no label names one"


def _well(spec: ServiceSpec, found: Endpoints | None, captured: Captured) -> Verdict:
    if spec.external_name:
        return Verdict(Health.NONE, f"another name for {spec.external_name}")
    if found is None or not found.each:
        return Verdict(Health.NONE, "no selector, and nothing answers")
    answer = f"{found.ready} of {found.total} endpoints ready"
    if captured.desired:
        return Verdict(Health.OK, f"{answer}, in the mesh")
    return Verdict(Health.OK, f"{answer}, outside the mesh")


def _troubles(
    spec: ServiceSpec, given: _Setting, known: Sequence[Workload], applied: Sequence[Applied]
) -> Iterator[Verdict]:
    yield from _answers(spec, given)
    yield from _bound(spec, given.waypoint)
    failing = [each for each in known if each.enrolled.state.health is Health.BAD]
    if failing:
        worst_pod = min(failing, key=lambda each: each.pod.name)
        said = f"{len(failing)} of {len(known)} pods not in the mesh: {worst_pod.pod.name}: "
        yield Verdict(Health.BAD, said + worst_pod.enrolled.reason)
    unknown = [each for each in known if each.enrolled.state.health is Health.UNKNOWN]
    if unknown:
        first = min(unknown, key=lambda each: each.pod.name)
        said = (
            f"{len(unknown)} of {len(known)} pods may or may not be in the mesh: {first.pod.name}: "
        )
        yield Verdict(Health.UNKNOWN, said + first.enrolled.reason)
    for each in applied:
        if each.verdict.health in (Health.BAD, Health.WARN):
            said = f"AuthorizationPolicy {each.ref.key} {each.verdict.reason}"
            yield Verdict(each.verdict.health, said)
    for why in (given.namespace.endpoints_unread, given.namespace.pods_unread):
        if why:
            yield Verdict(Health.UNKNOWN, why)


def _answers(spec: ServiceSpec, given: _Setting) -> Iterator[Verdict]:
    """Nobody, nobody who is ready, or nobody from outside."""
    found = given.endpoints
    if spec.external_name or found is None:
        return
    if found.each and not found.ready:
        yield Verdict(Health.BAD, f"0 of {found.total} endpoints are ready: nothing answers")
    elif not found.each and spec.selector:
        selector = ",".join(f"{label}={value}" for label, value in spec.selector.items())
        yield Verdict(Health.WARN, f"no endpoints: nothing with {selector} answers")
    if spec.type == "LoadBalancer" and not spec.external:
        yield Verdict(Health.WARN, "no load balancer has given it an address")


def _bound(spec: ServiceSpec, waypoint: Binding | None) -> Iterator[Verdict]:
    """How its waypoint is, and where istiod says something else of that."""
    if waypoint is not None and waypoint.health is not Health.OK:
        yield waypoint.verdict
    said = spec.bound
    ours = waypoint.bound if waypoint is not None else False
    if said is None or ours is None or said.status not in ("True", "False"):
        return
    if ours != (said.status == "True"):
        words = f"{said.reason}: {said.message}"
        yield Verdict(Health.WARN, f"istiod says otherwise of its waypoint: {words}")
