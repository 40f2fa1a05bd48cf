"""watch: changes as they come, one JSON document a line, each encoded once for all who watch alike."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from aiohttp import web
from msgspec import Struct

from meshtui.sim.calls import Call
from meshtui.sim.changes import Change, Subscription, key_of
from meshtui.sim.errors import Expired
from meshtui.sim.objects import Raw
from meshtui.sim.reads import SLICE, forbidden_option, resource_version, selection
from meshtui.sim.selectors import Test
from meshtui.sim.store import Store
from meshtui.sim.tables import Form, Shape, form
from meshtui.sim.wire import JSON, encode

_BEFORE_END = 2.0
"""Seconds before its end when a watch gets a last bookmark, so that it can be taken up there."""
_LONGEST = 45 * 60
"""Seconds that a watch lasts where the client names none; kube-apiserver draws between 30 and 60 minutes."""


class _View(Struct, frozen=True):
    """What one watch shows of the changes."""

    test: Test
    """Whether an object is in it."""
    form: Form

    def lines(self, changes: Iterable[Change], now: datetime) -> Iterator[bytes]:
        for change in changes:
            was = change.before is not None and self.test(change.before)
            stays = change.after is not None and self.test(change.after)
            if stays:
                yield self._line(change, "MODIFIED" if was else "ADDED", now)
            elif was:
                yield self._line(change, "DELETED", now)

    def _line(self, change: Change, type_: str, now: datetime) -> bytes:
        if self.form.shape is Shape.TABLE:  # a row says how old its object is
            return self.line(type_, _shown(change, type_), now)
        key = (type_, self.form.key)
        line = change.encoded.get(key)
        if line is None:
            line = change.encoded[key] = self.line(type_, _shown(change, type_), now)
        return line

    def line(self, type_: str, obj: Raw, now: datetime) -> bytes:
        return b'{"type":"%b","object":%b}\n' % (type_.encode(), encode(self.form.one(obj, now)))

    def bookmark(self, version: int, *, initial_end: bool = False) -> bytes:
        metadata: Raw = {"resourceVersion": str(version)}
        if initial_end:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        obj = {"kind": self.form.kind.name, "apiVersion": self.form.api_version}
        if self.form.shape is Shape.METADATA:
            obj = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
        return _event("BOOKMARK", {**obj, "metadata": metadata})


def _event(type_: str, obj: Any) -> bytes:
    return encode({"type": type_, "object": obj}) + b"\n"


def _shown(change: Change, type_: str) -> Raw:
    """The object of an event: where it leaves the watch without being deleted, its old state at the new version."""
    if type_ != "DELETED" or change.after is None:
        return change.object
    assert change.before is not None
    metadata = {**change.before["metadata"], "resourceVersion": str(change.resource_version)}
    return {**change.before, "metadata": metadata}


async def watch(
    store: Store, call: Call, request: web.Request, bookmark_every: float
) -> web.StreamResponse:
    """Answers until the client goes, its time is up or its resourceVersion turns out too old."""
    initial = _wants_initial_events(call)
    asked = resource_version(call.query.get("resourceVersion", ""))
    test = selection(call)
    if call.namespace:
        test = _within(call.namespace, test)
    accept = request.headers.get("Accept", "")
    included = call.query.get("includeObject", "")
    view = _View(test, form(store, call.kind, call.version, accept, included))
    response = web.StreamResponse(headers={"Content-Type": JSON})
    await response.prepare(request)
    try:
        state = [] if asked and not initial else store.list(call.kind, call.namespace or None)
        since = None if initial or not asked else asked
        with store.subscribe(call.kind, since=since) as changes:
            now = store.now()
            shown = [obj for obj in state if test(obj)]
            for start in range(0, len(shown), SLICE):
                slice_ = shown[start : start + SLICE]
                await response.write(b"".join(view.line("ADDED", obj, now) for obj in slice_))
            if initial:
                await response.write(view.bookmark(store.version, initial_end=True))
            await _stream(store, call, response, view, changes, bookmark_every)
    except Expired as error:
        await response.write(_event("ERROR", error.status()))
    await response.write_eof()
    return response


async def _stream(
    store: Store,
    call: Call,
    response: web.StreamResponse,
    view: _View,
    changes: Subscription,
    bookmark_every: float,
) -> None:
    clock = asyncio.get_running_loop().time
    until = clock() + (call.number("timeoutSeconds") or _LONGEST)
    bookmarks = call.flag("allowWatchBookmarks") and view.form.shape is not Shape.TABLE
    next_bookmark = min(clock() + bookmark_every, until - _BEFORE_END) if bookmarks else until
    while clock() < until:
        try:
            async with asyncio.timeout_at(min(until, next_bookmark)):
                taken = await changes.take()
        except TimeoutError:
            if bookmarks and clock() >= next_bookmark and not changes.waiting:
                next_bookmark += bookmark_every
                await response.write(view.bookmark(store.version))
            continue
        if lines := b"".join(view.lines(taken, store.now())):
            await response.write(lines)


def _within(namespace: str, test: Test) -> Test:
    return lambda obj: key_of(obj)[0] == namespace and test(obj)


def _wants_initial_events(call: Call) -> bool:
    match = call.query.get("resourceVersionMatch", "")
    if "sendInitialEvents" not in call.query:
        if match:
            raise forbidden_option(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            )
        return False
    if match != "NotOlderThan":
        raise forbidden_option(
            "resourceVersionMatch",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        )
    return call.flag("sendInitialEvents")
