"""Text of strangers, made safe to print."""

from __future__ import annotations


def plain(text: str) -> str:
    """Without what would steer a terminal: it may name things of the cluster. What a line feed or an escape code was
    shows as U+FFFD."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
