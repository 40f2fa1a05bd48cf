"""Objects made for a test: small ones that say what the test is about and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from meshtui.mesh import raw
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    AUTOSCALER,
    CILIUM_CLUSTER_POLICY,
    CILIUM_POLICY,
    CONFIGMAP,
    DAEMONSET,
    DEPLOYMENT,
    DESTINATION_RULE,
    DISRUPTION_BUDGET,
    ENDPOINT_SLICE,
    ENVOY_FILTER,
    EVENT,
    GATEWAY,
    GATEWAY_CLASS,
    GRPC_ROUTE,
    HTTP_ROUTE,
    INGRESS,
    INGRESS_CLASS,
    ISTIO_GATEWAY,
    NAMESPACE,
    NETWORK_POLICY,
    NODE,
    PEER_AUTHENTICATION,
    POD,
    REFERENCE_GRANT,
    REQUEST_AUTHENTICATION,
    SECURITY_GROUP_POLICY,
    SERVICE,
    SERVICE_ENTRY,
    SIDECAR,
    STATEFULSET,
    TCP_ROUTE,
    TELEMETRY,
    TLS_ROUTE,
    VALIDATING_WEBHOOK,
    VIRTUAL_SERVICE,
    WASM_PLUGIN,
    WEBHOOK,
    WORKLOAD_ENTRY,
    Kind,
)
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Answer, Phase, Probe, Scope, Snapshot, Source

NOW = datetime(2026, 11, 22, 12, 39, tzinfo=UTC)

_KINDS = {
    "Pod": POD,
    "Namespace": NAMESPACE,
    "Node": NODE,
    "ConfigMap": CONFIGMAP,
    "Service": SERVICE,
    "Gateway": GATEWAY,
    "GatewayClass": GATEWAY_CLASS,
    "PeerAuthentication": PEER_AUTHENTICATION,
    **{
        kind.title: kind
        for kind in (
            HTTP_ROUTE,
            GRPC_ROUTE,
            TLS_ROUTE,
            TCP_ROUTE,
            REFERENCE_GRANT,
            ISTIO_GATEWAY,
            VIRTUAL_SERVICE,
            SERVICE_ENTRY,
            INGRESS,
            INGRESS_CLASS,
            ENDPOINT_SLICE,
            NETWORK_POLICY,
            AUTHORIZATION_POLICY,
            AUTOSCALER,
            CILIUM_CLUSTER_POLICY,
            CILIUM_POLICY,
            DAEMONSET,
            DEPLOYMENT,
            DESTINATION_RULE,
            DISRUPTION_BUDGET,
            ENVOY_FILTER,
            EVENT,
            REQUEST_AUTHENTICATION,
            SECURITY_GROUP_POLICY,
            SIDECAR,
            STATEFULSET,
            TELEMETRY,
            VALIDATING_WEBHOOK,
            WASM_PLUGIN,
            WEBHOOK,
            WORKLOAD_ENTRY,
        )
    },
}


def before(seconds: float) -> str:
    """The time so many seconds before NOW, as the API server writes it."""
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def made(kind: str, name: str, namespace: str = "", *, age: float = 3600, **parts: Any) -> Raw:
    """An object so many seconds old; `labels` and `annotations` go into its metadata."""
    metadata = {"name": name, "uid": f"{kind}-{namespace}-{name}", "creationTimestamp": before(age)}
    if namespace:
        metadata["namespace"] = namespace
    extra = {key: parts.pop(key) for key in ("labels", "annotations") if key in parts}
    return {"kind": kind, "metadata": {**metadata, **extra, **parts.pop("metadata", {})}, **parts}


def pod(name: str = "cart", namespace: str = "shop", *, node: str = "node-1", **parts: Any) -> Raw:
    """A pod that runs, ready, on a node."""
    spec = {
        "nodeName": node,
        "serviceAccountName": name,
        "containers": [{"name": "app"}],
        **parts.pop("spec", {}),
    }
    status = {
        "phase": "Running",
        "podIP": "10.0.0.7",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{"name": "app", "ready": True, "state": {"running": {}}}],
        **parts.pop("status", {}),
    }
    return made("Pod", name, namespace, spec=spec, status=status, **parts)


def config_map(**data: str) -> Raw:
    """The CNI agent's ConfigMap."""
    return made("ConfigMap", "istio-cni-config", "istio-system", data=data)


def snapshot(
    *objects: Raw,
    answers: Mapping[Probe, Answer] | None = None,
    sources: Mapping[Scope, Source] | None = None,
) -> Snapshot:
    """A cluster of these objects, all kinds of them live, as far as `sources` say nothing else."""
    kinds: dict[Kind, dict[str, Raw]] = {kind: {} for kind in _KINDS.values()}
    for it in objects:
        kinds[_KINDS[it["kind"]]][raw.key(it)] = it
    live = {Scope(kind): Source(Phase.LIVE, len(found), NOW) for kind, found in kinds.items()}
    return Snapshot(NOW, objects=kinds, sources={**live, **(sources or {})}, answers=answers or {})
