"""`meshtui` as a shell runs it, in a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "meshtui", *words]


def environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_STATE_HOME": str(home)}


@cache
def _forks() -> subprocess.Popen[str]:
    """What runs the commands of this process; it ends with it."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.commands.forks"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def meshtui(home: Path, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Runs it to its end; `typed` is what stands on its standard input."""
    forks = _forks()
    assert forks.stdin is not None
    assert forks.stdout is not None
    with TemporaryDirectory() as folder:
        files = Path(folder)
        (files / "stdin").write_text(typed, encoding="utf-8")
        out, err = files / "stdout", files / "stderr"
        out.touch()
        err.touch()
        order = {"words": words, "environment": environment(home), "files": folder}
        print(json.dumps(order), file=forks.stdin, flush=True)
        status = int(forks.stdout.readline())
        said = out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8")
    return subprocess.CompletedProcess(words, status, *said)
