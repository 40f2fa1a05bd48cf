"""References: an object names another one that does not exist (IST0101, of nine analyzers)."""

from __future__ import annotations

from meshtui.mesh.doctor.configuration.objects import ERROR
from meshtui.mesh.doctor.findings import Rule

NOT_FOUND = Rule(
    "IST0101",
    "something that is named does not exist",
    ERROR,
    why="What names it has no effect there, or the traffic that it sends there fails.",
    remedy="correct the name, or create what it names",
    link="docs/reference/config/analysis/ist0101/",
)
