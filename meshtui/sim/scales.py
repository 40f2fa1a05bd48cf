"""The `scale` subresource: how many replicas a workload has and shall have."""

from __future__ import annotations

from typing import Any

from meshtui.sim.errors import BadRequest
from meshtui.sim.objects import Raw, at, mapping

_FROM_OBJECT = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def of(obj: Raw) -> Raw:
    """The Scale of a workload."""
    labels = mapping(obj, "spec", "selector", "matchLabels")
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    metadata = obj["metadata"]
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: metadata[key] for key in _FROM_OBJECT if key in metadata},
        "spec": {"replicas": at(obj, "spec", "replicas") or 0},
        "status": {"replicas": at(obj, "status", "replicas") or 0, "selector": selector},
    }


def applied(obj: Raw, scale: Any) -> Raw:
    """The workload as a Scale wants it; BadRequest where that says no number."""
    replicas = at(scale, "spec", "replicas")
    if not isinstance(replicas, int):
        raise BadRequest("the object provided is unrecognized (must be of type Scale)")
    version = at(scale, "metadata", "resourceVersion") or obj["metadata"]["resourceVersion"]
    metadata = {**obj["metadata"], "resourceVersion": version}
    return {**obj, "metadata": metadata, "spec": {**mapping(obj, "spec"), "replicas": replicas}}
