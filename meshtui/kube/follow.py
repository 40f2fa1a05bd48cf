"""Follow one scope: list in pages, watch, resume where it was cut, list again where it expired."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import monotonic

import msgspec
from msgspec.structs import replace

from meshtui.kube.api import JSON, Api, Status, address, broken, decode, refusal
from meshtui.kube.discovery import Discovery, Unreadable
from meshtui.kube.errors import Absent, Expired, Forbidden, KubeError, Silent, StatusError
from meshtui.kube.lines import Lines
from meshtui.kube.pace import Pace
from meshtui.kube.prune import reader
from meshtui.kube.store import Store
from meshtui.mesh.raw import Raw, text
from meshtui.mesh.snapshot import LOADING, Phase, Problem, Scope, Source, Trouble

PAGE = 500
_AT_ONCE = 100  # objects read between two turns of the event loop: about 2 ms
_LOOKS = 5  # for a kind whose address is not found any more and that is served all the same
_LONGEST_EVENT = (
    16 * 1024 * 1024
)  # etcd takes objects of 1.5 MB; escaped JSON may be several times that


class Follower:
    """Keeps one scope of the store up to date for as long as `run` runs; it may be run again after it was cancelled.
    What goes wrong becomes the state of its source; only a bug becomes an exception."""

    accept = JSON
    """The form in which the server is asked for objects."""

    def __init__(
        self,
        scope: Scope,
        api: Api,
        discovery: Discovery,
        store: Store,
        pace: Pace,
        changed: Callable[[], None],
    ) -> None:
        self.scope = scope
        self._api = api
        self._discovery = discovery
        self._store = store
        self._pace = pace
        self._changed = changed
        self._read = reader(scope.kind)
        self._state = LOADING
        self._heard: datetime | None = None  # when the objects were last known to be true
        self._version = ""
        self._failures = 0
        self._lost = 0  # times in a row that its address was not found, which it was before
        self._watch_refused: Problem | None = None

    @property
    def source(self) -> Source:
        return replace(self._state, count=self._store.count(self.scope))

    async def run(self) -> None:
        while True:
            served = False
            try:
                version = await self._discovery.version(self.scope.kind)
                served = True
                await self._list_and_watch(version)
            except (Absent, Unreadable) as error:
                if served and self._heard is not None and self._lost < _LOOKS:
                    await self._moved(error)
                else:
                    await self._absent(error)
            except KubeError as error:
                await self._failed(error)

    async def _list_and_watch(self, version: str) -> None:
        """Until the watch's resourceVersion has expired, or watching turns out to be forbidden."""
        path = address(self.scope.kind, version, self.scope.namespace)
        try:
            await self._list(path)
        except Forbidden:
            if not self._is_one_object:
                raise
            await self._get(version)
            return
        self._live()
        while True:
            began, heard = monotonic(), self._heard
            try:
                await self._watch(path)
                if self._fades:
                    return
            except Expired:
                self._failures += 1
                if self._failures > 1:
                    await asyncio.sleep(self._pace.backoff(self._failures))
                return
            except Forbidden as error:
                listed = f"{error.problem.text}; listed every {self._pace.poll:g} s instead"
                await self._poll(replace(error.problem, text=listed))
                return
            except Absent:
                raise
            except KubeError as error:
                await self._failed(error)
                continue
            if heard == self._heard and monotonic() - began < self._pace.first_retry:
                self._failures += 1
                await asyncio.sleep(self._pace.backoff(self._failures))

    async def _list(self, path: str) -> None:
        """All objects, in pages. Rows show as they come; those of an earlier list stay until this one is complete. The
        server makes the next page while one is read."""
        self._store.begin(self.scope)
        page = await self._page(path, self._part(""))
        while True:
            token = page.metadata.continue_
            following = (
                asyncio.ensure_future(self._page(path, self._part(token))) if token else None
            )
            try:
                await self._keep(page.items or [], path)
                if following is None:
                    break
                page = await following
            except Expired:  # the continue token: the list is begun again
                self._failures += 1
                await asyncio.sleep(self._pace.backoff(self._failures))
                self._store.begin(self.scope)
                page = await self._page(path, self._part(""))
            finally:
                if following is not None:
                    following.cancel()
        self._store.complete(self.scope)
        self._version = page.metadata.resourceVersion
        self._heard = _now()

    def _part(self, token: str) -> Mapping[str, str]:
        """What asks for a page, by the token of the one before; the first one has none."""
        return {**self._selectors(), "limit": str(PAGE)} | ({"continue": token} if token else {})

    async def _page(self, path: str, params: Mapping[str, str]) -> Page:
        return decode(await self._api.read(path, params, accept=self.accept), Page, path)

    @property
    def _fades(self) -> bool:
        """Whether what was read says less and less, though nothing changes: it is listed again after each watch."""
        return False

    @property
    def _is_one_object(self) -> bool:
        scope = self.scope
        return bool(scope.name and (scope.namespace or not scope.kind.namespaced))

    async def _get(self, version: str) -> None:
        """The one object by its name: a Role in a namespace may grant that, and never a list of namespaces."""
        kind, found = self.scope.kind, []
        path = address(kind, version, self.scope.namespace, self.scope.name)
        with suppress(Absent):
            json = await self._api.read(path)
            try:
                found.append(self._read(json))
            except (msgspec.DecodeError, RecursionError) as error:
                raise broken(path) from error
        self._store.begin(self.scope)
        self._store.found(self.scope, found)
        self._store.complete(self.scope)
        self._heard = _now()
        self._changed()
        words = (
            f"{kind.plural} may be read by name only: those are read every {self._pace.poll:g} s"
        )
        await self._poll(Problem(Trouble.FORBIDDEN, words))

    async def _keep(self, items: list[msgspec.Raw], path: str) -> None:
        for start in range(0, len(items), _AT_ONCE):
            try:
                raws = [self._read(item) for item in items[start : start + _AT_ONCE]]
            except (msgspec.DecodeError, RecursionError) as error:
                raise broken(path) from error
            self._store.found(self.scope, raws)
            self._changed()
            await asyncio.sleep(0)

    async def _watch(self, path: str) -> None:
        """Changes since the last known version, until the server ends the watch, or says nothing for too long: that one
        is opened anew, and what is known is old where it cannot be. Of a kind of which nothing changed since it began,
        a server sends no bookmark either (seen of kube-apiserver 1.36)."""
        params = {
            **self._selectors(),
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(self._pace.fading if self._fades else random.randint(300, 600)),
        }
        lines = Lines(_LONGEST_EVENT)
        async with self._api.open(
            path, params, accept=self.accept, silence=self._pace.silence
        ) as pieces:
            self._watch_refused, self._lost = None, 0
            self._live()
            with suppress(Silent):
                async for piece in pieces:
                    for line in filter(None, lines.split(piece)):
                        self._take(line, path)
                    self._heard = _now()
                    self._failures = 0
                    await asyncio.sleep(0)

    def _take(self, line: bytes, path: str) -> None:
        """One event of the watch. Raises the error that an ERROR event stands for: an expired watch usually comes as
        one, under HTTP 200."""
        event = decode(line, _Event, path)
        if event.type == "ERROR":
            status = decode(event.object, Status, path)
            raise refusal(status, status.code)
        try:
            raw = self._read_watched(event.object)
        except (msgspec.DecodeError, RecursionError) as error:
            raise broken(path) from error
        self._version = text(raw, "metadata", "resourceVersion") or self._version
        if event.type == "BOOKMARK":
            return
        if event.type == "DELETED":
            self._store.remove(self.scope, raw)
        else:
            self._store.put(self.scope, raw)
        self._changed()

    def _read_watched(self, json: msgspec.Raw) -> Raw:
        """The object of an event of the watch."""
        return self._read(json)

    def _selectors(self) -> dict[str, str]:
        given = {"labelSelector": self.scope.labels, "fieldSelector": self.scope.fields}
        return {name: selector for name, selector in given.items() if selector}

    def _live(self) -> None:
        if self._state.phase is not Phase.LIVE or self._state.problem != self._watch_refused:
            self._say(Source(Phase.LIVE, since=_now(), problem=self._watch_refused))

    async def _poll(self, refused: Problem) -> None:
        """Reading is allowed and watching is not: it is read again slowly, and said to be."""
        self._failures = 0
        self._watch_refused = refused
        self._live()
        await asyncio.sleep(self._pace.poll)

    async def _moved(self, error: Absent | Unreadable) -> None:
        """The kind was there a moment ago, and is served still as far as is known: it may have another version now, or
        the server has just begun. What is known is old, not gone, until that is clear."""
        self._lost += 1
        self._discovery.doubt(self.scope.kind, moved=True)
        await self._failed(error)

    async def _absent(self, error: Absent | Unreadable) -> None:
        """The kind is not there, or no longer: neither are its objects."""
        self._store.begin(self.scope)
        self._store.complete(self.scope)
        self._discovery.doubt(self.scope.kind)
        self._heard, self._lost = None, 0
        phase = Phase.UNREADABLE if isinstance(error, Unreadable) else Phase.ABSENT
        await self._wait(phase, error, None, self._pace.absent)

    async def _failed(self, error: KubeError) -> None:
        """What was known is old now, and is kept; what was never known is loading still, or forbidden."""
        self._failures += 1
        wait = self._pace.backoff(self._failures)
        if isinstance(error, StatusError):
            wait = max(wait, error.retry_after)
        phase = Phase.STALE if self._heard else Phase.LOADING
        if isinstance(error, Forbidden):
            wait = self._pace.absent
            phase = Phase.STALE if self._heard else Phase.FORBIDDEN
        await self._wait(phase, error, self._heard, wait)

    async def _wait(
        self, phase: Phase, error: KubeError, since: datetime | None, seconds: float
    ) -> None:
        now, said = _now(), self._state
        since = since or (said.since if said.phase is phase else None) or now
        self._say(Source(phase, 0, since, error.problem, now + timedelta(seconds=seconds)))
        await asyncio.sleep(seconds)

    def _say(self, state: Source) -> None:
        self._state = state
        self._changed()


def _now() -> datetime:
    return datetime.now(UTC)


class ListMeta(msgspec.Struct):
    resourceVersion: str = ""  # noqa: N815 - the name on the wire
    continue_: str = msgspec.field(default="", name="continue")


class Page(msgspec.Struct):
    """One page of a list; of its items nothing is read yet."""

    metadata: ListMeta
    items: list[msgspec.Raw] | None = None


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw
