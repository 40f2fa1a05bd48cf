"""The text on a terminal's screen after a program wrote to it: just enough of a terminal for what Textual writes."""

from __future__ import annotations

import re

_PIECE = re.compile(
    r"\x1b\[(?P<arguments>[0-9;?>=]*)[ -/]*(?P<command>[@-~])"  # CSI
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC
    r"|\x1b[P_^X][^\x1b]*\x1b\\"  # other strings
    r"|\x1b[()*+][0-9A-B]|\x1b[0-9=>a-zA-OQ-WYZ]"  # character sets, single escapes
    r"|(?P<control>[\r\n\b])"
    r"|(?P<text>[^\x1b\x00-\x1f]+)"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-9;?>= -/]*|[\]P_^X][^\x07\x1b]*)?\Z")


class Screen:
    """Characters in rows; colours and modes are passed over."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._rows = [[" "] * width for _ in range(height)]
        self._row = self._column = 0
        self._unread = ""

    @property
    def lines(self) -> list[str]:
        return ["".join(row).rstrip() for row in self._rows]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def feed(self, written: str) -> None:
        """Output may end within an escape sequence; what is left of it waits for the rest."""
        data = self._unread + written
        unfinished = _UNFINISHED.search(data)
        end = unfinished.start() if unfinished else len(data)
        self._unread = data[end:]
        for piece in _PIECE.finditer(data, 0, end):
            if piece["command"]:
                self._command(piece["command"], piece["arguments"])
            elif piece["text"]:
                self._write(piece["text"])
            elif piece["control"]:
                self._control(piece["control"])

    def _write(self, text: str) -> None:
        row = self._rows[min(self._row, self.height - 1)]
        for character in text:
            if self._column < self.width:
                row[self._column] = character
            self._column += 1

    def _control(self, character: str) -> None:
        if character == "\r":
            self._column = 0
        elif character == "\n":
            self._row, self._column = min(self._row + 1, self.height - 1), 0
        else:
            self._column = max(self._column - 1, 0)

    def _command(self, command: str, arguments: str) -> None:
        numbers = [int(number) if number.isdigit() else 0 for number in arguments.split(";")]
        first = numbers[0]
        if command in "Hf":
            column = numbers[1] if len(numbers) > 1 else 1
            self._row, self._column = max(first, 1) - 1, max(column, 1) - 1
        elif command == "J" and first == 2:
            self._rows = [[" "] * self.width for _ in range(self.height)]
        elif command == "K" and first == 0:
            self._rows[self._row][self._column :] = [" "] * (self.width - self._column)
        elif command == "C":
            self._column += max(first, 1)
        elif command == "A":
            self._row = max(self._row - max(first, 1), 0)
