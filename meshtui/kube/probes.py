"""Probes: what proxies and istiod say of themselves, asked through port-forwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from meshtui.kube import background, portforward
from meshtui.kube.api import Api
from meshtui.kube.errors import Absent, Forbidden, KubeError, Unreachable
from meshtui.kube.pace import Pace
from meshtui.kube.rights import Rights
from meshtui.kube.rounds import Rounds
from meshtui.mesh.kinds import POD
from meshtui.mesh.snapshot import Answer, Probe, Problem, Trouble

AT_ONCE = 8  # port-forwards: each is a stream through the API server and the kubelet
LARGE = 200_000  # bytes of a body; metrics of that size take 4 ms to read, a dump less than 1


class Probing:
    """The answers so far, and the asking: of wanted probes again and again, of others when told to."""

    def __init__(
        self,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        api: Api,
        rights: Rights,
        pace: Pace,
        changed: Callable[[], None],
    ) -> None:
        self._api = api
        self._rights = rights
        self._changed = changed
        self._pace = pace
        self._reading = asyncio.Lock()
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._answers: dict[Probe, Answer] = {}
        self._rounds: Rounds[Probe] = Rounds(start, self._ask_for_screen)

    @property
    def answers(self) -> Mapping[Probe, Answer]:
        return self._answers

    @property
    def wanted(self) -> Collection[Probe]:
        """What is on screen, and so asked often."""
        return self._rounds.wanted

    def want(self, probes: Collection[Probe]) -> None:
        self._rounds.want(probes)

    def again(self) -> None:
        self._rounds.again()

    def forget(self, gone: Callable[[Probe], bool]) -> None:
        """Drop what pods said that are gone; of those on screen the next answer says so."""
        for probe in [*self._answers]:
            if probe not in self._rounds.wanted and gone(probe):
                del self._answers[probe]

    async def _ask_for_screen(self, probe: Probe) -> float:
        size = await self.ask(probe)
        self._changed()
        return max(self._pace.probe, size / self._pace.probe_rate)

    async def ask(self, probe: Probe) -> int:
        """Ask now and keep the answer, of which nobody is told; gives the size of the body in bytes."""
        size = 0
        async with self._gate:
            try:
                body = await portforward.get(
                    self._api, probe.namespace, probe.pod, probe.port, probe.path
                )
                size = len(body)
                self._keep(probe, await self._read(probe.read, body))
            except Forbidden as error:
                self._fail(probe, await self._missing_right(probe, error))
            except Absent as error:
                words = f"{probe.namespace}/{probe.pod} is gone"
                self._fail(probe, replace(error.problem, trouble=Trouble.GONE, text=words))
            except KubeError as error:
                self._fail(probe, error.problem)
        return size

    async def _read(self, read: Callable[[bytes], Any], body: bytes) -> Any:
        """`read(body)`, of a large body beside the event loop. Raises Unreachable with what is wrong with the body."""
        try:
            if len(body) < LARGE:
                return read(body)
            async with self._reading:  # one at a time: each leaves megabytes behind
                return await background.start(read, body)
        except (ValueError, RecursionError) as error:
            words = f"the answer cannot be read: {error}"
            raise Unreachable(Problem(Trouble.BROKEN, words)) from error

    def _keep(self, probe: Probe, value: Any) -> None:
        before = self._answers.get(probe, Answer())
        if probe.share is not None:
            others = [
                answer.value
                for other, answer in self._answers.items()
                if other.read is probe.read and answer.value is not None
            ]
            value = probe.share(value, others)
        now = datetime.now(UTC)
        kept = probe.keep(before.kept, value, now) if probe.keep is not None else None
        self._answers[probe] = Answer(value, now, None, before.value, before.at, kept)

    def _fail(self, probe: Probe, problem: Problem) -> None:
        """The older value stays, with the problem beside it."""
        self._answers[probe] = replace(self._answers.get(probe, Answer()), problem=problem)

    async def _missing_right(self, probe: Probe, error: Forbidden) -> Problem:
        """A port-forward over WebSocket takes `get`, and from Kubernetes 1.35 `create` too; the refusal may name no
        verb, so each is asked for."""
        missing = await self._rights.missing(("get", "create"), POD, probe.namespace, "portforward")
        return replace(error.problem, text=missing or error.problem.text)
