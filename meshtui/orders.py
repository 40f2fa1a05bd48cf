"""How each pane's rows were sorted last, kept between runs in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from meshtui import kept
from meshtui.settings import state_path

Order = tuple[str, bool]
"""The title of a column, and whether the other way round."""


def load(path: Path) -> Mapping[str, Order]:
    """By pane, or by kind; it waits for the file. What is no order in it is passed over. Raises OSError."""
    return {
        name: (each[0], each[1])
        for name, each in kept.read(path).items()
        if isinstance(each, list) and [type(one) for one in each] == [str, bool]
    }


def save(path: Path, name: str, order: Order | None) -> None:
    """Keeps one of them, None for the pane's own, and leaves the others as another program may have written them
    meanwhile; it waits for it. Raises OSError."""
    others = {key: each for key, each in load(path).items() if key != name}
    kept.write(path, others if order is None else {**others, name: order})


def default_path() -> Path:
    return state_path() / "orders.json"
