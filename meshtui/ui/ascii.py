"""ASCII: the screen in the 95 signs that every terminal, font and braille display has.

A filter over all that is drawn, Textual's own widgets and what a cluster says included: nothing else on the screen has
to know of it, and each sign keeps its width.
"""

from __future__ import annotations

import locale
from collections.abc import Iterator

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SIGNS = (
    *zip("✓✗·…–—●◌◍→←↑↓▸▾×•“”‘’§µ", "+x.~--*o%><^v>vx*\"\"''Su", strict=True),
    *zip("─│┌┐└┘├┤┬┴┼━╸╺┄╌", "-|+++++++++=----", strict=True),
    *zip("▌█▁▂▃▄▅▆▇", "|#_.:-=+*", strict=True),
)
"""Marks; lines and bars; blocks and sparklines."""
_TABLE = {ord(sign): plain for sign, plain in _SIGNS}


class Ascii(LineFilter):
    """Draws each line with ASCII only; what has no likeness in it becomes "?"."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment
            if segment.control or segment.text.isascii()
            else Segment(plain(segment.text), segment.style)
            for segment in segments
        ]


def plain(text: str) -> str:
    """The text in ASCII, as wide as it was."""
    return "".join(_plain(text.translate(_TABLE)))


def _plain(text: str) -> Iterator[str]:
    for sign in text:
        yield sign if sign.isascii() else "?" * cell_len(sign)


def is_needed() -> bool:
    """Whether the locale's encoding has no other signs: anything but UTF-8. Where no locale is set, Python takes one
    with UTF-8 (PEP 538), and so do we."""
    return locale.getencoding().lower().replace("-", "") != "utf8"
