"""The pane Cluster, over the recorded mesh: each line says what it is of and leads to where one looks closer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from meshtui.mesh.kinds import GATEWAY, NODE
from tests.ui import situations
from tests.ui.looking import Looking, looking

SHOP = situations.shop()
SECTIONS = ("WORST", "MESH", "COMPONENTS", "REVISIONS", "ENROLLMENT", "NODES", "COMING UP", "APIS")


def sections(at: Looking) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """The lines by section and label: mark and value."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for entry, row in zip(at.pane.table.rows, at.rows, strict=True):
        found.setdefault(entry.section, {})[row[1]] = (row[0], row[2])
    return found


async def go_to(at: Looking, title: str, label: str) -> None:
    """Puts the cursor on a line."""
    (key,) = (e.key for e in at.pane.table.rows if (e.section, e.item.text) == (title, label))
    assert at.pane.table.select(key)
    await at.settle()


def section(at: Looking) -> str:
    """The section that the cursor is in."""
    (found,) = (entry.section for entry in at.pane.table.rows if entry.key == at.pane.cursor)
    assert isinstance(found, str)
    return found


async def test_the_mesh_at_a_glance() -> None:
    """istiod 1, agents and ztunnels on 3 nodes; `payments` all in, of `shop` and `batch` one pod each is not."""
    async with looking(SHOP) as at:
        assert at.pane.NAME == "cluster", "it is the first to be seen"
        said = sections(at)
        assert tuple(said) == SECTIONS
        assert said["MESH"]["trust domain"] == ("✓", "cluster.local")
        assert said["MESH"]["Kubernetes"] == ("✓", "v1.36.3")
        ready = {
            name: value.split("  ")[0].split()[-1]
            for name, (_, value) in said["COMPONENTS"].items()
        }
        assert ready == {
            "istiod": "1/1",
            "istio-cni": "3/3",
            "ztunnel": "3/3",
            "waypoints": "2/2",
            "gateways": "1/1",
        }
        assert said["ENROLLMENT"]["payments"] == ("✓", "████████ 3/3")
        assert said["ENROLLMENT"]["shop"] == ("✗", "███████  7/8")
        assert said["ENROLLMENT"]["legacy"] == ("!", "sidecar")
        assert said["ENROLLMENT"]["plain"] == ("·", "outside")
        assert said["NODES"]["node-2"] == ("✗", "5 of 6 proxied")
        assert said["COMING UP"]["*.acme.example"] == ("✓", "expires in 19d")
        assert said["APIS"]["HTTPRoute"] == ("✓", "v1")
        assert said["APIS"]["TLSRoute"] == ("·", "not installed")
        assert len(said["APIS"]) == 24, "none is left out: no pane lists them"


@pytest.mark.parametrize(("width", "columns"), [(80, 1), (120, 2), (160, 3)])
async def test_sections_stand_side_by_side_as_far_as_there_is_room(
    width: int, columns: int
) -> None:
    async with looking(SHOP, size=(width, 60)) as at:
        headings = [
            line for line in at.screen.splitlines() if any(f" {each}" in line for each in SECTIONS)
        ]
        assert max(sum(f" {each}" in line for each in SECTIONS) for line in headings) == columns


async def test_arrows_go_down_the_sections_and_across_the_columns() -> None:
    async with looking(SHOP, size=(160, 48)) as at:
        assert section(at) == "WORST"
        await at.press("right")
        assert section(at) == "MESH"
        await at.press("right")
        assert section(at) == "NODES"
        await at.press("right")
        assert section(at) == "NODES"
        await at.press("left", "h")
        assert section(at) == "WORST"
        await at.press("G")
        assert section(at) == "APIS"
        await at.press("g", "j", "j")
        assert at.under_cursor[1] == "AMB-010"


@pytest.mark.parametrize(
    ("title", "label", "pane", "row"),
    [
        ("WORST", "Workloads", "workloads", "reports-864dfcf76c-htxkg"),
        ("WORST", "shop/checkout-5f686c4cb7-fz2sg", "workloads", "checkout-5f686c4cb7-fz2sg"),
        ("WORST", "ztunnel of node-2", "ztunnels", "node-2"),
        ("WORST", "absent", "certificates", "absent"),
        ("COMPONENTS", "ztunnel", "ztunnels", "node-0"),
        ("ENROLLMENT", "payments", "namespaces", "payments"),
        ("NODES", "node-1", "ztunnels", "node-1"),
        ("COMING UP", "*.acme.example", "certificates", "*.acme.example"),
        ("MESH", "roots", "certificates", "cluster.local"),
    ],
)
async def test_enter_leads_to_the_row_behind_a_line_and_escape_back(
    title: str, label: str, pane: str, row: str
) -> None:
    async with looking(SHOP) as at:
        await go_to(at, title, label)
        await at.press("enter")
        assert pane == at.pane.NAME
        assert row in at.under_cursor
        await at.press("escape")
        assert at.pane.NAME == "cluster"
        assert at.under_cursor[1] == label


async def test_the_line_under_the_cursor_says_why_it_has_its_mark() -> None:
    async with looking(SHOP, size=(120, 36)) as at:
        await go_to(at, "WORST", "shop/checkout-5f686c4cb7-fz2sg")
        assert " ✗ Kubernetes and istiod call it enrolled, but no ztunnel of node-2" in at.screen
        await go_to(at, "REVISIONS", "default")
        assert at.screen.splitlines()[-2].startswith(" ? ")


async def test_the_cursor_stays_on_its_line_while_others_come_and_go() -> None:
    async with looking(SHOP) as at:
        await go_to(at, "NODES", "node-1")
        nodes = {"a-new-node": {"metadata": {"name": "a-new-node"}}, **SHOP.objects[NODE]}
        await at.show(replace(SHOP, objects={**SHOP.objects, NODE: nodes}))
        assert "a-new-node" in sections(at)["NODES"]
        assert at.under_cursor[1] == "node-1"


async def test_of_many_the_worst_are_shown_and_the_rest_is_counted_and_leads_on() -> None:
    nodes: dict[str, Any] = {f"n{i:02}": {"metadata": {"name": f"n{i:02}"}} for i in range(40)}
    many = replace(SHOP, objects={**SHOP.objects, NODE: {**SHOP.objects[NODE], **nodes}})
    async with looking(many) as at:
        said = sections(at)["NODES"]
        assert [*said][:2] == ["node-2", "node-0"], "the worst first"
        assert [*said][-1] == "and 32 more"
        await go_to(at, "NODES", "and 32 more")
        await at.press("enter")
        assert at.pane.NAME == "ztunnels"
        assert len(at.rows) == 43


async def test_its_keys_are_of_the_object_behind_a_line_and_say_so_where_there_is_none() -> None:
    async with looking(SHOP) as at:
        await go_to(at, "ENROLLMENT", "payments")
        await at.press("c")
        assert at.app.clipboard == "payments"
        await at.press("y")
        await at.until(lambda: "name: payments" in at.read)
        await at.press("q", "d")
        assert "istio.io/dataplane-mode=ambient" in at.read
        await at.press("q")
        await go_to(at, "MESH", "Kubernetes")
        await at.press("c")
        assert at.app.clipboard == "Kubernetes: v1.36.3"
        await at.press("y", "l", "z", "enter", "!")
        assert "There is no single object behind this row." in at.read
        assert "There is no log behind this row." in at.read
        assert "No ztunnel serves this row." in at.read


async def test_what_may_not_be_read_is_unknown_and_never_well() -> None:
    async with looking(situations.forbidden()) as at:
        said = sections(at)
        for title in ("WORST", "COMPONENTS"):
            assert {mark for mark, _ in said[title].values()} == {"?"}
        assert said["WORST"]["Workloads"] == ("?", "not known")
        assert said["MESH"]["trust domain"] == said["MESH"]["roots"] == ("?", "unknown")
        assert "under :info" in at.screen
    async with looking(situations.limited()) as at:
        assert {mark for mark, _ in sections(at)["NODES"].values()} == {"?"}


async def test_while_pods_are_read_parts_are_not_counted() -> None:
    async with looking(situations.loading()) as at:
        assert {value for _, value in sections(at)["COMPONENTS"].values()} == {"?"}
        assert sections(at)["WORST"]["Certificates"][0] == "?"


async def test_without_the_mesh_it_says_that_nothing_is_installed() -> None:
    async with looking(situations.empty()) as at:
        await go_to(at, "COMPONENTS", "istiod")
        assert "not installed: nothing is labelled app=istiod" in at.screen
        assert sections(at)["WORST"]["Workloads"] == ("·", "none")


async def test_without_the_crds_the_apis_say_so() -> None:
    async with looking(situations.no_crds()) as at:
        said = sections(at)["APIS"]
        for kind in ("Gateway", "GatewayClass", "PeerAuthentication", "AuthorizationPolicy"):
            assert said[kind] == ("·", "not installed")
        assert "not installed: peerauthentications, gateways" in at.screen


async def test_a_version_that_the_program_does_not_read_is_said() -> None:
    kinds = {**SHOP.server.kinds}
    (gateway,) = (k for k in kinds if str(k) == "gateways.gateway.networking.k8s.io")
    newer = replace(SHOP, server=replace(SHOP.server, kinds={**kinds, gateway: "v2"}))
    async with looking(newer) as at:
        assert sections(at)["APIS"]["Gateway"] == ("?", "v2")
        await go_to(at, "APIS", "Gateway")
        assert "the server prefers v2; this program knows v1, v1beta1" in at.screen


async def test_stale_lines_stay_and_say_since_when() -> None:
    async with looking(situations.stale()) as at:
        assert sections(at)["ENROLLMENT"]["payments"] == ("✓", "████████ 3/3")
        assert "stale since 12:37:00" in at.screen.splitlines()[1]


async def test_a_cluster_that_was_never_reached_shows_no_lines() -> None:
    async with looking(situations.refusing()) as at:
        assert at.rows == []
        assert "✗ connection refused" in at.screen
        assert "Start the cluster, or correct the address in the kubeconfig." in at.screen


async def test_the_secrets_of_the_certificates_are_asked_for_here_too() -> None:
    async with looking(SHOP) as at:
        await at.until(lambda: "edge/acme-tls" in {ref.key for ref in at.wanted[2]})


async def test_the_secrets_of_a_gateway_that_comes_later_are_asked_for_without_a_key() -> None:
    before = replace(SHOP, objects={k: it for k, it in SHOP.objects.items() if k != GATEWAY})
    async with looking(before) as at:
        await at.until(lambda: "istio-system/cacerts" in {ref.key for ref in at.wanted[2]})
        assert "edge/acme-tls" not in {ref.key for ref in at.wanted[2]}
        await at.show(SHOP)
        await at.until(lambda: "edge/acme-tls" in {ref.key for ref in at.wanted[2]})
