"""What the mesh is made of: components, revisions and tags, mesh config, APIs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from meshtui.mesh import apis, components, meshconfig, revisions
from meshtui.mesh.components import Component
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import (
    CONFIGMAP,
    CRD,
    DAEMONSET,
    DEPLOYMENT,
    GATEWAY,
    POD,
    SERVICE,
    WEBHOOK,
    Kind,
)
from meshtui.mesh.raw import Raw, key
from meshtui.mesh.snapshot import Phase, Problem, Scope, Snapshot, Source, Trouble
from tests import recordings
from tests.mesh import made
from tests.mesh.made import NOW

ISTIOD = {"app": "istiod", "istio.io/rev": "default"}


def cluster(**objects: list[Raw]) -> Snapshot:
    """Live kinds of these objects."""
    kinds = {
        "pods": POD,
        "deployments": DEPLOYMENT,
        "daemonsets": DAEMONSET,
        "configmaps": CONFIGMAP,
        "services": SERVICE,
        "webhooks": WEBHOOK,
        "crds": CRD,
    }
    return Snapshot(
        NOW,
        objects={
            kind: {key(it): it for it in objects.get(plural, [])} for plural, kind in kinds.items()
        },
        sources={Scope(kind): Source(Phase.LIVE) for kind in kinds.values()},
    )


def deployment(name: str, ready: int, wanted: int, labels: dict[str, str]) -> Raw:
    return made.made(
        "Deployment",
        name,
        "istio-system",
        labels=labels,
        spec={"replicas": wanted},
        status={"readyReplicas": ready},
    )


def daemonset(name: str, ready: int, wanted: int, labels: dict[str, str]) -> Raw:
    status = {"numberReady": ready, "desiredNumberScheduled": wanted}
    return made.made("DaemonSet", name, "kube-system", labels=labels, status=status)


def running(name: str, image: str, labels: dict[str, str], *, ready: bool = True) -> Raw:
    status = {"conditions": [{"type": "Ready", "status": str(ready)}]}
    spec = {"containers": [{"name": "it", "image": image}]}
    return made.pod(name, "istio-system", labels=labels, spec=spec, status=status)


def part(snapshot: Snapshot, title: str) -> Component:
    return next(each for each in components.of(snapshot) if each.title == title)


def test_the_components_of_shop() -> None:
    found = components.of(recordings.snapshot("shop"))
    assert [(each.title, each.ready, each.wanted) for each in found] == [
        ("istiod", 1, 1),
        ("istio-cni", 3, 3),
        ("ztunnel", 3, 3),
        ("waypoints", 2, 2),
        ("gateways", 1, 1),
    ]
    assert {each.verdict.health for each in found} == {Health.OK}
    assert found[2].versions == (("", 3),)  # its images are tagged "latest"


def test_parts_are_found_under_any_name_in_any_namespace() -> None:
    snapshot = cluster(
        deployments=[deployment("control", 1, 2, ISTIOD)],
        daemonsets=[
            daemonset("odd-cni", 3, 3, {"k8s-app": "istio-cni-node"}),
            daemonset("odd-ztunnel", 2, 3, {"app.kubernetes.io/name": "ztunnel"}),
        ],
    )
    assert part(snapshot, "istio-cni").verdict.health is Health.OK
    assert part(snapshot, "istiod").verdict.health is Health.WARN
    ztunnel = part(snapshot, "ztunnel")
    assert (ztunnel.verdict.health, ztunnel.verdict.reason) == (Health.BAD, "2 of 3 ready")
    assert ztunnel.ref is not None
    assert ztunnel.ref.key == "kube-system/odd-ztunnel"


def test_versions_stand_side_by_side() -> None:
    images = ["ztunnel:1.31.0-distroless", "ztunnel:1.31.0-distroless", "ztunnel:1.30.4"]
    snapshot = cluster(
        pods=[
            running("istiod", "pilot:1.31.0", ISTIOD),
            *(running(f"z{i}", image, {"app": "ztunnel"}) for i, image in enumerate(images)),
        ]
    )
    ztunnel = part(snapshot, "ztunnel")
    assert ztunnel.versions == (("1.31.0", 2), ("1.30.4", 1))
    assert (ztunnel.ready, ztunnel.wanted) == (3, 3)
    assert ztunnel.verdict.health is Health.WARN
    assert ztunnel.verdict.reason == "more than one version: 1.31.0 on 2, 1.30.4 on 1"


def test_a_data_plane_ahead_of_its_control_plane() -> None:
    snapshot = cluster(
        pods=[
            running("istiod", "pilot:1.30.0", ISTIOD),
            running("z", "ztunnel:1.31.0", {"app": "ztunnel"}),
        ]
    )
    verdict = part(snapshot, "ztunnel").verdict
    assert (verdict.health, "upgraded first" in verdict.reason) == (Health.WARN, True)


def test_one_waypoint_without_a_ready_pod_is_a_failure() -> None:
    labels = {components.MANAGED: "istio.io-mesh-controller", components.GATEWAY_NAME: "w"}
    snapshot = cluster(deployments=[deployment("w1", 1, 2, labels), deployment("w2", 0, 1, labels)])
    found = part(snapshot, "waypoints")
    assert (found.ready, found.wanted, found.verdict.health) == (1, 2, Health.BAD)


def test_what_may_not_be_read_is_unknown_and_not_absent() -> None:
    refused = Problem(Trouble.FORBIDDEN, "oncall may not list deployments")
    empty = cluster()
    assert part(empty, "istiod").verdict.health is Health.NONE
    blind = Snapshot(NOW, sources={components.ISTIOD: Source(Phase.FORBIDDEN, problem=refused)})
    found = part(blind, "istiod")
    assert (found.ready, found.verdict.health) == (None, Health.UNKNOWN)
    assert found.verdict.reason == "oncall may not list deployments"


def test_where_workloads_may_not_be_read_pods_are_counted() -> None:
    snapshot = cluster(
        pods=[
            running("z1", "ztunnel:1.31.0", {"app": "ztunnel"}),
            running("z2", "ztunnel:1.31.0", {"app": "ztunnel"}, ready=False),
        ]
    )
    found = part(replace(snapshot, sources={Scope(POD): Source(Phase.LIVE)}), "ztunnel")
    assert (found.ready, found.wanted, found.verdict.health) == (1, 2, Health.BAD)


def test_parts_that_are_still_being_listed_are_not_all_of_them() -> None:
    some = cluster(pods=[running("z1", "ztunnel:1.31.0", {"app": "ztunnel"})])
    half = replace(some, sources={Scope(POD): Source(Phase.LOADING, count=1)})
    found = part(half, "ztunnel")
    assert (found.ready, found.wanted, found.verdict.health) == (None, None, Health.UNKNOWN)


# Revisions and tags.


def tag(name: str, revision: str) -> Raw:
    labels = {"app": "sidecar-injector", "istio.io/tag": name, "istio.io/rev": revision}
    return made.made("MutatingWebhookConfiguration", f"istio-revision-tag-{name}", labels=labels)


def test_revisions_with_their_tags() -> None:
    canary = {"app": "istiod", "istio.io/rev": "1-31-0"}
    snapshot = cluster(
        deployments=[deployment("istiod-1-31-0", 2, 2, canary), deployment("istiod", 1, 1, ISTIOD)],
        pods=[
            running("a", "pilot:1.31.0", canary),
            running("b", "pilot:1.30.3-distroless", ISTIOD),
        ],
        webhooks=[tag("prod", "1-31-0"), tag("default", "default")],
    )
    found = {row.name: row for row in revisions.of(snapshot)}
    assert [*found] == ["default", "1-31-0"]
    assert (found["1-31-0"].version, found["1-31-0"].tags) == ("1.31.0", ("prod",))
    assert found["1-31-0"].verdict.health is Health.OK
    assert found["default"].version == "1.30.3"


def test_a_tag_that_points_to_nothing() -> None:
    snapshot = cluster(webhooks=[tag("prod", "1-30-0")])
    (row,) = revisions.of(snapshot)
    assert row.verdict.health is Health.BAD
    assert row.verdict.reason == "tag prod points to revision 1-30-0, which does not exist"
    blind = replace(snapshot, sources={})
    assert revisions.of(blind)[0].verdict.health is Health.UNKNOWN


# Mesh config.


def test_the_recorded_mesh_configs() -> None:
    (shop,) = meshconfig.of(recordings.snapshot("shop"))
    assert (shop.trust_domain, shop.root_namespace, shop.outbound, shop.revision) == (
        "cluster.local",
        "istio-system",
        "ALLOW_ANY",
        "default",
    )
    (acme,) = meshconfig.of(recordings.snapshot("acme"))
    assert (acme.trust_domain, acme.outbound) == ("acmellc.local", "REGISTRY_ONLY")


def mesh_config(written: str, name: str = "istio", **labels: str) -> Raw:
    return made.made("ConfigMap", name, "mesh", labels=labels, data={"mesh": written})


def test_a_mesh_config_that_says_little_gives_istios_defaults() -> None:
    (found,) = meshconfig.of(cluster(configmaps=[mesh_config("{}", "istio-canary")]))
    assert (found.trust_domain, found.root_namespace, found.outbound, found.revision) == (
        "cluster.local",
        "mesh",
        "ALLOW_ANY",
        "canary",
    )


@pytest.mark.parametrize(
    "written", ["a: [", "just words", "- a", "? {a: b}\n: c", "!!bool x", "\0"]
)
def test_a_mesh_config_that_is_broken_says_so(written: str) -> None:
    (found,) = meshconfig.of(cluster(configmaps=[mesh_config(written)]))
    assert found.trust_domain == "cluster.local"
    assert "not readable" in found.problem


# APIs.


def test_kinds_that_are_installed_missing_or_of_a_version_unknown_here() -> None:
    routes = Kind("gateway.networking.k8s.io", "httproutes", "HTTPRoute")
    served = {GATEWAY: "v1", routes: "v7"}
    snapshot = replace(cluster(), server=replace(Snapshot(NOW).server, kinds=served))
    found = {f"{api.kind}": api for api in apis.of(snapshot)}
    assert found["gateways.gateway.networking.k8s.io"].verdict.health is Health.OK
    unread = found["httproutes.gateway.networking.k8s.io"].verdict
    assert (unread.health, "prefers v7" in unread.reason) == (Health.UNKNOWN, True)
    absent = found["telemetries.telemetry.istio.io"].verdict
    assert (absent.health, absent.reason) == (Health.NONE, "not installed")
    assert {api.verdict.health for api in apis.of(cluster())} == {Health.UNKNOWN}


def test_the_bundle_of_the_gateway_api() -> None:
    annotations = {
        "gateway.networking.k8s.io/bundle-version": "v1.4.1",
        "gateway.networking.k8s.io/channel": "standard",
    }
    name = "gatewayclasses.gateway.networking.k8s.io"
    crd = made.made("CustomResourceDefinition", name, annotations=annotations)
    snapshot = cluster(crds=[crd])
    assert apis.bundle(snapshot) == ("v1.4.1", "standard")
    assert apis.gateway_api(snapshot).health is Health.OK
    assert apis.gateway_api(cluster()).health is Health.UNKNOWN
    bare = replace(cluster(), server=replace(snapshot.server, kinds={POD: "v1"}))
    assert apis.gateway_api(bare).health is Health.NONE


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["metadata", "labels", "annotations", "name", "namespace", "spec", "status", "replicas", "app",
             "readyReplicas", "numberReady", "desiredNumberScheduled", "istio.io/rev", "istio.io/tag", "data", "mesh"]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=10,
)  # fmt: skip


@given(st.lists(st.dictionaries(st.sampled_from(["metadata", "spec", "status", "data"]), odd)))
def test_no_object_takes_them_down(raws: list[dict[str, Any]]) -> None:
    labels = ISTIOD | {"istio.io/tag": "prod", components.MANAGED: "istio.io-mesh-controller"}
    named = [{**raw, "metadata": {"name": "istio", "labels": labels}} for raw in raws]
    every = {str(index): raw for index, raw in enumerate([*raws, *named])}
    kinds = (POD, DEPLOYMENT, DAEMONSET, CONFIGMAP, SERVICE, WEBHOOK, CRD)
    snapshot = Snapshot(NOW, objects=dict.fromkeys(kinds, every))
    assert len(components.of(snapshot)) == 5
    revisions.of(snapshot)
    meshconfig.of(snapshot)
    apis.of(snapshot)
    apis.gateway_api(snapshot)
    components.namespaces(snapshot)
