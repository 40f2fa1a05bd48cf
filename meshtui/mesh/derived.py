"""Derived: what is made of a whole snapshot, and made anew only where something that was looked at is another one.

Whoever derives reads of the snapshot what it likes, and what it reads is noted: nobody has to declare what it goes by,
and no declaration can be wrong. What it takes from another derivation counts by what came of that one, so that a change
which makes no difference there goes no further.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Concatenate, ParamSpec, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from meshtui.mesh.kinds import Kind
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Scope, Server, Snapshot, Source

P = ParamSpec("P")
T = TypeVar("T")

_Read = tuple[Any, ...]
"""How something is read of a snapshot: a function of it, and what else that is given."""


def derived(
    snapshot: Snapshot,
    derive: Callable[Concatenate[Snapshot, P], T],
    *given: P.args,
    **none: P.kwargs,
) -> T:
    """`derive(snapshot, *given)`, remembered as long as all that it read of the snapshot is the same.

    It must read the snapshot that it is handed and no other, nothing of it later, and return the same object as before
    where that says the same (`Memo.unchanged`), else all that follows from it is made again. What is `given` is a value
    of few, since each is remembered by itself."""
    if isinstance(snapshot, _Noting):
        found: T = snapshot.note(_derived, derive, *given)
        return found
    return _derived(snapshot, derive, *given)


def _derived(snapshot: Snapshot, derive: Callable[..., T], *given: Any) -> T:
    label = (derive, *given)
    memo = snapshot.memo.under(label)

    def step(before: _Made | None) -> _Made:
        if before is not None and before.holds(snapshot):
            return before
        noting = _Noting(snapshot.now, memo=memo, of=snapshot)
        return _Made(derive(noting, *given), noting.noted)

    made = memo.folded(label, step, (snapshot,))
    value: T = made.value
    return value


class _Made(Struct, frozen=True, eq=False):
    """What was made, and what was read for it, in its order: what comes later may follow from what came before."""

    value: Any
    read: Mapping[_Read, Any]

    def holds(self, snapshot: Snapshot) -> bool:
        """Whether all of that is the same in another snapshot."""
        return all(
            (now := how(snapshot, *given)) is before
            or (isinstance(before, _VALUES) and now == before)
            for (how, *given), before in self.read.items()
        )


_VALUES = (str, int, datetime, Server)
"""What is compared as a value; all else as the object that it is."""


def _in_place_of(read: Callable[[_Noting], Any]) -> Any:
    """What a `_Noting` has where its snapshot has a field."""
    return property(read)


def _noted(how: Callable[[Snapshot], Any]) -> Any:
    """The same: what `how` reads of the snapshot, which is noted."""
    return _in_place_of(lambda noting: noting.note(how))


def _server(snapshot: Snapshot) -> Server:
    """Without when it last answered and how much it was asked, which is something else all the time."""
    return replace(
        snapshot.server, answered=None, problem=None, retry_at=None, requests=0, forwards=0
    )


def _sources(noting: _Noting) -> Mapping[Scope, Source]:
    """Noted is where each stands and why, not how much was read since when."""
    noting.note(_standing)
    return noting.of.sources


def _lacking(_: _Noting) -> Any:
    raise AttributeError("nothing is derived from this part of a snapshot: note it first")


class _Objects(Mapping[Kind, Mapping[str, Raw]]):
    """The objects of a snapshot, of which each kind is noted that is looked at."""

    def __init__(self, noting: _Noting) -> None:
        self._noting = noting
        self._known: dict[Kind, Mapping[str, Raw] | None] = {}

    def get(self, kind: Kind, default: Any = None) -> Any:
        if kind not in self._known:
            self._known[kind] = self._noting.note(_of_kind, kind)
        found = self._known[kind]
        return default if found is None else found

    def __getitem__(self, kind: Kind) -> Mapping[str, Raw]:
        found: Mapping[str, Raw] | None = self.get(kind)
        if found is None:
            raise KeyError(kind)
        return found

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._noting.note(_every_kind))

    def __len__(self) -> int:
        return len(self._noting.note(_every_kind))


class _Noting(Snapshot, frozen=True, eq=False, kw_only=True):
    """A snapshot that notes what is read of it. It lacks what nothing is derived from."""

    of: Snapshot
    noted: dict[_Read, Any] = field(default_factory=dict)

    def note(self, how: Callable[..., Any], *given: Any) -> Any:
        """What a function reads of the snapshot."""
        read = (how, *given)
        if read not in self.noted:
            self.noted[read] = how(self.of, *given)
        return self.noted[read]

    def once(self, derive: Callable[..., T], *inputs: Any) -> T:
        # where it is given all of it, by what it reads is not known
        plain = (self.note(_whole) if each is self else each for each in inputs)
        return self.memo.once(derive, (*plain,))

    now = _noted(attrgetter("now"))
    server = _noted(_server)
    objects = _in_place_of(_Objects)
    """Not kept: in a circle both would hold the snapshot for long."""
    sources = _in_place_of(_sources)
    answers = _noted(attrgetter("answers"))
    gets = _noted(attrgetter("gets"))
    tails = _noted(attrgetter("tails"))
    tables = sweep = heard = muted = examines = _in_place_of(_lacking)


_every_kind = attrgetter("objects")


def _whole(snapshot: Snapshot) -> Snapshot:
    return snapshot


def _of_kind(snapshot: Snapshot, kind: Kind) -> Mapping[str, Raw] | None:
    return snapshot.objects.get(kind)


def _standing(snapshot: Snapshot) -> Sequence[Any]:
    return snapshot.memo.kept("standing", lambda: _stands(snapshot), (snapshot.sources,))


def _stands(snapshot: Snapshot) -> Sequence[Any]:
    sources = snapshot.sources.items()
    flat = [part for at, it in sources for part in (at, it.phase, it.problem)]
    return snapshot.memo.settled("standing", flat)
