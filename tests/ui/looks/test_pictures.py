"""Pictures of what words cannot show: where colour, ground and bars are the point.

`pytest tests/ui --snapshot-update` draws them anew; look at each one that changed.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from meshtui.mesh import history
from meshtui.mesh.kinds import NODE, POD
from meshtui.mesh.metrics import Failure, Metrics
from meshtui.mesh.snapshot import Snapshot
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


def wearing(theme: str) -> Do:
    return lambda at: at.type(f":theme {theme}\r")


async def watched(at: Looking) -> None:
    """Seven minutes of it: the ztunnels refuse more and more, and a minute in which none was read."""
    shop = at.session.now
    for number in range(1, 16):
        now = shop.now + number * history.SLOT
        risen = {
            probe: replace(answer, value=_risen(answer.value, number * number), at=now)
            for probe, answer in shop.answers.items()
            if isinstance(answer.value, Metrics)
        }
        found = shop.answers if number in (9, 10) else {**shop.answers, **risen}
        await at.show(replace(shop, now=now, answers=found))


def _risen(before: Metrics, more: int) -> Metrics:
    failure = Failure("DENY", "destination", False, "shop", "a", "shop", "b")
    return replace(before, messages=before.messages + more // 3, failures={failure: more})


def with_many_nodes() -> Snapshot:
    """`shop` with 120 nodes more, of which every fiftieth has a ztunnel that is not ready."""
    shop = SITUATIONS["shop"]()
    names = [f"ip-10-0-{number}-7" for number in range(120)]
    nodes = {name: {"metadata": {"name": name, "uid": name}} for name in names}
    (model,) = (it for key, it in shop.objects[POD].items() if key.endswith("/ztunnel-4rh2t"))
    pods = dict(shop.objects[POD])
    for number, name in enumerate(names[:110]):
        pod: Any = copy.deepcopy(model)
        pod["metadata"] |= {"name": f"ztunnel-{number}", "uid": f"ztunnel-{number}"}
        pod["spec"]["nodeName"] = name
        if number % 50 == 7:
            pod["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
        pods[f"istio-system/ztunnel-{number}"] = pod
    return replace(shop, objects={**shop.objects, NODE: {**shop.objects[NODE], **nodes}, POD: pods})


MADE = {**SITUATIONS, "many-nodes": with_many_nodes}

PICTURES: dict[str, tuple[str, str, tuple[int, int], str, Do]] = {
    # name: situation, pane, size, context, what to do there
    "cluster": ("shop", "cluster", (120, 36), "kind-shop", nothing),
    "cluster-80x24": ("shop", "cluster", (80, 24), "kind-shop", nothing),
    "cluster-160x48": ("shop", "cluster", (160, 48), "kind-shop", watched),
    "cluster-of-many-nodes": ("many-nodes", "cluster", (120, 36), "kind-shop", nothing),
    "light": ("shop", "cluster", (120, 36), "kind-shop", wearing("light")),
    "high-contrast": ("shop", "namespaces", (120, 30), "kind-shop", wearing("high-contrast")),
    "deuteranopia": ("shop", "ztunnels", (120, 30), "kind-shop", wearing("deuteranopia")),
    "tritanopia": ("shop", "workloads", (120, 30), "kind-shop", wearing("tritanopia")),
    "loading": ("loading", "gateways", (80, 24), "kind-shop", nothing),
    "empty": ("empty", "gateways", (80, 24), "kind-shop", nothing),
    "forbidden": ("forbidden", "gateways", (80, 24), "kind-shop", nothing),
    "not-installed": ("no-crds", "gateways", (80, 24), "kind-shop", nothing),
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
    snapshot = MADE[situation]()
    session = StillSession(snapshot)
    app = app_of({context: session}, settings=Settings(pane=pane), now=snapshot.now)

    async def arrive(pilot: Pilot[int]) -> None:
        at = Looking(app, pilot, session)
        await at.until(lambda: app.snapshot is snapshot)
        await do(at)

    assert snap_compare(app, terminal_size=size, run_before=arrive)
