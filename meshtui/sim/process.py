"""The built-in cluster in a process of its own, which ends when the one that wanted it does, however that ends.

The process serves as long as the pipe at its standard input is open. Nobody but its parent holds the other end, so it
closes with the parent even where that is killed. This module loads nothing heavy: it is the parent's side.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

READY = "KUBECONFIG="
"""What the line begins with that the process prints when it can be reached."""
_GRACE = 5.0
"""Seconds for it to end by itself."""


class NotStarted(RuntimeError):  # noqa: N818 - reads as what happened
    """The process ended, or took too long, before it could be reached; its last words say why."""


@contextlib.contextmanager
def running(scene: str, pods: int = 0, *, wait: float = 60.0) -> Iterator[Path]:
    """The kubeconfig of a cluster that plays a scene, as long as the block runs.

    `pods` are so many more, in namespaces of their own; `wait` is how many seconds it may take to start. Raises
    NotStarted.
    """
    command = [sys.executable, "-m", "meshtui.sim", "--scene", scene, "--pods", str(pods)]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # ctrl-c is for the parent, which then ends it
        )
        kubeconfig: Path | None = None
        try:
            kubeconfig = _ready(process, errors, wait)
            yield kubeconfig
        finally:
            _end(process)
            if kubeconfig is not None:  # it removes this itself, unless it had to be killed
                shutil.rmtree(kubeconfig.parent, ignore_errors=True)


def _ready(process: subprocess.Popen[bytes], errors: IO[bytes], wait: float) -> Path:
    assert process.stdout is not None
    until = time.monotonic() + wait
    said = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not said.endswith(b"\n"):
            if not selector.select(max(until - time.monotonic(), 0)):
                raise NotStarted(f"the built-in cluster was not ready within {wait:g} s")
            more = os.read(process.stdout.fileno(), 4096)
            if not more:
                process.wait()
                errors.seek(0)
                words = errors.read().decode(errors="replace").strip().splitlines()
                raise NotStarted("the built-in cluster did not start: " + "\n".join(words[-5:]))
            said += more
    return Path(said.decode().strip().removeprefix(READY))


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    process.stdout.close()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
