"""Which waypoint is in effect and whether it is there: C3 and C4 of doctor-rules.md, istio-ambient.md 2.2 and 2.3,
and what istiod wrote on the recorded services."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from meshtui.mesh import raw, waypoints
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import GATEWAY, GATEWAY_CLASS, NAMESPACE, POD, SERVICE
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Phase, Problem, Scope, Snapshot, Source, Trouble
from meshtui.mesh.waypoints import Binding, State, Traffic
from tests import recordings
from tests.anything import JSON
from tests.mesh.made import NOW, made, pod, snapshot

USE = "istio.io/use-waypoint"
USE_NAMESPACE = "istio.io/use-waypoint-namespace"


def gateway(
    name: str = "waypoint",
    namespace: str = "shop",
    *,
    traffic: str = "",
    admits: dict[str, Any] | None = None,
    addresses: bool = True,
    class_name: str = "istio-waypoint",
    programmed: str = "True",
) -> Raw:
    listener: dict[str, Any] = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
    if admits:
        listener["allowedRoutes"] = {"namespaces": admits}
    status: dict[str, Any] = {"conditions": [{"type": "Programmed", "status": programmed}]}
    if addresses:
        status["addresses"] = [{"type": "IPAddress", "value": "10.0.0.1"}]
    return made(
        "Gateway",
        name,
        namespace,
        labels={"istio.io/waypoint-for": traffic} if traffic else {},
        spec={"gatewayClassName": class_name, "listeners": [listener]},
        status=status,
    )


def proxy(name: str = "waypoint", namespace: str = "shop", ready: str = "True") -> Raw:
    return pod(
        f"{name}-1",
        namespace,
        labels={"gateway.networking.k8s.io/gateway-name": name},
        status={"conditions": [{"type": "Ready", "status": ready}]},
    )


def bind(
    objects: list[Raw],
    of_namespace: dict[str, str],
    own: dict[str, str] | None = None,
    traffic: Traffic | None = Traffic.SERVICE,
) -> Binding | None:
    return waypoints.binding(waypoints.of(snapshot(*objects)), "shop", of_namespace, own, traffic)


HERE = {USE: "waypoint"}
ELSEWHERE = {USE: "shared", USE_NAMESPACE: "infra"}
FINE = [gateway(), proxy()]


@pytest.mark.parametrize(
    ("of_namespace", "own", "key", "label_of"),
    [
        ({}, {}, None, None),
        (HERE, {}, "shop/waypoint", "namespace"),
        (HERE, {USE: "api"}, "shop/api", "own"),
        (HERE, {USE: "none"}, None, None),
        ({USE: "none"}, {}, None, None),
        ({}, {USE: "shared", USE_NAMESPACE: "infra"}, "infra/shared", "own"),
        # the second label without the first is passed over, on either level
        (HERE, {USE_NAMESPACE: "infra"}, "shop/waypoint", "namespace"),
        ({USE_NAMESPACE: "infra"}, {}, None, None),
        # the namespace of the namespace's waypoint is not that of the object's
        ({**HERE, USE_NAMESPACE: "infra"}, {USE: "api"}, "shop/api", "own"),
        (HERE, {USE: ""}, "shop/waypoint", "namespace"),
    ],
)
def test_which_label_decides(
    of_namespace: dict[str, str], own: dict[str, str], key: str | None, label_of: str | None
) -> None:
    found = bind([], of_namespace, own)
    assert (found and found.key) == key
    assert (found and found.label_of) == label_of


@pytest.mark.parametrize(
    ("objects", "labels", "state", "words"),
    [
        (FINE, HERE, State.READY, ""),
        ([], HERE, State.MISSING, "Gateway shop/waypoint does not exist: traffic goes direct"),
        (
            [gateway(addresses=False)],
            HERE,
            State.NO_ADDRESS,
            "L7 policies are skipped (it fails open)",
        ),
        ([gateway()], HERE, State.NO_PODS, "has an address and 0 ready pods"),
        ([gateway(), proxy(ready="False")], HERE, State.NO_PODS, "(it fails closed)"),
        ([gateway(), proxy(namespace="other")], HERE, State.NO_PODS, "(it fails closed)"),
        ([gateway(programmed="False"), proxy()], HERE, State.NOT_PROGRAMMED, "Programmed is False"),
        # another namespace: the default is the same namespace alone
        (
            [gateway("shared", "infra"), proxy("shared", "infra")],
            *(ELSEWHERE, State.NOT_ADMITTED, "does not admit namespace shop"),
        ),
        (
            [gateway("shared", "infra", admits={"from": "All"}), proxy("shared", "infra")],
            *(ELSEWHERE, State.READY, ""),
        ),
        (
            [
                gateway(
                    "shared",
                    "infra",
                    admits={"from": "Selector", "selector": {"matchLabels": {"team": "x"}}},
                ),
                proxy("shared", "infra"),
                made("Namespace", "shop", labels={"team": "x"}),
            ],
            *(ELSEWHERE, State.READY, ""),
        ),
        (
            [
                gateway(
                    "shared",
                    "infra",
                    admits={"from": "Selector", "selector": {"matchLabels": {"team": "x"}}},
                ),
                made("Namespace", "shop", labels={"team": "y"}),
            ],
            *(ELSEWHERE, State.NOT_ADMITTED, "does not admit"),
        ),
        # any Gateway with an address will do; pods of one that istiod does not deploy carry other labels
        ([gateway(class_name="other")], HERE, State.READY, ""),
    ],
)
def test_states(objects: list[Raw], labels: dict[str, str], state: State, words: str) -> None:
    found = bind(objects, labels)
    assert found is not None
    assert found.state is state
    assert words in found.reason
    assert (found.health is Health.OK) == (state is State.READY)
    assert found.bound == (state in (State.READY, State.NO_PODS, State.NOT_PROGRAMMED))


@pytest.mark.parametrize(
    ("label", "of_class", "traffic", "state"),
    [
        ("", "", Traffic.SERVICE, State.READY),
        ("", "", Traffic.WORKLOAD, State.NOT_FOR),
        ("service", "", Traffic.WORKLOAD, State.NOT_FOR),
        ("workload", "", Traffic.SERVICE, State.NOT_FOR),
        ("workload", "", Traffic.WORKLOAD, State.READY),
        ("all", "", Traffic.SERVICE, State.READY),
        ("all", "", Traffic.WORKLOAD, State.READY),
        ("none", "", Traffic.SERVICE, State.NOT_FOR),
        ("none", "", None, State.NOT_FOR),
        ("workload", "", None, State.READY),
        # the Gateway's label beats that of its class, which beats the default
        ("", "workload", Traffic.WORKLOAD, State.READY),
        ("service", "workload", Traffic.WORKLOAD, State.NOT_FOR),
    ],
)
def test_traffic_types(label: str, of_class: str, traffic: Traffic | None, state: State) -> None:
    of_gateway_class = made(
        "GatewayClass",
        "istio-waypoint",
        labels={"istio.io/waypoint-for": of_class} if of_class else {},
        spec={"controllerName": "istio.io/mesh-controller"},
    )
    found = bind([gateway(traffic=label), proxy(), of_gateway_class], HERE, None, traffic)
    assert found is not None
    assert found.state is state


def test_a_pod_that_inherits_a_waypoint_for_services_is_normal_and_one_that_names_it_is_not() -> (
    None
):
    inherited = bind(FINE, HERE, {}, Traffic.WORKLOAD)
    named = bind(FINE, {}, HERE, Traffic.WORKLOAD)
    assert inherited is not None
    assert named is not None
    assert (inherited.state, inherited.health) == (State.NOT_FOR, Health.NONE)
    assert (named.state, named.health) == (State.NOT_FOR, Health.BAD)


def test_istiod_says_the_same_of_the_recorded_services() -> None:
    shop = recordings.snapshot("shop")
    found = waypoints.of(shop)
    told = {"True": 0, "False": 0}
    for service in shop.raw(SERVICE):
        said = raw.conditions(service).get("istio.io/WaypointBound")
        where = raw.namespace(service)
        namespace = shop.find(NAMESPACE, "", where)
        assert namespace is not None
        own = raw.strings(service, "metadata", "labels")
        if own.get("gateway.istio.io/managed") == "istio.io-mesh-controller":
            continue  # a waypoint's own Service has no waypoint
        bound = waypoints.binding(
            found, where, raw.strings(namespace, "metadata", "labels"), own, Traffic.SERVICE
        )
        assert (said is None) == (bound is None)
        if said is not None and bound is not None:
            assert bound.bound == (said.status == "True")
            assert bound.key in said.message
            told[said.status] += 1
    assert told == {"True": 7, "False": 2}


def test_the_recorded_batch_names_a_waypoint_that_is_not_there() -> None:
    found = waypoints.binding(waypoints.of(recordings.snapshot("shop")), "batch", {USE: "nowhere"})
    assert found is not None
    assert (found.state, found.health) == (State.MISSING, Health.BAD)


REFUSED = Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, "you may not list them"))


@pytest.mark.parametrize(
    ("source", "state", "words"),
    [
        (REFUSED, State.UNKNOWN, "you may not list them"),
        (Source(Phase.LOADING), State.UNKNOWN, "not read yet"),
        (Source(Phase.ABSENT), State.MISSING, "the Gateway API is not installed"),
        (Source(Phase.STALE), State.MISSING, "does not exist"),
    ],
)
def test_a_gateway_that_could_not_be_read_is_not_missing(
    source: Source, state: State, words: str
) -> None:
    found = waypoints.binding(
        waypoints.of(Snapshot(NOW, sources={Scope(GATEWAY): source})), "shop", HERE
    )
    assert found is not None
    assert found.state is state
    assert words in found.reason


def test_pods_that_could_not_be_read_are_not_zero() -> None:
    read = waypoints.of(snapshot(gateway(), sources={Scope(POD): REFUSED}))
    found = waypoints.binding(read, "shop", HERE)
    assert found is not None
    assert (found.state, found.reason) == (State.UNKNOWN, "you may not list them")


@given(JSON, JSON, JSON)
@settings(deadline=None, derandomize=True)
def test_no_object_crashes_it(spec: Any, status: Any, labels: Any) -> None:
    it = {"metadata": {"namespace": "shop", "name": "waypoint", "labels": labels}}
    it |= {"spec": spec, "status": status}
    objects = {GATEWAY: {"shop/waypoint": it}, GATEWAY_CLASS: {"odd": {"metadata": spec}}}
    found = waypoints.of(Snapshot(NOW, objects=objects))
    waypoints.binding(found, "shop", HERE)
    waypoints.binding(found, "other", HERE, {USE: "waypoint", USE_NAMESPACE: "shop"})
