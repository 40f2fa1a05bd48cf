"""Deletions: an object taken away, with what goes along and whether there is a way back."""

from __future__ import annotations

from collections.abc import Iterator

from meshtui.mesh import reach, waypoint_changes, waypoints
from meshtui.mesh.changes import Delete, Refusal
from meshtui.mesh.checks import count, listed
from meshtui.mesh.kinds import CRD, GATEWAY, NAMESPACE, POD, SECRET, SERVICE
from meshtui.mesh.pod_templates import CONTROLLERS
from meshtui.mesh.raw import Raw, dig, entries, text
from meshtui.mesh.snapshot import Ref, Snapshot


def of(target: Ref, it: Raw, snapshot: Snapshot) -> Delete | Refusal:
    """Any object but a Secret, which could not be made again without reading what it holds."""
    title = f"{target.kind.title} {target.key}"
    if target.kind == SECRET:
        return Refusal("of a Secret only its certificates are read here, so it could not come back")
    if target.kind == GATEWAY and waypoints.is_made_for_waypoints(it, snapshot):
        return waypoint_changes.delete(target, it, snapshot)
    if text(it, "metadata", "deletionTimestamp"):
        return Refusal(f"{title} is being deleted already")
    maker = _maker(it)
    return Delete(
        title=f"Delete {title}",
        target=target,
        before=it,
        danger=True,
        final=target.kind in (NAMESPACE, CRD) or bool(maker),
        warnings=tuple(_warnings(target, it, maker)),
        reach=_reach(target, snapshot),
    )


def _warnings(target: Ref, it: Raw, maker: str) -> Iterator[str]:
    if target.kind == NAMESPACE:
        yield "everything in it is deleted with it, and nothing of that comes back by an undo"
    elif target.kind == CRD:
        yield "all objects of its kind are deleted with it, and none comes back by an undo"
    elif target.kind in CONTROLLERS.values():
        yield "its pods go with it, and come back only with an undo"
    elif target.kind == POD:
        yield "its connections break"
    if maker:
        yield f"{maker}, which it belongs to, may make another one"
    held = dig(it, "metadata", "finalizers")
    if isinstance(held, list) and held:
        waits = listed([str(each) for each in held])
        yield f"it stays until {count(len(held), 'finalizer')} let go of it: {waits}"


def _maker(it: Raw) -> str:
    """The controller that it belongs to, such as "ReplicaSet web-5d"; "" where none says so."""
    for owner in entries(it, "metadata", "ownerReferences"):
        if owner.get("controller") is True:
            return f"{text(owner, 'kind')} {text(owner, 'name')}"
    return ""


def _reach(target: Ref, snapshot: Snapshot) -> tuple[str, ...]:
    if target.kind == NAMESPACE:
        return reach.of_namespace(target.name, snapshot)
    if target.kind == SERVICE:
        return reach.of_service(target, snapshot)
    return (f"this {target.kind.title} alone",) if target.kind not in CONTROLLERS.values() else ()
