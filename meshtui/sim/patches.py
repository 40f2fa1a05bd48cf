"""JSON merge patch, JSON patch and strategic merge patch: each gives a new object, and the old one stays."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import jsonpatch
from json_merge_patch import lib as json_merge_patch

from meshtui.sim.errors import BadRequest, StatusError, UnsupportedMediaType
from meshtui.sim.kinds import Kind

JSON = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"

MERGE_KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "containers.ports": ("containerPort", "protocol"),
    "initContainers.ports": ("containerPort", "protocol"),
    "spec.ports": ("port", "protocol"),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "volumes": ("name",),
    "imagePullSecrets": ("name",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "conditions": ("type",),
    "addresses": ("type",),
    "podIPs": ("ip",),
    "hostIPs": ("ip",),
    "ownerReferences": ("uid",),
    "secrets": ("name",),
    "webhooks": ("name",),
    "listeners": ("name",),
}
"""Lists that are tables: by field (with its parent's where that decides), what tells their entries apart. The first
of the keys is the `patchMergeKey`, all together the `x-kubernetes-list-map-keys`; from Kubernetes' API types and,
for listeners, the Gateway API's definitions."""

SETS = frozenset({"finalizers"})
"""Lists of plain values that are merged as sets."""

_DIRECTIVES = frozenset({"$patch", "$retainKeys"})
_ELEMENT_ORDER = "$setElementOrder/"
_DELETE_FROM = "$deleteFromPrimitiveList/"


class Unprocessable(StatusError):  # noqa: N818 - reads as what the server says
    code, reason = 422, "Invalid"

    def __init__(self) -> None:
        super().__init__("the server rejected our request due to an error in our request")


def keys_of(parent: str, name: str) -> tuple[str, ...] | None:
    """What tells apart the entries of the list `name` inside `parent`; None where it is replaced as a whole."""
    return MERGE_KEYS.get(f"{parent}.{name}") or MERGE_KEYS.get(name)


def patched(kind: Kind, content_type: str, obj: Mapping[str, Any], patch: Any) -> dict[str, Any]:
    """The object with a patch of the given content type; for server-side apply see `managers`.

    Raises BadRequest, Unprocessable or UnsupportedMediaType.
    """
    apply = _FORMATS.get(content_type)
    if apply is None or (content_type == STRATEGIC and kind.custom):
        supported = [*_FORMATS, APPLY]
        if kind.custom:
            supported.remove(STRATEGIC)
        raise UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: "
            + ", ".join(supported)
        )
    result = apply(obj, patch)
    if not isinstance(result, dict) or not isinstance(result.get("metadata"), dict):
        raise Unprocessable
    return result


def overlaid(obj: Mapping[str, Any], wish: Mapping[str, Any]) -> dict[str, Any]:
    """The object with all that `wish` says; lists with merge keys are merged entry by entry."""
    return _merged("", obj, wish)


def _json(obj: Mapping[str, Any], patch: Any) -> Any:
    try:
        return jsonpatch.apply_patch(obj, patch)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError) as error:
        raise Unprocessable from error


def _merge(obj: Mapping[str, Any], patch: Any) -> Any:
    if not isinstance(patch, dict):
        raise BadRequest(
            "json: cannot unmarshal patch into Go value of type map[string]interface {}"
        )
    return json_merge_patch.merge(copy.deepcopy(dict(obj)), copy.deepcopy(patch))


def _strategic(obj: Mapping[str, Any], patch: Any) -> Any:
    if not isinstance(patch, dict):
        raise BadRequest(
            "json: cannot unmarshal patch into Go value of type map[string]interface {}"
        )
    return _merged("", obj, patch)


_FORMATS: Mapping[str, Callable[[Mapping[str, Any], Any], Any]] = {
    JSON: _json,
    MERGE: _merge,
    STRATEGIC: _strategic,
}


def _merged(parent: str, old: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key not in _DIRECTIVES}
    result = dict(old)
    retained = patch.get("$retainKeys")
    if retained is not None:
        result = {key: value for key, value in result.items() if key in retained}
    for key, value in patch.items():
        if key in _DIRECTIVES or key.startswith(_ELEMENT_ORDER):
            continue
        if key.startswith(_DELETE_FROM):
            name = key.removeprefix(_DELETE_FROM)
            result[name] = [each for each in result.get(name) or () if each not in value]
        elif value is None or (isinstance(value, dict) and value.get("$patch") == "delete"):
            result.pop(key, None)
        elif isinstance(value, dict):
            before = result.get(key)
            result[key] = _merged(key, before if isinstance(before, dict) else {}, value)
        elif isinstance(value, list):
            order = patch.get(_ELEMENT_ORDER + key)
            result[key] = _merged_list(parent, key, result.get(key), value, order)
        else:
            result[key] = value
    return result


def _merged_list(parent: str, name: str, old: Any, patch: list[Any], order: Any) -> list[Any]:
    before = old if isinstance(old, list) else []
    if name in SETS:
        return [*before, *(each for each in patch if each not in before)]
    keys = keys_of(parent, name)
    entries = [each for each in patch if isinstance(each, dict)]
    if any(each.get("$patch") == "replace" for each in entries):
        return [each for each in entries if "$patch" not in each]
    if keys is None or len(entries) < len(patch) or any(keys[0] not in each for each in entries):
        return patch
    key = keys[0]
    result = {each.get(key): each for each in before if isinstance(each, dict)}
    for each in entries:
        if each.get("$patch") == "delete":
            result.pop(each[key], None)
        else:
            result[each[key]] = _merged(name, result.get(each[key], {}), each)
    return _ordered(list(result.values()), key, order)


def _ordered(entries: list[Any], key: str, order: Any) -> list[Any]:
    """By the order that the patch gives; what it does not name comes last."""
    if not isinstance(order, list):
        return entries
    wanted = [each.get(key) if isinstance(each, dict) else each for each in order]
    place = {value: index for index, value in enumerate(wanted)}
    return sorted(entries, key=lambda each: place.get(each.get(key), len(place)))
