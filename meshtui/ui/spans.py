"""Span, Line: text with a tone, as panes write it; what a tone looks like is the stylesheet's business."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from textual.content import Content

from meshtui.mesh.health import Health, Verdict


class Tone(Enum):
    """How a piece of text is meant. Each is a component class of the app."""

    PLAIN = "tone--plain"
    MUTED = "tone--muted"
    STRONG = "tone--strong"
    ACCENT = "tone--accent"
    OK = "tone--ok"
    UNKNOWN = "tone--unknown"
    WARN = "tone--warn"
    BAD = "tone--bad"


class Span(NamedTuple):
    """A piece of text of one tone."""

    text: str
    tone: Tone = Tone.PLAIN


Line = tuple[Span, ...]
Cell = str | Span | Line
"""What stands in one cell of a table."""

_HIDDEN = (
    *range(0x20),
    *range(0x7F, 0xA0),
    0x061C,
    *range(0x200B, 0x2010),  # zero width, and marks of direction
    0x2028,
    0x2029,
    *range(0x202A, 0x202F),  # embeddings and overrides of direction
    *range(0x2060, 0x2070),
    0xFEFF,
    *range(0xFFF9, 0xFFFC),
)
_SHOWN = dict.fromkeys(_HIDDEN, "\N{REPLACEMENT CHARACTER}") | {0x09: " "}

_TONE_OF = {
    Health.NONE: Tone.MUTED,
    Health.OK: Tone.OK,
    Health.UNKNOWN: Tone.UNKNOWN,
    Health.WARN: Tone.WARN,
    Health.BAD: Tone.BAD,
}


def plain(text: str) -> str:
    """The text with every character that steers a terminal, or hides, made visible. Whatever a cluster says passes
    here before it is drawn: names, labels, log lines and certificates come from strangers."""
    return text if text.isascii() and text.isprintable() else text.translate(_SHOWN)


def tone(health: Health) -> Tone:
    return _TONE_OF[health]


def mark(health: Health) -> Span:
    """The mark of a health: "✗" in the tone of what fails."""
    return Span(health.mark, tone(health))


def said(verdict: Verdict) -> Line:
    """A verdict as a line: mark, then its reason, or its word where it gives none."""
    return (mark(verdict.health), Span(" "), Span(verdict.reason or verdict.health.word))


def line(cell: Cell) -> Line:
    """A cell as a line, fit to be drawn."""
    if isinstance(cell, str):
        return (Span(plain(cell)),)
    if isinstance(cell, Span):
        return (Span(plain(cell.text), cell.tone),)
    return tuple(Span(plain(span.text), span.tone) for span in cell)


def text_of(cell: Cell) -> str:
    """The words of a cell without their tones."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Span):
        return cell.text
    return "".join([span.text for span in cell])  # faster than without a list


def content(lines: Sequence[Line]) -> Content:
    """Lines as Textual's own text, for widgets that wrap by themselves."""
    return Content("\n").join(
        Content.assemble(*((plain(span.text), _STYLE[span.tone]) for span in each))
        for each in lines
    )


_STYLE = {
    Tone.PLAIN: "",
    Tone.MUTED: "$muted",
    Tone.STRONG: "bold",
    Tone.ACCENT: "$tint",
    **{tone: f"${tone.name.lower()}" for tone in (Tone.OK, Tone.UNKNOWN, Tone.WARN, Tone.BAD)},
}


def join(lines: Sequence[Line]) -> str:
    """Lines as text, as they are copied and searched."""
    return "\n".join(text_of(one) for one in lines)
