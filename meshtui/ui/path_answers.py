"""Path answers: why A does not reach B, hop by hop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from meshtui.mesh import named_secrets
from meshtui.mesh.doctor.findings import Evidence
from meshtui.mesh.kinds import Kind
from meshtui.mesh.snapshot import Scope, Snapshot
from meshtui.mesh.trace import walk
from meshtui.mesh.trace.ends import Question
from meshtui.mesh.trace.hops import Hop
from meshtui.mesh.trace.walk import Trace
from meshtui.ui import times
from meshtui.ui.answers import Answer, Answered
from meshtui.ui.columns import Column
from meshtui.ui.detail import Fact, Section
from meshtui.ui.exchange import Wants
from meshtui.ui.spans import Line, Span, Tone

_COLUMNS = (
    Column("HOP", 14, 40, 0),
    Column("HOW IT IS", 24, 200, 0),
    Column("DECIDED BY", 30, 48, 2),
    Column("READ", 4, 6, 1, right=True),
)


class PathAsked(Struct, frozen=True, eq=False):
    """`:trace A B`."""

    question: Question

    @property
    def title(self) -> str:
        return f"Trace · {self.question.title}"

    @property
    def columns(self) -> Sequence[Column]:
        return _COLUMNS

    @property
    def needs(self) -> Sequence[Kind | Scope]:
        return walk.KINDS

    def answer(self, snapshot: Snapshot) -> Answer:
        found = walk.of(snapshot, self.question)
        rows = tuple(_row(each, snapshot) for each in found.hops)
        start = found.headline.key if found.headline else ""
        return Answer(found.verdict, tuple(_under(found)), rows, start)

    def wants(self, snapshot: Snapshot) -> Wants:
        """The dumps and logs of the ztunnels at both ends, and the certificates of gateways."""
        probes, tails = walk.probes(snapshot, self.question), walk.tails(snapshot, self.question)
        return Wants(probes=probes, refs=named_secrets.refs(snapshot), tails=tails)

    def reversed(self) -> PathAsked | None:
        return None


def _under(found: Trace) -> Iterator[Line]:
    first = found.headline
    if first is not None and first.step:
        yield (Span("  next: ", Tone.MUTED), Span(first.step, Tone.STRONG))
    yield from ((Span(f"  {each}", Tone.MUTED),) for each in found.notes)


def _row(each: Hop, snapshot: Snapshot) -> Answered:
    first = each.evidence[0] if each.evidence else None
    name = f"{each.title} · {each.about}" if each.about else each.title
    cells = (
        name,
        each.verdict.reason,
        f"{first.source} {first.field}" if first else "",
        times.age(first.at, snapshot.now) if first and first.at else "",
    )
    return Answered(each.key, each.verdict, cells, tuple(_told(each, snapshot)), each.ref)


def _told(each: Hop, snapshot: Snapshot) -> Iterator[Section]:
    if each.step:
        yield Section("", [Fact("next", Span(each.step, Tone.STRONG))])
    yield Section("", [_seen(seen, snapshot) for seen in each.evidence])


def _seen(seen: Evidence, snapshot: Snapshot) -> Line:
    """A field with its value, and how old that is."""
    aged = f"  ({times.age(seen.at, snapshot.now)} ago)" if seen.at else "  (as it is watched)"
    field = Span(f"{seen.source} {seen.field} = ", Tone.MUTED)
    return (field, Span(seen.value), Span(aged, Tone.MUTED))
