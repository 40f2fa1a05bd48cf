"""Changes from the keyboard to the built-in cluster: what the mesh makes of them, followed pod by pod."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from textual.pilot import Pilot

from meshtui.app import MeshApp
from meshtui.clusters import clusters
from meshtui.files import Files
from meshtui.kube import audit
from meshtui.mesh.kinds import NAMESPACE, Kind
from meshtui.mesh.raw import strings
from meshtui.settings import Settings
from meshtui.sim import process
from meshtui.ui.confirm import Confirm
from meshtui.ui.main import Main
from meshtui.ui.verify import Verify
from tests.ui.looking import drawn
from tests.ui.still import until

MODE = "istio.io/dataplane-mode"


@dataclass(frozen=True, slots=True)
class Keyboard:
    """The program over the cluster, the cursor on a row, and the file that it tells its changes in."""

    app: MeshApp
    pilot: Pilot[int]
    audit_file: Path

    async def until(self, *words: str) -> None:
        """Waits until all of these words are on the screen."""

        def shown() -> bool:
            screen = drawn(self.app)
            return all(each in screen for each in words)

        await until(self.pilot, shown, seconds=60)

    async def asked(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await until(self.pilot, lambda: isinstance(self.app.screen, Confirm), seconds=20)

    async def said(self, words: str) -> None:
        """Waits until these words were said, which `!` keeps."""
        await until(
            self.pilot, lambda: any(words in told.text for told in self.app._told), seconds=30
        )

    def labels(self, kind: Kind, key: str) -> Mapping[str, str] | None:
        """Of an object, as the cluster has it; None where it is not there."""
        assert self.app.snapshot is not None
        namespace, _, name = key.rpartition("/")
        it = self.app.snapshot.find(kind, namespace, name)
        return None if it is None else strings(it, "metadata", "labels")

    def mode(self, namespace: str) -> str | None:
        """What the namespace is labelled, as the cluster has it."""
        return (self.labels(NAMESPACE, namespace) or {}).get(MODE)

    def story(self) -> list[str]:
        assert audit.verify(self.audit_file).problems == ()
        entries = audit.read(self.audit_file)
        return [f"{each['step']} {each.get('state', '')}".strip() for each in entries]


@asynccontextmanager
async def keyboard(
    kubeconfig: Path,
    audit_file: Path,
    name: str,
    pane: str = "namespaces",
    *,
    namespaces: tuple[str, ...] = (),
    sweep: bool = True,
) -> AsyncIterator[Keyboard]:
    """The program over a cluster that it has read, the cursor on the row of an object by its key."""
    settings = Settings(kubeconfig=(kubeconfig,), pane=pane, namespaces=namespaces, sweep=sweep)
    app = MeshApp(settings, clusters(settings), files=Files(audit_file))
    async with app.run_test(size=(120, 40)) as pilot:
        main = app.screen
        assert isinstance(main, Main)

        def found() -> bool:
            rows = [row for row in main.front.table.rows if row.ref and row.ref.key == name]
            return bool(rows) and main.front.table.select(rows[0].key)

        def read() -> bool:
            snapshot = app.snapshot
            return (
                snapshot is not None
                and bool(snapshot.sources)
                and all(it.complete or it.problem for it in snapshot.sources.values())
                and (not sweep or 0 < snapshot.sweep.total == snapshot.sweep.read)
            )

        await until(pilot, read, seconds=60)
        await until(pilot, found, seconds=20)
        yield Keyboard(app, pilot, audit_file)


@pytest.fixture
def audit_file(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


async def test_plain_is_enrolled_proved_and_taken_out_again(audit_file: Path) -> None:
    with process.running("shop") as kubeconfig:
        async with keyboard(kubeconfig, audit_file, "plain") as at:
            await at.asked("m", "enter")
            await at.until(
                "Enroll namespace plain in the mesh",
                "as admin",
                "✓ no sidecars",
                "✓ no NetworkPolicy leaves out port 15008",
                f"+     {MODE}: ambient",
                "✓ accepted as a dry run",
            )
            assert at.mode("plain") is None
            await at.pilot.press("enter")
            await until(at.pilot, lambda: isinstance(at.app.screen, Verify), seconds=20)
            await at.until(
                "1 of 1 pod captured", "✓ verified", "label ✓  CNI ✓  HBONE ✓  proxied ✓"
            )
            assert at.mode("plain") == "ambient"
            await at.asked("u")
            await at.until(f"-     {MODE}: ambient")
            await at.pilot.press("enter")
            await at.until("Undo: Enroll namespace plain", "1 of 1 pod released", "✓ verified")
            assert at.mode("plain") is None
            await at.pilot.press("escape")
            await until(at.pilot, lambda: not at.app._changing.busy)
            assert at.story() == ["intent", "outcome applied"] * 2

            await at.asked("m", "enter")
            await at.pilot.press("escape")
            await until(at.pilot, lambda: not at.app._changing.busy)
            assert at.mode("plain") is None
            assert at.story()[4:] == ["outcome declined"]


async def test_in_production_it_is_unlocked_first_and_the_name_is_typed(
    audit_file: Path, tmp_path: Path
) -> None:
    with process.running("shop") as kubeconfig:
        renamed = _as_context(kubeconfig, "prod-eu1", tmp_path)
        async with keyboard(renamed, audit_file, "plain") as at:
            await at.until("read-only")
            await at.pilot.press("m", "e", "r")
            why = "Read-only: its name looks like production."
            await until(at.pilot, lambda: any(why in told.text for told in at.app._told))
            assert isinstance(at.app.screen, Main)
            await at.pilot.press(*":write", "enter")
            await at.until("writes 14:5")
            await at.asked("m", "enter")
            await at.until("prod-eu1 · as admin", "Type plain and enter to go on:")
            await at.pilot.press("enter")
            await at.until("That is not it.")
            assert at.story() == []
            await at.pilot.press(*"plain", "enter")
            await at.until("1 of 1 pod captured", "✓ verified")
            assert at.mode("plain") == "ambient"
            assert at.story() == ["intent", "outcome applied"]


def _as_context(kubeconfig: Path, name: str, scratch: Path) -> Path:
    """The same cluster under another name."""
    config = yaml.safe_load(kubeconfig.read_text())
    config["contexts"][0]["name"] = config["current-context"] = name
    renamed = scratch / "kubeconfig"
    renamed.write_text(yaml.safe_dump(config))
    return renamed
