"""Pane: one kind of thing as a table with a detail. A snapshot comes down, messages go up.

A pane says what it needs (`NEEDS`), derives rows (`rows`), and says how one looks (`cells`, `detail`) and what it wants
to know beyond the watched objects (`wants`); what its keys do with a row is in `keyed`, which rows it shows in
`narrowed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.containers import Container
from textual.message import Message
from textual.reactive import reactive

from meshtui.mesh import events, raw
from meshtui.mesh.doctor import rows as findings
from meshtui.mesh.doctor.findings import Found
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import Kind
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Phase, Scope, Snapshot
from meshtui.ui import detail, notices
from meshtui.ui.columns import Column
from meshtui.ui.detail import Fact, Section
from meshtui.ui.exchange import Place, Stamp, Wants
from meshtui.ui.keyed import R
from meshtui.ui.lines import Lines
from meshtui.ui.narrowed import Narrowed
from meshtui.ui.spans import Cell, Line, Span, Tone, said
from meshtui.ui.table import Table
from meshtui.ui.words import Words


class Pane(Narrowed[R]):
    """The frame of a pane. Subclasses fill in what is theirs; none needs CSS or knows another pane."""

    NAME: ClassVar[str]
    """The command that opens it, and its id."""
    ALIASES: ClassVar[tuple[str, ...]] = ()
    TITLE: ClassVar[str]
    NEEDS: ClassVar[Sequence[Kind | Scope]]
    """What is watched for it. The first is what its rows are made of."""
    COLUMNS: ClassVar[Sequence[Column]]
    BESIDE: ClassVar[bool] = True
    """Whether a detail stands beside the table where there is room."""
    COUNTS: ClassVar[bool] = True
    """Whether the numbers of its failing rows mean something."""
    EMPTY: ClassVar[str]
    """What to say where there is nothing: what would be here, and the key that leads on."""

    stamp: reactive[Stamp] = reactive(Stamp())

    @dataclass
    class Looked(Message):
        """Other rows are looked at, or the rows are others: what the pane wants has changed."""

    def __init__(self) -> None:
        super().__init__(id=self.NAME)
        self.table = self.make_table()
        self.instead = Words(id="instead")
        self.why = Words(id="why")
        self.below = Words(id="below")
        self.beside = Lines(id="beside", focusable=False)
        self.set_class(not self.BESIDE, "-alone")
        self._asked = Wants()
        self._room = 0
        """For the detail: as much as it had last, while it is being laid out."""
        self._stale = True
        self._of: Snapshot | None = None
        self._verdicts: Mapping[str, Verdict] = {}

    # What a subclass fills in

    def make_table(self) -> Table[R]:
        """What its rows are drawn with."""
        return Table(self.COLUMNS, self._cells, lambda row: self.verdict(row).health)

    def rows(self, snapshot: Snapshot) -> Sequence[R]:
        """All rows, in the order to show them."""
        raise NotImplementedError

    def found(self, row: R, snapshot: Snapshot) -> Sequence[Found]:
        """What the doctor finds of it, the worst first."""
        if row.ref is None or not self.OBJECTS:
            return ()
        return findings.examined(snapshot).of.get(row.ref, ())

    def cells(self, row: R, snapshot: Snapshot) -> Sequence[Cell]:
        """A cell for each column; drawn only for rows in view."""
        raise NotImplementedError

    def detail(self, row: R, snapshot: Snapshot) -> Iterable[Section]:
        """What stands beside or under the table for the row under the cursor."""
        return ()

    def described(self, row: R, snapshot: Snapshot) -> Iterable[Section]:
        """What `d` shows: the detail, then what is known of the object itself."""
        yield from self.detail(row, snapshot)
        found = self.object(row, snapshot)
        if found is not None and row.ref is not None:
            yield detail.conditions(found, snapshot.now)
            yield detail.about(found, snapshot.now)
            yield detail.happened(snapshot, row.ref, raw.uid(found))

    def described_wants(self, row: R, snapshot: Snapshot) -> Wants:
        """What `d` wants to know: what the pane wants for the row, and the events of its object."""
        wanted = self.wants(row, (row,), snapshot)
        found = self.object(row, snapshot)
        if found is None or row.ref is None:
            return wanted
        return wanted | Wants(scopes=(events.scope(row.ref, raw.uid(found)),))

    def wants(self, row: R | None, in_view: Sequence[R], snapshot: Snapshot) -> Wants:
        """What to ask for, for the row under the cursor and for those in view."""
        return Wants()

    def refreshed(self, snapshot: Snapshot) -> None:
        """New rows are shown; a pane that keeps a row open redraws what stands under it."""

    # What the frame asks

    def prepare(self, snapshot: Snapshot) -> None:
        """Derives what it shows of a snapshot, so that it is remembered when it is drawn. It may take a while."""
        self.rows(snapshot)
        self._judged(snapshot)

    def verdict(self, row: R) -> Verdict:
        """How it is and why: the worst of what its own fields say and what the doctor finds of its object."""
        return self._verdicts.get(row.key, row.verdict)

    def reason(self, row: R) -> Line:
        """What stands under the rows of the one under the cursor, where no detail does."""
        return said(self.verdict(row))

    def _judged(self, snapshot: Snapshot) -> Mapping[str, Verdict]:
        """The verdicts of the rows that the doctor finds something worse of, by key."""
        if not self.OBJECTS:
            return {}
        rows = self.rows(snapshot)
        muted = (snapshot.muted, snapshot.now) if snapshot.muted else ()  # a mute ends by itself
        return snapshot.memo.kept(
            ("judged", self.NAME),
            lambda: findings.judged(snapshot, rows),
            (rows, findings.examined(snapshot), *muted),
        )

    @property
    def title(self) -> str:
        """Its tab; "" for none."""
        return self.TITLE

    @property
    def needs(self) -> Sequence[Kind | Scope]:
        return self.NEEDS

    @property
    def columns(self) -> Sequence[Column]:
        return self.COLUMNS

    @property
    def ordered(self) -> str:
        return self.NAME

    @property
    def empty(self) -> str:
        return self.EMPTY

    @property
    def cursor(self) -> str:
        """The key of the row under the cursor; "" where there is none."""
        row = self.table.selected
        return row.key if row else self._awaited

    def wanted(self) -> Wants:
        """What the pane wants to know now."""
        if self.snapshot is None:
            return Wants()
        return self.wants(self.table.selected, self.table.in_view, self.snapshot)

    def object(self, row: R, snapshot: Snapshot) -> Raw | None:
        """The watched object behind a row."""
        if row.ref is None:
            return None
        return snapshot.find(row.ref.kind, row.ref.namespace, row.ref.name)

    def find(self, key: str) -> R | None:
        """The row with this key."""
        return next((row for row in self.table.rows if row.key == key), None)

    # Its own doing

    def furnish(self) -> None:
        """Puts up what it consists of, at once: its table takes keys before any of it is drawn."""
        split, main = Container(id="split"), Container(id="main")
        self.mount(split)
        split.mount(main, self.beside)
        main.mount(self.table, self.instead, self.why, self.below)

    def on_mount(self) -> None:
        """Takes up what came to it while it was put up: nothing is watched until then."""
        self.screen.refresh_bindings()
        if self._of is not self.snapshot:
            self._derive()

    def come(self) -> None:
        """It is looked at now."""
        if self.is_mounted and self._stale:
            self._derive()

    def on_resize(self) -> None:
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        if self.snapshot is not None:
            self.refreshed(self.snapshot)
        self._look()

    def watch_snapshot(self) -> None:
        if self.is_mounted:
            self._derive()

    def watch_place(self, before: Place, now: Place) -> None:
        if self.is_attached:
            self.screen.refresh_bindings()
        if self.is_mounted and before.namespaces != now.namespaces:
            self._others = True
            self._derive()

    def focus_table(self) -> None:
        if self.is_attached:  # before, it has no screen; it has the focus once it is there
            self.screen.set_focus(self.table)

    def _cells(self, row: R) -> Sequence[Cell]:
        assert self._of is not None  # rows come with the snapshot that they are of
        return self.cells(row, self._of)

    def _derive(self) -> None:
        """Makes the rows anew; not while nobody looks."""
        self._stale = not (self.is_attached and self.display)
        if self._stale:
            if not self.display:
                self._of = None  # or all its objects are held until somebody looks again
            return
        if self.snapshot is None:
            self.table.show(())
            self.stamp = Stamp()
            return
        if self._of is not self.snapshot:
            self._subjects_at(self.snapshot.now)
        self._of = snapshot = self.snapshot
        rows = () if notices.unconnected(snapshot) else self.rows(snapshot)
        self._verdicts = judged = self._judged(snapshot)
        rows, inside = self.narrowed(rows, judged)
        rows = self.in_order(rows)
        self.table.show(rows, others=self._others)
        self._others = self._others and not rows
        if self._awaited and self.table.select(self._awaited):
            self._awaited = ""
        self.refreshed(snapshot)
        self.table.set_class(self.is_old(snapshot), "-stale")
        bad, warn = self._counted(rows, judged, snapshot) if self.COUNTS else (0, 0)
        self.stamp = Stamp(
            shown=len(rows),
            total=inside if self.COUNTS or self._filter is not None else 0,
            bad=bad,
            warn=warn,
            within=self._within,
            filter=self.filter_text,
            faults=self._faults,
            freshness=self.freshness(snapshot),
        )
        self._say(snapshot, bool(rows), bool(inside))
        self._detail()
        if self.wanted() != self._asked:
            self._look_closer()

    def _counted(
        self, rows: Sequence[R], judged: Mapping[str, Verdict], snapshot: Snapshot
    ) -> tuple[int, int]:
        """How many of the rows fail, and how many need a person."""

        def count() -> tuple[int, int]:
            healths = [judged.get(row.key, row.verdict).health for row in rows]
            return healths.count(Health.BAD), healths.count(Health.WARN)

        return snapshot.memo.kept(("counted", self.NAME), count, (rows, judged))

    def notes(self, snapshot: Snapshot) -> list[Line]:
        """What stands under the rows: what keeps them from being complete or current."""
        gone = notices.gone(snapshot, self.place.namespaces)
        left_out = self._at_fault.notes if self._faults else []
        return [*gone, *left_out, *notices.below(snapshot, self.needs)]

    def freshness(self, snapshot: Snapshot) -> Line:
        """How complete and how fresh the rows are, in a few words."""
        return notices.freshness(snapshot, self.needs)

    def is_old(self, snapshot: Snapshot) -> bool:
        """Whether the rows are shown as they were."""
        return notices.old(snapshot, self.needs)

    def _all(self) -> Sequence[R]:
        return self._inside(self.rows(self._of)) if self._of is not None and self.display else ()

    def _labels(self, row: R) -> Mapping[str, str] | None:
        found = self.object(row, self._of) if self._of is not None else None
        return raw.strings(found, "metadata", "labels") if found is not None else None

    def _say(self, snapshot: Snapshot, any_shown: bool, any_inside: bool) -> None:
        """What stands in place of rows, and what stands under them because it keeps them from being complete."""
        self.table.set_class(not any_shown, "-empty")  # hidden it would lose the focus for good
        self.set_class(not any_shown, "-bare")
        self.instead.say([] if any_shown else self._instead(snapshot, any_inside))
        self._note(snapshot)

    def _instead(self, snapshot: Snapshot, any_inside: bool) -> list[Line]:
        """Why no row is shown, and what to do about it."""
        if any_inside and self._faults and not self._at_fault.rows:
            return self._at_fault.none
        if any_inside and self._filter is not None:
            nothing, kept = ("No fault", "faults") if self._faults else ("Nothing", "rows")
            return [
                (Span(f"{nothing} matches /{self._filter.text}"),),
                (Span(f"esc shows all {kept} again.", Tone.MUTED),),
                *notices.unsure(snapshot, self.needs),
            ]
        if self._within and snapshot.source(notices.kind_of(self.needs[0])).phase is Phase.LIVE:
            return [
                (Span(f"Nothing in {self._within.replace('/', ' ', 1)}."),),
                (Span("esc goes back.", Tone.MUTED),),
            ]
        if self.place.namespaces and not notices.unconnected(snapshot):
            gone = notices.gone(snapshot, self.place.namespaces)
            words = gone or notices.instead(snapshot, self.needs, self.empty)
            return [*words, (Span(":ns all looks at every namespace.", Tone.MUTED),)]
        return [*notices.instead(snapshot, self.needs, self.empty), *self._narrower(snapshot)]

    def _narrower(self, snapshot: Snapshot) -> list[Line]:
        """What may be allowed where a list over all namespaces is not."""
        kind, own = notices.kind_of(self.needs[0]), snapshot.server.namespace
        if not own or not kind.namespaced or snapshot.source(kind).phase is not Phase.FORBIDDEN:
            return []
        return [(Span(f":ns {own} looks at the context's own namespace alone.", Tone.MUTED),)]

    def _note(self, snapshot: Snapshot) -> None:
        """Says under the rows why the one under the cursor has its mark, where no detail does, and what is missing."""
        row = self.table.selected
        self.why.say([self.reason(row)] if row is not None and not self.beside.display else [])
        self.below.say(self.notes(snapshot) if self.table.rows else [])

    def _detail(self) -> None:
        """Draws the detail of the row under the cursor, where there is room for one."""
        if self._of is None or not self.beside.display:
            return
        row = self.table.selected
        self._room = self.beside.scrollable_content_region.width or self._room
        self.beside.show(
            detail.render(self.verdict(row), self._sections(row, self._of), self._room)
            if row and self._room
            else ()
        )

    def _sections(self, row: R, snapshot: Snapshot) -> Iterable[Section]:
        own = row.verdict
        if self.verdict(row) is not own and own.health.rank >= Health.UNKNOWN.rank:
            yield Section("", [said(own)])
        yield from self.detail(row, snapshot)
        found = self.found(row, self.snapshot or snapshot)
        told = [each for each in found if each.says not in self.verdict(row).reason]
        yield Section("Findings", [Fact(each.rule.code, each.says) for each in told])

    # Keys

    @on(Table.Moved)
    def _look(self) -> None:
        self._detail()
        if self.snapshot is not None:
            self._note(self.snapshot)
        self._look_closer()

    def _look_closer(self) -> None:
        self._asked = self.wanted()
        self.post_message(self.Looked())

    @on(Table.Chosen)
    def _choose(self) -> None:
        row = self.table.selected
        if row is not None:
            self.chosen(row)
