"""Times as people read them: ages such as "2h" and "41d", as kubectl shortens them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NONE = "–"


def duration(length: timedelta) -> str:
    """A length of time as kubectl's AGE column has it (k8s.io/apimachinery, duration.HumanDuration)."""
    seconds = int(length.total_seconds())
    if seconds < 0:
        return "0s"
    if seconds < 120:
        return f"{seconds}s"
    minutes = seconds // 60
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    hours = seconds // 3600
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    years = days // 365
    if years < 8:
        return _two(years, "y", days % 365, "d")
    return f"{years}y"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def left(until: datetime | None, now: datetime) -> str:
    """How long something still lasts, as in "23h"; "expired" once it is over."""
    if until is None:
        return NONE
    return duration(until - now) if until >= now else "expired"


def distance(moment: datetime, now: datetime) -> str:
    """How far off a moment is: "in 9h", "2h ago"."""
    return f"in {duration(moment - now)}" if moment >= now else f"{duration(now - moment)} ago"


_OVER = {"renews": "late", "expires": "expired"}
"""What is said of something that should have come, or has."""


def due(what: str, moment: datetime, now: datetime) -> tuple[str, str]:
    """How long until what comes comes, or since it has, and what to call it then: ("9h", "renews"), ("10h", "late")."""
    if moment >= now:
        return duration(moment - now), what
    return duration(now - moment), _OVER.get(what, what)


def coming(what: str, moment: datetime, now: datetime) -> str:
    """The same as words: "renews in 9h", "10h late", "expired 3d ago"."""
    length, said = due(what, moment, now)
    return f"{length} late" if said == "late" else f"{said} {distance(moment, now)}".strip()


def age(since: datetime | None, now: datetime) -> str:
    """How long ago; a dash where nobody knows."""
    return NONE if since is None else duration(now - since)


def clock(moment: datetime | None) -> str:
    """The time of day in UTC: "14:02:11"."""
    return NONE if moment is None else f"{moment.astimezone(UTC):%H:%M:%S}"


def stamp(moment: datetime | None) -> str:
    """The whole time in UTC: "2026-11-22 12:33:59 UTC"."""
    return NONE if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def ago(since: datetime | None, now: datetime) -> str:
    """An age with its absolute time, for a detail: "2h ago, 2026-11-22 12:33:59 UTC"."""
    return NONE if since is None else f"{age(since, now)} ago, {stamp(since)}"
