"""Finds the stylesheets: beside the package in a wheel, at the top of the repository in a checkout."""

from __future__ import annotations

from pathlib import Path, PurePath

_PACKAGED = Path(__file__).parents[1] / "styles"
_CHECKOUT = Path(__file__).parents[2] / "styles"

STYLESHEETS: list[str | PurePath] = [
    *sorted((_PACKAGED if _PACKAGED.is_dir() else _CHECKOUT).glob("*.tcss"))
]
