"""Writes: the requests that change a cluster. LiveSession alone makes them, and `perform` alone asks it to; `levels`
for what is posted to a proxy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from meshtui.kube import portforward, secrets
from meshtui.kube.api import JSON, Api, address, decode
from meshtui.kube.discovery import Discovery
from meshtui.kube.session import Written
from meshtui.mesh.changes import MANAGER, Change, Create, Delete, Patch
from meshtui.mesh.kinds import SECRET
from meshtui.mesh.raw import text
from meshtui.mesh.snapshot import Ref

_MERGE = "application/merge-patch+json"
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')


async def write(api: Api, discovery: Discovery, change: Change, *, dry_run: bool) -> Written:
    """Sends a change, for the object as it was when the change was made alone: the server answers Conflict for any
    other. A dry run passes all that the change would have to pass, and stores nothing. Raises KubeError."""
    version = await discovery.version(change.target.kind)
    method, content_type, name, body = _request(change, dry_run)
    path = address(change.target.kind, version, change.target.namespace, name)
    params = {"fieldManager": MANAGER, **({"dryRun": "All"} if dry_run else {})}
    said, headers = await api.send(method, path, params, body, content_type)
    told = warnings(headers)
    answer = decode(said, dict[str, Any], path)
    if isinstance(change, Delete):
        return Written(None, told)
    return Written(
        secrets.certificates_only(answer) if change.target.kind == SECRET else answer, told
    )


async def admin(api: Api, pod: Ref, port: int, target: str) -> bytes:
    """Posts to the admin port of a proxy, and gives what it answers. Raises KubeError."""
    return await portforward.post(api, pod.namespace, pod.name, port, target)


def _request(change: Change, dry_run: bool) -> tuple[str, str, str, Mapping[str, Any]]:
    """Method, content type, the name in the path, and the body."""
    match change:
        case Create(wanted=wanted):
            return "POST", JSON, "", wanted
        case Patch(target=target, patch=patch, based_on=version):
            metadata = {**(patch.get("metadata") or {}), "resourceVersion": version}
            return "PATCH", _MERGE, target.name, {**patch, "metadata": metadata}
        case Delete(target=target, before=before, based_on=version):
            same = {"uid": text(before, "metadata", "uid"), "resourceVersion": version}
            body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": same}
            return (
                "DELETE",
                JSON,
                target.name,
                {**body, "dryRun": ["All"]} if dry_run else body,
            )


def warnings(headers: Iterable[str]) -> tuple[str, ...]:
    """The texts of `Warning: 299 - "text"` (kubernetes.io, "Warning: helpful warnings ahead"; RFC 7234, 5.5)."""
    found = (each for header in headers for each in _WARNING.findall(header))
    texts = (re.sub(r"\\(.)", r"\1", each) for each in found)
    return tuple(each.encode("utf-8", "replace").decode() for each in texts)  # bytes of no text
