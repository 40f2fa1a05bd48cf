"""Tails: the logs of many pods at once, over a bounded number of streams. Where there are more pods than streams they
take turns, each from where it was left; those that matter now may keep theirs, up to half of all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from meshtui.kube.errors import KubeError
from meshtui.kube.session import Session
from meshtui.mesh.kinds import POD
from meshtui.mesh.logs import LogLine, LogOptions
from meshtui.mesh.snapshot import Problem, Ref, Trouble

STREAMS = 120
TURN = 20.0
"""Seconds."""
_AGAIN = 15.0
"""Seconds until a log that could not be read, or has ended, is tried again."""
_REFUSED = 300.0
"""The same for one that one may not read."""
_STEADY = 5.0
"""A stream that is open for so many seconds has brought what there was."""

Take = Callable[[Ref, LogLine], None]
TakeUp = Callable[[Ref, datetime], None]


class _Place(Struct):
    """How far a log was read: to a stamp, and so many of the lines that have it."""

    at: datetime
    seen: int = 0
    catching_up: bool = False
    skipped: int = 0

    @property
    def met(self) -> bool:
        """Whether the lines that were handed out last came again: nothing is missing behind them."""
        return self.skipped == self.seen

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
        take_up: TakeUp = lambda pod, at: None,
    ) -> None:
        """`take_up` is told up to when all of a log has come, where a turn goes on from where the last one ended."""
        self.open: set[Ref] = set()
        """The pods whose logs are read at this moment."""
        self.problems: dict[Ref, Problem] = {}
        """Of the pods whose log could not be read, why."""
        self._session = session
        self._take = take
        self._options = options
        self._streams = streams
        self._turn = turn
        self._matters = matters
        self._take_up = take_up
        self._steady: dict[Ref, float] = {}
        """Since when a stream is open that no notice has told to be cut, by the loop's clock."""
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

    @property
    def steady(self) -> Collection[Ref]:
        """The pods whose streams are open for a while: what is not there by now was not written."""
        by = asyncio.get_running_loop().time() - _STEADY
        return [pod for pod, opened in self._steady.items() if opened < by]

    def again(self) -> None:
        """Reads at once what could not be read."""
        for pod in self.problems:
            self._queue.put_nowait(pod)

    async def run(self) -> None:
        """Reads every log once to its end; with `options.follow` goes on until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(
                self._streams if self._options.follow else min(self._streams, self.total)
            ):
                tasks.create_task(self._work())

    def rest(self) -> None:
        """Once it does not run any more: when it runs again, each log that is offered is taken up where it was left,
        or `options.since` seconds back where that is later."""
        self._pods, self._queue = set(), asyncio.Queue()

    async def _work(self) -> None:
        while self._options.follow or not self._queue.empty():
            pod = await self._queue.get()
            while pod in self._pods and pod not in self.open and await self._read(pod):
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
        again = _AGAIN
        self.open.add(pod)
        self._steady[pod] = asyncio.get_running_loop().time()
        try:
            async with limit:
                await self._lines(pod)
        except TimeoutError:
            self._notice(pod, "not followed while others have their turn")
            return True
        except KubeError as error:
            self.problems[pod] = await self._why(pod, error.problem)
            self._notice(pod, self.problems[pod].text)
            again = _REFUSED if error.problem.trouble is Trouble.FORBIDDEN else _AGAIN
        finally:
            self.open.discard(pod)
            self._steady.pop(pod, None)
            self._endless.discard(limit)
        if self._options.follow:
            asyncio.get_running_loop().call_later(again, self._queue.put_nowait, pod)
        return False

    async def _why(self, pod: Ref, problem: Problem) -> Problem:
        """What is wrong; of a refusal, which right is missing."""
        if problem.trouble is not Trouble.FORBIDDEN:
            return problem
        right = await self._session.may("get", POD, pod.namespace, "log")
        return replace(problem, text=right.reason) if right.allowed is False else problem

    def _notice(self, pod: Ref, words: str) -> None:
        self._take(pod, LogLine(datetime.now(UTC), words, notice=True))

    async def _lines(self, pod: Ref) -> None:
        options, place = self._options, self._places.get(pod)
        if place is not None:
            place.catching_up, place.skipped = True, 0
            back = max(1, int((datetime.now(UTC) - place.at).total_seconds()) + 2)
            options = replace(options, tail=None, since=min(back, options.since or back))
        async for line in self._session.logs(pod, options):
            self.problems.pop(pod, None)
            if line.notice:
                self._steady.pop(pod, None)
            elif pod not in self._steady:
                self._steady[pod] = asyncio.get_running_loop().time()
            if place is None and line.at is not None and not line.notice:
                place = self._places[pod] = _Place(line.at)
            if line.notice or place is None or place.is_new(line):
                self._take(pod, line)
            elif place.met:
                self._take_up(pod, place.at)
