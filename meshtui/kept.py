"""Kept: small JSON files that the program keeps between runs, in its state directory."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read(path: Path) -> Mapping[str, Any]:
    """What a file holds by name; nothing where there is none, or where it was damaged: it is mended by the next that is
    written. It waits for it. Raises OSError."""
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write(path: Path, kept: Mapping[str, Any]) -> None:
    """Writes a file, whole or not at all, for nobody else to read; it waits for it. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, written = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{json.dumps(kept)}\n")
        Path(written).replace(path)
    except OSError:
        Path(written).unlink(missing_ok=True)
        raise
