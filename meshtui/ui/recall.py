"""Recall: the lines that were entered before, one after the other, as a shell gives them back."""

from __future__ import annotations

_MOST = 200


class Recall:
    """The lines of one kind, oldest first; each stands there once. What is being typed is kept aside meanwhile."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._at = 0
        self._typed = ""

    def add(self, line: str) -> None:
        """Remembers a line that was entered."""
        if line := line.strip():
            self._lines = [*(each for each in self._lines if each != line), line][-_MOST:]
        self.rest()

    def rest(self) -> None:
        """Something new is being typed."""
        self._at = len(self._lines)

    @property
    def resting(self) -> bool:
        """Whether none of the lines is shown."""
        return self._at == len(self._lines)

    def older(self, typed: str) -> str | None:
        """The line before the one that is shown; None where there is none. `typed` is what stands there now."""
        at = self._at - 1
        if self.resting:
            self._typed = typed
            if self._lines and self._lines[at] == typed:
                at -= 1
        if at < 0:
            return None
        self._at = at
        return self._lines[at]

    def newer(self) -> str | None:
        """The line after the one that is shown, at last what was being typed; None where that is shown."""
        if self.resting:
            return None
        self._at += 1
        return self._typed if self.resting else self._lines[self._at]
