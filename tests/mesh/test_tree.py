"""The tree: the recorded mesh by what its objects say of each other, and small ones by istio-ambient.md, 2.2 to 2.4."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from meshtui.mesh import (
    gateways,
    raw,
    routes,
    services,
    tree,
    tree_nodes,
    tree_services,
    waypoint_rows,
    workloads,
    ztunnels,
)
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import (
    ENDPOINT_SLICE,
    GATEWAY,
    HTTP_ROUTE,
    ISTIO_GATEWAY,
    NAMESPACE,
    POD,
    REFERENCE_GRANT,
    SERVICE,
    VIRTUAL_SERVICE,
    Kind,
)
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Phase, Problem, Scope, Snapshot, Source, Trouble
from meshtui.mesh.tree import Focus
from meshtui.mesh.tree_nodes import Node, Part
from tests import recordings
from tests.anything import damaged
from tests.mesh.made import NOW, made, pod, snapshot
from tests.mesh.test_waypoints import USE, gateway, proxy

RECORDED = recordings.snapshot("shop")
NO_GRANTS = {Scope(REFERENCE_GRANT): Source(Phase.LIVE, 0, RECORDED.now)}
SHOP = replace(RECORDED, sources={**RECORDED.sources, **NO_GRANTS})
"""There were no ReferenceGrants."""
INGRESS = "istio.io/ingress-use-waypoint"
AMBIENT = {"istio.io/dataplane-mode": "ambient"}


def every(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from every(node.children)


def paths(nodes: Iterable[Node], above: tuple[Node, ...] = ()) -> Iterator[tuple[Node, ...]]:
    """From each root to each node without children."""
    for node in nodes:
        if node.children:
            yield from paths(node.children, (*above, node))
        else:
            yield (*above, node)


def lines(nodes: Iterable[Node], depth: int = 0) -> Iterator[str]:
    for node in nodes:
        yield f"{'  ' * depth}{node.called}"
        yield from lines(node.children, depth + 1)


def known(nodes: Iterable[Node]) -> list[Node]:
    """Without what tells of kinds that were not read."""
    return [node for node in nodes if node.part is not Part.OTHER]


def at(snapshot: Snapshot, part: Part, key: str) -> list[Node]:
    """The tree of what has that "namespace/name", or node of a ztunnel."""
    rows: dict[Part, Any] = {
        Part.GATEWAY: gateways.of,
        Part.ROUTE: routes.of,
        Part.SERVICE: services.of,
        Part.WAYPOINT: waypoint_rows.of,
        Part.POD: workloads.of,
        Part.ZTUNNEL: ztunnels.of,
    }
    found = [
        row.key
        for row in rows[part](snapshot)
        if key in (getattr(row, "node", ""), getattr(row, "waypoint", ""))
        or (row.ref is not None and row.ref.key == key)
    ]
    assert len(found) == 1, found
    return known(tree.of(snapshot, Focus(part, found[0])))


# The recording


def pods_behind(service: str) -> set[str]:
    """By the EndpointSlices."""
    return {
        raw.text(each, "targetRef", "name")
        for it in SHOP.raw(ENDPOINT_SLICE)
        if f"{raw.namespace(it)}/{raw.label(it, 'kubernetes.io/service-name')}" == service
        for each in raw.entries(it, "endpoints")
    }


def ztunnel_on(node: str) -> str:
    (found,) = (
        raw.name(it)
        for it in SHOP.raw(POD)
        if raw.label(it, "app") == "ztunnel" and raw.text(it, "spec", "nodeName") == node
    )
    return found


def test_from_the_gateway_to_the_ztunnels_that_serve_the_storefront() -> None:
    on = {raw.name(it): raw.text(it, "spec", "nodeName") for it in SHOP.raw(POD)}
    first, second = sorted(pods_behind("shop/storefront"), key=lambda each: on[each] == "node-1")
    assert [*lines(at(SHOP, Part.SERVICE, "shop/storefront"))][:9] == [
        "Gateway edge/public",
        "  listener https",
        "    HTTPRoute shop/storefront",
        "      Service shop/storefront",
        "        waypoint shop/waypoint",
        f"          Pod {first}",
        f"            ztunnel {ztunnel_on('node-2')}",
        f"          Pod {second}",
        f"            ztunnel {ztunnel_on('node-1')}",
    ]


def test_each_listener_has_as_many_routes_as_its_controller_counts() -> None:
    for it in SHOP.raw(GATEWAY):
        if raw.text(it, "spec", "gatewayClassName") != "istio":
            continue
        (root,) = at(SHOP, Part.GATEWAY, raw.key(it))
        shown = {
            each.name: len(each.children) for each in root.children if each.part is Part.LISTENER
        }
        counted = {
            raw.text(each, "name"): raw.number(each, "attachedRoutes")
            for each in raw.entries(it, "status", "listeners")
        }
        assert shown == counted


def test_a_route_that_the_gateway_refuses_stands_under_no_listener() -> None:
    (root,) = at(SHOP, Part.GATEWAY, "edge/public")
    refused = [each.called for each in root.children if each.part is Part.ROUTE]
    assert refused == ["HTTPRoute shop/wrong-host"]


def test_every_row_is_in_the_whole_with_the_health_that_its_pane_has() -> None:
    shown = {(node.part, node.row): node.verdict for node in every(tree.of(SHOP)) if node.row}
    for part, rows in (
        (Part.GATEWAY, gateways.of(SHOP)),
        (Part.ROUTE, routes.of(SHOP)),
        (Part.SERVICE, services.of(SHOP)),
        (Part.WAYPOINT, waypoint_rows.of(SHOP)),
    ):
        assert len(rows) > 1
        for row in rows:
            assert shown[part, row.key] == row.verdict
    for workload in workloads.of(SHOP):
        if (Part.POD, workload.key) in shown:
            assert shown[Part.POD, workload.key] == workload.verdict


def test_behind_each_service_are_the_pods_of_its_endpoint_slices() -> None:
    for key, branch in tree_services.of(SHOP).items():
        found = {each.name for each in every([branch.inside]) if each.part is Part.POD}
        assert found == {name for name in pods_behind(key) if name}


def test_each_pod_has_the_ztunnel_of_its_node_and_one_outside_the_mesh_none() -> None:
    on = {raw.uid(it): raw.text(it, "spec", "nodeName") for it in SHOP.raw(POD)}
    inside = {each.key for each in workloads.of(SHOP) if each.enrolled.wanted}
    found = [each for each in every(tree.of(SHOP)) if each.part is Part.POD]
    assert {each.row in inside for each in found} == {True, False}
    for each in found:
        names = [below.name for below in each.children]
        assert names == ([ztunnel_on(on[each.row])] if each.row in inside else [])


def test_weights_are_those_of_the_route() -> None:
    (root,) = at(SHOP, Part.ROUTE, "shop/storefront")
    notes = {each.name: each.note for each in every([root]) if each.part is Part.SERVICE}
    assert notes == {"shop/storefront": "90%", "shop/storefront-next": "10%"}


def test_a_backend_that_is_not_there_has_its_own_verdict_and_a_refused_one_says_so() -> None:
    gone = {
        (each.part, each.verdict.health, each.row)
        for each in every(at(SHOP, Part.ROUTE, "shop/broken-backend"))
        if each.name == "shop/no-such-service"
    }
    assert gone == {(Part.OTHER, Health.BAD, "")}
    (ledger,) = {
        each.note for each in every(at(SHOP, Part.ROUTE, "shop/no-grant"))
        if each.part is Part.SERVICE
    }  # fmt: skip
    assert ledger.startswith("no ReferenceGrant in payments lets")


def test_a_node_has_its_own_health_and_tells_the_worst_below_it() -> None:
    """The storefront is well; one of its pods is on the node whose ztunnel has lost a pod of another Service."""
    (service,) = {
        id(each): each
        for each in every(at(SHOP, Part.ROUTE, "shop/storefront"))
        if each.called == "Service shop/storefront"
    }.values()
    assert service.verdict.health is Health.OK
    assert service.health is service.below.health is Health.BAD
    assert service.below.reason.startswith(f"ztunnel {ztunnel_on('node-2')}: ")


@pytest.mark.parametrize(
    ("part", "key"),
    [
        (Part.GATEWAY, "edge/public"),
        (Part.GATEWAY, "edge/classic"),
        (Part.ROUTE, "shop/reviews"),
        (Part.SERVICE, "shop/reviews-v2"),
        (Part.WAYPOINT, "shop/waypoint"),
        (Part.WAYPOINT, "batch/nowhere"),
        (Part.WAYPOINT, "payments/unused"),
        (Part.ZTUNNEL, "node-1"),
    ],
)
def test_the_tree_of_one_thing_is_all_ways_through_it(part: Part, key: str) -> None:
    found, whole = at(SHOP, part, key), tree.of(SHOP)
    through = [path for path in paths(found) if not any(_is(each, part, key) for each in path)]
    assert found
    assert through == []

    def ways(nodes: Iterable[Node]) -> Counter[tuple[str, ...]]:
        return Counter(
            tuple(each.called for each in path if each.part is not Part.PODS)
            for path in paths(nodes)
            if any(_is(each, part, key) for each in path)
        )

    assert ways(found) >= ways(whole), "and none of them is left out"


def _is(node: Node, part: Part, key: str) -> bool:
    return node.part is part and key in (node.name, node.note.removeprefix("on "))


def test_every_pod_has_a_tree_also_one_that_no_service_leads_to() -> None:
    for each in workloads.of(SHOP):
        found = at(SHOP, Part.POD, each.ref.key)
        assert {path[-1].row or path[-2].row for path in paths(found)}
        assert any(node.row == each.key for node in every(found))
    (cni,) = at(SHOP, Part.POD, next(each.ref.key for each in workloads.of(SHOP)
                                     if "cni" in each.pod.name))  # fmt: skip
    assert cni.part is Part.POD


def test_of_a_namespace_is_what_is_in_it_with_what_leads_there() -> None:
    found = known(tree.of(SHOP, Focus(Part.NAMESPACE, "payments")))
    called = {each.called for each in every(found)}
    assert {"Gateway edge/public", "Service payments/ledger", "waypoint payments/unused"} <= called
    assert not any("shop/storefront" in each or "batch" in each for each in called)


def test_what_is_gone_has_no_tree() -> None:
    key = next(row.key for row in services.of(SHOP) if row.ref.key == "shop/storefront")
    left = {k: it for k, it in SHOP.objects[SERVICE].items() if k != "shop/storefront"}
    gone = replace(SHOP, objects={**SHOP.objects, SERVICE: left})
    assert tree.of(gone, Focus(Part.SERVICE, key)) == ()


def test_the_branch_of_an_unchanged_service_is_not_made_again() -> None:
    before = tree_services.of(SHOP)
    pods = dict(SHOP.objects[POD])
    (key,) = (each for each in pods if each.startswith("payments/refunds"))
    status = {**pods[key]["status"], "phase": "Failed"}
    pods[key] = {**pods[key], "status": status}
    after = tree_services.of(replace(SHOP, objects={**SHOP.objects, POD: pods}))
    assert after["payments/refunds"] is not before["payments/refunds"]
    assert after["plain/curl"] is before["plain/curl"]


# Small meshes


def service(name: str = "cart", **parts: Any) -> Raw:
    spec = {"clusterIP": "10.96.0.7", "selector": {"app": name}, "ports": [{"port": 80}]}
    return made("Service", name, "shop", spec=spec, **parts)


def answering(name: str, *pods: str, addresses: int = 0) -> Raw:
    found: list[dict[str, Any]] = [
        {"addresses": ["10.0.0.7"], "targetRef": {"kind": "Pod", "namespace": "shop", "name": each}}
        for each in pods
    ]
    found += [{"addresses": [f"192.0.2.{number}"]} for number in range(addresses)]
    label = {"kubernetes.io/service-name": name}
    return made("EndpointSlice", name, "shop", labels=label, endpoints=found)


AT_PUBLIC = {"name": "public", "namespace": "edge"}
HTTP = {"name": "http", "port": 80, "protocol": "HTTP"}


def public(*listeners: dict[str, Any], name: str = "public") -> Raw:
    open_to_all = {"allowedRoutes": {"namespaces": {"from": "All"}}}
    spec = {"listeners": [{**open_to_all, **each} for each in listeners or (HTTP,)]}
    return made("Gateway", name, "edge", spec={"gatewayClassName": "istio", **spec})


def route(
    name: str, *backends: str, parent: dict[str, Any] = AT_PUBLIC, kind: str = "HTTPRoute",
    accepted: str = "True", hosts: tuple[str, ...] = (),
) -> Raw:  # fmt: skip
    said = {
        "parentRef": parent,
        "controllerName": "istio.io/gateway-controller",
        "conditions": [{"type": "Accepted", "status": accepted, "reason": "Accepted"}],
    }
    rules = [{"backendRefs": [{"name": each, "port": 80} for each in backends]}]
    spec = {"parentRefs": [parent], "rules": rules, "hostnames": list(hosts)}
    return made(kind, name, "shop", spec=spec, status={"parents": [said]})


def of_service(name: str) -> dict[str, Any]:
    return {"group": "", "kind": "Service", "name": name}


def shop(**labels: str) -> Raw:
    return made("Namespace", "shop", labels=labels)


WAY = [
    public(), route("cart", "cart"), answering("cart", "cart-1"), pod("cart-1"), gateway(), proxy(),
    made("GatewayClass", "istio", spec={"controllerName": "istio.io/gateway-controller"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("of_namespace", "own", "past"),
    [
        ({}, {}, True),
        ({INGRESS: "true"}, {}, False),
        ({}, {INGRESS: "true"}, False),
        ({INGRESS: "true"}, {INGRESS: "false"}, True),
        ({INGRESS: "false"}, {INGRESS: "true"}, False),
        ({INGRESS: "maybe"}, {}, True),
    ],
)
def test_gateways_go_past_a_waypoint_unless_a_label_asks_for_it(
    of_namespace: dict[str, str], own: dict[str, str], past: bool
) -> None:
    objects = [*WAY, shop(**{USE: "waypoint", **of_namespace}), service(labels=own)]
    (root,) = at(snapshot(*objects), Part.SERVICE, "shop/cart")
    (waypoint,) = (each for each in every([root]) if each.part is Part.WAYPOINT)
    assert root.part is Part.GATEWAY
    assert waypoint.note.startswith("gateways go past it") is past


def test_without_a_gateway_nothing_is_said_of_gateways() -> None:
    found = snapshot(*WAY[2:], shop(**{USE: "waypoint"}), service())
    (root,) = at(found, Part.SERVICE, "shop/cart")
    (waypoint,) = root.children
    assert (waypoint.name, waypoint.note) == ("shop/waypoint", "1/1 pods")


@pytest.mark.parametrize("named", ["nowhere", "waypoint"])
def test_pods_stand_behind_a_waypoint_only_where_it_is_bound(named: str) -> None:
    """Else traffic to them goes direct."""
    (root,) = at(snapshot(*WAY[2:], shop(**{USE: named}), service()), Part.SERVICE, "shop/cart")
    assert [*lines([root])] == [
        "Service shop/cart",
        f"  waypoint shop/{named}",
        f"  {'  ' if named == 'waypoint' else ''}Pod cart-1",
    ]
    assert root.children[0].note == ("1/1 pods" if named == "waypoint" else "missing")


def test_a_service_that_a_route_leads_back_to_is_not_opened_again() -> None:
    """A decides the traffic of a and leads to b, B that of b and leads to a; and each to itself."""
    found = snapshot(
        service("a"), service("b"), route("for-a", "a", "b", parent=of_service("a")),
        route("for-b", "b", "a", parent=of_service("b")),
    )  # fmt: skip
    assert [*lines(known(tree.of(found)))] == [
        "Service shop/a",
        "  HTTPRoute shop/for-a",
        "    Service shop/a",
        "    Service shop/b",
        "Service shop/b",
        "  HTTPRoute shop/for-b",
        "    Service shop/b",
        "    Service shop/a",
    ]


def test_thirty_services_that_all_lead_to_each_other_are_a_small_tree() -> None:
    names = [f"s{number}" for number in range(30)]
    found = snapshot(
        *map(service, names),
        *(route(each, *names, parent=of_service(each)) for each in names),
    )
    assert len([*every(tree.of(found))]) == 30 * (1 + 1 + 30)


@pytest.mark.parametrize(
    ("listener", "kind", "hosts", "parent", "under"),
    [
        (HTTP, "HTTPRoute", (), AT_PUBLIC, True),
        (HTTP, "HTTPRoute", (), {**AT_PUBLIC, "sectionName": "http"}, True),
        (HTTP, "HTTPRoute", (), {**AT_PUBLIC, "sectionName": "other"}, False),
        (HTTP, "HTTPRoute", (), {**AT_PUBLIC, "port": 80}, True),
        (HTTP, "HTTPRoute", (), {**AT_PUBLIC, "port": 81}, False),
        ({**HTTP, "hostname": "*.a.example"}, "HTTPRoute", ("x.a.example",), AT_PUBLIC, True),
        ({**HTTP, "hostname": "*.a.example"}, "HTTPRoute", ("x.b.example",), AT_PUBLIC, False),
        (HTTP, "TCPRoute", (), AT_PUBLIC, False),
        ({**HTTP, "protocol": "TCP"}, "TCPRoute", (), AT_PUBLIC, True),
        ({**HTTP, "protocol": "TLS"}, "TLSRoute", (), AT_PUBLIC, True),
        ({**HTTP, "protocol": "TLS"}, "HTTPRoute", (), AT_PUBLIC, False),
        (
            {**HTTP, "allowedRoutes": {"namespaces": {"from": "Same"}}},
            *("HTTPRoute", (), AT_PUBLIC, False),
        ),
    ],
)
def test_a_route_stands_under_the_listeners_that_can_take_it(
    listener: dict[str, Any], kind: str, hosts: tuple[str, ...], parent: Any, under: bool
) -> None:
    made_route = route("cart", "cart", parent=parent, kind=kind, hosts=hosts)
    (root,) = at(snapshot(public(listener), made_route, service()), Part.GATEWAY, "edge/public")
    where = root.children[0] if under else root
    assert f"{kind} shop/cart" in [each.called for each in where.children]
    assert len([each for each in every([root]) if each.part is Part.ROUTE]) == 1


def in_the_mesh(name: str, node: str, **status: Any) -> Raw:
    annotated = {"ambient.istio.io/redirection": "enabled"}
    return pod(name, node=node, annotations=annotated, status=status)


def test_a_thousand_pods_take_a_few_lines_with_those_that_fail_first() -> None:
    names = [f"cart-{number:03}" for number in range(1000)]
    waiting = {"phase": "Pending", "conditions": [], "containerStatuses": []}
    pods = [
        pod(each, node=f"node-{index % 50}", status=waiting if index in (7, 500) else {})
        for index, each in enumerate(names)
    ]
    found = snapshot(shop(), service(), answering("cart", *names), *pods)
    (root,) = at(found, Part.SERVICE, "shop/cart")
    assert len(root.children) == tree_nodes.MOST
    first, second, third, *_, last = root.children
    assert {first.name, second.name} == {"cart-007", "cart-500"}
    assert first.verdict.health is Health.WARN
    assert (third.part, third.title) == (Part.PODS, "19 pods"), "on node-0, less the one"
    assert last.title == f"{1000 - 2 - 4 * 20 - 19} more pods"
    pods_shown = [each for each in every([root]) if each.part is Part.POD]
    assert {each.name for each in pods_shown} == set(names), "and none of them is lost"
    assert len(pods_shown) == 1000


def test_the_last_line_says_how_the_pods_are_that_it_holds() -> None:
    names = [f"cart-{number:02}" for number in range(40)]
    nodes = {name: f"node-{number}" for number, name in enumerate(names)}
    waiting = {"phase": "Pending", "conditions": [], "containerStatuses": []}
    ready = [pod(each, node=nodes[each]) for each in names[10:]]
    failing = [pod(each, node=nodes[each], status=waiting) for each in names[:10]]
    found = snapshot(shop(), service(), answering("cart", *names), *ready, *failing)
    (root,) = at(found, Part.SERVICE, "shop/cart")
    last = root.children[-1]
    assert last.title == "33 more pods"
    assert last.verdict.reason == "3 warning, 30 not applicable"
    assert last.verdict.health is last.health is Health.WARN


def test_a_pod_of_a_group_has_a_tree_of_its_own() -> None:
    names = [f"cart-{number}" for number in range(6)]
    found = snapshot(shop(), service(), answering("cart", *names), *map(pod, names))
    assert [*lines(at(found, Part.SERVICE, "shop/cart"))][1] == "  6 pods on node-1"
    assert [*lines(at(found, Part.POD, "shop/cart-3"))] == ["Service shop/cart", "  Pod cart-3"]


def test_a_node_without_a_ztunnel_says_so_behind_its_pods() -> None:
    found = snapshot(
        shop(**AMBIENT), service(), answering("cart", "cart-1"), in_the_mesh("cart-1", "node-1")
    )
    *_, last = every(at(found, Part.SERVICE, "shop/cart"))
    assert (last.part, last.called, last.note) == (Part.ZTUNNEL, "ztunnel none", "on node-1")
    assert last.verdict.health is Health.BAD


def test_a_ztunnel_that_was_not_read_is_unknown_behind_pods_that_are_too() -> None:
    ztunnel = pod("ztunnel-1", "istio-system", labels={"app": "ztunnel"})
    found = snapshot(
        *(shop(**AMBIENT), service(), answering("cart", "cart-1"), ztunnel),
        in_the_mesh("cart-1", "node-1"),
    )
    *_, last = every(at(found, Part.SERVICE, "shop/cart"))
    assert last.called == "ztunnel ztunnel-1"
    assert last.verdict.reason
    assert last.health is not Health.OK


def test_who_answers_and_is_no_pod_or_not_known_is_said() -> None:
    found = snapshot(shop(), service(), answering("cart", "cart-1", "cart-2", addresses=3))
    (root,) = at(found, Part.SERVICE, "shop/cart")
    assert [(each.name, each.verdict.health) for each in root.children] == [
        ("2 pods behind it", Health.UNKNOWN),
        ("3 addresses that are no pods", Health.NONE),
    ]


def test_a_waypoint_for_workloads_has_its_pods_under_it() -> None:
    own = pod("cart-1", labels={USE: "waypoint"})
    found = snapshot(shop(), gateway(traffic="workload"), proxy(), own)
    assert [*lines(at(found, Part.WAYPOINT, "shop/waypoint"))] == [
        "waypoint shop/waypoint",
        "  Pod cart-1",
    ]


def test_a_route_without_its_gateway_stands_by_itself() -> None:
    found = snapshot(route("cart", "cart"), service())
    assert [*lines(known(tree.of(found)))] == [
        "Service shop/cart",
        "HTTPRoute shop/cart",
        "  Service shop/cart",
    ]


# What is not known


def with_source(phase: Phase, *kinds: Kind, text: str = "") -> Snapshot:
    problem = Problem(Trouble.FORBIDDEN, text) if text else None
    return snapshot(
        shop(), service(), sources={Scope(each): Source(phase, problem=problem) for each in kinds}
    )


def test_kinds_that_are_not_known_come_first_and_say_why() -> None:
    found = tree.of(with_source(Phase.FORBIDDEN, GATEWAY, text="jane may not"))
    assert (found[0].name, found[0].verdict.health) == (
        "gateways.gateway.networking.k8s.io forbidden",
        Health.UNKNOWN,
    )
    assert found[0].verdict.reason == "jane may not"
    whole = tree.of(with_source(Phase.ABSENT, GATEWAY, HTTP_ROUTE))
    assert (whole[0].name, whole[0].verdict.health) == ("2 kinds not installed", Health.NONE)
    assert [each.name for each in whole[0].children] == [str(GATEWAY), str(HTTP_ROUTE)]
    loading = tree.of(with_source(Phase.LOADING, POD))
    assert loading[0].verdict.reason == "not all of them were read yet"


def test_what_is_kept_to_some_namespaces_is_not_called_all() -> None:
    found = snapshot(shop(), service())
    scoped = {scope: each for scope, each in found.sources.items() if scope.kind != SERVICE}
    kept = replace(found, sources={**scoped, Scope(SERVICE, "shop"): Source(Phase.LIVE, 1, NOW)})
    assert tree.of(kept)[0].name == "services only of the chosen namespaces"
    assert tree.of(found)[0].part is Part.SERVICE, "where all is read nothing is said"


# Any object


LOOKED_AT = (GATEWAY, ISTIO_GATEWAY, HTTP_ROUTE, VIRTUAL_SERVICE, SERVICE, ENDPOINT_SLICE, POD,
             NAMESPACE)  # fmt: skip


@pytest.mark.parametrize("kind", LOOKED_AT, ids=str)
@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_object_crashes_it(kind: Kind, data: st.DataObject) -> None:
    objects = dict(SHOP.objects[kind])
    for key in data.draw(st.lists(st.sampled_from([*objects]), min_size=1, max_size=3)):
        objects[key] = data.draw(damaged(objects[key], times=3))
    found = replace(SHOP, objects={**SHOP.objects, kind: objects})
    whole = tree.of(found)
    for node in every(whole):
        assert node.health.rank >= node.verdict.health.rank
    for row in services.of(found)[:3]:
        assert tree.of(found, Focus(Part.SERVICE, row.key))


WRONG = (None, "x", 7, [None], {"a": None})


@pytest.mark.parametrize("part", ["metadata", "spec", "status", "endpoints"])
@pytest.mark.parametrize("instead", WRONG, ids=repr)
def test_a_part_of_the_wrong_type_in_every_object(part: str, instead: Any) -> None:
    objects = {
        kind: {raw.key(it): it for it in ({**each, part: instead} for each in found.values())}
        for kind, found in SHOP.objects.items()
    }
    for node in every(tree.of(replace(SHOP, objects=objects))):
        assert node.health.rank >= node.verdict.health.rank
