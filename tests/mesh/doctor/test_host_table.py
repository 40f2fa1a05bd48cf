"""Host table: which hosts a destination may name, from where (istioctl-analyze.md, 2, "Look-up of a host")."""

from __future__ import annotations

from typing import Any

import pytest

from meshtui.mesh.doctor.configuration import host_table
from meshtui.mesh.kinds import SERVICE_ENTRY
from tests.mesh.doctor.analyzing import Thing, cluster, service, thing

EXPORTED = {"networking.istio.io/exportTo": "banana, ."}


def entry(name: str, *hosts: str, namespace: str = "shop", **parts: Any) -> Thing:
    return thing(SERVICE_ENTRY, name, namespace, hosts=list(hosts), **parts)


TABLE = cluster(
    service("reviews", 80, 443),
    service("hidden", 81, annotations=EXPORTED),
    entry("outside", "example.org", ports=[{"number": 443}]),
    entry("wild", "*.eu.example.com", ports=[{"number": 1}]),
    entry("own", "*", namespace="closed", exportTo=["."], ports=[{"number": 2}]),
    entry("same", "reviews", ports=[{"number": 7}], workloadSelector={"labels": {"app": "x"}}),
    entry("vm", "vm", workloadSelector={"labels": {"app": "vm"}}),
)


@pytest.mark.parametrize(
    ("where", "host", "exported", "ports"),
    [
        ("shop", "reviews", None, (80, 443)),
        ("other", "reviews", None, None),
        ("other", "reviews.shop.svc.cluster.local", None, (80, 443)),
        ("other", "reviews.shop", None, None),
        ("shop", "hidden", None, (81,)),
        ("banana", "hidden.shop.svc.cluster.local", None, (81,)),
        ("other", "hidden.shop.svc.cluster.local", None, None),
        ("shop", "hidden", ["bogus"], None),
        ("shop", "hidden", ["bogus", "."], (81,)),
        ("other", "hidden.shop.svc.cluster.local", ["banana"], (81,)),
        ("other", "example.org", None, (443,)),
        ("other", "www.example.org", None, None),
        ("other", "a.b.eu.example.com", None, (1,)),
        ("other", "*.eu.example.com", None, (1,)),
        ("other", "*.north.eu.example.com", None, (1,)),
        ("other", "eu.example.com", None, None),
        ("closed", "anything.org", None, (2,)),
        ("closed", "", None, (2,)),
        ("shop", "", None, None),
        ("shop", "x" * 1_000_000 + ".eu.example.com", None, (1,)),
    ],
)
def test_a_host_is_found_where_it_is_exported_to(
    where: str, host: str, exported: Any, ports: tuple[int, ...] | None
) -> None:
    known = host_table.of(TABLE).find(where, host, exported)
    assert (None if known is None else known.ports) == ports


def test_a_service_hides_a_service_entry_of_its_name_and_has_no_selector_here() -> None:
    hosts = host_table.of(TABLE)
    for name, labels in (("reviews", {}), ("vm", {"app": "vm"})):
        known = hosts.find("shop", name, None)
        assert known is not None
        assert known.labels == labels
