"""What an ambient mesh suffers from, by the numbers of doctor-rules.md, a module for each of its subjects.

Left out is what a snapshot cannot tell:

- AMB-026: who calls a Service from outside the mesh.
- AMB-050: who had an address before; neither objects nor counters keep it.
- AMB-055: how often a container was throttled; neither the API server nor proxies count it.
- AMB-059: when DNS capture was turned on; pods that were captured later have it.
- AMB-066: which istiod has it mended; no release note names one.

What logs and istiods tell is not asked for on screen, but by `meshtui doctor`: `agent_logs` and `istiods`.
"""

from __future__ import annotations

from meshtui.mesh.doctor.ambient import (
    access,
    agent_logs,
    bindings,
    capacity,
    capture,
    certificates,
    control_plane,
    dns,
    egress,
    failures,
    istiods,
    l7_settings,
    labels,
    network_policies,
    node_agents,
    policies,
    probe_sources,
    probes,
    support,
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
    *dns.ANALYZERS,
    *capacity.ANALYZERS,
    *probe_sources.ANALYZERS,
    *support.ANALYZERS,
    *istiods.ANALYZERS,
    *agent_logs.ANALYZERS,
)
