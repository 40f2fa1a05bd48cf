"""Reading: bodies to values, large ones in a process of their own, so that the screen does not wait for them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import redirect_stderr
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

from meshtui import memory
from meshtui.kube.errors import Unreachable
from meshtui.mesh.snapshot import Problem, Trouble

LARGE = 200_000  # bytes; a dump of that size takes about 2 ms to read
_DEADLINE = 30.0


class Reading:
    """The process is started for the first large body, and ends at once when this is closed or its parent is killed."""

    def __init__(self) -> None:
        self._worker: ProcessPoolExecutor | None = None
        self._lifeline: Connection | None = None

    async def read(self, read: Callable[[bytes], Any], body: bytes) -> Any:
        """`read(body)`. Raises Unreachable with what is wrong with the body."""
        try:
            if len(body) < LARGE:
                return read(body)
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(_DEADLINE):
                return await loop.run_in_executor(self._started(), _read, read, body)
        except (ValueError, RecursionError) as error:
            raise _unreadable(str(error)) from error
        except TimeoutError as error:
            self.close()
            raise _unreadable(f"reading it took more than {_DEADLINE:g} s") from error
        except BrokenProcessPool as error:
            self.close()
            raise _unreadable("the process that read it died") from error

    def close(self) -> None:
        """Ends the process without waiting for it."""
        if self._worker is not None and self._lifeline is not None:
            self._lifeline.close()
            self._worker.shutdown(wait=False, cancel_futures=True)
        self._worker = self._lifeline = None

    def _started(self) -> ProcessPoolExecutor:
        if self._worker is None:
            context = get_context("spawn")
            held, self._lifeline = context.Pipe(duplex=False)
            # What Textual puts in stderr's place has no file descriptor, and multiprocessing starts nothing then.
            with redirect_stderr(sys.__stderr__):
                self._worker = ProcessPoolExecutor(
                    1, mp_context=context, initializer=_live_with, initargs=(held,)
                )
        return self._worker


def _live_with(lifeline: Connection) -> None:
    """In the process: ctrl-c is the parent's affair, and when the parent lets go of the lifeline, it is over."""
    memory.map_large_pieces()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_after, args=(lifeline,), daemon=True).start()


def _read(read: Callable[[bytes], Any], body: bytes) -> Any:
    """In the process, which is idle for most of the time and should be small then."""
    try:
        return read(body)
    finally:
        memory.give_back()


def _end_after(lifeline: Connection) -> None:
    try:
        lifeline.recv_bytes()
    except EOFError:
        os._exit(0)


def _unreadable(why: str) -> Unreachable:
    return Unreachable(Problem(Trouble.BROKEN, f"the answer cannot be read: {why}"))
