"""Calm: waiting until the machine does little, so that what is measured is not what came before; and what it costs here
to wake up, which is most of what an idle program does."""

from __future__ import annotations

import os
import random
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


def waking(seconds: float = 10) -> dict[str, float]:
    """Milliseconds of CPU to look at 10,000 of 300,000 objects: again at once, and after so many seconds in which
    nobody did. On some virtual machines the latter is twenty times as much, and another day three times."""
    objects = [{"name": str(number)} for number in range(300_000)]
    looked_at = random.Random(1).sample(objects, 10_000)

    def look() -> float:
        began = time.thread_time()
        sum(len(each["name"]) for each in looked_at)
        return round(1000 * (time.thread_time() - began), 1)

    look()
    at_once = look()
    time.sleep(seconds)
    return {"at_once": at_once, "after_sleep": look()}
