"""The themes: what is read stands out from what it stands on, and the healths from each other, also for people who see
colours otherwise.

Contrast is as WCAG 2.2 defines it (relative luminance and contrast ratio, https://www.w3.org/TR/WCAG22/). How a colour
looks to a dichromat is by the matrices of Machado, Oliveira and Fernandes, "A Physiologically-based Model for
Simulation of Color Vision Deficiency" (IEEE TVCG 15, 2009), table for severity 1.0, in linear RGB; distances are in
CIE 1976 L*a*b*, where 10 is seen at a glance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations

import pytest
from rich.color import Color as RichColor
from rich.color import ColorSystem
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from meshtui.settings import ContextSettings, Settings
from meshtui.ui import themes
from tests.ui import situations
from tests.ui.look import strips_of
from tests.ui.looking import Looking, looking

HEALTHS = ("ok", "unknown", "warn", "bad")
READ = (*HEALTHS, "tint", "muted", "foreground")
GROUNDS = ("background", "surface", "panel", "cursor")
OWN = {theme.name: theme for theme in themes.OWN}

TOLD = {*READ, *GROUNDS}

Rgb = tuple[float, float, float]

SEEN_BY: Mapping[str, tuple[Rgb, Rgb, Rgb]] = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def variables(theme: Theme) -> dict[str, str]:
    return themes.variables({**theme.to_color_system().generate(), **theme.variables})


def linear(colour: str) -> Rgb:
    """sRGB to linear light, as WCAG and IEC 61966-2-1 have it."""
    r, g, b = (part / 255 for part in Color.parse(colour).rgb)

    def one(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    return one(r), one(g), one(b)


def luminance(colour: str) -> float:
    r, g, b = linear(colour)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def lab(light: Rgb) -> Rgb:
    """Linear RGB to CIE L*a*b*, D65."""
    r, g, b = (max(0.0, min(1.0, part)) for part in light)
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883

    def f(part: float) -> float:
        return part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116

    return 116 * f(y) - 16, 500 * (f(x) - f(y)), 200 * (f(y) - f(z))


def seen(colour: str, by: str) -> Rgb:
    light = linear(colour)
    r, g, b = (sum(a * part for a, part in zip(row, light, strict=True)) for row in SEEN_BY[by])
    return lab((r, g, b))


def test_contrast_is_what_the_standard_says() -> None:
    """Two pairs whose ratios WCAG's own material names."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def poor(name: str, found: Mapping[str, str]) -> Mapping[tuple[str, str], float]:
    """What does not stand out enough from what it stands on, in these colours of a theme."""
    least = 7 if name == "high-contrast" else 4.5
    return {
        (ink, ground): round(contrast(found[ink], found[ground]), 2)
        for ink in READ
        for ground in GROUNDS
        if contrast(found[ink], found[ground]) < least
    }


@pytest.mark.parametrize("name", OWN)
def test_whatever_is_read_stands_out_from_whatever_it_stands_on(name: str) -> None:
    assert poor(name, variables(OWN[name])) == {}


@pytest.mark.parametrize("name", OWN)
def test_so_it_does_in_256_colours(name: str) -> None:
    """What a terminal without true colours is sent: the colour of xterm's palette that Rich takes for each."""
    told = {key: in_256(colour) for key, colour in variables(OWN[name]).items() if key in TOLD}
    assert poor(name, told) == {}


def in_256(colour: str) -> str:
    return RichColor.parse(colour).downgrade(ColorSystem.EIGHT_BIT).get_truecolor().hex


@pytest.mark.parametrize("name", [*OWN, *BUILTIN_THEMES])
def test_each_health_has_a_colour_of_its_own(name: str) -> None:
    found = variables(OWN.get(name) or BUILTIN_THEMES[name])
    assert len({found[health] for health in HEALTHS}) == len(HEALTHS)


@pytest.mark.parametrize(
    ("name", "by"),
    [
        ("deuteranopia", "deuteranopia"),
        ("deuteranopia", "protanopia"),
        ("tritanopia", "tritanopia"),
    ],
)
def test_healths_are_told_apart_by_those_a_theme_is_for(name: str, by: str) -> None:
    found = variables(OWN[name])
    apart = {
        (one, other): math.dist(seen(found[one], by), seen(found[other], by))
        for one, other in combinations(HEALTHS, 2)
    }
    assert min(apart.values()) > 20, apart


def test_the_usual_theme_is_not_for_them() -> None:
    """What warns and what is well are close there: the other themes have a reason."""
    found = variables(OWN["dark"])
    usual = math.dist(seen(found["warn"], "deuteranopia"), seen(found["ok"], "deuteranopia"))
    made_for = variables(OWN["deuteranopia"])
    other = math.dist(*(seen(made_for[it], "deuteranopia") for it in ("warn", "ok")))
    assert usual < 40 < other


@pytest.mark.parametrize("context", ["a", "kind-shop", "gke_europe", "x1", "x2", "x3", "x4", "x5"])
def test_a_context_can_be_read_on_its_colour(context: str) -> None:
    for production in (False, True):
        ground = themes.context_colour(context, production=production)
        assert contrast(themes.ink_on(ground), ground) >= 4.5


@pytest.mark.parametrize("ground", ["#ffee00", "#001122", "#aa3366", "#7f7f7f", "#00a000"])
def test_so_it_can_on_any_colour_that_somebody_chose(ground: str) -> None:
    worse = {"#ffffff": "#000000", "#000000": "#ffffff"}[themes.ink_on(ground)]
    assert contrast(themes.ink_on(ground), ground) >= contrast(worse, ground)


XTERM = {
    "red": "#cd0000",
    "green": "#00cd00",
    "yellow": "#cdcd00",
    "blue": "#0000ee",
    "magenta": "#cd00cd",
    "cyan": "#00cdcd",
    "black": "#000000",
    "bright_white": "#ffffff",
    "bright_blue": "#5c5cff",
}
"""The colours of xterm's own names (XTerm-col.ad); the ones of other terminals are near."""


@pytest.mark.parametrize("context", ["a", "kind-shop", "gke_europe", "x1", "x2", "x3", "x4", "x5"])
def test_a_context_can_be_read_in_sixteen_colours_too_and_production_is_red(context: str) -> None:
    grounds = {}
    for production in (False, True):
        colour = themes.context_colour(context, production=production)
        style = themes.label(colour, own=True)
        assert style.color
        assert style.bgcolor
        grounds[production] = style.bgcolor.name
        assert contrast(XTERM[style.color.name], XTERM[style.bgcolor.name]) >= 4
    assert grounds[True] == "red" != grounds[False]


def test_the_accent_of_sixteen_colours_is_read_on_black_and_on_white() -> None:
    found = variables(BUILTIN_THEMES[themes.TERMINALS_OWN])
    for token in ("tint", "unknown"):
        ink = XTERM[found[token].removeprefix("ansi_")]
        assert min(contrast(ink, ground) for ground in ("#000000", "#ffffff")) >= 4


def worn(at: Looking) -> str:
    return at.app.theme


async def test_dark_is_worn_where_nobody_says_which() -> None:
    async with looking(situations.shop()) as at:
        assert worn(at) == "dark"


async def test_the_command_puts_any_of_them_on() -> None:
    async with looking(situations.shop()) as at:
        for name in OWN:
            await at.type(f":theme {name}\r")
            assert worn(at) == name
            ground = at.app.screen.styles.background
            assert ground == Color.parse(variables(OWN[name])["background"])


@pytest.mark.parametrize(("context", "theme"), [("kind-shop", "light"), ("prod-eu1", "tritanopia")])
async def test_a_context_has_a_theme_of_its_own(context: str, theme: str) -> None:
    settings = Settings(theme="light", contexts={"prod-eu1": ContextSettings(theme="tritanopia")})
    async with looking(situations.shop(), context=context, settings=settings) as at:
        assert worn(at) == theme


async def test_without_colours_it_is_the_terminals_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with looking(situations.shop(), settings=Settings(theme="light")) as at:
        assert worn(at) == "ansi-dark"


async def test_without_colours_one_sees_what_is_chosen_and_where_one_types(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with looking(situations.shop()) as at:
        await at.type(":sv")
        drawn = [each for strip in strips_of(at.app) for each in strip]
        chosen = [each for each in drawn if each.text.startswith("services  ")]
        assert [bool(each.style and each.style.underline) for each in chosen] == [True]
        cursor = at.app.screen.query_one("#prompt Input").get_component_rich_style("input--cursor")
        assert cursor.reverse
