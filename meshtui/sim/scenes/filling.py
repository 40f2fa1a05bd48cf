"""Filling a cluster with many pods, to see how things look and how fast they are at that size."""

from __future__ import annotations

from meshtui.sim.behaviour.cluster import Cluster
from meshtui.sim.kinds import AUTHORIZATION_POLICY, GATEWAY, HTTP_ROUTE
from meshtui.sim.scenes.playing import add_app, add_namespace, add_node, apply
from meshtui.sim.scenes.reading import App

_PER_NODE = 35
_PER_NAMESPACE = 35
_APPS = 4


def fill(cluster: Cluster, pods: int) -> None:
    """Nodes and namespaces for so many pods more: nine in ten of them in the mesh, every third with a waypoint.

    Of fifty namespaces one names a waypoint that does not exist; of some two hundred pods one was never captured.
    """
    for _ in range(pods // _PER_NODE):
        add_node(cluster)
    spaces = max(pods // _PER_NAMESPACE, 1)
    cluster.agents.fail([f"{_title(number)}/svc-0" for number in range(1, spaces, 6)], ())
    for number in range(spaces):
        title = _title(number)
        own = {"istio.io/dataplane-mode": "ambient"} if number % 10 else {}
        if number % 3 == 0 or number % 50 == 1:
            own["istio.io/use-waypoint"] = "waypoint"
        add_namespace(cluster, title, own)
        if number % 3 == 0:
            _add_waypoint(cluster, title)
        for app in range(_APPS):
            share = pods // (spaces * _APPS)
            left = pods - share * spaces * _APPS
            replicas = share + (1 if number * _APPS + app < left else 0)
            if replicas:
                add_app(cluster, App(title, f"svc-{app}", replicas))
        _add_policy(cluster, title)
        _add_route(cluster, title)


def _title(number: int) -> str:
    return f"team-{number:04}"


def _add_waypoint(cluster: Cluster, space: str) -> None:
    listener = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
    spec = {"gatewayClassName": "istio-waypoint", "listeners": [listener]}
    metadata = {
        "name": "waypoint",
        "namespace": space,
        "labels": {"istio.io/waypoint-for": "service"},
    }
    apply(cluster, GATEWAY, {"metadata": metadata, "spec": spec})


def _add_policy(cluster: Cluster, space: str) -> None:
    rule = {"from": [{"source": {"namespaces": [space, "edge"]}}]}
    metadata = {"name": "allow-team", "namespace": space}
    policy = {"metadata": metadata, "spec": {"action": "ALLOW", "rules": [rule]}}
    apply(cluster, AUTHORIZATION_POLICY, policy)


def _add_route(cluster: Cluster, space: str) -> None:
    backends = [
        {"name": "svc-0", "port": 80, "weight": 90},
        {"name": "svc-1", "port": 80, "weight": 10},
    ]
    spec = {
        "hostnames": [f"{space}.acme.example"],
        "parentRefs": [{"name": "public", "namespace": "edge", "sectionName": "https"}],
        "rules": [{"backendRefs": backends}],
    }
    apply(cluster, HTTP_ROUTE, {"metadata": {"name": "public", "namespace": space}, "spec": spec})
