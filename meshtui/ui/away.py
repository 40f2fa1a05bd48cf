"""Away: what the terminal tells while it is in the background: its title says what has become critical since, and its
bell rings where that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from meshtui.ui.ascii import plain as in_ascii
from meshtui.ui.columns import shorten
from meshtui.ui.spans import plain

_KEEP, _RESTORE = "\x1b[22;2t", "\x1b[23;2t"
"""XTWINOPS: the title is laid aside by the terminal, and put back (xterm, "Control Sequences")."""
_LONGEST = 100


class Away:
    """Watches between the terminal's loss of focus and its return."""

    def __init__(
        self, write: Callable[[str], object], *, bell: bool = False, only_ascii: bool = False
    ) -> None:
        """`write` sends to the terminal."""
        self._write = write
        self._bell = bell
        self._only_ascii = only_ascii
        self._known: set[str] | None = None
        """What was critical already; None while the terminal is in front."""
        self._new: dict[str, str] = {}

    @property
    def watching(self) -> bool:
        return self._known is not None

    def leave(self, critical: Mapping[str, str]) -> None:
        """The terminal is in the background now."""
        if self._known is None:
            self._known = set(critical)

    def look(self, context: str, critical: Mapping[str, str]) -> None:
        """Tells of what is critical now and was not before."""
        if self._known is None:
            return
        came = {key: words for key, words in critical.items() if key not in self._known}
        if not came:
            return
        if not self._new:
            self._write(_KEEP)
        self._known |= set(came)
        self._new |= came
        self._write(f"\x1b]2;{self._title(context)}\a")
        if self._bell:
            self._write("\a")

    def back(self) -> list[str]:
        """The terminal is in front again, with the title that it had. Gives what came meanwhile."""
        came = list(self._new.values())
        if came:
            self._write(_RESTORE)
        self._known, self._new = None, {}
        return came

    def _title(self, context: str) -> str:
        """Fit for a terminal: what it names comes from strangers, and an escape code would end it."""
        latest = list(self._new.values())[-1]
        several = f" {len(self._new)}" if len(self._new) > 1 else ""
        title = plain(f"✗{several} {shorten(context, 30)}: {latest}")
        if len(title) > _LONGEST:
            title = f"{title[: _LONGEST - 1]}…"
        return in_ascii(title) if self._only_ascii else title
