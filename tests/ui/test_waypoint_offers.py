"""Waypoint offers: what the mesh menu offers of waypoints, and what each line asks for."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from meshtui.mesh.changes import Create
from meshtui.mesh.kinds import DEPLOYMENT, GATEWAY, NAMESPACE, SERVICE
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Phase, Ref, Scope, Snapshot, Source
from meshtui.ui import waypoint_offers
from meshtui.ui.exchange import Offer, Wish
from tests.mesh.made import made, snapshot
from tests.mesh.test_waypoints import gateway

SHOP, PLAIN = Ref(NAMESPACE, "", "shop"), Ref(NAMESPACE, "", "plain")
CART, WEB = Ref(SERVICE, "shop", "cart"), Ref(SERVICE, "shop", "web")
CURL = Ref(SERVICE, "plain", "curl")


def below(offers: Sequence[Offer], *titles: str) -> Sequence[Offer]:
    """The menu that is reached by these lines."""
    for title in titles:
        [found] = [each for each in offers if each.title == title]
        assert found.more is not None
        offers = found.more()
    return offers


def titles(offers: Sequence[Offer]) -> list[str]:
    return [each.title for each in offers]


def made_by(wish: Wish, found: Snapshot) -> Create:
    change = wish.build({}, found)
    assert isinstance(change, Create)
    return change


def with_revisions(*names: str) -> Snapshot:
    """A cluster with an istiod of each revision."""
    istiods: dict[str, Raw] = {}
    for each in names:
        labels = {"app": "istiod", "istio.io/rev": each}
        it = made("Deployment", f"istiod-{each}", "istio-system", labels=labels)
        istiods[f"istio-system/istiod-{each}"] = {**it, "spec": {"replicas": 1}}
    tag = made(
        "Service",
        "istiod-revision-tag-prod",
        "istio-system",
        labels={"istio.io/tag": "prod", "istio.io/rev": names[-1]},
    )
    found = snapshot(tag)
    live = {Scope(DEPLOYMENT): Source(Phase.LIVE)}
    objects = {**found.objects, DEPLOYMENT: istiods}
    return replace(found, objects=objects, sources={**found.sources, **live})


def test_what_is_offered() -> None:
    offers = waypoint_offers.of([SHOP], [], snapshot())
    making = ["create a waypoint and bind to it", "create a waypoint"]
    assert titles(offers) == ["set the waypoint", *making]
    offers = waypoint_offers.of([SHOP], [SHOP], snapshot())
    assert titles(offers) == ["set the waypoint", "clear the waypoint", *making]
    assert titles(below(offers, making[0])) == ["service", "all"]
    assert titles(below(offers, making[1])) == ["service", "all", "workload", "none"]


def test_the_waypoints_of_the_namespace_itself_come_first() -> None:
    found = snapshot(gateway("a", "edge"), gateway("z", "shop"))
    assert titles(below(waypoint_offers.of([CART], [], found), "set the waypoint")) == [
        "shop/z",
        "edge/a",
    ]


def test_one_is_made_for_each_namespace_and_bound_to_by_each_row_there() -> None:
    found = snapshot(gateway("waypoint", "plain"))
    offers = waypoint_offers.of([CART, WEB, CURL], [], found)
    [first, _] = below(offers, "create a waypoint and bind to it")
    assert [wish.target for wish in first.wishes] == [CART, CART, WEB, CURL, CURL]
    assert made_by(first.wishes[0], found).target == Ref(GATEWAY, "shop", "waypoint")
    assert made_by(first.wishes[3], found).target == Ref(GATEWAY, "plain", "waypoint-2")
    first = below(offers, "create a waypoint")[0]
    assert [wish.target for wish in first.wishes] == [CART, CURL]


def test_with_several_revisions_one_is_picked() -> None:
    found = with_revisions("default", "canary")
    offers = below(waypoint_offers.of([PLAIN], [], found), "create a waypoint", "workload")
    assert titles(offers) == ["the revision of its namespace", "default", "canary", "prod"]
    labels = [
        made_by(each.wishes[0], found).wanted["metadata"]["labels"].get("istio.io/rev")
        for each in offers
    ]
    assert labels == [None, "default", "canary", "prod"]
    alone = waypoint_offers.of([PLAIN], [], with_revisions("default"))
    assert below(alone, "create a waypoint")[0].wishes


def test_one_that_is_named_in_vain_is_made_under_its_name() -> None:
    offers = below([waypoint_offers.missing("batch", "nowhere", snapshot())], "create it")
    [wish] = offers[0].wishes
    assert wish.target == Ref(NAMESPACE, "", "batch")
    assert made_by(wish, snapshot()).target == Ref(GATEWAY, "batch", "nowhere")
