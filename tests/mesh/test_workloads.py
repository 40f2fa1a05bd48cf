"""Workloads: the recorded mesh as its README describes it, and rows that are derived anew only where they must be."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from meshtui.mesh import workloads, ztunnel_probes
from meshtui.mesh.dumps import Config, Dump, Listing, Proxied, Version
from meshtui.mesh.enrollment import State
from meshtui.mesh.health import Health
from meshtui.mesh.identities import of_dump
from meshtui.mesh.kinds import NAMESPACE, POD
from meshtui.mesh.memo import Memo
from meshtui.mesh.peer_authentication import Mode, Mtls
from meshtui.mesh.snapshot import Answer, Snapshot
from meshtui.mesh.waypoints import State as WaypointState
from meshtui.mesh.workloads import Workload
from tests import recordings
from tests.anything import JSON, damaged
from tests.mesh.made import NOW, made, pod, snapshot

SHOP = recordings.snapshot("shop")


def rows(found: Snapshot) -> dict[str, Workload]:
    return {each.ref.key: each for each in workloads.of(found)}


def test_every_recorded_pod_has_the_state_that_the_recording_is_about() -> None:
    states = {key: each.enrolled.state for key, each in rows(SHOP).items()}
    wanted = {
        "batch/reports-864dfcf76c-5m94h": State.CAPTURED,
        "batch/reports-864dfcf76c-htxkg": State.NOT_ANNOTATED,
        "payments/ledger-669657bc95-cvfm7": State.CAPTURED,
        "payments/ledger-669657bc95-s5qqg": State.CAPTURED,
        "payments/refunds-6b6c7c499-nsrzq": State.CAPTURED,
        "shop/catalog-f5bc4b466-csxch": State.CAPTURED,
        "shop/checkout-5f686c4cb7-fz2sg": State.NOT_PROXIED,
        "shop/checkout-5f686c4cb7-v2nsk": State.CAPTURED,
        "shop/reviews-v1-5ccf764795-jvfwz": State.CAPTURED,
        "shop/reviews-v2-5b699f6d87-v4t9n": State.CAPTURED,
        "shop/storefront-79968d5cff-jbfb7": State.CAPTURED,
        "shop/storefront-79968d5cff-lzb2w": State.CAPTURED,
        "shop/storefront-next-784687b767-mpw4n": State.CAPTURED,
    }
    outside = dict.fromkeys(SHOP.objects[POD].keys() - wanted.keys(), State.OUTSIDE)
    assert states == wanted | outside
    assert len(outside) == 13


def test_the_recorded_ghost() -> None:
    ghost = rows(SHOP)["shop/checkout-5f686c4cb7-fz2sg"]
    assert ghost.verdict.health is Health.BAD
    assert "no ztunnel of node-2 proxies it" in ghost.verdict.reason
    assert ghost.key == "ade82907-f579-4909-b6ca-395bfd33934f"
    assert ghost.enrolled.ztunnel == "istio-system/ztunnel-gnq4h"
    assert ghost.protocol == "HBONE"
    assert ghost.identity == "spiffe://cluster.local/ns/shop/sa/checkout"
    assert ghost.pod.controller == "Deployment/checkout"
    assert ghost.waypoint is not None
    assert (ghost.waypoint.key, ghost.waypoint.state) == ("shop/waypoint", WaypointState.READY)
    assert [(link.health.mark, link.text) for link in workloads.chain(SHOP, ghost)] == [
        ("✓", "label istio.io/dataplane-mode=ambient of namespace shop"),
        ("✓", "annotation ambient.istio.io/redirection=enabled"),
        ("✓", "HBONE in 2 of 2 dumps"),
        ("✗", "absent from workloadState of ztunnel-gnq4h (5 pods)"),
    ]


def test_the_recorded_pod_that_was_never_captured() -> None:
    reports = rows(SHOP)["batch/reports-864dfcf76c-htxkg"]
    assert [link.health.mark for link in workloads.chain(SHOP, reports)] == ["✓", "✗", "·", "·"]
    assert "never captured by istio-cni-node-f9pk6 of node-1 (ready)" in reports.verdict.reason
    assert reports.waypoint is not None
    assert reports.waypoint.state is WaypointState.MISSING


def test_the_recorded_pod_that_opted_out_has_no_identity_in_the_mesh() -> None:
    out = rows(SHOP)["batch/opted-out-79c9876f8-jvcb9"]
    assert (out.verdict.health, out.protocol, out.identity) == (Health.NONE, "TCP", "")
    assert "opted out by its own label istio.io/dataplane-mode=none" in out.verdict.reason


def test_the_recorded_modes() -> None:
    found = rows(SHOP)
    assert found["payments/ledger-669657bc95-cvfm7"].mtls == Mtls(Mode.STRICT, "payments/default")
    assert found["shop/catalog-f5bc4b466-csxch"].mtls == Mtls(Mode.PERMISSIVE)


def test_a_waypoint_is_behind_none() -> None:
    assert rows(SHOP)["shop/waypoint-59cb967f66-5dpw4"].waypoint is None


def test_proxies_are_up_without_a_ca_and_without_istiod() -> None:
    for name in ("no-ca", "no-istiod", "acme"):
        found = recordings.snapshot(name)
        captured = {
            key
            for key, each in rows(found).items()
            if each.pod.node == "node-1" and each.enrolled.state is State.CAPTURED
        }
        assert {key.partition("-")[0] for key in captured} == {
            *("payments/ledger", "payments/refunds"),
            *("shop/catalog", "shop/checkout", "shop/storefront"),
        }


def test_nodes_that_could_not_be_read_are_unknown() -> None:
    found = rows(recordings.snapshot("no-ca"))
    elsewhere = [
        each for each in found.values() if each.pod.node != "node-1" and each.pod.redirection
    ]
    assert elsewhere
    assert {each.enrolled.word for each in elsewhere} == {"3 of 4 links"}


def test_the_trust_domain_is_the_ztunnels() -> None:
    found = rows(recordings.snapshot("acme"))
    assert found["payments/ledger-669657bc95-rdddq"].identity == (
        "spiffe://acmellc.local/ns/payments/sa/ledger"
    )


def test_the_trust_domain_without_any_dump_is_that_of_the_mesh_config() -> None:
    found = replace(recordings.snapshot("acme"), answers={})
    assert rows(found)["payments/ledger-669657bc95-rdddq"].identity == (
        "spiffe://acmellc.local/ns/payments/sa/ledger"
    )


@pytest.mark.parametrize(
    ("status", "age", "health", "words"),
    [
        ({}, 3600, Health.NONE, "outside"),
        (
            {"containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]},
            *(3600, Health.WARN, "CrashLoopBackOff: 0 of 1 containers ready"),
        ),
        (
            {"containerStatuses": [{"ready": False, "state": {"running": {}}}]},
            *(3600, Health.WARN, "Running: 0 of 1 containers ready"),
        ),
        # a pod that was just made is not ready, and that is normal
        (
            {"containerStatuses": [{"ready": False, "state": {"running": {}}}]},
            *(20, Health.NONE, "outside"),
        ),
        ({"phase": "Failed", "containerStatuses": []}, 3600, Health.NONE, "it has ended (Failed)"),
    ],
)
def test_a_failing_application_is_a_warning(
    status: dict[str, Any], age: float, health: Health, words: str
) -> None:
    found = rows(snapshot(pod(status=status, age=age), made("Namespace", "shop")))["shop/cart"]
    assert found.verdict.health is health
    assert words in found.verdict.reason or words in found.enrolled.word


def mesh(pods: int, nodes: int, namespaces: int) -> Snapshot:
    """A mesh in which all is well."""
    names = [f"ns-{n}" for n in range(namespaces)]
    labels = {"istio.io/dataplane-mode": "ambient"}
    enabled = {"ambient.istio.io/redirection": "enabled"}
    carts = [
        pod(f"cart-{n}", names[n % namespaces], node=f"node-{n % nodes}", annotations=enabled)
        for n in range(pods)
    ]
    protocols: dict[str, dict[str, str]] = {name: {} for name in names}
    for cart in carts:
        protocols[cart["metadata"]["namespace"]][cart["metadata"]["name"]] = "HBONE"
    listings = {name: Listing(name.encode(), told) for name, told in protocols.items()}
    answers = {}
    for node in range(nodes):
        proxied = {
            cart["metadata"]["uid"]: Proxied("", "", "", "Up") for cart in carts[node::nodes]
        }
        dump = Dump(proxied, listings, of_dump([]), Version(), Config())
        probe = ztunnel_probes.dump("istio-system", f"ztunnel-{node}")
        answers[probe] = Answer(dump, NOW - timedelta(seconds=4))
    servers = [
        pod(f"{name}-{node}", "istio-system", node=f"node-{node}", labels=label)
        for node in range(nodes)
        for name, label in (("ztunnel", {"app": "ztunnel"}), ("cni", {"k8s-app": "istio-cni-node"}))
    ]
    spaces = [made("Namespace", name, labels=labels) for name in (*names,)]
    return snapshot(*carts, *servers, *spaces, made("Namespace", "istio-system"), answers=answers)


def test_only_what_changed_is_derived_anew() -> None:
    found = mesh(pods=60, nodes=3, namespaces=4)
    before = rows(found)
    assert {each.enrolled.state for each in before.values()} == {State.CAPTURED, State.OUTSIDE}

    changed = json.loads(json.dumps(found.objects[POD]["ns-1/cart-1"]))
    changed["metadata"]["annotations"] = {}
    pods = {**found.objects[POD], "ns-1/cart-1": changed}
    after = rows(replace(found, objects={**found.objects, POD: pods}))
    assert {key for key in before if after[key] is not before[key]} == {"ns-1/cart-1"}
    assert after["ns-1/cart-1"].enrolled.state is State.NOT_ANNOTATED

    probe = ztunnel_probes.dump("istio-system", "ztunnel-2")
    again = replace(found.answers[probe].value, proxied={})
    answers = {**found.answers, probe: Answer(again, NOW - timedelta(seconds=1))}
    before = rows(found := replace(found, memo=Memo()))  # as time does not go back
    after = rows(replace(found, answers=answers))
    assert {before[key].pod.node for key in before if after[key] is not before[key]} == {"node-2"}
    assert after["ns-2/cart-2"].enrolled.state is State.NOT_PROXIED

    spaces = {**found.objects[NAMESPACE], "ns-3": made("Namespace", "ns-3")}
    before = rows(found := replace(found, memo=Memo()))
    after = rows(replace(found, objects={**found.objects, NAMESPACE: spaces}))
    assert {before[key].pod.namespace for key in before if after[key] is not before[key]} == {
        "ns-3"
    }


def test_time_alone_derives_nothing() -> None:
    found = mesh(pods=10, nodes=2, namespaces=2)
    before, after = rows(found), rows(replace(found, now=NOW + timedelta(hours=1)))
    assert all(after[key] is before[key] for key in before)


def test_one_changed_pod_of_ten_thousand_is_cheap() -> None:
    found = mesh(pods=10_000, nodes=300, namespaces=100)
    workloads.of(found)
    took = []
    for n in range(5):
        changed = {**found.objects[POD]["ns-0/cart-0"], "generation": n}
        pods = {**found.objects[POD], "ns-0/cart-0": changed}
        later = replace(found, objects={**found.objects, POD: pods})
        start = time.thread_time()
        workloads.of(later)
        took.append(time.thread_time() - start)
    assert min(took) < 0.05  # 0.01 s on a slow machine; deriving all of them takes 0.7 s


@given(st.data())
@settings(deadline=None, derandomize=True)
def test_no_pod_crashes_it(data: st.DataObject) -> None:
    recorded = SHOP.objects[POD]["shop/checkout-5f686c4cb7-fz2sg"]
    odd = data.draw(damaged(recorded) | JSON.map(lambda it: {"metadata": it}))
    namespace = data.draw(damaged(SHOP.objects[NAMESPACE]["shop"]))
    objects = {**SHOP.objects, POD: {**SHOP.objects[POD], "shop/odd": odd}}
    objects[NAMESPACE] = {**SHOP.objects[NAMESPACE], "shop": namespace}
    found = replace(SHOP, objects=objects)
    for each in workloads.of(found):
        workloads.chain(found, each)
