"""Selection: which policies a waypoint, gateway or sidecar applies (istiod's `pilot/pkg/model/policyattachment.go`;
istio-ambient.md, 7.2). What applies at a ztunnel is in `ztunnel` and `conversion`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

from msgspec import Struct

from meshtui.mesh.pods import GATEWAY_NAME
from meshtui.mesh.policies import Policy, Target
from meshtui.mesh.traffic.rules import Authorization
from meshtui.mesh.waypoints import CLASS


class Kind(Enum):
    SIDECAR = "sidecar"
    GATEWAY = "gateway"
    WAYPOINT = "waypoint"


class Proxy(Struct, frozen=True):
    """One Envoy, and what a call through it is for."""

    kind: Kind
    namespace: str
    labels: Mapping[str, str]
    services: tuple[Target, ...] = ()
    """At a waypoint, the Service or ServiceEntry that is called."""
    selectors_for_gateways: bool = True
    """Whether gateways of the Gateway API heed selectors: istiod's ENABLE_SELECTOR_BASED_K8S_GATEWAY_POLICY."""


def applying(policies: Iterable[Authorization], proxy: Proxy, root: str) -> list[Authorization]:
    """Those that a proxy applies."""
    return [each for each in policies if attaches(each.policy, each.selects, proxy, root)]


def attaches(policy: Policy, selects: bool, proxy: Proxy, root: str) -> bool:
    """Whether a policy, or what is attached like one, is for a proxy."""
    gateway = proxy.labels.get(GATEWAY_NAME)
    if policy.targets and gateway is None and proxy.kind is not Kind.WAYPOINT:
        return False
    if policy.targets:
        return any(_targets(each, policy, proxy, gateway or "", root) for each in policy.targets)
    if proxy.kind is Kind.WAYPOINT or (gateway is not None and not proxy.selectors_for_gateways):
        return False
    inside = policy.ref.namespace in (proxy.namespace, root)
    return inside and (not selects or policy.selector.items() <= proxy.labels.items())


def _targets(target: Target, policy: Policy, proxy: Proxy, gateway: str, root: str) -> bool:
    if proxy.kind is Kind.WAYPOINT:
        if target in proxy.services:
            return True
        if target == Target("GatewayClass", "", CLASS):
            return policy.ref.namespace == root
    return target == Target("Gateway", proxy.namespace, gateway)
