"""What `meshtui explain` prints: the same hops as text, JSON and YAML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from meshtui.commands import documents
from meshtui.mesh.doctor.findings import Evidence
from meshtui.mesh.printable import plain
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.trace.hops import Hop
from meshtui.mesh.trace.walk import Trace

SCHEMA = "meshtui.explain/v1"
"""What `schema` says in JSON and YAML. It gets a new number where a field changes its meaning or goes."""

_SHOWN = 6
"""Of the evidence of one hop so much stands in a table."""


class Report(Struct, frozen=True, eq=False):
    """What is to be told."""

    snapshot: Snapshot
    trace: Trace
    missing: Sequence[str]
    """What could not be read."""


def table(report: Report) -> str:
    return text(report.trace, report.snapshot.now)


def text(trace: Trace, now: datetime) -> str:
    """The headline, then hop by hop."""
    return "\n".join(map(plain, _lines(trace, now))) + "\n"


def _lines(trace: Trace, now: datetime) -> Iterator[str]:
    verdict, first = trace.verdict, trace.headline
    yield f"{verdict.health.mark} {trace.source} → {trace.called}"
    yield f"  {verdict.reason}"
    if first is not None and first.step:
        yield f"  next: {first.step}"
    about = ""
    for hop in trace.hops:
        if hop.about != about:
            about = hop.about
            yield f"{about}:"
        yield f"{hop.verdict.health.mark} {hop.title}: {hop.verdict.reason}"
        for each in hop.evidence[:_SHOWN]:
            yield f"    {each.source} {each.field} = {each.value}{_age(each, now)}"
        if len(hop.evidence) > _SHOWN:
            yield f"    and {len(hop.evidence) - _SHOWN} more"


def _age(seen: Evidence, now: datetime) -> str:
    """How long ago it was read; what is watched has no age of its own."""
    return f" (read {max(0, int((now - seen.at).total_seconds()))} s ago)" if seen.at else ""


def _document(report: Report) -> dict[str, Any]:
    trace = report.trace
    first = trace.headline
    return {
        **documents.head(SCHEMA, report.snapshot, report.missing),
        "from": trace.source,
        "to": trace.called,
        "state": trace.verdict.health.word,
        "headline": trace.verdict.reason,
        "next": first.step if first else "",
        "notes": [*trace.notes],
        "hops": [_hop(each) for each in trace.hops],
    }


def _hop(each: Hop) -> dict[str, Any]:
    return {
        "hop": each.title,
        "backend": each.about or None,
        "state": each.verdict.health.word,
        "mark": each.verdict.health.mark,
        "reason": each.verdict.reason,
        "next": each.step,
        "object": _object(each.ref) if each.ref else None,
        "decidedBy": [_evidence(seen) for seen in each.evidence],
    }


def _evidence(seen: Evidence) -> dict[str, Any]:
    return {
        "source": seen.source,
        "field": seen.field,
        "value": seen.value,
        "object": _object(seen.ref) if seen.ref else None,
        "readAt": seen.at.isoformat(timespec="seconds") if seen.at else None,
    }


def _object(ref: Ref) -> dict[str, str]:
    return {"kind": ref.kind.title, "namespace": ref.namespace, "name": ref.name}


FORMATS = documents.formats(table, _document)
