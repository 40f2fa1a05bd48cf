"""Cells of tables: what `kubectl get` says of an object in one column, as kube-apiserver works it out.

A cell is a function of the object and of the time; most are made by a function that takes the path to read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from meshtui.sim.durations import human, since
from meshtui.sim.objects import Raw, at, mapping, mappings, moment, sequence, text
from meshtui.sim.podcells import pod_cells

Cell = Callable[[Raw, datetime], Any]


def field(*path: str, otherwise: str = "") -> Cell:
    return lambda obj, _: text(obj, *path) or otherwise


def count(*path: str) -> Cell:
    def cell(obj: Raw, _: datetime) -> int:
        found = at(obj, *path)
        return found if isinstance(found, int) else 0

    return cell


def of(ready: Sequence[str], wanted: Sequence[str]) -> Cell:
    first, second = count(*ready), count(*wanted)
    return lambda obj, now: f"{first(obj, now)}/{second(obj, now)}"


def length(*names: str) -> Cell:
    return lambda obj, _: sum(len(mapping(obj, name)) or len(sequence(obj, name)) for name in names)


def ago(*path: str) -> Cell:
    return lambda obj, now: since(at(obj, *path), now)


def containers(part: str) -> Cell:
    def cell(obj: Raw, _: datetime) -> str:
        containers = mappings(obj, "spec", "template", "spec", "containers")
        return ",".join(text(container, part) for container in containers)

    return cell


def pairs(found: Mapping[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(found.items())) or "<none>"


def selector(*path: str) -> Cell:
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


def node_status(node: Raw, _: datetime) -> str:
    ready = [each for each in mappings(node, "status", "conditions") if each.get("type") == "Ready"]
    status = "Unknown"
    if ready:
        status = "Ready" if ready[-1].get("status") == "True" else "NotReady"
    return status + (",SchedulingDisabled" if at(node, "spec", "unschedulable") else "")


def node_roles(node: Raw, _: datetime) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = mapping(node, "metadata", "labels")
    return (
        ",".join(sorted(key[len(prefix) :] for key in labels if key.startswith(prefix))) or "<none>"
    )


def node_address(type_: str) -> Cell:
    def cell(node: Raw, _: datetime) -> str:
        found = [
            text(each, "address")
            for each in mappings(node, "status", "addresses")
            if each.get("type") == type_
        ]
        return found[0] if found else "<none>"

    return cell


def kernel(node: Raw, _: datetime) -> str:
    info = mapping(node, "status", "nodeInfo")
    architecture = text(info, "architecture")
    name = text(info, "kernelVersion") or "<unknown>"
    return f"{name} ({architecture})" if architecture else name


def external_ip(service: Raw, _: datetime) -> str:
    fixed = [str(address) for address in sequence(service, "spec", "externalIPs")]
    match text(service, "spec", "type"):
        case "ExternalName":
            return text(service, "spec", "externalName")
        case "LoadBalancer":
            ingress = mappings(service, "status", "loadBalancer", "ingress")
            given = sorted({text(each, "ip") or text(each, "hostname") for each in ingress})
            return ",".join([*given, *fixed]) or "<pending>"
    return ",".join(fixed) or "<none>"


def cluster_ip(service: Raw, _: datetime) -> str:
    addresses = sequence(service, "spec", "clusterIPs")
    return str(addresses[0]) if addresses else text(service, "spec", "clusterIP") or "<none>"


def service_ports(service: Raw, _: datetime) -> str:
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


def slice_ports(slice_: Raw, _: datetime) -> str:
    return _some([str(each.get("port") or "*") for each in mappings(slice_, "ports")])


def slice_endpoints(slice_: Raw, _: datetime) -> str:
    return _some(
        [
            str(address)
            for endpoint in mappings(slice_, "endpoints")
            for address in sequence(endpoint, "addresses")
        ]
    )


def last_seen(event: Raw, now: datetime) -> str:
    last = at(event, "series", "lastObservedTime") or at(event, "lastTimestamp")
    return since(last, now) if last else first_seen(event, now)


def first_seen(event: Raw, now: datetime) -> str:
    return since(at(event, "firstTimestamp") or at(event, "eventTime"), now)


def event_object(event: Raw, _: datetime) -> str:
    about = mapping(event, "involvedObject")
    name = text(about, "name")
    return text(about, "kind").lower() + (f"/{name}" if name else "")


def event_source(event: Raw, _: datetime) -> str:
    component = text(event, "source", "component") or text(event, "reportingComponent")
    host = text(event, "source", "host") or text(event, "reportingInstance")
    return f"{component}, {host}" if host else component


def event_count(event: Raw, _: datetime) -> int:
    found = at(event, "series", "count") or at(event, "count")
    return found if isinstance(found, int) else 1


def role(binding: Raw, _: datetime) -> str:
    return f"{text(binding, 'roleRef', 'kind')}/{text(binding, 'roleRef', 'name')}"


def subjects(kind: str) -> Cell:
    def cell(binding: Raw, _: datetime) -> str:
        return ", ".join(
            f"{each['namespace']}/{text(each, 'name')}"
            if kind == "ServiceAccount" and "namespace" in each
            else text(each, "name")
            for each in mappings(binding, "subjects")
            if each.get("kind") == kind
        )

    return cell


def job_status(job: Raw, _: datetime) -> str:
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


def job_duration(job: Raw, now: datetime) -> str:
    start = moment(at(job, "status", "startTime"))
    end = moment(at(job, "status", "completionTime")) or now
    return human(end - start) if start else ""


def pod(index: int) -> Cell:
    return lambda pod, now: pod_cells(pod, now)[index]
