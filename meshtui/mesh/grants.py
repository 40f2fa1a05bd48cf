"""Reference grants: what a namespace lets others refer to (reference istio-ambient.md, 8.3 and 8.4)."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from meshtui.mesh import raw
from meshtui.mesh.kinds import REFERENCE_GRANT
from meshtui.mesh.raw import Raw, entries, text
from meshtui.mesh.snapshot import Snapshot


class Grant(Struct, frozen=True, eq=False):
    """One ReferenceGrant. Compared by identity."""

    namespace: str
    name: str
    origins: frozenset[tuple[str, str, str]]
    """Group, kind and namespace of what may refer."""
    targets: frozenset[tuple[str, str, str]]
    """Group, kind and name of what it may refer to; "" for any name."""

    def permits(self, origin: tuple[str, str, str], target: tuple[str, str, str]) -> bool:
        group, kind, _ = target
        return origin in self.origins and not self.targets.isdisjoint({target, (group, kind, "")})


def of(snapshot: Snapshot) -> Mapping[str, tuple[Grant, ...]]:
    """By the namespace that grants."""
    found: dict[str, tuple[Grant, ...]] = {}
    for each in snapshot.each(REFERENCE_GRANT, _read):
        found[each.namespace] = (*found.get(each.namespace, ()), each)
    return found


def _read(it: Raw) -> Grant:
    return Grant(
        namespace=raw.namespace(it),
        name=raw.name(it),
        origins=frozenset(
            (text(each, "group"), text(each, "kind"), text(each, "namespace"))
            for each in entries(it, "spec", "from")
        ),
        targets=frozenset(
            (text(each, "group"), text(each, "kind"), text(each, "name"))
            for each in entries(it, "spec", "to")
        ),
    )
