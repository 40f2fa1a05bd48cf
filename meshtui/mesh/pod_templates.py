"""Pod templates: the controllers that make pods from one, and what takes their pods into the mesh or out of it.

The label goes into the template, never onto a pod, whose next rollout would lose it.
"""

from __future__ import annotations

from collections.abc import Mapping

from meshtui.mesh import reach
from meshtui.mesh.capture import DATAPLANE_MODE
from meshtui.mesh.changes import Patch, Refusal
from meshtui.mesh.kinds import DAEMONSET, DEPLOYMENT, STATEFULSET
from meshtui.mesh.pods import Pod
from meshtui.mesh.raw import Raw, dig, strings
from meshtui.mesh.snapshot import Ref, Snapshot

_LABELS = ("spec", "template", "metadata", "labels")

CONTROLLERS = {kind.title: kind for kind in (DEPLOYMENT, DAEMONSET, STATEFULSET)}
"""Those that replace their pods where their template changes."""


def controller(pod: Pod) -> Ref | None:
    """The object that makes a pod from a template; None where there is none that replaces it."""
    title, _, name = pod.controller.partition("/")
    return Ref(CONTROLLERS[title], pod.namespace, name) if title in CONTROLLERS else None


def join(target: Ref, it: Raw, snapshot: Snapshot) -> Patch | Refusal:
    """The pods of a controller into the mesh, whatever the namespace says."""
    title = f"Take {target.kind.title} {target.key} into the mesh"
    return _labelled(target, it, snapshot, title, "ambient")


def leave(target: Ref, it: Raw, snapshot: Snapshot) -> Patch | Refusal:
    """The pods of a controller out of the mesh, whatever the namespace says."""
    title = f"Take {target.kind.title} {target.key} out of the mesh"
    return _labelled(target, it, snapshot, title, "none")


def follow(target: Ref, it: Raw, snapshot: Snapshot) -> Patch | Refusal:
    """The pods of a controller as the namespace says."""
    title = f"Let {target.kind.title} {target.key} follow its namespace"
    return _labelled(target, it, snapshot, title, None)


def _labelled(
    target: Ref, it: Raw, snapshot: Snapshot, title: str, mode: str | None
) -> Patch | Refusal:
    if not isinstance(dig(it, "spec", "template"), Mapping):
        return Refusal(f"{target.kind.title} {target.key} has no template that pods are made from")
    if strings(it, *_LABELS).get(DATAPLANE_MODE) == mode:
        said = f"is labelled {DATAPLANE_MODE}={mode}" if mode else f"has no label {DATAPLANE_MODE}"
        return Refusal(f"the template of {target.kind.title} {target.key} {said} already")
    labels = {"metadata": {"labels": {DATAPLANE_MODE: mode}}}
    return Patch(
        title=title,
        target=target,
        before=it,
        patch={"spec": {"template": labels}},
        reach=reach.of_controller(target, snapshot),
        warnings=("its pods are replaced, and connections to them break as they go",),
    )
