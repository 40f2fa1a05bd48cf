"""The kinds that the built-in cluster knows, as data.

Names, versions and scopes are those that Kubernetes 1.36, Gateway API 1.6 and Istio 1.31 register; a custom kind is
served while its CustomResourceDefinition is in the store, a built-in one always.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class Kind(Struct, frozen=True):
    """A kind by group and plural; whatever else is said of it does not count when two are compared."""

    group: str
    plural: str
    name: str
    """What `kind` says in an object of it, such as "Pod"."""
    versions: tuple[str, ...] = ("v1",)
    """The versions served; the first is the preferred one and the one that objects are kept at."""
    short: tuple[str, ...] = ()
    namespaced: bool = True
    status: bool = False
    """Whether `status` is a subresource: then an update of the object leaves it alone, and the other way round."""
    scale: bool = False
    custom: bool = False
    generations: bool = False
    """Whether `metadata.generation` counts the changes of what is wanted."""
    categories: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Kind) and (self.group, self.plural) == (other.group, other.plural)

    def __hash__(self) -> int:
        return hash((self.group, self.plural))

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def singular(self) -> str:
        return self.name.lower()

    @property
    def api_version(self) -> str:
        """The `apiVersion` of an object as it is kept."""
        return group_version(self.group, self.versions[0])


def group_version(group: str, version: str) -> str:
    return f"{group}/{version}" if group else version


def _core(plural: str, name: str, *short: str, **rest: Any) -> Kind:
    return Kind("", plural, name, short=short, **rest)


def _cluster(group: str, plural: str, name: str, *short: str, **rest: Any) -> Kind:
    return Kind(group, plural, name, short=short, namespaced=False, **rest)


def _workload(plural: str, name: str, *short: str, **rest: Any) -> Kind:
    return Kind(
        "apps",
        plural,
        name,
        short=short,
        status=True,
        generations=True,
        categories=("all",),
        **rest,
    )


def _gateway_api(plural: str, name: str, *short: str, **rest: Any) -> Kind:
    return Kind(
        "gateway.networking.k8s.io",
        plural,
        name,
        rest.pop("versions", ("v1",)),
        short,
        status=rest.pop("status", True),
        custom=True,
        generations=True,
        categories=("gateway-api",),
        **rest,
    )


def _istio(group: str, plural: str, name: str, *short: str, versions: tuple[str, ...]) -> Kind:
    return Kind(
        f"{group}.istio.io",
        plural,
        name,
        versions,
        short,
        status=True,
        custom=True,
        generations=True,
        categories=("istio-io", f"{group}-istio-io"),
    )


CONFIGMAP = _core("configmaps", "ConfigMap", "cm")
ENDPOINTS = _core("endpoints", "Endpoints", "ep")
EVENT = _core("events", "Event", "ev")
LIMIT_RANGE = _core("limitranges", "LimitRange", "limits")
NAMESPACE = _core("namespaces", "Namespace", "ns", namespaced=False, status=True)
NODE = _core("nodes", "Node", "no", namespaced=False, status=True)
PERSISTENT_VOLUME = _core(
    "persistentvolumes", "PersistentVolume", "pv", namespaced=False, status=True
)
PERSISTENT_VOLUME_CLAIM = _core(
    "persistentvolumeclaims", "PersistentVolumeClaim", "pvc", status=True
)
POD = _core("pods", "Pod", "po", status=True, generations=True, categories=("all",))
RESOURCE_QUOTA = _core("resourcequotas", "ResourceQuota", "quota", status=True)
SECRET = _core("secrets", "Secret")
SERVICE = _core("services", "Service", "svc", status=True, categories=("all",))
SERVICE_ACCOUNT = _core("serviceaccounts", "ServiceAccount", "sa")

CONTROLLER_REVISION = Kind("apps", "controllerrevisions", "ControllerRevision")
DAEMONSET = _workload("daemonsets", "DaemonSet", "ds")
DEPLOYMENT = _workload("deployments", "Deployment", "deploy", scale=True)
REPLICASET = _workload("replicasets", "ReplicaSet", "rs", scale=True)
STATEFULSET = _workload("statefulsets", "StatefulSet", "sts", scale=True)

JOB = Kind("batch", "jobs", "Job", status=True, generations=True, categories=("all",))
CRONJOB = Kind(
    "batch",
    "cronjobs",
    "CronJob",
    short=("cj",),
    status=True,
    generations=True,
    categories=("all",),
)
HORIZONTAL_POD_AUTOSCALER = Kind(
    "autoscaling",
    "horizontalpodautoscalers",
    "HorizontalPodAutoscaler",
    ("v2", "v1"),
    ("hpa",),
    status=True,
    categories=("all",),
)
POD_DISRUPTION_BUDGET = Kind(
    "policy",
    "poddisruptionbudgets",
    "PodDisruptionBudget",
    short=("pdb",),
    status=True,
    generations=True,
)
ENDPOINT_SLICE = Kind("discovery.k8s.io", "endpointslices", "EndpointSlice", generations=True)
LEASE = Kind("coordination.k8s.io", "leases", "Lease")
NETWORK_POLICY = Kind(
    "networking.k8s.io", "networkpolicies", "NetworkPolicy", short=("netpol",), generations=True
)
INGRESS = Kind(
    "networking.k8s.io", "ingresses", "Ingress", short=("ing",), status=True, generations=True
)
INGRESS_CLASS = _cluster("networking.k8s.io", "ingressclasses", "IngressClass", generations=True)
STORAGE_CLASS = _cluster("storage.k8s.io", "storageclasses", "StorageClass", "sc")
PRIORITY_CLASS = _cluster(
    "scheduling.k8s.io", "priorityclasses", "PriorityClass", "pc", generations=True
)
ROLE = Kind("rbac.authorization.k8s.io", "roles", "Role")
ROLE_BINDING = Kind("rbac.authorization.k8s.io", "rolebindings", "RoleBinding")
CLUSTER_ROLE = _cluster("rbac.authorization.k8s.io", "clusterroles", "ClusterRole")
CLUSTER_ROLE_BINDING = _cluster(
    "rbac.authorization.k8s.io", "clusterrolebindings", "ClusterRoleBinding"
)
MUTATING_WEBHOOK = _cluster(
    "admissionregistration.k8s.io",
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
    generations=True,
    categories=("api-extensions",),
)
VALIDATING_WEBHOOK = _cluster(
    "admissionregistration.k8s.io",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    generations=True,
    categories=("api-extensions",),
)
CRD = _cluster(
    "apiextensions.k8s.io",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    "crd",
    "crds",
    status=True,
    generations=True,
    categories=("api-extensions",),
)

_BETA_TOO = ("v1", "v1beta1")
GATEWAY_CLASS = _gateway_api(
    "gatewayclasses", "GatewayClass", "gc", versions=_BETA_TOO, namespaced=False
)
GATEWAY = _gateway_api("gateways", "Gateway", "gtw", versions=_BETA_TOO)
HTTP_ROUTE = _gateway_api("httproutes", "HTTPRoute", versions=_BETA_TOO)
GRPC_ROUTE = _gateway_api("grpcroutes", "GRPCRoute")
TCP_ROUTE = _gateway_api("tcproutes", "TCPRoute")
TLS_ROUTE = _gateway_api("tlsroutes", "TLSRoute")
UDP_ROUTE = _gateway_api("udproutes", "UDPRoute")
REFERENCE_GRANT = _gateway_api(
    "referencegrants", "ReferenceGrant", "refgrant", versions=_BETA_TOO, status=False
)
BACKEND_TLS_POLICY = _gateway_api(
    "backendtlspolicies", "BackendTLSPolicy", "btlspolicy", versions=("v1",)
)
LISTENER_SET = _gateway_api("listenersets", "ListenerSet", "lset")

AUTHORIZATION_POLICY = _istio(
    "security", "authorizationpolicies", "AuthorizationPolicy", "ap", versions=_BETA_TOO
)
PEER_AUTHENTICATION = _istio(
    "security", "peerauthentications", "PeerAuthentication", "pa", versions=_BETA_TOO
)
REQUEST_AUTHENTICATION = _istio(
    "security", "requestauthentications", "RequestAuthentication", "ra", versions=_BETA_TOO
)
_NETWORKING = ("v1", "v1beta1", "v1alpha3")
DESTINATION_RULE = _istio(
    "networking", "destinationrules", "DestinationRule", "dr", versions=_NETWORKING
)
ENVOY_FILTER = _istio("networking", "envoyfilters", "EnvoyFilter", versions=("v1alpha3",))
ISTIO_GATEWAY = _istio("networking", "gateways", "Gateway", "gw", versions=_NETWORKING)
PROXY_CONFIG = _istio("networking", "proxyconfigs", "ProxyConfig", versions=("v1beta1",))
SERVICE_ENTRY = _istio("networking", "serviceentries", "ServiceEntry", "se", versions=_NETWORKING)
SIDECAR = _istio("networking", "sidecars", "Sidecar", versions=_NETWORKING)
VIRTUAL_SERVICE = _istio(
    "networking", "virtualservices", "VirtualService", "vs", versions=_NETWORKING
)
WORKLOAD_ENTRY = _istio(
    "networking", "workloadentries", "WorkloadEntry", "we", versions=_NETWORKING
)
WORKLOAD_GROUP = _istio("networking", "workloadgroups", "WorkloadGroup", "wg", versions=_NETWORKING)
TELEMETRY = _istio(
    "telemetry", "telemetries", "Telemetry", "telemetry", versions=("v1", "v1alpha1")
)
WASM_PLUGIN = _istio("extensions", "wasmplugins", "WasmPlugin", versions=("v1alpha1",))

KINDS: tuple[Kind, ...] = tuple(
    sorted(
        (value for value in list(globals().values()) if isinstance(value, Kind)),
        key=lambda kind: (kind.custom, kind.group, kind.plural),
    )
)
"""Every kind above: the built-in ones, then the custom ones."""

BUILT_IN: tuple[Kind, ...] = tuple(kind for kind in KINDS if not kind.custom)

_BY_NAME: Mapping[tuple[str, str], Kind] = {(kind.group, kind.name): kind for kind in KINDS}


def kind_of(obj: Mapping[str, Any], known: Mapping[tuple[str, str], Kind] = _BY_NAME) -> Kind:
    """The kind that `apiVersion` and `kind` of an object name; LookupError where it is none of the known ones."""
    group = str(obj.get("apiVersion", "")).rpartition("/")[0]
    return known[group, str(obj.get("kind"))]
