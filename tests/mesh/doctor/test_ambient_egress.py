"""AMB-061 and AMB-063: ServiceEntries that are not recognised, or reached round their waypoint."""

from __future__ import annotations

from typing import Any

import pytest

from meshtui.mesh.raw import Raw
from tests.mesh.doctor.judged import examined, keys, of
from tests.mesh.made import config_map, made, snapshot
from tests.mesh.test_waypoints import USE, gateway, proxy

AMBIENT = made("Namespace", "shop", labels={"istio.io/dataplane-mode": "ambient"})
ALLOCATED = {"addresses": [{"host": "api.example.com", "value": "240.240.0.1"}]}


def entry(hosts: tuple[str, ...] = ("api.example.com",), **parts: Any) -> Raw:
    status, own = (
        parts.pop("status", {}),
        {key: parts.pop(key) for key in ("labels", "age") if key in parts},
    )
    spec = {
        "hosts": [*hosts],
        "resolution": "DNS",
        "ports": [{"number": 443, "protocol": "TLS"}],
        **parts,
    }
    return made("ServiceEntry", "api", "shop", spec=spec, status=status, **own)


def test_an_entry_without_an_address() -> None:
    (found,) = of("AMB-061", (AMBIENT, entry()))
    assert keys(found) == ["ServiceEntry shop/api"]
    (found,) = of(
        "AMB-061", (AMBIENT, entry(status=ALLOCATED), config_map(AMBIENT_DNS_CAPTURE="false"))
    )
    assert "DNS capture is off" in found.says


@pytest.mark.parametrize(
    "it",
    [
        entry(status=ALLOCATED),
        entry(addresses=["203.0.113.7"]),
        entry(("*.example.com",)),
        entry(age=20),
        entry(resolution="NONE"),
    ],
)
def test_an_entry_that_needs_none(it: Raw) -> None:
    assert of("AMB-061", (AMBIENT, it, config_map(AMBIENT_DNS_CAPTURE="true"))) == []


def test_an_entry_outside_the_mesh() -> None:
    assert of("AMB-061", (made("Namespace", "shop"), entry())) == []


INFRA = {USE: "egress", f"{USE}-namespace": "infra"}


def test_an_entry_that_its_waypoint_does_not_admit() -> None:
    """AMB-063, explained by AMB-021."""
    objects = (
        AMBIENT,
        entry(labels=INFRA, status=ALLOCATED),
        gateway("egress", "infra"),
        proxy("egress", "infra"),
    )
    (found,) = of("AMB-063", objects)
    assert keys(found) == ["ServiceEntry shop/api"]
    causes = [
        each for each in examined(snapshot(*objects)).findings if each.found.rule.code == "AMB-021"
    ]
    assert [[each.rule.code for each in cause.symptoms] for cause in causes] == [["AMB-063"]]
    admits = gateway("egress", "infra", admits={"from": "All"})
    assert of("AMB-063", (AMBIENT, objects[1], admits, objects[3])) == []


def test_a_route_for_requests_to_a_port_that_is_encrypted() -> None:
    parent = {"kind": "ServiceEntry", "group": "networking.istio.io", "name": "api"}
    route = made("HTTPRoute", "api", "shop", spec={"parentRefs": [parent], "rules": []})
    (found,) = of("AMB-063", (AMBIENT, entry(status=ALLOCATED), route))
    assert keys(found) == ["ServiceEntry shop/api", "HTTPRoute shop/api"]
    spec = {"host": "api.example.com", "trafficPolicy": {"tls": {"mode": "SIMPLE"}}}
    originates = made("DestinationRule", "api", "shop", spec=spec)
    assert of("AMB-063", (AMBIENT, entry(status=ALLOCATED), route, originates)) == []
    plain = entry(status=ALLOCATED, ports=[{"number": 80, "protocol": "HTTP"}])
    assert of("AMB-063", (AMBIENT, plain, route)) == []
