"""Changes from the keyboard: asked for, looked at, confirmed or declined, and what is said of how they ended."""

from __future__ import annotations

from pathlib import Path

from meshtui.kube import audit
from meshtui.ui.confirm import Confirm
from tests.ui import situations
from tests.ui.looking import Looking, looking

SHOP = situations.shop()


def story(file: Path) -> list[str]:
    """The steps in the audit, whose chain is whole."""
    assert audit.verify(file).problems == ()
    return [f"{each['step']} {each.get('state', '')}".strip() for each in audit.read(file)]


async def asked(at: Looking, *keys: str) -> None:
    """Presses keys until the dialog stands there."""
    await at.press(*keys)
    await at.until(lambda: isinstance(at.app.screen, Confirm))


async def test_a_namespace_is_enrolled_from_the_keyboard(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    async with looking(SHOP, "namespaces", audit_file=file) as at:
        await at.select("plain")
        await asked(at, "m", "enter")
        assert "Enroll namespace plain in the mesh" in at.screen
        assert "+     istio.io/dataplane-mode: ambient" in at.screen
        await at.press("enter")
        await at.until(lambda: bool(at.session.applied))
    assert story(file) == ["intent", "outcome applied"]
