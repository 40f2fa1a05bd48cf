"""Served: the kinds that a server has, and by which names people call them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from meshtui.mesh.kinds import Kind


class Served(Struct, frozen=True):
    """One kind as the server has it, from its discovery document."""

    kind: Kind
    versions: tuple[str, ...]
    """The one that the server prefers first."""
    singular: str = ""
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    """Such as "istio-io": kinds that belong together."""
    verbs: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What one of them or all of them are called, in lower case, the plural first."""
        words = (self.kind.plural, self.singular, *self.short, self.kind.title)
        return tuple(dict.fromkeys(word.lower() for word in words if word))

    @property
    def qualified(self) -> tuple[str, ...]:
        """The names that no other kind has: with group, with version and group, and as a path has them."""
        group, plural = self.kind.group, self.kind.plural
        paths = (f"{group}/{v}/{plural}" if group else f"{v}/{plural}" for v in self.versions[:1])
        if not group:
            return tuple(paths)
        dotted = (f"{name}.{part}{group}" for name in self.names for part in ("", *self._dotted))
        return (*dotted, *paths)

    @property
    def _dotted(self) -> tuple[str, ...]:
        return tuple(f"{version}." for version in self.versions)


def listed(served: Iterable[Served]) -> Sequence[Served]:
    """The kinds whose objects can be listed, in the server's order: of those with the same name kubectl takes the
    first."""
    return [each for each in served if "list" in each.verbs]


def by_name(served: Iterable[Served]) -> Mapping[str, Sequence[Served]]:
    """The kinds by each of the names that they are called without their group, in the server's order."""
    found: dict[str, list[Served]] = {}
    for each in served:
        for name in each.names:
            found.setdefault(name, []).append(each)
    return found
