"""`meshtui` as a shell runs it, in a home of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "meshtui", *words]


def environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_STATE_HOME": str(home)}


def meshtui(home: Path, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Runs it to its end; `typed` is what stands on its standard input."""
    return subprocess.run(
        command(*words),
        env=environment(home),
        input=typed,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
