"""Ports of Services: whether their names tell a protocol (IST0118, IST0150)."""

from __future__ import annotations

from collections.abc import Iterator

from meshtui.mesh.doctor.configuration.objects import (
    INFO,
    WARNING,
    analyzer,
    every,
    found,
    labels,
    of_control_plane,
)
from meshtui.mesh.doctor.findings import Found, Rule
from meshtui.mesh.kinds import SERVICE
from meshtui.mesh.raw import Raw, entries, number, text
from meshtui.mesh.snapshot import Snapshot

UNNAMED = Rule(
    "IST0118",
    "a port's name tells no protocol",
    INFO,
    why="A waypoint or gateway takes such a port for TCP unless it can tell by listening: L7 rules may not apply.",
    remedy="set appProtocol, or begin the name with the protocol, such as http-",
    link="docs/ops/configuration/traffic-management/protocol-selection/",
)
EXTERNAL = Rule(
    "IST0150",
    "a port of an ExternalName Service has a name that tells TCP or no protocol",
    WARNING,
    why="Such a Service matches by address, and its address may be anything.",
    remedy="name the protocol: http, https, grpc, …; or use a ServiceEntry",
    link="docs/ops/configuration/traffic-management/protocol-selection/",
)

_MANAGED = (
    "istio.io-gateway-controller",
    "istio.io-mesh-controller",
    "istio.io-eastwest-controller",
)
_APP_PROTOCOLS = ("kubernetes.io/h2c", "kubernetes.io/ws", "kubernetes.io/wss")
_PROTOCOLS = frozenset(
    ["tcp", "udp", "grpc", "http", "http_proxy", "http2", "https", "tls", "mongo", "redis", "mysql"]
)
_KNOWN_PORTS = (25, 53, 3306, 27017)


def unnamed(snapshot: Snapshot) -> Iterator[Found]:
    for service in every(snapshot, SERVICE):
        if of_control_plane(service) or labels(service).get("gateway.istio.io/managed") in _MANAGED:
            continue
        external = text(service, "spec", "type") == "ExternalName"
        for port in entries(service, "spec", "ports"):
            named = text(port, "name")
            if text(port, "protocol") == "UDP" or not (
                _tells_nothing(port) or (external and named == "tcp")
            ):
                continue
            rule = EXTERNAL if external else UNNAMED
            called = f"{named or 'without a name'} ({number(port, 'port')})"
            says = f"port {called} of {text(service, 'metadata', 'name')} tells no protocol"
            yield found(rule, SERVICE, service, says, "spec.ports[].name", named or "–")


def _tells_nothing(port: Raw) -> bool:
    said = text(port, "appProtocol") or text(port, "name")
    return not (
        said in _APP_PROTOCOLS
        or said.lower().startswith("grpc-web")
        or said.lower().partition("-")[0] in _PROTOCOLS
        or number(port, "port") in _KNOWN_PORTS
    )


ANALYZERS = (analyzer("service.PortNameAnalyzer", (UNNAMED, EXTERNAL), (SERVICE,), unnamed),)
