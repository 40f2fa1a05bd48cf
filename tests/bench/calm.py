"""Calm: waiting until the machine does little, so that what is measured is not what came before."""

from __future__ import annotations

import os
import time
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_CALM = 0.3
"""Of one core: a cluster of 300 nodes that nobody asks anything takes a fifth."""
_IN_A_ROW = 5


def until_calm(most: float = 120) -> float:
    """Returns once the machine was calm for some seconds, or after `most`; with how much of one core the last second
    took. 0 at once where the system does not tell (anything but Linux)."""
    ends, calm, used = time.monotonic() + most, 0, 0.0
    if not Path("/proc/stat").exists():
        return used
    while calm < _IN_A_ROW and time.monotonic() < ends:
        before, began = _busy(), time.monotonic()
        time.sleep(1)
        used = (_busy() - before) / (time.monotonic() - began)
        calm = calm + 1 if used < _CALM else 0
    return round(used, 2)


def _busy() -> float:
    """Seconds that all cores have worked (proc(5): user, nice, system, idle, iowait, irq, softirq)."""
    first = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0]
    user, nice, system, _, _, irq, softirq, *_ = map(int, first.split()[1:])
    return (user + nice + system + irq + softirq) / _TICK
