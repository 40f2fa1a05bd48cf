"""All analyzers, and the rules that they apply."""

from __future__ import annotations

from meshtui.mesh.doctor.analyzer import Analyzer
from meshtui.mesh.doctor.configuration import (
    conditions,
    destination_rules,
    gateway_secrets,
    gateways,
    ports,
    service_entries,
    virtual_service_destinations,
    virtual_service_gateways,
    virtual_service_matches,
    virtual_services,
)
from meshtui.mesh.doctor.findings import Rule

ANALYZERS: tuple[Analyzer, ...] = (
    *conditions.ANALYZERS,
    *destination_rules.ANALYZERS,
    *gateway_secrets.ANALYZERS,
    *gateways.ANALYZERS,
    *ports.ANALYZERS,
    *service_entries.ANALYZERS,
    *virtual_service_destinations.ANALYZERS,
    *virtual_service_gateways.ANALYZERS,
    *virtual_service_matches.ANALYZERS,
    *virtual_services.ANALYZERS,
)

RULES: dict[str, Rule] = {rule.code: rule for analyzer in ANALYZERS for rule in analyzer.rules}
"""By code."""
