"""Kind: what the API server serves, and the kinds that several modules share."""

from __future__ import annotations

from msgspec import Struct


class Kind(Struct, frozen=True):
    """A kind by group and plural. Discovery picks the version, among those that our readers understand."""

    group: str
    plural: str
    title: str
    """What a person calls one of them, such as "HTTPRoute"."""
    versions: tuple[str, ...] = ("v1",)
    """The versions that our readers understand, best first."""
    namespaced: bool = True
    foreign: bool = False
    """Of a project that a mesh does without: nothing is missing where it is not installed."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Kind) and (self.group, self.plural) == (other.group, other.plural)

    def __hash__(self) -> int:
        return hash((self.group, self.plural))

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


NAMESPACE = Kind("", "namespaces", "Namespace", namespaced=False)
NODE = Kind("", "nodes", "Node", namespaced=False)
POD = Kind("", "pods", "Pod")
SERVICE = Kind("", "services", "Service")
SECRET = Kind("", "secrets", "Secret")
CONFIGMAP = Kind("", "configmaps", "ConfigMap")
EVENT = Kind("", "events", "Event")
ENDPOINT_SLICE = Kind("discovery.k8s.io", "endpointslices", "EndpointSlice")
NETWORK_POLICY = Kind("networking.k8s.io", "networkpolicies", "NetworkPolicy")
INGRESS = Kind("networking.k8s.io", "ingresses", "Ingress")
INGRESS_CLASS = Kind("networking.k8s.io", "ingressclasses", "IngressClass", namespaced=False)
DEPLOYMENT = Kind("apps", "deployments", "Deployment")
DAEMONSET = Kind("apps", "daemonsets", "DaemonSet")
STATEFULSET = Kind("apps", "statefulsets", "StatefulSet")
AUTOSCALER = Kind(
    "autoscaling", "horizontalpodautoscalers", "HorizontalPodAutoscaler", ("v2", "v1")
)
DISRUPTION_BUDGET = Kind("policy", "poddisruptionbudgets", "PodDisruptionBudget")
CILIUM_POLICY = Kind(
    "cilium.io", "ciliumnetworkpolicies", "CiliumNetworkPolicy", ("v2",), foreign=True
)
CILIUM_CLUSTER_POLICY = Kind(
    "cilium.io",
    "ciliumclusterwidenetworkpolicies",
    "CiliumClusterwideNetworkPolicy",
    ("v2",),
    namespaced=False,
    foreign=True,
)
SECURITY_GROUP_POLICY = Kind(
    "vpcresources.k8s.aws",
    "securitygrouppolicies",
    "SecurityGroupPolicy",
    ("v1beta1",),
    foreign=True,
)
WEBHOOK = Kind(
    "admissionregistration.k8s.io",
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
    namespaced=False,
)
VALIDATING_WEBHOOK = Kind(
    "admissionregistration.k8s.io",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
)
CRD = Kind(
    "apiextensions.k8s.io",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    namespaced=False,
)

GATEWAY_API = "gateway.networking.k8s.io"
GATEWAY = Kind(GATEWAY_API, "gateways", "Gateway", ("v1", "v1beta1"))
GATEWAY_CLASS = Kind(
    GATEWAY_API, "gatewayclasses", "GatewayClass", ("v1", "v1beta1"), namespaced=False
)
HTTP_ROUTE = Kind(GATEWAY_API, "httproutes", "HTTPRoute", ("v1", "v1beta1"))
GRPC_ROUTE = Kind(GATEWAY_API, "grpcroutes", "GRPCRoute")
TLS_ROUTE = Kind(GATEWAY_API, "tlsroutes", "TLSRoute", ("v1", "v1alpha3", "v1alpha2"))
TCP_ROUTE = Kind(GATEWAY_API, "tcproutes", "TCPRoute", ("v1", "v1alpha2"))
REFERENCE_GRANT = Kind(GATEWAY_API, "referencegrants", "ReferenceGrant", ("v1", "v1beta1"))

ISTIO_NETWORKING = ("v1", "v1beta1", "v1alpha3")
ISTIO_GATEWAY = Kind("networking.istio.io", "gateways", "Istio Gateway", ISTIO_NETWORKING)
VIRTUAL_SERVICE = Kind("networking.istio.io", "virtualservices", "VirtualService", ISTIO_NETWORKING)
SERVICE_ENTRY = Kind("networking.istio.io", "serviceentries", "ServiceEntry", ISTIO_NETWORKING)
WORKLOAD_ENTRY = Kind("networking.istio.io", "workloadentries", "WorkloadEntry", ISTIO_NETWORKING)
DESTINATION_RULE = Kind(
    "networking.istio.io", "destinationrules", "DestinationRule", ISTIO_NETWORKING
)
SIDECAR = Kind("networking.istio.io", "sidecars", "Sidecar", ISTIO_NETWORKING)
ENVOY_FILTER = Kind("networking.istio.io", "envoyfilters", "EnvoyFilter", ("v1alpha3",))
PROXY_CONFIG = Kind("networking.istio.io", "proxyconfigs", "ProxyConfig", ("v1beta1",))
TELEMETRY = Kind("telemetry.istio.io", "telemetries", "Telemetry", ("v1", "v1alpha1"))
WASM_PLUGIN = Kind("extensions.istio.io", "wasmplugins", "WasmPlugin", ("v1alpha1",))

PEER_AUTHENTICATION = Kind(
    "security.istio.io", "peerauthentications", "PeerAuthentication", ("v1", "v1beta1")
)
AUTHORIZATION_POLICY = Kind(
    "security.istio.io", "authorizationpolicies", "AuthorizationPolicy", ("v1", "v1beta1")
)
REQUEST_AUTHENTICATION = Kind(
    "security.istio.io", "requestauthentications", "RequestAuthentication", ("v1", "v1beta1")
)
