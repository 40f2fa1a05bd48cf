"""Trail: the views that one came by, in their order, to walk back and forth between them."""

from __future__ import annotations

from msgspec import Struct

from meshtui.ui.exchange import Jump

_MOST = 1000


class View(Struct, frozen=True):
    """What one looked at, with where the cursor was and what was filtered."""

    jump: Jump
    filter: str = ""
    namespaces: tuple[str, ...] = ()


class Trail:
    """The views, oldest first, and the one that is looked at. Going somewhere new forgets those that one went back
    from."""

    def __init__(self) -> None:
        self._views: list[View] = []
        self._at = -1
        self._last = -1

    def clear(self) -> None:
        self._views, self._at, self._last = [], -1, -1

    def go(self, here: View, to: View) -> None:
        """One goes from here to another view."""
        kept = self._views[: max(0, self._at)]
        self._views = [*kept, here, to][-_MOST:]
        self._at = len(self._views) - 1
        self._last = self._at - 1

    def back(self, here: View) -> View | None:
        """The view before this one; None where this is the first."""
        return self._to(self._at - 1, here)

    def forward(self, here: View) -> View | None:
        """The view that one went back from; None where there is none."""
        return self._to(self._at + 1, here)

    def last(self, here: View) -> View | None:
        """The view that was looked at before this one, whichever way one came."""
        return self._to(self._last, here)

    def _to(self, position: int, here: View) -> View | None:
        if not 0 <= position < len(self._views):
            return None
        self._views[self._at] = here
        self._last, self._at = self._at, position
        return self._views[position]
