"""Dry runs: whether the server would take an object as it stands in a file; nothing is stored by it."""

from __future__ import annotations

from typing import Any

from meshtui.kube.api import Api, address, decode
from meshtui.kube.discovery import Discovery
from meshtui.kube.errors import Forbidden, KubeError, StatusError
from meshtui.kube.writes import warnings
from meshtui.mesh.changes import MANAGER
from meshtui.mesh.doctor.configuration.schema import Tried
from meshtui.mesh.raw import Raw, name, namespace, text

_APPLY = "application/apply-patch+yaml"
_OF_ADMISSION = ("admission webhook", "ValidatingAdmissionPolicy")
"""What a refusal by admission says, which has the status of a missing right."""
_OF_STRUCTURE = "failed to create typed patch object"
"""What is no object of its schema, such as a key that stands twice in a list; the server calls that its own failure."""


async def tried(api: Api, discovery: Discovery, raw: Raw, default: str) -> Tried:
    """What schemas, their rules and admission say of an object, be it there already or not; one without a namespace is
    for `default`. Never raises KubeError: what cannot be tried is unknown."""
    group, _, version = text(raw, "apiVersion").rpartition("/")
    try:
        await discovery.read()
        kinds = (each.kind for each in discovery.served.values())
        wanted = (group, text(raw, "kind"))
        kind = next((each for each in kinds if (each.group, each.title) == wanted), None)
        if kind is None:
            return Tried(unknown=f"{text(raw, 'kind')} ({group}) is not installed in this cluster")
        where = (namespace(raw) or default) if kind.namespaced else None
        path = address(kind, version, where, name(raw))
        params = {"fieldManager": MANAGER, "force": "true", "fieldValidation": "Strict"}
        said, headers = await api.send("PATCH", path, {**params, "dryRun": "All"}, raw, _APPLY)
        decode(said, dict[str, Any], path)
    except StatusError as error:
        by_admission = isinstance(error, Forbidden) and any(
            words in error.problem.text for words in _OF_ADMISSION
        )
        malformed = _OF_STRUCTURE in error.problem.text
        if error.code in (400, 422) or by_admission or malformed:
            return Tried(refused=error.problem.text)
        return Tried(unknown=error.problem.text)
    except KubeError as error:
        return Tried(unknown=error.problem.text)
    return Tried(warnings=warnings(headers))
