"""Confidential: values of which some fields must not be shown, whoever prints them."""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec import Struct


class Confidential(Struct, frozen=True):
    """Shows by its repr, and by the one that rich asks for in tracebacks, only the fields in `shown`: the others are
    secret, or may be."""

    shown: ClassVar[tuple[str, ...]] = ()

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, getattr(self, name)) for name in self.shown]

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({told})"
