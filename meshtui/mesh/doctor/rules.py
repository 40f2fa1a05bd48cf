"""All analyzers, and the rules that they apply."""

from __future__ import annotations

from meshtui.mesh.doctor.analyzer import Analyzer
from meshtui.mesh.doctor.configuration import (
    annotation_rules,
    application_uid,
    auth,
    authn,
    conditions,
    deployments,
    deprecation,
    envoy_filters,
    injected_images,
    injection,
    k8s_gateways,
    mesh_networks,
    ports,
    sidecars,
    telemetry,
    webhooks,
)
from meshtui.mesh.doctor.findings import Rule

ANALYZERS: tuple[Analyzer, ...] = (
    *annotation_rules.ANALYZERS,
    *application_uid.ANALYZERS,
    *auth.ANALYZERS,
    *authn.ANALYZERS,
    *conditions.ANALYZERS,
    *deployments.ANALYZERS,
    *deprecation.ANALYZERS,
    *envoy_filters.ANALYZERS,
    *injected_images.ANALYZERS,
    *injection.ANALYZERS,
    *k8s_gateways.ANALYZERS,
    *mesh_networks.ANALYZERS,
    *ports.ANALYZERS,
    *sidecars.ANALYZERS,
    *telemetry.ANALYZERS,
    *webhooks.ANALYZERS,
)

RULES: dict[str, Rule] = {rule.code: rule for analyzer in ANALYZERS for rule in analyzer.rules}
"""By code."""
