"""Findings: what the doctor finds, the worst first, with what it was seen by and the next step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from textual.binding import Binding

from meshtui.mesh import certificates
from meshtui.mesh.doctor import rows, words
from meshtui.mesh.doctor.findings import Evidence, Found
from meshtui.mesh.doctor.rows import Row
from meshtui.mesh.snapshot import Snapshot
from meshtui.ui import times, ways
from meshtui.ui.columns import Column
from meshtui.ui.detail import Fact, Section
from meshtui.ui.exchange import Jump, Wants
from meshtui.ui.mute import MuteAsked
from meshtui.ui.pane import Pane
from meshtui.ui.sorting import since
from meshtui.ui.spans import Cell, Line, Span, Tone, text_of, tone


class FindingsPane(Pane[Row]):
    NAME = "findings"
    ALIASES = ("faults", "doctor", "fi")
    TITLE = "Findings"
    NEEDS = rows.KINDS
    COLUMNS = (
        Column("SEVERITY", 8, 8, 1, by=lambda row: row.finding.found.grade.rank),
        Column("CODE", 7, 8, 2),
        Column("ABOUT", 16, 44, 3, by=lambda row: text_of(_about(row.finding.found)), letter="N"),
        Column("WHAT", 24, 100, 0),
        Column("SINCE", 8, 10, 4, right=True, by=lambda row: since(row.since), letter="A"),
    )
    OBJECTS = False
    EMPTY = "Nothing is found to be wrong."
    BINDINGS = [Binding("i", "mute", "Mute", id="findings.mute")]

    def rows(self, snapshot: Snapshot) -> Sequence[Row]:
        return rows.of(snapshot)

    def called(self, row: Row) -> str:
        return f"{row.finding.found.rule.code} {row.ref.key if row.ref else ''}".strip()

    def copied(self, row: Row) -> str:
        """The finding with its evidence, as Markdown for the incident's channel."""
        return "\n".join(words.markdown(row.finding))

    def namespace_of(self, row: Row) -> str:
        return row.ref.namespace if row.ref else ""

    def cells(self, row: Row, snapshot: Snapshot) -> Sequence[Cell]:
        found = row.finding.found
        still = not (row.gone or row.mute)
        word = row.finding.grade.word if still else "gone" if row.gone else "muted"
        return (
            Span(word, tone(row.finding.grade.health) if still else Tone.MUTED),
            found.rule.code,
            _about(found),
            Span(found.says, Tone.PLAIN if still else Tone.MUTED),
            _since(row, snapshot),
        )

    def detail(self, row: Row, snapshot: Snapshot) -> Iterable[Section]:
        found = row.finding.found
        yield Section("", [(Span(found.says),)] if row.mute else [])
        yield Section(
            "", [Fact("next", Span(found.step, Tone.STRONG)), Fact("why", found.rule.why)]
        )
        yield Section("Seen by", [*_seen(found.evidence, snapshot)])
        yield Section("Explains", [_told(each) for each in row.finding.symptoms])
        yield Section(
            "About", [(Span(f"{each.kind.title} {each.key}"),) for each in found.objects[:_MOST]]
        )
        yield Section(
            "",
            [
                Fact("rule", f"{found.rule.code} {found.rule.title}"),
                Fact("seen since", times.ago(row.since, snapshot.now)),
                Fact("more", f"istio.io/latest/{found.rule.link}" if found.rule.link else "–"),
            ],
        )

    def wants(self, row: Row | None, in_view: Sequence[Row], snapshot: Snapshot) -> Wants:
        return Wants(refs=certificates.refs(snapshot))

    def notes(self, snapshot: Snapshot) -> list[Line]:
        """Also what is muted, and what could not be judged."""
        missing = super().notes(snapshot) or _unknown(snapshot)
        return [*_muted(self.rows(snapshot)), *missing]

    @property
    def empty(self) -> str:
        if self.snapshot is None or not rows.examined(self.snapshot).outcomes:
            return "Nothing was examined yet: the pods are being read."
        return " ".join([self.EMPTY, *(text_of(each) for each in _unknown(self.snapshot))])

    def action_mute(self) -> None:
        row = self.table.selected
        if row is not None and row.gone is None:
            found = row.finding.found
            muted = row.mute is not None
            self.post_message(MuteAsked(found.key, self.called(row), found.says, muted))

    def chosen(self, row: Row) -> None:
        """Goes to what it is about; where that is more than one thing, to the one that is picked."""
        jumps = self._jumps(row)
        if len(jumps) > 1:
            self.post_message(self.WaysAsked(f"{self.called(row)} is about", jumps))
        elif jumps:
            self.post_message(self.Left(*jumps.values()))
        else:
            self.post_message(self.Told("There is no row of what it is about."))

    def _jumps(self, row: Row) -> Mapping[str, Jump]:
        if self.snapshot is None:
            return {}
        found = ((each, ways.to(self.snapshot, each)) for each in row.finding.found.objects[:_MOST])
        return {f"{ref.kind.title} {ref.key}": jump for ref, jump in found if jump is not None}


_MOST = 60


def _muted(every: Sequence[Row]) -> list[Line]:
    muted = sum(row.mute is not None and row.gone is None for row in every)
    return [(Span(f"{muted} muted, at the end", Tone.MUTED),)] if muted else []


def _unknown(snapshot: Snapshot) -> list[Line]:
    """How many rules could not judge, and why the first of them could not."""
    result = rows.examined(snapshot)
    if not result.unsure:
        return []
    first, codes = result.unsure[0], {each.rule.code for each in result.unsure}
    some = f"{len(codes)} of {len(result.outcomes)} rules could not judge everything"
    return [(Span(f"{some}, such as {first.rule.code}: {first.missing}.", Tone.UNKNOWN),)]


def _about(found: Found) -> Line:
    """The first of its objects, and how many there are beside it."""
    if not found.objects:
        return (Span("–"),)
    first, *others = found.objects
    named = Span(f"{first.kind.title} {first.key}")
    return (named, Span(f" +{len(others)}")) if others else (named,)


def _since(row: Row, snapshot: Snapshot) -> Cell:
    if row.gone is not None:
        return Span(f"{times.age(row.gone, snapshot.now)} ago", Tone.MUTED)
    age = times.age(row.since, snapshot.now)
    if row.fresh and snapshot.now - row.since < rows.NEW:
        return Span(f"new {age}", Tone.ACCENT)
    return age


def _seen(evidence: Sequence[Evidence], snapshot: Snapshot) -> Iterator[Line]:
    """What was seen, under where it stands."""
    source = ""
    for each in evidence:
        if each.source != source:
            source = each.source
            yield (Span(source),)
        aged = f" ({times.ago(each.at, snapshot.now)})" if each.at else ""
        yield (Span(f"  {each.field} ", Tone.MUTED), Span(each.value), Span(aged, Tone.MUTED))


def _told(found: Found) -> Fact:
    return Fact(found.rule.code, found.says)
