"""Notices: what a pane says of its sources: how fresh they are, what is missing, and why there is nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from meshtui.mesh.health import Health
from meshtui.mesh.kinds import NAMESPACE, Kind
from meshtui.mesh.snapshot import (
    LOADING,
    Phase,
    Problem,
    Scope,
    Snapshot,
    Source,
    Trouble,
    named,
)
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
    kind, source = max(_sources(snapshot, needs), key=lambda each: _urgency(each[1]))
    if source.phase is Phase.STALE:
        return (Span(f"◍ {kind.plural} stale since {times.clock(source.since)}", Tone.WARN),)
    if snapshot.server.problem is not None:  # the watches did not notice yet
        return (Span(f"◍ stale since {times.clock(snapshot.server.answered)}", Tone.WARN),)
    if source.phase is Phase.LOADING:
        return (Span(f"◌ loading {kind.plural} {source.count:,}", Tone.UNKNOWN),)
    if source.phase is Phase.FORBIDDEN:
        return (Span(f"? {kind.plural} forbidden", Tone.UNKNOWN),)
    if source.phase is Phase.UNREADABLE:
        return (Span(f"? {kind.plural} not readable", Tone.UNKNOWN),)
    if source.phase is Phase.LIVE and source.problem is not None:
        return (Span(f"◍ {kind.plural} not watched", Tone.WARN),)
    return (Span("● live", Tone.MUTED),)


def _urgency(source: Source) -> int:
    if source.phase is Phase.LIVE:
        return 1 if source.problem is not None else 0
    return _URGENCY.get(source.phase, 0)


_URGENCY = {Phase.UNREADABLE: 2, Phase.FORBIDDEN: 3, Phase.LOADING: 4, Phase.STALE: 5}


def told(snapshot: Snapshot, chosen: Sequence[str]) -> bool:
    """Whether it was told of these namespaces if they are there, or that this will not be told."""
    everywhere = snapshot.covering(NAMESPACE)
    own = (snapshot.sources.get(named(NAMESPACE, name), everywhere) for name in chosen)
    return all(each.phase is not Phase.LOADING for each in (everywhere, *own))


def missing(snapshot: Snapshot, chosen: Sequence[str]) -> list[str]:
    """Which of the namespaces that are to be looked at there are not."""
    all_known = snapshot.covering(NAMESPACE).complete
    return [
        name
        for name in chosen
        if all_known or snapshot.sources.get(named(NAMESPACE, name), LOADING).complete
        if snapshot.find(NAMESPACE, "", name) is None
    ]


def gone(snapshot: Snapshot, chosen: Sequence[str]) -> list[Line]:
    """The same, said."""
    return [
        (mark(Health.WARN), Span(f" There is no namespace {name} in this cluster."))
        for name in missing(snapshot, chosen)
    ]


def old(snapshot: Snapshot, needs: Needs) -> bool:
    """Whether rows are shown as they were: the server, or a watch that they need, does not speak."""
    cut = any(source.phase is Phase.STALE for _, source in _sources(snapshot, needs))
    return cut or snapshot.server.problem is not None


def instead(snapshot: Snapshot, needs: Needs, empty: str) -> list[Line]:
    """What stands where rows would: why there are none, and what to do about it."""
    failure = unconnected(snapshot)
    if failure is not None:
        ways = ":ctx looks at another cluster, ctrl+r tries at once, :q quits."
        return [*problem(failure), (), (Span(ways, Tone.MUTED),)]
    kind, source = _sources(snapshot, needs)[0]
    if source.phase is Phase.ABSENT:
        return [
            (mark(Health.NONE), Span(f" {kind.title} ({kind}) is not installed in this cluster.")),
            *_remedy(source.problem),
        ]
    if source.problem is not None and source.phase is not Phase.LIVE:
        return problem(source.problem)
    if not source.complete:
        return [_loading(kind, source)]
    unwatched = source.problem.text if source.problem is not None else ""
    return [(Span(empty),), *([(Span(unwatched, Tone.MUTED),)] if unwatched else [])]


def _loading(kind: Kind, source: Source) -> Line:
    return (Span(f"◌ Loading {kind.plural}: {source.count:,} so far.", Tone.UNKNOWN),)


def unsure(snapshot: Snapshot, needs: Needs) -> list[Line]:
    """Where nothing of what is known matches: why something else might, that is not known or not as it is now."""
    kind, source = _sources(snapshot, needs)[0]
    loading = [_loading(kind, source)] if source.phase is Phase.LOADING else []
    found = [*loading, *below(snapshot, wanted(snapshot, needs))]
    return [(), *found] if found else []


def problem(found: Problem) -> list[Line]:
    """A failure: what kind, what happened, what to do."""
    return [
        (Span(f"✗ {found.trouble.value}", Tone.BAD),),
        (Span(found.text),),
        *_remedy(found),
    ]


def sentences(found: Problem) -> str:
    """A failure where there is one line for it: what happened, and what to do."""
    return ". ".join(part for part in (found.text.rstrip("."), found.remedy) if part)


def _remedy(found: Problem | None) -> list[Line]:
    return [(Span(found.remedy, Tone.MUTED),)] if found is not None and found.remedy else []


def below(snapshot: Snapshot, needs: Needs) -> list[Line]:
    """What keeps the rows above from being complete or current: a line for each cause, the gravest first, then what to
    do about them. At most `MOST` lines and one; `causes` has them all."""
    found = _causes(snapshot, _scopes(snapshot, needs))
    last = [f"and {len(found) - MOST} more under :info"] if len(found) > MOST else []
    last += dict.fromkeys(cause.remedy for cause, _ in found if cause.remedy)
    notes = [_said(*each) for each in found[:MOST]]
    return [*notes, (Span(f"  {'; '.join(last)}", Tone.MUTED),)] if last else notes


def wanted(snapshot: Snapshot, needs: Needs) -> Needs:
    """The needs without those that a cluster may well do without: kinds that it does not have, beside the first."""
    return [
        need
        for need in needs
        if need == needs[0] or snapshot.source(kind_of(need)).phase is not Phase.ABSENT
    ]


MOST = 2
"""So many causes stand under the rows, whose room they take."""


def causes(snapshot: Snapshot) -> list[Line]:
    """What keeps anything that is watched from being complete or current, a line for each cause."""
    return [_said(*each) for each in _causes(snapshot, snapshot.sources)]


class _Cause(NamedTuple):
    """Why objects are not known, or not known as they are now."""

    phase: Phase
    words: str
    remedy: str = ""


_GRAVITY = {
    Phase.STALE: Health.WARN,
    Phase.LIVE: Health.WARN,
    Phase.FORBIDDEN: Health.UNKNOWN,
    Phase.UNREADABLE: Health.UNKNOWN,
    Phase.ABSENT: Health.NONE,
}


def _scopes(snapshot: Snapshot, needs: Needs) -> list[Scope]:
    """What is watched for a pane: what its rows are made of first, and what is narrowed by selectors last."""
    kinds = [*dict.fromkeys(kind_of(need) for need in needs)]
    scopes = [scope for scope in snapshot.sources if scope.kind in kinds]
    return sorted(scopes, key=lambda each: (kinds.index(each.kind), each.narrowed))


def _causes(snapshot: Snapshot, scopes: Iterable[Scope]) -> list[tuple[_Cause, dict[Kind, Source]]]:
    """The causes, the gravest first, each with its kinds: a silent API server is one cause for however many."""
    found: dict[_Cause, dict[Kind, Source]] = {}
    server = snapshot.server
    if server.problem is not None:
        found[_Cause(Phase.STALE, server.problem.text, server.problem.remedy)] = {}
    for scope in scopes:
        source = snapshot.sources[scope]
        if source.phase is Phase.ABSENT and scope.kind.foreign:
            continue
        if source.problem is not None or source.phase not in (Phase.LIVE, Phase.LOADING):
            found.setdefault(_cause(scope.kind, source), {})[scope.kind] = source
    return sorted(found.items(), key=lambda each: -_GRAVITY[each[0].phase].rank)


def _cause(kind: Kind, source: Source) -> _Cause:
    if source.phase is Phase.ABSENT:
        return _Cause(source.phase, "not installed")
    found = source.problem or Problem(Trouble.SERVER, f"{kind.plural}: {source.phase.value}")
    phase = Phase.STALE if source.phase is Phase.LOADING else source.phase
    return _Cause(phase, found.text, found.remedy)


def _said(cause: _Cause, sources: Mapping[Kind, Source]) -> Line:
    """A cause in one line. A refusal names by itself what was refused."""
    named = ", ".join(kind.plural for kind in sources)
    words = cause.words
    if cause.phase is Phase.ABSENT:
        words = f"{words}: {named}"
    elif cause.phase is Phase.STALE:
        retry = min((each.retry_at for each in sources.values() if each.retry_at), default=None)
        again = f" (again at {times.clock(retry)})" if retry else ""
        words = f"{words}{again}: {named}" if named else words
    return (mark(_GRAVITY[cause.phase]), Span(f" {words}", Tone.MUTED))
