"""Sweeping: the loop around `sweep`: looks at the latest snapshot, asks what is due, and tells how far it is."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from operator import is_not
from time import monotonic
from typing import Any, Protocol

from meshtui.kube.pace import Pace
from meshtui.kube.probes import AT_ONCE, Probing
from meshtui.kube.sweep import Budget, Counts, Ztunnel, due
from meshtui.mesh import pods, raw, ztunnels
from meshtui.mesh.dumps import Dump
from meshtui.mesh.kinds import POD
from meshtui.mesh.listings import newer
from meshtui.mesh.metrics import Metrics
from meshtui.mesh.pods import Pod
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Answer, Phase, Probe, Snapshot, Sweep, Trouble

_MOST = AT_ONCE - 2  # what is on screen need not wait for the sweep
_AT_A_TIME = 50  # ztunnels that are looked at between two turns of the event loop: about 1 ms
_FIRST_GUESS = 500_000  # bytes of an answer, until one like it was read

_EPOCH = datetime.fromtimestamp(0, UTC)


class Changed(Protocol):
    """Is told that there is something new; `soon` where somebody may wait for it."""

    def __call__(self, *, soon: bool) -> None: ...


class Sweeping:
    """Reads all ztunnels of the snapshots that `latest` gives, through `probing`; where it is not `enabled`, it only
    tells how many there are."""

    def __init__(
        self,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        probing: Probing,
        pace: Pace,
        latest: Callable[[], Snapshot],
        changed: Changed,
        *,
        enabled: bool,
    ) -> None:
        self._start = start
        self._probing = probing
        self._pace = pace
        self._latest = latest
        self._changed = changed
        self._enabled = enabled
        self._budget = Budget(pace.sweep_rate)
        self._pods: Mapping[Probe, Raw] = {}
        """By what is asked of it each ztunnel pod there is."""
        self._dumps: Sequence[Probe] = ()
        """Of all ztunnels."""
        self._found: Sequence[Raw] = ()
        """Of these pods that is."""
        self._known: dict[Probe, Ztunnel] = {}
        """What the sweep goes by, by their dumps."""
        self._tried: dict[Probe, datetime] = {}
        self._counts_at_dump: dict[Probe, Counts | None] = {}
        self._failures: dict[Probe, int] = {}
        self._largest: dict[str, int] = {}
        self._reading: set[Probe] = set()
        self._asked: set[Probe] = set()
        """What was asked since the ztunnels were looked at."""

    @property
    def total(self) -> int:
        """How many ztunnels there are."""
        return len(self._dumps)

    def progress(self, answers: Mapping[Probe, Answer]) -> Sweep:
        """How many of the ztunnels were read by these answers, and how old the oldest dump is."""
        answered = (answers.get(dump, Answer()) for dump in self._dumps)
        read = [answer.at for answer in answered if answer.at is not None]
        return Sweep(self._enabled, self.total, len(read), min(read, default=None))

    async def run(self) -> None:
        looked_at: Snapshot | None = None
        decided: tuple[object, ...] = (None, None, None)
        while True:
            snapshot, seen = self._latest(), self.total
            if snapshot is not looked_at:
                looked_at = snapshot
                decides = snapshot.objects.get(POD), snapshot.covering(POD).phase, snapshot.answers
                if any(map(is_not, decides, decided)):  # mostly not, and 300 ztunnels take 7 ms
                    decided = decides
                    await self._look(snapshot)
            if self._asked:
                asked = [*filter(None, map(self._pods.get, self._asked))]
                self._asked.clear()
                self._known |= await self._ztunnels(asked, snapshot)
            if self.total != seen:
                self._changed(soon=True)
            if self._enabled:
                self._read_what_is_due()
            await asyncio.sleep(self._pace.sweep_look)

    def _read_what_is_due(self) -> None:
        if not self._has_room():  # as mostly: what is due is looked for every second
            return
        for probe in due(
            filter(self._is_free, self._known.values()), datetime.now(UTC), self._pace
        ):
            if not self._has_room():
                return
            self._begin(probe)

    def _has_room(self) -> bool:
        return len(self._reading) < _MOST and self._budget.allows(monotonic())

    def _is_free(self, ztunnel: Ztunnel) -> bool:
        """Whether the sweep reads nothing of it at this moment: its dump is to be judged by its metrics."""
        return self._reading.isdisjoint((ztunnel.metrics, ztunnel.dump))

    def _begin(self, probe: Probe) -> None:
        doubted = self._known.get(probe)
        if doubted is not None:
            self._counts_at_dump[probe] = doubted.counts
        soon = doubted is not None and doubted.doubtful
        self._tried[probe] = datetime.now(UTC)
        self._asked.add(probe)
        self._reading.add(probe)
        expected = self._largest.get(probe.path, _FIRST_GUESS)
        self._budget.spend(expected, monotonic())
        self._start(self._read(probe, expected, soon=soon))

    async def _read(self, probe: Probe, expected: int, *, soon: bool) -> None:
        try:
            size = await self._probing.ask(probe)
        finally:
            self._reading.discard(probe)
            self._asked.add(probe)
        self._note(probe)
        self._changed(soon=soon)
        size = max(size, self._pace.sweep_ask)
        self._budget.spend(size - expected, monotonic())
        self._largest[probe.path] = max(size, self._largest.get(probe.path, 0))

    def _note(self, probe: Probe) -> None:
        """Counts failures in a row."""
        failed = self._probing.answers.get(probe, Answer()).problem is not None
        self._failures[probe] = self._failures.get(probe, 0) + 1 if failed else 0

    async def _look(self, snapshot: Snapshot) -> None:
        """Looks at all ztunnels of a snapshot."""
        found = ztunnels.pods(snapshot)
        if found is not self._found:
            self._found = found
            self._dumps = [*map(ztunnels.dump_probe, found)]
            metrics = map(ztunnels.metrics_probe, found)
            self._pods = {
                **dict(zip(self._dumps, found, strict=True)),
                **dict(zip(metrics, found, strict=True)),
            }
        if self._enabled:
            self._asked.clear()
            self._known = await self._ztunnels(found, snapshot)
            self._forget()

    async def _ztunnels(self, found: Sequence[Raw], snapshot: Snapshot) -> dict[Probe, Ztunnel]:
        """What the sweep goes by for these pods, by their dumps. Keys may come between: 300 take 7 ms."""
        complete = snapshot.covering(POD).phase is Phase.LIVE
        annotated = _annotated(snapshot) if complete else None
        changed = {} if complete else snapshot.once(_changed, pods.of(snapshot))
        known = {}
        for number, pod in enumerate(found):
            if number % _AT_A_TIME == _AT_A_TIME - 1:
                await asyncio.sleep(0)
            known[ztunnels.dump_probe(pod)] = self._ztunnel(pod, annotated, changed)
        return known

    def _ztunnel(
        self, pod: Raw, annotated: Mapping[str, int] | None, changed: Mapping[str, datetime]
    ) -> Ztunnel:
        """`annotated` is None while not all pods are known."""
        node = raw.text(pod, "spec", "nodeName")
        metrics, dump = ztunnels.metrics_probe(pod), ztunnels.dump_probe(pod)
        counted = self._probing.answers.get(metrics, Answer())
        dumped = self._probing.answers.get(dump, Answer())
        counts = None if annotated is None else _counts(counted.value, annotated.get(node, 0))
        return Ztunnel(
            metrics=metrics,
            dump=dump,
            counts=counts,
            counts_at_dump=self._counts_at_dump.get(dump),
            metrics_tried=_newest(self._tried.get(metrics), _asked(counted)),
            dump_tried=_newest(self._tried.get(dump), _asked(dumped)),
            behind=node in changed and not newer(dumped.at, changed[node]),
            outdated=_outdated(dumped.value, counts),
            metrics_failed=self._failures.get(metrics, 0) if counted.problem else 0,
            dump_failed=self._failures.get(dump, 0) if dumped.problem else 0,
            refused=_refused(counted) or _refused(dumped),
        )

    def _forget(self) -> None:
        """What was read of ztunnels that are gone is of no use any more."""
        if gone := self._tried.keys() - self._pods.keys():
            for probe in gone:
                del self._tried[probe]
                self._counts_at_dump.pop(probe, None)
                self._failures.pop(probe, None)
            self._probing.forget(gone.__contains__)


def _annotated(snapshot: Snapshot) -> Mapping[str, int]:
    """Pods that the CNI agent has annotated and that have not ended, by node."""
    every = pods.of(snapshot)
    return snapshot.memo.kept("annotated", lambda: _counted(snapshot, every), (every,))


def _counted(snapshot: Snapshot, every: Mapping[str, Pod]) -> Mapping[str, int]:
    """Only pods that are other ones are looked at: this runs on the event loop."""
    return Counter(snapshot.memo.mapped("annotated on", every, _annotated_on))


def _annotated_on(pod: Pod) -> str:
    """The node of a pod that is annotated; "" for others."""
    return pod.node if pod.redirection == "enabled" and not pod.finished else ""


def _changed(every: Mapping[str, Pod]) -> Mapping[str, datetime]:
    """By node when a pod that the CNI agent has annotated changed last, of those that are seen."""
    found: dict[str, datetime] = {}
    for pod in every.values():
        if pod.redirection == "enabled" and not pod.finished and pod.since is not None:
            found[pod.node] = max(pod.since, found.get(pod.node, pod.since))
    return found


def _counts(value: object, annotated: int) -> Counts | None:
    if not isinstance(value, Metrics) or value.active is None:
        return None
    return Counts(value.active + (value.pending or 0), annotated)


def _outdated(dump: object, counts: Counts | None) -> bool:
    """Whether a dump has another number of pods than the metrics and Kubernetes agree on."""
    if counts is None or not isinstance(dump, Dump) or dump.proxied is None:
        return False
    return counts.proxied == counts.annotated != len(dump.proxied)


def _newest(*times: datetime | None) -> datetime | None:
    return max(filter(None, times), default=None)


def _asked(answer: Answer) -> datetime | None:
    """When the screen last asked for it, as far as that is known: of a failure the time is not kept."""
    return answer.at or (_EPOCH if answer.problem else None)


def _refused(answer: Answer) -> bool:
    return answer.problem is not None and answer.problem.trouble is Trouble.FORBIDDEN
