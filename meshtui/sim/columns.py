"""The columns that `kubectl get` shows, by kind: names and cells of kube-apiserver's `pkg/printers/internalversion`.

A custom kind has the columns of its definition, and any other kind its name and age.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from meshtui.sim import jsonpath
from meshtui.sim.durations import human, since
from meshtui.sim.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIGMAP,
    CRD,
    CRONJOB,
    DAEMONSET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    EVENT,
    JOB,
    LEASE,
    MUTATING_WEBHOOK,
    NAMESPACE,
    NETWORK_POLICY,
    NODE,
    POD,
    REPLICASET,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    STATEFULSET,
    VALIDATING_WEBHOOK,
    Kind,
)
from meshtui.sim.objects import Raw, at, mapping, mappings, moment, sequence, text
from meshtui.sim.podcells import pod_cells

Cell = Callable[[Raw, datetime], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `wide` ones are shown with `-o wide` only."""

    name: str
    cell: Cell
    wide: bool = False
    type: str = "string"

    def definition(self) -> Raw:
        return {
            "name": self.name,
            "type": self.type,
            "format": "name" if self.name == "Name" else "",
            "description": self.name,
            "priority": int(self.wide),
        }


def _text(*path: str, otherwise: str = "") -> Cell:
    return lambda obj, _: text(obj, *path) or otherwise


def _count(*path: str) -> Cell:
    def cell(obj: Raw, _: datetime) -> int:
        found = at(obj, *path)
        return found if isinstance(found, int) else 0

    return cell


def _of(ready: Sequence[str], wanted: Sequence[str]) -> Cell:
    first, second = _count(*ready), _count(*wanted)
    return lambda obj, now: f"{first(obj, now)}/{second(obj, now)}"


def _length(*names: str) -> Cell:
    return lambda obj, _: sum(len(mapping(obj, name)) or len(sequence(obj, name)) for name in names)


def _ago(*path: str) -> Cell:
    return lambda obj, now: since(at(obj, *path), now)


def _containers(field: str) -> Cell:
    def cell(obj: Raw, _: datetime) -> str:
        containers = mappings(obj, "spec", "template", "spec", "containers")
        return ",".join(text(container, field) for container in containers)

    return cell


def _labels(found: Mapping[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(found.items())) or "<none>"


def _selector(*path: str) -> Cell:
    def cell(obj: Raw, _: datetime) -> str:
        said = mapping(obj, *path)
        parts = [f"{key}={value}" for key, value in sorted(mapping(said, "matchLabels").items())]
        for each in mappings(said, "matchExpressions"):
            operator, key = text(each, "operator"), text(each, "key")
            values = ",".join(str(value) for value in sequence(each, "values"))
            parts.append(
                {"Exists": key, "DoesNotExist": f"!{key}"}.get(
                    operator, f"{key} {operator.lower()} ({values})"
                )
            )
        return ",".join(parts) or "<none>"

    return cell


def _node_status(node: Raw, _: datetime) -> str:
    ready = [each for each in mappings(node, "status", "conditions") if each.get("type") == "Ready"]
    status = "Unknown"
    if ready:
        status = "Ready" if ready[-1].get("status") == "True" else "NotReady"
    return status + (",SchedulingDisabled" if at(node, "spec", "unschedulable") else "")


def _node_roles(node: Raw, _: datetime) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = mapping(node, "metadata", "labels")
    return (
        ",".join(sorted(key[len(prefix) :] for key in labels if key.startswith(prefix))) or "<none>"
    )


def _node_address(type_: str) -> Cell:
    def cell(node: Raw, _: datetime) -> str:
        found = [
            text(each, "address")
            for each in mappings(node, "status", "addresses")
            if each.get("type") == type_
        ]
        return found[0] if found else "<none>"

    return cell


def _kernel(node: Raw, _: datetime) -> str:
    info = mapping(node, "status", "nodeInfo")
    architecture = text(info, "architecture")
    name = text(info, "kernelVersion") or "<unknown>"
    return f"{name} ({architecture})" if architecture else name


def _external_ip(service: Raw, _: datetime) -> str:
    fixed = [str(address) for address in sequence(service, "spec", "externalIPs")]
    match text(service, "spec", "type"):
        case "ExternalName":
            return text(service, "spec", "externalName")
        case "LoadBalancer":
            ingress = mappings(service, "status", "loadBalancer", "ingress")
            given = sorted({text(each, "ip") or text(each, "hostname") for each in ingress})
            return ",".join([*given, *fixed]) or "<pending>"
    return ",".join(fixed) or "<none>"


def _cluster_ip(service: Raw, _: datetime) -> str:
    addresses = sequence(service, "spec", "clusterIPs")
    return str(addresses[0]) if addresses else text(service, "spec", "clusterIP") or "<none>"


def _service_ports(service: Raw, _: datetime) -> str:
    return (
        ",".join(
            f"{each.get('port')}"
            + (f":{each['nodePort']}" if each.get("nodePort") else "")
            + f"/{each.get('protocol', 'TCP')}"
            for each in mappings(service, "spec", "ports")
        )
        or "<none>"
    )


def _some(values: Sequence[str]) -> str:
    more = f" + {len(values) - 3} more..." if len(values) > 3 else ""
    return ",".join(values[:3]) + more or "<unset>"


def _slice_ports(slice_: Raw, _: datetime) -> str:
    return _some([str(each.get("port") or "*") for each in mappings(slice_, "ports")])


def _slice_endpoints(slice_: Raw, _: datetime) -> str:
    return _some(
        [
            str(address)
            for endpoint in mappings(slice_, "endpoints")
            for address in sequence(endpoint, "addresses")
        ]
    )


def _last_seen(event: Raw, now: datetime) -> str:
    last = at(event, "series", "lastObservedTime") or at(event, "lastTimestamp")
    return since(last, now) if last else _first_seen(event, now)


def _first_seen(event: Raw, now: datetime) -> str:
    return since(at(event, "firstTimestamp") or at(event, "eventTime"), now)


def _event_object(event: Raw, _: datetime) -> str:
    about = mapping(event, "involvedObject")
    name = text(about, "name")
    return text(about, "kind").lower() + (f"/{name}" if name else "")


def _event_source(event: Raw, _: datetime) -> str:
    component = text(event, "source", "component") or text(event, "reportingComponent")
    host = text(event, "source", "host") or text(event, "reportingInstance")
    return f"{component}, {host}" if host else component


def _event_count(event: Raw, _: datetime) -> int:
    found = at(event, "series", "count") or at(event, "count")
    return found if isinstance(found, int) else 1


def _role(binding: Raw, _: datetime) -> str:
    return f"{text(binding, 'roleRef', 'kind')}/{text(binding, 'roleRef', 'name')}"


def _subjects(kind: str) -> Cell:
    def cell(binding: Raw, _: datetime) -> str:
        return ", ".join(
            f"{each['namespace']}/{text(each, 'name')}"
            if kind == "ServiceAccount" and "namespace" in each
            else text(each, "name")
            for each in mappings(binding, "subjects")
            if each.get("kind") == kind
        )

    return cell


def _job_status(job: Raw, _: datetime) -> str:
    met = {
        each.get("type")
        for each in mappings(job, "status", "conditions")
        if each.get("status") == "True"
    }
    for condition in ("Complete", "Failed"):
        if condition in met:
            return condition
    if at(job, "metadata", "deletionTimestamp"):
        return "Terminating"
    return "Suspended" if "Suspended" in met else "Running"


def _job_duration(job: Raw, now: datetime) -> str:
    start = moment(at(job, "status", "startTime"))
    end = moment(at(job, "status", "completionTime")) or now
    return human(end - start) if start else ""


def _pod_cell(index: int) -> Cell:
    return lambda pod, now: pod_cells(pod, now)[index]


_NAME = Column("Name", _text("metadata", "name"))
_AGE = Column("Age", _ago("metadata", "creationTimestamp"))
_CREATED = Column("Created At", _text("metadata", "creationTimestamp"))
_IMAGES = (
    Column("Containers", _containers("name"), wide=True),
    Column("Images", _containers("image"), wide=True),
)
_SELECTOR = Column("Selector", _selector("spec", "selector"), wide=True)
_SUBJECTS = (
    Column("Users", _subjects("User"), wide=True),
    Column("Groups", _subjects("Group"), wide=True),
    Column("ServiceAccounts", _subjects("ServiceAccount"), wide=True),
)


def _integer(name: str, *path: str) -> Column:
    return Column(name, _count(*path), type="integer")


_COLUMNS: Mapping[Kind, tuple[Column, ...]] = {
    NAMESPACE: (_NAME, Column("Status", _text("status", "phase")), _AGE),
    NODE: (
        _NAME,
        Column("Status", _node_status),
        Column("Roles", _node_roles),
        _AGE,
        Column("Version", _text("status", "nodeInfo", "kubeletVersion")),
        Column("Internal-IP", _node_address("InternalIP"), wide=True),
        Column("External-IP", _node_address("ExternalIP"), wide=True),
        Column(
            "OS-Image", _text("status", "nodeInfo", "osImage", otherwise="<unknown>"), wide=True
        ),
        Column("Kernel-Version", _kernel, wide=True),
        Column(
            "Container-Runtime",
            _text("status", "nodeInfo", "containerRuntimeVersion", otherwise="<unknown>"),
            wide=True,
        ),
    ),
    DEPLOYMENT: (
        _NAME,
        Column("Ready", _of(("status", "readyReplicas"), ("spec", "replicas"))),
        Column("Up-to-date", _count("status", "updatedReplicas")),
        Column("Available", _count("status", "availableReplicas")),
        _AGE,
        *_IMAGES,
        _SELECTOR,
    ),
    REPLICASET: (
        _NAME,
        _integer("Desired", "spec", "replicas"),
        _integer("Current", "status", "replicas"),
        _integer("Ready", "status", "readyReplicas"),
        _AGE,
        *_IMAGES,
        _SELECTOR,
    ),
    STATEFULSET: (
        _NAME,
        Column("Ready", _of(("status", "readyReplicas"), ("spec", "replicas"))),
        _AGE,
        *_IMAGES,
    ),
    DAEMONSET: (
        _NAME,
        _integer("Desired", "status", "desiredNumberScheduled"),
        _integer("Current", "status", "currentNumberScheduled"),
        _integer("Ready", "status", "numberReady"),
        _integer("Up-to-date", "status", "updatedNumberScheduled"),
        _integer("Available", "status", "numberAvailable"),
        Column(
            "Node Selector",
            lambda obj, _: _labels(mapping(obj, "spec", "template", "spec", "nodeSelector")),
        ),
        _AGE,
        *_IMAGES,
        _SELECTOR,
    ),
    JOB: (
        _NAME,
        Column("Status", _job_status),
        Column("Completions", _of(("status", "succeeded"), ("spec", "completions"))),
        Column("Duration", _job_duration),
        _AGE,
        *_IMAGES,
        _SELECTOR,
    ),
    CRONJOB: (
        _NAME,
        Column("Schedule", _text("spec", "schedule")),
        Column("Timezone", _text("spec", "timeZone", otherwise="<none>")),
        Column("Suspend", lambda obj, _: bool(at(obj, "spec", "suspend")), type="boolean"),
        Column("Active", lambda obj, _: len(sequence(obj, "status", "active")), type="integer"),
        Column("Last Schedule", _ago("status", "lastScheduleTime")),
        _AGE,
    ),
    SERVICE: (
        _NAME,
        Column("Type", _text("spec", "type")),
        Column("Cluster-IP", _cluster_ip),
        Column("External-IP", _external_ip),
        Column("Port(s)", _service_ports),
        _AGE,
        Column("Selector", lambda obj, _: _labels(mapping(obj, "spec", "selector")), wide=True),
    ),
    ENDPOINT_SLICE: (
        _NAME,
        Column("AddressType", _text("addressType")),
        Column("Ports", _slice_ports),
        Column("Endpoints", _slice_endpoints),
        _AGE,
    ),
    EVENT: (
        Column("Last Seen", _last_seen),
        Column("Type", _text("type")),
        Column("Reason", _text("reason")),
        Column("Object", _event_object),
        Column("Subobject", _text("involvedObject", "fieldPath"), wide=True),
        Column("Source", _event_source, wide=True),
        Column("Message", lambda obj, _: text(obj, "message").strip()),
        Column("First Seen", _first_seen, wide=True),
        Column("Count", _event_count, wide=True),
        Column("Name", _text("metadata", "name"), wide=True),
    ),
    SECRET: (_NAME, Column("Type", _text("type")), Column("Data", _length("data")), _AGE),
    CONFIGMAP: (_NAME, Column("Data", _length("data", "binaryData")), _AGE),
    LEASE: (_NAME, Column("Holder", _text("spec", "holderIdentity")), _AGE),
    NETWORK_POLICY: (_NAME, Column("Pod-Selector", _selector("spec", "podSelector")), _AGE),
    MUTATING_WEBHOOK: (_NAME, Column("Webhooks", _length("webhooks"), type="integer"), _AGE),
    VALIDATING_WEBHOOK: (_NAME, Column("Webhooks", _length("webhooks"), type="integer"), _AGE),
    ROLE: (_NAME, _CREATED),
    CLUSTER_ROLE: (_NAME, _CREATED),
    ROLE_BINDING: (_NAME, Column("Role", _role), _AGE, *_SUBJECTS),
    CLUSTER_ROLE_BINDING: (_NAME, Column("Role", _role), _AGE, *_SUBJECTS),
    CRD: (_NAME, _CREATED),
    POD: (
        _NAME,
        *(
            Column(name, _pod_cell(index))
            for index, name in enumerate(("Ready", "Status", "Restarts"))
        ),
        _AGE,
        Column("IP", _text("status", "podIP", otherwise="<none>"), wide=True),
        Column("Node", _text("spec", "nodeName", otherwise="<none>"), wide=True),
        Column(
            "Nominated Node", _text("status", "nominatedNodeName", otherwise="<none>"), wide=True
        ),
        Column("Readiness Gates", lambda *_: "<none>", wide=True),
    ),
}


def columns(kind: Kind, definition: Raw | None = None) -> tuple[Column, ...]:
    """The columns of a kind; for a custom one its definition says them."""
    if definition is None:
        return _COLUMNS.get(kind, (_NAME, _AGE))
    version = mappings(definition, "spec", "versions")[0]
    printed = mappings(version, "additionalPrinterColumns")
    return (_NAME, *(_printed(each) for each in printed)) if printed else (_NAME, _AGE)


def _printed(said: Raw) -> Column:
    path, type_ = text(said, "jsonPath"), text(said, "type")

    def cell(obj: Raw, now: datetime) -> Any:
        found = jsonpath.find(obj, path)
        if not found:
            return None
        if type_ == "date":
            return since(found[0], now)
        return json.dumps(found[0]) if isinstance(found[0], list | dict) else found[0]

    return Column(
        text(said, "name"),
        cell,
        wide=bool(said.get("priority")),
        type=type_,
    )
