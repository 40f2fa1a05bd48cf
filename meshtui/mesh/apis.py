"""The APIs of the mesh that a cluster serves: which kinds of Istio and of the Gateway API, in which version."""

from __future__ import annotations

from msgspec import Struct

from meshtui.mesh import versions
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    CRD,
    DESTINATION_RULE,
    ENVOY_FILTER,
    GATEWAY,
    GATEWAY_API,
    GATEWAY_CLASS,
    GRPC_ROUTE,
    HTTP_ROUTE,
    ISTIO_GATEWAY,
    PEER_AUTHENTICATION,
    REFERENCE_GRANT,
    REQUEST_AUTHENTICATION,
    SERVICE_ENTRY,
    SIDECAR,
    TCP_ROUTE,
    TELEMETRY,
    TLS_ROUTE,
    VIRTUAL_SERVICE,
    WASM_PLUGIN,
    WORKLOAD_ENTRY,
    Kind,
)
from meshtui.mesh.raw import annotation
from meshtui.mesh.snapshot import Phase, Scope, Snapshot

_X_GATEWAY_API = "gateway.networking.x-k8s.io"

API_KINDS = (
    GATEWAY_CLASS,
    GATEWAY,
    HTTP_ROUTE,
    GRPC_ROUTE,
    TLS_ROUTE,
    TCP_ROUTE,
    REFERENCE_GRANT,
    Kind(GATEWAY_API, "backendtlspolicies", "BackendTLSPolicy", ("v1", "v1alpha3")),
    Kind(GATEWAY_API, "listenersets", "ListenerSet", ("v1",)),
    Kind(_X_GATEWAY_API, "xlistenersets", "XListenerSet", ("v1alpha1",)),
    Kind(_X_GATEWAY_API, "xbackendtrafficpolicies", "XBackendTrafficPolicy", ("v1alpha1",)),
    AUTHORIZATION_POLICY,
    PEER_AUTHENTICATION,
    REQUEST_AUTHENTICATION,
    SERVICE_ENTRY,
    WORKLOAD_ENTRY,
    VIRTUAL_SERVICE,
    DESTINATION_RULE,
    ISTIO_GATEWAY,
    SIDECAR,
    ENVOY_FILTER,
    TELEMETRY,
    WASM_PLUGIN,
)
"""With the versions that bundles v1.2 to v1.6 and Istio 1.24 to 1.31 serve, best first (reference istio-ambient.md, 8.2
and 8.5)."""

_CLASSES = f"{GATEWAY_CLASS}"
BUNDLE = Scope(CRD, None, fields=f"metadata.name={_CLASSES}")
"""One CRD of the Gateway API, the smallest: all of a bundle say which bundle they are of."""


class Api(Struct, frozen=True):
    """One kind, as this cluster has it."""

    kind: Kind
    version: str
    """The version that the server prefers; "" where the kind is not installed, or that is not known."""
    verdict: Verdict


def of(snapshot: Snapshot) -> tuple[Api, ...]:
    """Every kind of the mesh, installed or not."""
    return tuple(_api(snapshot, kind) for kind in API_KINDS)


def bundle(snapshot: Snapshot) -> tuple[str, str]:
    """Version and channel of the Gateway API's CRDs, such as ("v1.4.1", "standard"); empty where they do not tell."""
    crd = snapshot.find(CRD, "", _CLASSES)
    if crd is None:
        return "", ""
    return (
        annotation(crd, "gateway.networking.k8s.io/bundle-version"),
        annotation(crd, "gateway.networking.k8s.io/channel"),
    )


def gateway_api(snapshot: Snapshot) -> Verdict:
    """Whether the Gateway API is there, and of a bundle that Istio is built against."""
    if snapshot.server.kinds and GATEWAY not in snapshot.server.kinds:
        return Verdict(Health.NONE, "not installed: no waypoints and no gateways without it")
    version, _ = bundle(snapshot)
    source = snapshot.sources.get(BUNDLE) or snapshot.covering(CRD)
    if not version and source.problem is not None:
        return Verdict(Health.UNKNOWN, source.problem.text)
    return versions.gateway_api(version)


def _api(snapshot: Snapshot, kind: Kind) -> Api:
    if not snapshot.server.kinds:
        return Api(kind, "", Verdict(Health.UNKNOWN, "what the server has is not known"))
    version = snapshot.server.kinds.get(kind, "")
    if not version:
        return Api(kind, "", Verdict(Health.NONE, "not installed"))
    unreadable = [
        source.problem
        for scope, source in snapshot.sources.items()
        if scope.kind == kind and source.phase is Phase.UNREADABLE
    ]
    if unreadable and unreadable[0] is not None:
        return Api(kind, version, Verdict(Health.WARN, unreadable[0].text))
    if version not in kind.versions:
        reads = ", ".join(kind.versions)
        said = f"the server prefers {version}; this program knows {reads}"
        return Api(kind, version, Verdict(Health.UNKNOWN, said))
    return Api(kind, version, Verdict(Health.OK, f"installed, {version}"))
