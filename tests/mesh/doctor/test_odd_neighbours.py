"""Objects of other projects, and what a waypoint is scaled and guarded by, take no ambient rule down, whatever a
stranger wrote into them."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from meshtui.mesh.doctor import ambient, examination
from meshtui.mesh.doctor.examination import INTERNAL
from tests.anything import damaged
from tests.mesh.doctor import test_ambient_capacity as capacity
from tests.mesh.doctor import test_ambient_probe_sources as sources
from tests.mesh.doctor.judged import SERVED, endpoints, service
from tests.mesh.made import snapshot
from tests.mesh.test_waypoints import USE, gateway

_RULES = {
    "fromCIDR": ["10.0.0.0/8"],
    "fromCIDRSet": [{"cidr": "10.0.0.0/8"}],
    "fromEntities": ["cluster"],
}
_SELECTOR = {"matchLabels": {"k8s:app": "cart"}, "matchExpressions": []}
OBJECTS: dict[str, Any] = {
    "cilium": sources.wide(endpointSelector=_SELECTOR, ingress=[_RULES], ingressDeny=[{}]),
    "groups": sources.GROUPS,
    "aws": sources.aws_node("strict"),
    "agent": sources.OLD,
    "pod": sources.PROBED,
    "waypoint": gateway(),
    "deployment": capacity.deployment(),
    "autoscaler": capacity.autoscaler(status="True", reason="TooManyReplicas"),
    "budget": capacity.budget(app="cart"),
    "proxy": capacity.proxies("node-1")[0],
    "service": service(labels={USE: "waypoint"}),
    "endpoints": endpoints(),
}


@given(damaged(OBJECTS, 4))
def test_odd_values(objects: dict[str, Any]) -> None:
    whole = [
        {**it, "kind": OBJECTS[each]["kind"]}
        for each, it in objects.items()
        if isinstance(it, dict)
    ]
    result = examination.of(snapshot(*SERVED[:3], *whole), ambient.ANALYZERS)
    assert [each.found.says for each in result.findings if each.found.rule is INTERNAL] == []
