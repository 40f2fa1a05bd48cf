"""Conditions as istiod writes them on the objects of the Gateway API."""

from __future__ import annotations

from collections.abc import Iterable

from meshtui.sim.objects import Raw, mapping, merged, text


def good(kind: str, reason: str, message: str) -> Raw:
    return {"type": kind, "status": "True", "reason": reason, "message": message}


def bad(kind: str, reason: str, message: str) -> Raw:
    return {"type": kind, "status": "False", "reason": reason, "message": message}


def stamped(of: Raw, before: Iterable[Raw], conditions: Iterable[Raw], stamp: str) -> list[Raw]:
    """The conditions of an object with new ones in place of those of the same types: with its generation, and the time
    of their last change."""
    generation = mapping(of, "metadata").get("generation") or 1
    known = list(before)
    new = [{"observedGeneration": generation, **each} for each in conditions]
    types = {each["type"] for each in new}
    others = [each for each in known if text(each, "type") not in types]
    return others + merged(known, new, stamp)
