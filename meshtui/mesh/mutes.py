"""Mutes: findings that somebody knows of, and does not want to be told of for a while."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from msgspec import Struct

ALWAYS = "always"
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_TIME = re.compile(r"(\d{1,4})([mhdw])")


class BadMute(ValueError):  # noqa: N818 - reads as what it is
    """It is not said how long, or not why; its text says which."""


class Mute(Struct, frozen=True):
    """One finding, by its rule and the object that it is about."""

    finding: str
    """The key of the finding."""
    reason: str
    since: datetime
    until: datetime | None = None
    """None where it does not end by itself."""

    def holds(self, now: datetime) -> bool:
        return self.until is None or now < self.until

    @property
    def told(self) -> str:
        """In words: "until 2026-12-01 14:00 UTC: the upgrade is on Friday"."""
        until = f"until {self.until:%Y-%m-%d %H:%M} UTC" if self.until else "for good"
        return f"{until}: {self.reason}"


def parse(finding: str, text: str, now: datetime) -> Mute:
    """What is meant by how long and why: "7d the upgrade is on Friday", "always by design". Raises BadMute."""
    time, _, reason = text.strip().partition(" ")
    found = _TIME.fullmatch(time)
    if found is None and time != ALWAYS:
        raise BadMute(f"how long comes first, such as 2h, 7d, 4w or {ALWAYS}")
    if not reason.strip():
        raise BadMute("why comes behind how long")
    until = now + timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
    return Mute(finding, reason.strip(), now, until)
