"""Tails: the last access lines of one proxy, as its log stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from meshtui.mesh.access.lines import AccessLine
from meshtui.mesh.access.reading import Counts, Reader
from meshtui.mesh.denial_watch import CONTAINER
from meshtui.mesh.logs import LogLine
from meshtui.mesh.snapshot import Ref, Tail

SINCE = 600
"""Seconds."""
_LINES = 1_000


class Told(NamedTuple):
    """An access line, and as it stands in the log."""

    line: AccessLine
    written: str


class AccessTail(Struct, frozen=True):
    """What could be read of the end of a log."""

    told: tuple[Told, ...]
    """In the order of the log."""
    since: datetime | None
    """When the first line was written that was read; None where there was none, or it tells no time."""
    unread: int
    """So many access lines could not be understood."""


def of(pod: Ref) -> Tail:
    """The last 1,000 lines of the last ten minutes."""
    return Tail(pod.namespace, pod.name, CONTAINER, _LINES, SINCE, read)


def read(lines: Sequence[LogLine]) -> AccessTail:
    counts = Counts()
    reader = Reader(counts)
    told = []
    for each in lines:
        found = reader.read(each.text)
        if found is not None:
            told.append(Told(found, reader.whole))
    reader.end()
    since = next((each.at for each in lines if each.at is not None), None)
    return AccessTail(tuple(told), since, counts.unread)
