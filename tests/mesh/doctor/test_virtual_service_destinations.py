"""Destinations of VirtualServices: hosts, ports, subsets (virtualservice.Destination* of the reference)."""

from __future__ import annotations

from typing import Any

import pytest

from meshtui.mesh.doctor.examination import Outcome
from meshtui.mesh.kinds import DESTINATION_RULE, SERVICE, SERVICE_ENTRY, VIRTUAL_SERVICE
from meshtui.mesh.snapshot import Phase, Scope, Source
from tests.mesh.doctor.analyzing import Thing, cluster, examined, found, service, thing

HOSTS, SUBSETS = "virtualservice.DestinationHostAnalyzer", "virtualservice.DestinationRuleAnalyzer"
V = "shop/v"


def routed(destination: Any, protocol: str = "http", **spec: Any) -> Thing:
    routes = [{"route": [{"destination": destination}]}]
    return thing(VIRTUAL_SERVICE, "v", **{protocol: routes, **spec})


def to(host: Any, port: Any = None, subset: str = "") -> dict[str, Any]:
    at = {} if port is None else {"port": {"number": port}}
    return {"host": host, **at, **({"subset": subset} if subset else {})}


SERVICES = (service("one", 80), service("two", 80, 443))


@pytest.mark.parametrize("protocol", ["http", "tcp", "tls"])
@pytest.mark.parametrize(
    ("destination", "codes"),
    [
        (to("one"), set()),
        (to("one", 80), set()),
        (to("one", 81), {"IST0101"}),
        (to("two"), {"IST0112"}),
        (to("two", 443), set()),
        (to("none"), {"IST0101"}),
        (to("one.shop.svc.cluster.local"), set()),
        (to("one.shop"), {"IST0101"}),
        (None, set()),
    ],
)
def test_where_a_route_leads_is_there(protocol: str, destination: Any, codes: set[str]) -> None:
    assert found(HOSTS, routed(destination, protocol), *SERVICES) == {(code, V) for code in codes}


@pytest.mark.parametrize(
    "mirrored",
    [{"mirror": to("none")}, {"mirrors": [{"destination": to("none")}]}],
)
def test_where_a_route_is_mirrored_to_is_there(mirrored: dict[str, Any]) -> None:
    it = thing(VIRTUAL_SERVICE, "v", http=[{"route": [{"destination": to("one")}], **mirrored}])
    result = examined(HOSTS, cluster(it, *SERVICES))
    assert [each.found.says for each in result.findings] == ['mirror host "none" is not there']


def other(**spec: Any) -> Thing:
    """Another VirtualService that splits the traffic of a host."""
    _, it = routed(to("one", subset="v1"), **{"hosts": ["one"], **spec})
    return VIRTUAL_SERVICE, {**it, "metadata": {"name": "split", "namespace": "shop"}}


@pytest.mark.parametrize(
    ("it", "splitting", "told"),
    [
        (routed(to("one"), gateways=["edge"]), other(), True),
        (routed(to("one"), gateways=["mesh"]), other(), True),
        (routed(to("one")), other(), False),
        (routed(to("one", subset="v1"), gateways=["edge"]), other(), False),
        (routed(to("one"), gateways=["edge"]), other(hosts=["else"]), False),
        (routed(to("one.shop.svc.cluster.local"), gateways=["edge"]), other(), False),
        (routed(to("one"), "tcp", gateways=["edge"]), other(), False),
    ],
)
def test_subsets_of_the_mesh_do_not_apply_at_a_gateway(
    it: Thing, splitting: Thing, told: bool
) -> None:
    assert found(HOSTS, it, splitting, *SERVICES) == ({("IST0140", V)} if told else set())


def test_where_services_were_not_all_read_no_host_is_missed() -> None:
    only_shop = {Scope(SERVICE): Source(Phase.LOADING), Scope(SERVICE, "shop"): Source(Phase.LIVE)}
    result = examined(HOSTS, cluster(routed(to("none")), sources=only_shop))
    assert not result.findings
    assert result.outcomes["IST0101"] is Outcome.UNKNOWN


def rule(host: str, *subsets: str, namespace: str = "shop") -> Thing:
    named = [{"name": subset} for subset in subsets]
    return thing(DESTINATION_RULE, "r", namespace, host=host, subsets=named)


@pytest.mark.parametrize(
    ("host", "given", "is_there"),
    [
        ("one", rule("one", "v1"), True),
        ("one", rule("one", "v2"), False),
        ("one", rule("two", "v1"), False),
        ("one", rule("one.shop.svc.cluster.local", "v1", namespace="other"), True),
        ("one", rule("one", "v1", namespace="other"), False),
        ("one.shop.svc.cluster.local", rule("one", "v1"), True),
        ("one.shop", rule("one", "v1"), False),
        ("a.b.shop.svc.cluster.local", rule("a.b", "v1"), True),
        ("example.org", rule("example.org", "v1", namespace="other"), False),
        ("shop.svc.cluster.local", rule("shop.svc.cluster.local", "v1", namespace="other"), False),
    ],
)
def test_a_subset_is_in_a_rule_of_its_host(host: str, given: Thing, is_there: bool) -> None:
    expected = set() if is_there else {("IST0101", V)}
    assert found(SUBSETS, routed(to(host, subset="v1")), given) == expected


def test_a_destination_without_subset_needs_no_rule() -> None:
    entry = thing(SERVICE_ENTRY, "e", hosts=["example.org"])
    assert not found(SUBSETS, routed(to("example.org")), entry)
