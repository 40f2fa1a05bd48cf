"""Tables: any kind as the server itself prints it, listed in pages and watched.

The form is that of `kubectl get` (Kubernetes API concepts, "Receiving resources as Tables"). A row brings the object's
metadata along; of that only identity, times, labels and owners are kept: kubectl writes whole Secrets into an
annotation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

import msgspec

from meshtui.kube.api import JSON, Api, decode
from meshtui.kube.discovery import Discovery
from meshtui.kube.errors import Forbidden
from meshtui.kube.follow import Follower, ListMeta, Page
from meshtui.kube.following import Following
from meshtui.kube.pace import Pace
from meshtui.kube.store import Store
from meshtui.mesh.kinds import Kind
from meshtui.mesh.raw import Raw, name, table
from meshtui.mesh.snapshot import Heading, Printed, Problem, Scope, Trouble

_KEPT = (
    *("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp"),
    *("labels", "ownerReferences"),
)
_WITHOUT_TABLES = (Heading("Name"), Heading("Age"))
"""What kubectl prints of a kind whose own server knows no tables."""
_AGES = frozenset({"last seen", "first seen", "last schedule", "duration", "restarts"})
"""Columns in which Kubernetes writes how long ago something was (pkg/printers/internalversion); those of custom kinds
say so by their type. AGE is not among them: it is reckoned from when the object was created."""


class Tables:
    """The kinds that are on screen as tables, each followed as long as it is wanted, and a while longer."""

    def __init__(
        self,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        api: Api,
        discovery: Discovery,
        pace: Pace,
        changed: Callable[[], None],
    ) -> None:
        self._store = Store(_differs)
        self._headings: dict[Kind, tuple[Heading, ...]] = {}

        def follower(scope: Scope) -> Follower:
            return _TableFollower(scope, api, discovery, self._store, pace, changed, self._headings)

        following = Following(start, self._store, pace, follower, changed)
        self._following = following
        self.want, self.again, self.end = following.want, following.again, following.end

    def printed(self) -> Mapping[Kind, Printed]:
        """What the server printed of each kind that is wanted."""
        sources = self._following.sources()
        objects = self._store.objects(sources)
        return {
            kind: Printed(
                self._headings.get(kind, ()),
                objects.get(kind, {}),
                {scope: source for scope, source in sources.items() if scope.kind == kind},
            )
            for kind in {scope.kind for scope in sources}
        }


class _TableFollower(Follower):
    """Follows one scope as a table."""

    accept = f"{JSON};as=Table;v=v1;g=meta.k8s.io,{JSON}"

    def __init__(
        self,
        scope: Scope,
        api: Api,
        discovery: Discovery,
        store: Store,
        pace: Pace,
        changed: Callable[[], None],
        headings: dict[Kind, tuple[Heading, ...]],
    ) -> None:
        super().__init__(scope, api, discovery, store, pace, changed)
        self._read = _row
        self._headings = headings

    async def _page(self, path: str, params: Mapping[str, str]) -> Page:
        page = decode(await self._api.read(path, params, accept=self.accept), _Table, path)
        if page.kind != "Table":
            self._headings[self.scope.kind] = _WITHOUT_TABLES
        elif (
            page.columnDefinitions is not None
        ):  # which a page that continues another may leave out
            self._headings[self.scope.kind] = _headings(page.columnDefinitions)
        return Page(page.metadata, page.rows if page.kind == "Table" else page.items)

    async def _watch(self, path: str) -> None:
        served = self._discovery.served.get(self.scope.kind)
        if served is not None and served.verbs and "watch" not in served.verbs:
            words = f"{self.scope.kind.plural} cannot be watched"
            raise Forbidden(Problem(Trouble.FORBIDDEN, words), 405)
        await super()._watch(path)

    def _read_watched(self, json: msgspec.Raw) -> Raw:
        """The row of an event: the only one of a table. A bookmark may come as an object."""
        found = msgspec.json.decode(json, type=_Table)
        return _row(found.rows[0]) if found.rows else _row(json)

    @property
    def _fades(self) -> bool:
        return any(_is_age(heading) for heading in self._headings.get(self.scope.kind, ()))


def _headings(definitions: Iterable[_Definition]) -> tuple[Heading, ...]:
    return tuple(
        Heading(each.name, each.type, each.description, each.priority) for each in definitions
    )


def _is_age(heading: Heading) -> bool:
    said = heading.name.lower()
    return said in _AGES or (heading.type == "date" and said != "age")


def _row(json: bytes | msgspec.Raw) -> Raw:
    """A row as it is kept: `metadata` and `cells`. An object that came as itself has its name for a cell."""
    found = msgspec.json.decode(json, type=_Row)
    told = table(found.object, "metadata") if found.object is not None else found.metadata or {}
    raw = {"metadata": {field: told[field] for field in _KEPT if field in told}}
    return {**raw, "cells": [name(raw), None] if found.cells is None else found.cells}


def _differs(raw: Raw, known: Raw) -> bool:
    """Whether a row is another one than before: an age in it changes though its object does not."""
    try:
        return raw != known
    except RecursionError:  # a cell may be nested as deep as one likes
        return True


class _Definition(msgspec.Struct):
    name: str = ""
    type: str = ""
    description: str = ""
    priority: int = 0


class _Table(msgspec.Struct):
    """A Table; or a list of objects, from a server that knows none."""

    kind: str = ""
    metadata: ListMeta = msgspec.field(default_factory=ListMeta)
    columnDefinitions: list[_Definition] | None = None  # noqa: N815 - the name on the wire
    rows: list[msgspec.Raw] | None = None
    items: list[msgspec.Raw] | None = None


class _Row(msgspec.Struct):
    cells: list[Any] | None = None
    object: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
