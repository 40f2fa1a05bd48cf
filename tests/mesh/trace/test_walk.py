"""The way from A to B in the recorded mesh `shop`: as its objects and dumps are (see the README of the recordings), and
as its log says of the calls that were made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from meshtui.mesh import scopes, views, ztunnel_probes
from meshtui.mesh.dumps import read_detail
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    ENDPOINT_SLICE,
    GATEWAY,
    NAMESPACE,
    NETWORK_POLICY,
    PEER_AUTHENTICATION,
    POD,
    SERVICE,
    SERVICE_ENTRY,
    Kind,
)
from meshtui.mesh.memo import Memo
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Answer, Phase, Problem, Scope, Snapshot, Source, Trouble
from meshtui.mesh.trace import walk
from meshtui.mesh.trace.ends import Question
from meshtui.mesh.trace.hops import Hop
from meshtui.mesh.trace.walk import Trace
from tests import recordings
from tests.anything import damaged

OK, BAD, UNKNOWN = Health.OK, Health.BAD, Health.UNKNOWN
CHECKOUT = "shop/pod/checkout-5f686c4cb7-v2nsk"
"""The pod of node-1, which is proxied."""


def read(name: str) -> Snapshot:
    """A recorded mesh of which all kinds were read, and of which there is nothing but what was recorded."""
    at = recordings.snapshot(name)
    live = {scope: Source(Phase.LIVE, 0, at.now) for scope in scopes.of(walk.KINDS, ())}
    return replace(at, sources={**live, **at.sources})


SHOP = read("shop")


def trace(a: str, b: str, known: Snapshot = SHOP, **told: Any) -> Trace:
    return walk.of(known, Question(a, b, **told))


def hop(found: Trace, title: str) -> Hop:
    """The first of that title."""
    return next(each for each in found.hops if each.title == title)


def changed(kind: Kind, *objects: Raw, at: Snapshot = SHOP) -> Snapshot:
    """The mesh with these objects of a kind in place of those of the same name."""
    found = dict(at.objects.get(kind, {}))
    for it in objects:
        where = it["metadata"].get("namespace")
        found[f"{where}/{it['metadata']['name']}" if where else it["metadata"]["name"]] = it
    return replace(at, objects={**at.objects, kind: found}, memo=Memo())


def without(kind: Kind, key: str, at: Snapshot = SHOP) -> Snapshot:
    left = {k: it for k, it in at.objects[kind].items() if k != key}
    return replace(at, objects={**at.objects, kind: left}, memo=Memo())


def test_the_call_that_was_answered_has_nothing_in_its_way() -> None:
    found = trace(CHECKOUT, "payments/ledger:80")
    assert found.headline is None
    assert {each.verdict.health for each in found.hops} == {OK}
    said = hop(found, "policies at the ztunnel")
    assert said.verdict.reason == "payments/allow-checkout rule 1 allows it"
    assert said.ref is not None
    assert (said.ref.kind, said.ref.key) == (AUTHORIZATION_POLICY, "payments/allow-checkout")


HEADLINES = [
    # A, B, the hop, and words of it
    # "allow policies exist, but none allowed"
    ("shop/storefront", "payments/ledger:80", "policies at the ztunnel", "none allows it"),
    # "explicitly denied by: istio-system/istio_converted_static_strict"
    ("plain/curl", "payments/ledger:80", "mTLS", "PeerAuthentication payments/default"),
    ("outside", "payments/ledger:8080", "mTLS", "takes none (mTLS is STRICT"),
    # the ghost of node-2, at either end
    ("shop/sa/checkout", "payments/ledger", "capture of A", "absent from workloadState"),
    ("shop/storefront", "shop/checkout", "capture of B", "checkout-5f686c4cb7-fz2sg: Kubernetes"),
    # a NetworkPolicy that leaves out 15008
    (CHECKOUT, "payments/refunds", "network policies", "payments/only-8080 lets no TCP 15008"),
    # a label that names a waypoint which does not exist; one pod was never captured
    (CHECKOUT, "batch/opted-out", "waypoint", "batch/nowhere does not exist"),
    ("shop/storefront", "batch/reports", "capture of B", "never captured by istio-cni-node-f9pk6"),
    # gateways
    ("outside", "https://shop.acme.example:8443/", "listener", "InvalidCertificateRef"),
    ("outside", "http://shop.other.example/", "listener", "no gateway listens for"),
    ("outside", "http://classic.acme.example/", "gateway", "0 of 0 pods"),
    (CHECKOUT, "shop/reviews:81", "name to endpoints", "Service shop/reviews has no port 81"),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b", "title", "words"), HEADLINES, ids=lambda each: str(each))
def test_the_headline_is_the_first_hop_that_is_broken(
    a: str, b: str, title: str, words: str
) -> None:
    found = trace(a, b)
    first = found.headline
    assert first is not None
    assert (first.title, first.verdict.health) == (title, BAD)
    assert words in first.verdict.reason
    assert first.step
    assert first.evidence


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("pay.acme.example", "no ReferenceGrant in payments"),
        ("gone.acme.example", "Service shop/no-such-service does not exist"),
        ("nobody.acme.example", "no route of listener https is for nobody.acme.example"),
    ],
)
def test_at_the_gateway_the_route_tells_where_a_request_goes(host: str, words: str) -> None:
    route = hop(trace("outside", f"https://{host}/"), "route")
    assert route.verdict.health is BAD
    assert words in route.verdict.reason


def test_through_a_gateway_every_backend_is_followed_by_its_weight() -> None:
    found = trace("outside", "https://shop.acme.example/cart")
    assert dict.fromkeys(each.about for each in found.hops if each.about) == dict.fromkeys(
        ("90% shop/storefront", "10% shop/storefront-next")
    )
    assert hop(found, "certificate").verdict.reason.startswith(
        "that of Secret edge/acme-tls is for"
    )
    assert "goes" not in hop(found, "waypoint").verdict.reason
    assert "go past shop/waypoint" in hop(found, "waypoint").verdict.reason
    # no load balancer gave it an address: a caller outside the cluster is not known to get there
    assert [each.title for each in found.hops if each.verdict.health is not OK] == ["gateway"]
    (caller,) = {
        seen.value for each in found.hops for seen in each.evidence if seen.field == "caller"
    }
    assert caller == "cluster.local/ns/edge/sa/public-istio"


def test_what_hangs_on_the_request_is_unknown_until_it_is_told() -> None:
    """By the HTTPRoute of reviews `end-user: jason` goes to v2, everybody else to v1."""
    untold = hop(trace("shop/storefront", "shop/reviews"), "route")
    assert {seen.field for seen in untold.evidence} == {"spec.rules[0]", "spec.rules[1]"}
    jason = hop(trace("shop/storefront", "shop/reviews", headers={"end-user": "jason"}), "route")
    assert "100% shop/reviews-v2" in jason.verdict.reason
    other = hop(trace("shop/storefront", "shop/reviews", headers={"end-user": "x"}), "route")
    assert (
        other.verdict.reason == "rule 2 of HTTPRoute shop/reviews sends it to 100% shop/reviews-v1"
    )


def test_who_answers_in_the_end_is_whom_the_route_sends_it_to() -> None:
    found = trace("shop/storefront", "shop/reviews", headers={"end-user": "jason"})
    for title in ("capture of B", "policies at the ztunnel", "endpoints"):
        said = " ".join(f"{seen.source} {seen.field}" for seen in hop(found, title).evidence)
        assert "reviews-v2" in said, title
        assert "reviews-v1" not in said, title
    asked = Question("plain/curl", "shop/reviews", None, None, {"end-user": "jason"})
    assert {each.pod for each in walk.probes(SHOP, asked)} == {"ztunnel-4rh2t", "ztunnel-gnq4h"}


def test_behind_a_waypoint_the_ztunnel_is_called_by_the_waypoint() -> None:
    found = hop(trace(CHECKOUT, "shop/reviews"), "policies at the ztunnel")
    (caller,) = {seen.value for seen in found.evidence if seen.field == "caller"}
    assert caller == "cluster.local/ns/shop/sa/waypoint"


@pytest.mark.parametrize(
    "called",
    ["http://ledger.payments/", "http://ledger.payments.svc.cluster.local/x", "ledger.payments:80"],
)
def test_host_names_stand_for_services(called: str) -> None:
    assert trace(CHECKOUT, called).called.startswith("Service payments/ledger:80")
    assert trace("shop/storefront", "http://reviews/").called.startswith("Service shop/reviews")


def test_addresses_stand_for_whose_they_are() -> None:
    """As the access lines of the recording have them: ledger by its cluster IP, a pod of refunds by its own."""
    assert trace(CHECKOUT, "10.96.38.93:80").called == "Service payments/ledger:80"
    assert trace(CHECKOUT, "10.244.0.22:8080").called == "Pod payments/refunds-6b6c7c499-nsrzq:8080"
    assert trace(CHECKOUT, "http://10.96.38.93/x").called == "Service payments/ledger:80"


def test_a_host_outside_is_followed_as_far_as_anything_is_known_of_it() -> None:
    found = trace(CHECKOUT, "https://api.other.example/")
    assert [each.title for each in found.hops] == [
        "capture of A", "name to endpoints", "beyond the mesh",
    ]  # fmt: skip
    assert hop(found, "beyond the mesh").verdict.health is UNKNOWN
    entry = {
        "metadata": {"name": "other", "namespace": "shop"},
        "spec": {"hosts": ["api.other.example"]},
    }
    known = changed(SERVICE_ENTRY, entry)
    found = trace(CHECKOUT, "api.other.example:443", known)
    assert hop(found, "name to endpoints").verdict.health is BAD, "its dump is from before that"
    shown = hop(found, "beyond the mesh").ref
    assert shown is not None
    assert shown.key == "shop/other"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("shop/nobody", "payments/ledger"),
        (CHECKOUT, "payments/nobody"),
        (CHECKOUT, "payments/ledger:0"),
        (CHECKOUT, "payments/ledger:http"),
        (CHECKOUT, "https://:99999/"),
        (CHECKOUT, "ftp://shop.acme.example"),
        ("", ""),
    ],
)
def test_names_that_are_nothing_are_said_to_be_that(a: str, b: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        trace(a, b)


def test_each_hop_names_what_decides_it_and_dumps_have_their_age() -> None:
    for a, b in [(a, b) for a, b, _, _ in HEADLINES] + [(CHECKOUT, "shop/catalog")]:
        for each in trace(a, b).hops:
            assert each.evidence, (a, b, each.title)
            for seen in each.evidence:
                if seen.source.startswith("config_dump") and "absent" not in seen.value:
                    assert seen.at == recordings.Recording("shop").read_at


def test_the_dumps_of_both_ends_are_asked_for_and_no_others() -> None:
    def asked(a: str, b: str) -> set[str]:
        found = walk.probes(SHOP, Question(a, b))
        assert all(each.read is read_detail for each in found)
        return {each.pod for each in found}

    assert asked(CHECKOUT, "payments/refunds") == {"ztunnel-4rh2t"}
    assert asked("outside", "shop/catalog") == {"ztunnel-gnq4h"}
    assert asked("outside", "https://shop.acme.example/") == {"ztunnel-4rh2t", "ztunnel-gnq4h"}
    assert asked("shop/nobody", "shop/catalog") == set()


def test_of_many_pods_those_that_are_worst_are_looked_at_and_it_says_so() -> None:
    it = SHOP.objects[POD]["shop/checkout-5f686c4cb7-v2nsk"]
    metadata = {
        **it["metadata"],
        "annotations": {},
        "labels": {**it["metadata"]["labels"], "istio.io/dataplane-mode": "none"},
    }
    more = [
        {**it, "metadata": {**metadata, "name": f"checkout-5f686c4cb7-a{n:02}"}} for n in range(20)
    ]
    found = trace("shop/checkout", "payments/ledger", changed(POD, *more))
    assert found.notes == (
        "8 of the 22 pods of Deployment shop/checkout are looked at, the worst first",
    )
    assert "checkout-5f686c4cb7-fz2sg" in hop(found, "capture of A").verdict.reason


# What cannot be seen is unknown


def test_without_dumps_the_hops_that_hang_on_them_are_unknown_and_none_is_ok_for_it() -> None:
    may_not = Problem(Trouble.FORBIDDEN, "jane may not create pods/portforward")
    blind = replace(SHOP, answers=dict.fromkeys(SHOP.answers, Answer(problem=may_not)), memo=Memo())
    found = trace(CHECKOUT, "payments/ledger:80", blind)
    unknown = {each.title for each in found.hops if each.verdict.health is UNKNOWN}
    assert unknown == {
        "capture of A", "capture of B", "name to endpoints", "mTLS", "policies at the ztunnel",
    }  # fmt: skip
    assert may_not.text in found.verdict.reason
    assert found.headline is not None
    assert found.headline.step
    # what is written refuses it all the same
    refused = trace("shop/storefront", "payments/ledger:80", blind)
    assert hop(refused, "policies at the ztunnel").verdict.health is BAD


@pytest.mark.parametrize(
    ("kind", "titles"),
    [
        (NETWORK_POLICY, {"network policies"}),
        (ENDPOINT_SLICE, {"endpoints"}),
        (
            NAMESPACE,
            {"capture of A", "capture of B", "waypoint", "policies at the waypoint", "route"},
        ),
    ],
    ids=["network-policies", "endpoints", "namespaces"],
)
def test_what_may_not_be_listed_is_unknown(kind: Kind, titles: set[str]) -> None:
    problem = Problem(Trouble.FORBIDDEN, f"you may not list {kind.plural}")
    blind = replace(
        SHOP,
        objects={**SHOP.objects, kind: {}},
        sources={**SHOP.sources, Scope(kind): Source(Phase.FORBIDDEN, problem=problem)},
        memo=Memo(),
    )
    found = trace(CHECKOUT, "shop/service/catalog", blind)
    not_ok = {each.title for each in found.hops if each.verdict.health is UNKNOWN}
    assert titles - {"capture of A", "capture of B"} <= not_ok
    assert all(each.verdict.health is not OK for each in found.hops if each.title in titles - {
        "capture of A", "capture of B"})  # fmt: skip


# Made meshes: what else is in the way


def policy(direction: str, *ports: int, peers: Sequence[Raw] = (), app: str = "catalog") -> Raw:
    field, of = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    rule: dict[str, Any] = {"ports": [{"port": port} for port in ports]}
    if peers:
        rule[of] = [*peers]
    spec = {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": [direction], field: [rule]}
    return {"metadata": {"name": "made", "namespace": "shop"}, "spec": spec}


SHOPS = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}
PLAIN = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "plain"}}}
NETWORK = [
    # the caller calls by the pod's address, so that no waypoint is between; policy, how it is
    (policy("Ingress", 15008), OK),
    (policy("Ingress", 9000), BAD),
    (policy("Ingress", 15008, peers=[SHOPS]), OK),
    (policy("Ingress", 15008, peers=[PLAIN]), BAD),
    (policy("Ingress", 15008, peers=[{"ipBlock": {"cidr": "10.244.0.0/16"}}]), OK),
    (policy("Ingress", 15008, peers=[{"ipBlock": {"cidr": "10.9.0.0/16"}}]), BAD),
    (policy("Egress", 15008, app="checkout"), OK),
    (policy("Egress", 9000, app="checkout"), BAD),
    (policy("Egress", 15008, peers=[{"podSelector": {"matchLabels": {"app": "catalog"}}}],
            app="checkout"), OK),
    (policy("Egress", 15008, peers=[{"podSelector": {"matchLabels": {"app": "other"}}}],
            app="checkout"), BAD),
]  # fmt: skip


@pytest.mark.parametrize(("it", "health"), NETWORK, ids=range(len(NETWORK)))
def test_network_policies_count_in_both_directions(it: Raw, health: Health) -> None:
    known = changed(NETWORK_POLICY, it)
    found = hop(trace(CHECKOUT, "shop/sa/catalog:9000", known), "network policies")
    assert found.verdict.health is health
    if health is BAD:
        assert found.ref is not None
        assert found.ref.key == "shop/made"


def test_to_a_pod_outside_the_mesh_the_port_of_the_application_counts() -> None:
    it = policy("Ingress", 15008, app="curl")
    it["metadata"]["namespace"] = "plain"
    found = hop(trace(CHECKOUT, "plain/curl:80", changed(NETWORK_POLICY, it)), "network policies")
    assert found.verdict.health is BAD
    assert "TCP 8080" in found.verdict.reason


def test_through_a_waypoint_its_pods_are_between() -> None:
    it = policy("Ingress", 8080, app="catalog")
    it["spec"]["podSelector"] = {
        "matchLabels": {"gateway.networking.k8s.io/gateway-name": "waypoint"}
    }
    found = hop(trace(CHECKOUT, "shop/catalog", changed(NETWORK_POLICY, it)), "network policies")
    assert found.verdict.health is BAD
    assert "into pod shop/waypoint-59cb967f66-5dpw4" in found.verdict.reason


def test_a_waypoint_without_ready_pods_fails_closed() -> None:
    key = "shop/waypoint-59cb967f66-5dpw4"
    pod = SHOP.objects[POD][key]
    conditions = [{"type": "Ready", "status": "False"}]
    down = {**pod, "status": {**pod["status"], "conditions": conditions}}
    found = hop(trace(CHECKOUT, "shop/catalog", changed(POD, down)), "waypoint")
    assert found.verdict.health is BAD
    assert "fails closed" in found.verdict.reason


def test_where_the_waypoint_is_gone_its_policies_are_not_enforced() -> None:
    found = trace(CHECKOUT, "shop/reviews", without(GATEWAY, "shop/waypoint"))
    assert "fails open" in hop(found, "waypoint").verdict.reason
    skipped = hop(found, "policies at the waypoint")
    assert skipped.verdict.health is BAD
    assert "shop/viewers not enforced" in skipped.verdict.reason
    assert "AncestorNotBound" in skipped.evidence[0].value


def test_a_ztunnel_that_was_told_otherwise_than_labels_say_is_the_cause() -> None:
    """The dump names shop/waypoint for reviews: were the label gone, the ztunnel of the caller would be behind."""
    shop = SHOP.objects[NAMESPACE]["shop"]
    labels = {k: v for k, v in shop["metadata"]["labels"].items() if "waypoint" not in k}
    bare = {**shop, "metadata": {**shop["metadata"], "labels": labels}}
    found = hop(trace(CHECKOUT, "shop/reviews", changed(NAMESPACE, bare)), "waypoint")
    assert found.verdict.health is BAD
    assert (
        "sends to shop/waypoint.shop.svc.cluster.local, and labels name none"
        in found.verdict.reason
    )


def test_a_service_that_the_callers_ztunnel_does_not_know_is_the_cause() -> None:
    made = {
        "metadata": {"name": "fresh", "namespace": "shop", "uid": "u"},
        "spec": {"ports": [{"port": 80}], "clusterIP": "10.96.1.1", "selector": {"app": "catalog"}},
    }
    found = hop(trace(CHECKOUT, "shop/fresh", changed(SERVICE, made)), "name to endpoints")
    assert found.verdict.health is BAD
    assert "does not know Service shop/fresh" in found.verdict.reason
    assert found.evidence[0].source == "config_dump of ztunnel-4rh2t"


def test_a_ztunnel_that_takes_a_captured_pod_for_one_outside_is_the_cause() -> None:
    probe = ztunnel_probes.detail("istio-system", "ztunnel-4rh2t")
    answer = SHOP.answers[probe]
    pod = "shop/catalog-f5bc4b466-csxch"
    workloads = {**answer.value.view.workloads}
    workloads[pod] = replace(workloads[pod], protocol="TCP")
    behind = replace(answer.value, view=replace(answer.value.view, workloads=workloads))
    known = replace(
        SHOP, answers={**SHOP.answers, probe: replace(answer, value=behind)}, memo=Memo()
    )
    for called in ("shop/service/catalog", "shop/sa/catalog:9000"):
        found = hop(trace(CHECKOUT, called, known), "name to endpoints")
        assert found.verdict.health is BAD
        assert f"takes {pod} for outside the mesh" in found.verdict.reason


def test_what_the_ztunnel_holds_decides_and_not_what_is_written() -> None:
    """The policy was taken away just now; the ztunnel of ledger enforces it still."""
    gone = without(AUTHORIZATION_POLICY, "payments/allow-checkout")
    found = hop(trace("shop/storefront", "payments/ledger:80", gone), "policies at the ztunnel")
    assert found.verdict.health is BAD


def test_without_a_certificate_no_call_is_made() -> None:
    """No certificate could be had in the recording `no-ca`, and every call between pods of the mesh failed."""
    found = trace("payments/sa/refunds", "shop/sa/reviews-v1:8080", read("no-ca"))
    assert hop(found, "mTLS").verdict.health is not OK
    every = [walk.of(read("no-ca"), Question(a, "payments/sa/ledger:8080"))
             for a in ("shop/sa/storefront", "shop/sa/checkout")]  # fmt: skip
    assert {hop(each, "mTLS").verdict.health for each in every} == {BAD}
    assert "nobody answers at the address of the CA" in hop(every[0], "mTLS").verdict.reason


def test_plain_text_is_taken_where_nothing_asks_for_more() -> None:
    """The log has curl's call to reviews-v1 as answered."""
    found = trace("plain/curl", "shop/sa/reviews-v1:8080")
    assert found.headline is None
    assert "plain text, which it takes" in hop(found, "mTLS").verdict.reason


def test_views_are_read_from_whatever_stands_in_a_dump() -> None:
    probe = ztunnel_probes.detail("istio-system", "ztunnel-4rh2t")
    view = SHOP.answers[probe].value.view
    ledger = view.service("payments", "ledger")
    assert ledger is not None
    assert {each.pod for each in ledger.endpoints} == {
        "payments/ledger-669657bc95-cvfm7",
        "payments/ledger-669657bc95-s5qqg",
    }
    assert view.workloads["payments/refunds-6b6c7c499-nsrzq"].policies == (
        "payments/l7-at-ztunnel",
        "istio-system/istio_converted_static_strict",
    )
    odd = views.of([{"uid": 3}], [{"endpoints": [], "ports": None, "vips": "x"}], [])
    assert odd.services[0].endpoints == ()


QUESTIONS = [
    ("shop/storefront", "payments/ledger:80"),
    (CHECKOUT, "shop/service/reviews:80"),
    ("outside", "https://shop.acme.example/cart"),
    ("plain/curl", "payments/sa/ledger:8080"),
]
DAMAGED = (
    AUTHORIZATION_POLICY, ENDPOINT_SLICE, GATEWAY, NAMESPACE, NETWORK_POLICY, PEER_AUTHENTICATION,
    POD, SERVICE, *(kind for kind in SHOP.objects if kind.plural in ("httproutes", "virtualservices")),
)  # fmt: skip


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_object_takes_it_down(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(DAMAGED))
    key = data.draw(st.sampled_from(sorted(SHOP.objects[kind])))
    it = data.draw(damaged(SHOP.objects[kind][key], times=3))
    known = replace(
        SHOP, objects={**SHOP.objects, kind: {**SHOP.objects[kind], key: it}}, memo=Memo()
    )
    for a, b in QUESTIONS:
        try:
            found = trace(a, b, known)
        except ValueError:
            continue
        assert {each.verdict.health for each in found.hops} <= {OK, UNKNOWN, BAD}
        walk.probes(known, Question(a, b))


DUMP = json.loads(recordings.Recording("shop").dump("node-1"))
SECTIONS = {
    "services": [each for each in DUMP["services"] if each["name"] in ("ledger", "reviews")],
    "workloads": [each for each in DUMP["workloads"] if each["namespace"] == "payments"],
    "policies": DUMP["policies"],
}


@given(damaged(SECTIONS, times=3))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_dump_takes_it_down(sections: dict[str, Any]) -> None:
    value = read_detail(json.dumps({**DUMP, "certificates": [], **sections}).encode())
    at = recordings.Recording("shop").read_at
    answers = {
        probe: Answer(value, at) if probe.read is read_detail else answer
        for probe, answer in SHOP.answers.items()
    }
    known = replace(SHOP, answers=answers, memo=Memo())
    for a, b in QUESTIONS:
        assert {each.verdict.health for each in trace(a, b, known).hops} <= {OK, UNKNOWN, BAD}
