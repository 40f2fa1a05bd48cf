"""Peers on the same cluster, in the same terminal and with the same keys: k9s and kubectl, where they are installed.

k9s is asked for what `tests.bench` asks of this program: all pods of all namespaces. It draws every two seconds what
came meanwhile, so its first rows may be all of them.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from tests.bench import measures
from tests.bench.measures import Figures
from tests.bench.screen import Screen
from tests.bench.terminal import Terminal, environment


def kubectl(kubeconfig: Path) -> Figures:
    """Seconds that `kubectl get pods -A` takes; {} where it is not installed."""
    program = shutil.which("kubectl")
    if program is None:
        return {}
    command = [program, "--kubeconfig", str(kubeconfig), "get", "pods", "-A"]
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return {"all": round(time.monotonic() - began, 3)}


def k9s(kubeconfig: Path, scratch: Path) -> Terminal | None:
    """k9s with the pods of all namespaces; None where it is not installed."""
    program = shutil.which("k9s")
    if program is None:
        return None
    command = [program, "--kubeconfig", str(kubeconfig), "-A", "-c", "pods", "--logoless"]
    return Terminal(command, environment(Path(tempfile.mkdtemp(dir=scratch))))


def start(terminal: Terminal, pods: int) -> Figures:
    """As `measures.start`: k9s counts its rows in the title of the table."""
    painted = terminal.until(lambda screen: bool(screen.text.strip()), measures.PATIENCE)
    first = terminal.until(_has_rows, measures.PATIENCE)
    complete = terminal.until(lambda screen: f"[{pods:,}]" in screen.text, measures.PATIENCE)
    moments = {"first_paint": painted, "first_rows": first, "all_rows": complete}
    return {name: round(at - terminal.started, 3) for name, at in moments.items()}


def _has_rows(screen: Screen) -> bool:
    return "Running" in screen.text


def first(screen: Screen) -> tuple[str, str]:
    """Namespace and name of the first pod in view."""
    found = _ROW.search(screen.text)
    if found is None:
        raise ValueError(f"no pod in view:\n{screen.text}")
    return found[1], found[2]


_ROW = re.compile(r"│ (\S+) +(\S+) +\S+ +\d+/\d+ +Running")


def quits(terminal: Terminal) -> float:
    """Seconds from `ctrl-c` to its end."""
    at = terminal.press("\x03")
    return round(terminal.ended(30) - at, 3)
