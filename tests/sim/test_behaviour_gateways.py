"""Waypoints, gateways, routes and policies that someone makes, changes and deletes in the built-in cluster, and what it
makes of them: in what runs, in what is said, and in where calls go."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from meshtui.sim.behaviour.cluster import Behaviour, Cluster
from meshtui.sim.behaviour.traffic import Flow
from meshtui.sim.kinds import (
    AUTHORIZATION_POLICY,
    BACKEND_TLS_POLICY,
    CONFIGMAP,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    GATEWAY,
    HTTP_ROUTE,
    LISTENER_SET,
    POD,
    REFERENCE_GRANT,
    REPLICASET,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)
from meshtui.sim.objects import condition
from meshtui.sim.scenes import load
from tests.sim.bench import Bench
from tests.sim.test_ztunnel import fields

Raw = dict[str, Any]
AMBIENT = {"istio.io/dataplane-mode": "ambient"}
BOUND = {**AMBIENT, "istio.io/use-waypoint": "waypoint"}
MESH = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
WAYPOINT = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "waypoint", "namespace": "shop"},
    "spec": {"gatewayClassName": "istio-waypoint", "listeners": [MESH]},
}
HTTP = {"name": "http", "port": 80, "protocol": "HTTP", "hostname": "*.acme.example"}
RUNNING = (SERVICE_ACCOUNT, SERVICE, DEPLOYMENT, REPLICASET, POD, ENDPOINT_SLICE)
FROM_WEB = Flow(("shop", "web"), ("shop", "reviews"), 80, every=1)
FROM_EDGE = Flow(("edge", "public-istio"), ("shop", "reviews-v1"), 80, every=1)


@pytest.fixture
def bench() -> Bench:
    """A shop with reviews of two versions behind one Service."""
    for flow in (FROM_WEB, FROM_EDGE):
        flow.due = None
    bench = Bench(nodes=1, behaviour=Behaviour("203.0.113", flows=(FROM_WEB, FROM_EDGE)))
    bench.namespace("shop")
    bench.namespace("edge")
    bench.label("shop", AMBIENT)
    bench.app("shop", "web")
    for version in ("reviews-v1", "reviews-v2"):
        bench.app("shop", version, labels={"group": "reviews"})
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    spec = {"selector": {"group": "reviews"}, "ports": ports}
    bench.apply(SERVICE, {"metadata": {"name": "reviews", "namespace": "shop"}, "spec": spec})
    return bench


def named(store_kind: Kind, bench: Bench, word: str) -> list[str]:
    """The names of the objects of a kind, in all namespaces, that have a word in them."""
    found = [each["metadata"]["name"] for each in bench.store.list(store_kind)]
    return [each for each in found if word in each]


def change(bench: Bench, kind: Kind, space: str, name: str, **spec: Any) -> None:
    """Replace fields of the spec of an object."""
    found = bench.store.need(kind, space, name)
    bench.store.update(kind, {**found, "spec": {**found["spec"], **spec}})
    bench.settle()


def delete(bench: Bench, kind: Kind, space: str, name: str) -> None:
    bench.store.delete(kind, space, name)
    bench.settle()


def gateway(bench: Bench, **listener: Any) -> None:
    spec = {"gatewayClassName": "istio", "listeners": [{**HTTP, **listener}]}
    bench.apply(GATEWAY, {"metadata": {"name": "public", "namespace": "edge"}, "spec": spec})


def route(
    bench: Bench, parent: Raw, weights: dict[str, int], space: str = "shop", **spec: Any
) -> None:
    backends = [{"name": name, "port": 80, "weight": each} for name, each in weights.items()]
    whole = {"parentRefs": [parent], "rules": [{"backendRefs": backends}], **spec}
    bench.apply(HTTP_ROUTE, {"metadata": {"name": "split", "namespace": space}, "spec": whole})


def judged(bench: Bench, space: str = "shop") -> dict[str, str]:
    """Type to reason, of the one parent of the route; empty where no parent says anything."""
    found = bench.store.need(HTTP_ROUTE, space, "split").get("status", {}).get("parents", [])
    return {each["type"]: each["reason"] for parent in found for each in parent["conditions"]}


PUBLIC = {"name": "public", "namespace": "edge"}
REVIEWS = {"group": "", "kind": "Service", "name": "reviews"}


# What runs


def test_a_new_waypoint_is_programmed_and_takes_what_runs_it_with_it_when_it_goes(
    bench: Bench,
) -> None:
    bench.label("shop", BOUND)
    reviews = bench.store.need(SERVICE, "shop", "reviews")
    assert condition(reviews, "istio.io/WaypointBound")["reason"] == "WaypointIsNotReady"

    bench.apply(GATEWAY, WAYPOINT)
    waypoint = bench.store.need(GATEWAY, "shop", "waypoint")
    assert condition(waypoint, "Programmed")["status"] == "True"
    service = bench.store.need(SERVICE, "shop", "waypoint")
    # the recorded waypoint has both of them
    assert waypoint["status"]["addresses"] == [
        {"type": "IPAddress", "value": service["spec"]["clusterIP"]},
        {"type": "Hostname", "value": "waypoint.shop.svc.cluster.local"},
    ]
    assert all(named(kind, bench, "waypoint") for kind in RUNNING)
    (pod,) = [each for each in bench.pods("shop") if "waypoint" in each["metadata"]["name"]]
    assert condition(pod, "Ready")["status"] == "True"
    reviews = bench.store.need(SERVICE, "shop", "reviews")
    assert condition(reviews, "istio.io/WaypointBound")["status"] == "True"

    delete(bench, GATEWAY, "shop", "waypoint")
    assert not any(named(kind, bench, "waypoint") for kind in RUNNING)
    reviews = bench.store.need(SERVICE, "shop", "reviews")
    assert condition(reviews, "istio.io/WaypointBound")["reason"] == "WaypointIsNotReady"


async def test_a_waypoint_becomes_programmed_by_itself_and_not_at_once() -> None:
    cluster = load("shop", seed=3)
    spec, metadata = WAYPOINT["spec"], {"name": "own", "namespace": "plain"}

    def programmed() -> str:
        found = cluster.store.need(GATEWAY, "plain", "own")
        return str(condition(found, "Programmed").get("status"))

    running = asyncio.create_task(cluster.run())
    try:
        cluster.store.create(GATEWAY, {"metadata": metadata, "spec": spec})
        assert programmed() == "None"
        await until(cluster, lambda: programmed() == "False")
        await until(cluster, lambda: programmed() == "True")
        assert cluster.store.get(DEPLOYMENT, "plain", "own") is not None
        cluster.store.delete(GATEWAY, "plain", "own")
        await until(cluster, lambda: not pods_of(cluster, "own-"))
        assert cluster.store.get(SERVICE, "plain", "own") is None
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


def pods_of(cluster: Cluster, start: str) -> list[Raw]:
    found = cluster.store.list(POD, "plain")
    return [each for each in found if each["metadata"]["name"].startswith(start)]


async def until(cluster: Cluster, true: Any) -> None:
    """Wait for changes until something has come true."""
    async with asyncio.timeout(20):
        with cluster.store.subscribe() as changes:
            while not true():
                await changes.take()


def test_a_gateway_at_a_service_of_someone_elses_gets_none_of_its_own(bench: Bench) -> None:
    addresses = [{"type": "Hostname", "value": "reviews"}]
    spec = {"gatewayClassName": "istio", "listeners": [HTTP], "addresses": addresses}
    bench.apply(GATEWAY, {"metadata": {"name": "own", "namespace": "shop"}, "spec": spec})
    found = bench.store.need(GATEWAY, "shop", "own")
    assert condition(found, "Programmed")["status"] == "True"
    assert not named(DEPLOYMENT, bench, "own")
    delete(bench, SERVICE, "shop", "reviews")
    found = bench.store.need(GATEWAY, "shop", "own")
    # Istio's cases of Gateway API status, for a Service that is not there
    assert condition(found, "Programmed")["reason"] == "AddressNotUsable"


# What is said


def test_a_route_is_judged_again_when_its_gateway_changes(bench: Bench) -> None:
    route(bench, PUBLIC, {"reviews-v1": 1}, hostnames=["shop.acme.example"])
    assert judged(bench) == {}
    gateway(bench)
    assert judged(bench)["Accepted"] == "NotAllowedByListeners"
    everyone = {"namespaces": {"from": "All"}}
    change(bench, GATEWAY, "edge", "public", listeners=[{**HTTP, "allowedRoutes": everyone}])
    assert judged(bench)["Accepted"] == "Accepted"
    other = {**HTTP, "allowedRoutes": everyone, "hostname": "*.other.example"}
    change(bench, GATEWAY, "edge", "public", listeners=[other])
    assert judged(bench)["Accepted"] == "NoMatchingListenerHostname"
    delete(bench, GATEWAY, "edge", "public")
    assert judged(bench) == {}


def test_a_gateway_counts_the_routes_that_come_and_go(bench: Bench) -> None:
    def attached() -> list[int]:
        listeners = bench.store.need(GATEWAY, "edge", "public")["status"]["listeners"]
        return [each["attachedRoutes"] for each in listeners]

    gateway(bench, allowedRoutes={"namespaces": {"from": "All"}})
    assert attached() == [0]
    route(bench, PUBLIC, {"reviews-v1": 1}, hostnames=["shop.acme.example"])
    assert attached() == [1]
    change(bench, HTTP_ROUTE, "shop", "split", hostnames=["shop.other.example"])
    assert attached() == [0]
    change(bench, HTTP_ROUTE, "shop", "split", hostnames=[])
    assert attached() == [1]
    delete(bench, HTTP_ROUTE, "shop", "split")
    assert attached() == [0]


def test_a_route_is_judged_again_when_its_namespace_gets_other_labels(bench: Bench) -> None:
    selector = {"matchLabels": {"public": "yes"}}
    gateway(bench, allowedRoutes={"namespaces": {"from": "Selector", "selector": selector}})
    route(bench, PUBLIC, {"reviews-v1": 1})
    assert judged(bench)["Accepted"] == "NotAllowedByListeners"
    bench.label("shop", {**AMBIENT, "public": "yes"})
    assert judged(bench)["Accepted"] == "Accepted"


def test_a_route_is_judged_again_when_its_backend_comes_or_goes(bench: Bench) -> None:
    route(bench, REVIEWS, {"reviews-v1": 1, "reviews-v3": 1})
    assert judged(bench)["ResolvedRefs"] == "BackendNotFound"
    bench.app("shop", "reviews-v3")
    assert judged(bench)["ResolvedRefs"] == "ResolvedRefs"
    delete(bench, SERVICE, "shop", "reviews-v1")
    assert judged(bench)["ResolvedRefs"] == "BackendNotFound"
    delete(bench, SERVICE, "shop", "reviews")
    assert judged(bench)["Accepted"] == "NoMatchingParent"


def test_a_route_is_judged_again_when_a_grant_comes_or_goes(bench: Bench) -> None:
    gateway(bench)
    backend = {"name": "reviews-v1", "namespace": "shop", "port": 80}
    route(bench, {"name": "public"}, {}, "edge", rules=[{"backendRefs": [backend]}])
    assert judged(bench, "edge")["ResolvedRefs"] == "RefNotPermitted"
    source = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "edge"}
    grant = {"from": [source], "to": [{"group": "", "kind": "Service"}]}
    bench.apply(REFERENCE_GRANT, {"metadata": {"name": "edge", "namespace": "shop"}, "spec": grant})
    assert judged(bench, "edge")["ResolvedRefs"] == "ResolvedRefs"
    delete(bench, REFERENCE_GRANT, "shop", "edge")
    assert judged(bench, "edge")["ResolvedRefs"] == "RefNotPermitted"


def test_a_listener_set_is_judged_again_when_its_gateway_allows_it(bench: Bench) -> None:
    listener = {"name": "more", "port": 8080, "protocol": "HTTP"}
    spec = {"parentRef": PUBLIC, "listeners": [listener]}
    bench.apply(LISTENER_SET, {"metadata": {"name": "more", "namespace": "shop"}, "spec": spec})
    route(bench, {"kind": "ListenerSet", "name": "more"}, {"reviews-v1": 1})

    def accepted() -> str:
        found = bench.store.need(LISTENER_SET, "shop", "more")
        return str(condition(found, "Accepted").get("reason"))

    assert (accepted(), judged(bench)) == ("None", {})
    gateway(bench)
    assert (accepted(), judged(bench)) == ("NotAllowed", {})
    change(bench, GATEWAY, "edge", "public", allowedListeners={"namespaces": {"from": "All"}})
    assert (accepted(), judged(bench)["Accepted"]) == ("Accepted", "Accepted")
    assert bench.store.need(GATEWAY, "edge", "public")["status"]["attachedListenerSets"] == 1
    ports = bench.store.need(SERVICE, "edge", "public-istio")["spec"]["ports"]
    assert [each["port"] for each in ports] == [15021, 80, 8080]


def test_a_backend_tls_policy_is_judged_again_when_its_authority_is_there(bench: Bench) -> None:
    authority = {"group": "", "kind": "ConfigMap", "name": "roots"}
    spec = {
        "targetRefs": [{"group": "", "kind": "Service", "name": "reviews"}],
        "validation": {"hostname": "reviews", "caCertificateRefs": [authority]},
    }
    bench.apply(
        BACKEND_TLS_POLICY, {"metadata": {"name": "tls", "namespace": "shop"}, "spec": spec}
    )

    def reasons() -> dict[str, str]:
        (said,) = bench.store.need(BACKEND_TLS_POLICY, "shop", "tls")["status"]["ancestors"]
        return {each["type"]: each["reason"] for each in said["conditions"]}

    missing = {"Accepted": "NoValidCACertificate", "ResolvedRefs": "InvalidCACertificateRef"}
    assert reasons() == missing
    roots = {"metadata": {"name": "roots", "namespace": "shop"}, "data": {"ca.crt": "PEM"}}
    bench.apply(CONFIGMAP, roots)
    assert reasons() == {"Accepted": "Accepted", "ResolvedRefs": "ResolvedRefs"}


# Where calls go


def reached(bench: Bench, flow: Flow, times: int = 60) -> Counter[str]:
    """How often calls of a flow have reached each workload in shop that is no waypoint, by its access lines."""
    (ztunnel,) = bench.cluster.ztunnels
    before = len(ztunnel.log.lines)
    for _ in range(times):
        for each in (FROM_WEB, FROM_EDGE):
            each.due = None if each is flow else bench.now.replace(year=9999)
        bench.cluster.calls.look(("", ""))
    told = [fields(line.text) for line in ztunnel.log.lines[before:]]
    return Counter(
        line["dst.workload"].rpartition("-")[0].rpartition("-")[0]
        for line in told
        if line["direction"] == "inbound" and "error" not in line
    )


def test_traffic_shifts_with_the_weights_of_a_route_at_the_waypoint(bench: Bench) -> None:
    bench.label("shop", BOUND)
    bench.apply(GATEWAY, WAYPOINT)
    assert set(reached(bench, FROM_WEB)) == {"reviews-v1", "reviews-v2"}, (
        "whichever the Service has"
    )
    route(bench, REVIEWS, {"reviews-v1": 100, "reviews-v2": 0})
    assert reached(bench, FROM_WEB) == {"reviews-v1": 60}
    route_weights(bench, 80, 20)
    shifted = reached(bench, FROM_WEB, times=200)
    # of 200 calls with a chance of 20 in 100: 40, give or take five times their deviation
    assert 12 <= shifted["reviews-v2"] <= 68
    assert shifted.total() == 200
    route_weights(bench, 0, 1)
    assert reached(bench, FROM_WEB) == {"reviews-v2": 60}
    delete(bench, HTTP_ROUTE, "shop", "split")
    assert set(reached(bench, FROM_WEB)) == {"reviews-v1", "reviews-v2"}


def route_weights(bench: Bench, first: int, second: int) -> None:
    backends = [
        {"name": "reviews-v1", "port": 80, "weight": first},
        {"name": "reviews-v2", "port": 80, "weight": second},
    ]
    change(bench, HTTP_ROUTE, "shop", "split", rules=[{"backendRefs": backends}])


def test_a_route_without_a_waypoint_shifts_nothing(bench: Bench) -> None:
    route(bench, REVIEWS, {"reviews-v1": 1})
    assert set(reached(bench, FROM_WEB)) == {"reviews-v1", "reviews-v2"}


def test_a_gateway_follows_the_routes_that_it_has_taken_and_no_others(bench: Bench) -> None:
    gateway(bench, allowedRoutes={"namespaces": {"from": "All"}})
    assert not reached(bench, FROM_EDGE)
    route(bench, PUBLIC, {"reviews-v1": 1, "reviews-v2": 0})
    assert reached(bench, FROM_EDGE) == {"reviews-v1": 60}
    route_weights(bench, 0, 1)
    assert reached(bench, FROM_EDGE) == {"reviews-v2": 60}
    change(bench, HTTP_ROUTE, "shop", "split", hostnames=["shop.other.example"])
    assert not reached(bench, FROM_EDGE)


def test_a_policy_changes_what_is_refused_from_the_next_call_on(bench: Bench) -> None:
    assert reached(bench, FROM_WEB).total() == 60
    source = {"principals": ["acmellc.local/ns/shop/sa/web"]}
    spec = {"action": "DENY", "selector": {"matchLabels": {"app": "reviews-v1"}}}
    rules = {"rules": [{"from": [{"source": source}]}]}
    metadata = {"name": "no-web", "namespace": "shop"}
    bench.apply(AUTHORIZATION_POLICY, {"metadata": metadata, "spec": {**spec, **rules}})
    assert set(reached(bench, FROM_WEB)) == {"reviews-v2"}
    change(bench, AUTHORIZATION_POLICY, "shop", "no-web", selector=None)
    assert not reached(bench, FROM_WEB)
    delete(bench, AUTHORIZATION_POLICY, "shop", "no-web")
    assert set(reached(bench, FROM_WEB)) == {"reviews-v1", "reviews-v2"}


WEB = {"source": {"principals": ["acmellc.local/ns/shop/sa/web"]}}
OTHER = {"source": {"principals": ["acmellc.local/ns/shop/sa/other"]}}
GET, POST = ({"operation": {"methods": [method]}} for method in ("GET", "POST"))
# By Istio's reference of AuthorizationPolicy: action and rules, and whether calls of web, GET of /, still arrive
AT_WAYPOINT = [
    ("ALLOW", [{"from": [WEB]}], True),
    ("ALLOW", [{"from": [WEB], "to": [GET]}], True),
    ("ALLOW", [{"from": [WEB], "to": [POST]}], False),
    ("ALLOW", [{"from": [OTHER]}], False),
    ("ALLOW", [], False),
    ("ALLOW", [{}], True),
    ("DENY", [{"from": [WEB]}], False),
    ("DENY", [{"from": [WEB], "to": [POST]}], True),
    ("DENY", [{"to": [{"operation": {"paths": ["/admin*"]}}]}], True),
    ("DENY", [{"to": [{"operation": {"notPaths": ["/admin*"]}}]}], False),
    ("DENY", [{"to": [{"operation": {"ports": ["80"]}}]}], False),
    ("DENY", [{"to": [{"operation": {"ports": ["81"]}}]}], True),
    ("DENY", [{"from": [{"source": {"requestPrincipals": ["*"]}}]}], True),
    ("DENY", [{"from": [WEB], "when": [{"key": "request.headers[x]", "values": ["y"]}]}], True),
    ("AUDIT", [{"from": [WEB]}], True),
]


@pytest.mark.parametrize(("action", "rules", "arrive"), AT_WAYPOINT)
def test_a_policy_for_a_service_is_enforced_at_its_waypoint(
    bench: Bench, action: str, rules: list[Raw], arrive: bool
) -> None:
    bench.label("shop", BOUND)
    bench.apply(GATEWAY, WAYPOINT)
    spec = {"targetRefs": [REVIEWS], "action": action, "rules": rules}
    metadata = {"name": "at-waypoint", "namespace": "shop"}
    bench.apply(AUTHORIZATION_POLICY, {"metadata": metadata, "spec": spec})
    assert bool(reached(bench, FROM_WEB, times=3)) is arrive
    delete(bench, AUTHORIZATION_POLICY, "shop", "at-waypoint")
    assert reached(bench, FROM_WEB, times=3).total() == 3


def test_a_policy_for_a_waypoint_is_for_all_its_services_and_without_one_for_none(
    bench: Bench,
) -> None:
    target = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"}
    spec = {"targetRefs": [target], "action": "DENY", "rules": [{"from": [WEB]}]}
    metadata = {"name": "at-waypoint", "namespace": "shop"}
    bench.apply(AUTHORIZATION_POLICY, {"metadata": metadata, "spec": spec})
    assert reached(bench, FROM_WEB, times=3).total() == 3
    bench.apply(GATEWAY, WAYPOINT)
    bench.label("shop", BOUND)
    assert not reached(bench, FROM_WEB, times=3)
