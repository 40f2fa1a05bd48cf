"""Policy proofs: that the ztunnels hold a policy as it was written, by dumps that were read after the change, and hold
it against the pods that it selects (istio-ambient.md, 7.2). What istiod accepts is no proof of that."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from meshtui.mesh import workloads
from meshtui.mesh.changes import Change, Create, Patch
from meshtui.mesh.health import OK, Health, Verdict
from meshtui.mesh.kinds import AUTHORIZATION_POLICY
from meshtui.mesh.pod_proofs import Proof
from meshtui.mesh.raw import Raw, table
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.trace import hops
from meshtui.mesh.trace.hops import Seen
from meshtui.mesh.traffic import conversion, rules, ztunnel
from meshtui.mesh.traffic.conversion import Converted
from meshtui.mesh.workloads import Workload

MOST = 8
"""So many pods are proved: each takes the dump of its node's ztunnel, with all lists."""


def can_tell(change: Change) -> bool:
    """Whether what a change makes of a policy is for ztunnels, so that their dumps can tell of it."""
    if change.target.kind != AUTHORIZATION_POLICY:
        return False
    if isinstance(change, Create):
        return _converted(change.wanted, "").policy is not None
    if not isinstance(change, Patch) or change.partial:
        return False
    after = {
        "metadata": {"annotations": _both(change, "metadata", "annotations")},
        "spec": _both(change, "spec"),
    }
    return _converted(after, "").policy is not None


def concerned(target: Ref, snapshot: Snapshot) -> list[Workload]:
    """The pods behind ztunnels that it selects, as it is now; of many those of different nodes first, by name."""
    it = snapshot.find(target.kind, target.namespace, target.name)
    if it is None:
        return []
    policy, root = rules.read(it).policy, workloads.root_namespace(snapshot)
    found = [
        each
        for each in workloads.of(snapshot)
        if target.namespace in (each.pod.namespace, root)
        and policy.selector.items() <= each.pod.labels.items()
        and not each.pod.finished
        and not each.pod.sidecar
        and each.enrolled.wanted is not False
    ]
    found.sort(key=lambda each: each.pod.key)
    firsts = {each.pod.node: each for each in reversed(found)}.values()
    return [*firsts, *(each for each in found if each not in firsts)][:MOST]


def of(target: Ref, started: datetime, snapshot: Snapshot) -> Iterator[Proof]:
    """One for each pod."""
    it = snapshot.find(target.kind, target.namespace, target.name)
    if it is None:
        return
    wanted = _converted(it, workloads.root_namespace(snapshot)).policy
    for each in concerned(target, snapshot):
        seen = hops.seen(snapshot, each.pod.node)
        missing = _missing(seen, each.pod.key, started, wanted)
        if missing:
            verdict = Verdict(Health.UNKNOWN, missing)
            yield Proof(each.pod.key, each.pod.name, verdict, "enforced", remedy=_REMEDY)
        else:
            yield Proof(each.pod.key, each.pod.name, OK)


def _missing(seen: Seen, pod: str, started: datetime, wanted: Raw | None) -> str:
    """What of it is not there yet; "" where the ztunnel holds it against the pod."""
    if wanted is None:
        return "istiod sends it to no ztunnel"
    view, at = seen.view, seen.answer.at
    if view is None or at is None:
        return seen.why
    name, key = seen.key, ztunnel.key(wanted)
    if at <= started:
        return f"{name} was not read since the change"
    known = next((each for each in view.policies if ztunnel.key(each) == key), None)
    if known is None:
        return f"{name} has not heard of it"
    if any(known.get(field) != wanted[field] for field in ("action", "scope", "rules", "dryRun")):
        return f"{name} has it as it was before"
    workload = view.workloads.get(pod)
    if wanted["scope"] == "WorkloadSelector" and (workload is None or key not in workload.policies):
        return f"{name} has it, and does not hold it against this pod"
    return ""


def _converted(it: Raw, root: str) -> Converted:
    return conversion.authorization(rules.read(it), root)


def _both(change: Patch, *path: str) -> Raw:
    """What the patch leaves of a part of the object, as far as its fields go."""
    return {**table(change.before, *path), **table(change.patch, *path)}


_REMEDY = "See whether that ztunnel is connected to istiod (:zt), and what istiod says of the policy (:pol)."
