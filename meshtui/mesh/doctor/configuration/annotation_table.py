"""Istio's annotations: where each belongs, and how far it can be relied on.

Facts from `annotation/annotations.yaml` of https://github.com/istio/api at b8f8791d9653 (Apache-2.0, Istio Authors).
"""

from __future__ import annotations

from typing import NamedTuple

ANY = "Any"


class Annotation(NamedTuple):
    """One that Istio knows."""

    kinds: tuple[str, ...]
    """What it belongs on; ANY for everything."""
    status: str = "Alpha"
    deprecated: bool = False


_POD = Annotation(("Pod",))
_OLD_POD = Annotation(("Pod",), deprecated=True)
_GATEWAY = Annotation(("Gateway",))
_WORKLOAD_ENTRY = Annotation(("WorkloadEntry",))
_SERVICE = Annotation(("Service",))
_OLD_SERVICE = Annotation(("Service",), deprecated=True)
_ANY = Annotation((ANY,))

ANNOTATIONS = {
    "alpha.istio.io/canonical-serviceaccounts": _OLD_SERVICE,
    "alpha.istio.io/kubernetes-serviceaccounts": _OLD_SERVICE,
    "ambient.istio.io/bypass-inbound-capture": _POD,
    "ambient.istio.io/dns-capture": _POD,
    "ambient.istio.io/redirection": Annotation(("Pod",), "Beta"),
    "ambient.istio.io/waypoint-inbound-binding": Annotation(("GatewayClass", "Gateway")),
    "galley.istio.io/analyze-suppress": _ANY,
    "gateway.istio.io/controller-version": _ANY,
    "gateway.istio.io/name-override": _GATEWAY,
    "gateway.istio.io/service-account": _GATEWAY,
    "inject.istio.io/templates": _POD,
    "istio.io/autoRegistrationGroup": _WORKLOAD_ENTRY,
    "istio.io/connectedAt": _WORKLOAD_ENTRY,
    "istio.io/disconnectedAt": _WORKLOAD_ENTRY,
    "istio.io/dry-run": Annotation(("AuthorizationPolicy",)),
    "istio.io/reroute-virtual-interfaces": _POD,
    "istio.io/rev": _POD,
    "istio.io/use-waypoint-canary-weight": Annotation(("Service", "ServiceEntry", "Namespace")),
    "istio.io/workloadController": _WORKLOAD_ENTRY,
    "kubernetes.io/ingress.class": Annotation(("Ingress",), "Stable"),
    "networking.istio.io/exportTo": _SERVICE,
    "networking.istio.io/service-type": _GATEWAY,
    "networking.istio.io/traffic-distribution": Annotation(
        ("Namespace", "Service", "ServiceEntry")
    ),
    "prometheus.istio.io/merge-metrics": _POD,
    "proxy.istio.io/config": Annotation(("Pod",), "Beta"),
    "proxy.istio.io/overrides": _POD,
    "readiness.status.sidecar.istio.io/applicationPorts": _POD,
    "readiness.status.sidecar.istio.io/failureThreshold": _POD,
    "readiness.status.sidecar.istio.io/initialDelaySeconds": _POD,
    "readiness.status.sidecar.istio.io/periodSeconds": _POD,
    "sidecar.istio.io/agentLogLevel": _POD,
    "sidecar.istio.io/bootstrapOverride": _POD,
    "sidecar.istio.io/componentLogLevel": _POD,
    "sidecar.istio.io/discoveryAddress": _OLD_POD,
    "sidecar.istio.io/extraStatTags": _OLD_POD,
    "sidecar.istio.io/inject": Annotation(("Pod",), "Beta", deprecated=True),
    "sidecar.istio.io/interceptionMode": _POD,
    "sidecar.istio.io/logLevel": _POD,
    "sidecar.istio.io/nativeSidecar": _POD,
    "sidecar.istio.io/proxyCPU": _POD,
    "sidecar.istio.io/proxyCPULimit": _POD,
    "sidecar.istio.io/proxyImage": _POD,
    "sidecar.istio.io/proxyImageType": _POD,
    "sidecar.istio.io/proxyMemory": _POD,
    "sidecar.istio.io/proxyMemoryLimit": _POD,
    "sidecar.istio.io/rewriteAppHTTPProbers": _POD,
    "sidecar.istio.io/statsCompression": _OLD_POD,
    "sidecar.istio.io/statsEvictionInterval": _POD,
    "sidecar.istio.io/statsFlushInterval": _POD,
    "sidecar.istio.io/statsHistogramBins": _POD,
    "sidecar.istio.io/statsHistogramBuckets": _POD,
    "sidecar.istio.io/statsInclusionPrefixes": _OLD_POD,
    "sidecar.istio.io/statsInclusionRegexps": _OLD_POD,
    "sidecar.istio.io/statsInclusionSuffixes": _OLD_POD,
    "sidecar.istio.io/status": _POD,
    "sidecar.istio.io/userVolume": _POD,
    "sidecar.istio.io/userVolumeMount": _POD,
    "status.sidecar.istio.io/port": _POD,
    "topology.istio.io/controlPlaneClusters": Annotation(("Namespace",)),
    "traffic.istio.io/nodeSelector": Annotation(("Service",), "Stable"),
    "traffic.sidecar.istio.io/excludeInboundPorts": _POD,
    "traffic.sidecar.istio.io/excludeInterfaces": _POD,
    "traffic.sidecar.istio.io/excludeOutboundIPRanges": _POD,
    "traffic.sidecar.istio.io/excludeOutboundPorts": _POD,
    "traffic.sidecar.istio.io/includeInboundPorts": _POD,
    "traffic.sidecar.istio.io/includeOutboundIPRanges": _POD,
    "traffic.sidecar.istio.io/includeOutboundPorts": _POD,
    "traffic.sidecar.istio.io/kubevirtInterfaces": _OLD_POD,
}
"""By name."""
