"""The tree over the panes: opened from each, walked, folded, left for a row, and live."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from meshtui.mesh import named_secrets, raw, services, ztunnel_probes
from meshtui.mesh.kinds import ENDPOINT_SLICE, POD, SERVICE, Kind
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Snapshot
from meshtui.mesh.tree_nodes import Part
from meshtui.ui.branches import Place
from meshtui.ui.reader import Yaml
from meshtui.ui.tree import TreeScreen
from tests.mesh.made import made, pod
from tests.ui import situations
from tests.ui.key_table import told
from tests.ui.looking import Looking, looking
from tests.ui.test_hostile import MATTERS, POISON, clean, poisoned_mesh

SHOP = situations.shop()
STOREFRONT = "storefront-79968d5cff-jbfb7"
GHOST = "checkout-5f686c4cb7-fz2sg"


def screen(at: Looking) -> TreeScreen:
    found = at.app.screen
    assert isinstance(found, TreeScreen)
    return found


async def opened(at: Looking, *words: str, argument: str = "") -> None:
    """Opens the tree of a row."""
    if words:
        await at.select(*words)
    await at.type(f":tree{argument}\r")
    await at.until(lambda: screen(at)._snapshot is at.app.snapshot)


def place(at: Looking) -> Place:
    found = screen(at).branches.place
    assert found is not None
    return found


def called(at: Looking) -> str:
    """What is under the cursor."""
    return place(at).node.called


def tree(at: Looking) -> list[str]:
    """The lines of the tree, without the words of its health."""
    return [re.split(r"(?<=\S)  ", line[2:])[0] for line in screen(at).branches.text().splitlines()]


def without(kind: Kind, name: str) -> Snapshot:
    left = {key: it for key, it in SHOP.objects[kind].items() if name not in key}
    return replace(SHOP, objects={**SHOP.objects, kind: left})


OPENED = [
    # pane, a word of the row, what is under the cursor, what stands on top
    ("namespaces", "payments", "Service payments/ledger", "▾ Gateway edge/public"),
    ("workloads", GHOST, f"Pod {GHOST}", "▾ Service shop/checkout"),
    ("services", "storefront", "Service shop/storefront", "▾ Gateway edge/public"),
    ("services", "checkout", "Service shop/checkout", "▾ Service shop/checkout"),
    ("ztunnels", "node-2", "ztunnel ztunnel-gnq4h", "▾ Gateway edge/public"),
    ("waypoints", "nowhere", "waypoint batch/nowhere", "▾ Service batch/opted-out"),
    ("waypoints", "unused", "waypoint payments/unused", "─ waypoint payments/unused"),
    ("gateways", "public", "Gateway edge/public", "▾ Gateway edge/public"),
    ("routes", "classic", "VirtualService legacy/classic", "▾ Istio Gateway edge/classic"),
]


@pytest.mark.parametrize(("pane", "row", "under", "top"), OPENED, ids=lambda each: each)
async def test_it_opens_on_the_row_under_the_cursor(
    pane: str, row: str, under: str, top: str
) -> None:
    async with looking(SHOP, pane) as at:
        await opened(at, row)
        assert called(at) == under
        assert tree(at)[0] == top
        assert at.screen.splitlines()[0].endswith("● live")
        await at.press("escape")
        assert len(at.app.screen_stack) == 1
        assert pane == at.pane.NAME


@pytest.mark.parametrize(("pane", "argument"), [("cluster", ""), ("services", " all")])
async def test_without_such_a_row_or_where_all_is_asked_for_it_is_of_everything(
    pane: str, argument: str
) -> None:
    async with looking(SHOP, pane) as at:
        await opened(at, argument=argument)
        assert "Tree · everything" in at.screen
        roots = [line for line in tree(at) if line[0] in "▾▸─"]
        assert roots[:2] == ["▾ Istio Gateway edge/classic", "▾ Gateway edge/public"]
        assert "▾ Service plain/curl" in roots


async def test_each_line_has_its_mark_and_its_word_and_the_last_line_says_why() -> None:
    async with looking(SHOP, "services", (80, 24)) as at:
        await opened(at, "storefront")
        lines = at.screen.splitlines()
        assert lines[1].split() == ["✗", "▾", "Gateway", "edge/public", "1/1", "pods", "failing"]
        assert lines[4].split() == ["✓", "│", "└▾", "Service", "shop/storefront", "90%", "ok"]
        assert " ✓ 2 of 2 endpoints ready, in the mesh" in lines[-2]
        await at.press("j")
        assert "  gateways go past it: no label istio.io/ingress-use-waypoint=true" in at.screen


async def test_what_stands_twice_is_closed_the_second_time_and_shows_the_worst_below() -> None:
    async with looking(SHOP, "services", (200, 30)) as at:
        await opened(at, "storefront")
        await at.press("G")
        assert called(at) == "Service shop/storefront"
        assert not place(at).opened
        shown = at.screen.splitlines()[len(tree(at))]
        assert shown.startswith(" ✗   └▸ Service shop/storefront")
        assert "failing  under it: ztunnel ztunnel-gnq4h: " in shown
        assert "✓ 2 of 2 endpoints ready" in at.screen.splitlines()[-3], "its own"
        await at.press("right")
        assert tree(at)[-1].endswith("ztunnel ztunnel-4rh2t")
        assert screen(at).branches.place is not None
        assert "ok       2 of 2" in at.screen.splitlines()[len(tree(at)) - 5]


WALK = [
    # key, what is under the cursor then, and how many lines there are
    ("g", "Gateway edge/public", 11),
    ("k", "Gateway edge/public", 11),
    ("j", "listener https", 11),
    ("space", "listener https", 4),
    ("space", "listener https", 11),
    ("down", "HTTPRoute shop/storefront", 11),
    ("left", "HTTPRoute shop/storefront", 5),
    ("left", "listener https", 5),
    ("l", "listener https", 5),
    ("right", "HTTPRoute shop/storefront", 5),
    ("right", "HTTPRoute shop/storefront", 11),
    ("right", "Service shop/storefront", 11),
    ("up", "HTTPRoute shop/storefront", 11),
    ("G", "Service shop/storefront", 11),
    ("home", "Gateway edge/public", 11),
    ("end", "Service shop/storefront", 11),
    ("pageup", "Gateway edge/public", 11),
    ("ctrl+f", "Service shop/storefront", 11),
    ("ctrl+b", "Gateway edge/public", 11),
    ("pagedown", "Service shop/storefront", 11),
]


async def test_keys_walk_it_and_fold_it() -> None:
    async with looking(SHOP, "services", (100, 30)) as at:
        await opened(at, "storefront")
        for number, (key, under, lines) in enumerate(WALK):
            await at.press(key)
            assert (called(at), len(tree(at))) == (under, lines), (number, key)


async def test_paging_keeps_the_cursor_in_view() -> None:
    async with looking(SHOP, "cluster", (80, 12)) as at:
        await opened(at)
        for key in ("pagedown", "pagedown", "j", "G", "pageup", "k", "g"):
            await at.press(key)
            assert place(at).node.name in at.screen, key


JUMPS = [
    (Part.GATEWAY, "gateways", "public"),
    (Part.LISTENER, "gateways", "public"),
    (Part.ROUTE, "routes", "storefront"),
    (Part.SERVICE, "services", "storefront"),
    (Part.WAYPOINT, "waypoints", "waypoint"),
    (Part.POD, "workloads", STOREFRONT),
    (Part.ZTUNNEL, "ztunnels", "ztunnel-gnq4h"),
]


@pytest.mark.parametrize(("part", "pane", "name"), JUMPS, ids=lambda each: str(each))
async def test_enter_goes_to_the_row_and_escape_comes_back(
    part: Part, pane: str, name: str
) -> None:
    async with looking(SHOP, "services") as at:
        await opened(at, "storefront")
        await at.press("g")
        while place(at).node.part is not part:
            await at.press("j")
        await at.press("enter")
        assert len(at.app.screen_stack) == 1
        assert pane == at.pane.NAME
        assert name in at.under_cursor
        await at.press("escape")
        assert at.pane.NAME == "services"
        assert "storefront" in at.under_cursor


async def test_what_has_no_row_says_so() -> None:
    async with looking(SHOP, "routes") as at:
        await opened(at, "broken-backend")
        await at.press("j")
        assert called(at) == "Service shop/no-such-service"
        await at.press("enter")
        assert told(at) == "No pane has a row for this line."
        await at.press("y")
        assert told(at) == "There is no single object behind this line."
        assert isinstance(at.app.screen, TreeScreen)


async def test_y_reads_the_object_and_c_copies_what_is_open() -> None:
    async with looking(SHOP, "services", (80, 24)) as at:
        await opened(at, "storefront")
        await at.press("y")
        assert isinstance(at.app.screen, Yaml)
        assert [ref.key for ref in at.session.asked] == ["shop/storefront"]
        await at.press("escape", "c")
        assert isinstance(at.app.screen, TreeScreen)
        copied = at.app.clipboard.splitlines()
        assert len(copied) == 11
        assert copied[3] == (
            "✓ │   └▾ Service shop/storefront  90%  ok: 2 of 2 endpoints ready, in the mesh"
        )


async def test_a_search_moves_the_cursor() -> None:
    async with looking(SHOP, "services") as at:
        await opened(at, "storefront")
        await at.type("/─ ztunnel\r")
        assert called(at) == "ztunnel ztunnel-gnq4h"
        await at.press("n")
        assert called(at) == "ztunnel ztunnel-4rh2t"
        assert "2 of 2, n the next" in at.screen.splitlines()[0]
        await at.show(replace(SHOP))
        assert "/─ ztunnel" in at.screen.splitlines()[0]
        await at.press("escape")
        await at.show(replace(SHOP))
        assert "/─ ztunnel" not in at.screen, "it has ended"
        await at.press("escape")
        assert len(at.app.screen_stack) == 1


# Live


async def test_a_change_keeps_the_cursor_on_its_node_and_what_is_closed() -> None:
    first = made("Service", "a-first", "batch", spec={"clusterIP": "10.0.0.1"})
    async with looking(SHOP, "cluster") as at:
        await opened(at)
        await at.type("/Service batch/reports\r")
        await at.press("space", "j")
        under, before = called(at), tree(at)
        assert "▸ Service batch/reports" in before
        more = {**SHOP.objects[SERVICE], "batch/a-first": first}
        await at.show(replace(SHOP, objects={**SHOP.objects, SERVICE: more}))
        assert called(at) == under
        assert [line for line in tree(at) if line not in before] == [
            "▾ Service batch/a-first",
            "└─ waypoint batch/nowhere",
        ]
        assert "▸ Service batch/reports" in tree(at)


async def test_the_cursor_follows_a_pod_out_of_a_group() -> None:
    """Three pods on one node stand as one until one of them fails."""
    names = ["cart-1", "cart-2", "cart-3"]
    label = {"kubernetes.io/service-name": "cart"}
    endpoints = [
        {"addresses": ["10.0.0.7"], "targetRef": {"kind": "Pod", "name": each}} for each in names
    ]
    slices = made("EndpointSlice", "cart", "shop", labels=label, endpoints=endpoints)
    waiting = {"phase": "Pending", "conditions": [], "containerStatuses": []}
    outside = {"istio.io/dataplane-mode": "none"}

    def at_first(*failing: str) -> Snapshot:
        pods = [
            pod(each, labels=outside, status=waiting if each in failing else {}) for each in names
        ]
        cart = made("Service", "cart", "shop", spec={"clusterIP": "10.0.0.1"})
        more: dict[Kind, list[Raw]] = {POD: pods, SERVICE: [cart], ENDPOINT_SLICE: [slices]}
        made_too = {
            kind: {**SHOP.objects[kind], **{raw.key(it): it for it in found}}
            for kind, found in more.items()
        }
        return replace(SHOP, objects={**SHOP.objects, **made_too})

    async with looking(at_first(), "services") as at:
        await opened(at, "cart")
        assert [line for line in tree(at) if "3 pods on node-1" in line]
        while place(at).node.part is not Part.PODS:
            await at.press("j")
        await at.press("enter", "j", "j")
        assert called(at) == "Pod cart-2"
        await at.show(at_first("cart-2"))
        assert called(at) == "Pod cart-2"
        assert any("2 pods on node-1" in line for line in tree(at))
        assert "Pending: 0 of 1 containers ready" in at.screen


async def test_a_node_that_goes_leaves_the_cursor_on_what_led_to_it() -> None:
    async with looking(SHOP, "services") as at:
        await opened(at, "storefront")
        while called(at) != f"Pod {STOREFRONT}":
            await at.press("j")
        await at.show(without(POD, STOREFRONT))
        assert called(at) == "waypoint shop/waypoint"
        assert f"Pod {STOREFRONT}" not in screen(at).branches.text()


async def test_what_is_gone_says_so_and_is_shown_as_it_was() -> None:
    async with looking(SHOP, "services") as at:
        await opened(at, "storefront")
        before = tree(at)
        await at.show(without(SERVICE, "shop/storefront"))
        assert "It is gone; this was known last." in at.screen
        assert tree(at) == before
        await at.show(SHOP)
        assert "It is gone" not in at.screen


async def test_what_nothing_leads_to_says_so() -> None:
    async with looking(SHOP, "ztunnels") as at:
        await opened(at, "node-0")
        assert "No gateway, route, service or pod that is known leads to it." in at.screen
        await at.press("j", "G", "space", "left", "right", "enter", "y", "c")
        assert isinstance(at.app.screen, TreeScreen)


SAID = [
    ("refusing", "✗ not connected", "nothing listens there"),
    ("empty", "● live", "There are no gateways, routes, services or waypoints here."),
    ("forbidden", "? services forbidden", "10 kinds forbidden"),
    ("no-crds", "● live", "7 kinds not installed"),
    ("loading", "◌ loading services 0", "10 kinds loading"),
    ("stale", "◍ services stale since 12:37:00", "Gateway edge/public"),
]


@pytest.mark.parametrize(("situation", "fresh", "words"), SAID)
async def test_what_is_not_known_or_old_is_said(situation: str, fresh: str, words: str) -> None:
    async with looking(situations.SITUATIONS[situation](), "cluster") as at:
        await opened(at)
        assert at.screen.splitlines()[0].endswith(fresh)
        assert words in at.screen


async def test_it_keeps_asking_for_what_it_shows() -> None:
    """The dumps of the ztunnels that are looked at, and the certificates of the gateways' listeners."""
    async with looking(SHOP, "services") as at:
        await opened(at, "storefront")
        wanted = {
            ztunnel_probes.dump("istio-system", name) for name in ("ztunnel-gnq4h", "ztunnel-4rh2t")
        }
        await at.until(lambda: wanted <= at.wanted[1])
        assert set(named_secrets.refs(SHOP)) <= at.wanted[2]
        await at.press("escape")
        await at.until(lambda: not wanted <= at.wanted[1])


async def test_a_large_mesh_has_its_services_closed_at_first() -> None:
    many = {
        f"shop/s{number}": made("Service", f"s{number}", "shop", spec={"clusterIP": "10.0.0.1"})
        for number in range(200)
    }
    at_large = replace(SHOP, objects={**SHOP.objects, SERVICE: {**SHOP.objects[SERVICE], **many}})
    assert len(services.of(at_large)) > 200
    async with looking(at_large, "cluster") as at:
        await opened(at)
        assert any("▸ Service shop/reviews" in line for line in tree(at))
        assert not any("reviews-v1-" in line for line in tree(at))


@pytest.mark.parametrize("spared", [MATTERS, ()], ids=["names", "everything"])
async def test_nothing_that_a_cluster_says_steers_the_screen(spared: tuple[str, ...]) -> None:
    async with looking(poisoned_mesh(spared), "cluster", (100, 30)) as at:
        await opened(at)
        clean(at)
        for key in ("j", "pagedown", "G", "space", "right", "k"):
            await at.press(key)
            clean(at)
        await at.press("g", "j")
        assert "☠" in at.screen
        assert "[bold red]☠[/]" in screen(at).branches.text(), "markup is text"
        assert POISON not in screen(at).branches.text()


async def test_help_lists_its_keys() -> None:
    async with looking(SHOP, "services") as at:
        await opened(at, "storefront")
        await at.press("?")
        for words in ("enter", "Go to it", "Open or close", "YAML", ":tree"):
            assert words in at.read
