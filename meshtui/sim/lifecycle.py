"""What becomes of one object when it is changed or deleted: what stays, what counts as a change, when it is gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshtui.sim.changes import Object
from meshtui.sim.kinds import NAMESPACE, POD, Kind
from meshtui.sim.objects import mapping, text

_KEPT_METADATA = (
    "name",
    "namespace",
    "generateName",
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
_NOT_WANTED = {"apiVersion", "kind", "metadata", "status"}


def merged(kind: Kind, before: Object, given: Mapping[str, Any], subresource: str) -> Object:
    """What an update keeps of both."""
    kept, new = before["metadata"], given.get("metadata") or {}
    if subresource:
        after = {**before}
        status = given.get("status")
        if status is None:
            after.pop("status", None)
        else:
            after["status"] = status
        metadata = dict(kept)
        # Kubernetes' own kinds take labels and annotations with a status, custom ones do not.
        for part in (
            ("managedFields",) if kind.custom else ("labels", "annotations", "managedFields")
        ):
            if part in new:
                metadata[part] = new[part]
    else:
        after = {"apiVersion": before["apiVersion"], "kind": before["kind"]}
        after |= {k: v for k, v in given.items() if k not in ("apiVersion", "kind")}
        if kind.status:
            after.pop("status", None)
            if "status" in before:
                after["status"] = before["status"]
        metadata = {**new}
        for part in _KEPT_METADATA:
            metadata.pop(part, None)
            if part in kept:
                metadata[part] = kept[part]
    after["metadata"] = metadata
    return after


def same(before: Object, after: Object) -> bool:
    """Whether two states differ in nothing but their resourceVersion and who wrote them."""
    if before is after:
        return True
    told = ("resourceVersion", "managedFields")
    first = {k: v for k, v in before["metadata"].items() if k not in told}
    second = {k: v for k, v in after["metadata"].items() if k not in told}
    return first == second and {**before, "metadata": None} == {**after, "metadata": None}


def wanted(obj: Mapping[str, Any]) -> Object:
    return {k: v for k, v in obj.items() if k not in _NOT_WANTED}


def grace_of(kind: Kind, obj: Mapping[str, Any], asked: int | None) -> int:
    """The seconds that an object keeps running after its deletion; 0 where it goes at once."""
    spec = mapping(obj, "spec")
    if kind != POD or not spec.get("nodeName"):
        return 0
    phase = text(obj, "status", "phase")
    said = spec.get("terminationGracePeriodSeconds")
    own = said if isinstance(said, int) else 30
    if phase in ("Succeeded", "Failed"):
        own = 0
    return own if asked is None else asked


def leaving(kind: Kind, obj: Object, seconds: int, until: str) -> Object:
    """The object marked as on its way out, which takes so many seconds, until then."""
    kept = obj["metadata"]
    metadata = {**kept, "deletionTimestamp": min(until, kept.get("deletionTimestamp", until))}
    if kind == NAMESPACE:
        status = {**mapping(obj, "status"), "phase": "Terminating"}
        return {**obj, "metadata": metadata, "status": status}
    metadata["deletionGracePeriodSeconds"] = seconds
    if kind.generations and "deletionTimestamp" not in kept:
        metadata["generation"] = kept.get("generation", 0) + 1
    return {**obj, "metadata": metadata}


def finished(obj: Mapping[str, Any]) -> bool:
    metadata = obj["metadata"]
    return (
        "deletionTimestamp" in metadata
        and not metadata.get("finalizers")
        and not metadata.get("deletionGracePeriodSeconds")
        and obj["kind"] != NAMESPACE.name
    )
