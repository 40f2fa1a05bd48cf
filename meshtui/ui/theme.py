"""The design tokens that every stylesheet may use, over any of Textual's themes."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

TOKENS = {
    "ok": "text-success",
    "warn": "text-warning",
    "bad": "text-error",
    "unknown": "text-primary",
}
"""Our own variables, and the one of Textual's that each has the value of where a theme does not say."""


def variables(theme: Mapping[str, str]) -> dict[str, str]:
    """The variables of a theme with our own beside them."""
    return {token: theme[source] for token, source in TOKENS.items()} | dict(theme)


_HUES = ("#2f6f9f", "#5b5fa8", "#7a4f9a", "#2f7f6f", "#8a6d1f", "#4f7a2f", "#8a4f6f", "#3f6f7f")
_PRODUCTION = "#a02c2c"


def context_colour(context: str, *, production: bool) -> str:
    """A context's own colour, always the same for the same name; red is kept for what looks like production."""
    return _PRODUCTION if production else _HUES[zlib.crc32(context.encode()) % len(_HUES)]
