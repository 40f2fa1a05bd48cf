"""Ownership: which tools wrote an object and would write it again, by their labels, annotations and field managers.

Argo CD: argo-cd.readthedocs.io, "Resource Tracking". Flux: fluxcd.io, "Kustomization" and "HelmRelease". Helm:
helm.sh/docs, "Labels and Annotations". Fields: kubernetes.io, "Server-Side Apply".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from meshtui.mesh.changes import MANAGER, Change, Delete
from meshtui.mesh.diff import LAST_APPLIED
from meshtui.mesh.raw import Raw, annotation, dig, entries, label, table, text
from meshtui.mesh.standing import Path, touched


class Owner(Struct, frozen=True):
    """A tool that an object is from."""

    tool: str
    """ "Argo CD", "Flux", "Helm", "kustomize", or the name of a field manager."""
    name: str
    """What it calls the source: "application shop", "release shop/web"; "" where that is not told."""
    gitops: bool
    """It puts back by itself, within minutes, what it says of the object."""
    sets: bool | None
    """Whether it says something of the fields that a change touches; None where that is not told."""

    @property
    def text(self) -> str:
        """What that means for a change."""
        who = f"{self.tool} ({self.name})" if self.name else self.tool
        if self.sets is False:
            return f"{who} manages this object, but says nothing of what is changed here"
        when = "" if self.gitops else " the next time it is applied"
        if self.sets is None:
            return f"{who} manages this object and may revert the change{when}"
        return f"{who} will revert the change{when}: make it in its source instead"


class _Tool(Struct, frozen=True):
    title: str
    managers: tuple[str, ...] = ()
    gitops: bool = False


_ARGO = _Tool("Argo CD", ("argocd-controller", "argocd-application-controller"), gitops=True)
_FLUX = _Tool("Flux", ("kustomize-controller", "helm-controller"), gitops=True)
_HELM = _Tool("Helm", ("helm",))
_KUSTOMIZE = _Tool("kustomize")
_TOOLS = (_ARGO, _FLUX, _HELM)


def owners(it: Raw, change: Change) -> Sequence[Owner]:
    """The tools that an object is from, those that revert first; `it` is whole, with its managedFields."""
    found = {tool.title: (tool, source) for tool, source in reversed(list(_marked(it)))}
    for tool in _TOOLS:
        if any(text(each, "manager") in tool.managers for each in _managers(it)):
            found.setdefault(tool.title, (tool, ""))
    known = {manager for tool, _ in found.values() for manager in tool.managers}
    for each in _managers(it):
        manager = text(each, "manager")
        if text(each, "operation") == "Apply" and manager not in known | {"", MANAGER}:
            found.setdefault(manager, (_Tool(manager, (manager,)), "server-side apply"))
    told = [
        Owner(tool.title, source, tool.gitops, _sets(it, tool, change))
        for tool, source in found.values()
    ]
    named = {tool.title for tool in (*_TOOLS, _KUSTOMIZE)}
    kept = [owner for owner in told if owner.sets or owner.tool in named]
    return sorted(kept, key=lambda owner: (owner.sets is not True, not owner.gitops, owner.tool))


def _marked(it: Raw) -> Iterator[tuple[_Tool, str]]:
    """By labels and annotations, the most telling first."""
    tracking = annotation(it, "argocd.argoproj.io/tracking-id").partition(":")[0]
    if argo := tracking or label(it, "argocd.argoproj.io/instance"):
        yield _ARGO, f"application {argo}"
    for toolkit, what in (("kustomize", "Kustomization"), ("helm", "HelmRelease")):
        prefix = f"{toolkit}.toolkit.fluxcd.io"
        if flux := label(it, f"{prefix}/name"):
            yield _FLUX, f"{what} {label(it, f'{prefix}/namespace')}/{flux}"
    managed_by = label(it, "app.kubernetes.io/managed-by")
    if release := annotation(it, "meta.helm.sh/release-name"):
        yield _HELM, f"release {annotation(it, 'meta.helm.sh/release-namespace')}/{release}"
    elif managed_by == "Helm":
        yield _HELM, ""
    if managed_by.startswith("kustomize") or annotation(it, "config.kubernetes.io/origin"):
        yield _KUSTOMIZE, ""


def _managers(it: Raw) -> Iterator[Raw]:
    """Who wrote which fields, beside the status."""
    for each in entries(it, "metadata", "managedFields"):
        if not text(each, "subresource"):
            yield each


def _sets(it: Raw, tool: _Tool, change: Change) -> bool | None:
    if isinstance(change, Delete):
        return True
    written = [
        table(each, "fieldsV1") for each in _managers(it) if text(each, "manager") in tool.managers
    ]
    applied = _last_applied(it)
    if not written and not applied:
        return None
    paths = touched(change)
    return any(_owns(fields, path) for fields in written for path in paths) or any(
        dig(applied, *path) is not None for path in paths
    )


def _owns(fields: Any, path: Path) -> bool:
    """Whether FieldsV1 have a field, or one that it is an inseparable part of."""
    for step in path:
        fields = dig(fields, f"f:{step}")
        if fields is None:
            return False
        if fields == {}:
            return True
    return True


def _last_applied(it: Raw) -> Raw:
    """What `kubectl apply`, and whoever works as it does, said last."""
    try:
        found = json.loads(annotation(it, LAST_APPLIED) or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
