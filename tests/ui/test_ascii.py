"""With `--ascii` nothing else is drawn, whatever the screen shows and whatever the cluster says."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from meshtui.mesh.kinds import NAMESPACE
from meshtui.settings import Settings
from meshtui.ui.ascii import plain
from meshtui.ui.panes import PANES
from tests.ui import situations
from tests.ui.looking import looking

ASCII = Settings(ascii=True)


@pytest.mark.parametrize("situation", ["acme", "limited", "loading", "refusing", "stale"])
async def test_no_pane_shows_another_sign(situation: str) -> None:
    async with looking(situations.SITUATIONS[situation](), settings=ASCII, size=(160, 48)) as at:
        for _ in PANES:
            assert at.screen.isascii()
            await at.press("tab")


@pytest.mark.parametrize(
    "keys", [("question_mark",), ("colon",), ("ctrl+p",), ("d",), ("y",), ("m",), ("z",)]
)
async def test_nor_does_a_screen_over_them(keys: tuple[str, ...]) -> None:
    shop = situations.shop()
    settings = replace(ASCII, pane="workloads")
    async with looking(shop, settings=settings, toasts=True) as at:
        await at.press(*keys)
        assert at.screen.isascii()


async def test_what_a_cluster_says_keeps_its_width() -> None:
    shop = situations.shop()
    strange = {"metadata": {"name": "größe-漢字", "uid": "1"}}
    found = {**shop.objects[NAMESPACE], "größe-漢字": strange}
    at_shop = replace(shop, objects={**shop.objects, NAMESPACE: found})
    settings = replace(ASCII, pane="namespaces")
    async with looking(at_shop, settings=settings) as at:
        (line,) = (each for each in at.screen.splitlines() if "gr??e-????" in each)
        (other,) = (each for each in at.screen.splitlines() if " payments " in each)
        assert line.index("permissive") == other.index("strict")


@pytest.mark.parametrize("text", ["✗ batch ━━━╸──── 1/2", "▁▂▃▄▅▆▇█", "漢字", "é", "\u200b", "→ ×"])
def test_each_text_keeps_its_width(text: str) -> None:
    assert plain(text).isascii()
    assert cell_len(plain(text)) == cell_len(text)


def test_the_marks_stay_apart() -> None:
    assert len(set(plain("✓✗!?·"))) == 5


@pytest.mark.parametrize(
    ("environment", "needed"),
    [
        ({"LC_ALL": "C.UTF-8"}, False),
        ({"LC_ALL": "POSIX"}, True),
        ({}, False),
    ],
)
def test_a_locale_without_utf_8_needs_it(environment: dict[str, str], needed: bool) -> None:
    """What a process of its own sees: a locale is set when Python starts."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    code = "from meshtui.ui.ascii import is_needed; print(is_needed())"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == str(needed)
