"""Prune: an object's JSON to the part of it that is kept.

What no pane shows is dropped while the JSON is read: 10,000 pods take a third of the memory then. Views of a whole
object read it anew.
"""

from __future__ import annotations

from collections.abc import Callable
from sys import intern
from typing import Any, TypedDict

import msgspec

from meshtui.kube import secrets
from meshtui.mesh.kinds import POD, SECRET, Kind
from meshtui.mesh.raw import Raw, entries, table, text

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def reader(kind: Kind) -> Callable[[bytes | msgspec.Raw], Raw]:
    """JSON to what is kept of an object of this kind; msgspec.DecodeError where it is none."""
    if kind == POD:
        return _Pods().read
    if kind == SECRET:
        return lambda json: secrets.certificates_only(_mapping(json))
    return lambda json: pruned(_mapping(json))


def pruned(raw: Raw) -> Raw:
    """The object without its last-applied annotation, and of its managedFields only who wrote last, and when."""
    metadata = dict(table(raw, "metadata"))
    _prune(metadata)
    return {**raw, "metadata": metadata} if metadata else raw


def _prune(metadata: dict[str, Any]) -> None:
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict) and LAST_APPLIED in annotations:
        metadata["annotations"] = {k: v for k, v in annotations.items() if k != LAST_APPLIED}
    if "managedFields" in metadata:
        metadata["managedFields"] = newest_managers(metadata)


def newest_managers(metadata: Raw) -> list[Raw]:
    """managedFields reduced to who wrote last and, where that was a status, who wrote last beside the status: what a
    label or an annotation is as old as. Of each `manager`, `time` and `subresource`."""
    writers = entries(metadata, "managedFields")
    beside = [entry for entry in writers if not text(entry, "subresource")]
    kept = [max(of, key=_written) for of in (writers, beside) if of]
    if len(kept) == 2 and kept[0] is kept[1]:
        kept.pop()
    told = ("manager", "time", "subresource")
    return [{field: intern(entry[field]) for field in told if text(entry, field)} for entry in kept]


def _written(entry: Raw) -> str:
    return text(entry, "time")


def _mapping(json: bytes | msgspec.Raw) -> Raw:
    return msgspec.json.decode(json, type=dict[str, Any])


class _Manager(TypedDict, total=False):
    manager: Any
    time: Any
    subresource: Any


class _PodMetadata(TypedDict, total=False):
    name: str
    namespace: str
    uid: str
    resourceVersion: str
    generation: Any
    generateName: Any
    creationTimestamp: Any
    deletionTimestamp: Any
    deletionGracePeriodSeconds: Any
    labels: Any
    annotations: Any
    ownerReferences: Any
    finalizers: Any
    managedFields: list[_Manager]


class _Security(TypedDict, total=False):
    runAsUser: Any


class _Handler(TypedDict, total=False):
    port: Any


class _Probe(TypedDict, total=False):
    httpGet: _Handler
    tcpSocket: _Handler
    grpc: _Handler


class _Variable(TypedDict, total=False):
    name: Any
    value: Any


class _Container(TypedDict, total=False):
    name: Any
    image: Any
    env: list[_Variable]
    ports: Any
    restartPolicy: Any
    securityContext: _Security
    livenessProbe: _Probe
    readinessProbe: _Probe
    startupProbe: _Probe


class _PodSpec(TypedDict, total=False):
    nodeName: Any
    serviceAccountName: Any
    hostNetwork: Any
    restartPolicy: Any
    priorityClassName: Any
    readinessGates: Any
    schedulingGates: Any
    securityContext: _Security
    containers: list[_Container]
    initContainers: list[_Container]
    ephemeralContainers: list[_Container]


class _Condition(TypedDict, total=False):
    type: Any
    status: Any
    reason: Any
    message: Any
    lastTransitionTime: Any
    observedGeneration: Any


class _ContainerStatus(TypedDict, total=False):
    name: Any
    state: Any
    lastState: Any
    ready: Any
    started: Any
    restartCount: Any


class _PodStatus(TypedDict, total=False):
    phase: Any
    reason: Any
    message: Any
    podIP: Any
    conditions: list[_Condition]
    containerStatuses: list[_ContainerStatus]
    initContainerStatuses: list[_ContainerStatus]


class _Pod(TypedDict, total=False):
    metadata: _PodMetadata
    spec: _PodSpec
    status: _PodStatus


_pod_decoder: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(_Pod)


_VARIABLES = ("RUST_LOG",)
"""Of the environment what decides whether a ztunnel writes access lines. The rest may be secret."""


_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_OF_TEMPLATE = (
    ("spec", (*_CONTAINERS, "securityContext")),
    ("metadata", ("labels", "ownerReferences")),
)
"""What the pods of one template mostly have in common."""
_WORDS = (
    ("metadata", ("namespace", "creationTimestamp")),
    ("spec", ("nodeName", "serviceAccountName", "restartPolicy")),
    ("status", ("phase",)),
)
_MOST_SHARED = 10_000


class _Pods:
    """Reads pods, and keeps one copy of what those of one template have in common."""

    def __init__(self) -> None:
        self._shared: dict[bytes, Any] = {}

    def read(self, json: bytes | msgspec.Raw) -> Raw:
        try:
            pod = _pod_decoder.decode(json)
        except (
            msgspec.ValidationError
        ):  # something in it is null or of the wrong type: keep it as it is
            return pruned(_mapping(json))
        spec = table(pod, "spec")
        for field in _CONTAINERS:
            for container in spec.get(field, ()):
                _drop_variables(container)
        status = table(pod, "status")
        for condition in status.get("conditions", ()):
            _intern(condition, ("type", "status", "lastTransitionTime"))
        for container in status.get("containerStatuses", ()):
            _intern(container, ("name",))
            if container.get("lastState") == {}:  # as of most, and it says no more than nothing
                del container["lastState"]
        if "metadata" in pod:
            _prune(pod["metadata"])
        for part, fields in _WORDS:
            _intern(pod.get(part, {}), fields)
        for part, common in _OF_TEMPLATE:
            self._share(pod.get(part, {}), common)
        return pod

    def _share(self, part: dict[str, Any], fields: tuple[str, ...]) -> None:
        if len(self._shared) > _MOST_SHARED:
            self._shared.clear()
        for field in fields:
            if field in part:
                value = part[field]
                part[field] = self._shared.setdefault(msgspec.json.encode(value), value)


def _intern(part: dict[str, Any], fields: tuple[str, ...]) -> None:
    """Keeps one copy of words and times that many pods have in common."""
    for field in fields:
        word = part.get(field)
        if type(word) is str:
            part[field] = intern(word)


def _drop_variables(container: dict[str, Any]) -> None:
    """Takes what is not heeded out of the environment of a container that was just read."""
    if "env" in container:
        kept = [each for each in container["env"] if each.get("name") in _VARIABLES]
        if kept:
            container["env"] = kept
        else:
            del container["env"]
