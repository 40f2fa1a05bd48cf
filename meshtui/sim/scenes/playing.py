"""Playing a step of a scene's past: what people did, as if through the API server."""

from __future__ import annotations

import base64
from datetime import datetime

from meshtui.sim.behaviour import pods
from meshtui.sim.behaviour.cluster import Cluster
from meshtui.sim.defaults import filled
from meshtui.sim.kinds import (
    DEPLOYMENT,
    NAMESPACE,
    NODE,
    POD,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
    kind_of,
)
from meshtui.sim.managers import Writer, written
from meshtui.sim.objects import Raw, labels, name, namespace, seconds, subset
from meshtui.sim.patches import MERGE, patched
from meshtui.sim.scenes.reading import App, ServerCertificate, Step
from meshtui.sim.store import key_of

KUBERNETES = "v1.36.3"


def play(cluster: Cluster, step: Step, today: datetime) -> None:
    """Do what was done then; `today` is when the scene is shown, so that a certificate can have its days left."""
    cluster.agents.fail(step.missed, step.lost)
    for _ in range(step.nodes):
        add_node(cluster, step.architecture)
    for title, own in step.namespaces.items():
        add_namespace(cluster, title, dict(own))
        if title == "istio-system":
            _add_authority(cluster)
    if step.new_authority:
        cluster.replace_authority()
        _add_authority(cluster)
    for obj in step.objects:
        apply(cluster, kind_of(obj), obj)
    for each in step.patches:
        patch(cluster, kind_of(each), each)
    for certificate in step.certificates:
        _add_certificate(cluster, certificate, today)
    for app in step.apps:
        add_app(cluster, app)
    if step.restart:
        cluster.settle()
        for pod in cluster.store.list(POD):
            of_these = not step.restart.nodes or pods.node(pod) in step.restart.nodes
            if of_these and subset(dict(step.restart.labels), labels(pod)):
                cluster.store.delete(POD, *key_of(pod))


def add_api_server(cluster: Cluster) -> None:
    """The Service by which pods reach the API server."""
    metadata = {
        "name": "kubernetes",
        "namespace": "default",
        "labels": {"component": "apiserver", "provider": "kubernetes"},
    }
    port = {"name": "https", "port": 443, "targetPort": 6443}
    spec = {"clusterIP": "10.96.0.1", "ports": [port]}
    apply(cluster, SERVICE, {"metadata": metadata, "spec": spec})


def apply(cluster: Cluster, kind: Kind, obj: Raw) -> None:
    """Create an object with its defaults, or replace what it says, as `kubectl apply` would."""
    store, stamp = cluster.store, seconds(cluster.clock())
    writer = Writer("kubectl-client-side-apply", "Update", kind.api_version)
    found = store.get(kind, namespace(obj), name(obj))
    if found is None:
        metadata = {**obj["metadata"], "uid": cluster.names.uid()}
        spec = obj.get("spec")
        if kind == SERVICE and isinstance(spec, dict) and "clusterIP" not in spec:
            obj = {**obj, "spec": {**spec, "clusterIP": cluster.names.cluster_ip()}}
        made = filled(store, kind, {**obj, "metadata": metadata})
        store.create(kind, written(None, made, writer, stamp))
        return
    metadata = {**found["metadata"], **obj["metadata"]}
    merged = filled(store, kind, {**obj, "metadata": metadata})
    if kind == SERVICE:
        merged["spec"] = {**found["spec"], **obj["spec"]}
    store.update(kind, written(found, merged, writer, stamp))


def patch(cluster: Cluster, kind: Kind, changed: Raw) -> None:
    """Change some fields of an object that is there, as `kubectl patch` would."""
    store, stamp = cluster.store, seconds(cluster.clock())
    found = store.need(kind, namespace(changed), name(changed))
    writer = Writer("kubectl-patch", "Update", kind.api_version)
    made = patched(kind, MERGE, found, changed)
    store.update(kind, written(found, made, writer, stamp))


def add_namespace(cluster: Cluster, title: str, own: Raw) -> None:
    obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": title, "labels": own}}
    apply(cluster, NAMESPACE, obj)


def add_app(cluster: Cluster, app: App) -> None:
    """A service account, a Deployment and a Service."""
    metadata = {"name": app.name, "namespace": app.namespace}
    own = {"app": app.name, **app.labels}
    labelled = {**metadata, "labels": {"app": app.name}}
    apply(cluster, SERVICE_ACCOUNT, {"metadata": metadata})
    container = {
        "name": "app",
        "image": f"registry.example/{app.name}:1",
        "ports": [{"containerPort": app.port}],
    }
    spec = {"serviceAccountName": app.name, "serviceAccount": app.name, "containers": [container]}
    deployment = {
        "metadata": labelled,
        "spec": {
            "replicas": app.replicas,
            "selector": {"matchLabels": {"app": app.name}},
            "template": {"metadata": {"labels": own}, "spec": spec},
        },
    }
    apply(cluster, DEPLOYMENT, deployment)
    port = {"name": app.protocol, "port": app.service, "targetPort": app.port}
    service = {"metadata": labelled, "spec": {"selector": {"app": app.name}, "ports": [port]}}
    apply(cluster, SERVICE, service)


def add_node(cluster: Cluster, architecture: str = "amd64") -> None:
    """The next node, in one of three zones."""
    number = len(cluster.store.list(NODE))
    title, stamp = f"node-{number}", seconds(cluster.clock())
    conditions = [
        _node_condition("MemoryPressure", "False", "KubeletHasSufficientMemory", stamp),
        _node_condition("DiskPressure", "False", "KubeletHasNoDiskPressure", stamp),
        _node_condition("PIDPressure", "False", "KubeletHasSufficientPID", stamp),
        _node_condition("Ready", "True", "KubeletReady", stamp),
    ]
    size = {"cpu": "16", "memory": "64Gi", "pods": "250"}
    node = {
        "metadata": {
            "name": title,
            "labels": {
                "kubernetes.io/arch": architecture,
                "kubernetes.io/hostname": title,
                "kubernetes.io/os": "linux",
                "topology.kubernetes.io/region": "eu",
                "topology.kubernetes.io/zone": f"zone-{number % 3}",
            },
        },
        "spec": {},
        "status": {
            "capacity": size,
            "allocatable": size,
            "conditions": conditions,
            "addresses": [
                {"type": "InternalIP", "address": f"172.20.{number // 250}.{number % 250 + 2}"},
                {"type": "Hostname", "address": title},
            ],
            "nodeInfo": {
                "architecture": architecture,
                "operatingSystem": "linux",
                "osImage": "Built-in cluster",
                "kernelVersion": "6.12.0",
                "containerRuntimeVersion": "containerd://2.2.0",
                "kubeletVersion": KUBERNETES,
                "kubeProxyVersion": "",
                "machineID": "",
                "systemUUID": "",
                "bootID": "",
            },
        },
    }
    apply(cluster, NODE, node)


def _node_condition(kind: str, status: str, reason: str, stamp: str) -> Raw:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": "kubelet is posting ready status" if kind == "Ready" else "",
        "lastHeartbeatTime": stamp,
        "lastTransitionTime": stamp,
    }


def _add_authority(cluster: Cluster) -> None:
    """The Secret by which istiod has a CA of the company's own; its key is nobody's business."""
    authority = cluster.authority
    data = {
        "ca-cert.pem": authority.intermediate.pem,
        "ca-key.pem": "",
        "cert-chain.pem": authority.chain,
        "root-cert.pem": authority.root.pem,
    }
    metadata = {"name": "cacerts", "namespace": "istio-system"}
    apply(cluster, SECRET, {"metadata": metadata, "type": "Opaque", "data": _encoded(data)})


def _add_certificate(cluster: Cluster, wanted: ServerCertificate, today: datetime) -> None:
    since = today + wanted.left - wanted.life
    pem = cluster.authority.server(wanted.hosts, since, wanted.life)
    space, title = wanted.secret
    secret = {
        "metadata": {"name": title, "namespace": space},
        "type": "kubernetes.io/tls",
        "data": _encoded({"tls.crt": pem, "tls.key": ""}),
    }
    apply(cluster, SECRET, secret)


def _encoded(data: dict[str, str]) -> dict[str, str]:
    return {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
