"""The pane Cluster, over the recorded mesh: each line says what it is of and leads to where one looks closer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from meshtui.mesh.kinds import GATEWAY, NODE
from meshtui.mesh.snapshot import Snapshot
from tests.ui import situations
from tests.ui.looking import Looking, looking

SHOP = situations.shop()
SECTIONS = (
    *("PANES", "WORST", "ENROLLMENT", "OUTSIDE", "NODES", "COMING UP", "WATCHED"),
    *("MESH", "COMPONENTS", "REVISIONS", "APIS"),
)


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
        ready = {name: value.split("  ")[0] for name, (_, value) in said["COMPONENTS"].items()}
        assert ready == {
            "istiod": "1/1",
            "istio-cni": "3/3",
            "ztunnel": "3/3",
            "waypoints": "2/2",
            "gateways": "1/1",
            "Gateway API": "bundle not told",
        }
        assert said["ENROLLMENT"]["payments"] == ("✓", "3/3")
        assert said["ENROLLMENT"]["shop"] == ("✗", "7/8")
        assert said["ENROLLMENT"]["legacy"] == ("!", "sidecar")
        assert said["OUTSIDE"]["plain"] == ("·", "outside")
        assert said["NODES"]["node-2"] == ("✗", "5 of 6 proxied")
        assert said["COMING UP"]["*.acme.example"] == ("✓", "expires in 19d")
        assert said["APIS"]["HTTPRoute"] == ("✓", "v1")
        assert said["APIS"]["TLSRoute"] == ("·", "not installed")
        assert len(said["APIS"]) == 23, "none is left out: no pane lists them"


@pytest.mark.parametrize(("width", "columns"), [(80, 1), (120, 2), (160, 3)])
async def test_sections_stand_side_by_side_as_far_as_there_is_room(
    width: int, columns: int
) -> None:
    async with looking(SHOP, size=(width, 90)) as at:
        lines = at.screen.splitlines()
        first = ("PANES", "ENROLLMENT", "MESH")[:columns]
        (top,) = (line for line in lines if line.startswith(" PANES"))
        assert [each for each in SECTIONS if f" {each}" in top] == [*first]
        assert all(sum(f" {each}" in line for line in lines) >= 1 for each in SECTIONS)


async def test_all_arrows_follow_what_stands_where() -> None:
    async with looking(SHOP, size=(160, 48)) as at:
        assert at.under_cursor[1] == "Findings"
        await at.press("right")
        assert at.under_cursor[1] == "Namespaces", "beside it on its line"
        await at.press("right")
        assert (section(at), at.under_cursor[1]) == ("ENROLLMENT", "batch")
        await at.press("right")
        assert section(at) == "MESH"
        await at.press("right")
        assert section(at) == "MESH"
        await at.press("left", "h")
        assert (section(at), at.under_cursor[1]) == ("PANES", "Namespaces"), "the nearer of two"
        await at.press("down")
        assert at.under_cursor[1] == "Services"
        await at.press("G")
        assert section(at) == "APIS"
        await at.press("g", "j", "j", "j", "j", "j")
        assert at.under_cursor[1] == "AMB-019"
        await go_to(at, "WORST", "absent")
        await at.press("j")
        assert section(at) == "ENROLLMENT", "the next column goes on where one ends"
        await at.press("g", "k")
        assert at.under_cursor[1] == "Findings"


@pytest.mark.parametrize(
    ("title", "label", "pane", "row"),
    [
        ("PANES", "Workloads", "workloads", "reports-864dfcf76c-htxkg"),
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
        said = "✗ shop/checkout-5f686c4cb7-fz2sg: Kubernetes and istiod call it enrolled, but no"
        assert said in at.screen
        await go_to(at, "REVISIONS", "default")
        assert at.screen.splitlines()[-2].startswith(" ? ")


async def test_the_cursor_stays_on_its_line_while_others_come_and_go() -> None:
    async with looking(SHOP) as at:
        await go_to(at, "NODES", "node-1")
        nodes = {"a-new-node": {"metadata": {"name": "a-new-node"}}, **SHOP.objects[NODE]}
        await at.show(replace(SHOP, objects={**SHOP.objects, NODE: nodes}))
        assert "a-new-node" in sections(at)["NODES"]
        assert at.under_cursor[1] == "node-1"


def with_nodes(count: int) -> Snapshot:
    nodes: dict[str, Any] = {
        f"n{i:03}": {"metadata": {"name": f"n{i:03}", "uid": f"{i}"}} for i in range(count)
    }
    return replace(SHOP, objects={**SHOP.objects, NODE: {**SHOP.objects[NODE], **nodes}})


async def test_many_nodes_are_a_grid_of_marks_each_a_place_to_go() -> None:
    async with looking(with_nodes(60), size=(80, 24)) as at:
        (heading,) = (line for line in at.screen.splitlines() if line.startswith(" NODES"))
        assert "63: ✗ 1  ? 1  ✓ 1  · 60" in heading
        await go_to(at, "NODES", "node-2")
        assert "✗ node-2: 5 of 6 proxied; " in at.screen
        await at.press("left")
        assert at.under_cursor[1] == "node-1"
        await at.press("up")
        row = int(at.under_cursor[1][1:])
        assert 0 <= row < 60, "the line above, of those without a ztunnel"
        await at.press("enter")
        assert at.pane.NAME == "ztunnels"
        assert f"n{row:03}" in at.under_cursor


async def test_of_too_many_the_worst_are_shown_and_the_rest_is_counted_and_leads_on() -> None:
    async with looking(with_nodes(420)) as at:
        said = sections(at)["NODES"]
        assert [*said][:2] == ["node-2", "node-0"], "the worst first"
        assert [*said][-1] == "and 24 more"
        await go_to(at, "NODES", "and 24 more")
        await at.press("enter")
        assert at.pane.NAME == "ztunnels"
        assert len(at.rows) == 423


async def test_a_click_is_on_what_stands_there() -> None:
    async with looking(SHOP, size=(160, 48)) as at:
        lines = at.screen.splitlines()
        y = next(n for n, line in enumerate(lines) if "√ payments" in line or "✓ payments" in line)
        await at.pilot.click(at.pane.table, offset=(lines[y].index("payments"), y - 2))
        await at.settle()
        assert (section(at), at.under_cursor[1]) == ("ENROLLMENT", "payments")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 36), (160, 48), (40, 12), (20, 5)])
@pytest.mark.parametrize("situation", situations.SITUATIONS)
async def test_nothing_is_drawn_over_something_else(
    situation: str, width: int, height: int
) -> None:
    """No line runs into the next column, whatever there is to show."""
    async with looking(situations.SITUATIONS[situation](), size=(width, height)) as at:
        assert all(len(line) <= width for line in at.screen.splitlines())
        await at.press("down", "right", "up", "left", "pagedown", "pageup", "G", "g")


async def test_what_is_drawn_is_also_said_in_words() -> None:
    async with looking(SHOP, size=(160, 48)) as at:
        assert " ✗ shop      ━━━━━━━━━━━━━━━━━━━━━─── 7/8" in at.screen
        assert " ✗ node-2  5/6" in at.screen
        (line,) = (each for each in at.screen.splitlines() if "*.acme.example " in each)
        assert "●" in line
        assert " 19d expires" in line
        (line,) = (each for each in at.screen.splitlines() if " captured " in each)
        assert line.split(" captured ")[1].split()[1:3] == ["11", "pods"]
        (line,) = (each for each in at.screen.splitlines() if " refused " in each)
        assert "not known yet" in line, "no ztunnel was read twice"


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
        for title in ("PANES", "COMPONENTS"):
            assert {mark for mark, _ in said[title].values()} == {"?"}
        assert said["PANES"]["Workloads"] == ("?", "unknown")
        assert said["MESH"]["trust domain"] == said["MESH"]["roots"] == ("?", "unknown")
        assert "under :info" in at.screen
    async with looking(situations.limited()) as at:
        assert {mark for mark, _ in sections(at)["NODES"].values()} == {"?"}


async def test_while_pods_are_read_parts_are_not_counted() -> None:
    async with looking(situations.loading()) as at:
        parts = sections(at)["COMPONENTS"]
        assert {value for name, (_, value) in parts.items() if name != "Gateway API"} == {"?"}
        assert sections(at)["PANES"]["Certificates"][0] == "?"


async def test_without_the_mesh_it_says_that_nothing_is_installed() -> None:
    async with looking(situations.empty()) as at:
        await go_to(at, "COMPONENTS", "istiod")
        assert "not installed: nothing is labelled app=istiod" in at.screen
        assert sections(at)["PANES"]["Workloads"] == ("·", "none")


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
        assert sections(at)["ENROLLMENT"]["payments"] == ("✓", "3/3")
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


async def test_a_reason_goes_on_in_the_lines_that_nothing_else_needs() -> None:
    async with looking(SHOP, size=(160, 48)) as at:
        left = [line[:52].rstrip() for line in at.screen.splitlines()]
        start = left.index(" ✗ AMB-019  Gateway batch/nowhere does not exist,")
        assert left[start + 1].strip() == "and is named by 1 namespace, 2 services"
        assert left[start + 2].startswith(" ✗ AMB-010  NetworkPolicy payments/only-8080")
        await go_to(at, "WORST", "AMB-019")
        await at.press("j")
        assert "AMB-010" in at.screen.splitlines()[-2], "from row to row, not from line to line"
    async with looking(SHOP, size=(160, 30)) as at:
        left = [line[:52].rstrip() for line in at.screen.splitlines()]
        assert "AMB-019               Gateway batch/nowhere doe" in left[left.index(" WORST") + 1]
        assert "AMB-010" in left[left.index(" WORST") + 2]
