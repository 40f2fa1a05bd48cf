"""The themes of our own, and the design tokens that every stylesheet may use, over any of Textual's too.

What each colour is for is the same in all: text, what steps back, one accent, and the four healths. Their contrast is
WCAG 2.2's 4.5:1 for text (success criterion 1.4.3), in `high-contrast` the 7:1 of 1.4.6. The two for people who see
colours otherwise keep what is well, what warns and what fails apart for them: blue, yellow and orange for a weakness
in red or green; teal, pink and red for one in blue.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from functools import partial

from rich.console import Console
from rich.style import Style
from textual.color import Color
from textual.constants import COLOR_SYSTEM
from textual.theme import BUILTIN_THEMES, Theme

TOKENS = {
    "ok": "text-success",
    "warn": "text-warning",
    "bad": "text-error",
    "unknown": "text-primary",
    "tint": "text-primary",
    "cursor": "primary-muted",
}
"""Our own variables, and the one of Textual's that each has the value of where a theme does not say: the healths, the
accent, and the ground under the cursor."""

_IN_SIXTEEN = {"tint": "ansi_bright_blue", "unknown": "ansi_magenta"}
"""The same of the terminal's own colours: its blue is not to be read on black, its cyan not on white."""

DEFAULT, TERMINALS_OWN = "dark", "ansi-dark"
"""The theme that is worn where nobody says which; and the one in the sixteen colours that a terminal has by itself, for
one that has no more, or none at all: there a cursor is reversed and nothing else has a ground."""


def _theme(
    name: str,
    *,
    dark: bool = True,
    ground: tuple[str, str, str],
    text: str,
    back: str,
    tint: str,
    cursor: str,
    ok: str,
    unknown: str,
    warn: str,
    bad: str,
) -> Theme:
    """A theme of these colours: the ground of the screen, of a row that is open and of a bar; text, and text that
    steps back; the accent and the cursor; the healths."""
    background, surface, panel = ground
    own = {"ok": ok, "warn": warn, "bad": bad, "unknown": unknown, "tint": tint}
    return Theme(
        name,
        primary=tint,
        secondary=unknown,
        accent=tint,
        warning=warn,
        error=bad,
        success=ok,
        foreground=text,
        background=background,
        surface=surface,
        panel=panel,
        dark=dark,
        variables={
            **own,
            "text-success": ok,
            "text-secondary": unknown,
            "text-warning": warn,
            "text-error": bad,
            "text-primary": tint,
            "text-accent": tint,
            "muted": back,
            "cursor": cursor,
            "primary-muted": cursor,
            "block-cursor-background": cursor,
            "block-cursor-foreground": text,
            "block-cursor-blurred-background": cursor,
            "block-cursor-blurred-foreground": text,
            "block-hover-background": surface,
            "scrollbar": back,
            "scrollbar-hover": back,
            "scrollbar-active": tint,
            "scrollbar-background": background,
            "scrollbar-background-hover": background,
            "scrollbar-background-active": background,
        },
    )


_on_dark = partial(_theme, ground=("#11151a", "#181d24", "#1e252e"), text="#d5dae1", back="#9ba5b3")

OWN = (
    _on_dark(
        "dark",
        tint="#79b8ff", cursor="#1a2e50",
        ok="#7cc38d", unknown="#b9a7f5", warn="#e3b45c", bad="#ff8078",
    ),
    _theme(
        "light",
        dark=False,
        ground=("#fbfbfa", "#f1f2f3", "#e9e9ed"),
        text="#22272e", back="#59626d", tint="#0b5cad", cursor="#cfecf8",
        ok="#1d6b38", unknown="#672ea6", warn="#7d5200", bad="#b3261e",
    ),
    _theme(
        "high-contrast",
        ground=("#000000", "#101010", "#1c1c1c"),
        text="#ffffff", back="#c6c6c6", tint="#6fe3ff", cursor="#002a5c",
        ok="#6dff9c", unknown="#d9c2ff", warn="#ffdf3d", bad="#ffb0a8",
    ),
    _on_dark(
        "deuteranopia",
        tint="#a9c9ff", cursor="#1a2e50",
        ok="#5fb0f0", unknown="#c3c7cf", warn="#fff27a", bad="#ff7d2b",
    ),
    _on_dark(
        "tritanopia",
        tint="#8ed4dd", cursor="#142e43",
        ok="#35bfc0", unknown="#c3c7cf", warn="#ffd2d8", bad="#ff7474",
    ),
)  # fmt: skip

NAMES = (*(theme.name for theme in OWN), *BUILTIN_THEMES)


def has_few_colours() -> bool:
    """Whether the terminal shows sixteen colours, by its environment, or because that was asked of Textual."""
    if COLOR_SYSTEM != "auto":
        return COLOR_SYSTEM == "standard"
    return Console(stderr=True).color_system == "standard"


def variables(theme: Mapping[str, str]) -> dict[str, str]:
    """The variables of a theme with our own beside them."""
    own = {token: theme[source] for token, source in TOKENS.items()}
    if Color.parse(theme["background"]).ansi is not None:
        own |= _IN_SIXTEEN
    return {"muted": _between(theme["background"], theme["foreground"]), **own, **theme}


def _between(ground: str, ink: str) -> str:
    """The colour of what steps back, where the theme has none for it; the terminal's own colours are only dimmed."""
    colour = Color.parse(ink)
    return ink if colour.ansi is not None else Color.parse(ground).blend(colour, 0.65).hex6


_HUES = ("#2f6f9f", "#5b5fa8", "#7a4f9a", "#2a7565", "#856a1c", "#4a752a", "#8a4f6f", "#3f6f7f")
_PRODUCTION = "#a02c2c"


def context_colour(context: str, *, production: bool) -> str:
    """A context's own colour, always the same for the same name; red is kept for what looks like production."""
    return _PRODUCTION if production else _HUES[zlib.crc32(context.encode()) % len(_HUES)]


_NAMED = ("red", "yellow", "green", "cyan", "blue", "magenta")
"""The terminal's own colours, around the circle of hues."""


def label(colour: str, *, own: bool) -> Style:
    """How a context stands on its colour; `own` where that is to be one of the terminal's own: the one of its hue, or
    reversed for what has none."""
    if not own:
        return Style(color=ink_on(colour), bgcolor=colour, bold=True)
    hue, saturation, _ = Color.parse(colour).hsl
    if saturation < 0.1:
        return Style(reverse=True, bold=True)
    named = _NAMED[round(hue * 6) % 6]
    ink = "bright_white" if named in ("red", "blue", "magenta") else "black"
    return Style(color=ink, bgcolor=named, bold=True)


def ink_on(ground: str) -> str:
    """Black or white, whichever is read better on a ground."""
    return "#ffffff" if _luminance(Color.parse(ground)) < 0.179 else "#000000"


def _luminance(colour: Color) -> float:
    """Relative luminance, from 0 to 1 (WCAG 2.2); at 0.179 black and white are read equally well."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
