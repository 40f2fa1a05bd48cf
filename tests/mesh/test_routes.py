"""Routes: what istiod wrote on the recorded ones and what its README says of them; the rules of istio-ambient.md, 8.3,
8.4 and 8.6, and of the Gateway API."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from meshtui.mesh import raw, reasons, route_specs, routes
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import (
    ENDPOINT_SLICE,
    GATEWAY,
    HTTP_ROUTE,
    ISTIO_GATEWAY,
    REFERENCE_GRANT,
    SERVICE,
    SERVICE_ENTRY,
    TCP_ROUTE,
    TLS_ROUTE,
    VIRTUAL_SERVICE,
    Kind,
)
from meshtui.mesh.raw import Raw
from meshtui.mesh.routes import Route
from meshtui.mesh.snapshot import Phase, Problem, Ref, Scope, Snapshot, Source, Trouble
from tests import recordings
from tests.anything import JSON, damaged
from tests.mesh.made import NOW, made, snapshot
from tests.ui import situations

SHOP = situations.shop()
PUBLIC = Ref(GATEWAY, "edge", "public")
REFUSED = Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, "you may not list them"))


def service(name: str = "cart", namespace: str = "shop", *ports: int, **spec: Any) -> Raw:
    exposed = [{"name": f"p{port}", "port": port} for port in ports or (80,)]
    return made("Service", name, namespace, spec={"ports": exposed, **spec})


def ready(name: str = "cart", namespace: str = "shop", *are_ready: bool) -> Raw:
    """The endpoints of a Service."""
    endpoints = [
        {"addresses": [f"10.0.0.{i}"], "conditions": {"ready": each}}
        for i, each in enumerate(are_ready or (True,))
    ]
    labels = {"kubernetes.io/service-name": name}
    return made("EndpointSlice", f"{name}-x", namespace, labels=labels, endpoints=endpoints)


def gateway(*listeners: dict[str, Any], name: str = "public", namespace: str = "edge") -> Raw:
    return made("Gateway", name, namespace, spec={"listeners": list(listeners)})


AT_PUBLIC = {"name": "public", "namespace": "edge"}
WELL = (("Accepted", "True", "Accepted", ""), ("ResolvedRefs", "True", "ResolvedRefs", ""))


def route(
    *backends: dict[str, Any],
    kind: str = "HTTPRoute",
    parents: tuple[dict[str, Any], ...] = (AT_PUBLIC,),
    said: tuple[tuple[str, str, str, str], ...] = WELL,
    hosts: tuple[str, ...] = (),
    age: float = 3600,
    **rule: Any,
) -> Raw:
    """A route in `shop` of which a controller says the same at each of its parents; nothing where it says nothing."""
    conditions = [
        {"type": of, "status": status, "reason": reason, "message": message}
        for of, status, reason, message in said
    ]
    judged = [
        {
            "parentRef": each,
            "controllerName": "istio.io/gateway-controller",
            "conditions": conditions,
        }
        for each in parents
    ]
    return made(
        kind,
        "cart",
        "shop",
        age=age,
        spec={
            "parentRefs": list(parents),
            "hostnames": list(hosts),
            "rules": [{"backendRefs": list(backends or ({"name": "cart", "port": 80},)), **rule}],
        },
        status={"parents": judged if said else []},
    )


def only(*objects: Raw, sources: dict[Scope, Source] | None = None) -> Route:
    (found,) = routes.of(snapshot(*objects, sources=sources))
    return found


BEHIND = (gateway({"name": "http", "port": 80}), service(), ready())


# The recording


def test_each_recorded_route_is_as_its_readme_says() -> None:
    found = {each.ref.name: each for each in routes.of(SHOP)}
    assert {name: each.verdict.health for name, each in found.items()} == {
        "broken-backend": Health.BAD,
        "catalog": Health.OK,
        "classic": Health.OK,
        "no-grant": Health.BAD,
        "reviews": Health.OK,
        "storefront": Health.OK,
        "wrong-host": Health.BAD,
    }
    assert "shop/no-such-service does not exist" in found["broken-backend"].verdict.reason
    assert "no ReferenceGrant in payments" in found["no-grant"].verdict.reason
    assert "takes shop.other.example" in found["wrong-host"].verdict.reason
    assert (
        "listener missing-cert does not allow namespace shop" in found["wrong-host"].verdict.reason
    )


def test_what_istiod_wrote_is_what_is_said_at_each_parent() -> None:
    for each in routes.of(SHOP):
        it = SHOP.find(each.ref.kind, each.ref.namespace, each.ref.name)
        told = [raw.conditions(one, "conditions") for one in raw.entries(it, "status", "parents")]
        if not told:
            assert each.kind == "VirtualService"
            continue
        for parent, conditions in zip(each.parents, told, strict=True):
            assert parent.controller == "istio.io/gateway-controller"
            for verdict, name in (
                (parent.accepted, "Accepted"),
                (parent.resolved, "ResolvedRefs"),
                (parent.waypoints, "ResolvedWaypoints"),
            ):
                wanted = Health.OK if conditions[name].status == "True" else Health.BAD
                assert verdict.health is wanted


def test_weights_matches_and_ready_endpoints_are_those_of_the_recording() -> None:
    found = {each.ref.name: each for each in routes.of(SHOP)}
    (rule,) = found["storefront"].rules
    assert [(b.ref.key, b.share, b.ready, b.total) for b in rule.backends] == [
        ("shop/storefront", 0.9, 2, 2),
        ("shop/storefront-next", 0.1, 1, 1),
    ]
    assert [each.matches for each in found["reviews"].rules] == [("header end-user is jason",), ()]
    assert found["catalog"].rules[0].matches == ("acme.Catalog/*",)
    assert found["storefront"].hosts == ("shop.acme.example",)


def test_the_routes_of_a_gateway_are_those_that_name_it() -> None:
    at = {each.ref.name: each.accepted_at(PUBLIC) for each in routes.at(SHOP, PUBLIC)}
    assert at == {"broken-backend": True, "no-grant": True, "storefront": True, "wrong-host": False}
    classic = routes.at(SHOP, Ref(ISTIO_GATEWAY, "edge", "classic"))
    assert [each.ref.key for each in classic] == ["legacy/classic"]
    assert not routes.at(SHOP, Ref(GATEWAY, "edge", "classic"))


def test_an_unchanged_route_is_not_derived_again() -> None:
    before = routes.of(SHOP)
    later = replace(SHOP, now=NOW.replace(hour=14))
    assert all(a is b for a, b in zip(before, routes.of(later), strict=True))


# Parents


@pytest.mark.parametrize(
    ("said", "health", "words"),
    [
        (("Accepted", "False", "NoMatchingParent", "x"), Health.BAD, "has no such listener"),
        (
            ("Accepted", "False", "NoMatchingListenerHostname", ""),
            Health.BAD,
            "takes its hostnames",
        ),
        (("Accepted", "False", "SomethingNew", "of 2027"), Health.BAD, "SomethingNew: of 2027"),
        (("Accepted", "Unknown", "Pending", ""), Health.UNKNOWN, "waits for a controller"),
        (("ResolvedRefs", "False", "InvalidKind", ""), Health.BAD, "not supported"),
    ],
)
def test_a_reason_is_told_in_plain_words(
    said: tuple[str, str, str, str], health: Health, words: str
) -> None:
    found = only(*BEHIND, route(said=(*(each for each in WELL if each[0] != said[0]), said)))
    assert found.verdict.health is health
    assert words in found.verdict.reason
    assert said[2] in found.verdict.reason


def test_resolved_waypoints_is_true_also_where_the_route_has_no_effect() -> None:
    """istio-ambient.md, 2.4: always True; the message tells."""
    message = "in ambient mode, route will not be respected"
    said = (*WELL, ("ResolvedWaypoints", "True", "ResolvedWaypoints", message))
    found = only(*BEHIND, route(said=said))
    assert (found.verdict.health, message in found.verdict.reason) == (Health.WARN, True)


def test_a_judgement_of_an_older_generation_tells_nothing() -> None:
    it = route()
    it["metadata"]["generation"] = 3
    for each in it["status"]["parents"][0]["conditions"]:
        each["observedGeneration"] = 2
    found = only(*BEHIND, it)
    assert found.verdict.health is Health.UNKNOWN
    assert "not judged since the last change" in found.verdict.reason


def test_a_route_that_nobody_judged_has_no_effect_once_it_is_not_new() -> None:
    assert only(*BEHIND, route(said=())).verdict.health is Health.BAD
    assert "has no effect" in only(*BEHIND, route(said=())).verdict.reason
    young = only(*BEHIND, route(said=(), age=5))
    assert (young.verdict.health, "just made" in young.verdict.reason) == (Health.UNKNOWN, True)


@pytest.mark.parametrize(
    ("source", "health", "words"),
    [
        (Source(Phase.LIVE), Health.BAD, "Gateway edge/public does not exist"),
        (REFUSED, Health.BAD, "no controller has said anything"),
    ],
)
def test_a_gateway_that_was_not_read_is_not_missing(
    source: Source, health: Health, words: str
) -> None:
    found = only(service(), ready(), route(said=()), sources={Scope(GATEWAY): source})
    assert found.verdict.health is health
    assert words in found.verdict.reason


def test_only_a_listener_with_a_hostname_is_blamed_for_a_hostname() -> None:
    """istio-ambient.md, 8.3: the mildest error may hide that no listener takes the hostname."""
    said = (("Accepted", "False", "NotAllowedByListeners", "namespace not allowed"),)
    named = {"name": "named", "hostname": "*.acme.example"}
    bare = gateway(named, {"name": "any"})
    other = only(bare, service(), ready(), route(said=said, hosts=("a.other.example",)))
    assert "no listener with a hostname takes a.other.example" in other.verdict.reason
    fits = only(bare, service(), ready(), route(said=said, hosts=("a.acme.example",)))
    assert "do not allow its namespace" in fits.verdict.reason


def test_istios_controller_is_heard_where_several_judge() -> None:
    it = route(said=(("Accepted", "False", "NoMatchingParent", ""),))
    theirs = {**it["status"]["parents"][0], "controllerName": "example.com/other"}
    ours = {**route()["status"]["parents"][0]}
    found = only(*BEHIND, {**it, "status": {"parents": [theirs, ours]}})
    assert found.verdict.health is Health.OK


@pytest.mark.parametrize(("namespace", "health"), [("shop", Health.OK), ("pay", Health.WARN)])
def test_a_route_of_another_namespace_than_its_service_is_no_waypoints(
    namespace: str, health: Health
) -> None:
    """istio-ambient.md, 8.4."""
    parent = {"group": "", "kind": "Service", "name": "own", "namespace": namespace}
    found = only(*BEHIND, service("own", namespace), route(parents=(parent,)))
    assert found.verdict.health is health
    assert health is Health.OK or "waypoints do not apply it" in found.verdict.reason


# Backends


@pytest.mark.parametrize(
    ("backend", "health", "words"),
    [
        ({"name": "cart", "port": 80}, Health.OK, ""),
        ({"name": "gone", "port": 80}, Health.BAD, "Service shop/gone does not exist"),
        ({"name": "cart", "port": 81}, Health.BAD, "has no port 81 (it has 80)"),
        ({"name": "empty", "port": 80}, Health.BAD, "shop/empty has no endpoints"),
        ({"name": "down", "port": 80}, Health.BAD, "none of the 2 endpoints of Service shop/down"),
        ({"name": "half", "port": 80}, Health.OK, ""),
        ({"name": "outside", "port": 80}, Health.NONE, "a name outside the cluster"),
        ({"name": "x", "kind": "InferencePool"}, Health.NONE, "not looked into"),
    ],
)
def test_a_backend_is_there_or_it_is_said_what_is_missing(
    backend: dict[str, Any], health: Health, words: str
) -> None:
    found = only(
        *BEHIND,
        service("empty"),
        service("down"),
        ready("down", "shop", False, False),
        service("half"),
        ready("half", "shop", True, False),
        service("outside", type="ExternalName"),
        route(backend),
    )
    (known,) = found.rules[0].backends
    assert known.verdict.health is health
    assert words in known.verdict.reason


def test_a_backend_without_weight_gets_nothing_and_may_be_down() -> None:
    weights = ({"name": "cart", "port": 80}, {"name": "down", "port": 80, "weight": 0})
    found = only(*BEHIND, service("down"), route(*weights))
    assert [each.share for each in found.rules[0].backends] == [1.0, 0.0]
    assert found.verdict.health is Health.OK


def test_weights_that_add_up_to_nothing_send_requests_nowhere() -> None:
    found = only(*BEHIND, route({"name": "cart", "port": 80, "weight": 0}))
    assert found.rules[0].backends[0].share is None
    assert "rule 1 sends requests nowhere" in found.verdict.reason


def test_a_redirect_needs_no_backend() -> None:
    it = route(filters=[{"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}])
    it["spec"]["rules"][0]["backendRefs"] = []
    found = only(*BEHIND, it)
    assert found.verdict.health is Health.OK
    assert found.rules[0].actions == ("redirects to https",)


GRANT = made(
    "ReferenceGrant",
    "from-shop",
    "pay",
    spec={
        "from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "shop"}],
        "to": [{"group": "", "kind": "Service"}],
    },
)


def with_grant(**changes: Any) -> Raw:
    return {**GRANT, "spec": {**GRANT["spec"], **changes}}


@pytest.mark.parametrize(
    ("grants", "kind", "permitted"),
    [
        ((), "HTTPRoute", False),
        ((GRANT,), "HTTPRoute", True),
        ((GRANT,), "TCPRoute", False),
        ((with_grant(to=[{"group": "", "kind": "Service", "name": "ledger"}]),), "HTTPRoute", True),
        ((with_grant(to=[{"group": "", "kind": "Service", "name": "x"}]),), "HTTPRoute", False),
        ((with_grant(to=[{"group": "", "kind": "Secret"}]),), "HTTPRoute", False),
        ((with_grant(**{"from": []}),), "HTTPRoute", False),
        (({**GRANT, "metadata": {"name": "g", "namespace": "shop"}},), "HTTPRoute", False),
    ],
)
def test_another_namespace_must_permit_it(
    grants: tuple[Raw, ...], kind: str, permitted: bool
) -> None:
    """The grant stands in the namespace of what is referred to, and names kind and namespace of what refers."""
    backend = {"name": "ledger", "namespace": "pay", "port": 80}
    there = (service("ledger", "pay"), ready("ledger", "pay"))
    found = only(*BEHIND, *there, *grants, route(backend, kind=kind))
    assert (found.verdict.health is Health.OK) is permitted
    assert permitted or f"no ReferenceGrant in pay lets {kind}s of shop" in found.verdict.reason


@pytest.mark.parametrize("kind", [SERVICE, ENDPOINT_SLICE, REFERENCE_GRANT])
def test_what_may_not_be_read_is_unknown_and_neither_well_nor_missing(kind: Kind) -> None:
    backend = {"name": "ledger", "namespace": "pay", "port": 80}
    there = [service("ledger", "pay"), ready("ledger", "pay"), GRANT]
    objects = [each for each in there if each["kind"] != kind.title]
    found = only(BEHIND[0], *objects, route(backend), sources={Scope(kind): REFUSED})
    assert found.verdict.health is Health.UNKNOWN
    assert found.verdict.reason == "you may not list them"


def test_a_cluster_without_reference_grants_grants_nothing() -> None:
    backend = {"name": "ledger", "namespace": "pay", "port": 80}
    absent = {Scope(REFERENCE_GRANT): Source(Phase.ABSENT)}
    found = only(
        *BEHIND, service("ledger", "pay"), ready("ledger", "pay"), route(backend), sources=absent
    )
    assert found.verdict.health is Health.BAD


# Versions


@pytest.mark.parametrize("kind", [TLS_ROUTE, TCP_ROUTE])
def test_an_older_version_that_a_cluster_serves_is_read(kind: Kind) -> None:
    """istio-ambient.md, 8.2: before they were v1, clusters served them as v1alpha2, and TLSRoute as v1alpha3 too."""
    assert "v1alpha2" in kind.versions
    it = {**route(kind=kind.title), "apiVersion": f"{kind.group}/v1alpha2"}
    found = only(*BEHIND, it)
    assert (found.kind, found.verdict.health) == (kind.title, Health.OK)


# VirtualService and Ingress


def virtual_service(**spec: Any) -> Raw:
    return made("VirtualService", "cart", "shop", spec={"hosts": ["cart.example"], **spec})


def to(*hosts: str, **weights: int) -> dict[str, Any]:
    return {"route": [{"destination": {"host": each}, **weights} for each in hosts]}


ISTIO = made(
    "Istio Gateway",
    "classic",
    "edge",
    spec={"servers": [{"hosts": ["shop/*.example"], "port": {"number": 80, "protocol": "HTTP"}}]},
)
ENTRY = made("ServiceEntry", "ext", "shop", spec={"hosts": ["api.partner.com", "*.wild.com"]})


@pytest.mark.parametrize(
    ("host", "key", "health"),
    [
        ("cart", "shop/cart", Health.OK),
        ("cart.shop.svc.cluster.local", "shop/cart", Health.OK),
        ("gone", "shop/gone", Health.BAD),
        ("cart.pay.svc.acme.internal", "pay/cart", Health.BAD),
        ("api.partner.com", "api.partner.com", Health.OK),
        ("a.wild.com", "a.wild.com", Health.OK),
        ("cart.shop", "cart.shop", Health.BAD),
        ("nobody.com", "nobody.com", Health.BAD),
    ],
)
def test_a_destination_is_a_service_or_the_host_of_a_service_entry(
    host: str, key: str, health: Health
) -> None:
    """Istio completes a name without dots alone: "cart.shop" is no Service."""
    found = only(
        ISTIO, ENTRY, *BEHIND[1:], virtual_service(gateways=["edge/classic"], http=[to(host)])
    )
    (backend,) = found.rules[0].backends
    assert (backend.ref.key, backend.verdict.health) == (key, health)


@pytest.mark.parametrize(
    ("spec", "health", "words"),
    [
        ({"gateways": ["edge/classic"]}, Health.OK, ""),
        ({"gateways": ["edge/gone"]}, Health.BAD, "Istio Gateway edge/gone does not exist"),
        ({"gateways": ["classic"]}, Health.BAD, "Istio Gateway shop/classic does not exist"),
        ({"gateways": ["edge/classic"], "hosts": ["a.other"]}, Health.BAD, "takes a.other"),
        ({"gateways": ["edge/classic"], "hosts": ["a.other", "b.example"]}, Health.WARN, "a.other"),
        ({}, Health.NONE, "ztunnels do not apply it"),
        ({"gateways": ["mesh"]}, Health.NONE, "ztunnels do not apply it"),
    ],
)
def test_a_virtual_service_is_judged_by_what_it_names(
    spec: dict[str, Any], health: Health, words: str
) -> None:
    found = only(ISTIO, *BEHIND[1:], virtual_service(http=[to("cart")], **spec))
    assert found.verdict.health is health
    assert words in found.verdict.reason


def test_the_only_destination_of_a_virtual_service_needs_no_weight() -> None:
    one = only(ISTIO, *BEHIND[1:], virtual_service(http=[to("cart")]))
    assert [each.share for each in one.rules[0].backends] == [1.0]
    split = [
        {"destination": {"host": "cart"}, "weight": 75},
        {"destination": {"host": "x"}, "weight": 25},
    ]
    two = only(ISTIO, *BEHIND[1:], virtual_service(http=[{"route": split}]))
    assert [each.share for each in two.rules[0].backends] == [0.75, 0.25]


@pytest.mark.parametrize(
    ("classes", "named", "health"),
    [
        (("istio.io/ingress-controller",), "mesh", Health.OK),
        (("k8s.io/ingress-nginx",), "mesh", Health.NONE),
        ((), "istio", Health.OK),
        ((), "", Health.WARN),
    ],
)
def test_an_ingress_is_istios_by_its_class(
    classes: tuple[str, ...], named: str, health: Health
) -> None:
    """istio-ambient.md, 8.6."""
    objects = [made("IngressClass", "mesh", spec={"controller": each}) for each in classes]
    path = {"path": "/", "pathType": "Prefix", "backend": _named_port("cart", "p80")}
    spec = {
        "ingressClassName": named,
        "rules": [{"host": "a.example", "http": {"paths": [path]}}],
    }
    found = only(*objects, *BEHIND[1:], made("Ingress", "cart", "shop", spec=spec))
    assert found.verdict.health is health
    assert found.hosts == ("a.example",)
    assert found.rules[0].backends[0].verdict.health is Health.OK


def _named_port(service_name: str, port: str) -> dict[str, Any]:
    return {"service": {"name": service_name, "port": {"name": port}}}


# Hostile input


@given(st.sampled_from(route_specs.KINDS), JSON, JSON, JSON)
@settings(deadline=None, derandomize=True)
def test_no_object_crashes_it(kind: Kind, spec: Any, status: Any, metadata: Any) -> None:
    it = {"metadata": metadata, "spec": spec, "status": status}
    kinds = (GATEWAY, ISTIO_GATEWAY, SERVICE, ENDPOINT_SLICE, SERVICE_ENTRY, REFERENCE_GRANT)
    around: dict[Kind, dict[str, Raw]] = {
        each: {"shop/cart": it, "edge/public": it} for each in kinds
    }
    routes.of(Snapshot(NOW, objects={**around, kind: {"shop/cart": it}}))


_RECORDED = [
    (kind, it)
    for kind in (HTTP_ROUTE, VIRTUAL_SERVICE)
    for it in recordings.snapshot("shop").raw(kind)
]


@given(
    st.sampled_from(_RECORDED).flatmap(lambda each: st.tuples(st.just(each[0]), damaged(each[1])))
)
@settings(deadline=None, derandomize=True)
def test_no_damaged_route_crashes_it(damage: tuple[Kind, Any]) -> None:
    kind, it = damage
    routes.of(
        Snapshot(NOW, objects={**SHOP.objects, kind: {"shop/cart": it}}, sources=SHOP.sources)
    )


def test_every_reason_in_the_words_table_is_told_with_itself() -> None:
    for reason in reasons.known():
        condition = raw.Condition("Accepted", "False", reason, "", None, 0)
        assert reasons.verdict(condition).reason.endswith(f"({reason})")
