"""Who wrote an object last, and when: the entries of `metadata.managedFields` that Kubernetes' own programs leave.

Which fields each of them has is told roughly: nobody here applies by them.
"""

from __future__ import annotations

from meshtui.sim.objects import Raw, mappings

MADE: Raw = {
    "f:metadata": {"f:labels": {}, "f:ownerReferences": {}},
    "f:spec": {"f:containers": {}},
}
"""What a controller says of a pod when it makes it."""
STATUS: Raw = {"f:status": {"f:conditions": {}, "f:phase": {}, "f:podIP": {}}}


def managed(
    metadata: Raw, manager: str, time: str, fields: Raw, version: str = "v1", subresource: str = ""
) -> Raw:
    """The metadata with an entry for what a manager has just written, in place of its older one."""
    before = mappings({"metadata": metadata}, "metadata", "managedFields")
    same = {"manager": manager, "subresource": subresource or None}
    kept = [each for each in before if {key: each.get(key) for key in same} != same]
    entry = {
        "manager": manager,
        "operation": "Update",
        "apiVersion": version,
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        **({"subresource": subresource} if subresource else {}),
    }
    return {**metadata, "managedFields": [*kept, entry]}
