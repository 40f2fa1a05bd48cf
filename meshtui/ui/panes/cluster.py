"""Cluster: the mesh at a glance, each line a place to look closer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from meshtui.mesh import certificates, overview, overview_items
from meshtui.mesh.health import Verdict
from meshtui.mesh.overview_items import Item
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.ui import dashboard, detail
from meshtui.ui.board import Board
from meshtui.ui.columns import Column
from meshtui.ui.dashboard import Tile
from meshtui.ui.detail import Fact
from meshtui.ui.exchange import Jump, Wants
from meshtui.ui.pane import Pane
from meshtui.ui.spans import Cell, Line, Span, mark
from meshtui.ui.table import Table

_MOST = {"NODES": 400, "APIS": 60, "WORST": 60, "PANES": 20}
"""Of these sections so many lines are shown, of others a dozen."""


class Entry(Struct, frozen=True):
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
    OBJECTS = False
    EMPTY = "Nothing is known of this cluster yet."

    def make_table(self) -> Table[Entry]:
        return Board(self)

    def rows(self, snapshot: Snapshot) -> Sequence[Entry]:
        return [
            Entry(section.title, item)
            for section in overview.of(snapshot, self.place.namespaces)
            for item in overview_items.brief(section.items, _MOST.get(section.title, 12))
        ]

    def called(self, row: Entry) -> str:
        return row.ref.key if row.ref else f"{row.item.text}: {row.item.value}"

    def cells(self, row: Entry, snapshot: Snapshot) -> Sequence[Cell]:
        return row.item.text, dashboard.words(row.section, row.item, snapshot.now)

    def reason(self, row: Entry) -> Line:
        """With what it is called and worth: a tile may be nothing but a mark."""
        item, health = row.item, row.verdict.health
        named = f" {item.text}: "
        if row.section != "WORST" and item.value:
            named += f"{item.value}; "
        why = row.verdict.reason or health.word
        return (mark(health), Span(named), Span(why))

    # The face of its board

    @property
    def arranged(self) -> Mapping[int, Sequence[Sequence[str]]]:
        return dashboard.ARRANGED

    def heading(self, rows: Sequence[Entry], label: int, room: int) -> Line:
        return dashboard.heading(rows[0].section, [row.item for row in rows], label, room)

    def tile(self, rows: Sequence[Entry]) -> Tile | None:
        return dashboard.tile(rows[0].section, [row.item for row in rows])

    def label(self, row: Entry) -> Cell:
        return dashboard.label_of(row.section, row.item)

    def label_width(self, row: Entry, widest: int, room: int) -> int:
        return dashboard.label_width(row.section, widest, room)

    def worth(self, row: Entry, label: int, room: int) -> Line:
        if self._of is None:
            return ()
        return dashboard.worth(row.section, row.item, self._of.now, label, room)

    def detail(self, row: Entry, snapshot: Snapshot) -> Iterable[detail.Section]:
        yield detail.Section(
            "", [Fact(row.section.lower(), row.item.text), Fact("value", row.item.value)]
        )

    def wants(self, row: Entry | None, in_view: Sequence[Entry], snapshot: Snapshot) -> Wants:
        return Wants(refs=certificates.refs(snapshot))

    def onward(self, row: Entry) -> Jump | None:
        place = row.item.jump
        return Jump(place.pane, place.within, place.key) if place else None
