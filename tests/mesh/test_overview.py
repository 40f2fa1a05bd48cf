"""The cluster at a glance, on the recordings and where little or nothing can be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from meshtui.mesh import (
    certificates,
    coming_up,
    gateways,
    namespaces,
    overview,
    policy_rows,
    raw,
    routes,
    services,
    waypoint_rows,
    workloads,
    ztunnels,
)
from meshtui.mesh.doctor import rows
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import (
    CONFIGMAP,
    HTTP_ROUTE,
    NAMESPACE,
    NODE,
    PEER_AUTHENTICATION,
    POD,
    Kind,
)
from meshtui.mesh.mutes import parse
from meshtui.mesh.overview_items import Item, Place
from meshtui.mesh.snapshot import Phase, Problem, Scope, Snapshot, Source, Trouble
from tests import recordings
from tests.mesh import made
from tests.mesh.issuing import NOON, workload
from tests.mesh.test_certificates import MIDDLE, entry, mesh
from tests.mesh.test_components import ISTIOD, cluster, running

OF_PANE: dict[str, Callable[[Snapshot], Sequence[Any]]] = {
    "namespaces": namespaces.of,
    "workloads": workloads.of,
    "services": services.of,
    "ztunnels": ztunnels.of,
    "waypoints": waypoint_rows.of,
    "gateways": gateways.of,
    "routes": routes.of,
    "policies": policy_rows.of,
    "certificates": certificates.of,
    "findings": rows.of,
}


def section(snapshot: Snapshot, title: str) -> dict[str, Item]:
    (found,) = [each for each in overview.of(snapshot) if each.title == title]
    return {item.text: item for item in found.items}


def test_what_the_mesh_of_acme_is() -> None:
    found = section(recordings.snapshot("acme"), "MESH")
    assert found["trust domain"].value == "acmellc.local"
    assert found["mesh id"].value == "acmellc.local"
    assert found["unknown destinations"].value == "REGISTRY_ONLY"
    assert found["Kubernetes"].value == "v1.36.3"
    assert found["roots"].value.startswith("Acme LLC Root CA (1 ztunnel, 2 namespaces")
    assert found["roots"].verdict.health is Health.OK


def test_how_far_the_mesh_of_shop_reaches() -> None:
    found = section(recordings.snapshot("shop"), "ENROLLMENT")
    assert {name: item.share for name, item in found.items() if item.share} == {
        "batch": (1, 2),
        "shop": (7, 8),
        "payments": (3, 3),
    }
    assert found["legacy"].value == "sidecar"
    assert section(recordings.snapshot("shop"), "OUTSIDE")["plain"].value == "outside"
    assert [*found][:2] == ["batch", "shop"]  # the worst first
    assert found["batch"].verdict.health is Health.BAD


def test_the_worst_of_shop_leads_to_its_rows() -> None:
    """The ghost, the pod that was never captured, the one whose policy refuses everything, and the certificate that a
    listener lacks."""
    shop = recordings.snapshot("shop")
    found = {**section(shop, "PANES"), **section(shop, "WORST")}
    assert found["Workloads"].value.startswith("✗ 3")
    ghost = next(item for text, item in found.items() if text.startswith("shop/checkout"))
    assert ghost.jump is not None
    assert ghost.jump.pane == "workloads"
    assert found["absent"].jump is not None
    assert found["absent"].jump.pane == "certificates"
    assert found["Services"].value.startswith(
        "✗ 5  ! 2"
    )  # two that a gateway reaches past their waypoint
    assert found["Waypoints"].value.startswith("✗ 1")
    assert found["Routes"].value.startswith("✗ 4")
    assert found["HTTPRoute shop/no-grant"].jump == Place("routes", _uid("no-grant"))
    assert found["ztunnel of node-2"].verdict.health is Health.BAD


def test_what_is_muted_is_counted_and_is_not_among_the_worst() -> None:
    shop = recordings.snapshot("shop")
    [first] = [row for row in rows.of(shop) if row.finding.found.rule.code == "AMB-010"]
    mute = parse(first.finding.found.key, "7d it goes next week", shop.now)
    muted = replace(shop, muted={mute.finding: mute})
    before, after = section(shop, "PANES"), section(muted, "PANES")
    assert after["Findings"].value == f"{_one_less(before['Findings'].value)}  1 muted"
    assert "AMB-010" in section(shop, "WORST")
    assert "AMB-010" not in section(muted, "WORST")


def _one_less(counts: str) -> str:
    """ "✗ 7  ! 4" with one failure less."""
    mark, number, *rest = counts.split()
    return "  ".join([f"{mark} {int(number) - 1}", " ".join(rest)]).rstrip()


def test_what_belongs_to_namespaces_that_are_not_looked_at_is_left_out() -> None:
    found = {
        each.title: {item.text: item for item in each.items}
        for each in overview.of(recordings.snapshot("shop"), ("payments", "plain"))
    }
    assert set(found["ENROLLMENT"]) == {"payments"}
    assert set(found["OUTSIDE"]) == {"plain"}
    assert found["PANES"]["Namespaces"].value == "✓ 1"
    assert found["PANES"]["Workloads"].value == "✗ 1  ✓ 2"  # refunds, by payments/l7-at-ztunnel
    assert found["PANES"]["Ztunnels"].value.startswith("✗ 1")


def test_a_cluster_without_istio_says_so_and_nothing_is_unknown_of_it() -> None:
    scopes = {*overview.KINDS} - {PEER_AUTHENTICATION}
    sources = {
        each if isinstance(each, Scope) else Scope(each): Source(Phase.LIVE) for each in scopes
    }
    absent = {Scope(PEER_AUTHENTICATION): Source(Phase.ABSENT)}
    found = section(Snapshot(made.NOW, sources={**sources, **absent}), "MESH")
    assert set(found) == {"context", "server", "Kubernetes", "Istio"}
    assert found["Istio"].value == "not installed"
    live = {Scope(PEER_AUTHENTICATION): Source(Phase.LIVE)}
    found = section(Snapshot(made.NOW, sources={**sources, **live}), "MESH")
    assert found["trust domain"].value == "unknown"


def _uid(route: str) -> str:
    it = recordings.snapshot("shop").find(HTTP_ROUTE, "shop", route)
    return raw.uid(it or {})


def test_a_count_says_what_is_worst_there_and_never_none_of_what_is_not_read() -> None:
    shop = recordings.snapshot("shop")
    said = section(shop, "PANES")["Workloads"].verdict.reason
    assert said.startswith("batch/reports-864dfcf76c-htxkg: wanted by label")
    empty = replace(shop, objects={})
    assert section(empty, "PANES")["Workloads"].value == "none"
    without = replace(empty, sources={Scope(HTTP_ROUTE): Source(Phase.ABSENT)})
    assert section(without, "PANES")["Routes"].value == "none"
    reading = replace(empty, sources={Scope(POD): Source(Phase.LOADING)})
    assert section(reading, "PANES")["Workloads"].value == "unknown"
    assert section(reading, "PANES")["Workloads"].verdict.reason == "the pods are being read"


def test_every_place_is_there() -> None:
    for name in ("shop", "acme", "no-ca", "no-istiod"):
        snapshot = recordings.snapshot(name)
        keys = {pane: {row.key for row in of(snapshot)} for pane, of in OF_PANE.items()}
        for found in overview.of(snapshot):
            assert len({item.key for item in found.items}) == len(found.items)
            for item in found.items:
                if item.jump is not None and item.jump.key:
                    assert item.jump.key in keys[item.jump.pane], item


def test_a_health_is_the_same_here_and_in_its_pane() -> None:
    snapshot = recordings.snapshot("shop")
    health = {
        (pane, row.key): row.verdict.health for pane, of in OF_PANE.items() for row in of(snapshot)
    }
    for title in ("ENROLLMENT", "NODES", "COMING UP"):
        for item in section(snapshot, title).values():
            assert item.jump is not None
            assert item.verdict.health is health[item.jump.pane, item.jump.key]


def test_what_comes_up_next() -> None:
    found = section(recordings.snapshot("shop"), "COMING UP")
    assert [*found] == ["workload certificates", "*.acme.example", "cluster.local"]
    assert found["workload certificates"].when == datetime(2026, 11, 23, 0, 34, 59, tzinfo=UTC)
    gateway = found["*.acme.example"]
    assert (gateway.value, gateway.when) == (
        "expires",
        datetime(2026, 12, 12, 12, 34, 35, tzinfo=UTC),
    )


def test_what_is_late_comes_first() -> None:
    late = entry(workload(MIDDLE, "late", start=NOON - timedelta(hours=19)))
    fresh = entry(workload(MIDDLE, "fresh"))
    items = coming_up.of(mesh({"node-1": [fresh, late]}))
    assert items[0].text == "spiffe://acmellc.local/ns/shop/sa/late"
    assert items[0].verdict.health is Health.BAD
    assert items[1].text == "workload certificates"


def test_the_end_of_support_of_what_runs() -> None:
    snapshot = cluster(pods=[running("istiod", "pilot:1.30.3", ISTIOD)])
    found = {item.text: item for item in coming_up.of(snapshot)}
    assert found["Istio 1.30"].value == "out of support, about"
    assert found["Istio 1.30"].verdict.health is Health.OK
    after = replace(snapshot, now=snapshot.now + timedelta(days=60))
    assert coming_up.of(after)[0].verdict.health is Health.WARN


def test_nothing_read_is_unknown_and_never_well() -> None:
    """Before the first answer, and where all is refused."""
    refused = Problem(Trouble.FORBIDDEN, "oncall may not list it")
    needs = [each if isinstance(each, Scope) else Scope(each) for each in overview.KINDS]
    forbidden = dict.fromkeys(needs, Source(Phase.FORBIDDEN, problem=refused))
    for snapshot in (Snapshot(made.NOW), Snapshot(made.NOW, sources=forbidden)):
        for title in ("COMPONENTS", "APIS", "PANES"):
            assert {item.verdict.health for item in section(snapshot, title).values()} == {
                Health.UNKNOWN
            }
        assert section(snapshot, "MESH")["trust domain"].verdict.health is Health.UNKNOWN
        assert section(snapshot, "MESH")["roots"].verdict.health is Health.UNKNOWN
        assert section(snapshot, "MESH")["Kubernetes"].verdict.health is Health.UNKNOWN


def test_the_needs_are_each_asked_for_once() -> None:
    assert len(overview.KINDS) == len({*overview.KINDS})
    assert set(certificates.KINDS) < set(overview.KINDS)


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["metadata", "labels", "spec", "status", "data"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status", "data"]), odd))
def test_no_object_takes_it_down(it: dict[str, Any]) -> None:
    kinds: list[Kind] = [each.kind if isinstance(each, Scope) else each for each in overview.KINDS]
    assert {POD, NAMESPACE, NODE, CONFIGMAP} <= {*kinds}
    snapshot = Snapshot(made.NOW, objects={kind: {"x/y": it} for kind in kinds})
    assert overview.of(snapshot)
