"""Favourites: the namespaces that were used last in each context, for the keys 1 to 9; kept between runs in a file.

As in k9s, what is new comes first, and what is among them already stays where it is.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = {**_read(self._path), context: self.of(context)}
        text = json.dumps({name: [",".join(one) for one in each] for name, each in kept.items()})
        descriptor, written = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(f"{text}\n")
            Path(written).replace(self._path)
        except OSError:
            Path(written).unlink(missing_ok=True)
            raise


def default_path() -> Path:
    return state_path() / "favourites.json"


def _read(path: Path) -> Mapping[str, Chosen]:
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (
        FileNotFoundError,
        ValueError,
    ):  # one that was edited is mended by the next that is saved
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        name: tuple(_namespaces(one) for one in each if isinstance(one, str) and one.strip(","))[
            :MOST
        ]
        for name, each in found.items()
        if isinstance(each, list)
    }


def _namespaces(written: str) -> tuple[str, ...]:
    return tuple(filter(None, written.split(",")))
