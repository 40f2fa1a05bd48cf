"""Denials: who is refused by whom right now, and why, from the access logs of ztunnels, waypoints and gateways."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import dropwhile

from meshtui.mesh import (
    components,
    denial_policies,
    denial_rows,
    denial_watch,
    minimal_allow,
    policy_changes,
    raw,
)
from meshtui.mesh.access.switches import State, Switch
from meshtui.mesh.denial_rows import Row, Sample
from meshtui.mesh.denial_watch import Heard
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import POD
from meshtui.mesh.policies import dry_run
from meshtui.mesh.snapshot import Ref, Snapshot, Trouble
from meshtui.mesh.traffic.parties import OUTSIDE
from meshtui.ui import denial_offers, notices, times, ways
from meshtui.ui.columns import Column
from meshtui.ui.detail import Fact, Section
from meshtui.ui.exchange import Jump, Offer, Wants
from meshtui.ui.pane import Pane
from meshtui.ui.sorting import since
from meshtui.ui.spans import Cell, Line, Span, Tone, mark, said


def _began(row: Row) -> tuple[datetime, str]:
    return row.first, row.key


class DenialsPane(Pane[Row]):
    NAME = "denials"
    ALIASES = ("denial", "den")
    TITLE = "Denials"
    NEEDS = (POD, *denial_watch.KINDS, *denial_policies.KINDS)
    COLUMNS = (
        Column("FROM", 15, 36, 0, by=lambda row: row.source, letter="N"),
        Column("TO", 20, 44, 0),
        Column("REASON", 18, 22, 0),
        Column("COUNT", 5, 7, 1, right=True, by=lambda row: row.count),
        Column("RATE", 6, 8, 4, right=True),
        Column("LAST", 4, 6, 2, right=True, by=lambda row: since(row.last), letter="A"),
        Column("FIRST", 5, 6, 6, right=True, by=lambda row: since(row.first)),
        Column("10 MINUTES", 10, 10, 5),
    )
    OBJECTS = False
    CALLS = True
    EMPTY = "No access line was read yet."

    @property
    def empty(self) -> str:
        """It says what was looked at: nothing that was seen is not nothing."""
        heard = self.snapshot.heard if self.snapshot else None
        if heard is None or not heard.counts.access:
            return self.EMPTY
        return f"Nothing was refused in {heard.counts.access:,} access lines."

    def rows(self, snapshot: Snapshot) -> Sequence[Row]:
        """Those that were refused of late first, the newest row on top; they keep their order while they are, those too
        that began at the same moment."""
        heard = snapshot.heard or Heard()
        chosen = self.place.namespaces
        found = [row for row in heard.rows if denial_watch.concerns(row, chosen)]
        late = snapshot.now - _LATE
        new = sorted((row for row in found if row.last >= late), key=_began)
        return [*reversed(new), *(row for row in found if row.last < late)]

    def belongs(self, row: Row, within: str) -> bool:
        what, _, name = within.partition("/")
        return name in (row.source, row.destination) if what == "workload" else True

    def called(self, row: Row) -> str:
        return f"{row.source} → {_to(row)}"

    def copied(self, row: Row) -> str:
        """The row with the proxies' own lines, for the incident's channel."""
        last = row.samples[0].lines if row.samples else ()
        return "\n".join((f"{self.called(row)}: {row.reason.words}", *(text for _, text in last)))

    def cells(self, row: Row, snapshot: Snapshot) -> Sequence[Cell]:
        now, dark = snapshot.now, (snapshot.heard or Heard()).dark
        rate = denial_rows.rate(row, dark, now)
        minutes = denial_rows.series(row, dark, now)[-_SHOWN:]
        return (
            row.source,
            _to(row),
            row.reason.title,
            f"{row.count:,}",
            f"{rate:.1f}/m" if rate else Span("–", Tone.MUTED),
            times.age(row.last, now),
            times.age(row.first, now),
            Span(denial_rows.sparkline(minutes), Tone.MUTED),
        )

    def detail(self, row: Row, snapshot: Snapshot) -> Iterable[Section]:
        heard = snapshot.heard or Heard()
        yield Section("", [*_facts(row, heard, snapshot)])
        yield Section("Policies, as they are now", [*map(said, _responsible(row, snapshot))])
        yield Section("The least that would let it through", [*_allow(row, snapshot)])
        yield Section("Told by", [*_told_by(row, heard)])
        yield Section("As it was written", [*_written(row.samples)])
        yield Section("Not known", [*map(_not_known, denial_watch.unheard(heard))])

    def wants(self, row: Row | None, in_view: Sequence[Row], snapshot: Snapshot) -> Wants:
        return Wants(denials=True)

    def freshness(self, snapshot: Snapshot) -> Line:
        """How many logs are followed where there are any, beside how fresh the watched objects are."""
        heard = snapshot.heard or Heard()
        worth = sum(each.state is not State.OFF for each in heard.switches)
        followed = f"{len(heard.followed):,} of {worth:,} logs  " if worth else ""
        return (Span(followed, Tone.MUTED), *super().freshness(snapshot))

    def notes(self, snapshot: Snapshot) -> list[Line]:
        heard = snapshot.heard or Heard()
        read = f"{heard.counts.access:,} access lines read"
        told = (denial_watch.following(heard), read, *denial_watch.lost(heard))
        return [
            (Span("; ".join(told), Tone.MUTED),),
            *map(_not_known, denial_watch.in_short(heard)),
            *_unheard(heard),
            *_unforwarded(snapshot),
            *notices.below(snapshot, notices.wanted(snapshot, self.NEEDS)),
        ]

    def _instead(self, snapshot: Snapshot, any_inside: bool) -> list[Line]:
        lines = super()._instead(snapshot, any_inside)
        if notices.unconnected(snapshot) or snapshot.heard is None:
            return lines
        return [*lines, (), *self.notes(snapshot)]

    # Keys

    def caller(self, row: Row) -> str:
        if row.caller is not None:
            return f"{row.caller.namespace}/pod/{row.caller.name}"
        return row.source if "/" in row.source else OUTSIDE

    def callee(self, row: Row, snapshot: Snapshot) -> str:
        ref, port = row.ref, f":{row.port}"
        name = f"{ref.namespace}/pod/{ref.name}" if ref is not None else row.destination
        return f"{name.removesuffix(port)}{port}" if row.port else name

    def onward(self, row: Row) -> Jump | None:
        """The pod that refused; where it is not known, the one that called."""
        if self.snapshot is None:
            return None
        found = (ways.to(self.snapshot, ref) for ref in (row.ref, row.caller) if ref is not None)
        return next((jump for jump in found if jump is not None), None)

    def ztunnel_of(self, row: Row, snapshot: Snapshot) -> Jump | None:
        """Of those that tell of it."""
        for proxy in row.proxies:
            it = snapshot.find(POD, *_split(proxy))
            if it is not None and components.is_ztunnel(raw.strings(it, "metadata", "labels")):
                return Jump("ztunnels", key=raw.uid(it))
        return None

    def policies_of(self, row: Row, snapshot: Snapshot) -> Jump | None:
        return Jump("policies", within=f"workload/{row.ref.key}") if row.ref else None

    def owner(self, row: Row, snapshot: Snapshot) -> Jump | None:
        return ways.namespace(snapshot, row.ref.namespace) if row.ref else None

    def log_of(self, row: Row, snapshot: Snapshot) -> Ref | None:
        """Of the proxy that tells of it."""
        return Ref(POD, *_split(row.proxies[0])) if row.proxies else None

    def meshed(self, row: Row) -> Ref | None:
        """A policy, which one is not known before something is picked."""
        return None

    def mesh_menu(self, rows: Sequence[Row], snapshot: Snapshot) -> Sequence[Offer]:
        return [offer for row in rows[:1] for offer in denial_offers.of(row, snapshot)]

    def action_mesh(self) -> None:
        """Says why nothing can be offered, where that is so."""
        row, snapshot = self.table.selected, self.snapshot
        if row is not None and snapshot is not None and not self.mesh_menu((row,), snapshot):
            why = minimal_allow.why_not(row, minimal_allow.labels(row, snapshot))
            self.post_message(self.Told(f"Nothing is offered: {why}."))
        else:
            super().action_mesh()


_LATE = timedelta(minutes=5)
_SHOWN = 10
"""Minutes in a cell."""


def _to(row: Row) -> str:
    """Of a Service, the part of its host name that tells it from others."""
    port = f":{row.port}"
    name = row.destination.removesuffix(port).partition(".svc.")[0]
    return f"{name}{port}" if row.port else name


def _split(key: str) -> tuple[str, str]:
    namespace, _, name = key.partition("/")
    return namespace, name


def _facts(row: Row, heard: Heard, snapshot: Snapshot) -> Iterator[Fact]:
    now = snapshot.now
    minutes = denial_rows.series(row, heard.dark, now)
    rate = denial_rows.rate(row, heard.dark, now)
    yield Fact("next", Span(row.reason.next, Tone.STRONG))
    yield Fact("caller", ", ".join(row.identities) or "no identity that the lines tell")
    yield Fact("from", row.caller.key if row.caller else row.source)
    yield Fact("to", f"{row.ref.key if row.ref else row.destination}, port {row.port or '?'}")
    if row.service:
        yield Fact("service", row.service)
    if row.via:
        yield Fact("via", row.via)
    yield Fact("count", f"{row.count:,}, {rate:.1f} a minute")
    yield Fact("first", times.ago(row.first, now))
    yield Fact("last", times.ago(row.last, now))
    known = list(dropwhile(lambda each: each is None, minutes))
    yield Fact("minutes", f"{denial_rows.sparkline(known)} the last {len(known)}")
    if None in known:
        yield Fact("", Span("? is a minute in which not all was heard", Tone.MUTED))
    if row.reason.rules:
        yield Fact("rules", ", ".join(row.reason.rules))


def _responsible(row: Row, snapshot: Snapshot) -> Sequence[Verdict]:
    """Remembered, since it is drawn with each snapshot."""
    return snapshot.memo.kept(
        "responsible for a denial",
        lambda: denial_policies.of(row, snapshot),
        (row.key, *_pods(row), row.policies, *(snapshot.objects.get(kind) for kind in _WRITTEN)),
    )


def _pods(row: Row) -> Iterator[str]:
    return (ref.key for ref in (row.caller, row.ref) if ref is not None)


_WRITTEN = tuple(dict.fromkeys(map(notices.kind_of, denial_policies.KINDS)))


def _allow(row: Row, snapshot: Snapshot) -> Iterator[Line]:
    """The policy as YAML, or why there is none."""
    if not row.reason.allow:
        return
    labels = minimal_allow.labels(row, snapshot)
    if why := minimal_allow.why_not(row, labels):
        yield (mark(Health.UNKNOWN), Span(f" {why}"))
        return
    for text in minimal_allow.of(row, labels).splitlines():
        yield (Span(f"  {text}"),)
    yield (Span(_standing(row, snapshot), Tone.MUTED),)


def _standing(row: Row, snapshot: Snapshot) -> str:
    """Whether the policy is there, and what `m` does about it."""
    where = policy_changes.target(row, snapshot)
    it = snapshot.find(where.kind, where.namespace, where.name) if where else None
    if it is None:
        return "m makes it, also as a trial first; nothing is done unasked."
    return "It is there as a trial: m enforces it." if dry_run(it) else "It is there already."


def _written(samples: Iterable[Sample]) -> Iterator[Line]:
    for sample in samples:
        for proxy, text in sample.lines:
            yield (Span(f"{times.clock(sample.at)} {proxy}", Tone.MUTED),)
            yield (Span(f"  {text}"),)


def _told_by(row: Row, heard: Heard) -> Iterator[Line]:
    """Each proxy, with whether its access log is on."""
    known = {each.key: each for each in heard.switches}
    for proxy in row.proxies:
        switch = known.get(proxy)
        yield _switch(switch) if switch else (Span(f"{proxy}, which is gone"),)


def _switch(switch: Switch) -> Line:
    verdict = switch.verdict
    return (mark(verdict.health), Span(f" {switch.part} {switch.key}: {verdict.reason}"))


def _not_known(words: str) -> Line:
    return (mark(Health.UNKNOWN), Span(f" {words}", Tone.MUTED))


def _unheard(heard: Heard) -> Iterator[Line]:
    """The gaps that last; logs that cannot be read at all have a line of their own."""
    refused = {ref.key for ref in heard.problems}
    last = [gap for gap in heard.gaps if gap.until is None and gap.proxy not in refused]
    if last:
        gap, more = last[0], f" and {len(last) - 1:,} more" if len(last) > 1 else ""
        words = f" nothing heard since {times.clock(gap.since)} of {gap.proxy}{more}: {gap.why}"
        yield (mark(Health.WARN), Span(words, Tone.MUTED))


def _unforwarded(snapshot: Snapshot) -> Iterator[Line]:
    """Which right to port-forwards is missing: the logs tell of denials all the same."""
    refused = (
        answer.problem
        for answer in snapshot.answers.values()
        if answer.problem is not None and answer.problem.trouble is Trouble.FORBIDDEN
    )
    problem = next(refused, None)
    if problem is not None:
        words = f" {problem.text}: what is known here is from logs and objects alone"
        yield (mark(Health.UNKNOWN), Span(words, Tone.MUTED))
