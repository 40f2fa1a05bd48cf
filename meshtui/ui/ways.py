"""Ways: jumps that several panes offer alike."""

from __future__ import annotations

from meshtui.mesh import raw
from meshtui.mesh.kinds import NAMESPACE
from meshtui.mesh.snapshot import Snapshot
from meshtui.ui.exchange import Jump


def namespace(snapshot: Snapshot, name: str) -> Jump | None:
    """To the row of a namespace; None where it is not known."""
    it = snapshot.find(NAMESPACE, "", name)
    return Jump("namespaces", key=raw.uid(it) or name) if it is not None else None
