"""Log ends: the last lines of logs that are on screen, read now and again as they stand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping
from datetime import UTC, datetime

from msgspec.structs import replace

from meshtui.kube.errors import KubeError
from meshtui.kube.pace import Pace
from meshtui.kube.rounds import Rounds
from meshtui.kube.session import Session
from meshtui.mesh.kinds import POD
from meshtui.mesh.logs import LogOptions
from meshtui.mesh.snapshot import Answer, Problem, Ref, Tail, Trouble

AT_ONCE = 8


class LogEnds:
    """What stands at the end of each wanted log, as its `read` has it."""

    def __init__(
        self,
        start: Callable[[Coroutine[object, object, None]], asyncio.Task[None]],
        session: Session,
        pace: Pace,
        changed: Callable[[], None],
    ) -> None:
        self._session = session
        self._pace = pace
        self._changed = changed
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._answers: dict[Tail, Answer] = {}
        self._rounds: Rounds[Tail] = Rounds(start, self._ask)

    @property
    def answers(self) -> Mapping[Tail, Answer]:
        return self._answers

    def want(self, tails: Collection[Tail]) -> None:
        """What is wanted no longer is forgotten: the end of a log is soon another."""
        for gone in self._answers.keys() - set(tails):
            del self._answers[gone]
        self._rounds.want(tails)

    def again(self) -> None:
        self._rounds.again()

    async def _ask(self, tail: Tail) -> float:
        pod = Ref(POD, tail.namespace, tail.pod)
        options = LogOptions(tail.container, tail.lines, tail.since, follow=False)
        try:
            async with self._gate:
                lines = [line async for line in self._session.logs(pod, options) if not line.notice]
            value = await asyncio.to_thread(tail.read, lines)
        except KubeError as error:
            problem = await self._why(pod, error.problem)
            self._answers[tail] = replace(self._answers.get(tail, Answer()), problem=problem)
        else:
            self._answers[tail] = Answer(value, datetime.now(UTC))
        self._changed()
        return self._pace.probe

    async def _why(self, pod: Ref, problem: Problem) -> Problem:
        """What is wrong; of a refusal, which right is missing."""
        if problem.trouble is not Trouble.FORBIDDEN:
            return problem
        right = await self._session.may("get", POD, pod.namespace, "log")
        return replace(problem, text=right.reason) if right.allowed is False else problem
