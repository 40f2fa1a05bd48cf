"""The columns that `kubectl get` shows, by kind: names and cells of kube-apiserver's `pkg/printers/internalversion`.

A custom kind has the columns of its definition, and any other kind its name and age.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from meshtui.sim import cells, jsonpath
from meshtui.sim.durations import since
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
from meshtui.sim.objects import Raw, at, mapping, mappings, sequence, text


class Column(Struct, frozen=True):
    """One column; `wide` ones are shown with `-o wide` only."""

    name: str
    cell: cells.Cell
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


_NAME = Column("Name", cells.field("metadata", "name"))
_AGE = Column("Age", cells.ago("metadata", "creationTimestamp"))
_CREATED = Column("Created At", cells.field("metadata", "creationTimestamp"))
_IMAGES = (
    Column("Containers", cells.containers("name"), wide=True),
    Column("Images", cells.containers("image"), wide=True),
)
_SELECTOR = Column("Selector", cells.selector("spec", "selector"), wide=True)
_SUBJECTS = (
    Column("Users", cells.subjects("User"), wide=True),
    Column("Groups", cells.subjects("Group"), wide=True),
    Column("ServiceAccounts", cells.subjects("ServiceAccount"), wide=True),
)


def _integer(name: str, *path: str) -> Column:
    return Column(name, cells.count(*path), type="integer")


_COLUMNS: Mapping[Kind, tuple[Column, ...]] = {
    NAMESPACE: (_NAME, Column("Status", cells.field("status", "phase")), _AGE),
    NODE: (
        _NAME,
        Column("Status", cells.node_status),
        Column("Roles", cells.node_roles),
        _AGE,
        Column("Version", cells.field("status", "nodeInfo", "kubeletVersion")),
        Column("Internal-IP", cells.node_address("InternalIP"), wide=True),
        Column("External-IP", cells.node_address("ExternalIP"), wide=True),
        Column(
            "OS-Image",
            cells.field("status", "nodeInfo", "osImage", otherwise="<unknown>"),
            wide=True,
        ),
        Column("Kernel-Version", cells.kernel, wide=True),
        Column(
            "Container-Runtime",
            cells.field("status", "nodeInfo", "containerRuntimeVersion", otherwise="<unknown>"),
            wide=True,
        ),
    ),
    DEPLOYMENT: (
        _NAME,
        Column("Ready", cells.of(("status", "readyReplicas"), ("spec", "replicas"))),
        Column("Up-to-date", cells.count("status", "updatedReplicas")),
        Column("Available", cells.count("status", "availableReplicas")),
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
        Column("Ready", cells.of(("status", "readyReplicas"), ("spec", "replicas"))),
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
            lambda obj, _: cells.pairs(mapping(obj, "spec", "template", "spec", "nodeSelector")),
        ),
        _AGE,
        *_IMAGES,
        _SELECTOR,
    ),
    JOB: (
        _NAME,
        Column("Status", cells.job_status),
        Column("Completions", cells.of(("status", "succeeded"), ("spec", "completions"))),
        Column("Duration", cells.job_duration),
        _AGE,
        *_IMAGES,
        _SELECTOR,
    ),
    CRONJOB: (
        _NAME,
        Column("Schedule", cells.field("spec", "schedule")),
        Column("Timezone", cells.field("spec", "timeZone", otherwise="<none>")),
        Column("Suspend", lambda obj, _: bool(at(obj, "spec", "suspend")), type="boolean"),
        Column("Active", lambda obj, _: len(sequence(obj, "status", "active")), type="integer"),
        Column("Last Schedule", cells.ago("status", "lastScheduleTime")),
        _AGE,
    ),
    SERVICE: (
        _NAME,
        Column("Type", cells.field("spec", "type")),
        Column("Cluster-IP", cells.cluster_ip),
        Column("External-IP", cells.external_ip),
        Column("Port(s)", cells.service_ports),
        _AGE,
        Column("Selector", lambda obj, _: cells.pairs(mapping(obj, "spec", "selector")), wide=True),
    ),
    ENDPOINT_SLICE: (
        _NAME,
        Column("AddressType", cells.field("addressType")),
        Column("Ports", cells.slice_ports),
        Column("Endpoints", cells.slice_endpoints),
        _AGE,
    ),
    EVENT: (
        Column("Last Seen", cells.last_seen),
        Column("Type", cells.field("type")),
        Column("Reason", cells.field("reason")),
        Column("Object", cells.event_object),
        Column("Subobject", cells.field("involvedObject", "fieldPath"), wide=True),
        Column("Source", cells.event_source, wide=True),
        Column("Message", lambda obj, _: text(obj, "message").strip()),
        Column("First Seen", cells.first_seen, wide=True),
        Column("Count", cells.event_count, wide=True),
        Column("Name", cells.field("metadata", "name"), wide=True),
    ),
    SECRET: (
        _NAME,
        Column("Type", cells.field("type")),
        Column("Data", cells.length("data")),
        _AGE,
    ),
    CONFIGMAP: (_NAME, Column("Data", cells.length("data", "binaryData")), _AGE),
    LEASE: (_NAME, Column("Holder", cells.field("spec", "holderIdentity")), _AGE),
    NETWORK_POLICY: (_NAME, Column("Pod-Selector", cells.selector("spec", "podSelector")), _AGE),
    MUTATING_WEBHOOK: (_NAME, Column("Webhooks", cells.length("webhooks"), type="integer"), _AGE),
    VALIDATING_WEBHOOK: (_NAME, Column("Webhooks", cells.length("webhooks"), type="integer"), _AGE),
    ROLE: (_NAME, _CREATED),
    CLUSTER_ROLE: (_NAME, _CREATED),
    ROLE_BINDING: (_NAME, Column("Role", cells.role), _AGE, *_SUBJECTS),
    CLUSTER_ROLE_BINDING: (_NAME, Column("Role", cells.role), _AGE, *_SUBJECTS),
    CRD: (_NAME, _CREATED),
    POD: (
        _NAME,
        *(
            Column(name, cells.pod(index))
            for index, name in enumerate(("Ready", "Status", "Restarts"))
        ),
        _AGE,
        Column("IP", cells.field("status", "podIP", otherwise="<none>"), wide=True),
        Column("Node", cells.field("spec", "nodeName", otherwise="<none>"), wide=True),
        Column(
            "Nominated Node",
            cells.field("status", "nominatedNodeName", otherwise="<none>"),
            wide=True,
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
        if isinstance(found[0], list | dict):
            return json.dumps(found[0], separators=(",", ":"))
        return found[0]

    return Column(
        text(said, "name"),
        cell,
        wide=bool(said.get("priority")),
        type=type_,
    )
