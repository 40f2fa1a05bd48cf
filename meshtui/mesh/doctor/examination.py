"""An examination: every rule applied to a snapshot; what was found, what is not known, and what explains what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from msgspec import Struct

from meshtui.mesh.derived import derived
from meshtui.mesh.doctor.analyzer import Analyzer, kind_of
from meshtui.mesh.doctor.findings import Found, Rule, Severity, Unsure
from meshtui.mesh.kinds import SECRET, Kind
from meshtui.mesh.snapshot import Phase, Ref, Scope, Snapshot

INTERNAL = Rule(
    "internal",
    "a rule of the doctor failed itself",
    Severity.INFO,
    why="What it looks for is not known; all other rules were applied.",
    remedy="report it with these words",
)


class Outcome(Enum):
    """What became of a rule."""

    OK = "ok"
    FINDING = "finding"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not applicable"


class Finding(Struct, frozen=True, eq=False):
    """What was found, with what it explains."""

    found: Found
    symptoms: tuple[Found, ...] = ()

    @property
    def grade(self) -> Severity:
        """How bad it is, with what it explains."""
        return min((self.found, *self.symptoms), key=lambda each: each.grade.rank).grade


class Examination(Struct, frozen=True, eq=False):
    """What came of it."""

    findings: tuple[Finding, ...]
    """The worst first; of equals those with more objects."""
    unsure: tuple[Unsure, ...]
    outcomes: Mapping[str, Outcome]
    """By the code of a rule."""
    of: Mapping[Ref, tuple[Found, ...]]
    """What was found of an object, the worst first, folded or not."""


def of(snapshot: Snapshot, analyzers: Sequence[Analyzer]) -> Examination:
    """Applies all rules of these analyzers."""
    reports = (derived(snapshot, _examined, analyzer) for analyzer in analyzers)
    return snapshot.once(_told, *zip(analyzers, reports, strict=True))


def _told(*reports: tuple[Analyzer, _Report]) -> Examination:
    found = list(dict.fromkeys(each for _, report in reports for each in report.found))
    unsure = tuple(each for _, report in reports for each in report.unsure)
    return Examination(_folded(found), unsure, _outcomes(reports), _by_object(found))


class _Report(Struct, frozen=True):
    """What came of one analyzer."""

    found: tuple[Found, ...] = ()
    unsure: tuple[Unsure, ...] = ()
    applies: bool = True


def _examined(snapshot: Snapshot, analyzer: Analyzer) -> _Report:
    if analyzer.needs and _phase(analyzer.needs[0], snapshot) is Phase.ABSENT:
        return _Report(applies=False)
    missing = [_missing(need, snapshot) for need in analyzer.needs]
    unsure = [Unsure(rule, why) for why in filter(None, missing) for rule in analyzer.rules]
    found: list[Found] = []
    try:
        for each in analyzer.run(snapshot):
            if isinstance(each, Unsure):
                unsure.append(each)
            else:
                found.append(each)
    except Exception as error:  # noqa: BLE001 - one that fails must not take the others with it
        said = f"{analyzer.name} failed: {type(error).__name__}: {error}"
        found.append(Found(INTERNAL, (), said))
        unsure += [Unsure(rule, said) for rule in analyzer.rules]
    report = _Report(tuple(dict.fromkeys(found)), tuple(dict.fromkeys(unsure)))
    return snapshot.memo.settled(analyzer, report)


def _phase(need: Kind | Scope, snapshot: Snapshot) -> Phase:
    return snapshot.source(kind_of(need)).phase


def _missing(need: Kind | Scope, snapshot: Snapshot) -> str:
    """Why not all of a kind is known; "" where it is, or it is not installed."""
    source = snapshot.source(kind_of(need))
    if source.complete or source.phase is Phase.ABSENT or kind_of(need) == SECRET:
        return ""  # Secrets are read one by one, and who needs one says which it lacks
    if source.problem is not None:
        return source.problem.text
    return f"the {kind_of(need).plural} were not all read yet"


def _folded(found: Iterable[Found]) -> tuple[Finding, ...]:
    """Symptoms under what causes them. A cause that is itself a symptom takes its own along."""
    every = list(dict.fromkeys(found))
    causes = {(each.rule.code, ref): each for each in every for ref in each.objects}
    under: dict[Found, list[Found]] = {}
    for each in every:
        under.setdefault(_root(each, causes), []).append(each)
    folded = [
        Finding(root, tuple(each for each in members if each is not root))
        for root, members in under.items()
    ]
    return tuple(sorted(folded, key=_order))


def _root(found: Found, causes: Mapping[tuple[str, Ref], Found]) -> Found:
    """The cause at the end; of those that explain each other, the worst."""
    path = [found]
    while True:
        named = (causes.get(each) for each in path[-1].symptom_of)
        cause = next((each for each in named if each is not None), None)
        if cause is None:
            return path[-1]
        if cause in path:
            return min(path[path.index(cause) :], key=lambda each: (each.grade.rank, each.key))
        path.append(cause)


def _order(finding: Finding) -> tuple[int, int, str]:
    found = finding.found
    return (finding.grade.rank, -len(found.objects) - len(finding.symptoms), found.key)


def _by_object(found: Iterable[Found]) -> Mapping[Ref, tuple[Found, ...]]:
    by_object: dict[Ref, list[Found]] = {}
    for each in sorted(found, key=lambda each: (each.grade.rank, each.key)):
        for ref in each.objects:
            by_object.setdefault(ref, []).append(each)
    return {ref: tuple(every) for ref, every in by_object.items()}


def _outcomes(reports: Iterable[tuple[Analyzer, _Report]]) -> Mapping[str, Outcome]:
    """By code. A rule that several analyzers apply has found something where one of them has, and is not known where
    one of them does not know."""
    outcomes: dict[str, Outcome] = {}
    for analyzer, report in reports:
        found = {each.rule.code for each in report.found}
        unsure = {each.rule.code for each in report.unsure}
        for rule in analyzer.rules:
            now = Outcome.OK if report.applies else Outcome.NOT_APPLICABLE
            if rule.code in found:
                now = Outcome.FINDING
            elif rule.code in unsure:
                now = Outcome.UNKNOWN
            before = outcomes.get(rule.code, Outcome.NOT_APPLICABLE)
            outcomes[rule.code] = max(before, now, key=_WEIGHT.__getitem__)
    return outcomes


_WEIGHT = {
    Outcome.NOT_APPLICABLE: 0,
    Outcome.OK: 1,
    Outcome.UNKNOWN: 2,
    Outcome.FINDING: 3,
}
