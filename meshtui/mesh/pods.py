"""Pods: what one pod says of itself, in kubectl's words. Read once per object; nothing here depends on the time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from sys import intern
from typing import Any

from msgspec import Struct

from meshtui.mesh import raw
from meshtui.mesh.derived import derived
from meshtui.mesh.kinds import NAMESPACE, POD
from meshtui.mesh.raw import Raw, dig, entries, moment, number, text
from meshtui.mesh.snapshot import Snapshot

REDIRECTION = "ambient.istio.io/redirection"
"""Annotation that the CNI agent writes on a pod that it has captured."""
SIDECAR_STATUS = "sidecar.istio.io/status"
"""Annotation that the injector leaves on a pod with a sidecar, whatever its value."""
GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
"""Label of the pods of a waypoint or gateway that istiod deploys."""


class Pod(Struct, frozen=True, eq=False):
    """One pod. Compared by identity: the same object as long as the API server's is the same one."""

    key: str
    """ "namespace/name"."""
    namespace: str
    name: str
    uid: str
    node: str
    """"" where it is not scheduled yet."""
    labels: Mapping[str, str]
    ready: int
    """Ready containers, of `containers`: kubectl's READY."""
    containers: int
    status: str
    """kubectl's STATUS, such as "Running", "CrashLoopBackOff", "Init:0/1"."""
    restarts: int
    restarted: datetime | None
    """When a container last ended before a restart; None where none did."""
    created: datetime | None
    started: datetime | None
    """Since when its main containers run, or whatever else they do, the newest of them."""
    changed: datetime | None
    """The newest time that stands in it: of a container, a condition or a writer."""
    edited: datetime | None
    """When anything but its status was last written, such as the CNI agent's annotation; None where `managedFields`
    do not tell."""
    edited_by: str
    """The field manager that wrote it then; "" where it is not told."""
    controller: str
    """ "Deployment/checkout", "DaemonSet/ztunnel"; "" for a pod of its own."""
    account: str
    """Its service account."""
    address: str
    image: str
    """Of its first container."""
    redirection: str
    """The value of the CNI agent's annotation; "" where there is none."""
    sidecar: bool
    host_network: bool
    part: bool
    """It is labelled as one of the mesh's own: istiod, a ztunnel, a CNI agent, a waypoint or a gateway."""
    finished: bool
    """Succeeded or Failed: it will not run again."""
    terminating: bool
    healthy: bool
    """Whether its condition Ready is True."""

    @property
    def since(self) -> datetime | None:
        """What is told of it must be newer than this to speak of the pod as it is."""
        return self.edited or self.created


def of(snapshot: Snapshot) -> Mapping[str, Pod]:
    """Every pod by "namespace/name"."""
    every = snapshot.objects.get(POD)
    return snapshot.memo.kept("pods", lambda: _all(snapshot), (every,))


def _all(snapshot: Snapshot) -> Mapping[str, Pod]:
    return dict(zip(snapshot.objects.get(POD, {}), snapshot.each(POD, read), strict=True))


def labelled(snapshot: Snapshot, label: str) -> Sequence[Pod]:
    """The pods with a label, whatever its value."""
    return derived(snapshot, _labelled, label)


def _labelled(snapshot: Snapshot, label: str) -> Sequence[Pod]:
    return snapshot.memo.those(("labelled", label), of(snapshot), lambda pod: label in pod.labels)


def namespaces(snapshot: Snapshot) -> Mapping[str, str]:
    """The names of all namespaces that are known, are asked for by name or have pods, each by itself: as objects to
    derive from, they are the same ones in every snapshot."""
    return derived(snapshot, _namespaces)


def _namespaces(snapshot: Snapshot) -> Mapping[str, str]:
    names = dict.fromkeys(snapshot.objects.get(NAMESPACE, {}))
    names |= dict.fromkeys(s.name for s in snapshot.sources if s.kind == NAMESPACE and s.name)
    names |= snapshot.once(_namespaces_of, of(snapshot))
    return snapshot.once(_by_themselves, *map(intern, names))


def _by_themselves(*names: str) -> Mapping[str, str]:
    return {name: name for name in names}


def _namespaces_of(every: Mapping[str, Pod]) -> dict[str, None]:
    return dict.fromkeys(map(attrgetter("namespace"), every.values()))


def parts(snapshot: Snapshot) -> Sequence[Pod]:
    """The pods that belong to the mesh itself: istiod, ztunnels, CNI agents, waypoints and gateways."""
    return derived(snapshot, _parts)


def _parts(snapshot: Snapshot) -> Sequence[Pod]:
    return snapshot.memo.those("parts", of(snapshot), attrgetter("part"))


def read(it: Raw) -> Pod:
    """What one raw pod says. Never raises."""
    spec, status = raw.table(it, "spec"), raw.table(it, "status")
    containers = _Containers(spec, status)
    restarts, restarted = containers.restarts()
    edited, edited_by = raw.last_edit(it)
    labels, created = raw.strings(it, "metadata", "labels"), raw.created(it)
    return Pod(
        key=raw.key(it),
        namespace=raw.namespace(it),
        name=raw.name(it),
        uid=raw.uid(it),
        node=text(spec, "nodeName"),
        labels=labels,
        ready=containers.ready,
        containers=containers.total,
        status=_status(it, status, containers),
        restarts=restarts,
        restarted=restarted,
        created=created,
        started=moment(max(containers.times, default="")),
        changed=_changed(it, status, containers) or created,
        edited=edited,
        edited_by=edited_by,
        controller=_controller(it),
        account=text(spec, "serviceAccountName") or text(spec, "serviceAccount") or "default",
        address=text(status, "podIP"),
        image=next((text(each, "image") for each in entries(spec, "containers")), ""),
        redirection=raw.annotation(it, REDIRECTION),
        sidecar=SIDECAR_STATUS in raw.table(it, "metadata", "annotations"),
        host_network=dig(spec, "hostNetwork") is True,
        part=labels.get("app") in ("istiod", "ztunnel")
        or labels.get("k8s-app") == "istio-cni-node"
        or GATEWAY_NAME in labels,
        finished=text(status, "phase") in ("Succeeded", "Failed"),
        terminating=bool(text(it, "metadata", "deletionTimestamp")),
        healthy="Ready" in containers.met,
    )


def _changed(it: Raw, status: Raw, containers: _Containers) -> datetime | None:
    """Times are compared as they are written: the server writes all of them in UTC and in one form."""
    written = [
        text(it, "metadata", "creationTimestamp"),
        *containers.times,
        *(text(each, "lastTransitionTime") for each in entries(status, "conditions")),
        *(text(each, "time") for each in entries(it, "metadata", "managedFields")),
    ]
    return moment(max(written))


def _controller(it: Raw) -> str:
    """Who made it. A ReplicaSet is named after its Deployment and the hash of the template, so that one sees through
    it without reading it."""
    owners = entries(it, "metadata", "ownerReferences")
    owner = next((each for each in owners if dig(each, "controller") is True), None)
    if owner is None:
        return ""
    kind, name = text(owner, "kind"), text(owner, "name")
    hash_suffix = f"-{raw.label(it, 'pod-template-hash')}"
    if kind == "ReplicaSet" and hash_suffix != "-" and name.endswith(hash_suffix):
        return f"Deployment/{name.removesuffix(hash_suffix)}"
    return f"{kind}/{name}"


def _newest(times: Iterable[datetime | None]) -> datetime | None:
    return max((each for each in times if each is not None), default=None)


def _met(status: Raw) -> set[str]:
    """The conditions that are True."""
    return {
        text(each, "type")
        for each in entries(status, "conditions")
        if text(each, "status") == "True"
    }


# What follows is `printPod` of Kubernetes 1.36 (pkg/printers/internalversion/printers.go), which makes the columns of
# `kubectl get pods`: READY, STATUS and RESTARTS come of one walk over the containers.


class _Containers:
    """The walk over the containers of a pod: how many are ready, what they say of the pod, how often they restarted."""

    def __init__(self, spec: Raw, status: Raw) -> None:
        inits = entries(spec, "initContainers")
        sidecars = {text(each, "name") for each in inits if _is_sidecar(each)}
        self._inits = entries(status, "initContainerStatuses")
        self._mains = entries(status, "containerStatuses")
        self.total = len(entries(spec, "containers")) + sum(map(_is_sidecar, inits))
        self.met = _met(status)
        self.ready = 0
        self.reason = ""
        """What an init or a main container says of the pod; "" where none says anything."""
        self._seen: list[Raw] = []
        """Init containers up to the one that is at work."""
        initializing = False
        for position, each in enumerate(self._inits):
            self._seen.append(each)
            sidecar = text(each, "name") in sidecars
            ended = dig(each, "state", "terminated")
            if isinstance(ended, Mapping) and number(ended, "exitCode") == 0:
                continue
            if sidecar and dig(each, "started") is True:
                self.ready += dig(each, "ready") is True
                continue
            self.reason = f"Init:{_init_reason(each) or f'{position}/{len(inits)}'}"
            initializing = True
            break
        self.counted = self._seen
        if not initializing or "Initialized" in self.met:
            self.counted = [each for each in self._seen if text(each, "name") in sidecars]
            self.counted = [*self.counted, *self._mains]
            self._read_mains(ready="Ready" in self.met)
        self.times = [
            text(state, "finishedAt") or text(state, "startedAt")
            for each in self._mains
            for state in raw.table(each, "state").values()
        ]
        """Since when the main containers are in the state they are in, as it is written."""

    def _read_mains(self, ready: bool) -> None:
        running, failure = False, ""
        for each in reversed(self._mains):
            ended = dig(each, "state", "terminated")
            waiting = text(each, "state", "waiting", "reason")
            if waiting:
                self.reason = waiting
            elif isinstance(ended, Mapping):
                self.reason = _ended_reason(ended)
                if number(ended, "exitCode") != 0:
                    failure = self.reason
            elif dig(each, "ready") is True and isinstance(dig(each, "state", "running"), Mapping):
                running = True
                self.ready += 1
        if self.reason == "Completed":
            if running and ready:
                self.reason = "Running"
            elif failure or running:
                self.reason = failure or "NotReady"

    def restarts(self) -> tuple[int, datetime | None]:
        """How often they restarted, and when one last ended before that."""
        return sum(number(each, "restartCount") for each in self.counted), _newest(
            moment(each, "lastState", "terminated", "finishedAt") for each in self.counted
        )


def _status(it: Raw, status: Raw, containers: _Containers) -> str:
    """kubectl's STATUS."""
    phase, said = text(status, "phase"), text(status, "reason")
    deleted = bool(text(it, "metadata", "deletionTimestamp"))
    if deleted and said == "NodeLost":
        return "Unknown"
    if deleted and phase not in ("Succeeded", "Failed"):
        return "Terminating"
    if containers.reason:
        return containers.reason
    gated = any(
        text(each, "type") == "PodScheduled" and text(each, "reason") == "SchedulingGated"
        for each in entries(status, "conditions")
    )
    return "SchedulingGated" if gated else said or phase


def _is_sidecar(container: Raw) -> bool:
    return text(container, "restartPolicy") == "Always"


def _init_reason(container: Raw) -> str:
    """Why an init container has not succeeded; "" where it is merely at work or waits for its turn."""
    ended = dig(container, "state", "terminated")
    if isinstance(ended, Mapping):
        return _ended_reason(ended)
    waiting = text(container, "state", "waiting", "reason")
    return "" if waiting == "PodInitializing" else waiting


def _ended_reason(ended: Any) -> str:
    if reason := text(ended, "reason"):
        return reason
    signal = number(ended, "signal")
    return f"Signal:{signal}" if signal else f"ExitCode:{number(ended, 'exitCode')}"
