"""What an ambient mesh suffers from, by the numbers of doctor-rules.md, a module for each of its subjects.

Left out is what a snapshot cannot tell:

- AMB-009, 018, 049, 051, 052, 065, 067: only logs do.
- AMB-043, 056: only what istiod counts, or its debug endpoints.
- AMB-050, 055, 060: what gateways and waypoints count, the throttling of containers, and the counters of DNS.
- AMB-016, 017, 071: kinds that are not read (policies of Cilium, SecurityGroupPolicies, HorizontalPodAutoscalers).
- AMB-026: who calls a Service from outside the mesh.
- AMB-059: when DNS capture was turned on.
- AMB-066: which istiod has it mended.
"""

from __future__ import annotations

from meshtui.mesh.doctor.ambient import (
    access,
    bindings,
    capture,
    certificates,
    control_plane,
    egress,
    failures,
    l7_settings,
    labels,
    network_policies,
    node_agents,
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
    *failures.ANALYZERS,
    *l7_settings.ANALYZERS,
    *certificates.ANALYZERS,
    *control_plane.ANALYZERS,
    *traffic.ANALYZERS,
    *egress.ANALYZERS,
)
