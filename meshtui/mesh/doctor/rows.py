"""Findings as rows: what the doctor finds now, since when, what is muted, and what was gone a moment ago."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh.doctor import analyzer, examination
from meshtui.mesh.doctor.examination import Examination, Finding
from meshtui.mesh.doctor.findings import Found
from meshtui.mesh.doctor.rules import ANALYZERS
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import EVENT, POD, Kind
from meshtui.mesh.mutes import Mute
from meshtui.mesh.snapshot import Phase, Ref, Scope, Snapshot

NEW = timedelta(minutes=1)
"""So long is a finding new, and so long does one stay that is gone."""

_UNASKED = tuple(each for each in ANALYZERS if not each.asked_for)

KINDS: tuple[Kind | Scope, ...] = analyzer.watched(_UNASKED)


class Row(Struct, frozen=True, eq=False):
    """One finding, with what it explains."""

    key: str
    verdict: Verdict
    ref: Ref | None
    """The first object that it is about."""
    finding: Finding
    since: datetime
    """When it was first seen from here; the fault may be older."""
    fresh: bool
    """Whether it came while one was looking: it was not there when the cluster was first read."""
    gone: datetime | None = None
    """When it was no longer found; None while it is."""
    mute: Mute | None = None
    """By what it is muted; None where it is not."""


def of(snapshot: Snapshot) -> Sequence[Row]:
    """The worst first; behind them those that are muted, and at the end, for a minute, those that are gone."""
    return snapshot.once(_ordered, _Rows.following(snapshot).rows)


def _ordered(rows: Mapping[str, Row]) -> Sequence[Row]:
    return sorted(rows.values(), key=lambda row: (row.gone is not None, row.mute is not None))


def mute_of(finding: Finding, snapshot: Snapshot) -> Mute | None:
    """By what a finding is muted now, with all that it explains; None where it is not."""
    mute = snapshot.muted.get(finding.found.key)
    return mute if mute is not None and mute.holds(snapshot.now) else None


def examined(snapshot: Snapshot) -> Examination:
    """All rules that run unasked: anew where an object or an answer changed, and every minute, since some go by the
    time and some by events, which come and go with the row that is looked at. Nothing while pods are being listed:
    most rules would not know yet, and each page of 10,000 would be examined."""
    if not snapshot.examines or any(
        scope.kind == POD and source.phase is Phase.LOADING
        for scope, source in snapshot.sources.items()
    ):
        return _NOT_YET
    kinds = {analyzer.kind_of(need): None for need in KINDS if analyzer.kind_of(need) != EVENT}
    objects = [snapshot.objects.get(kind) for kind in kinds]
    phases = [
        source.phase.value for scope, source in snapshot.sources.items() if scope.kind in kinds
    ]
    minute = int(snapshot.now.timestamp() / 60)
    inputs = (*objects, *phases, snapshot.answers, snapshot.gets, minute)
    return snapshot.memo.kept("examined", lambda: examination.of(snapshot, _UNASKED), inputs)


_NOT_YET = Examination((), (), {}, {})


class Judged(Protocol):
    """A row of any pane."""

    @property
    def key(self) -> str: ...
    @property
    def verdict(self) -> Verdict: ...
    @property
    def ref(self) -> Ref | None: ...


def judged(snapshot: Snapshot, rows: Iterable[Judged]) -> Mapping[str, Verdict]:
    """The verdicts of those rows that the doctor finds something worse of than their own fields say, by key."""
    examination = examined(snapshot)
    found, muted = examination.of, _muted(examination, snapshot)
    names = {ref.name for ref in found}
    verdicts = {}
    for row in rows:
        if (
            row.ref is None or row.ref.name not in names
        ):  # nearly all of 10,000, and cheaper than to look it up
            continue
        told = found.get(row.ref, ())
        worst = next((each for each in told if each not in muted), None)
        if worst is not None and worst.grade.health.rank > row.verdict.health.rank:
            verdicts[row.key] = Verdict(worst.grade.health, f"{worst.says} ({worst.rule.code})")
    return verdicts


def _muted(examination: Examination, snapshot: Snapshot) -> Collection[Found]:
    if not snapshot.muted:
        return ()
    muted = [each for each in examination.findings if mute_of(each, snapshot)]
    return {found for each in muted for found in (each.found, *each.symptoms)}


class _Rows(Struct, frozen=True, eq=False):
    """What is known after so many snapshots."""

    rows: Mapping[str, Row]
    settled: bool
    """Whether the lists have all been read once: what comes later is new."""
    unsure: frozenset[str]
    """The codes of rules that could not judge everything: what they find once they can may be old."""
    examination: Examination

    def holds(self, snapshot: Snapshot) -> bool:
        """Whether all is as it was: nothing else is found, and no row is one that passes."""
        return (
            self.settled
            and self.examination is examined(snapshot)
            and not snapshot.muted
            and not any(row.gone or row.mute for row in self.rows.values())
        )

    @classmethod
    def following(cls, snapshot: Snapshot) -> _Rows:
        return snapshot.memo.folded("findings", lambda before: _step(before, snapshot), (snapshot,))


def _step(before: _Rows | None, snapshot: Snapshot) -> _Rows:
    if before is not None and before.holds(snapshot):
        return before
    known, now = before.rows if before else {}, snapshot.now
    settled = before is not None and before.settled
    unsure = before.unsure if before else frozenset()
    rows: dict[str, Row] = {}
    times: Counter[str] = Counter()
    looked = examined(snapshot)
    for finding in looked.findings:
        found = finding.found
        times[found.key] += 1
        key = f"{found.key} #{times[found.key]}"
        old = known.get(key)
        continues = old is not None and old.gone is None
        mute = mute_of(finding, snapshot)
        rows[key] = Row(
            key=key,
            verdict=_verdict(finding, mute),
            ref=found.objects[0] if found.objects else None,
            finding=finding,
            since=old.since if old and continues else now,
            fresh=old.fresh if old and continues else settled and found.rule.code not in unsure,
            mute=mute,
        )
    for key, row in known.items():
        if key not in rows and now - (row.gone or now) < NEW:
            rows[key] = _gone(row, now)
    complete = all(source.complete or source.problem for source in snapshot.sources.values())
    return _Rows(
        rows,
        settled or (bool(snapshot.sources) and complete and snapshot.examines),
        frozenset(each.rule.code for each in looked.unsure),
        looked,
    )


def _verdict(finding: Finding, mute: Mute | None) -> Verdict:
    if mute is not None:
        return Verdict(Health.NONE, f"muted {mute.told}")
    return Verdict(finding.grade.health, finding.found.says)


def _gone(row: Row, now: datetime) -> Row:
    if row.gone is not None:
        return row
    verdict = Verdict(Health.NONE, f"gone: {row.finding.found.says}")
    return replace(row, verdict=verdict, gone=now)
