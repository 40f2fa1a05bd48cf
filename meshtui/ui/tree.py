"""Tree: a screen over the panes with all that leads to one row and all that it leads to, as it is now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message

from meshtui.mesh import named_secrets, tree, ztunnel_probes
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.tree import Focus
from meshtui.mesh.tree_nodes import Node, Part
from meshtui.ui import notices
from meshtui.ui.branches import Branches, Place
from meshtui.ui.columns import shorten
from meshtui.ui.exchange import Jump, Wants
from meshtui.ui.footer import Footer
from meshtui.ui.pane import Pane
from meshtui.ui.reader import Reader
from meshtui.ui.spans import Line, Span, Tone, content, mark, plain, said, text_of
from meshtui.ui.words import Words

_PANES: Mapping[Part, str] = {
    Part.NAMESPACE: "namespaces",
    Part.GATEWAY: "gateways",
    Part.LISTENER: "gateways",
    Part.ROUTE: "routes",
    Part.SERVICE: "services",
    Part.WAYPOINT: "waypoints",
    Part.POD: "workloads",
    Part.ZTUNNEL: "ztunnels",
}
"""By the name of each pane what its rows are in the tree; of two the first."""

_MOST_ZTUNNELS = 4
"""So many dumps are read again and again for what is in view; the sweep reads the others."""
EVERYTHING: tuple[str, Focus | None] = ("Tree · everything", None)
"""Title and focus of the whole."""
_EMPTY = "There are no gateways, routes, services or waypoints here."


class TreeScreen(Reader):
    """The way of traffic through one thing, or all of it. It changes as the cluster does."""

    BINDINGS = [Binding("y", "yaml", "YAML", id="tree.yaml")]

    @dataclass
    class Left(Message):
        """A node is gone to."""

        jump: Jump

    @dataclass
    class Looked(Message):
        """Other nodes are looked at: what the screen wants has changed."""

    def __init__(self, title: str, focus: Focus | None) -> None:
        super().__init__(title)
        self._focus = focus
        self._snapshot: Snapshot | None = None
        self._known: tuple[Node, ...] = ()
        self._shown = title
        self.lines = self.branches = Branches(id="text")
        self.instead = Words(id="gone")
        self.why = Words(id="why")

    def compose(self) -> ComposeResult:
        yield self.heading
        yield self.instead
        yield self.branches
        yield self.why
        yield self.search
        yield Footer()

    def on_resize(self) -> None:
        if self._snapshot is not None:
            self.update_from(self._snapshot)  # which may have come before the screen was there

    def initial(self) -> Sequence[Line]:
        return self.lines.shown

    def derive(self, snapshot: Snapshot) -> None:
        tree.of(snapshot, self._focus)

    def update_from(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        if not self.is_mounted:
            return
        found = () if notices.unconnected(snapshot) else tree.of(snapshot, self._focus)
        self.instead.say([] if found else self._instead(snapshot))
        self._known = found or self._known
        self.branches.plant(self._known, self._starts)
        self.branches.set_class(not found or notices.old(snapshot, tree.KINDS), "-stale")
        if self._matches:
            self.find()
        self._head()

    def retitle(self, title: str) -> None:
        self._shown = title
        self._head()

    def _head(self) -> None:
        """The title with how fresh all of it is behind it."""
        fresh = notices.freshness(self._snapshot, tree.KINDS) if self._snapshot else ()
        room = self.size.width - len(text_of(fresh)) - 1
        title = f" {shorten(plain(self._shown), max(1, room - 3))}"
        self.heading.update(content([(Span(title.ljust(room)), *fresh)]))

    def wants(self) -> Wants:
        """The dumps of ztunnels that are looked at, what the others in view count, and the certificates of gateways."""
        if self._snapshot is None:
            return Wants()
        seen = [*self._ztunnels()]
        dumps = (ztunnel_probes.dump(each.namespace, each.name) for each in seen[:_MOST_ZTUNNELS])
        counts = (ztunnel_probes.metrics(each.namespace, each.name) for each in seen)
        return Wants(probes=(*dumps, *counts), refs=named_secrets.refs(self._snapshot))

    def action_next(self, step: int) -> None:
        super().action_next(step)
        if self._matches:
            self.branches.go(self._matches[self._at])

    def text(self) -> str:
        return self.branches.text()

    def action_yaml(self) -> None:
        place = self.branches.place
        if place is None or place.node.ref is None:
            self.post_message(Pane.Told("There is no single object behind this line."))
        else:
            self.post_message(Pane.YamlAsked(place.node.ref))

    @on(Branches.Chosen)
    def _chosen(self, event: Branches.Chosen) -> None:
        pane = _PANES.get(event.node.part)
        if pane is None or not event.node.row:
            self.post_message(Pane.Told("No pane has a row for this line."))
            return
        self.post_message(self.Left(Jump(pane, key=event.node.row)))
        self.dismiss()

    @on(Branches.Moved)
    def _moved(self) -> None:
        place = self.branches.place
        self.why.say([*_why(place, self.branches.drawn)] if place is not None else [])
        self.post_message(self.Looked())

    def _starts(self, node: Node) -> bool:
        return self._focus is not None and self._focus.is_on(node)

    def _instead(self, snapshot: Snapshot) -> list[Line]:
        """Why there is no tree."""
        if self._focus is None or notices.unconnected(snapshot):
            return notices.instead(snapshot, tree.KINDS, _EMPTY)
        if self._known:
            return [(Span("It is gone; this was known last.", Tone.WARN),)]
        return [(Span("No gateway, route, service or pod that is known leads to it."),)]

    def _ztunnels(self) -> Iterable[Ref]:
        """Those that are looked at: what is under the cursor before what else is in view."""
        place = self.branches.place
        near = [place.node, *place.node.children] if place is not None else []
        found = (
            each.ref
            for each in (*near, *self.branches.in_view)
            if each.part is Part.ZTUNNEL and each.ref is not None
        )
        return dict.fromkeys(found)


def focus(pane: Pane[Any]) -> tuple[str, Focus | None]:
    """What the tree is of for the row under the cursor of a pane, with a title; all of it where a row of that pane has
    no place in the tree, or there is none."""
    part = next((part for part, name in _PANES.items() if name == pane.NAME), None)
    row = pane.table.selected
    if part is None or row is None:
        return EVERYTHING
    key = row.ref.name if part is Part.NAMESPACE and row.ref is not None else row.key
    return f"Tree · {part.value} {pane.called(row)}", Focus(part, key)


def _why(place: Place, drawn: str) -> Iterable[Line]:
    """Why the node has its mark, what under it is worse, and its note where that was not `drawn` whole."""
    node = place.node
    yield said(node.verdict)
    if place.reason != node.verdict.reason:
        yield (mark(place.health), Span(f" {place.reason}"))
    if node.note not in drawn:
        yield (Span(f"  {node.note}", Tone.MUTED),)
