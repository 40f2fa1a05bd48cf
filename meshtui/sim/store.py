"""Store: every object of the built-in cluster, in memory, and the changes that watches are told of.

Synchronous and for one event loop: whoever calls it sees a consistent state until the next `await`. Objects are
replaced and never edited in place: what is given to the store or taken from it must not be changed afterwards.

    pod = store.get(POD, "shop", "web-0")
    store.update(POD, {**pod, "metadata": {**pod["metadata"], "labels": {"app": "web"}}})
    with store.subscribe(POD, NAMESPACE) as changes:
        async for change in changes: ...
"""

from __future__ import annotations

import asyncio
import random
import sys
import uuid
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from meshtui.sim.definitions import defined, definition, established
from meshtui.sim.errors import AlreadyExists, Conflict, Expired, NotFound
from meshtui.sim.kinds import CRD, KINDS, NAMESPACE, POD, Kind
from meshtui.sim.objects import mapping, mappings, text

Object = dict[str, Any]
Objects = list[Object]
Key = tuple[str, str]
"""Namespace ("" for an object of the cluster) and name."""

_KEPT_METADATA = (
    "name",
    "namespace",
    "generateName",
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
_NOT_WANTED = {"apiVersion", "kind", "metadata", "status"}


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One change of one object."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    kind: Kind
    before: Object | None
    """None where it is ADDED."""
    after: Object | None
    """None where it is DELETED; `before` then has the resourceVersion of the deletion, as watches are told."""
    resource_version: int
    encoded: dict[Any, bytes] = field(default_factory=dict, repr=False)
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

    def __init__(self, pending: Collection[Change], limit: int, closed: Callable[[], None]) -> None:
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


def _utcnow() -> datetime:
    return datetime.now(UTC)


class Store:
    """Objects by kind, namespace and name."""

    def __init__(
        self,
        kinds: Collection[Kind] = KINDS,
        *,
        history: int = 20_000,
        now: Callable[[], datetime] = _utcnow,
    ) -> None:
        """Built-in kinds are served as they are; of each custom one the definition is put into the store."""
        self.now = now
        self._history: deque[Change] = deque(maxlen=history)
        self._forgotten = 0
        self._version = 1
        self._objects: dict[Kind, dict[Key, Object]] = {k: {} for k in kinds if not k.custom}
        self._order: dict[Kind, list[Key]] = {}
        self._dependents: dict[str, set[tuple[Kind, Key]]] = {}
        self._uids: set[str] = set()
        self._in_namespace: Counter[str] = Counter()
        self._subscriptions: dict[Subscription, frozenset[Kind]] = {}
        for kind in kinds:
            if kind.custom:
                self.create(CRD, definition(kind))

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds that are served now."""
        return tuple(self._objects)

    @property
    def version(self) -> int:
        """The resourceVersion of the newest change."""
        return self._version

    def timestamp(self, seconds: float = 0) -> str:
        """Now, or some seconds from now, as Kubernetes writes it in objects."""
        return (self.now() + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    # Reading

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The object; None where there is none."""
        return self._objects.get(kind, {}).get((namespace if kind.namespaced else "", name))

    def need(self, kind: Kind, namespace: str, name: str) -> Object:
        """The object; NotFound where there is none."""
        found = self.get(kind, namespace, name)
        if found is None:
            raise NotFound.object(kind, name)
        return found

    def list(self, kind: Kind, namespace: str | None = None, *, at: int | None = None) -> Objects:
        """The objects by namespace and name; those of one namespace, or as they were `at` a resourceVersion.

        Raises Expired where that is no longer known.
        """
        objects: Mapping[Key, Object] = self._objects.get(kind, {})
        if at is not None and at < self._version:
            objects = self._undone(kind, at)
            keys: Sequence[Key] = sorted(objects)
        else:
            keys = self._sorted(kind)
        if namespace is None:
            return [objects[key] for key in keys]
        first = bisect_left(keys, (namespace, ""))
        last = bisect_left(keys, (namespace + "\0", ""))
        return [objects[key] for key in keys[first:last]]

    def _sorted(self, kind: Kind) -> Sequence[Key]:
        order = self._order.get(kind)
        if order is None:
            order = self._order[kind] = sorted(self._objects.get(kind, {}))
        return order

    def _undone(self, kind: Kind, at: int) -> dict[Key, Object]:
        objects = dict(self._objects.get(kind, {}))
        for change in reversed(self.changes(at, kind)):
            key = key_of(change.object)
            if change.before is None:
                del objects[key]
            else:
                objects[key] = change.before
        return objects

    # Changes

    def changes(self, since: int, *kinds: Kind) -> Changes:
        """The changes after a resourceVersion, oldest first, of these kinds or of all.

        Raises Expired where some of them are forgotten.
        """
        if since < self._forgotten:
            raise Expired(f"too old resource version: {since} ({self._forgotten})")
        found: Changes = []
        for change in reversed(self._history):
            if change.resource_version <= since:
                break
            if not kinds or change.kind in kinds:
                found.append(change)
        found.reverse()
        return found

    def subscribe(self, *kinds: Kind, since: int | None = None) -> Subscription:
        """The changes of these kinds (of all where none is named) after a resourceVersion, or from now on."""
        pending = [] if since is None else self.changes(since, *kinds)
        limit = self._history.maxlen or 0
        made = Subscription(pending, limit, lambda: self._unsubscribe(made))
        self._subscriptions[made] = frozenset(kinds)
        return made

    def _unsubscribe(self, subscription: Subscription) -> None:
        self._subscriptions.pop(subscription, None)

    def forget(self) -> None:
        """Forget all changes so far, as a compaction does: older resourceVersions are then too old."""
        self._history.clear()
        self._forgotten = self._version

    def _record(
        self,
        type_: Literal["ADDED", "MODIFIED", "DELETED"],
        kind: Kind,
        before: Object | None,
        after: Object | None,
    ) -> None:
        if len(self._history) == self._history.maxlen:
            self._forgotten = self._history[0].resource_version
        change = Change(type_, kind, before, after, self._version)
        self._history.append(change)
        for subscription, kinds in self._subscriptions.items():
            if not kinds or kind in kinds:
                subscription.put(change)

    # Writing

    def create(self, kind: Kind, obj: Mapping[str, Any], *, dry_run: bool = False) -> Object:
        """Add an object; a uid, a creationTimestamp, a status that it brings stay. Raises AlreadyExists."""
        given = obj.get("metadata") or {}
        metadata = {
            **given,
            "name": given.get("name") or given.get("generateName", "") + _suffix(),
            "uid": given.get("uid") or str(uuid.uuid4()),
            "creationTimestamp": given.get("creationTimestamp") or self.timestamp(),
        }
        if kind.namespaced:
            metadata["namespace"] = given.get("namespace") or "default"
        else:
            metadata.pop("namespace", None)
        if kind.generations:
            metadata["generation"] = given.get("generation") or 1
        made = {"apiVersion": kind.api_version, "kind": kind.name, **obj, "metadata": metadata}
        if self.get(kind, metadata.get("namespace", ""), metadata["name"]) is not None:
            raise AlreadyExists.object(kind, metadata["name"])
        if kind == CRD:
            made = established(made, metadata["creationTimestamp"])
        if not dry_run:
            self._put("ADDED", kind, None, made)
        return made

    def update(
        self, kind: Kind, obj: Mapping[str, Any], subresource: str = "", *, dry_run: bool = False
    ) -> Object:
        """Replace an object, or with `subresource="status"` its status alone; the object as it is kept.

        `metadata.resourceVersion` and `metadata.uid` are preconditions where they are given. Where nothing differs
        nothing happens. Raises NotFound, Conflict.
        """
        given = obj.get("metadata") or {}
        before = self.need(kind, given.get("namespace", ""), given.get("name", ""))
        kept = before["metadata"]
        if given.get("resourceVersion") not in (None, "", kept["resourceVersion"]):
            raise Conflict.modified(kind, kept["name"])
        if given.get("uid") not in (None, "", kept["uid"]):
            raise Conflict.object(
                kind,
                kept["name"],
                f"Precondition failed: UID in precondition: {given['uid']}, UID in object meta: {kept['uid']}",
            )
        after = _merged(kind, before, obj, subresource)
        if _same(before, after):
            return before
        if kind.generations and _wanted(before) != _wanted(after):
            after["metadata"]["generation"] = kept.get("generation", 0) + 1
        if dry_run:
            after["metadata"]["resourceVersion"] = kept["resourceVersion"]
        elif _finished(after):
            self._remove(kind, after)
        else:
            self._put("MODIFIED", kind, before, after)
        return after

    def delete(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        *,
        grace: int | None = None,
        orphans: bool = False,
        dry_run: bool = False,
    ) -> Object:
        """Delete an object and, in the background, what it owns; the last state of it. Raises NotFound.

        A pod on a node gets `grace` seconds (its own terminationGracePeriodSeconds where None) and stays until the
        kubelet deletes it with `grace=0`; finalizers hold an object, and its contents hold a namespace. With
        `orphans` what it owns stays.
        """
        before = self.need(kind, namespace, name)
        kept = before["metadata"]
        seconds = min(
            _grace(kind, before, grace), kept.get("deletionGracePeriodSeconds", sys.maxsize)
        )
        if orphans and not dry_run:
            self._orphan(kept["uid"])
        if not seconds and not kept.get("finalizers") and kind != NAMESPACE:
            if not dry_run:
                self._remove(kind, before)
            return before
        after = self._leaving(kind, before, seconds)
        if dry_run or _same(before, after):
            return after
        self._put("MODIFIED", kind, before, after)
        if kind == NAMESPACE:
            self._empty(name)
        return after

    # Inside

    def _leaving(self, kind: Kind, obj: Object, seconds: int) -> Object:
        """The object marked as on its way out."""
        kept = obj["metadata"]
        until = self.timestamp(seconds)
        metadata = {**kept, "deletionTimestamp": min(until, kept.get("deletionTimestamp", until))}
        if kind == NAMESPACE:
            status = {**mapping(obj, "status"), "phase": "Terminating"}
            return {**obj, "metadata": metadata, "status": status}
        metadata["deletionGracePeriodSeconds"] = seconds
        if kind.generations and "deletionTimestamp" not in kept:
            metadata["generation"] = kept.get("generation", 0) + 1
        return {**obj, "metadata": metadata}

    def _put(
        self,
        type_: Literal["ADDED", "MODIFIED"],
        kind: Kind,
        before: Object | None,
        after: Object,
    ) -> None:
        self._version += 1
        after["metadata"]["resourceVersion"] = str(self._version)
        key = key_of(after)
        self._objects.setdefault(kind, {})[key] = after
        if before is None:
            self._order.pop(kind, None)
            self._in_namespace[key[0]] += 1
            self._uids.add(after["metadata"]["uid"])
        else:
            self._disown(kind, before)
        for owner in _owners(after):
            self._dependents.setdefault(owner, set()).add((kind, key))
        self._record(type_, kind, before, after)
        if kind == CRD:
            self._serve(after)
        if kind == NAMESPACE:
            self._finish_namespace(key[1])

    def _remove(self, kind: Kind, obj: Object) -> None:
        self._version += 1
        last = {
            **obj,
            "metadata": {**obj["metadata"], "resourceVersion": str(self._version)},
        }
        key = key_of(last)
        del self._objects[kind][key]
        self._order.pop(kind, None)
        self._in_namespace[key[0]] -= 1
        self._uids.discard(last["metadata"]["uid"])
        self._disown(kind, last)
        self._record("DELETED", kind, last, None)
        if kind == CRD:
            self._unserve(key[1])
        self._collect(last["metadata"]["uid"])
        self._finish_namespace(key[0])

    def _disown(self, kind: Kind, obj: Object) -> None:
        for owner in _owners(obj):
            self._dependents.get(owner, set()).discard((kind, key_of(obj)))

    def _collect(self, uid: str) -> None:
        """Delete what had this owner and has no other one."""
        for kind, (namespace, name) in sorted(self._dependents.pop(uid, ()), key=repr):
            obj = self.get(kind, namespace, name)
            if obj is not None and self._uids.isdisjoint(_owners(obj)):
                self.delete(kind, namespace, name)

    def _orphan(self, uid: str) -> None:
        for kind, (namespace, name) in sorted(self._dependents.get(uid, ()), key=repr):
            obj = self.need(kind, namespace, name)
            references = mappings(obj, "metadata", "ownerReferences")
            owners = [each for each in references if each.get("uid") != uid]
            self.update(kind, {**obj, "metadata": {**obj["metadata"], "ownerReferences": owners}})

    def _empty(self, namespace: str) -> None:
        for kind in [kind for kind in self._objects if kind.namespaced]:
            for obj in self.list(kind, namespace):
                name = obj["metadata"]["name"]
                if self.get(kind, namespace, name) is not None:
                    self.delete(kind, namespace, name)
        self._finish_namespace(namespace)

    def _finish_namespace(self, namespace: str) -> None:
        """Remove a namespace that was to be deleted, once nothing is left in it."""
        found = self.get(NAMESPACE, "", namespace) if namespace else None
        if found is None or "deletionTimestamp" not in found["metadata"]:
            return
        if not self._in_namespace[namespace] and not found["metadata"].get("finalizers"):
            self._remove(NAMESPACE, found)

    def _serve(self, crd: Object) -> None:
        kind = defined(crd)
        self._objects[kind] = self._objects.pop(kind, {})

    def _unserve(self, definition_name: str) -> None:
        kind = next((kind for kind in self._objects if str(kind) == definition_name), None)
        if kind is None or not kind.custom:
            return
        for namespace, name in list(self._objects[kind]):
            self.delete(kind, namespace, name)
        del self._objects[kind]


def _suffix() -> str:
    """What Kubernetes appends to a `generateName`."""
    return "".join(random.choices("bcdfghjklmnpqrstvwxz2456789", k=5))


def key_of(obj: Mapping[str, Any]) -> Key:
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _owners(obj: Mapping[str, Any]) -> Iterator[str]:
    for reference in mappings(obj, "metadata", "ownerReferences"):
        yield text(reference, "uid")


def _merged(kind: Kind, before: Object, given: Mapping[str, Any], subresource: str) -> Object:
    """What an update keeps of both."""
    kept, new = before["metadata"], given.get("metadata") or {}
    if subresource:
        after = {**before}
        status = given.get("status")
        if status is None:
            after.pop("status", None)
        else:
            after["status"] = status
        metadata = dict(kept)
        # Kubernetes' own kinds take labels and annotations with a status, custom ones do not.
        for part in (
            ("managedFields",) if kind.custom else ("labels", "annotations", "managedFields")
        ):
            if part in new:
                metadata[part] = new[part]
    else:
        after = {"apiVersion": before["apiVersion"], "kind": before["kind"]}
        after |= {k: v for k, v in given.items() if k not in ("apiVersion", "kind")}
        if kind.status:
            after.pop("status", None)
            if "status" in before:
                after["status"] = before["status"]
        metadata = {**new}
        for part in _KEPT_METADATA:
            metadata.pop(part, None)
            if part in kept:
                metadata[part] = kept[part]
    after["metadata"] = metadata
    return after


def _same(before: Object, after: Object) -> bool:
    """Whether two states differ in nothing but their resourceVersion and who wrote them."""
    if before is after:
        return True
    told = ("resourceVersion", "managedFields")
    first = {k: v for k, v in before["metadata"].items() if k not in told}
    second = {k: v for k, v in after["metadata"].items() if k not in told}
    return first == second and {**before, "metadata": None} == {**after, "metadata": None}


def _wanted(obj: Mapping[str, Any]) -> Object:
    return {k: v for k, v in obj.items() if k not in _NOT_WANTED}


def _grace(kind: Kind, obj: Mapping[str, Any], asked: int | None) -> int:
    """The seconds that an object keeps running after its deletion; 0 where it goes at once."""
    spec = mapping(obj, "spec")
    if kind != POD or not spec.get("nodeName"):
        return 0
    phase = text(obj, "status", "phase")
    said = spec.get("terminationGracePeriodSeconds")
    own = said if isinstance(said, int) else 30
    if phase in ("Succeeded", "Failed"):
        own = 0
    return own if asked is None else asked


def _finished(obj: Mapping[str, Any]) -> bool:
    metadata = obj["metadata"]
    return (
        "deletionTimestamp" in metadata
        and not metadata.get("finalizers")
        and not metadata.get("deletionGracePeriodSeconds")
        and obj["kind"] != NAMESPACE.name
    )
