"""Foresight: what a change would newly break, by the doctor's own rules over the cluster as it would be."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from meshtui.mesh import preflight
from meshtui.mesh.changes import Change
from meshtui.mesh.checks import Check, failing, unknown, warning
from meshtui.mesh.doctor import rows as findings
from meshtui.mesh.doctor.examination import INTERNAL, Examination, Finding
from meshtui.mesh.doctor.findings import Severity
from meshtui.mesh.health import Health
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref, Snapshot

KINDS = findings.KINDS
"""What has to be wanted for it; a rule that lacks one of them foresees nothing."""

_OF_REACTIONS = frozenset(
    (
        *("AMB-001", "AMB-002", "AMB-003", "AMB-004", "AMB-005", "AMB-014", "AMB-020", "AMB-021"),
        *("AMB-023", "AMB-039", "AMB-044", "AMB-046", "AMB-048", "AMB-064", "AMB-068", "AMB-069"),
        *("IST0103", "IST0171", INTERNAL.code),
    )
)
"""Rules that go by how agents, kubelets and istiod have followed: to a change that was not made nobody has yet."""
_TOLD_BEFORE = frozenset(
    (
        *("AMB-008", "AMB-010", "AMB-011", "AMB-012", "AMB-019", "AMB-027", "AMB-028", "AMB-029"),
        *("AMB-031", "AMB-033", "AMB-040", "IST0123"),
    )
)
"""Rules that say what the pre-flight of pods that move, and of waypoints, says in its own words."""


def of(change: Change, expected: Raw | None, snapshot: Snapshot) -> tuple[Check, ...]:
    """What would be found and is not found now, but for what is a mere note; `expected` is the object as it would be,
    None where it would be gone. It examines the whole mesh: not for the event loop."""
    now = replace(snapshot, memo=snapshot.memo.forked())
    before = findings.examined(now)
    if not before.outcomes:
        return (unknown("what it would newly break is not known: the pods are being read"),)
    known = _known(before)
    silent = _OF_REACTIONS | (_TOLD_BEFORE if preflight.of(change, now) else frozenset())
    after = [
        each
        for each in findings.examined(_with(change, expected, now)).findings
        if each.found.rule.code not in silent and each.grade is not Severity.INFO
    ]
    return tuple(
        _check(each)
        for each in after
        if not known.get(each.found.key, set()) >= {*each.found.objects}
    )


def _known(examination: Examination) -> Mapping[str, set[Ref]]:
    """By key of a finding whom it concerns: one that concerns more is new to them."""
    known: dict[str, set[Ref]] = {}
    for every in examination.of.values():
        for found in every:
            known.setdefault(found.key, set()).update(found.objects)
    return known


def _with(change: Change, expected: Raw | None, snapshot: Snapshot) -> Snapshot:
    """The cluster with one object as it would be."""
    kind, key = change.target.kind, change.target.key
    of_kind = {each: it for each, it in snapshot.objects.get(kind, {}).items() if each != key}
    if expected is not None:
        of_kind[key] = expected
    return replace(snapshot, objects={**snapshot.objects, kind: of_kind})


def _check(finding: Finding) -> Check:
    found = finding.found
    says = f"the doctor would find: {found.says} ({found.rule.code})"
    check = failing if finding.grade.health is Health.BAD else warning
    return check(says, found.step)
