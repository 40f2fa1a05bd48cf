"""Waypoint changes: what is built for a new one, for one that goes, and for whom one is set; what is refused; and what
is said before (istio-ambient.md, 2.1 to 2.3; C3 and C4 of doctor-rules.md)."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from msgspec.structs import replace

from meshtui.mesh import changes, preflight, waypoint_changes
from meshtui.mesh.changes import Create, Delete, Patch, Refusal
from meshtui.mesh.checks import Check
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    GATEWAY,
    GATEWAY_CLASS,
    HTTP_ROUTE,
    INGRESS,
    NAMESPACE,
    POD,
    SERVICE,
    SERVICE_ENTRY,
    TCP_ROUTE,
    TLS_ROUTE,
    WORKLOAD_ENTRY,
)
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Phase, Problem, Ref, Scope, Snapshot, Source, Trouble
from tests.anything import JSON
from tests.mesh.made import made, snapshot
from tests.mesh.test_waypoints import gateway, proxy
from tests.recordings import snapshot as recorded

USE = "istio.io/use-waypoint"
USE_NAMESPACE = "istio.io/use-waypoint-namespace"
SHOP, CART = Ref(NAMESPACE, "", "shop"), Ref(SERVICE, "shop", "cart")
WAYPOINT = Ref(GATEWAY, "shop", "waypoint")
NONE = Source(Phase.ABSENT)
DENIED = "gateways is forbidden: jane may not list it"
FORBIDDEN = Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, DENIED))
CLASS = made("GatewayClass", "istio-waypoint", spec={"controllerName": "istio.io/mesh-controller"})
OK, UNKNOWN, WARN, BAD = Health.OK, Health.UNKNOWN, Health.WARN, Health.BAD


def namespace(**labels: str) -> Raw:
    return made("Namespace", "shop", labels=labels, metadata={"resourceVersion": "7"})


def service(name: str = "cart", **labels: str) -> Raw:
    return made("Service", name, "shop", labels=labels)


def patch(found: Patch | Refusal) -> Any:
    assert isinstance(found, Patch), found
    return found.patch


def refused(found: object) -> str:
    assert isinstance(found, Refusal), found
    return found.reason


def created(found: Create | Refusal) -> Create:
    assert isinstance(found, Create), found
    return found


def told(checks: tuple[Check, ...], words: str) -> Check:
    found = [each for each in checks if words in each.verdict.reason]
    assert len(found) == 1, [each.verdict for each in checks]
    return found[0]


# One made

GENERATED = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  labels:
    istio.io/rev: prod
    istio.io/waypoint-for: all
  name: waypoint
  namespace: shop
spec:
  gatewayClassName: istio-waypoint
  listeners:
  - name: mesh
    port: 15008
    protocol: HBONE
"""
"""`istioctl waypoint generate --for all --revision prod -n shop` (istio-ambient.md, 2.1 and 3.1)."""


def test_a_new_waypoint_is_the_one_that_istioctl_generates() -> None:
    found = created(waypoint_changes.create("shop", "waypoint", "all", "prod", snapshot()))
    assert found.wanted == yaml.safe_load(GENERATED)
    assert found.target == WAYPOINT
    plain = created(waypoint_changes.create("shop", "waypoint", "service", "", snapshot()))
    assert plain.wanted["metadata"]["labels"] == {"istio.io/waypoint-for": "service"}
    back = changes.inverse(found, gateway())
    assert isinstance(back, Delete)
    assert back.danger


def test_a_name_that_is_taken_is_not_given_again() -> None:
    assert waypoint_changes.free_name("shop", snapshot()) == "waypoint"
    elsewhere = gateway("waypoint", "edge")
    assert waypoint_changes.free_name("shop", snapshot(elsewhere)) == "waypoint"
    taken = snapshot(gateway(), service("waypoint-2"), gateway("waypoint-4"))
    assert waypoint_changes.free_name("shop", taken) == "waypoint-3"


def test_where_none_can_be_made_the_reason_is_said() -> None:
    def create(found: Snapshot) -> str:
        return refused(waypoint_changes.create("shop", "waypoint", "service", "", found))

    assert create(snapshot(gateway())) == "Gateway shop/waypoint exists already"
    without = snapshot(sources={Scope(GATEWAY): NONE})
    assert create(without) == "the Gateway API is not installed in this cluster"
    going = made("Namespace", "shop", metadata={"deletionTimestamp": "2026-11-22T12:00:00Z"})
    assert create(snapshot(going)) == "shop is being deleted"


def test_before_one_is_made_its_class_is_looked_for() -> None:
    change = created(waypoint_changes.create("shop", "waypoint", "service", "", snapshot()))
    there = preflight.of(change, snapshot(CLASS))
    assert told(there, "GatewayClass istio-waypoint is there").verdict.health is OK
    absent = told(preflight.of(change, snapshot()), "no GatewayClass istio-waypoint")
    assert (absent.verdict.health, bool(absent.remedy)) == (BAD, True)
    unread = preflight.of(change, snapshot(sources={Scope(GATEWAY_CLASS): FORBIDDEN}))
    assert told(unread, "is not known").verdict.health is UNKNOWN


def test_before_one_is_made_its_revision_is_looked_for() -> None:
    found = recorded("shop")
    change = waypoint_changes.create("plain", "waypoint", "service", "canary", found)
    assert told(preflight.of(created(change), found), "no istiod of revision canary")
    change = waypoint_changes.create("plain", "waypoint", "service", "default", found)
    checks = preflight.of(created(change), found)
    assert told(checks, "revision default: 1 of 1 istiod ready").verdict.health is OK


# One deleted


def deleting(found: Snapshot, target: Ref = WAYPOINT) -> Delete:
    it = found.find(target.kind, target.namespace, target.name)
    assert it is not None
    change = waypoint_changes.delete(target, it, found)
    assert isinstance(change, Delete)
    return change


def test_deleting_one_says_who_is_attached_and_what_is_lost() -> None:
    found = recorded("shop")
    kinds = (SERVICE_ENTRY, WORKLOAD_ENTRY, TLS_ROUTE, TCP_ROUTE, INGRESS)
    found = replace(found, sources={**found.sources, **{Scope(kind): NONE for kind in kinds}})
    change = deleting(found)
    assert change.danger
    assert change.reach == ("named by 1 namespace, 7 services", "1 pod of it")
    checks = preflight.of(change, found)
    assert [each.verdict.health for each in checks] == [BAD, BAD, WARN]
    policy = told(checks, "1 policy (shop/viewers) would be enforced nowhere")
    assert "(it fails open)" in policy.verdict.reason
    assert told(checks, "2 routes (GRPCRoute shop/catalog, HTTPRoute shop/reviews) would")
    assert told(checks, "their traffic goes direct").remedy.startswith("Clear their labels first")
    back = changes.inverse(change, None)
    assert isinstance(back, Create)
    assert "status" not in back.wanted
    assert "resourceVersion" not in back.wanted["metadata"]
    assert back.wanted["spec"] == (change.before or {})["spec"]


def test_a_policy_for_all_waypoints_and_one_for_this_one_are_lost_too() -> None:
    policy = {
        "targetRefs": [
            {"group": "gateway.networking.k8s.io", "kind": "GatewayClass", "name": "istio-waypoint"}
        ]
    }
    own = {
        "targetRefs": [
            {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"}
        ]
    }
    found = snapshot(
        CLASS,
        gateway(),
        proxy(),
        service(**{USE: "waypoint"}),
        made("AuthorizationPolicy", "everywhere", "istio-system", spec=policy),
        made("AuthorizationPolicy", "here", "shop", spec=own),
    )
    checks = preflight.of(deleting(found), found)
    assert told(checks, "1 policy (istio-system/everywhere), for all waypoints, would not hold")
    assert told(checks, "1 policy (shop/here) would be enforced nowhere")
    unused = snapshot(gateway(), sources={Scope(kind): NONE for kind in (WORKLOAD_ENTRY,)})
    assert told(preflight.of(deleting(unused), unused), "nobody names it").verdict.health is OK


def test_what_could_not_be_read_is_not_called_lost_or_kept() -> None:
    for kind in (NAMESPACE, SERVICE, POD, AUTHORIZATION_POLICY):
        found = snapshot(gateway(), sources={Scope(kind): FORBIDDEN})
        checks = preflight.of(deleting(found), found)
        assert told(checks, "who else depends on it is not known").verdict.health is UNKNOWN
    found = snapshot(sources={Scope(POD): FORBIDDEN})
    reach = waypoint_changes.delete(WAYPOINT, gateway(), found)
    assert isinstance(reach, Delete)
    assert "who else is not known" in reach.reach[0]
    found = snapshot(
        gateway(), proxy(), service(**{USE: "waypoint"}), sources={Scope(HTTP_ROUTE): FORBIDDEN}
    )
    checks = preflight.of(deleting(found), found)
    assert told(checks, "which routes would have no effect is not known")


def test_one_that_is_being_deleted_is_left_alone() -> None:
    it = {**gateway(), "metadata": {"deletionTimestamp": "2026-11-22T12:00:00Z"}}
    found = waypoint_changes.delete(WAYPOINT, it, snapshot())
    assert refused(found) == "Gateway shop/waypoint is being deleted already"


# One set, for a namespace


def test_a_waypoint_is_set_by_its_name_and_by_its_namespace_where_that_is_another() -> None:
    it = namespace()
    found = waypoint_changes.bind(SHOP, it, "shop", "waypoint", snapshot(it, gateway(), proxy()))
    assert isinstance(found, Patch)
    assert found.patch == {"metadata": {"labels": {USE: "waypoint"}}}
    assert (found.title, found.target, found.based_on) == (
        "Set waypoint shop/waypoint for namespace shop",
        SHOP,
        "7",
    )
    edge = gateway("waypoint", "edge", admits={"from": "All"})
    found = waypoint_changes.bind(
        SHOP, it, "edge", "waypoint", snapshot(it, edge, proxy(namespace="edge"))
    )
    labels = {USE: "waypoint", USE_NAMESPACE: "edge"}
    assert patch(found) == {"metadata": {"labels": labels}}
    bound = namespace(**labels)
    here = snapshot(bound, gateway(), proxy())
    back = waypoint_changes.bind(SHOP, bound, "shop", "waypoint", here)
    assert patch(back) == {"metadata": {"labels": {USE: "waypoint", USE_NAMESPACE: None}}}
    cleared = patch(waypoint_changes.unbind(SHOP, bound, snapshot(bound)))
    assert cleared == {"metadata": {"labels": {USE: None, USE_NAMESPACE: None}}}


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ((), "Gateway shop/waypoint does not exist"),
        ((gateway(addresses=False), proxy()), "has no address"),
        ((gateway(),), "0 ready pods"),
        ((gateway(), proxy(ready="False")), "0 ready pods"),
        ((gateway(programmed="False"), proxy()), "Programmed is False"),
        ((gateway(programmed="Unknown"), proxy()), "waypoint shop/waypoint is not ready"),
        ((gateway(traffic="none"), proxy()), "takes no traffic"),
    ],
)
def test_nothing_is_bound_to_a_waypoint_that_is_not_ready(
    objects: tuple[Raw, ...], said: str
) -> None:
    it = namespace()
    found = waypoint_changes.bind(SHOP, it, "shop", "waypoint", snapshot(it, *objects))
    assert said in refused(found)
    of_service = waypoint_changes.bind(
        CART, service(), "shop", "waypoint", snapshot(it, service(), *objects)
    )
    assert said in refused(of_service)


def test_nothing_is_bound_to_a_waypoint_of_which_that_is_not_known() -> None:
    it = namespace()
    for kind in (GATEWAY, POD):
        objects = () if kind == GATEWAY else (gateway(),)
        found = snapshot(it, *objects, sources={Scope(kind): FORBIDDEN})
        said = refused(waypoint_changes.bind(SHOP, it, "shop", "waypoint", found))
        assert said.startswith("whether waypoint shop/waypoint is ready is not known: ")


def test_what_cannot_be_or_is_so_already_is_refused() -> None:
    it = namespace()
    closed = snapshot(it, gateway("w", "edge"))
    said = refused(waypoint_changes.bind(SHOP, it, "edge", "w", closed))
    assert "does not admit namespace shop" in said
    none = waypoint_changes.bind(SHOP, it, "shop", "none", snapshot(it))
    assert "no name of a waypoint" in refused(none)
    used = namespace(**{USE: "waypoint"})
    found = waypoint_changes.bind(SHOP, used, "shop", "waypoint", snapshot(used, gateway()))
    assert "already" in refused(found)
    assert "has no label" in refused(waypoint_changes.unbind(SHOP, it, snapshot()))
    assert "has no label" in refused(waypoint_changes.unbind(CART, service(), snapshot()))


# One set, for a Service


def test_a_service_gets_a_waypoint_by_its_own_label_and_loses_it() -> None:
    here = snapshot(namespace(), service(), gateway(), proxy())
    found = waypoint_changes.bind(CART, service(), "shop", "waypoint", here)
    assert isinstance(found, Patch)
    assert (found.title, found.target) == (
        "Set waypoint shop/waypoint for service shop/cart",
        CART,
    )
    assert found.patch == {"metadata": {"labels": {USE: "waypoint"}}}
    own = service(**{USE: "waypoint"})
    assert patch(waypoint_changes.unbind(CART, own, here)) == {"metadata": {"labels": {USE: None}}}


def test_a_service_takes_no_waypoint_that_is_for_pods_alone() -> None:
    here = snapshot(namespace(), service(), gateway(traffic="workload"), proxy())
    found = waypoint_changes.bind(CART, service(), "shop", "waypoint", here)
    assert "is for traffic to workload" in refused(found)
    of_all = waypoint_changes.bind(SHOP, namespace(), "shop", "waypoint", here)
    assert isinstance(of_all, Patch)


def test_before_a_service_gets_or_loses_one_it_is_said_what_that_does() -> None:
    policy = {"targetRefs": [{"group": "", "kind": "Service", "name": "cart"}]}
    route = {"parentRefs": [{"group": "", "kind": "Service", "name": "cart"}]}
    own = service(**{USE: "waypoint"})
    rest = (
        gateway(),
        proxy(),
        made("AuthorizationPolicy", "viewers", "shop", spec=policy),
        made("HTTPRoute", "canary", "shop", spec=route),
    )
    here = snapshot(namespace(), service(), *rest)
    bound = waypoint_changes.bind(CART, service(), "shop", "waypoint", here)
    assert isinstance(bound, Patch)
    (check,) = preflight.of(bound, here)
    assert check.verdict.reason == "waypoint shop/waypoint is ready and takes it"
    here = snapshot(namespace(), own, *rest)
    cleared = waypoint_changes.unbind(CART, own, here)
    assert isinstance(cleared, Patch)
    checks = preflight.of(cleared, here)
    assert told(checks, "1 policy (shop/viewers) would not hold any more").verdict.health is BAD
    assert told(checks, "1 route (HTTPRoute shop/canary) would have no effect")
    inherited = snapshot(namespace(**{USE: "waypoint"}), own, *rest)
    checks = preflight.of(cleared, inherited)
    assert [each.verdict.health for each in checks] == [OK], checks
    denied = replace(here, sources={**here.sources, Scope(AUTHORIZATION_POLICY): FORBIDDEN})
    assert told(preflight.of(cleared, denied), "is not known").verdict.health is UNKNOWN
    other = replace(cleared, patch={"metadata": {"labels": {"team": "a"}}})
    assert preflight.of(other, here) == ()


@given(JSON)
def test_nothing_takes_it_down(anything: Any) -> None:
    odd = {"kind": "Gateway", "metadata": {"name": "waypoint", "namespace": "shop"}}
    odd = {**odd, "spec": anything, "status": anything}
    it = {"kind": "Service", "metadata": anything, "spec": anything}
    policy = {"kind": "AuthorizationPolicy", "metadata": {"name": "x", "namespace": "shop"}}
    here = snapshot(namespace(), service(), odd, {**policy, "spec": anything})
    waypoint_changes.create("shop", "waypoint", "service", "", here)
    deleted = waypoint_changes.delete(WAYPOINT, {**odd, "metadata": anything}, here)
    assert isinstance(deleted, Delete | Refusal)
    if isinstance(deleted, Delete):
        preflight.of(deleted, here)
    for target in (SHOP, CART):
        waypoint_changes.bind(target, it, "shop", "waypoint", here)
        found = waypoint_changes.unbind(target, it, here)
        if isinstance(found, Patch):
            preflight.of(found, here)
