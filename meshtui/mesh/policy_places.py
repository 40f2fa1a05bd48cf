"""Policy places: who heeds a policy where: ztunnels, a waypoint, a gateway, sidecars, or nobody and why
(istio-ambient.md, 2.4, 7.1, 7.2 and 7.7; AMB-028 to AMB-031 of doctor-rules.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from meshtui.mesh import attachments, components, raw, route_specs, waypoints
from meshtui.mesh.checks import count
from meshtui.mesh.enrollment import State
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    DESTINATION_RULE,
    ENVOY_FILTER,
    GATEWAY,
    PEER_AUTHENTICATION,
    REQUEST_AUTHENTICATION,
    SERVICE,
    SERVICE_ENTRY,
    SIDECAR,
    TELEMETRY,
    WASM_PLUGIN,
    Kind,
)
from meshtui.mesh.policies import Target
from meshtui.mesh.raw import Raw, text
from meshtui.mesh.snapshot import Snapshot
from meshtui.mesh.waypoints import USE_WAYPOINT, Binding, Waypoints
from meshtui.mesh.workloads import Workload

ZTUNNEL, WAYPOINT, GATEWAY_PROXY, SIDECARS, NOBODY = (
    *("ztunnel", "waypoint", "gateway", "sidecar", "nobody"),
)

_HEEDING: Mapping[Kind, tuple[str, ...]] = {
    AUTHORIZATION_POLICY: (ZTUNNEL, SIDECARS, GATEWAY_PROXY),
    PEER_AUTHENTICATION: (ZTUNNEL, SIDECARS),
    REQUEST_AUTHENTICATION: (SIDECARS, GATEWAY_PROXY),
    TELEMETRY: (SIDECARS, GATEWAY_PROXY),
    WASM_PLUGIN: (SIDECARS, GATEWAY_PROXY),
    ENVOY_FILTER: (SIDECARS, GATEWAY_PROXY),
    SIDECAR: (SIDECARS,),
}
"""Who heeds a kind where it has no targets. Waypoints heed nothing without (istio-ambient.md, 7.2)."""


_CORRECT = "correct its targetRefs (e), or make what they name"


class Place(NamedTuple):
    """One place where a policy is enforced, or is not. A tuple, so that it counts as a value where it is an input."""

    by: str
    """ "ztunnel", "waypoint", "gateway", "sidecar" or "nobody"."""
    of: str
    """For what: "3 workloads", "Service shop/reviews"."""
    health: Health
    reason: str
    waypoint: str = ""
    """The "namespace/name" of the waypoint or gateway."""
    step: str = ""
    """What to do where nobody enforces it; "" where there is nothing to do."""

    @property
    def verdict(self) -> Verdict:
        return Verdict(self.health, self.reason)


class Places(Struct, frozen=True):
    """What decides where targets are enforced, looked up once for all policies of a snapshot."""

    snapshot: Snapshot
    root: str
    waypoints: Waypoints
    services: Mapping[str, Binding]
    entries: Mapping[str, Binding]
    served: Mapping[str, tuple[str, ...]]
    """By waypoint the Services that name it, all by "namespace/name"."""

    def of_target(self, target: Target, namespace: str) -> Iterator[Place]:
        """Where a policy of a namespace is enforced for what it names."""
        if target.kind == "GatewayClass":
            yield from self._of_class(target, namespace)
        elif target.kind == "Gateway":
            yield self._of_gateway(target)
        elif target.kind in ("Service", "ServiceEntry"):
            yield self._of_service(target)
        else:
            why = (
                "names something else, or another namespace, which no waypoint or gateway looks for"
            )
            yield Place(NOBODY, target.name, Health.BAD, why, step=_CORRECT)

    def of_host(self, host: str, namespace: str) -> Iterator[Place]:
        """Where a DestinationRule is heeded: it is for who calls the host, and a waypoint calls for ztunnels."""
        name, where = route_specs.service_of(host, namespace)
        binding = self.services.get(f"{where}/{name}") if where else None
        of = f"Service {where}/{name}" if where else f"host {host}"
        if binding is not None and binding.bound:
            yield Place(WAYPOINT, of, Health.OK, f"at {binding.key}", binding.key)
        else:
            why = "no waypoint stands before it; gateways and sidecars that call it heed it"
            yield Place(NOBODY, of, Health.NONE, why)

    def targeted(self, target: Target) -> tuple[str, ...]:
        """The Services that a target is about, by "namespace/name"."""
        if target.kind == "Service":
            return (f"{target.namespace}/{target.name}",)
        if target.kind == "GatewayClass":
            gateways = self._of_class_named(target.name)
        else:
            gateways = (f"{target.namespace}/{target.name}",) if target.kind == "Gateway" else ()
        return tuple(key for gateway in gateways for key in self.served.get(gateway, ()))

    def _of_class_named(self, name: str) -> tuple[str, ...]:
        every = self.waypoints.gateways.items()
        return tuple(sorted(key for key, each in every if each.class_name == name))

    def _of_class(self, target: Target, namespace: str) -> Iterator[Place]:
        of = f"GatewayClass {target.name}"
        found = self._of_class_named(target.name)
        if namespace != self.root:
            why = f"only a policy of {self.root} may be for all gateways of a class"
            yield Place(NOBODY, of, Health.BAD, why, step=f"move it to namespace {self.root}")
        elif found:
            noun = WAYPOINT if self._is_waypoint(target.name) else GATEWAY_PROXY
            yield Place(noun, of, Health.OK, f"at {', '.join(found)}", found[0])
        elif why := self.snapshot.unread(GATEWAY):
            yield Place(NOBODY, of, Health.UNKNOWN, f"which gateways there are is not known: {why}")
        else:
            yield Place(NOBODY, of, Health.WARN, "there is no gateway of the class")

    def _is_waypoint(self, class_name: str) -> bool:
        known = self.waypoints.classes.get(class_name)
        return waypoints.is_waypoint(class_name, known.controller if known else "")

    def _of_gateway(self, target: Target) -> Place:
        key = f"{target.namespace}/{target.name}"
        of, gateway = f"Gateway {key}", self.waypoints.gateways.get(key)
        if gateway is None:
            unread = self.snapshot.unread(GATEWAY, target.namespace)
            if unread:
                return Place(
                    NOBODY, of, Health.UNKNOWN, f"whether it exists is not known: {unread}"
                )
            return Place(NOBODY, of, Health.BAD, f"Gateway {key} does not exist", step=_CORRECT)
        if not self._is_waypoint(gateway.class_name):
            return Place(GATEWAY_PROXY, of, Health.OK, f"at {key}", key)
        labels = {USE_WAYPOINT: target.name}
        found = waypoints.binding(self.waypoints, target.namespace, labels)
        if found is None:
            step = f"give Gateway {key} another label istio.io/waypoint-for than none"
            return Place(NOBODY, of, Health.BAD, "it takes no traffic", step=step)
        if key not in self.served and not any(each.key == key for each in self.entries.values()):
            return Place(WAYPOINT, of, Health.NONE, f"at {key}, which no Service uses", key)
        return _at_waypoint(of, found)

    def _of_service(self, target: Target) -> Place:
        key, of_service = f"{target.namespace}/{target.name}", target.kind == "Service"
        of, kind = f"{target.kind} {key}", SERVICE if of_service else SERVICE_ENTRY
        if self.snapshot.find(kind, target.namespace, target.name) is None:
            unread = self.snapshot.unread(kind, target.namespace)
            if unread:
                return Place(
                    NOBODY, of, Health.UNKNOWN, f"whether it exists is not known: {unread}"
                )
            return Place(NOBODY, of, Health.BAD, f"{of} does not exist", step=_CORRECT)
        binding = (self.services if of_service else self.entries).get(key)
        if binding is None:
            why = "it has no waypoint, and a ztunnel heeds no targets"
            own = "m on it" if of_service else f"label {USE_WAYPOINT}"
            step = f"name a waypoint for {of}: {own}, or m on its namespace"
            return Place(NOBODY, of, Health.BAD, why, step=step)
        return _at_waypoint(of, binding)


def of(snapshot: Snapshot, root: str) -> Places:
    """Where targets are enforced in a snapshot; `root` is the namespace whose policies are for the whole mesh."""
    entries = {
        each.key: each.binding
        for found in attachments.of(snapshot).values()
        for each in found
        if each.kind == SERVICE_ENTRY
    }
    bindings = attachments.of_services(snapshot)
    served: dict[str, list[str]] = {}
    for service, binding in bindings.items():
        served.setdefault(binding.key, []).append(service)
    return Places(
        snapshot=snapshot,
        root=root,
        waypoints=waypoints.of(snapshot),
        services=bindings,
        entries=entries,
        served={waypoint: tuple(found) for waypoint, found in served.items()},
    )


def of_pods(kind: Kind, found: Sequence[Workload]) -> Iterator[Place]:
    """Where a policy without targets is enforced for the pods that it selects; they are not those of waypoints."""
    groups: dict[str, int] = {}
    for each in found:
        groups[proxy(each)] = groups.get(proxy(each), 0) + 1
    heeding = _HEEDING.get(kind, ())
    if ZTUNNEL in heeding:
        yield from _at_ztunnels(groups)
    elif number := sum(groups.get(each, 0) for each in (ZTUNNEL, _UNSEEN, _GHOST)):
        yield Place(NOBODY, count(number, "workload"), *_unheeded(kind, ZTUNNEL))
    for by in (SIDECARS, GATEWAY_PROXY):
        if number := groups.get(by, 0):
            heeds = by in heeding
            rest = (Health.OK, "") if heeds else _unheeded(kind, by)
            yield Place(by if heeds else NOBODY, count(number, "workload"), *rest)
    if outside := groups.get(NOBODY, 0):
        why = "not in the mesh, so nobody stands before it"
        yield Place(NOBODY, count(outside, "workload"), Health.NONE, why)


_UNSEEN, _GHOST = "not seen", "not captured"
"""What pods are that a ztunnel may stand before, or should."""
_PROXIES = {
    State.OUTSIDE: NOBODY,
    State.ENDED: NOBODY,
    State.SIDECAR: SIDECARS,
    State.UNSEEN: _UNSEEN,
    State.NOT_ANNOTATED: _GHOST,
    State.NOT_PROXIED: _GHOST,
    State.PENDING: _GHOST,
}


def proxy(workload: Workload) -> str:
    """Who stands before a pod and judges what comes in, or should; "nobody" for one outside the mesh."""
    if components.is_gateway(workload.pod.labels):
        return GATEWAY_PROXY
    return _PROXIES.get(workload.enrolled.state, ZTUNNEL)


def _at_ztunnels(groups: Mapping[str, int]) -> Iterator[Place]:
    """Captured pods, those of which that was not seen, and those before which a ztunnel should stand and does not."""
    if captured := groups.get(ZTUNNEL, 0):
        yield Place(ZTUNNEL, count(captured, "workload"), Health.OK, "")
    if unseen := groups.get(_UNSEEN, 0):
        why = "whether a ztunnel proxies it is not known"
        yield Place(ZTUNNEL, count(unseen, "workload"), Health.UNKNOWN, why)
    if ghosts := groups.get(_GHOST, 0):
        why = "to be in the mesh, and no ztunnel proxies it"
        health = Health.WARN if captured else Health.BAD
        yield Place(NOBODY, count(ghosts, "workload"), health, why)


def _unheeded(kind: Kind, by: str) -> tuple[Health, str]:
    if by != ZTUNNEL:
        return Health.NONE, f"a {by} heeds no {kind.title}"
    if kind == SIDECAR:
        return Health.NONE, "no sidecar stands before them"
    why = f"a ztunnel heeds no {kind.title}"
    if kind != TELEMETRY:
        why += ", and a waypoint only one with targetRefs"
    return Health.WARN if kind == REQUEST_AUTHENTICATION else Health.NONE, why


def _at_waypoint(of: str, found: Binding) -> Place:
    if found.bound is None:
        return Place(NOBODY, of, Health.UNKNOWN, f"not known: {found.reason}", found.key)
    if not found.bound:
        why = f"the waypoint is not bound ({found.state.value}): {found.reason}"
        return Place(NOBODY, of, Health.BAD, why, found.key, found.step)
    reason = found.reason or f"at {found.key}"
    return Place(WAYPOINT, of, found.health, reason, found.key)


def of_service_entry(it: Raw, places: Places) -> Iterator[Place]:
    """Where a ServiceEntry is heeded: everywhere, and at its waypoint where it has one."""
    yield Place(ZTUNNEL, "its hosts", Health.OK, "every ztunnel and proxy is told of it")
    binding = places.entries.get(raw.key(it))
    if binding is not None:
        yield _at_waypoint(f"ServiceEntry {raw.key(it)}", binding)


def of_destination_rule(it: Raw, places: Places) -> Iterator[Place]:
    yield from places.of_host(text(it, "spec", "host"), raw.namespace(it))


SPECIAL = {SERVICE_ENTRY: of_service_entry, DESTINATION_RULE: of_destination_rule}
"""Kinds that are not attached by selector or targets."""
