"""Toasts: where they stand, so that none lies over what one types, or over the keys of a dialog."""

from __future__ import annotations

from textual.screen import Screen
from textual.widgets import Input


def give_way(screen: Screen[None]) -> None:
    """While one types, toasts stand at the top: the line that is typed, and what would complete it, is at the
    bottom."""
    for rack in screen.query_children("ToastRack"):
        rack.set_class(isinstance(screen.focused, Input), "-above")
