"""The files of the state directory, by what they keep."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct, field

from meshtui import favourites, mutes, orders
from meshtui.kube import audit


class Files(Struct, frozen=True):
    """Where the program keeps what outlives it; None keeps that no longer than the program runs."""

    audit: Path = field(default_factory=audit.default_path)
    """What was changed from here, or was not. Nothing is changed where it cannot be written."""
    favourites: Path | None = None
    """The namespaces behind 1 to 9."""
    mutes: Path | None = None
    """The findings that are not told of."""
    orders: Path | None = None
    """How each pane is sorted."""

    @classmethod
    def default(cls) -> Files:
        """All of them in their places."""
        return cls(
            favourites=favourites.default_path(),
            mutes=mutes.default_path(),
            orders=orders.default_path(),
        )
