"""Clipboard: how a terminal is asked to put a text on it (xterm's OSC 52), also from within tmux and screen."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from meshtui.ui.spans import plain

MOST = 74_000
"""So many bytes at most: terminals pass over what is longer (xterm, and with it hterm and tmux, take 100,000 characters
of base64)."""
_PIECE = 76
"""GNU screen passes on strings of at most 768 bytes; so many characters at a time are safe."""


def clean(text: str) -> str:
    """The text without what steers a terminal, for whoever pastes it into a shell."""
    return "\n".join(plain(line) for line in text.split("\n"))


def fits(text: str) -> bool:
    """Whether a terminal takes so long a text."""
    return len(text.encode("utf-8", "replace")) <= MOST


def request(text: str, environ: Mapping[str, str]) -> str:
    """What is written to the terminal."""
    coded = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    asked = f"\x1b]52;c;{coded}\a"
    if environ.get(
        "TMUX"
    ):  # `set -g set-clipboard on` takes the first, `allow-passthrough on` the second
        escaped = asked.replace("\x1b", "\x1b\x1b")
        return f"{asked}\x1bPtmux;{escaped}\x1b\\"
    if environ.get("STY"):
        pieces = re.findall(f".{{1,{_PIECE}}}", asked, re.DOTALL)
        return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)
    return asked
