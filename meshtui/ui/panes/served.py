"""Served: any kind that the cluster serves, with the columns that the server itself prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from msgspec.structs import replace

from meshtui.mesh import events, printed, scopes
from meshtui.mesh.kinds import POD, Kind
from meshtui.mesh.printed import Row
from meshtui.mesh.served import Served
from meshtui.mesh.snapshot import Heading, Ref, Snapshot
from meshtui.ui import detail, filters, held, times, ways
from meshtui.ui.columns import WIDE, Column
from meshtui.ui.detail import Fact, Section
from meshtui.ui.exchange import Jump, Wants
from meshtui.ui.filters import BadPattern, Filter
from meshtui.ui.keyed import NO_LOG
from meshtui.ui.pane import Pane
from meshtui.ui.sorting import since
from meshtui.ui.spans import Cell, Line, Span, Tone, plain

_NAMESPACE = Column("NAMESPACE", 9, 24, 3, by=lambda row: row.ref.namespace, letter="P")


class ServedPane(Pane[Row]):
    """One kind at a time: that to which it is narrowed, "virtualservices.networking.istio.io"."""

    NAME = ways.SERVED
    TITLE = ""
    NEEDS = ()
    COLUMNS = (Column("NAME"),)
    EMPTY = ""

    def __init__(self) -> None:
        super().__init__()
        self._named = ""
        self._served: Served | None = None
        self._headings: tuple[Heading, ...] = ()
        self._drawn: tuple[str, Sequence[Column]] = ("", self.COLUMNS)

    # Which kind

    @property
    def kind(self) -> Kind | None:
        return self._served.kind if self._served is not None else None

    @property
    def title(self) -> str:
        return plain(self.kind.title or self.kind.plural) if self.kind else ""

    @property
    def columns(self) -> Sequence[Column]:
        return self._drawn[1]

    @property
    def ordered(self) -> str:
        return self._named

    @property
    def needs(self) -> Sequence[Kind]:
        return (self.kind,) if self.kind else ()

    @property
    def empty(self) -> str:
        return f"There is no {self.title}."

    @property
    def within(self) -> str:
        return self._named

    def narrow(self, within: str, key: str = "") -> None:
        """Shows a kind; "" leaves the one that is shown, also where another cluster is looked at."""
        self._named = within or self._named
        self._find(self.snapshot)
        self.refresh_bindings()
        super().narrow("", key)

    def _find(self, snapshot: Snapshot | None) -> None:
        """Finds the kind among those that are served. One that is not keeps what was known of it."""
        served = snapshot.server.served.values() if snapshot is not None else ()
        found = next((each for each in served if str(each.kind) == self._named), None)
        self._served = found or self._served

    # Its rows

    def rows(self, snapshot: Snapshot) -> Sequence[Row]:
        return printed.of(snapshot, self.kind) if self.kind else ()

    def cells(self, row: Row, snapshot: Snapshot) -> Sequence[Cell]:
        where = [row.ref.namespace] if self.kind and self.kind.namespaced else []
        return [*where, *self._cells_of(row, snapshot)] or [row.ref.name]

    def _cells_of(self, row: Row, snapshot: Snapshot) -> list[str]:
        """A cell for each heading. Ages are reckoned: the server wrote them when it printed the row."""
        cells = [*row.cells, *[""] * len(self._headings)]
        return [
            times.age(row.created, snapshot.now) if _is_age(heading) and row.created else cell
            for heading, cell in zip(self._headings, cells, strict=False)
        ]

    def namespace_of(self, row: Row) -> str:
        return row.ref.namespace

    def wants(self, row: Row | None, in_view: Sequence[Row], snapshot: Snapshot) -> Wants:
        return Wants(tables=scopes.of(self.needs, self.place.namespaces))

    def detail(self, row: Row, snapshot: Snapshot) -> Iterable[Section]:
        cells = zip(self._headings, self._cells_of(row, snapshot), strict=True)
        where = [Fact("namespace", row.ref.namespace)] if row.ref.namespace else []
        yield Section("", [*where, *(Fact(each.name.lower(), cell) for each, cell in cells)])
        labels = [(Span(f"{name}={value}"),) for name, value in sorted(row.labels.items())]
        yield Section("Labels", labels)

    def described(self, row: Row, snapshot: Snapshot) -> Iterable[Section]:
        yield from self.detail(row, snapshot)
        answer = snapshot.gets.get(row.ref)
        if answer is None or answer.value is None:
            words = answer.problem.text if answer and answer.problem else "being read"
            yield Section("Object", [(Span(words, Tone.UNKNOWN),)])
        else:
            yield from held.sections(row.ref.kind, answer, snapshot.now)
            yield detail.conditions(answer.value, snapshot.now)
            yield detail.about(answer.value, snapshot.now)
        yield detail.happened(snapshot, row.ref, row.uid)

    def described_wants(self, row: Row, snapshot: Snapshot) -> Wants:
        return Wants(scopes=(events.scope(row.ref, row.uid),), refs=(row.ref,))

    def owner(self, row: Row, snapshot: Snapshot) -> Jump | None:
        """What made it, else its namespace."""
        there = row.ref.namespace
        return ways.owner(snapshot, row.owners, there) or ways.namespace(snapshot, there)

    def log_of(self, row: Row, snapshot: Snapshot) -> Ref | None:
        return row.ref if row.ref.kind == POD else None

    def chosen(self, row: Row) -> None:
        self.action_describe()

    def _forbidden(self, action: str) -> str:
        if action.startswith("logs") and self.kind != POD:
            return NO_LOG
        if action == "edit" and self._served is not None and "patch" not in self._served.verbs:
            return f"{self.title}: the server lets nobody change one."
        return super()._forbidden(action)

    # How fresh they are: what is watched for them stands with the table

    def _derive(self) -> None:
        if self.snapshot is not None:
            self._find(self.snapshot)
            self._arrange(self.snapshot)
        super()._derive()

    def _arrange(self, snapshot: Snapshot) -> None:
        """Gives the table the columns of the kind, where they are others than before."""
        if self.kind is None:
            return
        self._headings = snapshot.tables.get(self.kind, printed.NOTHING).headings
        columns = [_column(each, place) for place, each in enumerate(self._headings)]
        drawn = [*([_NAMESPACE] if self.kind.namespaced else []), *columns] or [*self.COLUMNS]
        if self._drawn != (self._named, drawn):
            self._drawn = (self._named, drawn)
            self.table.begin(drawn)
            self._subjects.forget()
            self._read_again()

    def read_filter(self, text: str) -> Filter | None:
        """The same as in other panes; a column that the kind does not have, or not yet, is a text as any other."""
        with suppress(BadPattern):
            return super().read_filter(text)
        return filters.parse(text)

    def _labels(self, row: Row) -> Mapping[str, str]:
        return row.labels

    def freshness(self, snapshot: Snapshot) -> Line:
        return super().freshness(self._sourced(snapshot)) if self.kind else ()

    def notes(self, snapshot: Snapshot) -> list[Line]:
        return super().notes(self._sourced(snapshot))

    def is_old(self, snapshot: Snapshot) -> bool:
        return super().is_old(self._sourced(snapshot))

    def _instead(self, snapshot: Snapshot, any_inside: bool) -> list[Line]:
        if self.kind is None:
            return [(Span(f"{self._named or 'No kind'} is not known of this cluster yet."),)]
        said = super()._instead(self._sourced(snapshot), any_inside)
        return [*said, *self._as_text()] if any_inside else said

    def _as_text(self) -> list[Line]:
        """Why the filter was taken for a text."""
        try:
            super().read_filter(self.filter_text)
        except BadPattern as why:
            return [(Span(f"It was looked for as a text: {why}.", Tone.MUTED),)]
        return []

    def _sourced(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with the sources of the table as those of the kind."""
        kind = self.kind
        if kind is None:
            return snapshot
        others = {scope: each for scope, each in snapshot.sources.items() if scope.kind != kind}
        own = snapshot.tables.get(kind, printed.NOTHING).sources
        return replace(snapshot, sources={**others, **own})


def _is_age(heading: Heading) -> bool:
    return heading.name.lower() == "age"


def _column(heading: Heading, place: int) -> Column:
    """The name is the last column to go; those that the server counts as wide are the first."""
    title = plain(heading.name).upper()
    right = heading.type in ("integer", "number") or _is_age(heading)
    by = _created if _is_age(heading) else None
    letter = {"NAME": "N", "AGE": "A", "READY": "R", "RESTARTS": "T"}.get(title, "")
    if heading.priority:
        return Column(title, len(title), 40, WIDE + place, right, by, letter)
    if title == "NAME":
        return Column(title, 20, 60, 0, right, by, letter)
    return Column(title, min(len(title), 10), 120, 4 + place, right, by, letter)


def _created(row: Row) -> float | None:
    return since(row.created)
