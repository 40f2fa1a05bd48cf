"""Notices: what a pane says of its sources: how fresh they are, what is missing, and why there is nothing."""

from __future__ import annotations

from collections.abc import Sequence

from meshtui.mesh.health import Health
from meshtui.mesh.kinds import Kind
from meshtui.mesh.snapshot import Phase, Problem, Scope, Snapshot, Source
from meshtui.ui import times
from meshtui.ui.spans import Line, Span, Tone, mark

Needs = Sequence[Kind | Scope]


def kind_of(need: Kind | Scope) -> Kind:
    return need.kind if isinstance(need, Scope) else need


def _sources(snapshot: Snapshot, needs: Needs) -> list[tuple[Kind, Source]]:
    kinds = dict.fromkeys(kind_of(need) for need in needs)
    return [(kind, snapshot.source(kind)) for kind in kinds]


def unconnected(snapshot: Snapshot) -> Problem | None:
    """Why nothing at all is known of the cluster; None where it has answered once."""
    return snapshot.server.problem if snapshot.server.answered is None else None


def freshness(snapshot: Snapshot, needs: Needs) -> Line:
    """The least trustworthy source of a pane in a few words: "● live", "◌ loading 4,500", "◍ stale since 13:58:10"."""
    if unconnected(snapshot):
        return (Span("✗ not connected", Tone.BAD),)
    kind, source = max(_sources(snapshot, needs), key=lambda each: _URGENCY.get(each[1].phase, 0))
    if source.phase is Phase.LOADING:
        return (Span(f"◌ loading {kind.plural} {source.count:,}", Tone.UNKNOWN),)
    if source.phase is Phase.STALE:
        return (Span(f"◍ {kind.plural} stale since {times.clock(source.since)}", Tone.WARN),)
    if source.phase is Phase.FORBIDDEN:
        return (Span(f"? {kind.plural} forbidden", Tone.WARN),)
    return (Span("● live", Tone.MUTED),)


_URGENCY = {Phase.FORBIDDEN: 1, Phase.LOADING: 2, Phase.STALE: 3}


def instead(snapshot: Snapshot, needs: Needs, empty: str) -> list[Line]:
    """What stands where rows would: why there are none, and what to do about it."""
    failure = unconnected(snapshot)
    if failure is not None:
        return problem(failure)
    kind, source = _sources(snapshot, needs)[0]
    if source.phase is Phase.ABSENT:
        return [
            (mark(Health.NONE), Span(f" {kind.title} ({kind}) is not installed in this cluster.")),
            *_remedy(source.problem),
        ]
    if source.problem is not None:
        return problem(source.problem)
    if not source.complete:
        return [(Span(f"◌ Loading {kind.plural}: {source.count:,} so far.", Tone.UNKNOWN),)]
    return [(Span(empty),)]


def problem(found: Problem) -> list[Line]:
    """A failure: what kind, what happened, what to do."""
    return [
        (Span(f"✗ {found.trouble.value}", Tone.BAD),),
        (Span(found.text),),
        *_remedy(found),
    ]


def _remedy(found: Problem | None) -> list[Line]:
    return [(Span(found.remedy, Tone.MUTED),)] if found is not None and found.remedy else []


def below(snapshot: Snapshot, needs: Needs) -> list[Line]:
    """What keeps the rows above from being complete or current, a line each."""
    notes: list[Line] = []
    for kind, source in _sources(snapshot, needs):
        if source.phase in (Phase.LIVE, Phase.ABSENT, Phase.LOADING):
            continue
        words = source.problem.text if source.problem else source.phase.value
        health = Health.UNKNOWN if source.phase is Phase.FORBIDDEN else Health.WARN
        retry = (
            f" (again at {times.clock(source.retry_at)})"
            if source.retry_at and source.phase is Phase.STALE
            else ""
        )
        notes.append((mark(health), Span(f" {kind.plural}: {words}{retry}", Tone.MUTED)))
    return notes
