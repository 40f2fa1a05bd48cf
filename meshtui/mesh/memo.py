"""Memo: what was derived from unchanged objects is not derived again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from copy import copy
from datetime import datetime
from itertools import compress, count
from operator import is_, is_not
from typing import Any, Generic, TypeVar

from msgspec import Struct, field

S = TypeVar("S")
T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


class _Remembered(Struct):
    """What was derived under one label: by key the object, its inputs, and what came of them."""

    entries: dict[str, tuple[Any, tuple[Any, ...], Any]] = field(default_factory=dict)
    context: tuple[Any, ...] | None = None
    last: tuple[Mapping[str, Any], tuple[Any, ...], list[Any]] | None = None
    """The objects of the last time, their context, and what came of them in their order."""


class _Grouped(Struct, Generic[S, K], frozen=True):
    """Objects, the key of each, and the groups of those with the same one."""

    objects: Mapping[str, S]
    keys: Sequence[K]
    groups: Mapping[K, Sequence[S]]


class Memo:
    """What was derived from which objects, so that an unchanged object is not derived again. One per session."""

    def __init__(self) -> None:
        self._derived: dict[Any, _Remembered] = {}
        self._mapped: dict[Any, tuple[Mapping[str, Any], list[Any]]] = {}
        self._once: dict[Any, tuple[_Made, ...]] = {}
        """By label the newest first."""
        self._deltas: list[_Delta] = []
        self._owner: Hashable = None
        self._owners: dict[Any, Hashable] = {}
        """By label for what it was asked last, as `under` has it, or itself; None for what stays."""
        self._turn = 0
        self._asked: dict[Hashable, int] = {}
        """In which turn it was asked last, by owner."""
        self.between: Callable[[], None] | None = None
        """Called between two things that are derived, many times a second: the place to let others go first."""

    def under(self, owner: Hashable) -> Memo:
        """This one, for what is derived for something alone: it goes with that once nobody asks for it any more."""
        self._asked[owner] = self._turn
        part = copy(self)
        part._owner = owner
        return part

    def turn(self) -> None:
        """Much is another. What is kept and was not asked for these last turns is let go, with what was derived for it
        alone: it would hold what all was like before."""
        self._turn += 1
        gone = {each for each, at in [*self._asked.items()] if self._turn - at > _PATIENCE}
        for label, owner in [*self._owners.items()] if gone else ():
            if owner in gone:
                for known in (self._derived, self._mapped, self._once, self._owners):
                    known.pop(label, None)
        for each in gone:
            self._asked.pop(each, None)

    def forked(self) -> Memo:
        """One that begins with what this one knows, and from which this one learns nothing: for a cluster as it might
        be. This one may be in use meanwhile."""
        fork = Memo()
        fork._once, fork._mapped = dict(self._once), dict(self._mapped)
        fork.between = self.between
        for label, memory in list(self._derived.items()):
            # without the context: in which one an entry was made is not certain while entries are added
            fork._derived[label] = _Remembered(dict(memory.entries))
        return fork

    def each(
        self,
        label: Any,
        objects: Mapping[str, S],
        derive: Callable[..., T],
        inputs: Callable[[S], tuple[Any, ...]],
        context: tuple[Any, ...] | None = None,
    ) -> list[T]:
        """`derive(it, *inputs(it))` for each, anew only where the object or one of its inputs is another one.

        Where `inputs` looks at nothing but the object and the `context`, it is not even asked again for an unchanged
        object in an unchanged context, and where few of many objects changed, only those are looked at."""
        self._owners[label] = self._owner
        memory = self._derived.setdefault(label, _Remembered())
        trusted = _same_context(memory.context, context)
        if trusted and context is not None and memory.last is not None:
            before, of_before, known_before = memory.last
            changed = self._changed(before, objects) if _same(of_before, context) else None
            if changed is not None:
                found = list(known_before)
                found += [None] * (len(objects) - len(found))
                keys = list(objects) if changed else []
                for position in changed:
                    self._pause()
                    it = objects[keys[position]]
                    given = inputs(it)
                    entry = memory.entries[keys[position]] = (it, given, derive(it, *given))
                    found[position] = entry[2]
                memory.last = (objects, context, found)
                return list(found)
        entries, found = memory.entries, []
        memory.context = None  # until all is done: an exception leaves older entries behind
        for key, it in objects.items():
            known = entries.get(key)
            if known is None or known[0] is not it or not trusted:
                self._pause()
                given = inputs(it)
                if known is None or known[0] is not it or not _same(known[1], given):
                    known = entries[key] = (it, given, derive(it, *given))
            found.append(known[2])
        if len(entries) > len(objects):
            memory.entries = {key: entries[key] for key in objects}
        memory.context = context
        memory.last = None if context is None else (objects, context, list(found))
        return found

    def mapped(self, label: Any, objects: Mapping[str, S], derive: Callable[[S], T]) -> Sequence[T]:
        """`derive(it)` for each, which looks at nothing else, anew only where the object is another one. Where few of
        many objects changed, only those are looked at."""
        self._owners[label] = self._owner
        make = self._pausing(derive)
        if label not in self._mapped:
            found = [*map(make, objects.values())]
        else:
            before, known = self._mapped[label]
            changed = self._changed(before, objects)
            found = _moved(before, known, objects, make) if changed is None else known[:]
            if changed:
                now = [*objects.values()]
                found += [None] * (len(now) - len(found))  # type: ignore[list-item]
                for at in changed:
                    found[at] = make(now[at])
        self._mapped[label] = (objects, found)
        return found

    def _pausing(self, derive: Callable[[S], T]) -> Callable[[S], T]:
        if self.between is None:
            return derive

        def make(it: S) -> T:
            self._pause()
            return derive(it)

        return make

    def _pause(self) -> None:
        if self.between is not None:
            self.between()

    def _changed(self, before: Mapping[str, Any], now: Mapping[str, Any]) -> list[int] | None:
        """At which places of `now` other objects stand than before; None where the others have moved."""
        if before is now:
            return []
        for one, other, delta in self._deltas:
            if one is before and other is now:
                return delta
        delta = _delta(before, now)
        if len(now) >= _MANY:
            # nobody comes from further back, and in a storm each holds another ten thousand
            known = (it for it in self._deltas if it[0] is not before and it[1] is not before)
            self._deltas[:] = [*known, (before, now, delta)][-_KNOWN_DELTAS:]
        return delta

    def once(self, derive: Callable[..., T], inputs: tuple[Any, ...]) -> T:
        """`derive(*inputs)`, anew only where one of the inputs is another one than of late."""
        return self.kept(derive, lambda: derive(*inputs), inputs)

    def kept(self, label: Any, make: Callable[[], T], inputs: tuple[Any, ...]) -> T:
        """`make()` under a label, anew only where one of the inputs is another one than the last two times. `make` must
        look at nothing that changes without one of them.

        Two, since the snapshot on screen is still asked about while the next one is derived in a thread: with one, each
        would drive out what was made of the other, and it would be made again, all of it, while a key waits."""
        if self._owner is None:
            self._asked[label] = self._turn
        self._owners[label] = label if self._owner is None else self._owner
        for before, made in self._once.get(label, ()):
            if _same(before, inputs):
                result: T = made
                return result
        self._pause()
        result = make()
        self._once[label] = ((inputs, result), *self._once.get(label, ())[: _KEPT - 1])
        return result

    def unchanged(self, label: Any, found: list[T]) -> list[T]:
        """The list that was found before, where this one has the very same things in it: so that what was made of that
        one is remembered."""
        return self.kept((label, "unchanged"), lambda: found, (*found,))

    def settled(self, label: Any, found: T) -> T:
        """What was found before, where this equals it: as `unchanged`, of a value."""
        return self.folded(
            (label, "settled"), lambda before: before if before == found else found, (found,)
        )

    def those(
        self, label: Any, objects: Mapping[str, S], taken: Callable[[S], bool]
    ) -> Sequence[S]:
        """The objects that `taken` takes, each by itself: the same list as long as they are the same ones."""
        found = self.mapped(label, objects, taken)
        return self.unchanged(label, [*compress(objects.values(), found)])

    def grouped(
        self, label: Any, objects: Mapping[str, S], by: Callable[[S], K]
    ) -> Mapping[K, Sequence[S]]:
        """The objects by what `by` says of each by itself. A group is the same list as long as the same ones are in
        it."""
        keys = self.mapped(label, objects, by)

        def step(before: _Grouped[S, K] | None) -> _Grouped[S, K]:
            changed = self._changed(before.objects, objects) if before is not None else None
            return _Grouped(objects, keys, _groups(before, objects, keys, changed))

        return self.folded((label, "grouped"), step, (objects,)).groups

    def folded(self, label: Any, step: Callable[[T | None], T], inputs: tuple[Any, ...]) -> T:
        """What follows from what was kept under the label before (None at first), one step for each change of the
        inputs: for what has to remember, such as since when a thing is so."""
        known = self._once.get(label)
        return self.kept(label, lambda: step(known[0][1] if known else None), inputs)


_Made = tuple[tuple[Any, ...], Any]
"""Inputs, and what was made of them."""
_Delta = tuple[Mapping[str, Any], Mapping[str, Any], list[int] | None]
"""Objects before and now, and where others stand now (`Memo._changed`)."""
_KEPT = 2
"""Of each label: what is on screen, and what comes next."""
_PATIENCE = 10
"""Turns."""
_KNOWN_DELTAS = 8
"""So many are remembered, of so many objects: much is derived from the same pods, before and now."""
_MANY = 1_000
_FEW = 16
"""So many that changed are looked for one by one: a thousand of a group of ten thousand took 0.3 s."""


def _moved(
    before: Mapping[str, S], found: Sequence[T], now: Mapping[str, S], derive: Callable[[S], T]
) -> list[T]:
    """What was found before of those that are still there, among others."""
    known = dict(zip(before, found, strict=True))
    return [known[key] if before.get(key) is it else derive(it) for key, it in now.items()]


def _groups(
    before: _Grouped[S, K] | None,
    objects: Mapping[str, S],
    keys: Sequence[K],
    changed: Sequence[int] | None,
) -> Mapping[K, Sequence[S]]:
    """Where none came, went or moved to another group, only the groups of those that changed are made anew, as long as
    these are few: each is looked for in its whole group."""
    few = changed if changed is not None and len(changed) <= _FEW else None
    if before is not None and few is not None and before.keys == keys:
        found, was, now = dict(before.groups), [*before.objects.values()], [*objects.values()]
        for at in few:
            found[keys[at]] = [now[at] if it is was[at] else it for it in found[keys[at]]]
        return found
    groups: defaultdict[K, list[S]] = defaultdict(list)
    for key, it in zip(keys, objects.values(), strict=True):
        groups[key].append(it)
    known = before.groups if before is not None else {}
    return {key: _either(known.get(key, ()), group) for key, group in groups.items()}


def _either(before: Sequence[S], now: Sequence[S]) -> Sequence[S]:
    """What was there before, where it has the very same in it."""
    return before if len(before) == len(now) and all(map(is_, before, now)) else now


def _delta(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[int] | None:
    keys = list(now)
    if keys[: len(before)] != list(before):
        return None
    differ = map(is_not, before.values(), now.values())
    return [*compress(count(), differ), *range(len(before), len(now))]


def _same_context(before: tuple[Any, ...] | None, now: tuple[Any, ...] | None) -> bool:
    return before is not None and now is not None and _same(before, now)


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether all are the same ones: objects by identity, since comparing them would cost more than deriving."""
    if len(one) != len(other):
        return False
    if all(map(is_, one, other)):
        return True
    for a, b in zip(one, other, strict=True):
        if a is b:
            continue
        if isinstance(a, tuple) and isinstance(b, tuple):
            if not _same(a, b):
                return False
        elif not isinstance(a, _VALUES) or a != b:
            return False
    return True


_VALUES = (str, int, datetime)
