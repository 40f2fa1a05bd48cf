"""Pods: what one pod says of itself, in kubectl's words. Read once per object; nothing here depends on the time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from sys import intern

from msgspec import Struct

from meshtui.mesh import raw
from meshtui.mesh.derived import derived
from meshtui.mesh.kinds import NAMESPACE, POD
from meshtui.mesh.pod_fields import (
    ContainerStatus,
    Metadata,
    PodFields,
    Spec,
    State,
    Status,
    Terminated,
)
from meshtui.mesh.raw import Raw, moment, text
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
    pod = raw.view(it, PodFields)
    metadata, spec, status = pod.metadata, pod.spec, pod.status
    labels = raw.strings(it, "metadata", "labels")
    annotations = raw.table(it, "metadata", "annotations")
    met = {each.type for each in status.conditions if each.status == "True"}
    containers = _Containers(spec, status, met)
    edited, edited_by = raw.last_beside_status(metadata.managed_fields)
    created = moment(metadata.creation_timestamp)
    return Pod(
        key=f"{metadata.namespace}/{metadata.name}" if metadata.namespace else metadata.name,
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        node=spec.node_name,
        labels=labels,
        ready=containers.ready,
        containers=containers.total,
        status=_status(pod, containers),
        restarts=sum(each.restart_count for each in containers.counted),
        restarted=_newest(map(_ended, containers.counted)),
        created=created,
        started=moment(max(containers.times, default="")),
        changed=_changed(pod, containers) or created,
        edited=edited,
        edited_by=edited_by,
        controller=_controller(metadata, text(labels, "pod-template-hash")),
        account=spec.service_account_name or spec.service_account or "default",
        address=status.pod_ip,
        image=spec.containers[0].image if spec.containers else "",
        redirection=text(annotations, REDIRECTION),
        sidecar=SIDECAR_STATUS in annotations,
        host_network=spec.host_network,
        part=labels.get("app") in ("istiod", "ztunnel")
        or labels.get("k8s-app") == "istio-cni-node"
        or GATEWAY_NAME in labels,
        finished=status.phase in ("Succeeded", "Failed"),
        terminating=bool(metadata.deletion_timestamp),
        healthy="Ready" in met,
    )


def _changed(pod: PodFields, containers: _Containers) -> datetime | None:
    """Times are compared as they are written: the server writes all of them in UTC and in one form."""
    written = [
        pod.metadata.creation_timestamp,
        *containers.times,
        *[each.last_transition_time for each in pod.status.conditions],
        *[each.time for each in pod.metadata.managed_fields],
    ]
    return moment(max(written))


def _controller(metadata: Metadata, template: str) -> str:
    """Who made it. A ReplicaSet is named after its Deployment and the hash of the template, so that one sees through
    it without reading it."""
    owner = next((each for each in metadata.owner_references if each.controller), None)
    if owner is None:
        return ""
    if owner.kind == "ReplicaSet" and template and owner.name.endswith(f"-{template}"):
        return f"Deployment/{owner.name.removesuffix(f'-{template}')}"
    return f"{owner.kind}/{owner.name}"


def _ended(container: ContainerStatus) -> datetime | None:
    """When it last ended before a restart."""
    ended = container.last_state.terminated
    return moment(ended.finished_at) if ended is not None else None


def _newest(times: Iterable[datetime | None]) -> datetime | None:
    return max((each for each in times if each is not None), default=None)


# What follows is `printPod` of Kubernetes 1.36 (pkg/printers/internalversion/printers.go), which makes the columns of
# `kubectl get pods`: READY, STATUS and RESTARTS come of one walk over the containers.


class _Containers:
    """The walk over the containers of a pod: how many are ready, what they say of the pod, which restarts count."""

    def __init__(self, spec: Spec, status: Status, met: Collection[str]) -> None:
        sidecars = {each.name for each in spec.init_containers if each.is_sidecar}
        self._mains = status.container_statuses
        self.total = len(spec.containers) + sum(each.is_sidecar for each in spec.init_containers)
        self.ready = 0
        self.reason = ""
        """What an init or a main container says of the pod; "" where none says anything."""
        self.counted: list[ContainerStatus] = []
        """Those whose restarts count: init containers up to the one that is at work, or the main ones."""
        initializing = False
        for position, each in enumerate(status.init_container_statuses):
            self.counted.append(each)
            ended = each.state.terminated
            if ended is not None and ended.exit_code == 0:
                continue
            if each.name in sidecars and each.started:
                self.ready += each.ready
                continue
            waits = _init_reason(each.state) or f"{position}/{len(spec.init_containers)}"
            self.reason = f"Init:{waits}"
            initializing = True
            break
        if not initializing or "Initialized" in met:
            self.counted = [each for each in self.counted if each.name in sidecars]
            self.counted += self._mains
            self._read_mains(ready="Ready" in met)
        self.times = [each.state.since for each in self._mains]
        """Since when the main containers are in the state they are in, as it is written."""

    def _read_mains(self, ready: bool) -> None:
        running, failure = False, ""
        for each in reversed(self._mains):
            state = each.state
            if state.waiting is not None and state.waiting.reason:
                self.reason = state.waiting.reason
            elif state.terminated is not None:
                self.reason = _ended_reason(state.terminated)
                if state.terminated.exit_code != 0:
                    failure = self.reason
            elif each.ready and state.running is not None:
                running = True
                self.ready += 1
        if self.reason == "Completed":
            if running and ready:
                self.reason = "Running"
            elif failure or running:
                self.reason = failure or "NotReady"


def _status(pod: PodFields, containers: _Containers) -> str:
    """kubectl's STATUS."""
    phase, said = pod.status.phase, pod.status.reason
    deleted = bool(pod.metadata.deletion_timestamp)
    if deleted and said == "NodeLost":
        return "Unknown"
    if deleted and phase not in ("Succeeded", "Failed"):
        return "Terminating"
    if containers.reason:
        return containers.reason
    gated = any(
        each.type == "PodScheduled" and each.reason == "SchedulingGated"
        for each in pod.status.conditions
    )
    return "SchedulingGated" if gated else said or phase


def _init_reason(state: State) -> str:
    """Why an init container has not succeeded; "" where it is merely at work or waits for its turn."""
    if state.terminated is not None:
        return _ended_reason(state.terminated)
    waiting = state.waiting.reason if state.waiting is not None else ""
    return "" if waiting == "PodInitializing" else waiting


def _ended_reason(ended: Terminated) -> str:
    if ended.reason:
        return ended.reason
    return f"Signal:{ended.signal}" if ended.signal else f"ExitCode:{ended.exit_code}"
