"""Strategies for what strangers put into objects, for the tests that nothing of it takes a derivation down."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["", "\x1b[31m", "[bold]", "2026-11-22T12:34:34Z", "None", "-1", "ambient"])
)

JSON: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
"""Any JSON value."""


def damaged(document: Any, times: int = 2) -> st.SearchStrategy[Any]:
    """The document with a few of its values, at any depth, replaced by any JSON value."""
    places = [*_places(document)]
    return st.lists(st.tuples(st.sampled_from(places), JSON), min_size=1, max_size=times).map(
        lambda damages: functools.reduce(_replaced, damages, document)
    )


def _places(value: Any) -> Iterator[tuple[Any, ...]]:
    keys = (
        value.keys()
        if isinstance(value, dict)
        else range(len(value) if isinstance(value, list) else 0)
    )
    for key in keys:
        yield (key,)
        yield from ((key, *below) for below in _places(value[key]))


def _replaced(document: Any, damage: tuple[tuple[Any, ...], Any]) -> Any:
    """A copy with the value at the path another one; as it is where an earlier damage took the path away."""
    (key, *below), instead = damage
    if isinstance(document, dict) and key in document:
        inner = _replaced(document[key], (tuple(below), instead)) if below else instead
        return {**document, key: inner}
    if isinstance(document, list) and isinstance(key, int) and key < len(document):
        inner = _replaced(document[key], (tuple(below), instead)) if below else instead
        return [*document[:key], inner, *document[key + 1 :]]
    return document
