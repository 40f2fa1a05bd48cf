"""A container's log as lines, and what of it one may ask for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What to read of a log, in kubectl's terms."""

    container: str = ""
    """"" for the only one, or the one that the pod's annotation names as its default."""
    tail: int | None = 500
    """So many of the last lines; None for all."""
    since: int | None = None
    """Seconds back from now; None for no limit."""
    previous: bool = False
    follow: bool = True


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line as the kubelet gave it. Its text comes from strangers: it may hold escape codes and markup."""

    at: datetime | None
    """When the kubelet received it, UTC; None for a line that it did not stamp."""
    text: str
    notice: bool = False
    """Said by this program, not by the container: "stream cut, trying again in 2 s"."""
