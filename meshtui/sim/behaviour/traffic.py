"""Who calls whom: a steady traffic between workloads, let through or refused as policies and mTLS modes say.

A connection takes the road that ztunnels take: to the waypoint of the service if it has one, else to a pod, in a tunnel
if both ends are in the mesh. Waypoints and gateways send it on as routes say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from meshtui.sim.behaviour import pods
from meshtui.sim.behaviour.access import Outcome, Peer, Route, Side
from meshtui.sim.behaviour.ca import Authority
from meshtui.sim.behaviour.enforcement import refuses
from meshtui.sim.behaviour.network_policies import Way, passes
from meshtui.sim.behaviour.rbac import Connection, applicable, refusal
from meshtui.sim.behaviour.registry import Registry, workload_name, workload_uid
from meshtui.sim.behaviour.routing import (
    Destination,
    by_gateway,
    by_waypoint,
    gateway_of,
    is_gateway,
)
from meshtui.sim.behaviour.waypoint_metrics import Requests
from meshtui.sim.behaviour.waypoints import MANAGED
from meshtui.sim.behaviour.workload_certificates import UNREACHABLE
from meshtui.sim.behaviour.world import World
from meshtui.sim.behaviour.ztunnels import Ztunnels
from meshtui.sim.kinds import POD
from meshtui.sim.objects import Raw, labels, namespace
from meshtui.sim.store import Change, Key

_TUNNEL = 15008
_TICK = 1.0
_BLOCKED = (
    "connection timed out, maybe a NetworkPolicy is blocking HBONE port 15008: deadline has elapsed"
)
_UNTRUSTED = "io error: invalid peer certificate: UnknownIssuer"
_ALERT = "Custom { kind: InvalidData, error: AlertReceived(UnknownCA) }"


class Flow(Struct, eq=False):
    """Calls of one workload to a Service, again and again."""

    source: Key
    """Namespace and name of the workload that calls."""
    target: Key
    """Namespace and name of the Service."""
    port: int
    every: float
    """Seconds from one call to the next, about."""
    lasting: float = 0.0
    """Seconds that a connection stays open."""
    due: datetime | None = None


class _Hop(Struct, frozen=True):
    """One connection from pod to pod."""

    caller: Raw
    target: Raw
    service: Raw
    port: int
    """Of the service."""
    via: bool = False
    """To a waypoint, on the way to the service."""


class _Open(Struct, eq=False):
    """A connection that is not over yet, at all ztunnels that see it."""

    until: datetime
    sides: list[tuple[Side, Outcome]] = field(default_factory=list)

    def over(self, now: datetime) -> bool:
        """Whether it has lasted long enough, or one of its ends is gone."""
        return self.until <= now or not all(side.proxy.up for side, _ in self.sides)


class Calls:
    """Makes the calls of all flows as they are due."""

    kinds = ()

    def __init__(
        self,
        world: World,
        registry: Registry,
        authority: Callable[[], Authority],
        ztunnels: Ztunnels,
        flows: Sequence[Flow],
        requests: Requests,
    ) -> None:
        self._world = world
        self._registry = registry
        self._authority = authority
        self._ztunnels = ztunnels
        self._flows = flows
        self._requests = requests
        self._open: list[_Open] = []
        self._random = world.names.random

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        return ()

    def look(self, key: Key) -> float:
        """Do what is due by now, and come back in a second."""
        now = self._world.clock()
        over = [each for each in self._open if each.over(now)]
        self._open = [each for each in self._open if each not in over]
        for connection in over:
            for side, outcome in connection.sides:
                side.close(outcome)
        for flow in self._flows:
            if flow.due is None or flow.due <= now:
                flow.due = now + timedelta(seconds=flow.every * self._random.uniform(0.7, 1.3))
                self._call(flow, now)
        return _TICK

    def _call(self, flow: Flow, now: datetime) -> None:
        callers = [
            pod
            for pod in self._world.pods_in[flow.source[0]]
            if workload_name(pod) == flow.source[1] and pods.ready(pod)
        ]
        service = self._registry.service(flow.target)
        if not callers or service is None or str(flow.port) not in service["ports"]:
            return
        hops = self._hops(self._random.choice(callers), service, flow)
        opened = _Open(now + timedelta(seconds=flow.lasting))
        for hop in hops:
            opened.sides += self._sides(hop, flow.lasting)
        for side, _ in opened.sides:
            side.open()
        if flow.lasting and not any(outcome.error for _, outcome in opened.sides):
            self._open.append(opened)
        else:
            for side, outcome in opened.sides:
                side.close(outcome)

    def _hops(self, caller: Raw, service: Raw, flow: Flow) -> list[_Hop]:
        """The connections of a call: to the waypoint of the service if it has one, and to where routes lead from
        there."""
        hops = []
        origin = caller
        led: Destination | None = flow.target, flow.port
        if self._proxied(caller) and "waypoint" in service:
            waypoint = self._waypoint(service)
            if waypoint is None:
                self._fail(caller, service, flow.port)
                return []
            hops.append(_Hop(caller, waypoint, service, flow.port, via=True))
            if self._failure(hops[0], _TUNNEL, tunnel=True):
                return hops
            if self._refused_at(waypoint, caller, flow):
                self._requests.count(waypoint, caller, service, 403)
                return hops
            origin, caller, led = (
                caller,
                waypoint,
                by_waypoint(self._world, (flow.target, flow.port), self._random),
            )
        elif is_gateway(caller):
            led = by_gateway(self._world, caller, (flow.target, flow.port), self._random)
        if led is None:
            if hops:
                self._requests.count(caller, origin, service, 404, "NR")
            return hops
        key, port = led
        there = self._registry.service(key)
        target = self._endpoint(there) if there and str(port) in there["ports"] else None
        if there and target:
            hops.append(_Hop(caller, target, there, port))
        elif not hops:
            self._fail(caller, service, flow.port)
        if caller is not origin:
            code, flags = (200, "-") if there and target else (503, "UH")
            self._requests.count(caller, origin, service, code, flags)
        return hops

    def _refused_at(self, waypoint: Raw, caller: Raw, flow: Flow) -> bool:
        """Whether a waypoint says no by itself, so that nothing goes on from there."""
        identity = self._authority().identity(namespace(caller), pods.account(caller))
        connection = Connection(pods.ip(caller), pods.ip(waypoint), flow.port, identity)
        store, root = self._world.store, self._world.root
        return refuses(store, root, gateway_of(waypoint), flow.target, connection)

    def _fail(self, caller: Raw, service: Raw, port: int) -> None:
        """Nobody is there to connect to: the ztunnel of the caller says no more than that."""
        ztunnel = self._ztunnels.on(pods.node(caller))
        if ztunnel and ztunnel.proxy(caller) and service["vips"]:
            asked = f"{service['vips'][0].lstrip('/')}:{port}"
            told = f'src.addr={self._address(caller)} dst.addr={asked} direction="outbound"'
            error = f'error="no healthy upstream: {asked}"'
            ztunnel.say("warn", "access", "connection failed", f"{told} {error}")

    def _sides(self, hop: _Hop, lasting: float) -> list[tuple[Side, Outcome]]:
        """How a connection looks at the ztunnel of the caller, and at that of the destination."""
        source, destination = self._peer(hop.caller), self._peer(hop.target)
        if source is None or destination is None:
            return []
        route = self._route(hop, destination)
        outcome = Outcome(
            self._random.randrange(70, 400),
            self._random.randrange(200, 4000),
            int(lasting * 1000) + self._random.randrange(2, 30),
        )
        at_caller = at_target = outcome
        port = int(route.destination.rpartition(":")[2])
        failure = self._failure(hop, port, tunnel=bool(route.hbone))
        if failure:
            at_caller = failure
            if failure.error == _UNTRUSTED:
                self._turned_away(hop.target, route)
        elif not hop.via and (error := self._refusal(hop.target, destination, source, route)):
            at_target = Outcome(0, 0, 0, error, "DENY")
            at_caller = Outcome(0, 0, 7, "http status: 401 Unauthorized", "CONNECT")
        sides = []
        ztunnel = self._ztunnels.on(pods.node(hop.target))
        if ztunnel and (proxy := ztunnel.proxy(hop.target)) and not hop.via and not failure:
            other = replace(route, source=self._address(hop.caller))
            sides.append((Side(ztunnel, proxy, True, source, destination, other), at_target))
        ztunnel = self._ztunnels.on(pods.node(hop.caller))
        if ztunnel and (proxy := ztunnel.proxy(hop.caller)):
            sides.append((Side(ztunnel, proxy, False, source, destination, route), at_caller))
        return sides

    def _route(self, hop: _Hop, destination: Peer) -> Route:
        service = hop.service
        virtual = f"{service['vips'][0].lstrip('/')}:{hop.port}" if service["vips"] else ""
        address = pods.ip(hop.target)
        if hop.via:
            source = self._address(hop.caller)
            return Route(source, f"{address}:{_TUNNEL}", virtual, virtual, service)
        number = service["endpoints"][workload_uid(hop.target)]["port"][str(hop.port)]
        direct = f"{address}:{number}"
        mutual = self._proxied(hop.caller) or _is_proxy(hop.caller)
        tunnel = mutual and destination.workload["protocol"] == "HBONE"
        return Route(
            self._address(hop.caller),
            f"{address}:{_TUNNEL}" if tunnel else direct,
            direct if tunnel else "",
            virtual or direct,
            service,
        )

    def _refusal(self, target: Raw, destination: Peer, source: Peer, route: Route) -> str:
        """What the ztunnel of the destination says against a connection."""
        if not self._proxied(target):
            return ""
        in_force = applicable(self._registry.policies(), destination.workload)
        asked = route.hbone or route.destination
        address, _, port = asked.rpartition(":")
        identity = source.identity if route.hbone else ""
        caller = source.workload["workloadIps"][0]
        return refusal(in_force, Connection(caller, address, int(port), identity))

    def _failure(self, hop: _Hop, port: int, *, tunnel: bool) -> Outcome | None:
        """How a connection fails at the ztunnel of the caller; None where it reaches the destination."""
        caller = self._ztunnels.serving(hop.caller)
        if tunnel and caller and caller.certificates.held(hop.caller) is None:
            return Outcome(0, 0, 0, f"identity error: {UNREACHABLE}", "IDENTITY_ERROR")
        if not passes(self._world, Way(hop.caller, hop.target, port)):
            if tunnel:
                return Outcome(0, 0, 10_002, _BLOCKED, "NETWORK_POLICY")
            return Outcome(0, 0, 10_002, "io error: deadline has elapsed", "CONNECT")
        if not tunnel:
            return None
        target = self._ztunnels.serving(hop.target)
        if target is None and not hop.via:
            return Outcome(0, 0, 1, "io error: Connection refused (os error 111)", "CONNECT")
        if target and target.certificates.held(hop.target) is None:
            return Outcome(0, 0, 2, "io error: tls handshake eof", "TLS_FAILURE")
        # Waypoints and gateways follow the root of istiod as it changes.
        trusted, shown = (
            ztunnel.certificates.authority if ztunnel else self._authority()
            for ztunnel in (caller, target)
        )
        return None if trusted is shown else Outcome(0, 0, 3, _UNTRUSTED, "TLS_FAILURE")

    def _turned_away(self, target: Raw, route: Route) -> None:
        """The ztunnel of a destination knows of a caller that did not trust it no more than the alert."""
        if ztunnel := self._ztunnels.serving(target):
            told = f'src.addr={route.source} dst.addr={route.destination} direction="inbound"'
            error = f'error="tls handshake error: {_ALERT}"'
            ztunnel.say("warn", "access", "connection failed", f"{told} {error}")

    def _waypoint(self, service: Raw) -> Raw | None:
        """A ready pod of the waypoint of a service; None where it has none."""
        space, _, host = service["waypoint"]["destination"].partition("/")
        found = self._registry.service((space, host.partition(".")[0]))
        return self._endpoint(found) if found else None

    def _endpoint(self, service: Raw) -> Raw | None:
        uids = sorted(service["endpoints"])
        if not uids:
            return None
        return self._world.store.get(
            POD, service["namespace"], self._random.choice(uids).split("/")[-1]
        )

    def _peer(self, pod: Raw) -> Peer | None:
        workload = self._registry.workload(pod)
        if workload is None:
            return None
        return Peer(workload, self._authority().identity(namespace(pod), pods.account(pod)))

    def _proxied(self, pod: Raw) -> bool:
        return self._ztunnels.proxy(pod) is not None

    def _address(self, pod: Raw) -> str:
        return f"{pods.ip(pod)}:{self._random.randrange(32768, 61000)}"


def _is_proxy(pod: Raw) -> bool:
    """Waypoints and gateways speak the tunnel themselves."""
    return MANAGED in labels(pod)
