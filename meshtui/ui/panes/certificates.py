"""Certificates: workloads', CAs' and gateways', the one whose renewal is most overdue first; decoded in place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from textual.binding import Binding

from meshtui.mesh import certificates, raw
from meshtui.mesh.certificate_rows import Role, Row
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import POD
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.ui import certificate_words, times, ways
from meshtui.ui.bars import bar
from meshtui.ui.columns import Column
from meshtui.ui.detail import Fact, Section, render
from meshtui.ui.exchange import Jump, Wants
from meshtui.ui.pane import Pane
from meshtui.ui.sorting import until
from meshtui.ui.spans import Cell, Line, Span, Tone, tone


class CertificatesPane(Pane[Row]):
    NAME = "certificates"
    ALIASES = ("cert", "certs", "certificate")
    TITLE = "Certificates"
    NEEDS = certificates.KINDS
    COLUMNS = (
        Column("EXPIRES", 7, 8, 0, right=True, by=lambda row: until(row.not_after)),
        Column("RENEWS", 6, 10, 1, by=lambda row: until(row.due)),
        Column("LIFE", 8, 8, 2, by=lambda row: until(row.not_after)),
        Column("IDENTITY", 20, 70, 0, letter="N"),
        Column("HELD BY", 12, 60, 3),
        Column("ISSUER", 16, 28, 4),
    )
    BESIDE = False  # a row opens in place
    OBJECTS = False  # what holds a certificate is not the certificate
    EMPTY = "No certificate was read yet: those of workloads come with the dumps of the ztunnels."
    BINDINGS = [Binding("x", "decode", "Decode", id="certificates.decode")]

    def rows(self, snapshot: Snapshot) -> Sequence[Row]:
        folded = certificates.of(snapshot)
        if not self.within:
            return folded
        return [each for row in folded for each in _unfolded(snapshot, row)]

    def called(self, row: Row) -> str:
        return row.name

    def namespace_of(self, row: Row) -> str:
        if row.role is Role.RENEWING:
            return row.name
        if row.role is Role.GATEWAY:  # where its Secret is, or a Gateway that names that
            homes = [holder.namespace for holder in row.holders]
            return next((home for home in homes if home in self.place.namespaces), homes[0])
        found = _NAMESPACE.search(row.name) if row.role is Role.WORKLOAD else None
        return found[1] if found else ""

    def belongs(self, row: Row, within: str) -> bool:
        what, _, name = within.partition("/")
        if what == "ztunnel":
            return any(ref.key == name for ref in row.holders)
        return f"/ns/{name}/" in row.name or any(ref.namespace == name for ref in row.holders)

    def cells(self, row: Row, snapshot: Snapshot) -> Sequence[Cell]:
        life, title = row.life(snapshot.now), certificate_words.title(row)
        if life is None:
            return "–", "–", "", Span(title, tone(row.verdict.health)), row.held_by, row.issuer
        worth = _worth(life.verdict.health)
        return (
            Span(times.left(row.not_after, snapshot.now), worth),
            _renews(row, snapshot),
            bar(life.left, Tone.MUTED if worth is Tone.PLAIN else worth),
            title,
            row.held_by,
            row.issuer,
        )

    def detail(self, row: Row, snapshot: Snapshot) -> Iterable[Section]:
        facts = certificates.facts(snapshot, row)
        yield Section(
            "",
            [Fact("role", row.role.value), *(certificate_words.fact(each) for each in facts[1:])],
        )

    def described(self, row: Row, snapshot: Snapshot) -> Iterable[Section]:
        """The certificate alone: the object behind the row only holds it."""
        return self.detail(row, snapshot)

    def described_wants(self, row: Row, snapshot: Snapshot) -> Wants:
        return self.wants(row, (row,), snapshot)

    def wants(self, row: Row | None, in_view: Sequence[Row], snapshot: Snapshot) -> Wants:
        return Wants(refs=certificates.refs(snapshot))

    def chosen(self, row: Row) -> None:
        if row.role is Role.RENEWING:
            self.post_message(self.Left(Jump(self.NAME, within=f"namespace/{row.name}")))
        else:
            self.action_decode()

    def action_decode(self) -> None:
        """Opens the row in place, or closes it."""
        row = self.table.selected
        if row is None or self.snapshot is None:
            return
        closing = self.table.opened == row.key
        self.table.open("" if closing else row.key, () if closing else self._decoded(row))

    def refreshed(self, snapshot: Snapshot) -> None:
        row = self.find(self.table.opened)
        if row is not None:
            self.table.redraw(self._decoded(row))

    def _decoded(self, row: Row) -> Sequence[Line]:
        assert self.snapshot is not None  # a row is only there with a snapshot
        facts = certificates.facts(self.snapshot, row)
        parts = [certificate_words.fact(each) for each in facts]
        width = self.table.scrollable_content_region.width - len(_EDGE.text)
        return [(_EDGE, *line) for line in render(None, [Section("", parts)], width)]

    def ztunnel_of(self, row: Row, snapshot: Snapshot) -> Jump | None:
        holder = self.log_of(row, snapshot)
        pod = snapshot.find(POD, holder.namespace, holder.name) if holder else None
        return Jump("ztunnels", key=raw.uid(pod)) if pod else None

    def used_by(self, row: Row, snapshot: Snapshot) -> Jump | None:
        """The first Gateway that serves it."""
        found = (ways.to(snapshot, holder) for holder in row.holders)
        return next((jump for jump in found if jump and jump.pane == "gateways"), None)

    def owner(self, row: Row, snapshot: Snapshot) -> Jump | None:
        return ways.namespace(snapshot, self.namespace_of(row))

    def node_of(self, row: Row, snapshot: Snapshot) -> Jump | None:
        return self.ztunnel_of(row, snapshot)

    def istioctl(self, row: Row, snapshot: Snapshot) -> Sequence[str]:
        pod = self.log_of(row, snapshot)
        return ("ztunnel-config", "certificate", f"{pod.name}.{pod.namespace}") if pod else ()

    def log_of(self, row: Row, snapshot: Snapshot) -> Ref | None:
        return next((ref for ref in row.holders if ref.kind == POD), None)


_NAMESPACE = re.compile("^spiffe://[^/]+/ns/([^/]+)/")
_EDGE = Span(" │ ", Tone.MUTED)


def _unfolded(snapshot: Snapshot, row: Row) -> Sequence[Row]:
    return certificates.members(snapshot, row) if row.role is Role.RENEWING else (row,)


def _worth(health: Health) -> Tone:
    """A colour only for what needs a person."""
    return Tone.PLAIN if health is Health.OK else tone(health)


def _renews(row: Row, snapshot: Snapshot) -> Cell:
    said = certificate_words.renews(row, snapshot.now)
    return Span(said, _worth(row.verdict.health)) if said.endswith("late") else said
