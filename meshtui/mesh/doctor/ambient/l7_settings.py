"""L7 settings: routes and other configuration for Services that no waypoint applies, and ports that it takes for TCP
(doctor-rules.md, AMB-031 and AMB-072)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshtui.mesh import raw, services, waypoints, ztunnel_rules
from meshtui.mesh.checks import count, listed
from meshtui.mesh.doctor.ambient import capture
from meshtui.mesh.doctor.ambient.evidence import SHOWN, enrolled_in, ref_of, seen
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.findings import Found, Rule, Severity
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    DESTINATION_RULE,
    ENDPOINT_SLICE,
    GRPC_ROUTE,
    HTTP_ROUTE,
    REQUEST_AUTHENTICATION,
    SERVICE,
    VIRTUAL_SERVICE,
    WASM_PLUGIN,
)
from meshtui.mesh.raw import Raw, dig, entries, strings, table, text
from meshtui.mesh.route_specs import service_of
from meshtui.mesh.service_specs import Port
from meshtui.mesh.services import Service
from meshtui.mesh.snapshot import Ref, Scope, Snapshot

IGNORED = Rule(
    "AMB-031",
    "L7 configuration for a Service that has no waypoint",
    Severity.HIGH,
    why="A ztunnel reads no L7: the configuration is ignored without a word.",
    remedy="give the Service or its namespace a waypoint, or remove the configuration",
    link="docs/ambient/usage/l7-features/",
)
PROTOCOL = Rule(
    "AMB-072",
    "a waypoint does not know what is spoken at a port",
    Severity.MEDIUM,
    why="It takes the port for TCP, so that HTTP routes and L7 policies do not apply.",
    remedy="set appProtocol of the port",
    link="docs/ops/configuration/traffic-management/protocol-selection/",
)

_ROUTES = (HTTP_ROUTE, GRPC_ROUTE, VIRTUAL_SERVICE)
_SERVER_FIRST = {25: "SMTP", 3306: "MySQL", 5432: "PostgreSQL", 6379: "Redis", 27017: "MongoDB"}


def ignored(snapshot: Snapshot) -> Findings:
    """One for each object that is ignored."""
    without = {
        each.spec.key: each
        for each in services.of(snapshot)
        if each.waypoint is None and each.captured.desired and not each.spec.proxy
    }
    found: dict[Ref, list[Service]] = {}
    for service in without.values():
        for target in service.routes:
            if target.before and target.route.kind in _ROUTES:
                found.setdefault(target.route, []).append(service)
    for it in snapshot.raw(DESTINATION_RULE):
        name, where = service_of(text(it, "spec", "host"), raw.namespace(it))
        known = without.get(f"{where}/{name}")
        if known is not None and _is_l7(it):
            found.setdefault(ref_of(DESTINATION_RULE, it), []).append(known)
    for ref, group in found.items():
        keys = listed([each.spec.key for each in group])
        says = f"{ref.kind.title} {ref.key} is ignored for {keys}, which has no waypoint"
        shown = [seen(each.ref, "waypoint", each.why) for each in group[:SHOWN]]
        yield Found(IGNORED, (ref, *(each.ref for each in group)), says, tuple(shown))
    yield from _for_pods(snapshot)
    yield from _both(snapshot)


def _is_l7(rule: Raw) -> bool:
    """Whether a DestinationRule asks for what only an Envoy does: settings of HTTP, subsets, outliers."""
    policy = table(rule, "spec", "trafficPolicy")
    return bool(
        entries(rule, "spec", "subsets")
        or dig(policy, "connectionPool", "http")
        or dig(policy, "outlierDetection")
        or dig(policy, "loadBalancer")
    )


def _for_pods(snapshot: Snapshot) -> Iterator[Found]:
    """Objects with a selector, or for a namespace, that only Envoys read."""
    inside = enrolled_in(snapshot)
    for kind in (REQUEST_AUTHENTICATION, WASM_PLUGIN):
        for it in snapshot.raw(kind):
            if entries(it, "spec", "targetRefs") or dig(it, "spec", "targetRef"):
                continue
            selector = strings(it, "spec", "selector", "matchLabels")
            taken = [
                pod
                for pod in inside.get(raw.namespace(it), ())
                if selector.items() <= pod.labels.items()
            ]
            if taken and selector:
                ref = ref_of(kind, it)
                selected = f"{count(len(taken), 'pod')} in the mesh, whose ztunnels ignore it"
                says = f"{kind.title} {ref.key} selects {selected}"
                written = ", ".join(f"{key}={value}" for key, value in selector.items())
                shown = (seen(ref, "spec.selector.matchLabels", written),)
                yield Found(
                    IGNORED,
                    (ref,),
                    says,
                    shown,
                    "attach it by targetRefs to a Service or its waypoint",
                )


def _both(snapshot: Snapshot) -> Iterator[Found]:
    """An HTTPRoute and a VirtualService for one Service, which are not supported together."""
    for service in services.of(snapshot):
        before = [each.route for each in service.routes if each.before]
        kinds = {ref.kind for ref in before}
        if service.waypoint is not None and {HTTP_ROUTE, VIRTUAL_SERVICE} <= kinds:
            names = listed([f"{ref.kind.title} {ref.key}" for ref in before])
            says = f"{names} are for {service.spec.key}, and do not go together"
            shown = tuple(seen(ref, "for Service", service.spec.key) for ref in before[:SHOWN])
            yield Found(
                IGNORED, (service.ref, *before), says, shown, "keep one of them", Severity.MEDIUM
            )


def protocols(snapshot: Snapshot) -> Findings:
    for service in services.of(snapshot):
        if service.waypoint is None or not service.waypoint.bound or service.spec.external_name:
            continue
        wants = _l7_of(snapshot, service)
        for port in service.spec.ports:
            said = _taken_for(port, bool(wants))
            if said:
                called = f"{port.number} ({port.name or 'without a name'})"
                field = f"spec.ports[{called}].{'name' if port.by_name else 'appProtocol'}"
                shown = [seen(service.ref, field, port.app_protocol or "tells no protocol")]
                shown += [seen(ref, "is for Service", service.spec.key) for ref in wants[:SHOWN]]
                says = f"port {called} of Service {service.spec.key} {said}"
                yield Found(PROTOCOL, (service.ref, *wants), says, tuple(shown))


def _l7_of(snapshot: Snapshot, service: Service) -> Sequence[Ref]:
    """Routes and policies for a Service that need its waypoint to read requests."""
    routes = [each.route for each in service.routes if each.before and each.route.kind in _ROUTES]
    policies = [
        each.ref
        for each in service.policies
        if each.at == "waypoint"
        and (it := snapshot.find(AUTHORIZATION_POLICY, each.ref.namespace, each.ref.name))
        is not None
        and ztunnel_rules.unseen(it)
    ]
    return list(dict.fromkeys((*routes, *policies)))


def _taken_for(port: Port, wanted: bool) -> str:
    if port.protocol != "TCP":
        return ""
    server_first = _SERVER_FIRST.get(port.number)
    if server_first and port.app_protocol.startswith("http"):
        called = f"is called {port.app_protocol}: clients hang"
        return f"is that of {server_first}, where the server speaks first, and {called}"
    if wanted and not port.app_protocol:
        return "tells no protocol: its waypoint takes it for TCP, and L7 rules do not apply"
    return ""


_SERVICES = (SERVICE, ENDPOINT_SLICE, *capture.NEEDS, *waypoints.KINDS)
_TARGETING = (Scope(HTTP_ROUTE), Scope(GRPC_ROUTE), Scope(VIRTUAL_SERVICE))
_READ_BY_ENVOYS = (Scope(DESTINATION_RULE), Scope(REQUEST_AUTHENTICATION), Scope(WASM_PLUGIN))

ANALYZERS = (
    Analyzer(
        "L7 configuration without a waypoint",
        (IGNORED,),
        (*_SERVICES, *_TARGETING, *_READ_BY_ENVOYS),
        ignored,
    ),
    Analyzer(
        "protocols of ports at waypoints",
        (PROTOCOL,),
        (*_SERVICES, *_TARGETING, Scope(AUTHORIZATION_POLICY)),
        protocols,
    ),
)
