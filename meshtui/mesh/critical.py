"""What is critical now: findings of that severity, and an API server that has fallen silent."""

from __future__ import annotations

from collections.abc import Mapping

from meshtui.mesh.doctor import rows as findings
from meshtui.mesh.doctor.findings import Severity
from meshtui.mesh.snapshot import Snapshot


def of(snapshot: Snapshot) -> Mapping[str, str]:
    """What came while one was looking and is there still, in a sentence each, by a key that stays the same for as long
    as it is so. What was there when the cluster was first read is nothing new."""
    found = {
        row.key: row.verdict.reason
        for row in findings.of(snapshot)
        if row.fresh and row.gone is None and row.finding.found.grade is Severity.CRITICAL
    }
    problem = snapshot.server.problem
    if problem is not None and snapshot.server.answered is not None:
        found["server"] = f"{problem.trouble.value}: {problem.text}"
    return found
