"""What an ambient mesh suffers from, by the numbers of doctor-rules.md, a module for each of its sections."""

from __future__ import annotations

from meshtui.mesh.doctor.ambient import (
    access,
    bindings,
    capture,
    certificates,
    control_plane,
    egress,
    l7_settings,
    labels,
    network_policies,
    node_agents,
    plain_text,
    policies,
    probes,
    traffic,
    waypoints,
)
from meshtui.mesh.doctor.analyzer import Analyzer

ANALYZERS: tuple[Analyzer, ...] = (
    *capture.ANALYZERS,
    *node_agents.ANALYZERS,
    *labels.ANALYZERS,
    *network_policies.ANALYZERS,
    *probes.ANALYZERS,
    *waypoints.ANALYZERS,
    *bindings.ANALYZERS,
    *policies.ANALYZERS,
    *access.ANALYZERS,
    *plain_text.ANALYZERS,
    *l7_settings.ANALYZERS,
    *certificates.ANALYZERS,
    *control_plane.ANALYZERS,
    *traffic.ANALYZERS,
    *egress.ANALYZERS,
)
