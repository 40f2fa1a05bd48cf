"""Selectors: Kubernetes' label selectors, `matchLabels` and `matchExpressions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from meshtui.mesh.raw import dig, entries, strings, text


class Selector(Struct, frozen=True):
    """What labels must be: all of it must hold, so that an empty one takes everything."""

    labels: Mapping[str, str]
    expressions: tuple[tuple[str, str, frozenset[str]], ...] = ()
    """Each a label, "In", "NotIn", "Exists" or "DoesNotExist", and values for the first two."""

    def __bool__(self) -> bool:
        """Whether it asks for anything."""
        return bool(self.labels or self.expressions)

    def __str__(self) -> str:
        """As kubectl takes it; of plain labels alone."""
        return ",".join(f"{name}={value}" for name, value in self.labels.items())

    def matches(self, labels: Mapping[str, str]) -> bool:
        return self.labels.items() <= labels.items() and all(
            _holds(name, operator, values, labels) for name, operator, values in self.expressions
        )


EVERYTHING = Selector({})


def read(written: Any) -> Selector:
    """A selector as Kubernetes writes it. Raises ValueError for an operator that Kubernetes does not know either."""
    return Selector(
        strings(written, "matchLabels"),
        tuple(map(_expression, entries(written, "matchExpressions"))),
    )


def _expression(written: Any) -> tuple[str, str, frozenset[str]]:
    operator, values = text(written, "operator"), dig(written, "values")
    if operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
        raise ValueError(f"operator {operator!r} of a label selector is not known")
    given = values if isinstance(values, list) else ()
    return (
        text(written, "key"),
        operator,
        frozenset(each for each in given if isinstance(each, str)),
    )


def _holds(name: str, operator: str, values: frozenset[str], labels: Mapping[str, str]) -> bool:
    match operator:
        case "In":
            return labels.get(name) in values
        case "NotIn":
            return labels.get(name) not in values
        case "Exists":
            return name in labels
        case _:
            return name not in labels
