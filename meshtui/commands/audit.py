"""`meshtui audit`: what was changed from here, by whom and where, and whether the file that tells it is whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from meshtui.kube import audit
from meshtui.mesh import past
from meshtui.mesh.printable import plain
from meshtui.mesh.raw import text

INTACT, BROKEN, UNREADABLE = 0, 1, 3
"""Exit statuses: what is told can be relied on, something in it was changed, nothing can be told."""


def show(path: Path, output: str) -> Iterator[str]:
    """The entries, oldest first, a line each, as "text" or "json"; a change that was taken back since is marked where
    it is told that it was made. Raises AuditError."""
    entries = list(audit.read(path))
    undone = {each.id for each in past.of(entries) if each.undone}
    for entry in entries:
        is_undone = text(entry, "state") == past.APPLIED and text(entry, "id") in undone
        if output == "text":
            yield plain(_line(entry) + ("  (undone)" if is_undone else ""))
        else:
            yield json.dumps({**entry, **({"undone": True} if is_undone else {})})


def verify(path: Path, output: str) -> tuple[str, int]:
    """What became of the chain of lines, as "text" or "json", and the exit status. Raises AuditError."""
    found = audit.verify(path)
    status = BROKEN if found.problems else INTACT
    if output == "json":
        return json.dumps({"path": str(path), **asdict(found)}, indent=2), status
    if not found.lines:
        return f"{path}: nothing was changed yet", status
    if found.problems:
        return "\n".join(
            [f"{path}: this file was tampered with or damaged", *found.problems]
        ), status
    said = f"{path}: {found.lines} lines, each follows from the one before"
    return (
        f"{said}\nlast {found.last} (keep it elsewhere: it shows whether lines were cut off)",
        status,
    )


def _line(entry: Mapping[str, Any]) -> str:
    """When, how it stands, where, who, what, and why."""
    who, acting = text(entry, "user"), text(entry, "as")
    state = text(entry, "state") or text(entry, "step")
    at = text(entry, "at")[:19].replace("T", " ")
    reason = text(entry, "reason")
    words = [
        at,
        f"{state:<8}",
        text(entry, "context") or "–",
        f"as {who or acting or 'whom is unknown'}",
        text(entry, "title"),
    ]
    return "  ".join(words) + (f": {reason}" if reason else "")
