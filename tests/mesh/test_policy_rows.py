"""Policy rows: the recorded ones against the ztunnels' dumps, and small ones by istio-ambient.md, 7.2, 7.3, 7.6 and
7.7, with their near misses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from meshtui.mesh import components, policy_rows, workloads, ztunnel_probes
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    GATEWAY,
    PEER_AUTHENTICATION,
    POD,
    SERVICE,
)
from meshtui.mesh.peer_authentication import Mode
from meshtui.mesh.policy_places import NOBODY, ZTUNNEL
from meshtui.mesh.policy_rows import Row
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Answer, Phase, Problem, Scope, Snapshot, Source, Trouble
from tests import recordings
from tests.anything import JSON, damaged
from tests.mesh.made import NOW, config_map, made, pod, snapshot
from tests.mesh.test_enrollment import UP, agent, answer, dump, ztunnel
from tests.mesh.test_waypoints import USE, gateway, proxy
from tests.ui import situations

SHOP = situations.shop()
STRICT = "istio-system/istio_converted_static_strict"


def rows(found: Snapshot) -> dict[str, Row]:
    return {f"{each.kind} {each.ref.key}": each for each in policy_rows.of(found)}


def mesh(*objects: Raw, told: Answer | None = None) -> Snapshot:
    """A cluster of these objects with a ztunnel on node-1, and what it answered, else that it proxies CART."""
    probe = ztunnel_probes.dump("istio-system", "ztunnel-node-1")
    return snapshot(*objects, *SERVING, answers={probe: told or CAPTURED})


def only(*objects: Raw, told: Answer | None = None) -> Row:
    [row] = policy_rows.of(mesh(*objects, told=told))
    return row


def test_the_recorded_policies() -> None:
    """Each reviewed by hand, beside its condition and what its README says of it."""
    assert {
        key: (row.verdict.health, row.by, row.summary, row.in_effect)
        for key, row in rows(SHOP).items()
    } == {
        "AuthorizationPolicy payments/allow-checkout": (
            Health.OK,
            ("ztunnel",),
            "only shop/checkout may reach ledger on 8080",
            "",
        ),
        "AuthorizationPolicy payments/l7-at-ztunnel": (
            Health.BAD,
            ("ztunnel",),
            "only shop/checkout may reach refunds with GET",
            "nobody may reach refunds",
        ),
        "AuthorizationPolicy shop/viewers": (
            Health.OK,
            ("waypoint",),
            "only shop/storefront may reach reviews with GET",
            "",
        ),
        "PeerAuthentication payments/default": (
            Health.OK,
            ("ztunnel",),
            "anything in payments takes mTLS only",
            "",
        ),
    }


@pytest.mark.parametrize("node", recordings.Recording("shop").nodes())
def test_the_ztunnels_list_for_each_workload_the_policies_that_we_do(node: str) -> None:
    """The waypoints' own pods are told of STRICT too; they take nothing but HBONE anyway."""
    dump = json.loads(recordings.Recording("shop").dump(node))
    own = {each.pod.key: each for each in workloads.of(SHOP)}
    listed = 0
    for told in dump["workloads"]:
        pod_key = f"{told['namespace']}/{told['name']}"
        if pod_key not in own or components.is_waypoint(own[pod_key].pod.labels):
            continue
        found = [
            each
            for each in policy_rows.for_workload(SHOP, pod_key)
            if ZTUNNEL in each.by and pod_key in each.pods
        ]
        names = {each.ref.key for each in found if each.ref.kind == AUTHORIZATION_POLICY}
        peers = {each.ref.key for each in found if each.ref.kind == PEER_AUTHENTICATION}
        assert names == {each for each in told.get("authorizationPolicies") or () if each != STRICT}
        strict = STRICT in (told.get("authorizationPolicies") or ())
        assert (own[pod_key].mtls.mode is Mode.STRICT) == strict
        assert own[pod_key].mtls.decided_by in (peers or {""})
        listed += len(names)
    assert listed == 3


@pytest.mark.parametrize("node", recordings.Recording("shop").nodes())
def test_the_ztunnels_have_as_many_rules_as_we_say_are_left(node: str) -> None:
    sent = {
        f"{each['namespace']}/{each['name']}": len(each["rules"])
        for each in json.loads(recordings.Recording("shop").dump(node))["policies"]
    }
    told = {
        row.ref.key: sum(ZTUNNEL in each.by for each in row.rules)
        for row in policy_rows.of(SHOP)
        if row.ref.kind == AUTHORIZATION_POLICY and ZTUNNEL in row.by
    }
    assert told == {key: number for key, number in sent.items() if key != STRICT}


# Small ones.

AMBIENT = made("Namespace", "shop", labels={"istio.io/dataplane-mode": "ambient"})
BOUND = made("Namespace", "shop", labels={"istio.io/dataplane-mode": "ambient", USE: "waypoint"})
CART = pod(labels={"app": "cart"}, annotations={"ambient.istio.io/redirection": "enabled"})
SERVING = (ztunnel(), agent(), config_map())
CAPTURED, GHOST = answer(dump(UP)), answer(dump({}))
SERVICE_CART = made("Service", "cart", "shop", spec={"clusterIP": "10.96.0.7"})
ENDPOINTS = made(
    "EndpointSlice",
    "cart-1",
    "shop",
    labels={"kubernetes.io/service-name": "cart"},
    endpoints=[
        {
            "addresses": ["10.0.0.7"],
            "conditions": {"ready": True},
            "targetRef": {"kind": "Pod", "name": "cart", "namespace": "shop"},
        }
    ],
)
FOR_CART: Raw = {"selector": {"matchLabels": {"app": "cart"}}}
TO_CART: Raw = {"targetRefs": [{"group": "", "kind": "Service", "name": "cart"}]}
TO_WAYPOINT: Raw = {
    "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"}]
}
ROOT = "istio-system"


def said(kind: str = "Ztunnel", status: str = "True", reason: str = "Accepted") -> Raw:
    written = {"type": f"{kind}Accepted", "status": status, "reason": reason, "message": "so"}
    return {"conditions": [written]}


def policy(
    namespace: str = "shop",
    kind: str = "AuthorizationPolicy",
    status: Raw | None = None,
    name: str = "p",
    annotations: dict[str, str] | None = None,
    age: float = 3600,
    **spec: Any,
) -> Raw:
    status = status or said("Waypoint" if "targetRefs" in spec else "Ztunnel")
    extra = {"annotations": annotations} if annotations else {}
    return made(kind, name, namespace, age=age, spec=spec, status=status, **extra)


GET: Raw = {"to": [{"operation": {"methods": ["GET"]}}]}


@pytest.mark.parametrize(
    ("objects", "health", "by", "words"),
    [
        ([AMBIENT, CART, policy(**FOR_CART)], Health.OK, ("ztunnel",), "for 1 workload"),
        ([AMBIENT, CART, policy()], Health.OK, ("ztunnel",), "for 1 workload"),
        ([AMBIENT, CART, policy(ROOT, **FOR_CART)], Health.OK, ("ztunnel",), "for 1 workload"),
        ([AMBIENT, CART, policy("other", **FOR_CART)], Health.WARN, (), "no pod has such labels"),
        ([AMBIENT, CART, policy("other")], Health.NONE, (), "it is for no workload"),
        (
            [made("Namespace", "shop"), pod(labels={"app": "cart"}), policy(**FOR_CART)],
            *(Health.NONE, (NOBODY,), "not in the mesh"),
        ),
        (
            [AMBIENT, CART, policy(action="CUSTOM", **FOR_CART)],
            *(Health.WARN, (NOBODY,), "a ztunnel knows no action CUSTOM"),
        ),
        (
            [AMBIENT, CART, policy(annotations={"istio.io/dry-run": "true"}, **FOR_CART)],
            *(Health.WARN, (NOBODY,), "it is a trial"),
        ),
        (
            [AMBIENT, CART, policy(annotations={"istio.io/dry-run": "false"}, **FOR_CART)],
            *(Health.OK, ("ztunnel",), ""),
        ),
        (
            [AMBIENT, CART, policy(status=said(status="False", reason="UnsupportedValue"))],
            *(Health.BAD, ("ztunnel",), "not in force, says istiod: UnsupportedValue: so"),
        ),
        (
            [AMBIENT, CART, policy(status={"conditions": []})],
            *(Health.UNKNOWN, ("ztunnel",), "istiod has not said"),
        ),
        (
            [AMBIENT, CART, policy(rules=[GET], **FOR_CART)],
            *(Health.BAD, ("ztunnel",), "in effect nobody may reach cart"),
        ),
        (
            [AMBIENT, CART, policy(rules=[GET], action="DENY", **FOR_CART)],
            *(Health.BAD, ("ztunnel",), "in effect refuses nobody who reaches cart"),
        ),
        # at a waypoint
        (
            [BOUND, gateway(), proxy(), SERVICE_CART, policy(rules=[GET], **TO_CART)],
            *(Health.OK, ("waypoint",), "enforced by waypoint shop/waypoint"),
        ),
        (
            [AMBIENT, gateway(), proxy(), SERVICE_CART, policy(**TO_CART)],
            *(Health.BAD, (NOBODY,), "it has no waypoint"),
        ),
        ([BOUND, SERVICE_CART, policy(**TO_CART)], Health.BAD, (NOBODY,), "the waypoint is not bound"),
        (
            [BOUND, gateway(), SERVICE_CART, policy(**TO_CART)],
            *(Health.BAD, ("waypoint",), "0 ready pods"),
        ),
        (
            [BOUND, gateway(), proxy(), policy(**TO_CART)],
            *(Health.BAD, (NOBODY,), "Service shop/cart does not exist"),
        ),
        (
            [BOUND, gateway(), proxy(), SERVICE_CART, policy(**TO_WAYPOINT)],
            *(Health.OK, ("waypoint",), ""),
        ),
        (
            [BOUND, gateway(), proxy(), SERVICE_CART, policy("other", **TO_WAYPOINT)],
            *(Health.BAD, (NOBODY,), "Gateway other/waypoint does not exist"),
        ),
        (
            [AMBIENT, gateway(), proxy(), policy(**TO_WAYPOINT)],
            *(Health.OK, ("waypoint",), "which no Service uses"),
        ),
        (
            [BOUND, gateway(), proxy(), SERVICE_CART, policy(
                targetRefs=[{"kind": "Service", "name": "cart", "namespace": "other"}])],
            *(Health.BAD, (NOBODY,), "names something else"),
        ),
        # by class, from the root namespace alone
        (
            [BOUND, gateway(), proxy(), SERVICE_CART, policy(ROOT, targetRefs=[
                {"group": "gateway.networking.k8s.io", "kind": "GatewayClass",
                 "name": "istio-waypoint"}])],
            *(Health.OK, ("waypoint",), "shop/waypoint"),
        ),
        (
            [BOUND, gateway(), proxy(), SERVICE_CART, policy(targetRefs=[
                {"group": "gateway.networking.k8s.io", "kind": "GatewayClass",
                 "name": "istio-waypoint"}])],
            *(Health.BAD, (NOBODY,), "only a policy of istio-system"),
        ),
        # the others
        (
            [AMBIENT, CART, policy(kind="RequestAuthentication", **FOR_CART)],
            *(Health.WARN, (NOBODY,), "a ztunnel heeds no RequestAuthentication"),
        ),
        (
            [BOUND, gateway(), proxy(), SERVICE_CART,
             policy(kind="RequestAuthentication", **TO_CART)],
            *(Health.OK, ("waypoint",), ""),
        ),
        ([AMBIENT, CART, policy(kind="Sidecar")], Health.NONE, (NOBODY,), "no sidecar stands"),
        (
            [AMBIENT, CART, policy(kind="PeerAuthentication", mtls={"mode": "STRICT"})],
            *(Health.OK, ("ztunnel",), ""),
        ),
        (
            [AMBIENT, CART, policy(ROOT, "PeerAuthentication", mtls={"mode": "STRICT"}, **FOR_CART)],
            *(Health.WARN, (NOBODY,), "in the root namespace is for nobody"),
        ),
        (
            [BOUND, gateway(), proxy(), SERVICE_CART, policy(kind="DestinationRule", host="cart")],
            *(Health.OK, ("waypoint",), "shop/waypoint"),
        ),
        (
            [AMBIENT, SERVICE_CART, policy(kind="DestinationRule", host="cart")],
            *(Health.NONE, (NOBODY,), "no waypoint stands before it"),
        ),
        ([policy(kind="ServiceEntry", hosts=["a.b"])], Health.OK, ("ztunnel",), ""),
    ],
)  # fmt: skip
def test_who_enforces_it(
    objects: list[Raw], health: Health, by: tuple[str, ...], words: str
) -> None:
    row = only(*objects)
    assert (row.verdict.health, row.by) == (health, by), row.verdict
    assert words in row.verdict.reason
    targeted = [each for each in row.places if row.targets and each.by == NOBODY]
    assert all(each.step for each in targeted if each.health is Health.BAD)


@pytest.mark.parametrize("kind", ["AuthorizationPolicy", "PeerAuthentication"])
@pytest.mark.parametrize(
    ("told", "health", "by", "words"),
    [
        (CAPTURED, Health.OK, (ZTUNNEL,), "enforced by ztunnel for 1 workload"),
        (GHOST, Health.BAD, (NOBODY,), "to be in the mesh, and no ztunnel proxies it"),
        (answer(None), Health.UNKNOWN, (ZTUNNEL,), "whether a ztunnel proxies it is not known"),
    ],
)
def test_a_ztunnel_enforces_it_for_what_it_proxies_and_nothing_else(
    kind: str, told: Answer, health: Health, by: tuple[str, ...], words: str
) -> None:
    row = only(AMBIENT, CART, policy(kind=kind, mtls={"mode": "STRICT"}), told=told)
    assert (row.verdict.health, row.by) == (health, by)
    assert words in row.verdict.reason


def test_one_that_was_just_made_is_not_judged_yet() -> None:
    row = only(AMBIENT, CART, policy(status={"conditions": []}, age=2))
    assert row.verdict.health is Health.NONE


def test_a_rule_beside_one_that_is_left_out_stays_with_the_ztunnel() -> None:
    on_80: Raw = {"to": [{"operation": {"ports": ["80"]}}]}
    row = only(AMBIENT, CART, policy(rules=[GET, on_80], **FOR_CART))
    assert [each.by for each in row.rules] == [NOBODY, ZTUNNEL]
    assert row.in_effect == "cart may be reached only on 80"


def test_of_two_peer_authentications_the_older_one_decides() -> None:
    older = policy(kind="PeerAuthentication", name="older", mtls={"mode": "STRICT"}, age=7200)
    younger = policy(kind="PeerAuthentication", name="a", mtls={"mode": "PERMISSIVE"})
    found = rows(mesh(AMBIENT, CART, older, younger))
    assert found["PeerAuthentication shop/older"].by == (ZTUNNEL,)
    assert found["PeerAuthentication shop/a"].by == (NOBODY,)
    said = found["PeerAuthentication shop/a"].verdict.reason
    assert said == "PeerAuthentication shop/older decides"


def test_the_order_in_which_the_policies_of_a_workload_are_judged() -> None:
    """At the waypoint before at the pod; at each, tokens and mTLS, then CUSTOM, DENY and ALLOW (7.3)."""
    made_of = [
        policy(name="a-allow", **FOR_CART),
        policy(name="b-deny", action="DENY"),
        policy(ROOT, name="c-custom", action="CUSTOM"),
        policy(name="d-allow-at-waypoint", **TO_CART),
        policy(name="e-deny-at-waypoint", action="DENY", **TO_WAYPOINT),
        policy(name="f-tokens", kind="RequestAuthentication", **TO_CART),
        policy(name="g-mtls", kind="PeerAuthentication", mtls={"mode": "STRICT"}),
        policy(name="h-other", selector={"matchLabels": {"app": "other"}}),
        policy("other", name="i-elsewhere"),
    ]
    managed = {"gateway.istio.io/managed": "istio.io-mesh-controller"}
    waypoint_pod = pod(
        "waypoint-1", labels={**managed, "gateway.networking.k8s.io/gateway-name": "waypoint"}
    )
    at = mesh(BOUND, CART, SERVICE_CART, ENDPOINTS, gateway(), waypoint_pod, *made_of)
    order = [
        "f-tokens",
        "e-deny-at-waypoint",
        "d-allow-at-waypoint",
        "g-mtls",
        "c-custom",
        "b-deny",
        "a-allow",
    ]
    assert [each.ref.name for each in policy_rows.for_workload(at, "shop/cart")] == order
    assert [each.ref.name for each in policy_rows.for_service(at, "shop/cart")] == order
    assert [each.ref.name for each in policy_rows.for_gateway(at, "shop/waypoint")] == order[:3]
    names = {each.ref.name for each in policy_rows.for_namespace(at, "shop")}
    assert names == {*order, "h-other"}


@pytest.mark.parametrize("kind", [POD, GATEWAY, SERVICE])
def test_what_may_not_be_read_is_not_called_missing(kind: Any) -> None:
    problem = Problem(Trouble.FORBIDDEN, "may not be read")
    sources = {Scope(kind): Source(Phase.FORBIDDEN, problem=problem)}
    spec = {POD: FOR_CART, GATEWAY: TO_WAYPOINT, SERVICE: TO_CART}[kind]
    [row] = policy_rows.of(snapshot(BOUND, policy(**spec), sources=sources))
    assert row.verdict.health is Health.UNKNOWN
    assert "may not be read" in row.verdict.reason


@given(st.data())
@settings(deadline=None, derandomize=True)
def test_no_object_crashes_it(data: st.DataObject) -> None:
    objects: dict[Any, Any] = {**SHOP.objects}
    for kind, key in (
        (AUTHORIZATION_POLICY, "payments/l7-at-ztunnel"),
        (AUTHORIZATION_POLICY, "shop/viewers"),
        (PEER_AUTHENTICATION, "payments/default"),
        (GATEWAY, "shop/waypoint"),
        (SERVICE, "shop/reviews"),
    ):
        objects[kind] = {**objects[kind], key: data.draw(damaged(objects[kind][key]))}
    for need in policy_rows.KINDS[:9]:
        assert isinstance(need, Scope)
        objects[need.kind] = {**objects.get(need.kind, {}), "shop/odd": data.draw(JSON)}
    found = replace(SHOP, objects=objects)
    for row in policy_rows.of(found):
        assert row.key
    ledger = next(key for key in objects[POD] if "ledger" in key)
    policy_rows.for_workload(found, ledger)
    policy_rows.for_namespace(found, "shop")


def test_an_unchanged_row_is_the_same_one() -> None:
    later = replace(SHOP, now=NOW.replace(hour=15))
    before = {each.key: each for each in policy_rows.of(replace(SHOP, now=NOW.replace(hour=14)))}
    assert all(before[each.key] is each for each in policy_rows.of(later))
