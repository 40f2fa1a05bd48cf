"""What istiod makes to run a Gateway: a ServiceAccount, a Service and a Deployment.

Their forms are the recorded ones (tests/data/recordings/shop); what no one shows of them is left out.
"""

from __future__ import annotations

from collections.abc import Iterable

from meshtui.sim.behaviour.classes import Class, title
from meshtui.sim.behaviour.pods import containers
from meshtui.sim.behaviour.world import World
from meshtui.sim.kinds import DEPLOYMENT
from meshtui.sim.objects import (
    Raw,
    labels,
    mapping,
    name,
    namespace,
    owner_reference,
    text,
)


def service_account(gateway: Raw, of_class: Class) -> Raw:
    return {"metadata": _metadata(gateway, of_class)}


def service(gateway: Raw, of_class: Class, listeners: Iterable[Raw]) -> Raw:
    """`listeners`: its own, and those that ListenerSets add to it."""
    metadata = _metadata(gateway, of_class)
    if of_class.only_tunnels:
        metadata["annotations"] = {"networking.istio.io/traffic-distribution": "PreferClose"}
    ports = {15021: _port("status-port", 15021, "tcp")}
    for each in listeners:
        if isinstance(number := each.get("port"), int):
            made = _port(text(each, "name"), number, text(each, "protocol").lower())
            ports.setdefault(number, made)
    return {
        "metadata": metadata,
        "spec": {
            "type": of_class.service,
            "ports": list(ports.values()),
            "selector": {"gateway.networking.k8s.io/gateway-name": name(gateway)},
            "sessionAffinity": "None",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "PreferDualStack",
            "internalTrafficPolicy": "Cluster",
        },
        "status": {"loadBalancer": {}},
    }


def deployment(gateway: Raw, of_class: Class, image: str) -> Raw:
    metadata = _metadata(gateway, of_class)
    if not of_class.suffixed:
        metadata["labels"].pop("istio.io/dataplane-mode", None)
    of_pods = {
        **metadata["labels"],
        "istio.io/dataplane-mode": "none",
        "service.istio.io/canonical-name": title(gateway, of_class),
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
                "spec": _pod_spec(of_class, title(gateway, of_class), image),
            },
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
            },
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
        },
    }


def _metadata(gateway: Raw, of_class: Class) -> Raw:
    own = {
        **labels(gateway),
        "gateway.istio.io/managed": of_class.controller.replace("/", "-"),
        "gateway.networking.k8s.io/gateway-class-name": text(gateway, "spec", "gatewayClassName"),
        "gateway.networking.k8s.io/gateway-name": name(gateway),
    }
    if of_class.suffixed:
        own["istio.io/dataplane-mode"] = "none"
    return {
        "name": title(gateway, of_class),
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
