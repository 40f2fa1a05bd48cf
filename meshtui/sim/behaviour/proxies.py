"""What istiod makes to run a Gateway: a ServiceAccount, a Service and a Deployment.

Their forms are the recorded ones (tests/data/recordings/shop); what no one shows of them is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshtui.sim.behaviour.pods import containers
from meshtui.sim.behaviour.world import World
from meshtui.sim.kinds import DEPLOYMENT
from meshtui.sim.objects import (
    Raw,
    labels,
    mapping,
    mappings,
    name,
    namespace,
    owner_reference,
    text,
)


@dataclass(frozen=True, slots=True)
class Class:
    """What differs from one GatewayClass of Istio to another."""

    controller: str
    description: str
    suffix: str = ""
    """What stands behind the Gateway's name in the names of its objects."""
    service: str = ""
    """The type of its Service; empty where nothing is made."""
    mode: str = ""
    """What the proxy is started as."""


CLASSES = {
    "istio": Class(
        "istio.io/gateway-controller",
        "The default Istio GatewayClass",
        "-istio",
        "LoadBalancer",
        "router",
    ),
    "istio-remote": Class(
        "istio.io/unmanaged-gateway",
        "Remote to this cluster. Does not deploy or affect configuration.",
    ),
    "istio-waypoint": Class(
        "istio.io/mesh-controller",
        "The default Istio waypoint GatewayClass",
        service="ClusterIP",
        mode="waypoint",
    ),
}

MODES = {each.controller.replace("/", "-"): each.mode for each in CLASSES.values() if each.mode}
"""By the value of the label gateway.istio.io/managed: what a proxy is started as, and what istiod calls it."""


def class_of(gateway: Raw) -> Class | None:
    """Its class, if istiod runs Gateways of it."""
    found = CLASSES.get(text(gateway, "spec", "gatewayClassName"))
    return found if found and found.service else None


def title(gateway: Raw) -> str:
    """The name of the objects that are made for it."""
    of_class = class_of(gateway)
    return name(gateway) + (of_class.suffix if of_class else "")


def service_account(gateway: Raw) -> Raw:
    return {"metadata": _metadata(gateway)}


def service(gateway: Raw) -> Raw:
    of_class = class_of(gateway)
    assert of_class is not None
    metadata = _metadata(gateway)
    if of_class.mode == "waypoint":
        metadata["annotations"] = {"networking.istio.io/traffic-distribution": "PreferClose"}
    listeners = mappings(gateway, "spec", "listeners")
    ports = [_port("status-port", 15021, "tcp")]
    ports += [
        _port(text(each, "name"), each.get("port"), text(each, "protocol").lower())
        for each in listeners
        if isinstance(each.get("port"), int)
    ]
    return {
        "metadata": metadata,
        "spec": {
            "type": of_class.service,
            "ports": ports,
            "selector": {"gateway.networking.k8s.io/gateway-name": name(gateway)},
            "sessionAffinity": "None",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "PreferDualStack",
            "internalTrafficPolicy": "Cluster",
        },
        "status": {"loadBalancer": {}},
    }


def deployment(gateway: Raw, image: str) -> Raw:
    of_class = class_of(gateway)
    assert of_class is not None
    metadata = _metadata(gateway)
    if not of_class.suffix:
        metadata["labels"].pop("istio.io/dataplane-mode", None)
    of_pods = {
        **metadata["labels"],
        "istio.io/dataplane-mode": "none",
        "service.istio.io/canonical-name": title(gateway),
        "service.istio.io/canonical-revision": "latest",
        "sidecar.istio.io/inject": "false",
    }
    notes = {
        "istio.io/rev": "default",
        "prometheus.io/path": "/stats/prometheus",
        "prometheus.io/port": "15020",
        "prometheus.io/scrape": "true",
    }
    return {
        "metadata": metadata,
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"gateway.networking.k8s.io/gateway-name": name(gateway)}},
            "template": {
                "metadata": {"labels": of_pods, "annotations": notes},
                "spec": _pod_spec(of_class, title(gateway), image),
            },
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
            },
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
        },
    }


def _metadata(gateway: Raw) -> Raw:
    of_class = class_of(gateway)
    assert of_class is not None
    own = {
        **labels(gateway),
        "gateway.istio.io/managed": of_class.controller.replace("/", "-"),
        "gateway.networking.k8s.io/gateway-class-name": text(gateway, "spec", "gatewayClassName"),
        "gateway.networking.k8s.io/gateway-name": name(gateway),
    }
    if of_class.suffix:
        own["istio.io/dataplane-mode"] = "none"
    return {
        "name": title(gateway),
        "namespace": namespace(gateway),
        "labels": own,
        "ownerReferences": [owner_reference(gateway, controls=False)],
    }


def _port(title_: str, number: object, protocol: str) -> Raw:
    return {
        "name": title_,
        "protocol": "TCP",
        "appProtocol": protocol,
        "port": number,
        "targetPort": number,
    }


def _pod_spec(of_class: Class, account: str, image: str) -> Raw:
    ports = (("metrics", 15020), ("status-port", 15021), ("http-envoy-prom", 15090))
    probe = {"httpGet": {"path": "/healthz/ready", "port": 15021, "scheme": "HTTP"}}
    container = {
        "name": "istio-proxy",
        "image": image,
        "args": ["proxy", of_class.mode, "--domain", "$(POD_NAMESPACE).svc.cluster.local"],
        "ports": [
            {"name": each, "containerPort": number, "protocol": "TCP"} for each, number in ports
        ],
        "resources": {
            "limits": {"cpu": "2", "memory": "1Gi"},
            "requests": {"cpu": "100m", "memory": "128Mi"},
        },
        "readinessProbe": {**probe, "timeoutSeconds": 1, "periodSeconds": 15},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }
    return {
        "containers": [container],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": account,
        "serviceAccount": account,
        "securityContext": {},
        "schedulerName": "default-scheduler",
    }


def proxy_image(world: World) -> str:
    """The image of a proxy of the version that istiod has."""
    for deployment in world.store.list(DEPLOYMENT, world.root):
        if is_istiod(deployment):
            for container in containers(mapping(deployment, "spec", "template", "spec")):
                return text(container, "image").replace("/pilot:", "/proxyv2:")
    return "registry.istio.io/release/proxyv2"


def is_istiod(obj: Raw) -> bool:
    """Whether a Deployment or a pod is istiod's."""
    return labels(obj).get("app") == "istiod"
