"""Pre-flight: what is said before a change, in the recorded mesh and in small ones made for one case each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from meshtui.mesh import preflight, waypoint_changes
from meshtui.mesh.changes import Patch
from meshtui.mesh.checks import Check
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    CONFIGMAP,
    DEPLOYMENT,
    GATEWAY,
    NAMESPACE,
    NETWORK_POLICY,
    PEER_AUTHENTICATION,
    POD,
    SERVICE,
    Kind,
)
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Phase, Problem, Ref, Scope, Snapshot, Source, Trouble
from tests.mesh.made import config_map, made, pod, snapshot
from tests.recordings import snapshot as recorded

AMBIENT = {"istio.io/dataplane-mode": "ambient"}
OK, UNKNOWN, WARN, BAD = Health.OK, Health.UNKNOWN, Health.WARN, Health.BAD
DENIED = "pods is forbidden: jane may not list it"
FORBIDDEN = Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, DENIED))
SERVED = (
    pod("ztunnel-1", "istio-system", labels={"app": "ztunnel"}),
    pod("istio-cni-node-1", "istio-system", labels={"k8s-app": "istio-cni-node"}),
    config_map(EXCLUDE_NAMESPACES="kube-system"),
)


def relabelled(found: Snapshot, name: str, **labels: str) -> Snapshot:
    """The same with other labels on a namespace."""
    before = found.find(NAMESPACE, "", name)
    assert before is not None
    it = {**before, "metadata": {**before["metadata"], "labels": labels}}
    kinds = {**found.objects, NAMESPACE: {**found.objects[NAMESPACE], name: it}}
    return replace(found, objects=kinds)


def change(found: Snapshot, name: str, labels: Mapping[str, str | None]) -> Patch:
    before = found.find(NAMESPACE, "", name)
    assert before is not None
    patch = {"metadata": {"labels": dict(labels)}}
    return Patch(title="", target=Ref(NAMESPACE, "", name), before=before, patch=patch)


def joining(*objects: Raw, **how: Any) -> tuple[Check, ...]:
    """The checks before a namespace "shop" of these objects joins a mesh that serves its node."""
    namespace = made("Namespace", "shop", labels=how.pop("labels", {}))
    served = how.pop("served", SERVED)
    found = snapshot(namespace, *served, *objects, **how)
    return preflight.of(change(found, "shop", AMBIENT), found)


def about(checks: tuple[Check, ...], words: str) -> Check:
    """The one check that says these words."""
    found = [each for each in checks if words in each.verdict.reason]
    assert len(found) == 1, [each.verdict for each in checks]
    return found[0]


def healths(checks: tuple[Check, ...]) -> list[Health]:
    return [each.verdict.health for each in checks]


# The recorded mesh


def test_nothing_is_said_against_the_plain_namespace() -> None:
    found = recorded("shop")
    checks = preflight.of(change(found, "plain", AMBIENT), found)
    assert healths(checks) == [OK] * 6
    assert all(not each.remedy for each in checks)


def test_payments_would_have_a_policy_in_the_way_and_refuse_who_is_outside() -> None:
    found = relabelled(recorded("shop"), "payments")
    checks = preflight.of(change(found, "payments", AMBIENT), found)
    blocked = checks[0]
    assert blocked.verdict.health is BAD
    assert "payments/only-8080 leaves out port 15008 (ingress)" in blocked.verdict.reason
    assert "refunds-" in blocked.verdict.reason
    assert "15008" in blocked.remedy
    strict = about(checks, "STRICT is in force (PeerAuthentication payments/default)")
    assert strict.verdict.health is WARN
    assert "pods of batch, legacy, plain" in strict.verdict.reason  # batch has one that opted out


def test_a_label_for_sidecars_is_said_first() -> None:
    found = recorded("shop")
    first = preflight.of(change(found, "legacy", AMBIENT), found)[0]
    assert first.verdict.health is WARN
    assert "istio-injection=enabled" in first.verdict.reason


def test_whoever_leaves_loses_its_policies_and_is_refused_by_strict() -> None:
    found = recorded("shop")
    shop = preflight.of(change(found, "shop", {"istio.io/dataplane-mode": None}), found)
    assert "shop/viewers" in about(shop, "enforced for callers in ambient alone").verdict.reason
    assert about(shop, "STRICT is in force in payments").verdict.health is WARN
    payments = preflight.of(change(found, "payments", {"istio.io/dataplane-mode": None}), found)
    lost = about(payments, "enforced nowhere")
    assert lost.verdict.health is BAD
    assert "payments/allow-checkout, payments/l7-at-ztunnel" in lost.verdict.reason


def test_clearing_the_waypoint_names_the_policy_that_loses_its_enforcer() -> None:
    found = recorded("shop")
    shop = Ref(NAMESPACE, "", "shop")
    cleared = waypoint_changes.unbind(shop, found.find(NAMESPACE, "", "shop") or {}, found)
    assert isinstance(cleared, Patch)
    checks = preflight.of(cleared, found)
    assert healths(checks) == [BAD, BAD, UNKNOWN]
    assert "1 policy (shop/viewers)" in checks[0].verdict.reason
    assert "2 routes (GRPCRoute shop/catalog, HTTPRoute shop/reviews)" in checks[1].verdict.reason
    assert "which routes would have no effect is not known" in checks[2].verdict.reason
    batch = preflight.of(change(found, "batch", {"istio.io/use-waypoint": None}), found)
    assert about(batch, "no policy would lose").verdict.health is OK


def test_other_changes_have_no_checks() -> None:
    found = recorded("shop")
    assert preflight.of(change(found, "plain", {"team": "web"}), found) == ()


# Small meshes


def test_pods_with_a_sidecar_or_on_the_network_of_the_node_stay_outside() -> None:
    sidecar = pod("old", annotations={"sidecar.istio.io/status": "{}"})
    host = pod("agent", spec={"hostNetwork": True})
    checks = joining(sidecar, host, pod("cart"))
    assert about(checks, "1 pod with a sidecar").verdict.health is WARN
    assert about(checks, "on the network of the node would stay outside").verdict.health is WARN
    assert "agent" in about(checks, "on the network of the node").verdict.reason


def test_a_waypoint_that_stays_outside_as_istiod_labels_it_is_no_warning() -> None:
    """istiod's template for a waypoint labels its pods istio.io/dataplane-mode=none."""
    own = {
        "gateway.networking.k8s.io/gateway-name": "waypoint",
        "istio.io/dataplane-mode": "none",
    }
    checks = joining(pod("cart"), pod("waypoint-1", labels=own))
    assert about(checks, "takes its pods").verdict.health is OK
    assert set(healths(checks)) == {OK}
    opted_out = joining(pod("cart", labels={"istio.io/dataplane-mode": "none"}))
    assert about(opted_out, "1 pod would not be captured: cart").verdict.health is WARN


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"istio-injection": "enabled"}, True),
        ({"istio.io/rev": "1-30"}, True),
        ({"istio-injection": "disabled", "istio.io/rev": "1-30"}, False),
        ({"istio-injection": "disabled"}, False),
    ],
)
def test_labels_that_ask_for_sidecars(labels: Mapping[str, str], said: bool) -> None:
    checks = joining(pod(), labels=labels)
    assert any("get a sidecar" in each.verdict.reason for each in checks) == said


def test_policies_in_the_way_out_and_of_the_probes() -> None:
    probed = {"containers": [{"name": "app", "readinessProbe": {"tcpSocket": {"port": 8080}}}]}
    ports = [{"port": 15008}]
    out = made("NetworkPolicy", "out", "shop", spec={"policyTypes": ["Egress"], "podSelector": {}})
    inside = {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}, {"ports": ports}]}
    checks = joining(pod(spec=probed), out, made("NetworkPolicy", "in", "shop", spec=inside))
    assert about(checks, "shop/out leaves out port 15008 (egress)").verdict.health is BAD
    probes = about(checks, "169.254.7.127")
    assert probes.verdict.health is WARN
    assert "169.254.7.127/32" in probes.remedy


@pytest.mark.parametrize(
    ("served", "said"),
    [
        (SERVED[1:], "node-1: it has no ztunnel"),
        ((SERVED[0], SERVED[2]), "node-1: it has no CNI agent"),
        (
            (
                pod(
                    "ztunnel-1",
                    "istio-system",
                    labels={"app": "ztunnel"},
                    status={"conditions": [{"type": "Ready", "status": "False"}]},
                ),
                *SERVED[1:],
            ),
            "node-1: its ztunnel is not ready",
        ),
    ],
)
def test_nodes_that_do_not_serve_their_pods(served: tuple[Raw, ...], said: str) -> None:
    check = about(joining(pod(), served=served), said)
    assert check.verdict.health is BAD
    assert "cart" in check.verdict.reason


def guarded(field: str, peers: str, *more: Any, **strict: str) -> tuple[Raw, ...]:
    """A pod in the mesh, in another namespace, with a policy that opens 8080 to, or from, everybody in "shop"."""
    members = {peers: [{"namespaceSelector": {"matchLabels": {"team": "shop"}}}]}
    rules = [{"ports": [{"port": 8080}], **members}, *more]
    spec = {"podSelector": {}, "policyTypes": [field.title()], field: rules}
    inside = pod("ledger", "payments", annotations={"ambient.istio.io/redirection": "enabled"})
    mtls = {"mtls": {"mode": strict.get("mode", "PERMISSIVE")}}
    return (
        made("Namespace", "payments", labels=AMBIENT),
        made("NetworkPolicy", "only-8080", "payments", spec=spec),
        made("PeerAuthentication", "default", "payments", spec=mtls),
        inside,
    )


@pytest.mark.parametrize(
    ("field", "peers", "said"),
    [
        ("ingress", "from", "those that join would lose ledger"),
        ("egress", "to", "those that join would be lost to ledger"),
    ],
)
def test_policies_elsewhere_that_let_its_pods_through_today_and_not_on_15008(
    field: str, peers: str, said: str
) -> None:
    """Between members of the mesh all goes to TCP 15008 (istio-ambient.md, 1.4)."""
    team = {"team": "shop"}
    found = about(joining(pod("cart"), *guarded(field, peers), labels=team), "only-8080")
    assert found.verdict.health is WARN
    assert said in found.verdict.reason
    assert "15008" in found.remedy
    opened: Any = {"ports": [{"port": 15008}]}
    none = joining(pod("cart"), *guarded(field, peers, opened), labels=team)
    assert "no NetworkPolicy leaves out" in about(none, "NetworkPolicy").verdict.reason
    others = joining(pod("cart"), *guarded(field, peers))
    assert "no NetworkPolicy leaves out" in about(others, "NetworkPolicy").verdict.reason


def test_where_strict_refuses_its_pods_today_a_policy_takes_nothing_from_them() -> None:
    there = guarded("ingress", "from", mode="STRICT")
    found = joining(pod("cart"), *there, labels={"team": "shop"})
    assert "no NetworkPolicy leaves out" in about(found, "NetworkPolicy").verdict.reason


def test_nodes_without_pods_of_it_do_not_matter() -> None:
    broken = pod("ztunnel-2", "istio-system", node="node-2", labels={"app": "ztunnel"})
    elsewhere = pod("other", "elsewhere", node="node-3")
    checks = joining(pod(), broken, elsewhere)
    assert healths(checks) == [OK] * 6


@pytest.mark.parametrize(
    ("data", "health", "said"),
    [
        ({"EXCLUDE_NAMESPACES": "kube-system, shop"}, BAD, "EXCLUDE_NAMESPACES"),
        (
            {"AMBIENT_ENABLEMENT_SELECTOR": "- podSelector: {matchLabels: {mesh: 'yes'}}"},
            WARN,
            "would not be captured: cart (no selector of ConfigMap",
        ),
    ],
)
def test_what_the_agent_does_not_capture(data: dict[str, str], health: Health, said: str) -> None:
    check = about(joining(pod(), served=(*SERVED[:2], config_map(**data))), said)
    assert check.verdict.health is health


def test_selectors_count_where_there_is_no_pod_yet() -> None:
    data = {"AMBIENT_ENABLEMENT_SELECTOR": "- namespaceSelector: {matchLabels: {mesh: 'yes'}}"}
    checks = joining(served=(*SERVED[:2], config_map(**data)))
    assert about(checks, "no selector of").verdict.health is BAD


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (NETWORK_POLICY, "whether NetworkPolicies leave out port 15008 is not known"),
        (POD, "whether pods have sidecars is not known"),
        (POD, "whether pods are on the network of the node is not known"),
        (POD, "on which nodes its pods run is not known"),
        (PEER_AUTHENTICATION, "whether STRICT would refuse anybody is not known"),
        (CONFIGMAP, "what the CNI agent captures is not known"),
    ],
)
def test_what_could_not_be_read_is_unknown_with_the_reason(kind: Kind, said: str) -> None:
    objects = [] if kind == POD else [pod(), *SERVED[:2]]
    checks = joining(*objects, served=(), sources={Scope(kind): FORBIDDEN})
    check = about(checks, said)
    assert check.verdict.health is UNKNOWN
    assert DENIED in check.verdict.reason


@pytest.mark.parametrize("kind", [AUTHORIZATION_POLICY, SERVICE])
def test_policies_that_could_not_be_read_are_not_called_safe(kind: Kind) -> None:
    found = recorded("shop")
    found = replace(found, sources={**found.sources, Scope(kind): FORBIDDEN})
    checks = preflight.of(change(found, "shop", {"istio.io/use-waypoint": None}), found)
    assert healths(checks) == [UNKNOWN]
    assert DENIED in checks[0].verdict.reason


def test_policies_of_other_kinds_are_said_not_to_be_evaluated() -> None:
    found = recorded("shop")
    cilium = Kind("cilium.io", "ciliumnetworkpolicies", "CiliumNetworkPolicy")
    server = replace(found.server, kinds={**found.server.kinds, cilium: "v2"})
    found = replace(found, server=server)
    checks = preflight.of(change(found, "plain", AMBIENT), found)
    assert about(checks, "cilium.io").verdict.health is UNKNOWN


def gateway(traffic: str = "service", *, addresses: int = 1, admits: str = "Same") -> Raw:
    listener = {
        "name": "mesh",
        "port": 15008,
        "protocol": "HBONE",
        "allowedRoutes": {"namespaces": {"from": admits}},
    }
    return made(
        "Gateway",
        "wp",
        "infra",
        labels={"istio.io/waypoint-for": traffic},
        spec={"gatewayClassName": "istio-waypoint", "listeners": [listener]},
        status={"addresses": [{"value": "10.0.0.1"}] * addresses},
    )


READY = pod("wp-1", "infra", labels={"gateway.networking.k8s.io/gateway-name": "wp"})


@pytest.mark.parametrize(
    ("objects", "health", "said"),
    [
        ((), BAD, "does not exist"),
        ((gateway(admits="All", addresses=0), READY), BAD, "has no address"),
        ((gateway(), READY), BAD, "does not admit namespace shop"),
        ((gateway("workload", admits="All"), READY), BAD, "is for traffic to workload"),
        ((gateway("none", admits="All"), READY), BAD, "takes no traffic"),
        ((gateway(admits="All"),), BAD, "0 ready pods"),
        ((gateway(admits="All"), READY), OK, "waypoint infra/wp is ready"),
        ((gateway("all", admits="All"), READY), OK, "waypoint infra/wp is ready"),
    ],
)
def test_the_waypoint_that_is_named(objects: tuple[Raw, ...], health: Health, said: str) -> None:
    found = snapshot(made("Namespace", "shop"), *objects)
    labels = {"istio.io/use-waypoint": "wp", "istio.io/use-waypoint-namespace": "infra"}
    check = about(preflight.of(change(found, "shop", labels), found), said)
    assert check.verdict.health is health
    assert bool(check.remedy) == (health is BAD)


def test_a_waypoint_that_may_not_be_read_is_unknown() -> None:
    found = snapshot(made("Namespace", "shop"), sources={Scope(GATEWAY): FORBIDDEN})
    checks = preflight.of(change(found, "shop", {"istio.io/use-waypoint": "wp"}), found)
    assert DENIED in about(checks, "not known").verdict.reason
    assert healths(checks) == [UNKNOWN]


def test_joining_by_a_pod_template_looks_at_its_pods_alone() -> None:
    owner = {"kind": "StatefulSet", "name": "db", "controller": True}
    found = snapshot(
        made("Namespace", "shop"),
        *SERVED,
        pod("db-0", metadata={"ownerReferences": [owner]}),
        pod("agent", spec={"hostNetwork": True}),
    )
    before = {"metadata": {"name": "db", "namespace": "shop"}, "spec": {"template": {}}}
    template = {"metadata": {"labels": AMBIENT}}
    patch = {"spec": {"template": template}}
    kind = Kind("apps", "statefulsets", "StatefulSet")
    checks = preflight.of(
        Patch(title="", target=Ref(kind, "shop", "db"), before=before, patch=patch), found
    )
    assert healths(checks) == [OK] * 6
    other = Ref(DEPLOYMENT, "shop", "db")
    assert (
        preflight.of(Patch(title="", target=other, before=before, patch={"spec": {}}), found) == ()
    )


def test_every_pod_that_a_policy_is_for_is_named() -> None:
    owner = {"ownerReferences": [{"kind": "StatefulSet", "name": "db", "controller": True}]}
    closed = made("NetworkPolicy", "closed", "shop", spec={"podSelector": {}})
    checks = joining(pod("db-0", metadata=owner), pod("db-1", metadata=owner), pod("x"), closed)
    assert "for db-0, db-1, x" in about(checks, "15008").verdict.reason


@pytest.mark.parametrize("labels", [None, 3, [], {"istio.io/dataplane-mode": 7}])
def test_no_object_takes_it_down(labels: Any) -> None:
    odd = made("Namespace", "shop", metadata={"labels": labels})
    bare = {"kind": "Pod", "metadata": {"name": "x", "namespace": "shop", "labels": labels}}
    found = snapshot(odd, bare)
    preflight.of(change(found, "shop", AMBIENT), found)
