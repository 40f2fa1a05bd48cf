"""Waypoint rows: the recorded ones as their README and their conditions have them, and small ones by istio-ambient.md,
2.2 to 2.4, and AMB-019 to AMB-023 of doctor-rules.md."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from meshtui.mesh import attachments, raw, waypoint_rows
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import (
    GATEWAY,
    GATEWAY_CLASS,
    NAMESPACE,
    POD,
    SERVICE,
    SERVICE_ENTRY,
    WORKLOAD_ENTRY,
    Kind,
)
from meshtui.mesh.pods import GATEWAY_NAME
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Phase, Problem, Scope, Snapshot, Source, Trouble
from meshtui.mesh.waypoint_rows import Row
from tests import recordings
from tests.anything import JSON, damaged
from tests.mesh.made import NOW, made, pod, snapshot
from tests.mesh.test_waypoints import USE, gateway, proxy

SHOP = recordings.snapshot("shop")


def read(found: Snapshot) -> Snapshot:
    """The same, with every kind read that waypoints are judged by."""
    kinds = {need.kind if isinstance(need, Scope) else need for need in waypoint_rows.KINDS}
    live = {Scope(kind): Source(Phase.LIVE, 1, NOW) for kind in kinds}
    return replace(found, sources={**live, **found.sources})


def rows(found: Snapshot) -> dict[str, Row]:
    return {each.waypoint: each for each in waypoint_rows.of(read(found))}


def cluster(*objects: Raw, more: Mapping[Kind, list[Raw]] | None = None) -> Snapshot:
    found = snapshot(*objects)
    added = {kind: {raw.key(it): it for it in items} for kind, items in (more or {}).items()}
    return replace(found, objects={**found.objects, **added})


NAMED = made("Namespace", "shop", labels={USE: "waypoint"})
ELSEWHERE = made("Namespace", "shop", labels={USE: "wp", f"{USE}-namespace": "infra"})
CART = made("Service", "cart", "shop", spec={"clusterIP": "10.96.0.7"})
FINE = (NAMED, CART, gateway(), proxy())


def test_the_recorded_waypoints_and_who_is_attached() -> None:
    """Attached are the Services on which istiod wrote `istio.io/WaypointBound` True, and in vain those with False."""
    found = rows(SHOP)
    assert list(found) == ["batch/nowhere", "payments/unused", "shop/waypoint"]
    bound: set[str] = set()
    refused: set[str] = set()
    for it in SHOP.raw(SERVICE):
        said = raw.conditions(it).get("istio.io/WaypointBound")
        if said is not None:
            (bound if said.status == "True" else refused).add(raw.key(it))
    assert {each.key for each in found["shop/waypoint"].services} == bound
    assert [each.key for each in found["shop/waypoint"].namespaces] == ["shop"]
    assert found["shop/waypoint"].workloads == ()  # it is for services alone
    missing = found["batch/nowhere"]
    assert {each.key for each in missing.in_vain if each.kind == SERVICE} == refused
    assert {each.key for each in missing.in_vain if each.kind == NAMESPACE} == {"batch"}
    assert missing.ref is None


def test_the_recorded_waypoints_as_they_are() -> None:
    found = rows(SHOP)
    waypoint, unused = found["shop/waypoint"], found["payments/unused"]
    assert (waypoint.traffic, waypoint.traffic_by) == ("service", "its own label")
    assert (waypoint.address, waypoint.hostname) == (
        "10.96.133.73",
        "waypoint.shop.svc.cluster.local",
    )
    assert (waypoint.ready, len(waypoint.pods)) == (1, 1)
    assert waypoint.programmed is not None
    assert (waypoint.programmed.status, waypoint.programmed.reason) == ("True", "Programmed")
    assert waypoint.verdict.health is Health.OK
    assert (unused.traffic, unused.orphan) == ("all", True)
    assert (unused.verdict.health, unused.verdict.reason) == (
        *(Health.WARN, "an orphan: no namespace, service or workload names it"),
    )
    assert found["batch/nowhere"].verdict.health is Health.BAD
    assert found["batch/nowhere"].verdict.reason.endswith("named by 1 namespace, 2 services")


@pytest.mark.parametrize(
    ("objects", "health", "words"),
    [
        (FINE, Health.OK, "1 namespace, 1 service attached, 1 of 1 pods ready"),
        ((NAMED, CART, gateway()), Health.BAD, "0 of 0 pods ready: traffic to 1 namespace, 1 service"),
        ((NAMED, CART, gateway(), proxy(ready="False")), Health.BAD, "0 of 1 pods ready: traffic to"),
        ((NAMED, CART, gateway(addresses=False), proxy()), Health.BAD, "it has no address"),
        ((NAMED, CART, gateway(programmed="False"), proxy()), Health.WARN, "not programmed: "),
        (
            (NAMED, CART, gateway(programmed="False", addresses=False), proxy()),
            *(Health.BAD, "not programmed: "),
        ),
        ((gateway(), proxy()), Health.WARN, "an orphan: "),
        ((gateway(),), Health.WARN, "0 of 0 pods ready: nobody needs it"),
        ((NAMED, CART), Health.BAD, "Gateway shop/waypoint does not exist: traffic goes direct"),
        (
            (NAMED, CART, gateway(traffic="workload"), proxy()),
            *(Health.BAD, "named in vain by 1 service: Gateway shop/waypoint is for traffic to workload"),
        ),
        (
            (ELSEWHERE, CART, gateway("wp", "infra"), proxy("wp", "infra")),
            *(Health.BAD, "named in vain by 1 namespace, 1 service: Gateway infra/wp does not admit"),
        ),
    ],
)  # fmt: skip
def test_how_it_is_and_why(objects: tuple[Raw, ...], health: Health, words: str) -> None:
    [found] = rows(cluster(*objects)).values()
    assert found.verdict.health is health
    assert found.verdict.reason.startswith(words)


def test_pods_are_attached_only_to_a_waypoint_that_takes_their_traffic() -> None:
    pods = (pod("cart"), pod("done", status={"phase": "Succeeded"}))
    services_only = rows(cluster(*FINE, *pods))["shop/waypoint"]
    assert (services_only.workloads, services_only.in_vain) == ((), ())
    managed = {"gateway.istio.io/managed": "istio.io-mesh-controller"}
    own = pod("waypoint-1", labels={GATEWAY_NAME: "waypoint", **managed})
    for_all = rows(cluster(NAMED, CART, gateway(traffic="all"), own, *pods))["shop/waypoint"]
    assert [each.key for each in for_all.workloads] == ["shop/cart"], (
        "neither itself nor what ended"
    )
    named = pod("own", labels={USE: "waypoint"})
    vain = rows(cluster(gateway(), proxy(), named))["shop/waypoint"]
    assert [(each.kind, each.key) for each in vain.in_vain] == [(POD, "shop/own")]


def test_entries_name_waypoints_as_services_and_pods_do() -> None:
    """ServiceEntry and WorkloadEntry: istio-ambient.md, 2.3."""
    labels = {USE: "waypoint"}
    more = {
        SERVICE_ENTRY: [made("", "api", "shop", labels=labels)],
        WORKLOAD_ENTRY: [made("", "vm", "shop", labels=labels)],
    }
    found = rows(cluster(gateway(traffic="all"), proxy(), more=more))["shop/waypoint"]
    assert [each.key for each in found.services] == ["shop/api"]
    assert [each.key for each in found.workloads] == ["shop/vm"]
    assert not found.orphan


@pytest.mark.parametrize(
    ("own", "of_class", "traffic", "by"),
    [
        ("all", "workload", "all", "its own label"),
        ("", "workload", "workload", "its class"),
        ("", "", "service", "Istio's default"),
    ],
)
def test_what_it_is_for_and_who_says_so(own: str, of_class: str, traffic: str, by: str) -> None:
    labels = {"istio.io/waypoint-for": of_class} if of_class else {}
    spec = {"controllerName": "istio.io/mesh-controller"}
    waypoints = made("GatewayClass", "istio-waypoint", labels=labels, spec=spec)
    found = rows(cluster(waypoints, gateway(traffic=own), proxy()))["shop/waypoint"]
    assert (found.traffic, found.traffic_by) == (traffic, by)


def test_which_gateways_are_waypoints() -> None:
    """By their class's controller, and any that is named as one (istio-ambient.md, 2.1 and 2.6)."""
    own = made("GatewayClass", "mine", spec={"controllerName": "istio.io/mesh-controller"})
    ingress = made("GatewayClass", "istio", spec={"controllerName": "istio.io/gateway-controller"})
    sandwich = gateway("sandwich", class_name="istio")
    named = made("Namespace", "shop", labels={USE: "sandwich"})
    objects = (own, ingress, gateway("a", class_name="mine"), gateway("edge", class_name="istio"))
    assert list(rows(cluster(*objects, sandwich, named))) == ["shop/a", "shop/sandwich"]


def test_conditions_of_listeners_are_read_too() -> None:
    """The Gateway stays Accepted where its listener is none of a waypoint (istio-ambient.md, 2.1); Conflicted is good
    where it is False (2.4)."""
    refused = {
        "type": "Accepted",
        "status": "False",
        "reason": "UnsupportedProtocol",
        "message": 'Expected a single listener on port 15008 with protocol "HBONE"',
    }
    fine = {"type": "Conflicted", "status": "False", "reason": "NoConflicts"}
    it = gateway()
    status = {**it["status"], "listeners": [{"name": "mesh", "conditions": [refused, fine]}]}
    [found] = rows(cluster(NAMED, CART, {**it, "status": status}, proxy())).values()
    assert [each.reason for each in found.troubles] == [
        "listener mesh: Accepted=False (UnsupportedProtocol: Expected a single listener on port 15008"
        ' with protocol "HBONE")'
    ]


def test_versions_come_of_the_images_and_are_held_against_istiod() -> None:
    """Reference istio-ambient.md, 10.5."""
    newest = {"containers": [{"name": "discovery", "image": "pilot:1.31.0"}]}
    istiod = pod("istiod", "istio-system", labels={"app": "istiod"}, spec=newest)
    old = proxy()
    spec = {**old["spec"], "containers": [{"name": "p", "image": "proxyv2:1.28.1-distroless"}]}
    found = rows(cluster(NAMED, CART, gateway(), {**old, "spec": spec}, istiod))["shop/waypoint"]
    assert found.versions == ("1.28.1",)
    assert (found.verdict.health, found.verdict.reason) == (
        *(Health.WARN, "1.28.1 is more than one minor behind istiod 1.31"),
    )


def test_one_just_made_is_not_blamed_yet() -> None:
    """C8 of doctor-rules.md."""
    it = gateway(addresses=False, programmed="Unknown")
    young = {**it, "metadata": {**it["metadata"], "creationTimestamp": "2026-11-22T12:38:50Z"}}
    at = cluster(young)
    assert rows(at)["shop/waypoint"].verdict.health is Health.NONE
    later = replace(at, now=at.now + timedelta(seconds=30))
    assert rows(later)["shop/waypoint"].verdict.health is Health.BAD


REFUSED = Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, "you may not list them"))


@pytest.mark.parametrize("kind", [NAMESPACE, SERVICE, POD, SERVICE_ENTRY, WORKLOAD_ENTRY])
def test_nobody_is_an_orphan_where_not_all_who_may_name_it_are_known(kind: Kind) -> None:
    found = replace(cluster(gateway(), proxy()), sources={Scope(kind): REFUSED})
    row = rows(found)["shop/waypoint"]
    assert (row.orphan, row.verdict.health) == (False, Health.UNKNOWN)
    assert "you may not list them" in row.verdict.reason


def test_one_that_may_not_be_read_is_not_called_missing() -> None:
    found = replace(cluster(NAMED, CART), sources={Scope(GATEWAY): REFUSED})
    row = rows(found)["shop/waypoint"]
    assert row.verdict.health is Health.UNKNOWN
    assert row.verdict.reason.startswith("you may not list them")
    assert (row.attached, row.in_vain) == ((), ())
    assert {each.key for each in row.unsure} == {"shop", "shop/cart"}


def test_pods_that_may_not_be_read_are_not_none() -> None:
    found = replace(cluster(NAMED, CART, gateway()), sources={Scope(POD): REFUSED})
    row = rows(found)["shop/waypoint"]
    assert row.ready is None
    assert row.verdict.health is Health.UNKNOWN


def test_what_is_attached_stays_the_same_object_while_nothing_changes() -> None:
    at = read(SHOP)
    before = attachments.of(at)
    later = replace(at, objects={**at.objects}, now=at.now + timedelta(seconds=1))
    assert attachments.of(later) is before
    kept = {each.waypoint: each for each in waypoint_rows.of(at)}
    again = {each.waypoint: each for each in waypoint_rows.of(later)}
    assert again["shop/waypoint"] is kept["shop/waypoint"]


@pytest.mark.parametrize("metadata", [None, {}, {"name": "waypoint"}, {"namespace": "shop"}])
def test_a_gateway_without_its_own_name_crashes_nothing(metadata: object) -> None:
    gateways = {"shop/waypoint": {**gateway(), "metadata": metadata}}
    found = cluster(NAMED, CART)
    row = rows(replace(found, objects={**found.objects, GATEWAY: gateways}))["shop/waypoint"]
    assert row.verdict.health is Health.BAD


@given(st.data())
@settings(deadline=None, derandomize=True)
def test_no_object_crashes_it(data: st.DataObject) -> None:
    objects: dict[Any, Any] = {**SHOP.objects}
    for kind, key in (
        (GATEWAY, "shop/waypoint"),
        (GATEWAY_CLASS, "istio-waypoint"),
        (NAMESPACE, "shop"),
        (SERVICE, "shop/reviews"),
        (POD, "shop/waypoint-59cb967f66-5dpw4"),
    ):
        objects[kind] = {**objects[kind], key: data.draw(damaged(objects[kind][key]))}
    odd = {"shop/odd": data.draw(JSON)}
    objects |= {SERVICE_ENTRY: odd, WORKLOAD_ENTRY: odd, GATEWAY: {**objects[GATEWAY], **odd}}
    waypoint_rows.of(replace(SHOP, objects=objects))
