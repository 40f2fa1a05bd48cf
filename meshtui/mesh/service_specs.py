"""Service specs: what one Service says of itself. Read once per object; nothing here depends on anything else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from meshtui.mesh import policies, raw
from meshtui.mesh.components import MANAGED
from meshtui.mesh.raw import Condition, Raw, conditions, dig, entries, number, strings, table, text

_BOUND = "istio.io/WaypointBound"
_WITHOUT_WAYPOINT = (
    "istio.io-mesh-controller",
    "istio.io-eastwest-controller",
    "istio.io-agentgateway-waypoint-controller",
)
"""Istio's controllers whose Services take no waypoint (istio-ambient.md, 2.3)."""
_PROTOCOLS = ("grpc-web", "grpc", "http", "http2", "https", "mongo", "mysql", "redis", "tcp", "tls")
"""What Istio reads from the beginning of a port's name (istioctl-analyze.md, service.PortNameAnalyzer)."""


class Port(Struct, frozen=True):
    """One port."""

    name: str
    number: int
    target: str
    """The port of the pods, by number or name; "" where it is the same."""
    protocol: str
    """ "TCP", "UDP" or "SCTP"."""
    app_protocol: str
    """What is spoken, by `appProtocol`, else by the port's name, else ""."""
    by_name: bool
    """`app_protocol` is from the name."""

    def __str__(self) -> str:
        """Such as "80/TCP http"."""
        return f"{self.number}/{self.protocol} {self.app_protocol}".rstrip()


class ServiceSpec(Struct, frozen=True, eq=False):
    """One Service as it is written. Compared by identity."""

    key: str
    """ "namespace/name"."""
    uid: str
    namespace: str
    name: str
    labels: Mapping[str, str]
    selector: Mapping[str, str]
    type: str
    """As Kubernetes has it, and "Headless" for one without an address of its own."""
    address: str
    """Its cluster IPs; "None" for a headless one."""
    external: str
    """Where it is reached from outside, as kubectl's EXTERNAL-IP; "" for nowhere."""
    external_name: str
    ports: tuple[Port, ...]
    proxy: bool
    """It is the Service of a waypoint or an east-west gateway."""
    bound: Condition | None
    """What istiod says of its waypoint."""
    created: datetime | None

    @property
    def target(self) -> policies.Target:
        """As a policy's `targetRef` names it."""
        return policies.Target("Service", self.namespace, self.name)


def read(it: Raw) -> ServiceSpec:
    """What one raw Service says. Never raises."""
    spec, labels = table(it, "spec"), strings(it, "metadata", "labels")
    kind, selector = text(spec, "type") or "ClusterIP", strings(spec, "selector")
    ips = [each for each in _list(spec, "clusterIPs") if each] or [text(spec, "clusterIP")]
    headless = kind == "ClusterIP" and ips[0] == "None"
    managed = (labels.get(MANAGED), selector.get(MANAGED))
    return ServiceSpec(
        key=raw.key(it),
        uid=raw.uid(it),
        namespace=raw.namespace(it),
        name=raw.name(it),
        labels=labels,
        selector=selector,
        type="Headless" if headless else kind,
        address=", ".join(ips),
        external=", ".join(_external(it, spec)),
        external_name=text(spec, "externalName") if kind == "ExternalName" else "",
        ports=tuple(map(_port, entries(spec, "ports"))),
        proxy=any(each in _WITHOUT_WAYPOINT for each in managed),
        bound=conditions(it).get(_BOUND),
        created=raw.created(it),
    )


def _list(spec: Raw, field: str) -> list[str]:
    found = dig(spec, field)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _external(it: Raw, spec: Raw) -> list[str]:
    given = entries(it, "status", "loadBalancer", "ingress")
    assigned = [text(each, "ip") or text(each, "hostname") for each in given]
    return [each for each in (*assigned, *_list(spec, "externalIPs")) if each]


def _port(it: Raw) -> Port:
    own, target = number(it, "port"), dig(it, "targetPort")
    known = target if isinstance(target, str | int) and not isinstance(target, bool) else ""
    said, name = text(it, "appProtocol"), text(it, "name")
    return Port(
        name=name,
        number=own,
        target="" if known == own else str(known),
        protocol=text(it, "protocol") or "TCP",
        app_protocol=said or _by_name(name),
        by_name=not said,
    )


def _by_name(name: str) -> str:
    lower = name.lower()
    if lower.startswith("grpc-web"):
        return "grpc-web"
    first = lower.partition("-")[0]
    return first if first in _PROTOCOLS else ""
