"""A look: what is on the screen as text, and under it where it is drawn in another style than the rest.

A line of styles names the line of the screen, then each run of characters, from and up to which column, with the name
that its style has in the theme:

    04  1-2 bad; 3-60 bold on cursor
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.style import Style
from textual._context import visible_screen_stack
from textual.app import App
from textual.color import Color
from textual.strip import Strip

from meshtui.app import MeshApp

_NAMED = (
    *("foreground", "background", "panel", "surface", "cursor", "warning-muted"),
    *("ok", "unknown", "warn", "bad", "tint", "muted", "scrollbar"),
    *("scrollbar-background", "block-cursor-background"),
)
"""Variables of the theme whose names say more than their colours."""
_USUAL = ("foreground", "background")


def strips_of(app: App[Any]) -> list[Strip]:
    """What is on the screen, a strip for each of its lines; drawn where it was not, upon the screens that shine through
    from behind."""
    visible_screen_stack.set(app._background_screens)
    return app.screen._compositor.render_strips()


def look(app: MeshApp) -> str:
    """The screen of the app as a look."""
    names = _names(app)
    strips = strips_of(app)
    width = app.size.width
    text = [strip.text[:width].rstrip() for strip in strips]
    styles = []
    for number, strip in enumerate(strips, 1):
        runs = "; ".join(_runs(((each.text, each.style or Style()) for each in strip), names))
        if runs:
            styles.append(f"{number:02}  {runs}")
    return "\n".join([*text, "─" * width, *styles, ""])


def _names(app: MeshApp) -> Mapping[str, str]:
    """By colour the name that it has in the theme."""
    variables = app.theme_variables
    found: dict[str, str] = {}
    for name in _NAMED:
        if variables.get(name, "").startswith("#"):
            found.setdefault(_hex(Color.parse(variables[name])), name)
    if found:
        ground, ink = (Color.parse(variables[name]) for name in ("background", "foreground"))
        found.setdefault(_hex(ground.blend(ink, 0.65)), "a step back")
    return found


def _hex(colour: Color) -> str:
    return colour.hex6.lower()


def _runs(parts: Iterable[tuple[str, Style]], names: Mapping[str, str]) -> Iterator[str]:
    """The runs of a line that are not in the usual style, neighbours in one style as one. Blanks without a ground of
    their own belong to what stands on both sides of them."""
    at = start = end = 0
    last = ""
    for text, style in parts:
        name = _name(style, names)
        if text.strip() or " on " in f" {name}" or "underline" in name:
            if name != last:
                if last:
                    yield f"{start}-{end} {last}"
                start, last = at, name
            end = at + len(text)
        at += len(text)
    if last:
        yield f"{start}-{end} {last}"


def _name(style: Style, names: Mapping[str, str]) -> str:
    """ "bold text-error on panel"; "" for the usual one."""
    words = [
        word for word in ("bold", "dim", "italic", "underline", "reverse") if getattr(style, word)
    ]
    for colour, before in ((style.color, ""), (style.bgcolor, "on ")):
        if colour is None or colour.is_default:
            continue
        name = names.get(colour.name, colour.name)
        if name not in _USUAL or (name == "background" and not before):
            words.append(f"{before}{name}")
    return " ".join(words)
