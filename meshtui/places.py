"""Places: where one left off in each context, kept between runs in a file.

As k9s does: one begins there again, unless a flag or the configuration says where.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from meshtui import kept
from meshtui.settings import Settings, state_path


class Left(Struct, frozen=True):
    """What was looked at last."""

    pane: str = ""
    """"" for the first one."""
    namespaces: tuple[str, ...] = ()
    """Empty for all."""


def load(path: Path, context: str) -> Left:
    """Where one left off in a context; the first pane and all namespaces where that is not kept, or was damaged. It
    waits for the file. Raises OSError."""
    try:
        return msgspec.convert(kept.read(path).get(context, {}), Left)
    except msgspec.ValidationError:
        return Left()


def save(path: Path, context: str, left: Left) -> None:
    """Keeps it, and leaves the other contexts as another program may have written them meanwhile; it waits for it.
    Raises OSError."""
    if load(path, context) != left:
        kept.write(path, {**kept.read(path), context: msgspec.to_builtins(left)})


def begun(settings: Settings, context: str, left: Left) -> Settings:
    """The settings to begin with in a context where one left off there."""
    settings = replace(settings, pane=settings.pane or left.pane)
    if settings.all_namespaces or settings.namespaces_of(context):
        return settings
    about = replace(settings.about(context), namespaces=left.namespaces)
    return replace(settings, contexts={**settings.contexts, context: about})


def default_path() -> Path:
    return state_path() / "places.json"
