"""Durations as Kubernetes prints them: "45s", "3m12s", "5h", "9d" (apimachinery's `duration.HumanDuration`)."""

from __future__ import annotations

from datetime import datetime, timedelta

from meshtui.sim.objects import moment

_SECOND = timedelta(seconds=1)


def human(duration: timedelta) -> str:
    """Two or three significant figures; "<invalid>" for what lies more than a second ahead."""
    seconds = int(duration / _SECOND)
    if seconds < -1:
        return "<invalid>"
    if seconds < 120:
        return f"{max(seconds, 0)}s"
    minutes, hours = seconds // 60, seconds // 3600
    if minutes < 10:
        return f"{minutes}m" + _rest(seconds % 60, "s")
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h" + _rest(minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if days < 8:
        return f"{days}d" + _rest(hours % 24, "h")
    if days < 2 * 365:
        return f"{days}d"
    if days < 8 * 365:
        return f"{days // 365}y" + _rest(days % 365, "d")
    return f"{days // 365}y"


def _rest(number: int, unit: str) -> str:
    return f"{number}{unit}" if number else ""


def since(stamp: object, now: datetime) -> str:
    """How long ago a time stamp of an object was; "<unknown>" where there is none."""
    then = moment(stamp)
    return human(now - then) if then else "<unknown>"
