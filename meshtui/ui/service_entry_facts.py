"""What Services shows of a ServiceEntry: its cells, which leave empty what only a Service has, and its detail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from meshtui.mesh.checks import count
from meshtui.mesh.service_entries import ServiceEntry
from meshtui.mesh.waypoints import USE_WAYPOINT
from meshtui.ui import copies, evidence, times
from meshtui.ui.detail import Fact, Section
from meshtui.ui.spans import Cell, Span, Tone, mark

_RESOLUTIONS = {
    "NONE": "none: the caller's own address is kept",
    "STATIC": "to the endpoints that are written",
    "DNS": "looked up by DNS",
    "DNS_ROUND_ROBIN": "looked up by DNS, one address at a time",
    "DYNAMIC_DNS": "looked up by DNS for each host that is called",
}
"""By `spec.resolution` of networking/v1."""


def cells(row: ServiceEntry, waypoint: Cell, now: datetime) -> Sequence[Cell]:
    """In the order of the columns of Services. Under READY, which is on every screen, stands what it is."""
    return (
        row.ref.namespace,
        row.ref.name,
        "ServiceEntry",
        ", ".join(row.hosts),
        ", ".join(row.ports),
        Span("entry", Tone.MUTED),
        evidence.captured(row.captured, drawn=False),
        waypoint,
        Span(row.waypoint.fails if row.waypoint else "", Tone.BAD),
        *("", "", "", "", "", ""),
        times.age(row.created, now),
    )


def detail(row: ServiceEntry, now: datetime) -> Iterable[Section]:
    facts = [
        Fact("" if position else "hosts", each) for position, each in enumerate(row.hosts)
    ] or [Fact("hosts", "none")]
    facts += [Fact("" if position else "ports", each) for position, each in enumerate(row.ports)]
    facts.append(Fact("location", "inside the mesh" if row.inside else "outside the mesh"))
    facts.append(Fact("resolves", _RESOLUTIONS.get(row.resolution, row.resolution)))
    if row.addresses:
        facts.append(Fact("addresses", ", ".join(row.addresses)))
    yield Section("", facts)
    yield Section("Who answers", [*_answers(row)])
    yield Section("Waypoint", [*_effective(row)])
    yield Section("", [Fact("created", times.ago(row.created, now))])


def waypoint_set_by(row: ServiceEntry, context: str) -> str:
    """What sets its waypoint, which is not changed from here."""
    line = copies.label(row.ref, f"{USE_WAYPOINT}=WAYPOINT", context)
    return f"Its waypoint is set by m on its namespace (J), or by a label of its own: {line}"


def _answers(row: ServiceEntry) -> Iterable[Fact]:
    if row.selector:
        selected = ", ".join(f"{label}={value}" for label, value in row.selector.items())
        yield Fact("selector", selected)
        yield Fact("pods", count(len(row.pods), "pod") if row.pods else "none has these labels")
    for position, each in enumerate(row.endpoints):
        yield Fact("" if position else "endpoints", each)
    if not row.selector:
        yield Fact("", Span("whether anything answers there is not looked into", Tone.MUTED))


def _effective(row: ServiceEntry) -> Iterable[Fact]:
    found = row.waypoint
    if found is None:
        yield Fact("waypoint", "none")
        return
    whose = "its own label" if found.label_of == "own" else "the label of its namespace"
    yield Fact("waypoint", f"{found.key}, by {whose}")
    words = found.reason or "traffic to its hosts goes through it"
    yield Fact("in effect", (mark(found.health), Span(f" {words}")))
    if found.fails:
        yield Fact("fails", found.fails)
