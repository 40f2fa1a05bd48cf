"""Between parties of the recorded mesh `shop`, as its log says and its policies are written, and made ones."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from meshtui.mesh.kinds import AUTHORIZATION_POLICY, ENDPOINT_SLICE
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Phase, Problem, Scope, Snapshot, Source, Trouble
from meshtui.mesh.traffic import between, parties
from meshtui.mesh.traffic.between import Judgement
from meshtui.mesh.traffic.calls import Http
from meshtui.mesh.traffic.passage import Place
from meshtui.mesh.traffic.verdicts import Outcome
from tests import recordings
from tests.mesh.made import made, pod, snapshot


def judged(known: Snapshot, a: str, b: str, port: int | None, **http: Any) -> tuple[Judgement, ...]:
    source = parties.named(known, a, called=False)
    called = parties.named(known, b, called=True)
    return between.judge(known, source, called, port, Http(**http) if http else None)


@pytest.mark.parametrize(
    ("a", "b", "port", "outcome"),
    [
        # `storefront` was refused by `ledger`, and so was plain text under STRICT
        ("shop/storefront", "payments/ledger", 8080, Outcome.REFUSED),
        ("outside", "payments/ledger", 8080, Outcome.REFUSED),
        # `allow-checkout` lets one identity in, on one port; nobody said 9090
        ("shop/sa/checkout", "payments/ledger", 8080, Outcome.ALLOWED),
        ("shop/sa/checkout", "payments/ledger", 9090, Outcome.REFUSED),
        # the one rule of `l7-at-ztunnel` is about methods, so nobody may call
        ("shop/sa/checkout", "payments/refunds", 8080, Outcome.REFUSED),
    ],
)
def test_the_recorded_mesh(a: str, b: str, port: int, outcome: Outcome) -> None:
    found = judged(recordings.snapshot("shop"), a, b, port)
    assert between.outcome(found) is outcome


def test_the_matrix_of_ledger_has_one_caller() -> None:
    known = recordings.snapshot("shop")
    rows = between.callers(known, parties.named(known, "payments/ledger", called=True), 8080)
    assert [row.account for row in rows if row.outcome is Outcome.ALLOWED] == ["shop/checkout"]
    assert {"shop/storefront", "batch/reports", "outside"} <= {row.account for row in rows}


def test_the_matrix_of_a_caller_names_what_it_may_call() -> None:
    known = recordings.snapshot("shop")
    source = parties.named(known, "shop/storefront", called=False)
    outcomes = {row.account: row.outcome for row in between.callees(known, source)}
    assert outcomes["payments/ledger"] is Outcome.REFUSED  # whatever the port
    assert outcomes["shop/catalog"] is Outcome.ALLOWED
    checkout = parties.named(known, "shop/sa/checkout", called=False)
    outcomes = {row.account: row.outcome for row in between.callees(known, checkout)}
    assert outcomes["payments/ledger"] is Outcome.UNKNOWN  # on one port only


def test_without_the_policies_nothing_is_allowed() -> None:
    known = recordings.snapshot("shop")
    problem = Problem(Trouble.FORBIDDEN, "you may not list authorizationpolicies")
    forbidden = {Scope(AUTHORIZATION_POLICY): Source(Phase.FORBIDDEN, problem=problem)}
    blind = replace(
        known,
        objects={**known.objects, AUTHORIZATION_POLICY: {}},
        sources={**known.sources, **forbidden},
    )
    (found,) = judged(blind, "shop/storefront", "shop/catalog", 8080)
    assert (found.result.outcome, found.result.unread) == (Outcome.UNKNOWN, problem.text)
    (strict,) = judged(blind, "outside", "payments/ledger", 8080)
    assert strict.result.outcome is Outcome.REFUSED  # by what is known


AMBIENT = {"istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": "wp"}


def service(**port: Any) -> Raw:
    ports = [{"name": "http", "port": 80, "targetPort": "web", **port}]
    return made("Service", "cart", "shop", spec={"ports": ports, "clusterIP": "10.1.0.1"})


def mesh(*policies: Raw, **port: Any) -> Snapshot:
    """cart behind a waypoint, both of whom web calls."""
    redirected = {"ambient.istio.io/redirection": "enabled"}
    container = {"name": "app", "ports": [{"name": "web", "containerPort": 8080}]}
    endpoint = {"addresses": ["10.0.0.7"], "targetRef": {"kind": "Pod", "name": "cart"}}
    labels = {"gateway.networking.k8s.io/gateway-name": "wp"}
    return snapshot(
        made("Namespace", "shop", labels=AMBIENT),
        pod("web", annotations=redirected),
        pod("cart", annotations=redirected, labels={"app": "cart"}, spec={"containers": [container]}),
        pod("wp-1", labels=labels, spec={"serviceAccountName": "wp"}),
        made(
            "Gateway",
            "wp",
            "shop",
            spec={"gatewayClassName": "istio-waypoint"},
            status={"addresses": [{"type": "IPAddress", "value": "10.1.0.9"}]},
        ),
        service(**port),
        made(
            "EndpointSlice",
            "cart",
            "shop",
            labels={"kubernetes.io/service-name": "cart"},
            endpoints=[endpoint],
        ),
        *policies,
    )  # fmt: skip


def only(principal: str, **spec: Any) -> Raw:
    rule = {"from": [{"source": {"principals": [f"cluster.local/ns/shop/sa/{principal}"]}}]}
    return made("AuthorizationPolicy", "only", "shop", spec={"rules": [rule], **spec})


CART = {"selector": {"matchLabels": {"app": "cart"}}}


def test_behind_a_waypoint_the_ztunnel_takes_the_waypoint_for_the_caller() -> None:
    (found,) = judged(mesh(only("web", **CART)), "shop/web", "shop/service/cart", 80)
    waypoint, ztunnel = found.result.judged
    assert (waypoint.place, ztunnel.place) == (Place.WAYPOINT, Place.ZTUNNEL)
    assert ztunnel.principal == "cluster.local/ns/shop/sa/wp"
    assert found.result.outcome is Outcome.REFUSED
    assert found.result.decisive == ztunnel
    (direct,) = judged(mesh(only("web", **CART)), "shop/web", "shop/pod/cart", 8080)
    assert direct.result.outcome is Outcome.ALLOWED


def test_ports_are_the_services_at_its_waypoint_and_the_pods_at_the_ztunnel() -> None:
    def on(port: str, **spec: Any) -> Raw:
        rules = [{"to": [{"operation": {"ports": [port]}}]}]
        return made("AuthorizationPolicy", f"on-{port}", "shop", spec={"rules": rules, **spec})

    target = {"targetRefs": [{"group": "", "kind": "Service", "name": "cart"}]}
    (found,) = judged(
        mesh(on("80", **target), on("8080", **CART)), "shop/web", "shop/service/cart", 80
    )
    assert [each.decision.policy for each in found.result.judged] == ["shop/on-80", "shop/on-8080"]


def test_a_port_that_does_not_say_what_is_spoken_leaves_open_what_hangs_on_it() -> None:
    rules = [{"to": [{"operation": {"methods": ["GET"]}}]}]
    target = {"targetRefs": [{"group": "", "kind": "Service", "name": "cart"}]}
    policy = made("AuthorizationPolicy", "get", "shop", spec={"rules": rules, **target})
    (found,) = judged(mesh(policy, name="main"), "shop/web", "shop/service/cart", 80)
    assert found.result.outcome is Outcome.UNKNOWN
    assert "HTTP" in found.depends
    (tcp,) = judged(mesh(policy, name="tcp-main"), "shop/web", "shop/service/cart", 80)
    assert tcp.result.outcome is Outcome.REFUSED  # its rule is for no TCP connection
    (get,) = judged(mesh(policy), "shop/web", "shop/service/cart", 80, method="GET")
    assert get.result.outcome is Outcome.ALLOWED


def test_names_that_are_nothing_or_too_much_are_told() -> None:
    known = snapshot(made("Namespace", "a"), pod("web", "a"), pod("web", "b"))
    with pytest.raises(ValueError, match="may be Pod a/web or Pod b/web"):
        parties.named(known, "web", called=True)
    with pytest.raises(ValueError, match="there is no pod"):
        parties.named(known, "a/none", called=True)
    with pytest.raises(ValueError, match="is no name"):
        parties.named(known, "a/b/c/d", called=True)
    with pytest.raises(ValueError, match="no port 81"):
        judged(mesh(), "shop/web", "shop/service/cart", 81)


def test_a_service_that_nobody_answers_for_is_not_known() -> None:
    empty = replace(mesh(), objects={**mesh().objects, ENDPOINT_SLICE: {}})
    assert between.outcome(judged(empty, "shop/web", "shop/service/cart", 80)) is Outcome.UNKNOWN
