"""Pods: made from a template, and the status that a kubelet writes as they start."""

from __future__ import annotations

import hashlib

from meshtui.sim.behaviour.managed import MADE, managed
from meshtui.sim.behaviour.world import World
from meshtui.sim.objects import (
    Raw,
    is_true,
    labels,
    mapping,
    mappings,
    name,
    namespace,
    owner_reference,
    seconds,
    text,
    uid,
)

_TOLERATIONS = [
    {
        "key": f"node.kubernetes.io/{taint}",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": 300,
    }
    for taint in ("not-ready", "unreachable")
]
_SPEC: Raw = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
    "tolerations": _TOLERATIONS,
    "priority": 0,
    "enableServiceLinks": True,
    "preemptionPolicy": "PreemptLowerPriority",
}
_TOPOLOGY = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone")
FINISHED = ("Succeeded", "Failed")


def from_template(owner: Raw, title: str, world: World, extra_labels: Raw | None = None) -> Raw:
    """A new pod of a controller, as the API server would keep it before anyone has scheduled it."""
    template = mapping(owner, "spec", "template")
    spec = mapping(template, "spec")
    account = text(spec, "serviceAccountName") or "default"
    metadata: Raw = {
        "name": title,
        "generateName": f"{name(owner)}-",
        "namespace": namespace(owner),
        "uid": world.names.uid(),
        "labels": {**mapping(template, "metadata", "labels"), **(extra_labels or {})},
        "ownerReferences": [owner_reference(owner)],
    }
    if notes := mapping(template, "metadata", "annotations"):
        metadata["annotations"] = notes
    stamp = seconds(world.clock())
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": managed(metadata, "kube-controller-manager", stamp, MADE),
        "spec": {**_SPEC, **spec, "serviceAccountName": account, "serviceAccount": account},
        "status": {"phase": "Pending", "qosClass": quality(spec)},
    }


def quality(spec: Raw) -> str:
    """The QoS class: what a pod's containers ask for and are limited to."""
    resources = [mapping(each, "resources") for each in containers(spec)]
    if not any(mapping(each, "requests") or mapping(each, "limits") for each in resources):
        return "BestEffort"
    exact = all(
        (limits := mapping(each, "limits"))
        and {"cpu", "memory"} <= limits.keys()
        and (mapping(each, "requests") or limits) == limits
        for each in resources
    )
    return "Guaranteed" if exact else "Burstable"


def containers(spec: Raw) -> list[Raw]:
    return mappings(spec, "containers")


def ready(pod: Raw) -> bool:
    """Whether a pod is ready and is not going away."""
    return is_true(pod, "Ready") and not terminating(pod)


def terminating(pod: Raw) -> bool:
    return "deletionTimestamp" in mapping(pod, "metadata")


def finished(pod: Raw) -> bool:
    return text(pod, "status", "phase") in FINISHED


def ip(pod: Raw) -> str:
    return text(pod, "status", "podIP")


def node(pod: Raw) -> str:
    return text(pod, "spec", "nodeName")


def account(pod: Raw) -> str:
    return text(pod, "spec", "serviceAccountName") or "default"


def host_network(pod: Raw) -> bool:
    return mapping(pod, "spec").get("hostNetwork") is True


def topology(of_node: Raw) -> Raw:
    """The labels that a pod takes over from its node when it is bound."""
    found = labels(of_node)
    return {key: found[key] for key in _TOPOLOGY if key in found}


def scheduled(pod: Raw, stamp: str) -> Raw:
    """The status of a pod that has got its node."""
    return {**mapping(pod, "status"), "conditions": [_condition("PodScheduled", stamp)]}


def unschedulable(pod: Raw, message: str, stamp: str) -> Raw:
    """The status of a pod that no node takes."""
    condition = _condition("PodScheduled", stamp, "False")
    condition |= {"reason": "Unschedulable", "message": message}
    return {**mapping(pod, "status"), "conditions": [condition]}


def running(pod: Raw, address: str, host: str, stamp: str) -> Raw:
    """The status of a pod whose containers run and are ready."""
    spec = mapping(pod, "spec")
    status = {
        **mapping(pod, "status"),
        "phase": "Running",
        "conditions": [
            _condition(kind, stamp)
            for kind in (
                "PodReadyToStartContainers",
                "Initialized",
                "Ready",
                "ContainersReady",
                "PodScheduled",
            )
        ],
        "hostIP": host,
        "hostIPs": [{"ip": host}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": stamp,
        "containerStatuses": [_started(each, stamp, uid(pod)) for each in containers(spec)],
    }
    if first := mappings(spec, "initContainers"):
        status["initContainerStatuses"] = [_initialized(each, stamp, uid(pod)) for each in first]
    return status


def succeeded(pod: Raw, stamp: str) -> Raw:
    """The status of a pod whose containers have ended well."""
    status = mapping(pod, "status")
    over = []
    for each in mappings(status, "containerStatuses"):
        begun = text(each, "state", "running", "startedAt")
        ended = {"exitCode": 0, "reason": "Completed", "startedAt": begun, "finishedAt": stamp}
        over.append({**each, "ready": False, "started": False, "state": {"terminated": ended}})
    kept = [each for each in mappings(status, "conditions") if "Ready" not in text(each, "type")]
    done = {"reason": "PodCompleted"}
    gone = [_condition(kind, stamp, "False") | done for kind in ("Ready", "ContainersReady")]
    return {**status, "phase": "Succeeded", "containerStatuses": over, "conditions": kept + gone}


def _condition(kind: str, stamp: str, status: str = "True") -> Raw:
    return {"type": kind, "status": status, "lastProbeTime": None, "lastTransitionTime": stamp}


def _started(container: Raw, stamp: str, salt: str) -> Raw:
    return _container(container, salt) | {
        "ready": True,
        "started": True,
        "state": {"running": {"startedAt": stamp}},
    }


def _initialized(container: Raw, stamp: str, salt: str) -> Raw:
    """An init container has ended; a sidecar (one that restarts always) runs on."""
    if container.get("restartPolicy") == "Always":
        return _started(container, stamp, salt)
    ended = {"exitCode": 0, "reason": "Completed", "startedAt": stamp, "finishedAt": stamp}
    return _container(container, salt) | {
        "ready": True,
        "started": False,
        "state": {"terminated": ended},
    }


def _container(container: Raw, salt: str) -> Raw:
    image = text(container, "image")
    return {
        "name": text(container, "name"),
        "image": image,
        "imageID": _image_id(image),
        "containerID": f"containerd://{_digest(salt + text(container, 'name'))}",
        "restartCount": 0,
        "lastState": {},
    }


def _image_id(image: str) -> str:
    repository, _, tag = image.rpartition(":")
    return f"{repository or tag}@sha256:{_digest(image)}"


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
