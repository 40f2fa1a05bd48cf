"""What the API server fills in where an object says nothing, as kube-apiserver 1.36 does: a table, and three rules."""

from __future__ import annotations

import base64
import random
from collections.abc import Mapping
from typing import Any

from meshtui.sim.kinds import (
    CRONJOB,
    DAEMONSET,
    DEPLOYMENT,
    JOB,
    NAMESPACE,
    NETWORK_POLICY,
    POD,
    REPLICASET,
    SECRET,
    SERVICE,
    STATEFULSET,
    Kind,
)
from meshtui.sim.objects import Raw, mapping, mappings, text
from meshtui.sim.store import Store

_CONTAINER: Raw = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "imagePullPolicy": "IfNotPresent",
    "ports": [{"protocol": "TCP"}],
}
_POD_SPEC: Raw = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
    "containers": [_CONTAINER],
    "initContainers": [_CONTAINER],
}
_ROLLING = {
    "type": "RollingUpdate",
    "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
}
_TEMPLATE: Raw = {"spec": _POD_SPEC}

DEFAULTS: Mapping[Kind, Raw] = {
    POD: {
        "spec": {
            **_POD_SPEC,
            "serviceAccountName": "default",
            "serviceAccount": "default",
            "enableServiceLinks": True,
            "preemptionPolicy": "PreemptLowerPriority",
            "priority": 0,
        },
        "status": {"phase": "Pending"},
    },
    DEPLOYMENT: {
        "spec": {
            "replicas": 1,
            "template": _TEMPLATE,
            "strategy": _ROLLING,
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
        },
        "status": {},
    },
    REPLICASET: {"spec": {"replicas": 1, "template": _TEMPLATE}, "status": {"replicas": 0}},
    STATEFULSET: {
        "spec": {
            "replicas": 1,
            "template": _TEMPLATE,
            "podManagementPolicy": "OrderedReady",
            "revisionHistoryLimit": 10,
        },
        "status": {"replicas": 0},
    },
    DAEMONSET: {
        "spec": {
            "template": _TEMPLATE,
            "updateStrategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0},
            },
            "revisionHistoryLimit": 10,
        },
        "status": {
            "currentNumberScheduled": 0,
            "desiredNumberScheduled": 0,
            "numberMisscheduled": 0,
            "numberReady": 0,
        },
    },
    JOB: {"spec": {"parallelism": 1, "completions": 1, "backoffLimit": 6}, "status": {}},
    CRONJOB: {"spec": {"concurrencyPolicy": "Allow", "suspend": False}, "status": {}},
    SERVICE: {
        "spec": {
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "ports": [{"protocol": "TCP"}],
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "internalTrafficPolicy": "Cluster",
        },
        "status": {"loadBalancer": {}},
    },
    SECRET: {"type": "Opaque"},
    NAMESPACE: {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}},
}
"""By kind. A list of one mapping says what each entry of that list has; it makes no list where there is none."""


def filled(store: Store, kind: Kind, obj: Raw, before: Raw | None = None) -> Raw:
    """The object with its defaults; what it says itself stays, and of what was there `before`, its address."""
    result = _overlaid(obj, DEFAULTS.get(kind, {}))
    if kind == SERVICE:
        return {**result, "spec": _addressed(store, result["spec"], before)}
    if kind == SECRET:
        return _encoded(result)
    if kind == NETWORK_POLICY:
        return {**result, "spec": _directed(mapping(result, "spec"))}
    if kind == NAMESPACE:
        metadata = result["metadata"]
        own = {"kubernetes.io/metadata.name": text(metadata, "name")}
        return {**result, "metadata": {**metadata, "labels": mapping(metadata, "labels") | own}}
    return result


def _overlaid(value: Any, defaults: Raw) -> Raw:
    result = dict(value) if isinstance(value, dict) else {}
    for key, default in defaults.items():
        own = result.get(key)
        if isinstance(default, list) and isinstance(default[0], dict):
            if isinstance(own, list):
                result[key] = [
                    _overlaid(each, default[0]) if isinstance(each, dict) else each for each in own
                ]
        elif isinstance(default, dict) and (own is None or isinstance(own, dict)):
            result[key] = _overlaid(own, default)
        elif own is None:
            result[key] = default
    return result


def _directed(spec: Raw) -> Raw:
    """The spec of a NetworkPolicy with the directions that it is for: out, too, where it has rules for that."""
    if spec.get("policyTypes"):
        return spec
    return {**spec, "policyTypes": ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]}


def _addressed(store: Store, spec: Raw, before: Raw | None) -> Raw:
    """The spec of a Service with an address of its own, unless it is headless or a name for something outside."""
    type_ = text(spec, "type")
    ports = [_port(each, type_) for each in mappings(spec, "ports")]
    made = {**spec, **({"ports": ports} if ports else {})}
    if type_ == "ExternalName":
        return made
    address = text(spec, "clusterIP") or text(before, "spec", "clusterIP")
    if not address:
        taken = {text(each, "spec", "clusterIP") for each in store.list(SERVICE)}
        while not address or address in taken:
            address = f"10.96.{random.randrange(1, 255)}.{random.randrange(1, 255)}"
    return {**made, "clusterIP": address, "clusterIPs": [address]}


def _port(port: Raw, type_: str) -> Raw:
    made = {"targetPort": port.get("port"), **port}
    if type_ in ("LoadBalancer", "NodePort"):
        made.setdefault("nodePort", random.randrange(30000, 32768))
    return made


def _encoded(secret: Raw) -> Raw:
    """`stringData` becomes data and is never shown."""
    plain = mapping(secret, "stringData")
    rest = {key: value for key, value in secret.items() if key != "stringData"}
    if plain:
        coded = {
            key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()
        }
        rest["data"] = mapping(rest, "data") | coded
    return rest
