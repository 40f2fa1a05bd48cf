"""OpenAPI, as much of it as `kubectl apply`, `diff` and `explain` ask for.

kubectl looks for the query parameters that a PATCH takes (`fieldValidation`, `dryRun`), for the formats that it takes,
and for a schema of the kind. Strategic merge patches are left out of the formats on purpose: kubectl then uses the
merge keys that it was built with, in place of those that a full schema would have to tell.
"""

from __future__ import annotations

from meshtui.sim.discovery import VERSION
from meshtui.sim.errors import NoSuchPath
from meshtui.sim.kinds import CRD, Kind, group_version
from meshtui.sim.objects import Raw, mapping, mappings, text
from meshtui.sim.patches import APPLY, JSON, MERGE
from meshtui.sim.store import Store

_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation", "force")
]
_ANY: Raw = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
PROTOBUF_V2 = b"\x0a\x032.0"
"""An OpenAPI v2 document of no more than its version, as protobuf: kubectl asks for v2 in no other form."""


def index(store: Store) -> Raw:
    """Where the documents are, one for each group and version."""
    paths = [_path(kind.group, version) for kind in store.kinds for version in kind.versions]
    return {
        "paths": {
            path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={_fingerprint(store)}"}
            for path in dict.fromkeys(paths)
        }
    }


def _fingerprint(store: Store) -> str:
    """Changes when kinds come or go; clients keep documents by it."""
    return f"{hash(store.kinds) & 0xFFFFFFFFFFFFFFFF:016X}"


def _path(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def document(store: Store, path: str) -> Raw:
    """The document of one group and version; NoSuchPath where there is none."""
    steps = path.split("/")
    group, version = ("", steps[-1]) if steps[0] == "api" else (steps[1], steps[-1])
    kinds = [kind for kind in store.kinds if kind.group == group and version in kind.versions]
    if not kinds:
        raise NoSuchPath
    operations: Raw = {}
    for kind in kinds:
        where = "/namespaces/{namespace}" if kind.namespaced else ""
        operations[f"/{path}{where}/{kind.plural}/{{name}}"] = {"patch": _patch(kind, version)}
    schemas = {_schema_name(kind, version): _schema(store, kind, version) for kind in kinds}
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": VERSION["gitVersion"]},
        "paths": operations,
        "components": {"schemas": schemas},
    }


def _patch(kind: Kind, version: str) -> Raw:
    reference = {"$ref": f"#/components/schemas/{_schema_name(kind, version)}"}
    return {
        "description": f"partially update the specified {kind.name}",
        "parameters": _PARAMETERS,
        "requestBody": {
            "required": True,
            "content": {type_: {"schema": _ANY} for type_ in (APPLY, JSON, MERGE)},
        },
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": reference}}}
        },
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": _gvk(kind, version),
    }


def _gvk(kind: Kind, version: str) -> Raw:
    return {"group": kind.group, "version": version, "kind": kind.name}


def _schema_name(kind: Kind, version: str) -> str:
    domain = ".".join(reversed(kind.group.split("."))) if kind.group else "core"
    return f"{domain}.{version}.{kind.name}"


def _schema(store: Store, kind: Kind, version: str) -> Raw:
    own: Raw = {}
    if kind.custom and (definition := store.get(CRD, "", str(kind))):
        for each in mappings(definition, "spec", "versions"):
            if text(each, "name") == version:
                own = mapping(each, "schema", "openAPIV3Schema")
    properties: Raw = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": _ANY,
        "spec": _ANY,
        **({"status": _ANY} if kind.status else {}),
        **mapping(own, "properties"),
    }
    return {
        "type": "object",
        "description": text(own, "description")
        or f"{kind.name} of {group_version(kind.group, version)}",
        "properties": properties,
        "x-kubernetes-group-version-kind": [_gvk(kind, version)],
    }


def swagger() -> Raw:
    """OpenAPI v2, of no more than its version: kubectl has v3, and falls back on what it was built with."""
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": VERSION["gitVersion"]},
        "paths": {},
    }
