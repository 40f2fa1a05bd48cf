"""AMB-019 to AMB-027 and AMB-062: waypoints named in vain, dead, stuck, and gone round (doctor-rules.md, D4)."""

from __future__ import annotations

from typing import Any

import pytest

from meshtui.mesh.doctor.findings import Severity
from meshtui.mesh.raw import Raw
from tests.mesh.doctor.judged import CART, SERVED, examined, keys, of, service
from tests.mesh.made import before, made, pod, snapshot
from tests.mesh.test_enrollment import ENABLED
from tests.mesh.test_waypoints import USE, gateway, proxy

AMBIENT = {"istio.io/dataplane-mode": "ambient"}
NAMED = made("Namespace", "shop", labels={**AMBIENT, USE: "waypoint"})
CLASSES = (
    made("GatewayClass", "istio-waypoint", spec={"controllerName": "istio.io/mesh-controller"}),
    made("GatewayClass", "istio", spec={"controllerName": "istio.io/gateway-controller"}),
)
BOUND = {
    "conditions": [
        {"type": "istio.io/WaypointBound", "status": "True", "reason": "WaypointAccepted"}
    ]
}
MESH = (*CLASSES, NAMED, CART, *SERVED[1:])


def cart(status: Raw = BOUND, **parts: Any) -> Raw:
    return service(status=status, **parts)


POLICY = made(
    "AuthorizationPolicy",
    "viewers",
    "shop",
    spec={
        "targetRefs": [{"kind": "Service", "name": "cart"}],
        "rules": [{"to": [{"operation": {"methods": ["GET"]}}]}],
    },
    status={"conditions": [{"type": "WaypointAccepted", "status": "True", "reason": "Accepted"}]},
)


def test_a_label_that_names_nothing() -> None:
    """AMB-019: it fails open, and the policies that are skipped are named."""
    (found,) = of("AMB-019", (*MESH, cart(status={}), POLICY))
    assert keys(found) == ["Namespace shop", "Service shop/cart"]
    assert "does not exist" in found.says
    assert "not enforced: shop/viewers" in found.says
    assert found.evidence[0].field == f"metadata.labels[{USE}]"


def test_a_gateway_without_an_address_is_as_good_as_none() -> None:
    (found,) = of("AMB-019", (*MESH, cart(status={}), gateway(addresses=False)))
    assert keys(found) == ["Gateway shop/waypoint", "Namespace shop", "Service shop/cart"]


@pytest.mark.parametrize(
    "objects",
    [
        (gateway(), proxy()),
        (gateway(class_name="istio"), proxy()),  # near miss: it has an address, and another class
        (gateway(), proxy(ready="False")),  # it fails closed, which is AMB-020
    ],
)
def test_a_label_that_names_something(objects: tuple[Raw, ...]) -> None:
    assert of("AMB-019", (*MESH, cart(), *objects)) == []


def test_a_waypoint_with_an_address_and_no_ready_pod() -> None:
    """AMB-020: it fails closed."""
    (found,) = of("AMB-020", (*MESH, cart(), gateway(), proxy(ready="False")))
    assert keys(found) == ["Gateway shop/waypoint", "Namespace shop", "Service shop/cart"]
    assert "0 of 1 pod ready" in found.says
    (found,) = of("AMB-020", (*MESH, cart(), gateway()))
    assert "has no pods" in found.says


@pytest.mark.parametrize(
    "objects",
    [
        (gateway(), proxy()),
        (gateway(addresses=False), proxy(ready="False")),  # it never had an address: AMB-019
    ],
)
def test_a_waypoint_that_is_not_dead(objects: tuple[Raw, ...]) -> None:
    assert of("AMB-020", (*MESH, cart(), *objects)) == []
    unnamed = (*CLASSES, *SERVED, CART, cart(), gateway(), proxy(ready="False"))
    assert of("AMB-020", unnamed) == []  # nobody is bound to it


def denied(reason: str, status: str = "False") -> Raw:
    said = {"type": "istio.io/WaypointBound", "status": status, "reason": reason, "message": "no"}
    return {"conditions": [said]}


def test_what_istiod_did_not_bind() -> None:
    """AMB-021, with the next step by its reason."""
    (found,) = of("AMB-021", (*MESH, cart(denied("AttachmentDenied")), gateway(), proxy()))
    assert keys(found) == ["Service shop/cart"]
    assert "allowedRoutes" in found.step
    assert of("AMB-021", (*MESH, cart(), gateway(), proxy())) == []


def test_a_missing_waypoint_explains_what_is_not_bound() -> None:
    every = examined(snapshot(*MESH, cart(denied("WaypointIsNotReady")))).findings
    (found,) = [each for each in every if each.found.rule.code == "AMB-019"]
    assert [each.rule.code for each in found.symptoms] == ["AMB-021"]


def test_what_istiod_says_nothing_of() -> None:
    """An absent condition counts once the object, the label of its namespace and the waypoint are older than half a
    minute."""
    (found,) = of("AMB-021", (*MESH, cart(status={}), gateway(), proxy()))
    assert found.grade is Severity.MEDIUM
    assert of("AMB-021", (*MESH, cart(status={}, age=20), gateway(), proxy())) == []
    made_anew = {**gateway()["metadata"], "creationTimestamp": before(20)}
    young = {**gateway(), "metadata": made_anew}
    assert of("AMB-021", (*MESH, cart(status={}), young, proxy())) == []
    edits = [{"manager": "kubectl-label", "time": before(20)}]
    labelled = {**NAMED, "metadata": {**NAMED["metadata"], "managedFields": edits}}
    mesh = (*CLASSES, labelled, CART, *SERVED[1:])
    assert of("AMB-021", (*mesh, cart(status={}), gateway(), proxy())) == []


def test_a_canary_that_is_not_attached() -> None:
    """AMB-022: the condition is True all the same."""
    said = {"type": "istio.io/WaypointBound", "status": "True", "reason": "WaypointAccepted"}
    canary = {
        "conditions": [{**said, "message": "bound. Canary waypoint not attached: 150 is no weight"}]
    }
    (found,) = of("AMB-022", (*MESH, cart(canary), gateway(), proxy()))
    assert keys(found) == ["Service shop/cart"]
    assert of("AMB-022", (*MESH, cart(), gateway(), proxy())) == []
    assert (
        of("AMB-022", (*MESH, cart(denied("CanaryInvalidWeight")), gateway(), proxy())) == []
    )  # AMB-021


def test_a_gateway_that_is_not_programmed() -> None:
    """AMB-023: critical where what names it goes direct."""
    (found,) = of("AMB-023", (*MESH, cart(status={}), gateway(addresses=False, programmed="False")))
    assert keys(found) == ["Gateway shop/waypoint"]
    assert found.grade is Severity.CRITICAL
    (found,) = of("AMB-023", (*CLASSES, *SERVED, gateway(addresses=False, programmed="Unknown")))
    assert found.grade is Severity.HIGH
    assert of("AMB-023", (*MESH, cart(), gateway(), proxy())) == []
    young = {
        **gateway(programmed="False"),
        "metadata": {**gateway()["metadata"], "creationTimestamp": before(50)},
    }
    assert of("AMB-023", (*MESH, cart(), young, proxy())) == []
    assert (
        of("AMB-023", (*MESH, cart(), gateway(class_name="istio", programmed="False"))) == []
    )  # no waypoint


def test_labels_that_do_nothing() -> None:
    """AMB-024."""
    deployment = made("Deployment", "cart", "shop", labels={USE: "waypoint"})
    (found,) = of("AMB-024", (*MESH, cart(), gateway(), proxy(), deployment))
    assert keys(found) == ["Deployment shop/cart"]
    (found,) = of("AMB-024", (*MESH, cart(), gateway(class_name="istio"), proxy()))
    assert keys(found) == ["Namespace shop", "Gateway shop/waypoint"]
    assert of("AMB-024", (*MESH, cart(), gateway(), proxy())) == []


def test_a_pod_that_names_a_waypoint_for_services() -> None:
    own = pod("till", annotations=ENABLED, labels={USE: "waypoint"})
    (found,) = of("AMB-024", (*CLASSES, *SERVED, own, gateway(), proxy()))
    assert keys(found) == ["Pod shop/till"]
    assert of("AMB-024", (*CLASSES, *SERVED, own, gateway(traffic="all"), proxy())) == []


def test_a_waypoint_that_nobody_names() -> None:
    """AMB-027, after ten minutes."""
    (found,) = of("AMB-027", (*CLASSES, *SERVED, gateway(), proxy()))
    assert keys(found) == ["Gateway shop/waypoint"]
    assert of("AMB-027", (*MESH, gateway(), proxy())) == []
    young = {**gateway(), "metadata": {**gateway()["metadata"], "creationTimestamp": before(500)}}
    assert of("AMB-027", (*CLASSES, *SERVED, young, proxy())) == []


PUBLIC = made(
    "Gateway",
    "public",
    "shop",
    spec={
        "gatewayClassName": "istio",
        "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
    },
    status={"conditions": [{"type": "Programmed", "status": "True"}]},
)


def route(accepted: str = "True") -> Raw:
    parent = {"name": "public"}
    said = {"type": "Accepted", "status": accepted, "reason": "Accepted"}
    status = {
        "parents": [
            {
                "parentRef": parent,
                "controllerName": "istio.io/gateway-controller",
                "conditions": [said],
            }
        ]
    }
    spec = {"parentRefs": [parent], "rules": [{"backendRefs": [{"name": "cart", "port": 80}]}]}
    return made("HTTPRoute", "web", "shop", spec=spec, status=status)


INGRESS = "istio.io/ingress-use-waypoint"


def test_an_ingress_that_goes_round_the_waypoint() -> None:
    """AMB-025: critical where a policy is skipped."""
    objects = (*MESH, cart(), gateway(), proxy(), PUBLIC, route())
    (found,) = of("AMB-025", objects)
    assert keys(found) == ["Service shop/cart", "Gateway shop/public", "HTTPRoute shop/web"]
    assert found.grade is Severity.HIGH
    (found,) = of("AMB-025", (*objects, POLICY))
    assert found.grade is Severity.CRITICAL
    assert "shop/viewers" in found.says


@pytest.mark.parametrize(
    "objects",
    [
        (NAMED, cart(labels={INGRESS: "true"}), gateway(), route()),
        (
            made("Namespace", "shop", labels={**AMBIENT, USE: "waypoint", INGRESS: "true"}),
            cart(),
            gateway(),
            route(),
        ),
        (NAMED, cart(), gateway(), route(accepted="False")),  # the gateway does not take it
        (NAMED, cart(status={}), gateway(addresses=False), route()),  # nothing to go round
        (SERVED[0], cart(), gateway(), route()),  # nobody names a waypoint
    ],
)
def test_an_ingress_that_does_not(objects: tuple[Raw, ...]) -> None:
    assert of("AMB-025", (*CLASSES, CART, *SERVED[1:], proxy(), PUBLIC, *objects)) == []


def test_a_label_that_opts_out_of_what_the_namespace_says() -> None:
    all_in = made("Namespace", "shop", labels={**AMBIENT, USE: "waypoint", INGRESS: "true"})
    own = cart(labels={INGRESS: "false"})
    assert (
        len(
            of(
                "AMB-025",
                (*CLASSES, CART, *SERVED[1:], all_in, own, gateway(), proxy(), PUBLIC, route()),
            )
        )
        == 1
    )


def test_an_entry_that_needs_a_waypoint() -> None:
    """AMB-062."""
    said = {
        "type": "istio.io/WaypointMissing",
        "status": "True",
        "reason": "WildcardHost",
        "message": "bind one",
    }
    (found,) = of("AMB-062", (made("ServiceEntry", "any", "shop", status={"conditions": [said]}),))
    assert keys(found) == ["ServiceEntry shop/any"]
    fine = {**said, "status": "False"}
    assert (
        of("AMB-062", (made("ServiceEntry", "any", "shop", status={"conditions": [fine]}),)) == []
    )
    assert of("AMB-062", (made("ServiceEntry", "any", "shop"),)) == []


def test_what_was_not_applied_yet_is_not_held_against_istiod() -> None:
    """Files that are looked at alone have no status, and no time of creation."""
    entry = made(
        "ServiceEntry", "api", "shop", spec={"hosts": ["api.example.com"], "resolution": "DNS"}
    )
    written = []
    for it in (
        NAMED,
        *CLASSES,
        service(),
        gateway(addresses=False),
        PUBLIC,
        route(),
        POLICY,
        entry,
    ):
        kept = {key: value for key, value in it.items() if key != "status"}
        name, space = it["metadata"]["name"], it["metadata"].get("namespace")
        labels = it["metadata"].get("labels", {})
        metadata = {"name": name, "labels": labels, **({"namespace": space} if space else {})}
        written.append({**kept, "metadata": metadata})
    told = {each.found.rule.code for each in examined(snapshot(*written)).findings}
    assert told.isdisjoint({"AMB-019", "AMB-021", "AMB-023", "AMB-027", "AMB-061"})
