"""What istiod wrote into the status of an object and is negative: read, explained, never contradicted (IST0171)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from meshtui.mesh.doctor.configuration.objects import WARNING, analyzer, every, found, ref
from meshtui.mesh.doctor.findings import Found, Rule
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    GATEWAY,
    GRPC_ROUTE,
    HTTP_ROUTE,
    SERVICE,
    SERVICE_ENTRY,
    WORKLOAD_ENTRY,
    Kind,
)
from meshtui.mesh.raw import Condition, Raw, conditions, entries
from meshtui.mesh.snapshot import Snapshot

NEGATIVE = Rule(
    "IST0171",
    "a status condition is negative",
    WARNING,
    why="What the object asks for is not in force, or only a part of it.",
    remedy="mend what the reason names; the condition changes within seconds",
)

_WAYPOINT = ("istio.io/WaypointBound",)
_POLICY = ("ZtunnelAccepted", "WaypointAccepted")
_ROUTED = ("Accepted", "Programmed", "ResolvedRefs")
_EXPLAINED_BY = ("AMB-019", "AMB-021", "AMB-023", "AMB-028", "AMB-029")
"""Rules that say of an object what its condition says, with what it means for traffic and what to do."""
_CERTIFICATE = "AMB-057"
"""The same of a listener's certificate, which has nothing to do with whether a Gateway has an address."""
_READ = {
    SERVICE: _WAYPOINT,
    SERVICE_ENTRY: _WAYPOINT,
    WORKLOAD_ENTRY: _WAYPOINT,
    AUTHORIZATION_POLICY: _POLICY,
    GATEWAY: _ROUTED,
    HTTP_ROUTE: _ROUTED,
    GRPC_ROUTE: _ROUTED,
}


def negative(snapshot: Snapshot) -> Iterator[Found]:
    for kind, types in _READ.items():
        for it in every(snapshot, kind):
            for condition in _written(kind, it):
                if condition.type in types and _is_negative(condition):
                    words = f"{condition.reason}: {condition.message}".strip(": ")
                    told = found(
                        NEGATIVE, kind, it, f"{condition.type} is {condition.status}: {words}",
                        f"status.conditions[{condition.type}]", f"{condition.status} ({words})",
                    )  # fmt: skip
                    of_address = condition.reason.startswith("Address")
                    codes = _EXPLAINED_BY if of_address else (*_EXPLAINED_BY, _CERTIFICATE)
                    causes = tuple((code, ref(kind, it)) for code in codes)
                    yield replace(told, symptom_of=causes)


def _written(kind: Kind, it: Raw) -> Iterable[Condition]:
    if kind in (HTTP_ROUTE, GRPC_ROUTE):
        for parent in entries(it, "status", "parents"):
            yield from conditions(parent, "conditions").values()
    else:
        yield from conditions(it).values()


def _is_negative(condition: Condition) -> bool:
    partly = condition.type == "WaypointAccepted" and condition.reason == "PartiallyInvalid"
    return condition.status == "False" or partly


ANALYZERS = (analyzer("conditions.ConditionAnalyzer", (NEGATIVE,), tuple(_READ), negative),)
