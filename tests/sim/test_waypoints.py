"""Waypoints: who is bound to which, in the words that istiod was recorded to write."""

from __future__ import annotations

from typing import Any

import pytest

from meshtui.sim import kinds
from meshtui.sim.behaviour import policies, waypoints
from meshtui.sim.kinds import AUTHORIZATION_POLICY, GATEWAY, NAMESPACE, POD, SERVICE
from meshtui.sim.store import Store
from tests.sim import recorded
from tests.sim.test_policies import corpus

Raw = dict[str, Any]


@pytest.fixture(scope="module")
def shop() -> Store:
    return recorded.shop()


def test_services_have_the_recorded_conditions(shop: Store) -> None:
    bound = {
        name["metadata"]["name"]: waypoints.binding(shop, name, "service")
        for name in shop.list(SERVICE)
    }
    for service in shop.list(SERVICE):
        ours = bound[service["metadata"]["name"]]
        written = [waypoints.bound_condition(ours)] if ours else []
        assert written == recorded.timeless(service["status"].get("conditions", [])), service[
            "metadata"
        ]


def test_dumped_services_have_the_recorded_waypoint(shop: Store) -> None:
    for dumped in recorded.dump()["services"]:
        service = shop.need(SERVICE, dumped["namespace"], dumped["name"])
        ours = waypoints.dumped(waypoints.binding(shop, service, "service"))
        assert ours.get("waypoint") == dumped.get("waypoint"), dumped["name"]


def test_a_namespaces_service_waypoint_is_silently_none_for_pods(shop: Store) -> None:
    for pod in shop.list(POD, "shop"):
        assert waypoints.binding(shop, pod, "workload") is None


def test_policies_with_targets_have_the_recorded_condition(shop: Store) -> None:
    viewers = shop.need(AUTHORIZATION_POLICY, "shop", "viewers")
    written = waypoints.accepted_condition(shop, viewers, "istio-system")
    assert [written] == recorded.timeless(viewers["status"]["conditions"])
    assert policies.ztunnel_condition(viewers) is None


def test_a_waypoint_elsewhere_must_admit_the_namespace(shop: Store) -> None:
    labels = {waypoints.USE: "waypoint", f"{waypoints.USE}-namespace": "shop"}
    service = {"metadata": {"name": "ledger", "namespace": "payments", "labels": labels}}
    bound = waypoints.binding(shop, service, "service")
    assert bound is not None
    assert bound.reason == "AttachmentDenied"

    open_to_all = Store()
    gateway = shop.need(GATEWAY, "shop", "waypoint")
    listener = {**gateway["spec"]["listeners"][0], "allowedRoutes": {"namespaces": {"from": "All"}}}
    open_to_all.create(GATEWAY, {**gateway, "spec": {**gateway["spec"], "listeners": [listener]}})
    open_to_all.create(NAMESPACE, {"metadata": {"name": "payments"}})
    bound = waypoints.binding(open_to_all, service, "service")
    assert bound is not None
    assert bound.reason == "WaypointAccepted"


@pytest.mark.parametrize("case", corpus("conversion", "waypoint-conditions.json"))
def test_targets_agree_with_istios_cases(case: Raw) -> None:
    store = Store()
    for obj in case["objects"]:
        store.create(kinds.kind_of(obj), obj)
    written = waypoints.accepted_condition(store, case["objects"][0], case["rootNamespace"])
    written.pop("observedGeneration")
    assert written == case["expect"]["condition"]
