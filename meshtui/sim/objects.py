"""Reading and stamping raw objects: whatever someone wrote into one, these give a value of the type they promise."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

Raw = dict[str, Any]
NOTHING: Raw = {}


def at(value: object, *path: str) -> Any:
    """What stands at the end of a path of keys, or None."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def mapping(value: object, *path: str) -> Raw:
    """The mapping at the end of a path; empty for anything else."""
    for key in path:
        if not isinstance(value, dict):
            return NOTHING
        value = value.get(key)
    return value if isinstance(value, dict) else NOTHING


def sequence(value: object, *path: str) -> list[Any]:
    """The list at the end of a path; empty for anything else."""
    for key in path:
        if not isinstance(value, dict):
            return []
        value = value.get(key)
    return value if isinstance(value, list) else []


def mappings(value: object, *path: str) -> list[Raw]:
    """The mappings in the list at the end of a path."""
    return [item for item in sequence(value, *path) if isinstance(item, dict)]


def text(value: object, *path: str) -> str:
    """The string at the end of a path; empty for anything else."""
    for key in path:
        if not isinstance(value, dict):
            return ""
        value = value.get(key)
    return value if isinstance(value, str) else ""


def integer(value: object, *path: str, default: int = 0) -> int:
    """The whole number at the end of a path; the default for anything else."""
    found = at(value, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else default


def name(obj: Raw) -> str:
    return text(obj, "metadata", "name")


def namespace(obj: Raw) -> str:
    return text(obj, "metadata", "namespace")


def uid(obj: Raw) -> str:
    return text(obj, "metadata", "uid")


def labels(obj: Raw) -> Raw:
    return mapping(obj, "metadata", "labels")


def annotation(obj: Raw, key: str) -> str | None:
    """The value of an annotation, or None."""
    value = mapping(obj, "metadata", "annotations").get(key)
    return value if isinstance(value, str) else None


def full_name(obj: Raw) -> str:
    """namespace/name."""
    return f"{namespace(obj)}/{name(obj)}"


def controller(obj: Raw) -> Raw:
    """The owner reference of the controller; empty where there is none."""
    for reference in mappings(obj, "metadata", "ownerReferences"):
        if reference.get("controller") is True:
            return reference
    return NOTHING


def owner_reference(owner: Raw, *, controls: bool = True) -> Raw:
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name(owner),
        "uid": uid(owner),
    }
    return reference | ({"controller": True, "blockOwnerDeletion": True} if controls else {})


def annotated(obj: Raw, key: str, value: str | None) -> Raw:
    """The metadata of an object with an annotation set, or taken away where None."""
    notes = {k: v for k, v in mapping(obj, "metadata", "annotations").items() if k != key}
    if value is not None:
        notes[key] = value
    return {**mapping(obj, "metadata"), "annotations": notes}


def subset(wanted: object, of: Raw) -> bool:
    """Whether every label of a matchLabels or a Service's selector is there. An empty one matches all."""
    return isinstance(wanted, dict) and all(of.get(key) == value for key, value in wanted.items())


def selects(selector: object, of: Raw) -> bool:
    """Whether a LabelSelector (matchLabels and matchExpressions) selects these labels."""
    if not isinstance(selector, dict):
        return False
    if not subset(selector.get("matchLabels") or {}, of):
        return False
    return all(_expression(each, of) for each in mappings(selector, "matchExpressions"))


def _expression(expression: Raw, of: Raw) -> bool:
    key, operator = text(expression, "key"), text(expression, "operator")
    values = sequence(expression, "values")
    match operator:
        case "In":
            return key in of and of[key] in values
        case "NotIn":
            return key not in of or of[key] not in values
        case "Exists":
            return key in of
        case "DoesNotExist":
            return key not in of
    return False


def condition(obj: Raw, kind: str) -> Raw:
    """The condition of that type in status.conditions; empty where there is none."""
    for each in mappings(obj, "status", "conditions"):
        if each.get("type") == kind:
            return each
    return NOTHING


def is_true(obj: Raw, kind: str) -> bool:
    return condition(obj, kind).get("status") == "True"


def merged(old: Iterable[Raw], new: Iterable[Raw], stamp: str) -> list[Raw]:
    """New conditions with the time of their last change: kept from the old ones where the status is the same."""
    before = {text(each, "type"): each for each in old}
    result = []
    for each in new:
        known = before.get(each["type"], NOTHING)
        same = known.get("status") == each["status"] and "lastTransitionTime" in known
        result.append(each | {"lastTransitionTime": known["lastTransitionTime"] if same else stamp})
    return result


def seconds(moment: datetime) -> str:
    """RFC 3339 with whole seconds, as Kubernetes writes times; of a moment in UTC."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def micros(moment: datetime) -> str:
    """RFC 3339 with microseconds, as in logs and events."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(stamp: object) -> datetime | None:
    """The time that a stamp says, or None."""
    if not isinstance(stamp, str):
        return None
    try:
        found = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
