"""All analyzers, and the rules that they apply."""

from __future__ import annotations

from meshtui.mesh.doctor import ambient
from meshtui.mesh.doctor.analyzer import Analyzer
from meshtui.mesh.doctor.configuration import conditions, ports
from meshtui.mesh.doctor.findings import Rule

ANALYZERS: tuple[Analyzer, ...] = (
    *ambient.ANALYZERS,
    *conditions.ANALYZERS,
    *ports.ANALYZERS,
)

RULES: dict[str, Rule] = {rule.code: rule for analyzer in ANALYZERS for rule in analyzer.rules}
"""By code."""
