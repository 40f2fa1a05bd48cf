"""Pictures of what words cannot show: where colour, ground and bars are the point.

`pytest tests/ui --snapshot-update` draws them anew; look at each one that changed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from meshtui.settings import Settings
from tests.ui.looking import Looking
from tests.ui.situations import SITUATIONS
from tests.ui.still import StillSession, app_of
from tests.ui.test_looks import GHOST, recording

__all__ = [
    "recording"
]  # the fixture: pictures, too, are drawn with one Python and one Textual only

Do = Callable[[Looking], Awaitable[None]]


async def nothing(at: Looking) -> None:
    """Shows the pane as it opens."""


async def ghost(at: Looking) -> None:
    await at.select(GHOST)


async def decoded(at: Looking) -> None:
    await at.select("Acme LLC Intermediate CA", column=4)
    await at.press("enter")


async def node_2(at: Looking) -> None:
    await at.select("node-2")


async def completing(at: Looking) -> None:
    await at.type(":")


async def searched(at: Looking) -> None:
    await at.select(GHOST)
    await at.press("d")
    await at.type("/ztunnel\r")


PICTURES: dict[str, tuple[str, str, tuple[int, int], str, Do]] = {
    # name: situation, pane, size, context, what to do there
    "cluster": ("shop", "cluster", (120, 36), "kind-shop", nothing),
    "production": ("acme", "namespaces", (120, 30), "prod-eu1", nothing),
    "ghost": ("shop", "workloads", (160, 40), "kind-shop", ghost),
    "workloads-80x24": ("shop", "workloads", (80, 24), "kind-shop", nothing),
    "unknown": ("limited", "workloads", (100, 30), "kind-shop", nothing),
    "ztunnels": ("shop", "ztunnels", (140, 36), "kind-shop", node_2),
    "certificate": ("acme", "certificates", (120, 30), "kind-shop", decoded),
    "no-ca": ("no-ca", "certificates", (100, 24), "kind-shop", nothing),
    "stale": ("stale", "namespaces", (100, 30), "kind-shop", nothing),
    "command": ("shop", "ztunnels", (80, 24), "kind-shop", completing),
    "search": ("shop", "workloads", (80, 24), "kind-shop", searched),
}


@pytest.mark.usefixtures("recording")
@pytest.mark.parametrize("name", PICTURES)
def test_picture(name: str, snap_compare: Any) -> None:
    situation, pane, size, context, do = PICTURES[name]
    snapshot = SITUATIONS[situation]()
    session = StillSession(snapshot)
    app = app_of({context: session}, settings=Settings(pane=pane), now=snapshot.now)

    async def arrive(pilot: Pilot[int]) -> None:
        at = Looking(app, pilot, session)
        await at.until(lambda: app.snapshot is snapshot)
        await do(at)

    assert snap_compare(app, terminal_size=size, run_before=arrive)
