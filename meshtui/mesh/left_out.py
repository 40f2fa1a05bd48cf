"""Left out: why a DaemonSet of the mesh has no pod on a node, and what would bring it there (doctor-rules.md,
AMB-004)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from meshtui.mesh import raw, ztunnels
from meshtui.mesh.kinds import DAEMONSET, NODE
from meshtui.mesh.raw import Raw, entries, strings, text
from meshtui.mesh.snapshot import Ref, Snapshot


class LeftOut(Struct, frozen=True):
    """What can be told of it; nothing where no cause is seen."""

    why: str = ""
    step: str = ""
    """What would mend it; "" where nothing but the cause is known."""
    daemon_set: Ref | None = None
    """The one that leaves the node out."""


def of(snapshot: Snapshot, node: str, owns: Callable[[Mapping[str, str]], bool]) -> LeftOut:
    """Of the first DaemonSet whose labels are those of the component (`components.is_cni`, `components.is_ztunnel`)."""
    sets = [each for each in snapshot.raw(DAEMONSET) if owns(strings(each, "metadata", "labels"))]
    if ztunnels.is_virtual(snapshot, node):
        return LeftOut("a virtual node cannot run one")
    it = snapshot.find(NODE, "", node)
    if not sets or it is None:
        return LeftOut()
    ref = Ref(DAEMONSET, raw.namespace(sets[0]), raw.name(sets[0]))
    spec = raw.table(sets[0], "spec", "template", "spec")
    labels = strings(it, "metadata", "labels")
    missed = ", ".join(
        f"{key}={value}"
        for key, value in strings(spec, "nodeSelector").items()
        if labels.get(key) != value
    )
    if missed:
        why = f"nodeSelector {missed} of DaemonSet {ref.key} leaves it out"
        return LeftOut(why, f"take {missed} off the nodeSelector of DaemonSet {ref.key}", ref)
    repelling = ", ".join(
        text(taint, "key")
        for taint in entries(it, "spec", "taints")
        if text(taint, "effect") in ("NoSchedule", "NoExecute")
        and not any(_tolerates(each, taint) for each in entries(spec, "tolerations"))
    )
    if repelling:
        why = f"DaemonSet {ref.key} does not tolerate its taint {repelling}"
        return LeftOut(why, f"let DaemonSet {ref.key} tolerate {repelling}", ref)
    return LeftOut()


def _tolerates(toleration: Raw, taint: Raw) -> bool:
    """As Kubernetes matches them; the node controller's own taints are tolerated by every DaemonSet."""
    if text(taint, "key").startswith("node.kubernetes.io/"):
        return True
    if text(toleration, "effect") not in ("", text(taint, "effect")):
        return False
    if text(toleration, "operator") == "Exists":
        return text(toleration, "key") in ("", text(taint, "key"))
    same = text(toleration, "value") == text(taint, "value")
    return text(toleration, "key") == text(taint, "key") and same
