"""Tails: the logs of many pods at once, over a bounded number of streams. Where there are more pods than streams they
take turns, each from where it was left; those that matter now may keep theirs, up to half of all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from meshtui.kube.errors import KubeError
from meshtui.kube.session import Session
from meshtui.mesh.logs import LogLine, LogOptions
from meshtui.mesh.snapshot import Problem, Ref

STREAMS = 120
TURN = 20.0
"""Seconds."""
_AGAIN = 15.0
"""Seconds until a log that could not be read, or has ended, is tried again."""

Take = Callable[[Ref, LogLine], None]


@dataclass(slots=True)
class _Place:
    """How far a log was read: to a stamp, and so many of the lines that have it."""

    at: datetime
    seen: int = 0
    catching_up: bool = False
    skipped: int = 0

    def is_new(self, line: LogLine) -> bool:
        """Whether it was not handed out in an earlier turn."""
        if self.catching_up:
            if line.at is None or line.at < self.at:
                return False
            if line.at == self.at and self.skipped < self.seen:
                self.skipped += 1
                return False
            self.catching_up = False
        if line.at is not None:
            if line.at != self.at:
                self.at, self.seen = line.at, 0
            self.seen += 1
        return True


class Tails:
    """Lines go to `take`, in the order of each log; notices among them, a log that could not be read included."""

    def __init__(
        self,
        session: Session,
        take: Take,
        options: LogOptions,
        *,
        streams: int = STREAMS,
        turn: float = TURN,
        matters: Callable[[Ref], bool] = lambda pod: False,
    ) -> None:
        self.open = 0
        """Streams at this moment."""
        self.problems: dict[Ref, Problem] = {}
        """Of the pods whose log could not be read, why."""
        self._session = session
        self._take = take
        self._options = options
        self._streams = streams
        self._turn = turn
        self._matters = matters
        self._pods: set[Ref] = set()
        self._places: dict[Ref, _Place] = {}
        self._queue: asyncio.Queue[Ref] = asyncio.Queue()
        self._endless: set[asyncio.Timeout] = set()
        """Turns without an end, while there is a stream for everybody."""
        self._kept: set[Ref] = set()

    @property
    def total(self) -> int:
        """How many pods there are to follow."""
        return len(self._pods)

    def offer(self, pods: Collection[Ref]) -> None:
        """The pods whose logs are wanted now; those that are new are read as soon as there is a stream for them."""
        for pod in pods:
            if pod not in self._pods:
                self._queue.put_nowait(pod)
        for gone in self._pods.difference(pods):
            self._places.pop(gone, None)
            self.problems.pop(gone, None)
        self._pods = set(pods)
        if len(self._pods) > self._streams:
            end = asyncio.get_running_loop().time() + self._turn
            for each in self._endless:
                each.reschedule(end)
            self._endless.clear()

    async def run(self) -> None:
        """Reads every log once to its end; with `options.follow` goes on until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(
                self._streams if self._options.follow else min(self._streams, self.total)
            ):
                tasks.create_task(self._work())

    async def _work(self) -> None:
        while self._options.follow or not self._queue.empty():
            pod = await self._queue.get()
            while pod in self._pods and await self._read(pod):
                if not self._keeps(pod):
                    self._queue.put_nowait(pod)
                    break

    def _keeps(self, pod: Ref) -> bool:
        """Whether it goes on at once after its turn."""
        self._kept.discard(pod)
        if self._matters(pod) and len(self._kept) < self._streams // 2:
            self._kept.add(pod)
        return pod in self._kept or self._queue.empty()

    async def _read(self, pod: Ref) -> bool:
        """One turn; whether there is more to come."""
        limit = asyncio.timeout(self._turn if self.total > self._streams else None)
        if limit.when() is None:
            self._endless.add(limit)
        self.open += 1
        try:
            async with limit:
                await self._lines(pod)
        except TimeoutError:
            self._notice(pod, "not followed while others have their turn")
            return True
        except KubeError as error:
            self.problems[pod] = error.problem
            self._notice(pod, str(error))
        finally:
            self.open -= 1
            self._endless.discard(limit)
        if self._options.follow:
            asyncio.get_running_loop().call_later(_AGAIN, self._queue.put_nowait, pod)
        return False

    def _notice(self, pod: Ref, words: str) -> None:
        self._take(pod, LogLine(datetime.now(UTC), words, notice=True))

    async def _lines(self, pod: Ref) -> None:
        options, place = self._options, self._places.get(pod)
        if place is not None:
            place.catching_up, place.skipped = True, 0
            back = (datetime.now(UTC) - place.at).total_seconds()
            options = replace(options, tail=None, since=max(1, int(back) + 2))
        async for line in self._session.logs(pod, options):
            self.problems.pop(pod, None)
            if place is None and line.at is not None and not line.notice:
                place = self._places[pod] = _Place(line.at)
            if line.notice or place is None or place.is_new(line):
                self._take(pod, line)
