"""Scopes: what to list and watch for what is needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from meshtui.mesh.kinds import Kind
from meshtui.mesh.snapshot import Scope


def of(needs: Iterable[Kind | Scope], namespaces: Sequence[str]) -> tuple[Scope, ...]:
    """What to list and watch: kinds of the chosen namespaces, and beside them what is needed from everywhere. A
    narrower scope is left out where a wider one covers it."""
    found: dict[Scope, None] = {}
    for need in needs:
        if isinstance(need, Scope):
            found[need] = None
        elif need.namespaced and namespaces:
            found.update((Scope(need, namespace), None) for namespace in namespaces)
        else:
            found[Scope(need)] = None
    return tuple(
        each for each in found if each == Scope(each.kind) or Scope(each.kind) not in found
    )
