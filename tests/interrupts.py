"""Programs that a test starts heed ctrl-c."""

from __future__ import annotations

import signal


def heeded() -> None:
    """For `preexec_fn`: a shell has what it runs in the background ignore ctrl-c, and that is handed down."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
