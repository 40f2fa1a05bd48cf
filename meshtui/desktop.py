"""The desktop's own clipboard, by the program that it has for it; a terminal may not know how to be asked."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

_PATIENCE = 3.0
"""Seconds that such a program may take."""


def clipboard(environ: Mapping[str, str], platform: str = sys.platform) -> Sequence[str]:
    """The command that takes a text from its input; none where there is no desktop, or it is far away."""
    if environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"):
        return ()
    known = (
        (platform == "darwin", ("pbcopy",)),
        (environ.get("WAYLAND_DISPLAY"), ("wl-copy",)),
        (environ.get("DISPLAY"), ("xclip", "-selection", "clipboard")),
        (environ.get("DISPLAY"), ("xsel", "-ib")),
    )
    path = environ.get("PATH")
    return next((each for here, each in known if here and shutil.which(each[0], path=path)), ())


def put(text: str, command: Sequence[str]) -> None:
    """Gives a text to such a command, waiting for it. Raises OSError, which says why it was not taken."""
    try:
        done = subprocess.run(
            command,
            input=text.encode("utf-8", "replace"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise TimeoutError(f"no answer in {_PATIENCE:.0f} seconds") from late
    if done.returncode:
        raise OSError(f"exit status {done.returncode}")
