"""Sweeping: the loop around `sweep`: looks at the latest snapshot, asks what is due, and tells how far it is."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from meshtui.kube.pace import Pace
from meshtui.kube.probes import AT_ONCE, Probing
from meshtui.kube.sweep import Budget, Counts, Ztunnel, due
from meshtui.mesh import pods, raw, ztunnels
from meshtui.mesh.kinds import POD
from meshtui.mesh.metrics import Metrics
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Answer, Phase, Probe, Snapshot, Sweep, Trouble

_MOST = AT_ONCE - 2  # what is on screen need not wait for the sweep
_FIRST_GUESS = 500_000  # bytes of an answer, until one like it was read

_EPOCH = datetime.fromtimestamp(0, UTC)


class Sweeping:
    """Reads all ztunnels of the snapshots that `latest` gives, through `probing`."""

    def __init__(
        self,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        probing: Probing,
        pace: Pace,
        latest: Callable[[], Snapshot],
    ) -> None:
        self._start = start
        self._probing = probing
        self._pace = pace
        self._latest = latest
        self._budget = Budget(pace.sweep_rate)
        self._tried: dict[Probe, datetime] = {}
        self._counts_at_dump: dict[Probe, Counts | None] = {}
        self._largest: dict[str, int] = {}
        self._reading: set[Probe] = set()
        self._among: Mapping[str, Raw] | None = None
        self._found: Sequence[Raw] = ()
        self._annotated: Mapping[str, int] = {}

    async def run(self) -> None:
        while True:
            snapshot = self._latest()
            known = list(self._ztunnels(snapshot))
            self._forget(known)
            for probe in due(filter(self._is_free, known), datetime.now(UTC), self._pace):
                if len(self._reading) >= _MOST:
                    break
                if not self._budget.allows(monotonic()):
                    break
                if probe not in self._probing.wanted:  # those are asked often as it is
                    self._begin(probe, known)
            await asyncio.sleep(self._pace.sweep_look)

    def _is_free(self, ztunnel: Ztunnel) -> bool:
        """Whether the sweep reads nothing of it at this moment: its dump is to be judged by its metrics."""
        return self._reading.isdisjoint((ztunnel.metrics, ztunnel.dump))

    def progress(self, snapshot: Snapshot, *, enabled: bool) -> Sweep:
        """How many of the ztunnels were read, and how old the oldest dump is."""
        found = self._pods(snapshot)
        answers = (snapshot.answers.get(ztunnels.dump_probe(pod), Answer()) for pod in found)
        read = [answer.at for answer in answers if answer.at is not None]
        return Sweep(enabled, len(found), len(read), min(read, default=None))

    def _pods(self, snapshot: Snapshot) -> Sequence[Raw]:
        """The ztunnel pods; they and the annotated ones are looked for again only where any pod has changed."""
        if self._among is not snapshot.objects.get(POD):
            self._among = snapshot.objects.get(POD)
            self._found = ztunnels.pods(snapshot)
            nodes = snapshot.each(POD, _captured_on)
            self._annotated = Counter(node for node in nodes if node)
        return self._found

    def _begin(self, probe: Probe, known: Collection[Ztunnel]) -> None:
        for ztunnel in known:
            if ztunnel.dump == probe:
                self._counts_at_dump[probe] = ztunnel.counts
        self._tried[probe] = datetime.now(UTC)
        self._reading.add(probe)
        expected = self._largest.get(probe.path, _FIRST_GUESS)
        self._budget.spend(expected, monotonic())
        self._start(self._read(probe, expected))

    async def _read(self, probe: Probe, expected: int) -> None:
        try:
            size = await self._probing.ask(probe)
        finally:
            self._reading.discard(probe)
        self._budget.spend(size - expected, monotonic())
        self._largest[probe.path] = max(size, self._largest.get(probe.path, 0))

    def _ztunnels(self, snapshot: Snapshot) -> Iterable[Ztunnel]:
        complete = snapshot.covering(POD).phase is Phase.LIVE
        for pod in self._pods(snapshot):
            annotated = self._annotated.get(raw.text(pod, "spec", "nodeName"), 0)
            metrics, dump = ztunnels.metrics_probe(pod), ztunnels.dump_probe(pod)
            counted = self._probing.answers.get(metrics, Answer())
            dumped = self._probing.answers.get(dump, Answer())
            yield Ztunnel(
                metrics=metrics,
                dump=dump,
                counts=_counts(counted.value, annotated) if complete else None,
                counts_at_dump=self._counts_at_dump.get(dump),
                metrics_tried=_newest(self._tried.get(metrics), _asked(counted)),
                dump_tried=_newest(self._tried.get(dump), _asked(dumped)),
                refused=_refused(counted) or _refused(dumped),
            )

    def _forget(self, known: Collection[Ztunnel]) -> None:
        """What was read of ztunnels that are gone is of no use any more."""
        there = {probe for ztunnel in known for probe in (ztunnel.metrics, ztunnel.dump)}
        if gone := self._tried.keys() - there:
            for probe in gone:
                del self._tried[probe]
                self._counts_at_dump.pop(probe, None)
            self._probing.forget(gone.__contains__)


def _captured_on(pod: Raw) -> str:
    """The node of a pod that is annotated and has not ended; "" for any other."""
    if raw.annotation(pod, pods.REDIRECTION) != "enabled":
        return ""
    if raw.text(pod, "status", "phase") in ("Succeeded", "Failed"):
        return ""
    return raw.text(pod, "spec", "nodeName")


def _counts(value: object, annotated: int) -> Counts | None:
    if not isinstance(value, Metrics) or value.active is None:
        return None
    return Counts(value.active + (value.pending or 0), annotated)


def _newest(*times: datetime | None) -> datetime | None:
    return max(filter(None, times), default=None)


def _asked(answer: Answer) -> datetime | None:
    """When the screen last asked for it, as far as that is known: of a failure the time is not kept."""
    return answer.at or (_EPOCH if answer.problem else None)


def _refused(answer: Answer) -> bool:
    return answer.problem is not None and answer.problem.trouble is Trouble.FORBIDDEN
