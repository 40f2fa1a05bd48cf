"""Names that lead nowhere (IST0101): one rule that many analyzers apply."""

from __future__ import annotations

from meshtui.mesh.doctor.configuration.objects import ERROR
from meshtui.mesh.doctor.findings import Rule

NOT_FOUND = Rule(
    "IST0101",
    "something that is named does not exist",
    ERROR,
    why="What the object asks for has no effect, or takes traffic to nowhere.",
    remedy="correct the name, or create what it names",
)
