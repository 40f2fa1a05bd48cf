"""Policy rows: what decides about traffic besides routes, in words: what each is for, who enforces it, and what istiod
says of that (istio-ambient.md, 7.2, 7.3 and 7.6; AMB-028 to AMB-031 of doctor-rules.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh import (
    components,
    gateway_pods,
    policy_places,
    policy_verdicts,
    policy_words,
    raw,
    route_specs,
    service_entries,
    services,
    workloads,
)
from meshtui.mesh.derived import derived
from meshtui.mesh.enrollment import YOUNG
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    DESTINATION_RULE,
    ENVOY_FILTER,
    PEER_AUTHENTICATION,
    POD,
    REQUEST_AUTHENTICATION,
    SERVICE_ENTRY,
    SIDECAR,
    TELEMETRY,
    WASM_PLUGIN,
    Kind,
)
from meshtui.mesh.policies import Target
from meshtui.mesh.policy_places import NOBODY, ZTUNNEL, Place
from meshtui.mesh.policy_verdicts import Around, Judged, Spec
from meshtui.mesh.policy_words import Mesh
from meshtui.mesh.raw import Condition, Raw, conditions, text
from meshtui.mesh.snapshot import Ref, Scope, Snapshot
from meshtui.mesh.workloads import Workload

POLICIES = (AUTHORIZATION_POLICY, PEER_AUTHENTICATION, REQUEST_AUTHENTICATION)
"""Those that refuse calls."""
SHOWN = (
    *POLICIES,
    TELEMETRY,
    DESTINATION_RULE,
    SERVICE_ENTRY,
    SIDECAR,
    ENVOY_FILTER,
    WASM_PLUGIN,
)
"""Whose objects are rows."""
KINDS: tuple[Kind | Scope, ...] = (*map(Scope, SHOWN), *services.KINDS)
"""Of all namespaces, whichever are shown: a policy of the root namespace is for all of them."""


class Row(Struct, frozen=True):
    """One object."""

    key: str
    ref: Ref
    verdict: Verdict
    """The worst of its troubles, or how well it is."""
    kind: str
    action: str
    """Of an AuthorizationPolicy; "" for any other."""
    summary: str
    """What it asks for, in a sentence."""
    in_effect: str
    """What is left of that where a ztunnel enforces it; "" where all of it is."""
    whom: str
    """What it is for, in words."""
    extent: str
    """How it is attached: "mesh", "namespace", "selector", "targets" or "host"."""
    selector: Mapping[str, str]
    targets: tuple[Target, ...]
    services: tuple[str, ...]
    """The Services that its targets are about, by "namespace/name"."""
    workloads: tuple[Workload, ...]
    """The pods that it selects; none where it has targets."""
    pods: frozenset[str]
    """The same by "namespace/name"."""
    places: tuple[Place, ...]
    rules: tuple[Judged, ...]
    accepted: Condition | None
    """What istiod says of its place."""
    troubles: tuple[Verdict, ...]
    """All that is wrong or not known, the worst first."""
    created: datetime | None

    @property
    def named(self) -> str:
        """ "authorizationpolicies/shop/viewers"."""
        return f"{self.ref.kind.plural}/{self.ref.key}"

    @property
    def by(self) -> tuple[str, ...]:
        """Who enforces it, each once, "nobody" last."""
        found = dict.fromkeys(each.by for each in self.places)
        return tuple(sorted(found, key=NOBODY.__eq__))

    @property
    def waypoints(self) -> frozenset[str]:
        """The waypoints and gateways that it is for, by "namespace/name"."""
        return frozenset(each.waypoint for each in self.places if each.waypoint)

    @property
    def turn(self) -> tuple[int, int, int, str]:
        """When it is judged: at a waypoint before it is at the pod; tokens and mTLS before CUSTOM, DENY and ALLOW."""
        at_pod = not (self.targets or self.extent == "host")
        kinds = (PEER_AUTHENTICATION, REQUEST_AUTHENTICATION, AUTHORIZATION_POLICY)
        kind = kinds.index(self.ref.kind) if self.ref.kind in kinds else len(kinds)
        action = _ACTIONS.index(self.action) if self.action in _ACTIONS else len(_ACTIONS)
        return at_pod, kind, action, self.ref.key


_ACTIONS = ("CUSTOM", "DENY", "ALLOW", "AUDIT")


def of(snapshot: Snapshot) -> Sequence[Row]:
    """Every one, those that refuse calls first, by kind, namespace and name."""
    return derived(snapshot, _all)


def for_workload(snapshot: Snapshot, pod: str) -> Sequence[Row]:
    """Those that judge calls of a pod, "namespace/name", in the order in which they do: those of waypoints before its
    Services first, which a call of its address passes by."""
    own = {each.spec.key for each in services.of(snapshot) if _answers(each, pod)}
    return _in_turn(
        each for each in of(snapshot) if pod in each.pods or not own.isdisjoint(each.services)
    )


def for_service(snapshot: Snapshot, service: str) -> Sequence[Row]:
    """Those that judge calls of a Service, "namespace/name", in the order in which they do."""
    pods = {*services.pods(snapshot, service)}
    return _in_turn(
        each for each in of(snapshot) if service in each.services or not pods.isdisjoint(each.pods)
    )


def for_service_entry(snapshot: Snapshot, entry: str) -> Sequence[Row]:
    """Those that name a ServiceEntry, "namespace/name", or its waypoint, or are for the pods that it selects, in the
    order in which they judge."""
    row = next((each for each in service_entries.of(snapshot) if each.ref.key == entry), None)
    if row is None:
        return ()
    targets = {Target("ServiceEntry", row.ref.namespace, row.ref.name)}
    if row.waypoint is not None:
        targets.add(Target("Gateway", row.waypoint.namespace, row.waypoint.name))
    pods = {each.pod.key for each in row.pods}
    return _in_turn(
        each
        for each in of(snapshot)
        if not (targets.isdisjoint(each.targets) and pods.isdisjoint(each.pods))
    )


def for_gateway(snapshot: Snapshot, gateway: str) -> Sequence[Row]:
    """Those that a waypoint or gateway, "namespace/name", is to enforce, in the order in which it does."""
    serving = (*gateway_pods.named(snapshot).get(gateway, ()),)
    serving += gateway_pods.selected(snapshot).get(gateway, ())
    pods = {each.key for each in serving}
    return _in_turn(
        each for each in of(snapshot) if gateway in each.waypoints or not pods.isdisjoint(each.pods)
    )


def _in_turn(found: Iterable[Row]) -> Sequence[Row]:
    return sorted(found, key=lambda each: each.turn)


def for_namespace(snapshot: Snapshot, namespace: str) -> Sequence[Row]:
    """Those in a namespace, and those from elsewhere that are for pods or Services in it."""
    within = f"{namespace}/"
    return [
        each
        for each in of(snapshot)
        if each.ref.namespace == namespace
        or any(key.startswith(within) for key in (*each.services, *each.pods))
    ]


def pods_of(snapshot: Snapshot, policy: str) -> frozenset[str]:
    """The pods that one selects, "plural/namespace/name", by "namespace/name"."""
    row = snapshot.once(_by_name, *of(snapshot)).get(policy)
    return row.pods if row is not None else frozenset()


def services_of(snapshot: Snapshot, policy: str) -> Sequence[str]:
    """The Services that one names, "plural/namespace/name", by "namespace/name"."""
    row = snapshot.once(_by_name, *of(snapshot)).get(policy)
    return row.services if row is not None else ()


def _by_name(*rows: Row) -> Mapping[str, Row]:
    return {each.named: each for each in rows}


def _answers(service: services.Service, pod: str) -> bool:
    return service.endpoints is not None and pod in service.endpoints.pods


def _all(snapshot: Snapshot) -> Sequence[Row]:
    now = snapshot.now
    return snapshot.memo.unchanged("policies", [_at(row, now) for row in derived(snapshot, _each)])


def _each(snapshot: Snapshot) -> Sequence[Row]:
    """Without the time."""
    around = _Surroundings(snapshot).of
    rows: list[Row] = []
    for kind in SHOWN:
        specs = {
            f"{kind.plural}/{raw.key(spec.it)}": spec
            for spec in snapshot.each(kind, policy_verdicts.read, _itself(kind))
        }
        found = snapshot.memo.each(("policies", kind), specs, _row, around)
        rows += sorted(found, key=_place)
    return rows


def _place(row: Row) -> str:
    return row.ref.key


def _itself(kind: Kind) -> Callable[[Raw], tuple[Kind]]:
    return lambda it: (kind,)


def _at(row: Row, now: datetime) -> Row:
    """A policy that was just made is given the time that istiod needs to speak of it."""
    if not row.troubles or row.created is None or now >= row.created + YOUNG:
        return row
    return replace(row, verdict=Verdict(Health.NONE, "just made"), troubles=())


_EVERYWHERE = "*"


def _by_namespace(*every: Workload) -> Mapping[str, tuple[Workload, ...]]:
    """The pods that policies can select, by namespace and of all; waypoints heed no selector, and what has ended
    nothing."""
    found: dict[str, list[Workload]] = {_EVERYWHERE: []}
    for each in every:
        if not (each.pod.finished or components.is_waypoint(each.pod.labels)):
            found.setdefault(each.pod.namespace, []).append(each)
            found[_EVERYWHERE].append(each)
    return {namespace: tuple(pods) for namespace, pods in found.items()}


class _Surroundings:
    """Looks up what else decides for a policy, in one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._mesh = Mesh(workloads.root_namespace(snapshot), workloads.trust_domain(snapshot))
        self._places = policy_places.of(snapshot, self._mesh.root)
        self._pods = snapshot.once(_by_namespace, *workloads.of(snapshot))
        self._unread = cache(lambda namespace: snapshot.unread(POD, namespace))

    def of(self, spec: Spec) -> Around:
        mesh, places, namespace = self._mesh, self._places, raw.namespace(spec.it)
        if special := policy_places.SPECIAL.get(spec.kind):
            return Around(mesh, (), (*special(spec.it, places),), _hosts(spec), "")
        if spec.targets:
            found = [each for it in spec.targets for each in places.of_target(it, namespace)]
            named = dict.fromkeys(key for each in spec.targets for key in places.targeted(each))
            return Around(mesh, (), (*found,), (*named,), "")
        if namespace == mesh.root:
            return Around(mesh, self._pods[_EVERYWHERE], (), (), self._unread(None))
        return Around(mesh, self._pods.get(namespace, ()), (), (), self._unread(namespace))


def _hosts(spec: Spec) -> tuple[str, ...]:
    """The Service that a DestinationRule is about."""
    if spec.kind != DESTINATION_RULE:
        return ()
    host = text(spec.it, "spec", "host")
    name, where = route_specs.service_of(host, raw.namespace(spec.it))
    return (f"{where}/{name}",) if where else ()


def _row(spec: Spec, *given: Any) -> Row:
    around = Around(*given)
    around = around._replace(pods=policy_verdicts.selected(spec, around))
    it, kind = spec.it, spec.kind
    places = around.places or policy_verdicts.of_pods(spec, around)
    authorizes = kind == AUTHORIZATION_POLICY
    action = (text(it, "spec", "action") or "ALLOW") if authorizes else ""
    rules = tuple(policy_verdicts.judged(it, action, places, around.mesh)) if authorizes else ()
    summary = policy_words.of(kind, it, around.mesh)
    left = ""
    if authorizes and any(each.by == ZTUNNEL for each in places):
        left = policy_words.in_force_at_ztunnel(it, around.mesh)
        left = "" if left == summary else left
    accepted = conditions(it).get("WaypointAccepted" if spec.targets else "ZtunnelAccepted")
    found = policy_verdicts.troubles(spec, around, places, rules, accepted, left)
    troubles = tuple(sorted(found, key=lambda each: -each.health.rank))
    return Row(
        key=raw.uid(it) or f"{kind.plural}/{raw.key(it)}",
        ref=Ref(kind, raw.namespace(it), raw.name(it)),
        verdict=troubles[0] if troubles else policy_verdicts.well(places),
        kind=kind.title,
        action=action,
        summary=summary,
        in_effect=left,
        whom=policy_words.whom(it, around.mesh.root),
        extent=_extent(spec, around.mesh.root),
        selector=spec.selector,
        targets=spec.targets,
        services=around.services,
        workloads=around.pods,
        pods=frozenset(each.pod.key for each in around.pods),
        places=places,
        rules=rules,
        accepted=accepted,
        troubles=troubles,
        created=raw.created(it),
    )


def _extent(spec: Spec, root: str) -> str:
    if spec.kind in policy_places.SPECIAL:
        return "host"
    if spec.targets:
        return "targets"
    if spec.selector:
        return "selector"
    return "mesh" if raw.namespace(spec.it) == root else "namespace"
