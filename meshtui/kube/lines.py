"""Lines: a stream of bytes cut at its newlines, whatever its pieces are."""

from __future__ import annotations


class Lines:
    """Give it the pieces as they come; a line longer than `longest` bytes is handed out in parts of that size."""

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self._rest = b""

    def split(self, piece: bytes) -> list[bytes]:
        """The lines that this piece completes, without their newlines."""
        *lines, rest = (self._rest + piece).split(b"\n")
        whole = [part for line in lines for part in self._parts(line)]
        *parts, self._rest = self._parts(rest)
        return whole + parts

    def _parts(self, line: bytes) -> list[bytes]:
        if len(line) <= self.longest:
            return [line]
        return [line[at : at + self.longest] for at in range(0, len(line), self.longest)]

    def end(self) -> list[bytes]:
        """What came after the last newline, if anything."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []
