"""Scopes: what is listed and watched."""

from __future__ import annotations

from meshtui.mesh import scopes
from meshtui.mesh.kinds import NAMESPACE, POD
from meshtui.mesh.snapshot import Scope


def test_they_follow_the_namespaces_and_a_wider_one_covers_a_narrower() -> None:
    by_label = Scope(POD, None, labels="app=ztunnel")
    assert scopes.of([POD, NAMESPACE, by_label], []) == (Scope(POD), Scope(NAMESPACE))
    assert scopes.of([POD, NAMESPACE, by_label], ["a", "b"]) == (
        Scope(POD, "a"),
        Scope(POD, "b"),
        Scope(NAMESPACE),
        by_label,
    )
