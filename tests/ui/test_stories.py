"""The stories of the built-in cluster: that the keys of the README's table lead to the cause, and that those which the
answer names mend it."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from meshtui.sim import process
from meshtui.ui.verify import Verify
from tests.ui import story_table
from tests.ui.looking import drawn, looking
from tests.ui.situations import scene
from tests.ui.still import until
from tests.ui.story_table import STORIES, Story
from tests.ui.test_changing_a_cluster import keyboard


@pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=str)
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.scene)
async def test_a_story_is_solved_in_under_ten_keys(story: Story, size: tuple[int, int]) -> None:
    async with looking(scene(story.scene), size=size) as at:
        await at.press(*story.command, "enter")
        words, pressed = story.row.split(), len(story.command) + 1
        while not set(words) <= set(" ".join(at.under_cursor).split()):
            await at.press(story.way)
            pressed += 1
            assert pressed < 10, at.screen
        await at.press(*story.keys)
        assert pressed + len(story.keys) < 10
        await at.until(lambda: missing(story, at.screen) == [])


def missing(story: Story, screen: str) -> list[str]:
    """What the screen should show and does not, wherever its lines are broken."""
    said = " ".join(screen.split())
    return [each for each in story.shows if each not in said]


def test_the_readme_tells_the_stories_as_they_are() -> None:
    readme = story_table.README.read_text(encoding="utf-8")
    assert story_table.written(readme) == readme


@pytest.fixture
def audit_file(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


async def test_bypass_is_seen_in_namespaces_and_mended_by_the_mesh_menu(audit_file: Path) -> None:
    with process.running("bypass") as kubeconfig:
        async with keyboard(kubeconfig, audit_file, "shop") as at:
            await at.until("waypiont ✗ missing", "Gateway shop/waypiont does not exist")
            await at.pilot.press("m", "down", "enter")
            await at.until("shop: set the waypoint", "shop/waypoint")
            await at.asked("enter")
            await at.until("+     istio.io/use-waypoint: waypoint")
            await at.pilot.press("enter")
            await until(at.pilot, lambda: isinstance(at.app.screen, Verify), seconds=20)
            await at.until("✓ verified")
            await at.pilot.press("escape")
            await at.until(" ✓ shop ")


async def test_roots_is_seen_in_certificates_and_mended_by_a_restart(audit_file: Path) -> None:
    with process.running("roots") as kubeconfig:
        async with keyboard(kubeconfig, audit_file, "edge/absent", "certificates") as at:
            await at.until("10h late", "Acme LLC Root CA G2", "2 ztunnels", "1 ztunnel")
            await at.pilot.press(*":ztunnels", "enter")
            await at.until("not renewed at half of its life")
            await at.asked("r")
            await at.until("Restart DaemonSet istio-system/ztunnel", "Type ztunnel")
            at.app.screen.query_one(Input).value = "ztunnel"
            await at.pilot.press("enter")
            await until(at.pilot, lambda: isinstance(at.app.screen, Verify), seconds=20)
            await at.until("3 of 3 pods replaced", "✓ verified")
            await at.pilot.press("escape")
            await at.pilot.press(*":certificates", "enter")
            await at.until("Acme LLC Root CA G2", "3 ztunnels, 9 namespaces")
            assert "h late" not in drawn(at.app)
