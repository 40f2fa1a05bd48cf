"""Store: every object of the built-in cluster, in memory, and the changes that watches are told of.

Synchronous and for one event loop: whoever calls it sees a consistent state until the next `await`. Objects are
replaced and never edited in place: what is given to the store or taken from it must not be changed afterwards.

    pod = store.get(POD, "shop", "web-0")
    store.update(POD, {**pod, "metadata": {**pod["metadata"], "labels": {"app": "web"}}})
    with store.subscribe(POD, NAMESPACE) as changes:
        async for change in changes: ...
"""

from __future__ import annotations

import random
import sys
import uuid
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from meshtui.sim.changes import (
    Change,
    Changes,
    History,
    Key,
    Object,
    Objects,
    Subscription,
    key_of,
)
from meshtui.sim.definitions import defined, definition, established
from meshtui.sim.errors import AlreadyExists, Conflict, NotFound
from meshtui.sim.kinds import CRD, KINDS, NAMESPACE, Kind
from meshtui.sim.lifecycle import finished, grace_of, leaving, merged, same, wanted
from meshtui.sim.objects import mappings, text

__all__ = ["Change", "Key", "Object", "Store", "key_of"]


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
        self._history = History(history)
        self._version = 1
        self._objects: dict[Kind, dict[Key, Object]] = {k: {} for k in kinds if not k.custom}
        self._order: dict[Kind, list[Key]] = {}
        self._dependents: dict[str, set[tuple[Kind, Key]]] = {}
        self._uids: set[str] = set()
        self._in_namespace: Counter[str] = Counter()
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
        return self._history.since(since, *kinds)

    def subscribe(self, *kinds: Kind, since: int | None = None) -> Subscription:
        """The changes of these kinds (of all where none is named) after a resourceVersion, or from now on.

        Raises Expired where some of them are forgotten.
        """
        pending = [] if since is None else self.changes(since, *kinds)
        return self._history.subscribe(pending, *kinds)

    def forget(self) -> None:
        """Forget all changes so far, as a compaction does: older resourceVersions are then too old."""
        self._history.forget(self._version)

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
        after = merged(kind, before, obj, subresource)
        if same(before, after):
            return before
        if kind.generations and wanted(before) != wanted(after):
            after["metadata"]["generation"] = kept.get("generation", 0) + 1
        if dry_run:
            after["metadata"]["resourceVersion"] = kept["resourceVersion"]
        elif finished(after):
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
            grace_of(kind, before, grace), kept.get("deletionGracePeriodSeconds", sys.maxsize)
        )
        if orphans and not dry_run:
            self._orphan(kept["uid"])
        if not seconds and not kept.get("finalizers") and kind != NAMESPACE:
            if not dry_run:
                self._remove(kind, before)
            return before
        after = leaving(kind, before, seconds, self.timestamp(seconds))
        if dry_run or same(before, after):
            return after
        self._put("MODIFIED", kind, before, after)
        if kind == NAMESPACE:
            self._empty(name)
        return after

    # Inside

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
        self._history.add(Change(type_, kind, before, after, self._version))
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
        self._history.add(Change("DELETED", kind, last, None, self._version))
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


def _owners(obj: Mapping[str, Any]) -> Iterator[str]:
    for reference in mappings(obj, "metadata", "ownerReferences"):
        yield text(reference, "uid")
