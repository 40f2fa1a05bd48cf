"""Services: the recorded ones against what istiod wrote on them, and small ones by C3, C4 and C6 of doctor-rules.md and
istio-ambient.md, 2.2 to 2.4 and 7.2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from meshtui.mesh import raw, services
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    ENDPOINT_SLICE,
    GATEWAY,
    GRPC_ROUTE,
    HTTP_ROUTE,
    NAMESPACE,
    POD,
    SERVICE,
    VIRTUAL_SERVICE,
    Kind,
)
from meshtui.mesh.memo import Memo
from meshtui.mesh.namespaces import Captured
from meshtui.mesh.raw import Raw
from meshtui.mesh.services import Service
from meshtui.mesh.snapshot import Phase, Problem, Scope, Snapshot, Source, Trouble
from meshtui.mesh.waypoints import State
from tests import recordings
from tests.anything import JSON, damaged
from tests.mesh.made import NOW, made, pod, snapshot
from tests.mesh.test_waypoints import USE, gateway, proxy

SHOP = recordings.snapshot("shop")
AMBIENT = {"istio.io/dataplane-mode": "ambient"}


def rows(found: Snapshot) -> dict[str, Service]:
    return {each.ref.key: each for each in services.of(found)}


def service(name: str = "cart", namespace: str = "shop", **parts: Any) -> Raw:
    spec = {"type": "ClusterIP", "clusterIP": "10.96.0.7", "selector": {"app": name}}
    return made("Service", name, namespace, spec={**spec, **parts.pop("spec", {})}, **parts)


def endpoint(pod_name: str, **conditions: Any) -> Raw:
    target = {"kind": "Pod", "namespace": "shop", "name": pod_name}
    return {"addresses": ["10.0.0.7"], "conditions": conditions, "targetRef": target}


def cluster(
    *objects: Raw, endpoints: list[Raw] | None = None, more: Mapping[Kind, list[Raw]] | None = None
) -> Snapshot:
    """A cluster of these objects, with the endpoints of shop/cart, and everything read."""
    found = snapshot(*objects)
    label = {"kubernetes.io/service-name": "cart"}
    slices = [made("", "cart-1", "shop", labels=label, endpoints=endpoints)] if endpoints else []
    added = {ENDPOINT_SLICE: slices, **(more or {})}
    kinds = {scope.kind for scope in found.sources} | {
        need.kind if isinstance(need, Scope) else need for need in services.KINDS
    }
    return replace(
        found,
        objects={
            **found.objects,
            **{kind: {raw.key(it): it for it in items} for kind, items in added.items()},
        },
        sources={Scope(kind): Source(Phase.LIVE, 1, NOW) for kind in kinds},
    )


def test_the_effective_waypoint_is_the_one_that_istiod_bound_or_refused() -> None:
    """`istio.io/WaypointBound` of each recorded Service; without the condition no waypoint was asked for."""
    for it in SHOP.raw(SERVICE):
        said = raw.conditions(it).get("istio.io/WaypointBound")
        found = rows(SHOP)[raw.key(it)].waypoint
        assert (found is not None) == (said is not None), raw.key(it)
        if found is not None and said is not None:
            assert found.bound == (said.status == "True")
            assert found.key in said.message


def test_the_recorded_reasons_for_waypoints() -> None:
    found = rows(SHOP)
    assert found["shop/reviews"].why == "by the label of its namespace"
    assert found["payments/ledger"].why == "no label names one"
    assert found["shop/waypoint"].why == "it is a waypoint's own, which takes none"
    fails = {key: each.waypoint.fails for key, each in found.items() if each.waypoint}
    assert {key for key, how in fails.items() if how == "open"} == {
        "batch/opted-out",
        "batch/reports",
    }
    assert "closed" not in fails.values()


def test_who_answers_for_the_recorded_services_and_whether_in_the_mesh() -> None:
    """The pods that their EndpointSlices name: one of `reports` was never captured, one of `checkout` is the ghost."""
    found = rows(SHOP)
    assert {key: (each.endpoints.ready, each.endpoints.total) for key, each in found.items() if each.endpoints} == {
        **dict.fromkeys(found, (1, 1)),
        **dict.fromkeys(
            ("batch/reports", "payments/ledger", "shop/checkout", "shop/reviews", "shop/storefront"), (2, 2)
        ),
        "default/kubernetes": (0, 0),
    }  # fmt: skip
    assert found["batch/reports"].captured == Captured(captured=1, desired=2, failing=1)
    assert found["shop/checkout"].captured == Captured(captured=1, desired=2, failing=1)
    assert found["shop/reviews"].captured == Captured(captured=2, desired=2)
    assert found["plain/curl"].captured == Captured()
    assert {pod.pod.name[:10] for pod in found["shop/reviews"].pods} == {"reviews-v1", "reviews-v2"}


def test_the_recorded_verdicts() -> None:
    found = rows(SHOP)
    assert {key: each.verdict.health for key, each in found.items()} == {
        **dict.fromkeys(found, Health.OK),
        "batch/opted-out": Health.BAD,
        "batch/reports": Health.BAD,
        "shop/checkout": Health.BAD,
        "default/kubernetes": Health.NONE,  # the recording has no EndpointSlice of it
        "edge/public-istio": Health.WARN,
        "payments/refunds": Health.WARN,
    }
    missing = found["batch/opted-out"].verdict.reason
    assert missing.startswith("Gateway batch/nowhere does not exist: traffic goes direct")
    assert found["shop/checkout"].verdict.reason.startswith(
        "1 of 2 pods not in the mesh: checkout-5f686c4cb7-fz2sg: "
    )
    no_address = "no load balancer has given it an address"
    assert found["edge/public-istio"].verdict.reason == no_address
    assert "does not support HTTP attributes" in found["payments/refunds"].verdict.reason


def test_pods_of_which_it_is_not_known_whether_they_are_in_the_mesh_are_not_in_it() -> None:
    """Nothing was read of any ztunnel: a ready endpoint says nothing of the mesh."""
    found = rows(replace(SHOP, answers={}))
    assert found["shop/reviews"].captured == Captured(desired=2, unknown=2)
    assert found["shop/reviews"].verdict.health is Health.UNKNOWN
    assert found["shop/reviews"].verdict.reason.startswith(
        "2 of 2 pods may or may not be in the mesh: reviews-v1-"
    )
    assert found["plain/curl"].verdict.health is Health.OK, "wanted by nobody"


def test_the_recorded_ports_and_addresses() -> None:
    found = rows(SHOP)
    assert list(map(str, found["edge/public-istio"].spec.ports)) == [
        "15021/TCP tcp",
        "80/TCP http",
        "443/TCP https",
        "8443/TCP https",
    ]
    assert list(map(str, found["shop/catalog"].spec.ports)) == ["9000/TCP grpc"]
    assert found["shop/catalog"].spec.ports[0].by_name
    assert found["edge/public-istio"].spec.type == "LoadBalancer"
    assert found["shop/catalog"].spec.address == "10.96.7.44"


def test_the_recorded_routes_that_decide_and_that_lead_there() -> None:
    found = rows(SHOP)
    targets = {
        (key, each.route.kind, each.route.key, each.before, each.leads_to)
        for key, row in found.items()
        for each in row.routes
    }
    assert targets == {
        ("shop/catalog", GRPC_ROUTE, "shop/catalog", True, True),
        ("shop/reviews", HTTP_ROUTE, "shop/reviews", True, False),
        ("shop/reviews-v1", HTTP_ROUTE, "shop/reviews", False, True),
        ("shop/reviews-v2", HTTP_ROUTE, "shop/reviews", False, True),
        ("shop/storefront", HTTP_ROUTE, "shop/storefront", False, True),
        ("shop/storefront", HTTP_ROUTE, "shop/wrong-host", False, True),
        ("shop/storefront-next", HTTP_ROUTE, "shop/storefront", False, True),
        ("payments/ledger", HTTP_ROUTE, "shop/no-grant", False, True),
        ("legacy/httpbin", VIRTUAL_SERVICE, "legacy/classic", False, True),
    }


def test_the_recorded_policies_and_who_enforces_them() -> None:
    """By the conditions that istiod wrote: ZtunnelAccepted on two, of which one with a part left out, and
    WaypointAccepted on the one that targets `reviews`."""
    applied = {
        (key, each.ref.key, each.action, each.at, each.verdict.health)
        for key, row in rows(SHOP).items()
        for each in row.policies
    }
    assert applied == {
        ("payments/ledger", "payments/allow-checkout", "ALLOW", "ztunnel", Health.OK),
        ("payments/refunds", "payments/l7-at-ztunnel", "ALLOW", "ztunnel", Health.WARN),
        ("shop/reviews", "shop/viewers", "ALLOW", "waypoint", Health.OK),
    }


FINE = (gateway(), proxy())
NAMED = made("Namespace", "shop", labels={USE: "waypoint"})


@pytest.mark.parametrize(
    ("namespace", "own", "objects", "why", "fails", "health"),
    [
        (NAMED, {}, FINE, "by the label of its namespace", "", Health.OK),
        (NAMED, {USE: "api"}, FINE, "by its own label", "open", Health.BAD),
        (NAMED, {USE: "none"}, FINE, "opted out by its own label", None, Health.OK),
        (
            made("Namespace", "shop", labels={USE: "none"}),
            *({}, FINE, "opted out by the label of its namespace", None, Health.OK),
        ),
        (made("Namespace", "shop"), {}, FINE, "no label names one", None, Health.OK),
        (
            made("Namespace", "shop", labels={USE: "wp", f"{USE}-namespace": "infra"}),
            {},
            (gateway("wp", "infra", admits={"from": "All"}), proxy("wp", "infra")),
            *("by the label of its namespace, in another namespace", "", Health.OK),
        ),
        (NAMED, {}, (gateway(),), "by the label of its namespace", "closed", Health.BAD),
        (NAMED, {}, (gateway(addresses=False),), "by the label of its namespace", "open", Health.BAD),
        (NAMED, {}, (gateway(traffic="workload"), proxy()), "by the label of its namespace", "open", Health.BAD),
    ],
)  # fmt: skip
def test_which_waypoint_and_whether_it_fails_open_or_closed(
    namespace: Raw, own: Mapping[str, str], objects: tuple[Raw, ...], why: str, fails: str | None, health: Health
) -> None:  # fmt: skip
    answering = pod(labels={"app": "cart"})
    found = rows(
        cluster(namespace, service(labels=own), answering, *objects, endpoints=[endpoint("cart")])
    )["shop/cart"]
    assert found.why == why
    assert (found.waypoint and found.waypoint.fails) == fails
    assert found.verdict.health is health


@pytest.mark.parametrize("value", ["istio.io-mesh-controller", "istio.io-eastwest-controller"])
@pytest.mark.parametrize("where", ["labels", "selector"])
def test_the_service_of_a_waypoint_takes_none(value: str, where: str) -> None:
    managed = {"gateway.istio.io/managed": value}
    it = service(labels=managed) if where == "labels" else service(spec={"selector": managed})
    assert rows(cluster(NAMED, it, *FINE))["shop/cart"].waypoint is None


def test_what_istiod_says_of_its_waypoint_against_what_the_labels_say() -> None:
    refused = {
        "type": "istio.io/WaypointBound",
        "status": "False",
        "reason": "AttachmentDenied",
        "message": "no",
    }
    it = service(status={"conditions": [refused]})
    found = rows(cluster(NAMED, it, pod(), *FINE, endpoints=[endpoint("cart")]))["shop/cart"]
    said = "istiod says otherwise of its waypoint: AttachmentDenied: no"
    assert (found.verdict.health, found.verdict.reason) == (Health.WARN, said)


@pytest.mark.parametrize(
    ("endpoints", "counts"),
    [
        ([endpoint("a", ready=True), endpoint("b", ready=False)], (1, 2)),
        ([endpoint("a")], (1, 1)),  # a missing condition counts as ready (EndpointConditions)
        ([endpoint("a", ready=False, terminating=True), endpoint("b", ready=True)], (1, 1)),
        # the slice of the other IP family names the same pod again
        ([endpoint("a", ready=True), {**endpoint("a", ready=True), "addresses": ["fd00::7"]}], (1, 1)),
        ([{"addresses": ["192.0.2.1"], "conditions": {"ready": True}}], (1, 1)),
    ],
)  # fmt: skip
def test_ready_of_all_endpoints(endpoints: list[Raw], counts: tuple[int, int]) -> None:
    found = rows(cluster(service(), endpoints=endpoints))["shop/cart"].endpoints
    assert found is not None
    assert (found.ready, found.total) == counts


@pytest.mark.parametrize(
    ("spec", "endpoints", "health", "reason"),
    [
        ({}, [endpoint("a", ready=False)], Health.BAD, "0 of 1 endpoints are ready"),
        ({}, [], Health.WARN, "no endpoints: nothing with app=cart answers"),
        ({"selector": None}, [], Health.NONE, "no selector, and nothing answers"),
        (
            {"type": "ExternalName", "externalName": "db.example", "selector": None},
            *([], Health.NONE, "another name for db.example"),
        ),
        ({"clusterIP": "None"}, [endpoint("a", ready=True)], Health.OK, "1 of 1 endpoints ready"),
    ],
)
def test_nobody_who_answers(
    spec: Mapping[str, Any], endpoints: list[Raw], health: Health, reason: str
) -> None:
    found = rows(cluster(service(spec=spec), endpoints=endpoints))["shop/cart"]
    assert found.verdict.health is health
    assert found.verdict.reason.startswith(reason)


def test_a_service_just_made_is_not_blamed_until_it_is_thirty_seconds_old() -> None:
    """C8 of doctor-rules.md."""
    at = cluster(service(age=20))
    assert rows(at)["shop/cart"].verdict.health is Health.NONE
    later = replace(at, now=NOW.replace(second=at.now.second + 11))
    assert rows(later)["shop/cart"].verdict.health is Health.WARN


def policy(name: str, namespace: str = "shop", **spec: Any) -> Raw:
    accepted = {"status": "True", "reason": "Accepted", "message": ""}
    kind = "WaypointAccepted" if "targetRefs" in spec else "ZtunnelAccepted"
    return made("", name, namespace, spec=spec, status={"conditions": [{"type": kind, **accepted}]})


def target(kind: str, name: str, group: str = "gateway.networking.k8s.io", **more: str) -> Raw:
    return {"targetRefs": [{"kind": kind, "name": name, "group": group, **more}]}


@pytest.mark.parametrize(
    ("it", "at"),
    [
        (policy("p", **target("Service", "cart", "")), "waypoint"),
        (policy("p", **target("Service", "cart", "core")), "waypoint"),
        (policy("p", **target("Gateway", "waypoint")), "waypoint"),
        (policy("p", "istio-system", **target("GatewayClass", "istio-waypoint")), "waypoint"),
        (policy("p"), "ztunnel"),
        (policy("p", "istio-system"), "ztunnel"),
        (policy("p", selector={"matchLabels": {"app": "cart"}}), "ztunnel"),
        (policy("p", "istio-system", selector={"matchLabels": {"app": "cart"}}), "ztunnel"),
        # of none of these is it the target (istio-ambient.md, 7.2)
        (policy("p", **target("Service", "other", "")), None),
        (policy("p", **target("Service", "cart", "", namespace="other")), None),
        (policy("p", "other", **target("Service", "cart", "")), None),
        (policy("p", "other", **target("Gateway", "waypoint")), None),
        (policy("p", "shop", **target("GatewayClass", "istio-waypoint")), None),
        (policy("p", **target("Service", "cart", "example.com")), None),
        (policy("p", selector={"matchLabels": {"app": "other"}}), None),
        (policy("p", "other"), None),
    ],
)
def test_which_policies_apply_and_where(it: Raw, at: str | None) -> None:
    named = made("Namespace", "shop", labels={**AMBIENT, USE: "waypoint"})
    found = rows(
        cluster(
            *(named, service(), pod(labels={"app": "cart"}), *FINE),
            endpoints=[endpoint("cart")],
            more={AUTHORIZATION_POLICY: [it]},
        )
    )["shop/cart"]
    assert [each.at for each in found.policies] == ([at] if at else [])


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        ((made("Namespace", "shop"),), "is not enforced: the Service has no waypoint"),
        ((NAMED,), "is not enforced: traffic goes round shop/waypoint (missing)"),
    ],
)
def test_a_policy_for_a_service_without_its_waypoint_is_enforced_by_nobody(
    objects: tuple[Raw, ...], words: str
) -> None:
    policies = [policy("p", **target("Service", "cart", ""))]
    found = rows(cluster(*objects, service(), more={AUTHORIZATION_POLICY: policies}))["shop/cart"]
    [applied] = found.policies
    assert (applied.at, applied.verdict.health, applied.verdict.reason) == (
        *("nowhere", Health.BAD, words),
    )
    assert any(
        "AuthorizationPolicy shop/p is not enforced" in each.reason for each in found.troubles
    )


def test_pods_outside_the_mesh_have_no_policies_in_force() -> None:
    objects = (made("Namespace", "shop"), service(), pod(labels={"app": "cart"}))
    found = rows(
        cluster(*objects, endpoints=[endpoint("cart")], more={AUTHORIZATION_POLICY: [policy("p")]})
    )["shop/cart"]
    [applied] = found.policies
    assert (applied.at, applied.verdict.health) == ("nowhere", Health.NONE)


REFUSED = Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, "you may not list them"))


def without(kind: Kind) -> Service:
    objects = {key: found for key, found in SHOP.objects.items() if key != kind}
    sources = {**dict.fromkeys(map(Scope, SHOP.objects), Source(Phase.LIVE)), Scope(kind): REFUSED}
    return rows(replace(SHOP, objects=objects, sources=sources))["shop/reviews"]


def test_what_may_not_be_read_is_unknown_and_not_none() -> None:
    assert without(ENDPOINT_SLICE).endpoints is None
    assert without(ENDPOINT_SLICE).verdict.health is Health.UNKNOWN
    assert without(AUTHORIZATION_POLICY).policies_unread == "you may not list them"
    assert without(HTTP_ROUTE).routes_unread == "you may not list them"
    assert without(POD).verdict.health is Health.UNKNOWN
    unknown = without(GATEWAY).waypoint
    assert unknown is not None
    assert unknown.state is State.UNKNOWN
    assert unknown.fails == ""


def test_the_pods_of_a_service_are_those_that_answer() -> None:
    assert set(services.pods(SHOP, "shop/reviews")) == {
        "shop/reviews-v1-5ccf764795-jvfwz",
        "shop/reviews-v2-5b699f6d87-v4t9n",
    }
    assert services.pods(SHOP, "shop/no-such") == ()


def test_an_unchanged_service_is_not_derived_again() -> None:
    fresh = replace(SHOP, memo=Memo())
    before = rows(fresh)
    moved = pod("checkout-5f686c4cb7-v2nsk", "shop")
    pods = {**SHOP.objects[POD], "shop/checkout-5f686c4cb7-v2nsk": moved}
    after = rows(replace(fresh, objects={**SHOP.objects, POD: pods}))
    assert {key for key, each in after.items() if each is not before[key]} == {"shop/checkout"}


@given(st.data())
@settings(deadline=None, derandomize=True)
def test_no_object_crashes_it(data: st.DataObject) -> None:
    objects: dict[Any, Any] = {**SHOP.objects}
    for kind, key in (
        (SERVICE, "shop/reviews"),
        (ENDPOINT_SLICE, "shop/reviews-lxkhh"),
        (NAMESPACE, "shop"),
        (GATEWAY, "shop/waypoint"),
        (AUTHORIZATION_POLICY, "shop/viewers"),
        (HTTP_ROUTE, "shop/reviews"),
        (VIRTUAL_SERVICE, "legacy/classic"),
    ):
        objects[kind] = {**objects[kind], key: data.draw(damaged(objects[kind][key]))}
    for kind in (SERVICE, ENDPOINT_SLICE, AUTHORIZATION_POLICY):
        objects[kind] = {**objects[kind], "odd": data.draw(JSON)}
    services.of(replace(SHOP, objects=objects))
