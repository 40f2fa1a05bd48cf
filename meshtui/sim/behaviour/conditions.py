"""Conditions as istiod writes them on the objects of the Gateway API."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from meshtui.sim.behaviour.references import place
from meshtui.sim.objects import NOTHING, Raw, mapping, mappings, merged, text

CONTROLLER = "istio.io/gateway-controller"
MESH_CONTROLLER = "istio.io/mesh-controller"


class Said(Struct, frozen=True):
    """What is said of an object in view of another one: of a route for one of its parents, for example."""

    controller: str
    reference: Raw
    conditions: list[Raw]


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


def entries(of: Raw, word: str, said: Iterable[Said], stamp: str) -> list[Raw]:
    """`status.parents` of an object, or `status.ancestors`: what others wrote stays, what istiod says is new.

    `word`: parent or ancestor.
    """
    before = mappings(of, "status", f"{word}s")
    found = [each for each in before if not _is_ours(each)]
    known = {
        (text(each, "controllerName"), place(of, mapping(each, f"{word}Ref"))): each
        for each in before
        if _is_ours(each)
    }
    for each in said:
        old = known.get((each.controller, place(of, each.reference)), NOTHING)
        found.append(
            {
                "conditions": stamped(of, mappings(old, "conditions"), each.conditions, stamp),
                "controllerName": each.controller,
                f"{word}Ref": each.reference,
            }
        )
    return found


def _is_ours(entry: Raw) -> bool:
    return text(entry, "controllerName") in (CONTROLLER, MESH_CONTROLLER)
