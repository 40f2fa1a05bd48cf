"""The sidecar injector: what its webhook makes of a new pod in a namespace that asks for sidecars."""

from __future__ import annotations

import json

from meshtui.sim.behaviour.pods import host_network
from meshtui.sim.behaviour.proxies import proxy_image
from meshtui.sim.behaviour.world import World
from meshtui.sim.objects import Raw, annotation, labels, mapping, name, namespace, text

_EXCLUDED = ("kube-system", "kube-public", "kube-node-lease", "local-path-storage")


def injected(pod: Raw, world: World) -> Raw:
    """The pod, with a sidecar where the labels of its namespace and its own ask for one."""
    revision = _revision(labels(pod), world.namespace_labels(namespace(pod)))
    if not revision or host_network(pod) or namespace(pod) in _EXCLUDED:
        return pod
    if annotation(pod, "sidecar.istio.io/inject") == "false":
        return pod
    app = labels(pod).get("app") or text(pod, "metadata", "generateName").rstrip("-") or name(pod)
    metadata = {
        **pod["metadata"],
        "labels": labels(pod)
        | {
            "istio.io/rev": revision,
            "security.istio.io/tlsMode": "istio",
            "service.istio.io/canonical-name": app,
            "service.istio.io/canonical-revision": labels(pod).get("version", "latest"),
        },
        "annotations": mapping(pod, "metadata", "annotations")
        | {
            "istio.io/rev": revision,
            "sidecar.istio.io/status": json.dumps(
                {"initContainers": ["istio-init", "istio-proxy"], "revision": revision}
            ),
        },
    }
    spec = mapping(pod, "spec")
    proxy = {"image": proxy_image(world), "imagePullPolicy": "IfNotPresent"}
    first = [
        {"name": "istio-init", "args": ["istio-iptables"], **proxy},
        {
            "name": "istio-proxy",
            "args": ["proxy", "sidecar"],
            "ports": [{"name": "http-envoy-prom", "containerPort": 15090, "protocol": "TCP"}],
            "restartPolicy": "Always",
            **proxy,
        },
    ]
    return {
        **pod,
        "metadata": metadata,
        "spec": {**spec, "initContainers": first + list(spec.get("initContainers") or ())},
    }


def _revision(of_pod: Raw, of_namespace: Raw) -> str:
    """The revision that injects; empty for no sidecar. (reference istio-ambient.md, 1.5)"""
    if of_pod.get("sidecar.istio.io/inject") == "false":
        return ""
    match of_namespace.get("istio-injection"):
        case "enabled":
            return "default"
        case "disabled":
            return ""
    if revision := of_namespace.get("istio.io/rev") or of_pod.get("istio.io/rev"):
        return str(revision)
    return "default" if of_pod.get("sidecar.istio.io/inject") == "true" else ""
