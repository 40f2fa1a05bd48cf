"""From sidecars into ambient: the patch, whom to restart, and what is said before (istio-ambient.md, 1.5, 1.6, 7.5)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from msgspec.structs import replace

from meshtui.mesh import changes, injection, preflight, sidecar_moves
from meshtui.mesh.changes import Patch, Refusal
from meshtui.mesh.checks import Check
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    HTTP_ROUTE,
    NAMESPACE,
    POD,
    Kind,
)
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import (
    Phase,
    Problem,
    Ref,
    Scope,
    Server,
    Snapshot,
    Source,
    Trouble,
)
from tests.anything import JSON
from tests.mesh.made import config_map, made, pod, snapshot
from tests.recordings import snapshot as recorded

MODE, INJECTION, REVISION = "istio.io/dataplane-mode", "istio-injection", "istio.io/rev"
OK, UNKNOWN, WARN, BAD = Health.OK, Health.UNKNOWN, Health.WARN, Health.BAD
DENIED = "jane may not list it"
FORBIDDEN = Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, DENIED))
SIDECAR = {"sidecar.istio.io/status": "{}"}
SERVED = (
    pod("ztunnel-1", "istio-system", labels={"app": "ztunnel"}),
    pod("istio-cni-node-1", "istio-system", labels={"k8s-app": "istio-cni-node"}),
    config_map(EXCLUDE_NAMESPACES="kube-system"),
)


def legacy(**labels: str) -> Raw:
    return made("Namespace", "legacy", labels=labels or {INJECTION: "enabled"})


def injected(name: str = "db-0", kind: str = "StatefulSet", **parts: Any) -> Raw:
    owner = {"kind": kind, "name": name.partition("-")[0], "controller": True}
    parts.setdefault("annotations", SIDECAR)
    return pod(name, "legacy", metadata={"ownerReferences": [owner]}, **parts)


def move(found: Snapshot, **how: bool) -> Patch:
    it = found.find(NAMESPACE, "", "legacy")
    assert it is not None
    change = sidecar_moves.leave_sidecars(it, found, **how)
    assert isinstance(change, Patch), change
    return change


def before(*objects: Raw, labels: dict[str, str] | None = None, **how: Any) -> tuple[Check, ...]:
    found = snapshot(legacy(**labels or {}), *SERVED, *objects, **how)
    return preflight.of(move(found), found)


def told(checks: tuple[Check, ...], words: str) -> Check:
    found = [each for each in checks if words in each.verdict.reason]
    assert len(found) == 1, [each.verdict for each in checks]
    return found[0]


@pytest.mark.parametrize(
    ("labels", "patch"),
    [
        ({INJECTION: "enabled"}, {INJECTION: None, MODE: "ambient"}),
        ({REVISION: "prod"}, {REVISION: None, MODE: "ambient"}),
        (
            {INJECTION: "enabled", REVISION: "prod", "team": "a"},
            {INJECTION: None, REVISION: None, MODE: "ambient"},
        ),
        ({INJECTION: "enabled", MODE: "ambient"}, {INJECTION: None}),
        ({INJECTION: "enabled", MODE: "none"}, {INJECTION: None, MODE: "ambient"}),
    ],
)
def test_the_labels_go_and_the_mode_comes_in_one_patch(
    labels: dict[str, str], patch: dict[str, str | None]
) -> None:
    change = move(snapshot(legacy(**labels)))
    assert change.patch == {"metadata": {"labels": patch}}
    assert change.target == Ref(NAMESPACE, "", "legacy")
    back = changes.inverse(change, legacy())
    assert isinstance(back, Patch)
    assert back.patch == {"metadata": {"labels": {key: labels.get(key) for key in patch}}}


@pytest.mark.parametrize(
    "labels", [{"team": "a"}, {INJECTION: "disabled"}, {INJECTION: "disabled", REVISION: "prod"}]
)
def test_where_no_label_asks_for_sidecars_there_is_nothing_to_move(labels: dict[str, str]) -> None:
    it = legacy(**labels)
    found = sidecar_moves.leave_sidecars(it, snapshot(it))
    assert found == Refusal("no label of legacy asks for sidecars")


def test_those_to_restart_are_the_controllers_of_pods_with_a_sidecar() -> None:
    ended = injected("old-1", "Deployment", status={"phase": "Succeeded"})
    bare = pod("bare", "legacy", annotations=SIDECAR)
    without = injected("api-1", "Deployment", annotations={})
    elsewhere = pod("x", "shop", annotations=SIDECAR)
    found = snapshot(
        legacy(), injected(), injected("web-1", "DaemonSet"), ended, bare, without, elsewhere
    )
    assert [(each.kind.title, each.key) for each in sidecar_moves.controllers("legacy", found)] == [
        ("DaemonSet", "legacy/web"),
        ("StatefulSet", "legacy/db"),
    ]
    assert move(found).awaits == frozenset()
    awaits = move(found, restarting=True).awaits
    assert awaits == {"Pod-legacy-db-0", "Pod-legacy-web-1"}


def test_in_the_recorded_mesh_the_namespace_for_sidecars_has_a_pod_without_one() -> None:
    found = recorded("shop")
    assert sidecar_moves.controllers("legacy", found) == []
    assert move(found).patch == {"metadata": {"labels": {INJECTION: None, MODE: "ambient"}}}
    assert told(preflight.of(move(found), found), "no pod has a sidecar").verdict.health is OK


def test_who_keeps_a_sidecar_is_named() -> None:
    kept = told(before(injected(), injected("db-1")), "2 pods with a sidecar, outside ambient")
    assert kept.verdict.health is WARN
    assert kept.verdict.reason.endswith("until restarted: db-0, db-1")
    assert "Restart their controllers" in kept.remedy


def test_pods_that_join_once_they_are_restarted_are_looked_at_as_such() -> None:
    closed = made("NetworkPolicy", "closed", "legacy", spec={"podSelector": {}})
    checks = before(injected(), closed)
    assert told(checks, "leaves out port 15008 (ingress)").verdict.health is BAD
    own = injected(labels={"sidecar.istio.io/inject": "true"})
    again = told(before(own), "1 pod would get a sidecar again")
    assert (again.verdict.health, "template" in again.remedy) == (BAD, True)


HTTP = {"to": [{"operation": {"methods": ["GET"]}}]}


@pytest.mark.parametrize(
    ("spec", "needs"),
    [
        ({"rules": [HTTP]}, True),
        ({"action": "DENY", "rules": [{"to": [{"operation": {"notPaths": ["/x"]}}]}]}, True),
        ({"rules": [{"from": [{"source": {"requestPrincipals": ["*"]}}]}]}, True),
        ({"rules": [{"when": [{"key": "request.headers[x]", "values": ["1"]}]}]}, True),
        ({"action": "CUSTOM", "rules": [{}]}, True),
        ({"rules": [{"when": [{"key": "source.ip", "values": ["10.0.0.1"]}]}]}, False),
        ({"rules": [{"to": [{"operation": {"ports": ["80"]}}]}]}, False),
        ({}, False),
        ({"rules": [HTTP], "selector": {"matchLabels": {"app": "other"}}}, False),
    ],
)
def test_policies_about_http_need_a_waypoint(spec: dict[str, Any], needs: bool) -> None:
    policy = made("AuthorizationPolicy", "x", "legacy", spec=spec)
    checks = before(injected(labels={"app": "db"}), policy)
    words = (
        "1 policy (legacy/x): sidecars enforce" if needs else "no policy that its sidecars enforce"
    )
    assert told(checks, words).verdict.health is (BAD if needs else OK)


def test_routes_of_its_services_need_a_waypoint() -> None:
    parent = {"parentRefs": [{"group": "", "kind": "Service", "name": "db"}]}
    route, service = made("HTTPRoute", "r", "legacy", spec=parent), made("Service", "db", "legacy")
    said = told(before(injected(), route, service), "1 route (HTTPRoute legacy/r)")
    assert said.verdict.health is WARN
    without = before(injected(), made("HTTPRoute", "r", "legacy", spec=parent))
    assert not [each for each in without if "route" in each.verdict.reason]


def test_a_revision_label_is_also_that_of_the_gateways_there() -> None:
    here, there = made("Gateway", "gw", "legacy"), made("Gateway", "far", "shop")
    own = made("Gateway", "own", "legacy", labels={REVISION: "prod"})
    checks = before(injected(), here, there, own, labels={REVISION: "prod"})
    assert told(checks, "also chose the istiod of Gateway gw").verdict.health is WARN
    plain = before(injected(), here)
    assert not [each for each in plain if "chose the istiod" in each.verdict.reason]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (POD, "which pods have sidecars is not known"),
        (AUTHORIZATION_POLICY, "which policies need a waypoint is not known"),
        (HTTP_ROUTE, "which routes need a waypoint is not known"),
    ],
)
def test_what_could_not_be_read_is_unknown(kind: Kind, said: str) -> None:
    assert told(before(injected(), sources={Scope(kind): FORBIDDEN}), said).verdict.health is (
        UNKNOWN
    )


def test_kinds_that_sidecars_heed_and_nobody_reads_are_named() -> None:
    found = snapshot(legacy(), *SERVED, injected())
    served = {Kind("networking.istio.io", "destinationrules", "x"): "v1"}
    found = replace(found, server=Server(kinds=served))
    said = told(preflight.of(move(found), found), "DestinationRule")
    assert said.verdict.health is UNKNOWN


def test_with_no_sidecar_left_nothing_of_that_is_said() -> None:
    checks = before(pod("web", "legacy"))
    assert told(checks, "no pod has a sidecar").verdict.health is OK
    assert not [each for each in checks if "waypoint" in each.verdict.reason]


def test_which_label_asks_for_sidecars() -> None:
    assert injection.asked_by({INJECTION: "enabled", REVISION: "prod"}) == INJECTION
    assert injection.asked_by({INJECTION: "disabled", REVISION: "prod"}) == ""
    assert injection.asked_by({REVISION: "prod"}) == REVISION
    assert injection.asked_by({}) == ""


@given(JSON)
def test_nothing_takes_it_down(anything: Any) -> None:
    odd = {"kind": "Namespace", "metadata": anything}
    here = snapshot(legacy(), injected(), {**injected("x-1"), "metadata": {"name": "x"}})
    assert isinstance(sidecar_moves.leave_sidecars(odd, here), Patch | Refusal)
    policy = {"kind": "AuthorizationPolicy", "metadata": {"name": "x", "namespace": "legacy"}}
    for spec in (anything, {"rules": anything}, {"rules": [{"to": anything, "when": anything}]}):
        found = snapshot(legacy(), injected(), {**policy, "spec": spec})
        preflight.of(move(found), found)
