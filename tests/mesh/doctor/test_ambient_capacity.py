"""AMB-071: waypoints without capacity to spare."""

from __future__ import annotations

from typing import Any

import pytest

from meshtui.mesh.raw import Raw
from tests.mesh.doctor.judged import CART, endpoints, keys, of, service
from tests.mesh.made import made, pod
from tests.mesh.test_enrollment import AMBIENT
from tests.mesh.test_waypoints import USE, gateway

MANAGED = {
    "gateway.networking.k8s.io/gateway-name": "waypoint",
    "gateway.istio.io/managed": "istio.io-mesh-controller",
}
NODES = (made("Node", "node-1"), made("Node", "node-2"))


def deployment(replicas: int = 1) -> Raw:
    spec = {"replicas": replicas, "template": {"metadata": {"labels": MANAGED}}}
    return made("Deployment", "waypoint", "shop", labels=MANAGED, spec=spec)


def proxies(*nodes: str) -> list[Raw]:
    return [pod(f"waypoint-{n}", node=node, labels=MANAGED) for n, node in enumerate(nodes)]


def services(number: int) -> list[Raw]:
    return [service(f"s{n}", labels={USE: "waypoint"}) for n in range(number)]


def autoscaler(name: str = "waypoint", **condition: str) -> Raw:
    target = {"kind": "Deployment", "name": name}
    told = [{"type": "ScalingLimited", **condition}] if condition else []
    spec = {"scaleTargetRef": target, "maxReplicas": 3}
    return made("HorizontalPodAutoscaler", "hpa", "shop", spec=spec, status={"conditions": told})


def budget(**labels: str) -> Raw:
    return made("PodDisruptionBudget", "pdb", "shop", spec={"selector": {"matchLabels": labels}})


def found(*objects: Raw) -> list[str]:
    return [each.says for each in of("AMB-071", (AMBIENT, *NODES, gateway(), *objects))]


@pytest.mark.parametrize(
    ("condition", "limited"),
    [
        ({"status": "True", "reason": "TooManyReplicas"}, True),
        ({"status": "True", "reason": "TooFewReplicas"}, False),
        ({"status": "False", "reason": "DesiredWithinRange"}, False),
    ],
)
def test_an_autoscaler_at_its_limit(condition: dict[str, str], limited: bool) -> None:
    told = found(deployment(3), *proxies("node-1", "node-2"), autoscaler(**condition))
    assert bool(told) is limited
    assert found(deployment(3), autoscaler("other", **condition)) == []


@pytest.mark.parametrize(
    ("nodes", "alone"),
    [(("node-1", "node-1"), True), (("node-1", "node-2"), False), (("node-1",), False)],
)
def test_all_pods_on_one_node(nodes: tuple[str, ...], alone: bool) -> None:
    told = found(deployment(len(nodes)), *proxies(*nodes))
    assert told == (["all 2 pods of waypoint shop/waypoint are on node node-1"] if alone else [])


ONE = (deployment(), *proxies("node-1"))


@pytest.mark.parametrize(
    ("objects", "is_found"),
    [
        ((*ONE, *services(21)), True),
        ((*ONE, *services(20)), False),
        ((deployment(2), *proxies("node-1", "node-2"), *services(21)), False),
        ((*ONE, *services(21), autoscaler()), False),
        ((*ONE, *services(21), budget(**MANAGED)), False),
    ],
)
def test_one_pod_before_many_services(objects: tuple[Any, ...], is_found: bool) -> None:
    assert bool(found(*objects)) is is_found


def test_one_pod_before_an_application_that_is_guarded() -> None:
    served = (*ONE, CART, service(labels={USE: "waypoint"}), endpoints())
    assert found(*served) == []
    told = of("AMB-071", (AMBIENT, *NODES, gateway(), *served, budget(app="cart")))
    assert [keys(each) for each in told] == [["Gateway shop/waypoint", "Deployment shop/waypoint"]]
    assert "shop/cart has a PodDisruptionBudget" in told[0].says
    assert found(*served, budget(app="other")) == []
