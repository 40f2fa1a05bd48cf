"""Endings: how a signal ends the program, also where the event loop does not turn any more."""

from __future__ import annotations

import os
import signal
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable
from types import FrameType

PATIENCE = 7.0
"""Seconds for what is under way to be ended and told."""


def install(
    loop: AbstractEventLoop, leave: Callable[[int], object], patience: float = PATIENCE
) -> None:
    """SIGINT, SIGTERM and SIGHUP have `leave` called on the loop with the exit status: 128 and the signal's number, by
    which a shell knows it. A process that is still there when the patience is over ends at once: when a terminal
    vanishes, the thread that writes to it dies, and the loop may wait for it for ever."""

    def end(number: int, _: FrameType | None) -> None:
        loop.call_soon_threadsafe(leave, 128 + number)
        last = threading.Timer(patience, os._exit, (128 + number,))
        last.daemon = True
        last.start()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
