"""Favourites: the namespaces that were used last in each context, for the keys 1 to 9; kept between runs in a file.

As in k9s, what is new comes first, and what is among them already stays where it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from meshtui import kept
from meshtui.settings import state_path

MOST = 9

Chosen = tuple[tuple[str, ...], ...]
"""Each the namespaces that one key chooses."""


class Favourites:
    """Those of all contexts."""

    def __init__(self, path: Path | None = None) -> None:
        """`path` is where they are kept; None keeps them no longer than the program runs."""
        self._path = path
        self._of: dict[str, Chosen] = {}

    def of(self, context: str) -> Chosen:
        return self._of.get(context, ())

    def use(self, context: str, namespaces: tuple[str, ...]) -> bool:
        """Makes these namespaces one of the favourites; whether they were none before."""
        before = self.of(context)
        if not namespaces or namespaces in before:
            return False
        self._of[context] = (namespaces, *before)[:MOST]
        return True

    def load(self) -> None:
        """Reads the file, waiting for it. What is no list of names in it is passed over. Raises OSError."""
        if self._path is not None:
            self._of = {**_read(self._path), **self._of}

    def save(self, context: str) -> None:
        """Puts those of one context into the file, whole or not at all, and leaves the others as another program may
        have written them meanwhile; it waits for it. Raises OSError."""
        if self._path is None:
            return
        all_ = {**_read(self._path), context: self.of(context)}
        kept.write(
            self._path, {name: [",".join(one) for one in each] for name, each in all_.items()}
        )


def default_path() -> Path:
    return state_path() / "favourites.json"


def _read(path: Path) -> Mapping[str, Chosen]:
    return {
        name: tuple(_namespaces(one) for one in each if isinstance(one, str) and one.strip(","))[
            :MOST
        ]
        for name, each in kept.read(path).items()
        if isinstance(each, list)
    }


def _namespaces(written: str) -> tuple[str, ...]:
    return tuple(filter(None, written.split(",")))
