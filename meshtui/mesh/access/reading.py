"""Reading: the lines of one log, of which some are access lines, some are about something else, some continue the line
before, and some are broken. Nothing raises, nothing is guessed, and everything is counted."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Struct

from meshtui.mesh.access import envoy, ztunnel
from meshtui.mesh.access.lines import AccessLine, Unfinished, Unreadable

LONGEST = 16 * 1024
"""Characters; an access line has some 700. What is longer is not read."""

_BEGINS = re.compile(r"\{|\[?\d{4}-\d\d-\d\dT", re.ASCII)
"""How a line begins that is not the continuation of another: with a time, or as JSON."""
_MEANT = re.compile(r'\taccess[\t:]|\A\[\d{4}-|"access"|"start_time"', re.ASCII)

_JSON: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def read(line: str) -> AccessLine | None:
    """One line alone; None for one that is about something else. Raises Unreadable, Unfinished among them."""
    if line.startswith("{"):
        return _of_json(line)
    return envoy.of_text(line) if line.startswith("[") else ztunnel.of_text(line)


def _of_json(line: str) -> AccessLine | None:
    try:
        found = _JSON.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        if _MEANT.search(line):
            raise Unfinished(str(error)) from error
        return None
    return ztunnel.of_json(found) or envoy.of_json(found)


class Counts(Struct):
    """How many lines were what."""

    access: int = 0
    other: int = 0
    """About something else."""
    continued: int = 0
    """They do not begin with a time: they belong to the line before."""
    unread: int = 0
    """Meant as access lines, and half-written, too long, or in a form that is not known."""


class Reader:
    """For one log, whose lines it is given in order."""

    def __init__(self, counts: Counts) -> None:
        self.whole = ""
        """The access line that was read last, as it was written."""
        self._counts = counts
        self._half = ""
        """An access line that breaks off, which the next may continue."""

    def read(self, line: str) -> AccessLine | None:
        """What the line says, with the half of it that came before; None for all but a whole access line."""
        if _BEGINS.match(line):
            self.end()
            return self._read(line)
        if not self._half:
            self._counts.continued += 1
            return None
        self._counts.continued += 1
        whole, self._half = f"{self._half}\n{line}", ""
        return self._read(whole)

    def end(self) -> None:
        """Nothing follows the last line, or a new one begins: what it lacks will not come."""
        if self._half:
            self._counts.unread += 1
            self._half = ""

    def _read(self, line: str) -> AccessLine | None:
        if len(line) > LONGEST:
            if _MEANT.search(line, 0, 200):
                self._counts.unread += 1
            else:
                self._counts.other += 1
            return None
        try:
            found = read(line)
        except Unfinished:
            self._half = line
            return None
        except Unreadable:
            self._counts.unread += 1
            return None
        if found is None:
            self._counts.other += 1
        else:
            self._counts.access += 1
            self.whole = line
        return found
