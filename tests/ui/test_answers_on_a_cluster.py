"""Questions about the built-in cluster, by keys: what the ztunnels at both ends are asked for, and what comes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshtui.sim import process
from tests.ui.test_changing_a_cluster import keyboard

STORIES = [
    # the scene, who calls whom, the headline, what it was seen by, and what else is known of it
    (
        "ghost",
        "shop/storefront shop/checkout",
        ("✗ capture of B: 1 of 2: checkout-", "workloadState = ✗ absent", "s ago)"),
    ),
    (
        "blocked",
        "shop/checkout payments/refunds",
        "✗ network policies: NetworkPolicy payments/only",
    ),
]


@pytest.mark.parametrize(("scene", "ends", "words"), STORIES, ids=[each[0] for each in STORIES])
async def test_the_headline_of_a_story_is_its_cause(
    scene: str, ends: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    with process.running(scene) as kubeconfig:
        async with keyboard(kubeconfig, tmp_path / "audit.jsonl", "shop") as at:
            await at.pilot.press(*f":trace {ends}", "enter")
            await at.until(*words)
