"""All analyzers, and the rules that they apply."""

from __future__ import annotations

from meshtui.mesh.doctor import ambient
from meshtui.mesh.doctor.analyzer import Analyzer
from meshtui.mesh.doctor.configuration import (
    annotation_rules,
    application_uid,
    auth,
    authn,
    conditions,
    deployments,
    deprecation,
    destination_rules,
    envoy_filters,
    gateway_secrets,
    gateways,
    injected_images,
    injection,
    k8s_gateways,
    mesh_networks,
    ports,
    schema,
    service_entries,
    sidecars,
    telemetry,
    virtual_service_destinations,
    virtual_service_gateways,
    virtual_service_matches,
    virtual_services,
    webhooks,
)
from meshtui.mesh.doctor.findings import Rule

ANALYZERS: tuple[Analyzer, ...] = (
    *ambient.ANALYZERS,
    *annotation_rules.ANALYZERS,
    *application_uid.ANALYZERS,
    *auth.ANALYZERS,
    *authn.ANALYZERS,
    *conditions.ANALYZERS,
    *deployments.ANALYZERS,
    *deprecation.ANALYZERS,
    *destination_rules.ANALYZERS,
    *envoy_filters.ANALYZERS,
    *gateway_secrets.ANALYZERS,
    *gateways.ANALYZERS,
    *injected_images.ANALYZERS,
    *injection.ANALYZERS,
    *k8s_gateways.ANALYZERS,
    *mesh_networks.ANALYZERS,
    *ports.ANALYZERS,
    *service_entries.ANALYZERS,
    *sidecars.ANALYZERS,
    *telemetry.ANALYZERS,
    *virtual_service_destinations.ANALYZERS,
    *virtual_service_gateways.ANALYZERS,
    *virtual_service_matches.ANALYZERS,
    *virtual_services.ANALYZERS,
    *webhooks.ANALYZERS,
)

RULES: dict[str, Rule] = {
    rule.code: rule for analyzer in (*ANALYZERS, schema.analyzer(())) for rule in analyzer.rules
}
"""By code; those of dry runs too, which no snapshot tells of."""
