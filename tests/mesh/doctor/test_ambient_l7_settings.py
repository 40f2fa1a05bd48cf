"""AMB-031 and AMB-072: L7 configuration that nobody applies, and ports of which a waypoint knows no protocol."""

from __future__ import annotations

from typing import Any

import pytest

from meshtui.mesh.doctor.findings import Severity
from meshtui.mesh.raw import Raw
from tests.mesh.doctor.judged import CART, SERVED, endpoints, keys, of, service
from tests.mesh.made import made
from tests.mesh.test_waypoints import USE, gateway, proxy

NAMED = made("Namespace", "shop", labels={"istio.io/dataplane-mode": "ambient", USE: "waypoint"})
BARE = (CART, *SERVED, service(), endpoints())
BEHIND = (CART, NAMED, *SERVED[1:], service(), endpoints(), gateway(), proxy())


def route(kind: str = "HTTPRoute", parent: str = "Service") -> Raw:
    spec = {
        "parentRefs": [{"kind": parent, "group": "", "name": "cart"}],
        "rules": [{"backendRefs": [{"name": "cart", "port": 80}]}],
    }
    return made(kind, "web", "shop", spec=spec)


VIRTUAL = made(
    "VirtualService",
    "web",
    "shop",
    spec={"hosts": ["cart"], "http": [{"route": [{"destination": {"host": "cart"}}]}]},
)


def rule(**policy: Any) -> Raw:
    return made("DestinationRule", "web", "shop", spec={"host": "cart", "trafficPolicy": policy})


@pytest.mark.parametrize(
    ("it", "kind"),
    [
        (route(), "HTTPRoute"),
        (route("GRPCRoute"), "GRPCRoute"),
        (VIRTUAL, "VirtualService"),
        (rule(connectionPool={"http": {"maxRetries": 1}}), "DestinationRule"),
    ],
)
def test_configuration_that_a_ztunnel_ignores(it: Raw, kind: str) -> None:
    (found,) = of("AMB-031", (*BARE, it))
    assert keys(found) == [f"{kind} shop/web", "Service shop/cart"]


@pytest.mark.parametrize(
    "objects",
    [
        (*BEHIND, route()),
        (*BEHIND, rule(connectionPool={"http": {}})),
        (*BARE, rule(connectionPool={"tcp": {"maxConnections": 1}})),  # that is L4
        (*BARE, route(parent="Gateway")),
        (service(), made("Namespace", "shop"), route()),  # outside the mesh
    ],
)
def test_configuration_that_is_applied_or_none_of_the_mesh_s(objects: tuple[Raw, ...]) -> None:
    assert of("AMB-031", objects) == []


def test_request_authentication_for_pods() -> None:
    spec = {"selector": {"matchLabels": {"app": "cart"}}}
    (found,) = of("AMB-031", (*BARE, made("RequestAuthentication", "jwt", "shop", spec=spec)))
    assert keys(found) == ["RequestAuthentication shop/jwt"]
    targeted = {"targetRefs": [{"kind": "Service", "name": "cart"}]}
    assert of("AMB-031", (*BARE, made("RequestAuthentication", "jwt", "shop", spec=targeted))) == []


def test_two_kinds_of_routes_for_one_service() -> None:
    (found,) = of("AMB-031", (*BEHIND, route(), VIRTUAL))
    assert found.grade is Severity.MEDIUM
    assert "do not go together" in found.says


@pytest.mark.parametrize(
    ("port", "found"),
    [
        ({"port": 80}, True),
        ({"port": 80, "name": "web"}, True),
        ({"port": 80, "name": "http"}, False),
        ({"port": 80, "name": "web", "appProtocol": "http"}, False),
        ({"port": 80, "name": "grpc-api"}, False),
        ({"port": 53, "protocol": "UDP"}, False),
        ({"port": 3306, "name": "http-db"}, True),
        ({"port": 3306, "name": "mysql"}, False),
    ],
)
def test_protocols_of_ports_behind_a_waypoint(port: Raw, found: bool) -> None:
    """AMB-072."""
    objects = (
        CART,
        NAMED,
        *SERVED[1:],
        service(ports=[port]),
        endpoints(),
        gateway(),
        proxy(),
        route(),
    )
    assert bool(of("AMB-072", objects)) is found


def test_a_port_without_a_protocol_matters_where_l7_is_asked_for() -> None:
    bare = service(ports=[{"port": 80}])
    behind = (CART, NAMED, *SERVED[1:], bare, endpoints(), gateway(), proxy())
    assert of("AMB-072", behind) == []
    spec = {
        "targetRefs": [{"kind": "Service", "name": "cart"}],
        "rules": [{"to": [{"operation": {"methods": ["GET"]}}]}],
    }
    policy = made("AuthorizationPolicy", "p", "shop", spec=spec)
    (found,) = of("AMB-072", (*behind, policy))
    assert keys(found) == ["Service shop/cart", "AuthorizationPolicy shop/p"]
    assert of("AMB-072", (CART, *SERVED, bare, endpoints(), route())) == []  # no waypoint: AMB-031
