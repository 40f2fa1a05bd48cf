"""Makes screenshots/ from the running program over the built-in cluster: `python -m tests.screenshots`.

Each picture is what the program drew, as SVG: a scene, a size, and the keys that lead there.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from meshtui.app import MeshApp
from meshtui.clusters import clusters
from meshtui.files import Files
from meshtui.settings import Settings
from meshtui.sim import process
from meshtui.ui.main import Main
from meshtui.ui.pane import Pane
from tests.ui.looking import drawn
from tests.ui.still import until

TARGET = Path(__file__).parents[1] / "screenshots"
WIDE, SMALL, LOW = (140, 40), (80, 24), (140, 24)


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture."""

    name: str
    scene: str
    pane: str
    size: tuple[int, int] = WIDE
    row: str = ""
    """Text in the row to put the cursor on."""
    keys: Sequence[str] = ()
    """Keys to press; what has a space in it is waited for on the screen."""


_ASKED, _FOLLOWED, _HALF_WAY = "accepted as a dry run", "✓ verified", "1 of 2 pods captured"
"""Words to wait for between two keys."""
_LOOKED = "✓ no NetworkPolicy leaves out"
_RELEASE = ("m", "enter", _ASKED, "enter", _FOLLOWED, "escape")

SHOTS = (
    Shot("cluster", "shop", "cluster"),
    Shot("namespaces", "shop", "namespaces", row="shop"),
    Shot("workloads", "shop", "workloads", row="ledger"),
    Shot("services", "shop", "services", row="reviews"),
    Shot("ztunnels", "shop", "ztunnels"),
    Shot("waypoints", "shop", "waypoints", row="7 svc"),
    Shot("gateways", "shop", "gateways", row="public"),
    Shot("routes", "shop", "routes", row="no-grant"),
    Shot("policies", "shop", "policies", row="refunds"),
    Shot("denials", "shop", "denials", (160, 48), row="no ALLOW matches"),
    Shot("findings", "shop", "findings", row="AMB-010"),
    Shot("tree", "shop", "gateways", row="public", keys=(*":tree", "enter", "is renewed by hand")),
    Shot(
        "trace",
        "blocked",
        "workloads",
        keys=(
            *":trace",
            "space",
            *"shop/checkout",
            "space",
            *"payments/refunds",
            "enter",
            "lets no TCP 15008",
            "✓ name to endpoints",
            "✓ policies at the ztunnel",
        ),
    ),
    Shot("certificates", "shop", "certificates"),
    Shot("certificate", "shop", "certificates", row="*.acme.example", keys=("enter",)),
    Shot("ghost", "ghost", "workloads", row="not proxied"),
    Shot("ghost-cluster", "ghost", "cluster"),
    Shot("ghost-80x24", "ghost", "workloads", SMALL, row="not proxied", keys=("d",)),
    Shot("enroll", "shop", "namespaces", row="'plain'", keys=("m", "enter", _LOOKED)),
    Shot(
        "verify",
        "shop",
        "namespaces",
        row="'batch'",
        keys=(*_RELEASE, "m", "enter", _ASKED, "enter", _HALF_WAY),
    ),
    Shot(
        "unverified",
        "shop",
        "namespaces",
        row="'batch'",
        keys=(*_RELEASE, "m", "enter", _ASKED, "enter", "not verified in time"),
    ),
    Shot(
        "story-blocked",
        "blocked",
        "denials",
        LOW,
        row="15008 times out",
        keys=("t", "called by address"),
    ),
    Shot("story-bare", "bare", "ztunnels", LOW, row="node-3", keys=("d",)),
    Shot("story-roots", "roots", "findings", LOW, row="AMB-038", keys=("d",)),
    Shot("help", "shop", "workloads", SMALL, keys=("question_mark",)),
)


async def take(shot: Shot, kubeconfig: Path) -> str:
    """The picture as SVG."""
    settings = Settings(kubeconfig=(kubeconfig,), pane=shot.pane)
    with tempfile.TemporaryDirectory() as scratch:
        return await _taken(shot, settings, Path(scratch) / "audit.jsonl")


async def _taken(shot: Shot, settings: Settings, audit_file: Path) -> str:
    app = MeshApp(settings, clusters(settings), files=Files(audit_file))
    async with app.run_test(size=shot.size) as pilot:
        main = app.screen
        assert isinstance(main, Main)
        await until(pilot, _read(app, main.front), seconds=60)
        if shot.row:
            await _find(pilot, main.front, shot.row)
        for key in shot.keys:
            await (_on_screen(pilot, key) if " " in key else pilot.press(key))
        await pilot.pause()
        await until(pilot, _detailed(app, main.front), seconds=30)
        return _plain(app.export_screenshot(title="meshtui"))


def _read(app: MeshApp, pane: Pane[Any]) -> Callable[[], bool]:
    """Whether everything was read once: the objects, every ztunnel, and the Secrets that are named."""

    def read() -> bool:
        snapshot = app.snapshot
        return (
            snapshot is not None
            and bool(snapshot.sources)
            and all(source.complete or source.problem for source in snapshot.sources.values())
            and 0 < snapshot.sweep.total == snapshot.sweep.read
            and bool(pane.table.rows)
            and all(answer.value or answer.problem for answer in snapshot.gets.values())
        )

    return read


async def _on_screen(pilot: Pilot[int], words: str) -> None:
    app = pilot.app
    assert isinstance(app, MeshApp)

    def shown() -> bool:
        strips = app.screen._compositor.render_strips()
        return len(strips) == app.size.height and words in drawn(app)

    await until(pilot, shown, seconds=90)


async def _find(pilot: Pilot[int], pane: Pane[Any], text: str) -> None:
    """Puts the cursor on the first row whose cells hold the text; such a row may take a while to settle."""

    def found() -> bool:
        snapshot = pane.snapshot
        assert snapshot is not None
        for row in pane.table.rows:
            if text in str(pane.cells(row, snapshot)):
                return pane.table.select(row.key)
        return False

    await until(pilot, found, seconds=90)


def _detailed(app: MeshApp, pane: Pane[Any]) -> Callable[[], bool]:
    """Whether what the row under the cursor wants to know has been answered."""

    def answered() -> bool:
        snapshot = app.snapshot
        assert snapshot is not None
        wanted = pane.wanted()
        read = [snapshot.sources.get(scope) for scope in wanted.scopes]
        told = [snapshot.answers.get(probe) for probe in wanted.probes]
        return all(each and each.complete for each in read) and all(
            each and each.at for each in told
        )

    return answered


def _plain(svg: str) -> str:
    """Without the fonts that it would load from elsewhere: a monospaced one that is at hand will do; and with the
    spaces that a run of text begins with, which some renderers drop."""
    without = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    without = without.replace("<svg ", '<svg xml:space="preserve" ', 1)
    return without.replace("Fira Code", "Fira Code, DejaVu Sans Mono, Menlo, Consolas")


async def main(names: Sequence[str]) -> None:
    chosen = [shot for shot in SHOTS if not names or shot.name in names]
    TARGET.mkdir(exist_ok=True)
    for scene in dict.fromkeys(shot.scene for shot in chosen):
        with process.running(scene) as kubeconfig:
            for shot in chosen:
                if shot.scene == scene:
                    (TARGET / f"{shot.name}.svg").write_text(await take(shot, kubeconfig))
                    print(f"screenshots/{shot.name}.svg")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
