"""The pane Waypoints, over the recorded mesh: what its README says of each waypoint, and what its files hold."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from meshtui.mesh.kinds import GATEWAY, NAMESPACE, POD
from meshtui.mesh.snapshot import Phase, Ref, Scope, Source
from tests.ui import situations
from tests.ui.looking import looking

SHOP = situations.shop()


async def test_each_waypoint_with_who_is_attached_and_who_names_it_in_vain() -> None:
    """`shop` has one that is programmed, `unused` serves nobody, and the one that `batch` names does not exist."""
    async with looking(SHOP, "waypoints") as at:
        assert [row[:11] for row in at.rows] == [
            ("✗", "batch", "nowhere", "–", "–", "missing", "–", "–", "1 ns, 2 svc", "–", "–"),
            ("!", "payments", "unused", "istio-waypoint", "all", "yes", "1/1", "orphan", "–", "10.96.58.59", "–"),
            ("✓", "shop", "waypoint", "istio-waypoint", "service", "yes", "1/1", "1 ns, 7 svc", "–", "10.96.133.73",
             "–"),
        ]  # fmt: skip
        assert "✗ 1  ! 1  3  ● live" in at.screen.splitlines()[1]


async def test_the_detail_names_who_is_attached_and_by_whose_label() -> None:
    async with looking(SHOP, "waypoints", (180, 48)) as at:
        await at.select("shop", "waypoint")
        lines = [line.split() for line in at.detail.splitlines()]
        assert ["Namespace", "shop", "itself"] in lines
        assert ["Service", "shop/reviews", "namespace"] in lines
        assert ["✓", "waypoint-59cb967f66-5dpw4", "1/1", "Running", "node-2"] in lines
        assert "traffic to service, by its own label" in at.detail
        await at.select("batch", "nowhere")
        lines = [line.split() for line in at.detail.splitlines()]
        assert ["Service", "batch/reports", "namespace", "✗", "missing"] in lines


async def test_enter_goes_to_its_services_and_u_to_the_namespaces_that_name_it() -> None:
    async with looking(SHOP, "waypoints") as at:
        await at.select("batch", "nowhere")
        await at.press("enter")
        assert at.pane.NAME == "services"
        assert [row[2] for row in at.rows] == ["opted-out", "reports"]
        await at.press("escape", "u")
        assert at.pane.NAME == "namespaces"
        assert [row[1] for row in at.rows] == ["batch"]
        await at.press("escape", "J")
        assert (at.pane.NAME, at.under_cursor[1]) == ("namespaces", "batch")


async def test_enter_goes_to_its_workloads_where_no_service_is_attached() -> None:
    waypoint, shop = SHOP.objects[GATEWAY]["shop/waypoint"], SHOP.objects[NAMESPACE]["shop"]
    labels = {**waypoint["metadata"]["labels"], "istio.io/waypoint-for": "workload"}
    for_pods = {**waypoint, "metadata": {**waypoint["metadata"], "labels": labels}}
    gateways = {**SHOP.objects[GATEWAY], "shop/waypoint": for_pods}
    namespaces = {"shop": shop}
    objects = {**SHOP.objects, GATEWAY: gateways, NAMESPACE: namespaces}
    pods_only = {kind: found for kind, found in objects.items() if kind.plural != "services"}
    async with looking(replace(SHOP, objects=pods_only), "waypoints") as at:
        await at.select("shop", "waypoint")
        assert at.under_cursor[7] == "1 ns, 8 wl"
        await at.press("enter")
        assert at.pane.NAME == "workloads"
        assert len(at.rows) == 8, "all but the waypoint itself"


async def test_keys_on_one_that_does_not_exist_say_why_not() -> None:
    async with looking(SHOP, "waypoints") as at:
        await at.select("batch", "nowhere")
        await at.press("d")
        assert "Gateway batch/nowhere does not exist" in at.read
        await at.press("escape", "y", "l", "!")
        assert "There is no single object behind this row." in at.read
        assert "There is no log behind this row." in at.read


async def test_y_and_l_are_of_the_gateway_and_of_its_pod() -> None:
    async with looking(SHOP, "waypoints") as at:
        await at.select("shop", "waypoint")
        await at.press("y")
        assert at.session.asked == [Ref(GATEWAY, "shop", "waypoint")]
        await at.press("escape", "l")
        assert "Log of shop/waypoint-59cb967f66-5dpw4" in at.screen


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (situations.refused(GATEWAY), ("✗ forbidden", situations.RBAC)),
        (Source(Phase.LOADING, 0), ("◌ Loading gateways: 0 so far.",)),
        (Source(Phase.LIVE), ("There are no waypoints, and nothing names one.",)),
    ],
)
async def test_no_rows_for_different_reasons(source: Source, words: tuple[str, ...]) -> None:
    objects = {POD: SHOP.objects[POD]}
    sources = {**SHOP.sources, Scope(GATEWAY): source}
    async with looking(replace(SHOP, objects=objects, sources=sources), "waypoints") as at:
        assert at.rows == []
        for each in words:
            assert each in at.screen


async def test_one_that_may_not_be_read_is_not_called_missing() -> None:
    async with looking(situations.limited(), "waypoints") as at:
        assert {(row[0], row[5], row[7], row[8]) for row in at.rows} == {
            ("?", "not known", "1 ns ?", "–")
        }
