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
        while len(rest) > self.longest:
            lines.append(rest[: self.longest])
            rest = rest[self.longest :]
        self._rest = rest
        return lines

    def end(self) -> list[bytes]:
        """What came after the last newline, if anything."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []
