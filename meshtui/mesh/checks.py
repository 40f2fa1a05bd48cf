"""Checks: what was looked at before a change, one finding each, with the next step."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from meshtui.mesh.health import Health, Verdict

_NAMED = 3


class Check(Struct, frozen=True):
    """One thing that was looked at before a change."""

    verdict: Verdict
    """OK, a warning, or what would fail, in plain words; unknown, with the reason, where it could not be read."""
    remedy: str = ""
    """The next step; "" where there is nothing to do."""


def well(text: str) -> Check:
    return Check(Verdict(Health.OK, text))


def unknown(text: str, remedy: str = "") -> Check:
    return Check(Verdict(Health.UNKNOWN, text), remedy)


def warning(text: str, remedy: str = "") -> Check:
    return Check(Verdict(Health.WARN, text), remedy)


def failing(text: str, remedy: str = "") -> Check:
    return Check(Verdict(Health.BAD, text), remedy)


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(names: Sequence[str]) -> str:
    """The first few names in their order, and how many more there are."""
    known = sorted(set(names))
    more = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    return ", ".join(known[:_NAMED]) + more
