"""What was watched since the cluster is looked at, in slots of half a minute: nothing is known of what was before, nor
of a time in which nobody could look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from meshtui.mesh import namespaces, workloads
from meshtui.mesh.doctor import rows as findings
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import POD
from meshtui.mesh.metrics import Metrics
from meshtui.mesh.snapshot import Phase, Probe, Snapshot

SLOT = timedelta(seconds=30)
_MOST = 60


class Slot(Struct, frozen=True):
    """Half a minute. None is not known."""

    captured: int | None = None
    """Pods that are captured, as they were when it began; not known while it is not of any one."""
    failing: int | None = None
    """Findings that say that something fails, likewise."""
    refused: int | None = None
    """Connections that the ztunnels read in it had refused, cut or been denied since they were read before."""
    told: int | None = None
    """Messages that they had received from istiod."""


class History(Struct, frozen=True):
    """The slots, the latest last."""

    slots: tuple[Slot, ...] = ()
    since: datetime | None = None
    """When the first of them began."""
    latest: datetime | None = None
    """When the last one did."""
    counted: Mapping[Probe, tuple[datetime, int, int]] = field(default_factory=dict)
    """By ztunnel when it was read last, and what it had counted by then: refused and told."""

    def series(self, of: Callable[[Slot], int | None]) -> tuple[int | None, ...]:
        """One of the things that are counted, slot by slot."""
        return tuple(of(slot) for slot in self.slots)


def of(snapshot: Snapshot) -> History:
    """All that was watched until now. It has to be asked for with every snapshot, or what it brought is missed."""
    found: History = snapshot.memo.folded(
        "history", lambda before: _step(before or History(), snapshot), (snapshot,)
    )
    return found


def _step(before: History, snapshot: Snapshot) -> History:
    history = _begun(before, snapshot.now)
    if not history.slots:
        return history
    latest = history.slots[-1]
    begins = history is not before or len(history.slots) == 1
    if begins and latest.captured is None and snapshot.source(POD).phase is Phase.LIVE:
        latest = replace(latest, captured=captured(snapshot), failing=failing(snapshot))
    refused, told, counted = _risen(history.counted, snapshot)
    if refused is not None:
        latest = replace(
            latest, refused=(latest.refused or 0) + refused, told=(latest.told or 0) + told
        )
    return replace(history, slots=(*history.slots[:-1], latest), counted=counted)


def _begun(before: History, now: datetime) -> History:
    """With a slot for now. Those in between, in which nothing changed, are as the one before them: while nothing is
    heard of a live watch, all is as it was, and what is not live begins with a snapshot that says so."""
    if before.latest is None:
        return History((Slot(),), now, now)
    passed = (now - before.latest) // SLOT
    if passed <= 0:
        return before
    last = before.slots[-1]
    quiet = (Slot(last.captured, last.failing),) * (passed - 1)
    slots = (*before.slots, *quiet[-_MOST:], Slot())[-_MOST:]
    return replace(before, slots=slots, latest=before.latest + passed * SLOT)


def captured(snapshot: Snapshot) -> int | None:
    """Pods that are captured, in all namespaces; None while it is not known of each that is wanted in the mesh."""
    count = snapshot.once(namespaces.captured, workloads.of(snapshot))
    return None if count.unknown or count.undecided else count.captured


def failing(snapshot: Snapshot) -> int:
    """Findings that say that something fails."""
    return sum(row.verdict.health is Health.BAD for row in findings.of(snapshot))


def _risen(
    before: Mapping[Probe, tuple[datetime, int, int]], snapshot: Snapshot
) -> tuple[int | None, int, Mapping[Probe, tuple[datetime, int, int]]]:
    """How far the counters of the ztunnels have risen that were read since; None where none of them was read twice."""
    refused: int | None = None
    told = 0
    counted = dict(before)
    for probe, answer in snapshot.answers.items():
        value, at = answer.value, answer.at
        if not isinstance(value, Metrics) or at is None:
            continue
        known = before.get(probe)
        if known is not None and known[0] >= at:
            continue
        now = (at, sum(value.failures.values()), value.messages)
        counted[probe] = now
        if known is not None and now[1] >= known[1] and now[2] >= known[2]:  # else it began anew
            refused = (refused or 0) + now[1] - known[1]
            told += now[2] - known[2]
    return refused, told, counted
