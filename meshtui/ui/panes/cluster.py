"""Cluster: the mesh at a glance, each line a place to look closer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from meshtui.mesh import certificates, overview, overview_items
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.overview_items import Item
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.ui import times
from meshtui.ui.bars import bar
from meshtui.ui.board import Board
from meshtui.ui.columns import Column
from meshtui.ui.detail import Fact, Section
from meshtui.ui.exchange import Jump, Wants
from meshtui.ui.pane import Pane
from meshtui.ui.spans import Cell, Span, Tone, tone
from meshtui.ui.table import Table


@dataclass(frozen=True, slots=True)
class Entry:
    """An item of the overview in its section."""

    section: str
    item: Item

    @property
    def key(self) -> str:
        return self.item.key

    @property
    def verdict(self) -> Verdict:
        return self.item.verdict

    @property
    def ref(self) -> Ref | None:
        return self.item.ref


class ClusterPane(Pane[Entry]):
    NAME = "cluster"
    ALIASES = ("overview", "cl")
    TITLE = "Cluster"
    NEEDS = overview.KINDS
    COLUMNS = (Column("ITEM"), Column("VALUE"))
    BESIDE = False
    ARRANGED = False
    COUNTS = False  # one cause stands in several sections
    JUDGED = False
    EMPTY = "Nothing is known of this cluster yet."

    def make_table(self) -> Table[Entry]:
        return Board(self._cells)

    def rows(self, snapshot: Snapshot) -> Sequence[Entry]:
        found = overview.of(snapshot, self.place.namespaces)
        worst_first = sorted(found, key=lambda section: section.title != "WORST")
        return [
            Entry(section.title, item)
            for section in worst_first
            for item in overview_items.brief(section.items)
        ]

    def called(self, row: Entry) -> str:
        return row.ref.key if row.ref else f"{row.item.text}: {row.item.value}"

    def cells(self, row: Entry, snapshot: Snapshot) -> Sequence[Cell]:
        item = row.item
        health = item.verdict.health
        worth = Tone.PLAIN if health in (Health.OK, Health.NONE) else tone(health)
        value: list[Span] = []
        if item.share is not None and item.share[1]:
            value += [
                bar(item.share[0] / item.share[1], Tone.MUTED if worth is Tone.PLAIN else worth),
                Span(" "),
            ]
        value.append(Span(item.value, worth))
        if item.when is not None:
            when = times.distance(item.when, snapshot.now)
            value.append(Span(f" {when}" if item.value else when, worth))
        return item.text, tuple(value)

    def detail(self, row: Entry, snapshot: Snapshot) -> Iterable[Section]:
        yield Section("", [Fact(row.section.lower(), row.item.text), Fact("value", row.item.value)])

    def wants(self, row: Entry | None, in_view: Sequence[Entry], snapshot: Snapshot) -> Wants:
        return Wants(refs=certificates.refs(snapshot))

    def onward(self, row: Entry) -> Jump | None:
        place = row.item.jump
        return Jump(place.pane, place.within, place.key) if place else None
