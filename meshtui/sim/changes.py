"""Changes of objects: what watches are told of, how long they are remembered, and how they reach who waits for them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from typing import Any, Literal

from msgspec import Struct, field

from meshtui.sim.errors import Expired
from meshtui.sim.kinds import Kind

Object = dict[str, Any]
Objects = list[Object]
Key = tuple[str, str]
"""Namespace ("" for an object of the cluster) and name."""


def key_of(obj: Mapping[str, Any]) -> Key:
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


class Change(Struct, frozen=True, eq=False):
    """One change of one object."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    kind: Kind
    before: Object | None
    """None where it is ADDED."""
    after: Object | None
    """None where it is DELETED; `before` then has the resourceVersion of the deletion, as watches are told."""
    resource_version: int
    encoded: dict[Any, bytes] = field(default_factory=dict)
    """Its forms on the wire, each made once and shared by all watches."""

    @property
    def object(self) -> Object:
        """The newest state of the object."""
        found = self.after or self.before
        assert found is not None
        return found


Changes = list[Change]


class Subscription:
    """Changes as they come; a context manager, and an async iterator over single changes.

    Who is too slow for the store's memory gets `Expired`, as a real watch would.
    """

    def __init__(
        self, pending: Collection[Change], limit: int, closed: Callable[[], object]
    ) -> None:
        self._pending: deque[Change] = deque(pending)
        self._limit = limit
        self._ready = asyncio.Event()
        self._closed = closed
        if pending:
            self._ready.set()

    def put(self, change: Change) -> None:
        self._pending.append(change)
        self._ready.set()

    @property
    def waiting(self) -> bool:
        """Whether there are changes not yet taken."""
        return bool(self._pending)

    async def take(self) -> Changes:
        """All changes that are waiting, at least one, oldest first."""
        await self._ready.wait()
        self._ready.clear()
        if len(self._pending) > self._limit:
            raise Expired("The resourceVersion for the provided watch is too old.")
        taken = list(self._pending)
        self._pending.clear()
        return taken

    async def __aiter__(self) -> AsyncIterator[Change]:
        while True:
            for change in await self.take():
                yield change

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed()


class History:
    """The newest changes, and those who are told of each as it comes."""

    def __init__(self, size: int) -> None:
        self._changes: deque[Change] = deque(maxlen=size)
        self._size = size
        self._forgotten = 0
        """The resourceVersion up to which changes are no longer known."""
        self._subscriptions: dict[Subscription, frozenset[Kind]] = {}

    def add(self, change: Change) -> None:
        if len(self._changes) == self._size:
            self._forgotten = self._changes[0].resource_version
        self._changes.append(change)
        for subscription, kinds in self._subscriptions.items():
            if not kinds or change.kind in kinds:
                subscription.put(change)

    def since(self, version: int, *kinds: Kind) -> Changes:
        """The changes after a resourceVersion, oldest first, of these kinds or of all.

        Raises Expired where some of them are forgotten.
        """
        if version < self._forgotten:
            raise Expired(f"too old resource version: {version} ({self._forgotten})")
        found: Changes = []
        for change in reversed(self._changes):
            if change.resource_version <= version:
                break
            if not kinds or change.kind in kinds:
                found.append(change)
        found.reverse()
        return found

    def subscribe(self, pending: Changes, *kinds: Kind) -> Subscription:
        """What is pending, and then what comes, of these kinds or of all."""
        made = Subscription(pending, self._size, lambda: self._subscriptions.pop(made, None))
        self._subscriptions[made] = frozenset(kinds)
        return made

    def forget(self, version: int) -> None:
        """Forget all up to now, which is this resourceVersion."""
        self._changes.clear()
        self._forgotten = version
