"""Store: the newest raw object per key and kind, over all scopes that hold it; hands out immutable copies."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from msgspec import Struct, field

from meshtui.mesh.kinds import Kind
from meshtui.mesh.raw import Raw, key, text
from meshtui.mesh.snapshot import Scope


class _Held(Struct):
    keys: set[str] = field(default_factory=set)
    listing: set[str] | None = None
    """What the list in progress has brought so far; None where none is."""


class Store:
    """Objects are replaced, never edited; a kind that did not change is the same mapping from one copy to the next."""

    def __init__(self, replaces: Callable[[Raw, Raw], bool] | None = None) -> None:
        """`replaces` tells whether what comes takes the place of what is known; None for: unless it is older."""
        self._replaces = replaces or _newer
        self._objects: dict[Kind, dict[str, Raw]] = {}
        self._handed_out: set[Kind] = set()
        self._parts: dict[Kind, Mapping[str, Raw]] = {}
        """What was handed out last of kinds of which only a part is wanted."""
        self._held: dict[Scope, _Held] = {}

    def objects(self, wanted: Collection[Scope]) -> Mapping[Kind, Mapping[str, Raw]]:
        """What at least one of these scopes holds, by kind and key. What is handed out is not changed any more: the
        next change copies first."""
        kinds = dict.fromkeys(scope.kind for scope in wanted)
        return {kind: self._wanted(kind, wanted) for kind in kinds if kind in self._objects}

    def count(self, scope: Scope) -> int:
        held = self._held.get(scope)
        return len(held.keys) if held else 0

    def begin(self, scope: Scope) -> None:
        """A list begins: what it does not bring until `complete` will go; until then all stays."""
        self._held.setdefault(scope, _Held()).listing = set()

    def found(self, scope: Scope, raws: Iterable[Raw]) -> None:
        """Objects of the list in progress."""
        held = self._held.setdefault(scope, _Held())
        for raw in raws:
            name = key(raw)
            self._put(scope.kind, name, raw)
            held.keys.add(name)
            if held.listing is not None:
                held.listing.add(name)

    def complete(self, scope: Scope) -> None:
        """The list is complete: objects that it did not bring are gone."""
        held = self._held.setdefault(scope, _Held())
        if held.listing is None:
            return
        vanished = held.keys - held.listing
        held.keys, held.listing = held.listing, None
        for name in vanished:
            self._let_go(scope.kind, name)

    def put(self, scope: Scope, raw: Raw) -> None:
        self._put(scope.kind, key(raw), raw)
        self._held.setdefault(scope, _Held()).keys.add(key(raw))

    def remove(self, scope: Scope, raw: Raw) -> None:
        """The object is gone, or the scope's selector leaves it out now."""
        held = self._held.get(scope)
        if held is not None and key(raw) in held.keys:
            held.keys.discard(key(raw))
            self._let_go(scope.kind, key(raw))

    def drop(self, scope: Scope) -> None:
        """Forget a scope; objects that another one holds stay."""
        held = self._held.pop(scope, None)
        self._parts.pop(scope.kind, None)
        for name in held.keys if held else ():
            self._let_go(scope.kind, name)

    def _wanted(self, kind: Kind, wanted: Collection[Scope]) -> Mapping[str, Raw]:
        known = self._objects[kind]
        holding = {scope: held.keys for scope, held in self._held.items() if scope.kind == kind}
        parts = [keys for scope, keys in holding.items() if scope in wanted]
        if len(parts) == len(holding) or any(len(keys) == len(known) for keys in parts):
            self._handed_out.add(kind)
            self._parts.pop(kind, None)
            return known
        part = {key: known[key] for keys in parts for key in keys}
        if not _same(part, self._parts.get(kind)):
            self._parts[kind] = part
        return self._parts[kind]

    def _put(self, kind: Kind, name: str, raw: Raw) -> None:
        known = self._objects.get(kind, {}).get(name)
        if known is None or self._replaces(raw, known):
            self._writable(kind)[name] = raw

    def _let_go(self, kind: Kind, name: str) -> None:
        if not any(name in held.keys for scope, held in self._held.items() if scope.kind == kind):
            self._writable(kind).pop(name, None)

    def _writable(self, kind: Kind) -> dict[str, Raw]:
        if kind in self._handed_out:
            self._handed_out.discard(kind)
            self._objects[kind] = dict(self._objects[kind])
        return self._objects.setdefault(kind, {})


def _same(one: Mapping[str, Raw], other: Mapping[str, Raw] | None) -> bool:
    """Whether both have the same objects. They are not compared by what is in them, which may be nested deep."""
    return (
        other is not None
        and len(one) == len(other)
        and all(other.get(key) is raw for key, raw in one.items())
    )


def _newer(raw: Raw, known: Raw) -> bool:
    """Whether to replace `known`: not by the same state again, so that its object stays the same one, nor by an older
    state that another scope's watch brings late. Kubernetes compares these as numbers (KEP-5504)."""
    one, other = _version(raw), _version(known)
    if one is None or other is None:
        return True
    if text(raw, "metadata", "uid") != text(known, "metadata", "uid"):
        return one >= other
    return one > other


def _version(raw: Raw) -> int | None:
    found = text(raw, "metadata", "resourceVersion")
    return int(found) if found.isdecimal() and len(found) <= 20 else None
