"""Which findings are muted in each context; kept between runs in a file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from meshtui import kept
from meshtui.mesh.mutes import Mute
from meshtui.settings import state_path

ByFinding = Mapping[str, Mute]


class Mutes:
    """Those of all contexts."""

    def __init__(self, path: Path | None = None) -> None:
        """`path` is where they are kept; None keeps them no longer than the program runs."""
        self._path = path
        self._of: dict[str, ByFinding] = {}

    def of(self, context: str) -> ByFinding:
        return self._of.get(context, {})

    def add(self, context: str, mute: Mute) -> None:
        self._of[context] = {**self.of(context), mute.finding: mute}

    def remove(self, context: str, finding: str) -> None:
        self._of[context] = {key: it for key, it in self.of(context).items() if key != finding}

    def load(self) -> None:
        """Reads the file, waiting for it. What is no mute in it is passed over. Raises OSError."""
        if self._path is not None:
            self._of = {**_read(self._path), **self._of}

    def save(self, context: str, now: datetime) -> None:
        """Puts those of one context that still hold into the file, and leaves the others as another program may have
        written them meanwhile; it waits for it. Raises OSError."""
        if self._path is None:
            return
        holding = [_written(each) for each in self.of(context).values() if each.holds(now)]
        kept.write(self._path, {**kept.read(self._path), context: holding})


def default_path() -> Path:
    return state_path() / "mutes.json"


def _written(mute: Mute) -> dict[str, str | None]:
    return {
        "finding": mute.finding,
        "reason": mute.reason,
        "since": mute.since.isoformat(),
        "until": mute.until.isoformat() if mute.until else None,
    }


def _read(path: Path) -> dict[str, ByFinding]:
    found: dict[str, ByFinding] = {}
    for context, listed in kept.read(path).items():
        every = map(_mute, listed if isinstance(listed, list) else ())
        found[context] = {each.finding: each for each in every if each is not None}
    return found


def _mute(written: Any) -> Mute | None:
    """None where it is none."""
    try:
        since, until = (_moment(written[key]) for key in ("since", "until"))
        finding, reason = str(written["finding"]), str(written["reason"])
    except (TypeError, KeyError, ValueError):
        return None
    return Mute(finding, reason, since, until) if since is not None else None


def _moment(written: str | None) -> datetime | None:
    """Raises ValueError for a time without its zone, which could not be compared."""
    found = datetime.fromisoformat(written) if written is not None else None
    if found is not None and found.tzinfo is None:
        raise ValueError(f"{written} has no zone")
    return found
