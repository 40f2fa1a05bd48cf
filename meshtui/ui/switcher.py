"""Switcher: the panes, one of them in front. Each is put on the screen when it comes there for the first time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from textual.events import Resize
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from meshtui.mesh.snapshot import Snapshot
from meshtui.ui.exchange import Place
from meshtui.ui.pane import Pane

AnyPane = Pane[Any]


class Switcher(ContentSwitcher):
    """What is seen is handed down to the panes that were looked at; the others cost nothing."""

    def __init__(self, panes: Iterable[AnyPane], first: str) -> None:
        """`first` is the name of the one that is in front until one is brought."""
        super().__init__(id="panes")
        self.panes: Mapping[str, AnyPane] = {pane.NAME: pane for pane in panes}
        self._first = first
        self._seen: tuple[Snapshot | None, Place] = (None, Place())

    @property
    def front(self) -> AnyPane:
        return self.panes[self.current or self._first]

    def bring(self, name: str) -> AnyPane:
        """Puts a pane in front, with its table ready for keys."""
        pane = self.panes[name]
        if not self.is_attached:  # the program is being left: nothing can be put up any more
            return pane
        if not pane.is_attached:
            pane.snapshot, pane.place = self._seen
            self.mount(pane)
            pane.furnish()
            self.call_after_refresh(self._tell_size, pane)
        self.current = name
        pane.come()
        return pane

    def _tell_size(self, pane: AnyPane) -> None:
        """Tells all in a new pane how large it is. Textual takes a new widget for one that it has told already, where
        something else was drawn between its coming and its layout (`Compositor.full_map`)."""
        for widget in pane.walk_children(Widget, with_self=True):
            told = Resize(widget.size, widget.virtual_size, widget.container_size)
            widget.post_message(told)

    def see(self, snapshot: Snapshot | None, place: Place) -> None:
        """Something is seen anew, or from another place."""
        self._seen = (snapshot, place)
        for pane in self.query_children(Pane):
            pane.snapshot, pane.place = self._seen
