"""Services of several clusters (services.MultiClusterServiceAnalyzer of the reference)."""

from __future__ import annotations

from typing import Any

import pytest

from meshtui.mesh.doctor.configuration.multicluster import inconsistent
from tests.mesh.doctor.analyzing import cluster, service

HTTP = {"name": "http", "port": 80, "protocol": "TCP"}
DNS = {"name": "dns", "port": 53, "protocol": "UDP"}


@pytest.mark.parametrize(
    ("one", "other", "differs"),
    [
        ({}, {}, ""),
        ({"ports": [HTTP, DNS]}, {"ports": [DNS, HTTP]}, ""),
        ({"ports": [HTTP]}, {"ports": [HTTP, DNS]}, "ports"),
        ({"ports": [HTTP]}, {"ports": [{**HTTP, "name": "web"}]}, "ports"),
        ({"ports": [HTTP]}, {"ports": [{**HTTP, "protocol": "UDP"}]}, "ports"),
        ({"type": "ClusterIP"}, {"type": "LoadBalancer"}, "type"),
        ({"clusterIP": "10.0.0.1"}, {"clusterIP": "None"}, "headless"),
        ({"clusterIP": "10.0.0.1"}, {"clusterIP": "10.9.9.9"}, ""),
    ],
)
def test_a_service_is_the_same_in_all_clusters(
    one: dict[str, Any], other: dict[str, Any], differs: str
) -> None:
    clusters = {"east": cluster(service("s", **one)), "west": cluster(service("s", **other))}
    told = [*inconsistent(clusters)]
    assert [each.objects[0].key for each in told] == (["shop/s"] if differs else [])
    assert all(differs in each.says for each in told)


def test_services_of_one_cluster_alone_are_not_compared() -> None:
    clusters = {
        "east": cluster(service("s", type="ClusterIP")),
        "west": cluster(service("s", namespace="other", type="LoadBalancer")),
    }
    assert not [*inconsistent(clusters)]


def test_an_annotation_asks_not_to_hear_of_it() -> None:
    quiet = {"galley.istio.io/analyze-suppress": "IST0170"}
    clusters = {
        "east": cluster(service("s", type="ClusterIP", annotations=quiet)),
        "west": cluster(service("s", type="LoadBalancer")),
    }
    assert not [*inconsistent(clusters)]
