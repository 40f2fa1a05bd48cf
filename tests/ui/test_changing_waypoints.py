"""Waypoints from the keyboard in the built-in cluster: made and bound, deleted and brought back, set for a Service; and
a namespace that moves from sidecars."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meshtui.mesh.kinds import GATEWAY, NAMESPACE, POD, SERVICE
from meshtui.mesh.raw import name, namespace
from meshtui.sim import process
from meshtui.ui.pick import Pick
from meshtui.ui.verify import Verify
from tests.ui.still import until
from tests.ui.test_changing_a_cluster import Keyboard, keyboard

USE = "istio.io/use-waypoint"


@pytest.fixture
def audit_file(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture
def shop() -> Iterator[Path]:
    with process.running("shop") as kubeconfig:
        yield kubeconfig


async def pick(at: Keyboard, *titles: str) -> None:
    """Picks from the mesh menu, and from those that it opens."""
    await at.pilot.press("m")
    for title in titles:
        await until(at.pilot, lambda title=title: title in _choices(at))  # type: ignore[misc]
        screen = at.app.screen
        assert isinstance(screen, Pick)
        screen.options.highlighted = _choices(at).index(title)
        await at.pilot.press("enter")


def _choices(at: Keyboard) -> list[str]:
    screen = at.app.screen
    if not isinstance(screen, Pick) or not screen.is_mounted:
        return []
    options = screen.options
    found = (options.get_option_at_index(i).prompt for i in range(options.option_count))
    return [str(prompt).partition("  ")[0] for prompt in found]


def waypoint_pods(at: Keyboard, where: str) -> list[str]:
    assert at.app.snapshot is not None
    pods = [it for it in at.app.snapshot.raw(POD) if namespace(it) == where]
    return [name(it) for it in pods if name(it).startswith("waypoint-")]


async def test_a_waypoint_is_made_and_bound_once_it_is_ready_and_both_are_undone(
    shop: Path, audit_file: Path
) -> None:
    async with keyboard(shop, audit_file, "plain") as at:
        await pick(at, "create a waypoint and bind to it", "all")
        await at.until(
            "Create waypoint plain/waypoint for traffic to Services and pods (1 of 2)",
            "✓ GatewayClass istio-waypoint is there",
            "named by nobody",
            "+     istio.io/waypoint-for: all",
            "+   gatewayClassName: istio-waypoint",
            "+     port: 15008",
            "✓ accepted as a dry run",
        )
        assert at.labels(GATEWAY, "plain/waypoint") is None
        await at.pilot.press("enter")
        await at.until(
            "Set waypoint plain/waypoint for namespace plain (2 of 2)",
            "✓ waypoint plain/waypoint is ready and takes it",
            f"+     {USE}: waypoint",
        )
        assert at.labels(GATEWAY, "plain/waypoint") == {"istio.io/waypoint-for": "all"}
        assert any("verified: 1 of 1 waypoint ready" in told.text for told in at.app._told)
        assert waypoint_pods(at, "plain")
        await at.pilot.press("enter")
        await until(at.pilot, lambda: not at.app._changing.busy, seconds=60)
        assert any("verified: 1 of 1 service as the labels" in told.text for told in at.app._told)
        assert (at.labels(NAMESPACE, "plain") or {})[USE] == "waypoint"

        for title, typed in (("Undo: Set waypoint", ""), ("Undo: Create waypoint", "waypoint")):
            await at.asked(*":undo", "enter")
            await at.until(title)
            await at.pilot.press(*typed, "enter")
            await at.until(title, "✓ verified")
            await at.pilot.press("escape")
            await until(at.pilot, lambda: not at.app._changing.busy)
        assert USE not in (at.labels(NAMESPACE, "plain") or {})
        assert at.labels(GATEWAY, "plain/waypoint") is None
        assert not waypoint_pods(at, "plain")
        assert at.story() == ["intent", "outcome applied"] * 4


async def test_a_waypoint_that_is_used_is_deleted_after_its_name_and_comes_back(
    shop: Path, audit_file: Path
) -> None:
    async with keyboard(shop, audit_file, "shop/waypoint", "waypoints") as at:
        await pick(at, "delete")
        await at.until(
            "Delete waypoint shop/waypoint",
            "✗ 1 policy (shop/viewers) would be enforced nowhere",
            "✗ 2 routes (GRPCRoute shop/catalog, HTTPRoute shop/reviews) would have no effect",
            "! it is named by Namespace shop",
            "named by 1 namespace, 7 services",
            "Type waypoint and enter to go on",
        )
        await at.pilot.press("escape")
        await until(at.pilot, lambda: not at.app._changing.busy)
        assert at.story() == ["outcome declined"]
        await pick(at, "delete")
        await at.until("Type waypoint and enter to go on")
        await at.pilot.press(*"waypoint", "enter")
        await at.until("1 of 1 waypoint gone, with its pods", "✓ verified")
        assert at.labels(GATEWAY, "shop/waypoint") is None
        assert not waypoint_pods(at, "shop")
        await at.asked("u")
        await at.until("Undo: Delete waypoint shop/waypoint", "+   gatewayClassName")
        await at.pilot.press("enter")
        await at.until("1 of 1 waypoint ready", "✓ verified", "accepted ✓  programmed ✓")
        assert at.labels(GATEWAY, "shop/waypoint") == {"istio.io/waypoint-for": "service"}
        await at.pilot.press("escape")
        await until(at.pilot, lambda: not at.app._changing.busy)
        assert at.story() == ["outcome declined", *["intent", "outcome applied"] * 2]


async def test_a_service_gets_a_waypoint_of_its_own_and_loses_it(
    shop: Path, audit_file: Path
) -> None:
    async with keyboard(shop, audit_file, "payments/ledger", "services") as at:
        await pick(at, "set the waypoint", "shop/waypoint")
        await until(
            at.pilot,
            lambda: any("does not admit namespace payments" in it.text for it in at.app._told),
        )
        await pick(at, "set the waypoint", "payments/unused")
        await at.until(
            "Set waypoint payments/unused for service payments/ledger",
            "✓ waypoint payments/unused is ready and takes it",
            "traffic to 2 pods through this Service",
            f"+     {USE}: unused",
        )
        await at.pilot.press("enter")
        await at.until("1 of 1 service as the labels ask", "✓ verified")
        assert (at.labels(SERVICE, "payments/ledger") or {})[USE] == "unused"
        await at.pilot.press("escape")
        await until(at.pilot, lambda: not at.app._changing.busy)
        await pick(at, "clear the waypoint")
        await at.until("Clear the waypoint of service payments/ledger", f"-     {USE}: unused")
        await at.pilot.press("enter")
        await at.until("1 of 1 service as the labels ask", "✓ verified")
        assert USE not in (at.labels(SERVICE, "payments/ledger") or {})


async def test_a_waypoint_that_is_named_in_vain_is_made(shop: Path, audit_file: Path) -> None:
    async with keyboard(shop, audit_file, "shop/waypoint", "waypoints") as at:
        await at.pilot.press("g")
        await pick(at, "create it", "service")
        await at.until("Create waypoint batch/nowhere", "named by 1 namespace, 2 services")
        await at.pilot.press("enter")
        await at.until("1 of 1 waypoint ready", "✓ verified")
        assert at.labels(GATEWAY, "batch/nowhere") == {"istio.io/waypoint-for": "service"}


async def test_a_namespace_moves_from_sidecars_and_its_pods_are_restarted(
    shop: Path, audit_file: Path
) -> None:
    async with keyboard(shop, audit_file, "legacy") as at:
        await pick(at, "move from sidecars")
        await at.until(
            "Move namespace legacy from sidecars into the mesh (1 of 2)",
            "! 1 pod with a sidecar, outside ambient until restarted: httpbin-",
            "✓ no policy that its sidecars enforce needs a waypoint",
            "-     istio-injection: enabled",
            "+     istio.io/dataplane-mode: ambient",
        )
        await at.pilot.press("enter")
        await at.until("Restart Deployment legacy/httpbin (2 of 2)")
        assert at.mode("legacy") == "ambient"
        assert "istio-injection" not in (at.labels(NAMESPACE, "legacy") or {})
        said = "its labels are written; 1 pod to be restarted next: httpbin-"
        assert any(said in told.text for told in at.app._told)
        await at.pilot.press("enter")
        await until(at.pilot, lambda: not at.app._changing.busy, seconds=60)
        assert any("verified: 1 of 1 pod replaced" in told.text for told in at.app._told)
        await at.until("1 of 1 pods are in the mesh")
        assert at.story() == ["intent", "outcome applied"] * 2


async def test_by_the_labels_alone_the_pod_that_keeps_its_sidecar_is_named(
    shop: Path, audit_file: Path
) -> None:
    async with keyboard(shop, audit_file, "legacy") as at:
        await pick(at, "move from sidecars by the labels alone")
        await at.until("Move namespace legacy from sidecars into the mesh")
        await at.pilot.press("enter")
        await until(at.pilot, lambda: isinstance(at.app.screen, Verify), seconds=20)
        await at.until(
            "0 of 1 pod captured",
            "✗ something is in the way",
            "next: Restart Deployment/httpbin",
            "it still has the sidecar",
        )
        await at.asked("u")
        await at.until("+     istio-injection: enabled", "-     istio.io/dataplane-mode: ambient")
        await at.pilot.press("enter")
        await until(at.pilot, lambda: at.mode("legacy") is None, seconds=20)
        assert (at.labels(NAMESPACE, "legacy") or {})["istio-injection"] == "enabled"
