"""LeftOnce: a screen that is left once, however often that is asked for."""

from __future__ import annotations

from typing import Generic, TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen, Screen

T = TypeVar("T")


class LeftOnce(Screen[T], Generic[T]):
    """Two keys that are pressed in one go are both handled here before the next screen has any: the second would end
    the program, or close what lies below (Textual takes the topmost screen away, whichever that is)."""

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        return super().dismiss(result) if self in self.app.screen_stack else AwaitComplete()


class Dialog(ModalScreen[T], LeftOnce[T]):
    """The same over what it asks about. Of two bases Textual takes the styles of the first, those of a modal screen."""
