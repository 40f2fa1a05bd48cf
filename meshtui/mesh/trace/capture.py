"""Capture: whether the pods at either end are in the mesh, by the four pieces of evidence for it (doctor-rules.md,
C2)."""

from __future__ import annotations

from collections.abc import Mapping

from meshtui.mesh import workloads
from meshtui.mesh.doctor.findings import Evidence
from meshtui.mesh.enrollment import State
from meshtui.mesh.kinds import POD
from meshtui.mesh.pods import GATEWAY_NAME
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.trace import hops
from meshtui.mesh.trace.hops import Hop
from meshtui.mesh.traffic.parties import Member
from meshtui.mesh.traffic.passage import Dataplane
from meshtui.mesh.workloads import Workload

_STEPS: Mapping[State, str] = {
    State.NOT_PROXIED: "restart its controller (r in Workloads): a new pod is captured anew",
    State.NOT_ANNOTATED: "restart its controller (r in Workloads) once the CNI agent of its node is ready",
    State.PENDING: "look at the ztunnel of its node (z in Workloads)",
    State.NOT_LISTED: "look whether istiod is well, and its ztunnels connected to it",
}


def of(
    snapshot: Snapshot, title: str, members: tuple[Member, ...], found: Mapping[str, Workload]
) -> Hop:
    """Of all pods of one end. `found` are the workloads by "namespace/name"."""
    if not members:
        return hops.unknown(title, "no pod is known that could be captured")
    if not members[0].pod:
        said = Evidence("what was asked", "A", "outside")
        return hops.well(title, "a caller outside the mesh: it sends plain text", said)
    return hops.together([_one(snapshot, title, each, found[each.pod]) for each in members])


def _one(snapshot: Snapshot, title: str, member: Member, it: Workload) -> Hop:
    state, reason = it.enrolled.state, it.enrolled.reason
    ref = Ref(POD, it.pod.namespace, it.pod.name)
    if member.party.dataplane is Dataplane.GATEWAY:
        said = Evidence(
            f"Pod {ref.key}", f"metadata.labels[{GATEWAY_NAME}]", it.pod.labels[GATEWAY_NAME], ref
        )
        return hops.well(title, f"{it.pod.name} is a gateway, which speaks mTLS by itself", said)
    shown = tuple(_links(snapshot, it, ref))
    match state:
        case State.CAPTURED | State.UNASKED:
            return hops.well(title, reason, *shown)
        case State.SIDECAR:
            return hops.well(title, f"it has a sidecar, which speaks mTLS: {reason}", *shown)
        case State.OUTSIDE:
            return hops.well(title, f"plain text: {reason}", *shown)
    if state in _STEPS:
        return hops.broken(title, f"{it.pod.name}: {reason}", *shown, step=_STEPS[state])
    return hops.unknown(title, f"{it.pod.name}: {reason}", *shown, step=_missing(it))


def _missing(it: Workload) -> str:
    return hops.READ_DUMP if it.enrolled.state is State.UNSEEN else "wait until it has settled"


def _links(snapshot: Snapshot, it: Workload, ref: Ref) -> list[Evidence]:
    """The broken piece first; of those that are alike the ztunnel's own word."""
    backwards = reversed(workloads.chain(snapshot, it))
    ordered = sorted(backwards, key=lambda link: -link.health.rank)
    ztunnel = it.enrolled.ztunnel.rpartition("/")[2]
    return [
        Evidence(
            f"config_dump of {ztunnel}"
            if ztunnel and link.title == "proxied"
            else f"Pod {ref.key}",
            "workloadState" if link.title == "proxied" else link.title,
            f"{link.health.mark} {link.text}",
            ref,
            link.at,
        )
        for link in ordered
    ]
