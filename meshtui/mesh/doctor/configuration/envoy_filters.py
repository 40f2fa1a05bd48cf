"""EnvoyFilters whose patches have no effect, or an effect that depends on luck (IST0151 to IST0155)."""

from __future__ import annotations

from collections.abc import Iterator

from meshtui.mesh.doctor.configuration.objects import ERROR, WARNING, analyzer, every, found
from meshtui.mesh.doctor.findings import Found, Rule
from meshtui.mesh.kinds import ENVOY_FILTER
from meshtui.mesh.raw import Raw, dig, entries, number, table, text
from meshtui.mesh.snapshot import Snapshot

_WHY_RELATIVE = "Whether it applies depends on the order in which filters are read: it may be lost at any change."
_REMEDY_RELATIVE = "set spec.priority, or use INSERT_FIRST or ADD"

RELATIVE = Rule(
    "IST0151",
    "an EnvoyFilter patches relative to others and has no priority",
    WARNING,
    why=_WHY_RELATIVE,
    remedy=_REMEDY_RELATIVE,
    link="docs/reference/config/analysis/ist0151/",
)
REPLACE = Rule(
    "IST0152",
    "an EnvoyFilter replaces what cannot be replaced",
    ERROR,
    why="REPLACE works on HTTP and network filters and virtual hosts only: the patch has no effect.",
    remedy="use MERGE, or REMOVE and ADD",
    link="docs/reference/config/analysis/ist0152/",
)
ADD = Rule(
    "IST0153",
    "an EnvoyFilter adds a route, which is ignored",
    ERROR,
    why="ADD is ignored for route configurations and routes: the patch has no effect.",
    remedy="use INSERT_FIRST for a route, MERGE for a route configuration",
    link="docs/reference/config/analysis/ist0153/",
)
REMOVE = Rule(
    "IST0154",
    "an EnvoyFilter removes a route, which is ignored",
    ERROR,
    why="REMOVE is ignored for route configurations and routes: the patch has no effect.",
    remedy="change the route where it comes from, or use MERGE",
    link="docs/reference/config/analysis/ist0154/",
)
BY_VERSION = Rule(
    "IST0155",
    "an EnvoyFilter patches relative to one that is bound to a proxy version",
    WARNING,
    why="After an upgrade the other patch no longer applies, and this one is lost with it.",
    remedy=_REMEDY_RELATIVE,
    link="docs/reference/config/analysis/ist0155/",
)

_ROUTES = ("ROUTE_CONFIGURATION", "HTTP_ROUTE")
_REPLACEABLE = ("NETWORK_FILTER", "HTTP_FILTER", "VIRTUAL_HOST")


def patches(snapshot: Snapshot) -> Iterator[Found]:
    bound: set[_Filter] = set()  # those of patches for one proxy version, over all EnvoyFilters
    for it in every(snapshot, ENVOY_FILTER):
        for position, entry in enumerate(entries(it, "spec", "configPatches")):
            if dig(entry, "patch") is None:
                break
            called = _filter(entry)
            wrong = _wrong(entry)
            if wrong is RELATIVE:
                wrong = None if number(it, "spec", "priority") else _relative(called in bound)
            if wrong is not None:
                yield _told(wrong, it, entry, position)
            if text(entry, "match", "proxy", "proxyVersion"):
                bound.add(called)


def _relative(is_bound: bool) -> Rule:
    return BY_VERSION if is_bound else RELATIVE


_Filter = tuple[str, str]
"""Where the name of a filter stands, and the name."""


def _filter(entry: Raw) -> _Filter:
    """The filter that a patch is about. For Istio one that is named by what is put in is another one than one that is
    named by what is matched, whatever their names are."""
    value = table(entry, "patch", "value")
    if value.get("name") is not None:
        return "value", str(value["name"])
    if not value:
        return "match", ""
    return "match", text(entry, "match", "listener", "filterChain", "filter", "name")


def _wrong(entry: Raw) -> Rule | None:
    """What is wrong with the operation; RELATIVE stands for one that needs a priority."""
    applied = text(entry, "applyTo")
    match text(entry, "patch", "operation"):
        case "ADD":
            return ADD if applied in _ROUTES else None
        case "REMOVE":
            return REMOVE if applied in _ROUTES else RELATIVE
        case "REPLACE":
            return RELATIVE if applied in _REPLACEABLE else REPLACE
        case "INSERT_BEFORE" | "INSERT_AFTER":
            return RELATIVE
        case _:
            return None


def _told(rule: Rule, it: Raw, entry: Raw, position: int) -> Found:
    operation, applied = text(entry, "patch", "operation"), text(entry, "applyTo") or "nothing"
    says = f"patch {position + 1} is {operation} on {applied}"
    field = f"spec.configPatches[{position}].patch.operation"
    return found(rule, ENVOY_FILTER, it, says, field, operation)


ANALYZERS = (
    analyzer(
        "envoyfilter.EnvoyPatchAnalyzer",
        (RELATIVE, REPLACE, ADD, REMOVE, BY_VERSION),
        (ENVOY_FILTER,),
        patches,
    ),
)
