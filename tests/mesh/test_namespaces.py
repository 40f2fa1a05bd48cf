"""Namespaces: the recorded ones as their README describes them, labels by istio-ambient.md, 1.5 and 1.6."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from meshtui.mesh import namespaces, workloads
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    CONFIGMAP,
    GATEWAY,
    NAMESPACE,
    POD,
    SERVICE,
    WEBHOOK,
)
from meshtui.mesh.namespaces import Captured, Mode, Namespace
from meshtui.mesh.peer_authentication import Mode as MtlsMode
from meshtui.mesh.peer_authentication import Mtls
from meshtui.mesh.snapshot import Phase, Problem, Scope, Snapshot, Source, Trouble
from meshtui.mesh.waypoints import State
from tests import recordings
from tests.anything import JSON, damaged
from tests.mesh.made import config_map, made, pod, snapshot

SHOP = recordings.snapshot("shop")
AMBIENT = {"istio.io/dataplane-mode": "ambient"}


def rows(found: Snapshot) -> dict[str, Namespace]:
    return {each.name: each for each in namespaces.of(found)}


def test_the_recorded_modes_and_counts() -> None:
    found = rows(SHOP)
    assert {name: (each.mode, each.pods) for name, each in found.items() if each.pods.desired} == {
        "batch": (Mode.AMBIENT, Captured(captured=1, desired=2, failing=1)),
        "payments": (Mode.AMBIENT, Captured(captured=3, desired=3)),
        "shop": (Mode.AMBIENT, Captured(captured=7, desired=8, failing=1)),
    }
    assert found["legacy"].mode is Mode.SIDECAR
    assert found["legacy"].revision == "default"
    assert {found[name].mode for name in ("plain", "edge", "default", "istio-system")} == {
        Mode.NONE
    }
    assert found["shop"].created == datetime(2026, 11, 22, 12, 34, 32, tzinfo=UTC)


def test_the_recorded_waypoints() -> None:
    found = rows(SHOP)
    bound = {
        name: (each.waypoint.key, each.waypoint.state)
        for name, each in found.items()
        if each.waypoint
    }
    assert bound == {
        "batch": ("batch/nowhere", State.MISSING),
        "shop": ("shop/waypoint", State.READY),
    }


def test_the_recorded_policies_and_modes_of_mtls() -> None:
    found = rows(SHOP)
    assert {name: each.policies for name, each in found.items() if each.policies} == {
        "payments": 2,
        "shop": 1,
    }
    assert found["payments"].mtls == Mtls(MtlsMode.STRICT, "payments/default")
    assert found["shop"].mtls == Mtls(MtlsMode.PERMISSIVE)


def test_the_recorded_verdicts() -> None:
    found = rows(SHOP)
    assert {name: each.verdict.health for name, each in found.items()} == {
        **dict.fromkeys(found, Health.NONE),
        "shop": Health.BAD,
        "batch": Health.BAD,
        "payments": Health.OK,
        "legacy": Health.WARN,
    }
    assert found["shop"].verdict.reason.startswith("1 ghost: checkout-5f686c4cb7-fz2sg: ")
    assert "node-2" in found["shop"].verdict.reason
    never, missing = found["batch"].troubles
    assert never.reason.startswith("1 pod was never captured: reports-864dfcf76c-htxkg: ")
    assert "Gateway batch/nowhere does not exist" in missing.reason
    assert found["legacy"].verdict.reason == (
        "labelled for sidecars, but 1 pod has no sidecar: httpbin-858ddd65ff-mq6j7"
    )
    assert found["payments"].verdict.reason == "3 of 3 pods are in the mesh"


@pytest.mark.parametrize(
    ("labels", "mode", "revision"),
    [
        ({}, Mode.NONE, ""),
        (AMBIENT, Mode.AMBIENT, ""),
        ({"istio.io/dataplane-mode": "none"}, Mode.NONE, ""),
        ({"istio-injection": "enabled"}, Mode.SIDECAR, "default"),
        ({"istio-injection": "disabled"}, Mode.NONE, ""),
        ({"istio-injection": "enabled", "istio.io/rev": "x"}, Mode.SIDECAR, "default"),
        ({"istio.io/rev": "1-31-0"}, Mode.SIDECAR, "1-31-0"),
        # "disabled" matches no webhook, whatever the revision, which then only says who looks after the objects
        ({"istio-injection": "disabled", "istio.io/rev": "1-31-0"}, Mode.NONE, "1-31-0"),
        ({**AMBIENT, "istio-injection": "disabled"}, Mode.AMBIENT, ""),
        ({**AMBIENT, "istio-injection": "enabled"}, Mode.BOTH, "default"),
        ({**AMBIENT, "istio.io/rev": "1-31-0"}, Mode.BOTH, "1-31-0"),
    ],
)
def test_labels(labels: dict[str, str], mode: Mode, revision: str) -> None:
    found = rows(snapshot(made("Namespace", "shop", labels=labels)))["shop"]
    assert (found.mode, found.revision, found.tag) == (mode, revision, "")


def test_a_tag_is_resolved() -> None:
    found = snapshot(made("Namespace", "shop", labels={"istio.io/rev": "prod"}))
    tag = {"name": "istio-revision-tag-prod"}
    tag |= {"labels": {"istio.io/tag": "prod", "istio.io/rev": "1-31-0"}}  # type: ignore[dict-item]
    objects = {**found.objects, WEBHOOK: {"istio-revision-tag-prod": {"metadata": tag}}}
    shop = rows(replace(found, objects=objects))["shop"]
    assert (shop.revision, shop.tag) == ("1-31-0", "prod")


def test_labels_that_cannot_both_come_true() -> None:
    both = rows(snapshot(made("Namespace", "shop", labels={**AMBIENT, "istio.io/rev": "x"})))
    assert both["shop"].verdict.health is Health.WARN
    excluded = rows(
        snapshot(made("Namespace", "shop", labels=AMBIENT), config_map(EXCLUDE_NAMESPACES="shop"))
    )
    assert excluded["shop"].verdict.health is Health.BAD
    assert (
        "ConfigMap istio-system/istio-cni-config leaves shop out" in excluded["shop"].verdict.reason
    )


REFUSED = Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, "you may not list them"))


def test_what_is_not_known_is_counted_as_unknown() -> None:
    enabled = {"ambient.istio.io/redirection": "enabled"}
    ztunnel = pod("ztunnel", "istio-system", labels={"app": "ztunnel"})
    found = snapshot(made("Namespace", "shop", labels=AMBIENT), pod(annotations=enabled), ztunnel)
    shop = rows(found)["shop"]
    assert shop.pods == Captured(captured=0, desired=1, unknown=1)
    assert shop.verdict.health is Health.UNKNOWN


def test_pods_that_may_not_be_listed_are_not_none() -> None:
    found = snapshot(made("Namespace", "shop", labels=AMBIENT), sources={Scope(POD): REFUSED})
    assert rows(found)["shop"].verdict == (rows(found)["shop"].troubles[0])
    assert rows(found)["shop"].verdict.health is Health.UNKNOWN
    assert rows(found)["shop"].verdict.reason == "you may not list them"


@pytest.mark.parametrize(
    ("source", "policies"),
    [
        (Source(Phase.LIVE), 0),
        (Source(Phase.ABSENT), 0),
        (REFUSED, None),
        (Source(Phase.LOADING), None),
    ],
)
def test_policies_that_were_not_read_are_not_zero(source: Source, policies: int | None) -> None:
    found = snapshot(made("Namespace", "shop"), sources={Scope(AUTHORIZATION_POLICY): source})
    assert rows(found)["shop"].policies == policies


def test_policies_of_the_root_namespace_are_for_all() -> None:
    found = snapshot(
        made("Namespace", "shop"),
        made("Namespace", "istio-system"),
        sources={Scope(AUTHORIZATION_POLICY): Source(Phase.LIVE)},
    )
    labels = {"selector": {"matchLabels": {"app": "cart"}}}
    policies = {
        "istio-system/all": made("", "all", "istio-system", spec={}),
        "istio-system/some": made("", "some", "istio-system", spec=labels),
        "shop/own": made("", "own", "shop", spec=labels),
    }
    known = rows(replace(found, objects={**found.objects, AUTHORIZATION_POLICY: policies}))
    assert (known["shop"].policies, known["istio-system"].policies) == (2, 2)


def test_many_pods_that_fail_alike_are_one_line() -> None:
    pods = [pod(f"cart-{n}") for n in range(3)]
    agent = pod("cni", "istio-system", labels={"k8s-app": "istio-cni-node"})
    found = rows(snapshot(made("Namespace", "shop", labels=AMBIENT), *pods, agent))["shop"]
    (trouble,) = found.troubles
    assert trouble.reason.startswith("3 pods were never captured: cart-0: ")


def test_asking_for_namespaces_does_not_derive_workloads_anew() -> None:
    before = {each.key: each for each in workloads.of(SHOP)}
    namespaces.of(SHOP)
    later = replace(SHOP, objects={**SHOP.objects})
    namespaces.of(later)
    assert all(before[each.key] is each for each in workloads.of(later))


@given(st.data())
@settings(deadline=None, derandomize=True)
def test_no_object_crashes_it(data: st.DataObject) -> None:
    objects: dict[Any, Any] = {**SHOP.objects}
    for kind, key in (
        (NAMESPACE, "shop"),
        (GATEWAY, "shop/waypoint"),
        (AUTHORIZATION_POLICY, "payments/allow-checkout"),
        (CONFIGMAP, "istio-system/istio-cni-config"),
        (CONFIGMAP, "istio-system/istio"),
        (SERVICE, "shop/checkout"),
    ):
        objects[kind] = {**objects[kind], key: data.draw(damaged(objects[kind][key]))}
    objects[NAMESPACE] = {**objects[NAMESPACE], "odd": data.draw(JSON)}
    namespaces.of(replace(SHOP, objects=objects))
