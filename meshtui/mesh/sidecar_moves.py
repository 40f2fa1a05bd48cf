"""Sidecar moves: a namespace from sidecars into ambient, and the controllers to restart for that."""

from __future__ import annotations

from collections.abc import Sequence

from meshtui.mesh import injection, pod_templates, reach
from meshtui.mesh.capture import DATAPLANE_MODE
from meshtui.mesh.changes import Patch, Refusal
from meshtui.mesh.enrollment import State
from meshtui.mesh.kinds import NAMESPACE
from meshtui.mesh.pods import Pod
from meshtui.mesh.raw import Raw, name, strings, text
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.workloads import of as workloads


def leave_sidecars(it: Raw, snapshot: Snapshot, *, restarting: bool = False) -> Patch | Refusal:
    """A namespace without the labels by which its pods get sidecars, and in the mesh, in one patch. `restarting` says
    that changes that follow replace the pods of its `controllers`."""
    own, labels = name(it), strings(it, "metadata", "labels")
    if text(it, "metadata", "deletionTimestamp"):
        return Refusal(f"{own} is being deleted")
    asking = injection.asked_by(labels)
    if not asking:
        return Refusal(f"no label of {own} asks for sidecars")
    taken = [key for key in injection.LABELS if key in labels]
    written: dict[str, str | None] = dict.fromkeys(taken)
    if labels.get(DATAPLANE_MODE) != "ambient":
        written[DATAPLANE_MODE] = "ambient"
    awaited = (pod.uid for pod in _with_sidecar(own, snapshot) if pod_templates.controller(pod))
    return Patch(
        title=f"Move namespace {own} from sidecars into the mesh",
        target=Ref(NAMESPACE, "", own),
        before=it,
        patch={"metadata": {"labels": written}},
        warnings=("pods that have a sidecar keep it until they are restarted",),
        reach=reach.of_namespace(own, snapshot),
        awaits=frozenset(awaited) if restarting else frozenset(),
    )


def controllers(namespace: str, snapshot: Snapshot) -> Sequence[Ref]:
    """Those that are to be restarted so that their pods lose the sidecars they have, by name."""
    found = {pod_templates.controller(pod) for pod in _with_sidecar(namespace, snapshot)}
    return sorted((each for each in found if each), key=lambda each: (each.kind.title, each.key))


def _with_sidecar(namespace: str, snapshot: Snapshot) -> Sequence[Pod]:
    return [
        each.pod
        for each in workloads(snapshot)
        if each.pod.namespace == namespace
        and each.pod.sidecar
        and each.enrolled.state is not State.ENDED
    ]
