"""Waypoint changes: one made, one deleted, and the labels of a Namespace or a Service that name one (istio-ambient.md,
2.1 to 2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

from meshtui.mesh import raw, reach, waypoint_proofs, waypoints
from meshtui.mesh.changes import Create, Delete, Patch, Refusal
from meshtui.mesh.kinds import GATEWAY, NAMESPACE, SERVICE
from meshtui.mesh.raw import Raw, strings, text
from meshtui.mesh.revisions import REVISION
from meshtui.mesh.snapshot import Phase, Ref, Snapshot
from meshtui.mesh.waypoints import (
    CLASS,
    HBONE_PORT,
    USE_WAYPOINT,
    USE_WAYPOINT_NAMESPACE,
    WAYPOINT_FOR,
    Binding,
    State,
    Traffic,
)

_NAME = "waypoint"
"""What istioctl calls one that nobody named."""


def free_name(namespace: str, snapshot: Snapshot) -> str:
    """A name for a new waypoint: istioctl's, or a numbered one where a Gateway or a Service has that already."""
    names = (_NAME if number == 1 else f"{_NAME}-{number}" for number in count(1))
    kinds = (GATEWAY, SERVICE)  # istiod makes a Service of the same name
    return next(
        name for name in names if not any(snapshot.find(kind, namespace, name) for kind in kinds)
    )


def create(
    namespace: str, name: str, traffic: str, revision: str, snapshot: Snapshot
) -> Create | Refusal:
    """A waypoint as `istioctl waypoint generate --for TRAFFIC --revision REVISION` writes it; without a revision ("")
    it is of that of its namespace."""
    target = Ref(GATEWAY, namespace, name)
    if snapshot.covering(GATEWAY, namespace).phase is Phase.ABSENT:
        return Refusal("the Gateway API is not installed in this cluster")
    if text(snapshot.find(NAMESPACE, "", namespace), "metadata", "deletionTimestamp"):
        return Refusal(f"{namespace} is being deleted")
    if snapshot.find(GATEWAY, namespace, name):
        return Refusal(f"Gateway {target.key} exists already")
    labels = {WAYPOINT_FOR: traffic, **({REVISION: revision} if revision else {})}
    return Create(
        title=f"Create waypoint {target.key} for traffic to {_WORDS.get(traffic, traffic)}",
        target=target,
        wanted={
            "apiVersion": f"{GATEWAY.group}/{GATEWAY.versions[0]}",
            "kind": GATEWAY.title,
            "metadata": {"labels": labels, "name": name, "namespace": namespace},
            "spec": {
                "gatewayClassName": CLASS,
                "listeners": [{"name": "mesh", "port": HBONE_PORT, "protocol": "HBONE"}],
            },
        },
        reach=reach.of_waypoint(target, snapshot)[:1],
    )


def delete(target: Ref, it: Raw, snapshot: Snapshot) -> Delete | Refusal:
    """A waypoint taken away, with the pods and the Service that istiod made for it. The labels that name it stay."""
    if text(it, "metadata", "deletionTimestamp"):
        return Refusal(f"Gateway {target.key} is being deleted already")
    return Delete(
        title=f"Delete waypoint {target.key}",
        target=target,
        before=it,
        danger=True,
        warnings=("its pods and its Service go with it, and connections through it break",),
        reach=reach.of_waypoint(target, snapshot),
    )


def bind(target: Ref, it: Raw, where: str, waypoint: str, snapshot: Snapshot) -> Patch | Refusal:
    """The Gateway `waypoint` of the namespace `where` as the waypoint of a Namespace or a Service: only one that is
    programmed, has a pod that is ready, and takes its traffic."""
    of_namespace = target.kind == NAMESPACE
    own = target.name if of_namespace else target.namespace
    labels = {USE_WAYPOINT: waypoint, USE_WAYPOINT_NAMESPACE: None if where == own else where}
    known = strings(it, "metadata", "labels")
    if all(known.get(key) == value for key, value in labels.items()):
        return Refusal(f"{target.key} uses waypoint {where}/{waypoint} already")
    wanted = {key: value for key, value in labels.items() if value}
    every = waypoints.of(snapshot)
    found = (
        waypoints.binding(every, own, wanted)
        if of_namespace
        else waypoints.binding(every, own, {}, wanted, Traffic.SERVICE)
    )
    if found is None:
        return Refusal(f'"{waypoint}" is no name of a waypoint')
    if why := _unready(found, snapshot):
        return Refusal(why)
    title = f"Set waypoint {found.key} for {target.kind.title.lower()} {target.key}"
    return _labelled(target, it, snapshot, title, labels)


def unbind(target: Ref, it: Raw, snapshot: Snapshot) -> Patch | Refusal:
    """A Namespace or a Service without the waypoint that its own label names; a Service then has its namespace's."""
    if not raw.label(it, USE_WAYPOINT):
        return Refusal(f"{target.key} has no label {USE_WAYPOINT}")
    title = f"Clear the waypoint of {target.kind.title.lower()} {target.key}"
    labels = {USE_WAYPOINT: None, USE_WAYPOINT_NAMESPACE: None}
    return _labelled(target, it, snapshot, title, labels)


_WORDS = {"all": "Services and pods", "service": "Services", "workload": "pods", "none": "nothing"}


def _unready(found: Binding, snapshot: Snapshot) -> str:
    """Why nothing may be bound to it yet; "" where it is ready."""
    if found.state is State.UNKNOWN:
        return f"whether waypoint {found.key} is ready is not known: {found.reason}"
    if found.state is not State.READY:
        return found.reason
    proof = waypoint_proofs.ready(Ref(GATEWAY, found.namespace, found.name), snapshot)
    return "" if proof.done else f"waypoint {found.key} is not ready: {proof.verdict.reason}"


def _labelled(
    target: Ref, it: Raw, snapshot: Snapshot, title: str, labels: Mapping[str, str | None]
) -> Patch | Refusal:
    if text(it, "metadata", "deletionTimestamp"):
        return Refusal(f"{target.key} is being deleted")
    known = strings(it, "metadata", "labels")
    return Patch(
        title=title,
        target=target,
        before=it,
        patch={"metadata": {"labels": {k: v for k, v in labels.items() if v or k in known}}},
        reach=reach.of_namespace(target.name, snapshot)
        if target.kind == NAMESPACE
        else reach.of_service(target, snapshot),
    )
