"""The terminal, lent to another program: an editor, or a credential plugin that asks for a log-in."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from textual.app import App


@contextmanager
def lent(app: App[int], interrupted: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Gives the terminal away as it was before the program came. Nothing is drawn meanwhile, and the cluster is still
    read. ctrl-c goes to all that the terminal has, which would end us too: `interrupted` is called instead. Raises
    SuspendNotSupported."""
    lending = nullcontext() if app.is_headless else app.suspend()
    with app.batch_update(), _at_ctrl_c(interrupted):
        lending.__enter__()
        try:
            yield
        finally:  # Textual takes it back only where nothing was raised
            lending.__exit__(None, None, None)


@contextmanager
def _at_ctrl_c(call: Callable[[], object]) -> Iterator[None]:
    """A handler, and no SIG_IGN, which the other program would inherit."""
    loop, before = asyncio.get_running_loop(), signal.getsignal(signal.SIGINT)
    loop.add_signal_handler(signal.SIGINT, call)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)
