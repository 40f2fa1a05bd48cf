"""Policy changes: what lets a refused call through, as a change: the minimal ALLOW made, for good or as a trial, made
good where it was one, or its rule in a policy that is there (authorization.md; istio-ambient.md, 9)."""

from __future__ import annotations

from meshtui.mesh import components, denial_policies, minimal_allow, pods, raw
from meshtui.mesh.changes import Create, Patch, Refusal
from meshtui.mesh.checks import count
from meshtui.mesh.denial_rows import Row
from meshtui.mesh.kinds import AUTHORIZATION_POLICY
from meshtui.mesh.policies import dry_run
from meshtui.mesh.raw import Raw, dig, entries, text
from meshtui.mesh.snapshot import Ref, Snapshot

DRY_RUN = "istio.io/dry-run"
_ENABLED = "AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY"
_SENT = "a ztunnel older than 1.29 enforces it all the same"
_NOT_SENT = (
    f"istiod sends no trial to ztunnels, as its {_ENABLED} is not true: nothing is tried, and the condition"
    " ZtunnelAccepted of the policy will say so"
)
_FIRST = "no ALLOW policy is for this workload now: with this one everybody else is refused"


def target(row: Row, snapshot: Snapshot) -> Ref | None:
    """The policy that the minimal ALLOW of a denial is; None where there is none."""
    metadata = raw.table(minimal_allow.policy(row, minimal_allow.labels(row, snapshot)), "metadata")
    if not metadata:
        return None
    return Ref(AUTHORIZATION_POLICY, text(metadata, "namespace"), text(metadata, "name"))


def allow(row: Row, snapshot: Snapshot, *, trial: bool = False) -> Create | Refusal:
    """The minimal ALLOW for a denial."""
    labels = minimal_allow.labels(row, snapshot)
    where, wanted = target(row, snapshot), minimal_allow.policy(row, labels)
    if where is None:
        return Refusal(minimal_allow.why_not(row, labels))
    if snapshot.find(where.kind, where.namespace, where.name) is not None:
        return Refusal(f"{where.kind.title} {where.key} exists already")
    if trial:
        wanted["metadata"]["annotations"] = {DRY_RUN: "true"}
    first = not trial and not denial_policies.has_allow(row, snapshot)
    tried = _SENT if components.environment(snapshot, _ENABLED) == "true" else _NOT_SENT
    return Create(
        title=f"Allow {row.source} to call {row.destination}:{row.port}{' as a trial' if trial else ''}",
        target=where,
        wanted=wanted,
        danger=first,
        warnings=(tried,) if trial else (_FIRST,) if first else (),
        reach=_reach(wanted, snapshot),
    )


def enforce(where: Ref, it: Raw, row: Row, snapshot: Snapshot) -> Patch | Refusal:
    """A policy on trial made good."""
    if not dry_run(it):
        return Refusal(f"{where.kind.title} {where.key} is no trial")
    first = not denial_policies.has_allow(row, snapshot)
    return Patch(
        title=f"Enforce {where.kind.title} {where.key}",
        target=where,
        before=it,
        patch={"metadata": {"annotations": {DRY_RUN: None}}},
        danger=first,
        warnings=(_FIRST,) if first else (),
        reach=_reach(it, snapshot),
    )


def admit(where: Ref, it: Raw, row: Row, snapshot: Snapshot) -> Patch | Refusal:
    """One rule more in an ALLOW policy: that of the minimal ALLOW. It is for all that the policy selects."""
    wanted = minimal_allow.policy(row, minimal_allow.labels(row, snapshot))
    if not wanted:
        return Refusal(minimal_allow.why_not(row, minimal_allow.labels(row, snapshot)))
    if (text(it, "spec", "action") or "ALLOW") != "ALLOW":
        return Refusal(f"{where.kind.title} {where.key} is no ALLOW")
    (rule,) = wanted["spec"]["rules"]
    rules = dig(it, "spec", "rules")
    before = rules if isinstance(rules, list) else []
    if rule in entries(it, "spec", "rules"):
        return Refusal(f"{where.kind.title} {where.key} has this rule already")
    return Patch(
        title=f"Allow {row.source} to call {row.destination}:{row.port} by {where.kind.title} {where.key}",
        target=where,
        before=it,
        patch={"spec": {"rules": [*before, rule]}},
        reach=_reach(it, snapshot),
    )


def _reach(policy: Raw, snapshot: Snapshot) -> tuple[str, ...]:
    """The pods that its selector takes."""
    chosen = raw.strings(policy, "spec", "selector", "matchLabels")
    namespace = raw.namespace(policy)
    found = [
        pod
        for pod in pods.of(snapshot).values()
        if pod.namespace == namespace and not pod.finished and chosen.items() <= pod.labels.items()
    ]
    whom = ", ".join(f"{key}={value}" for key, value in chosen.items()) or "the whole namespace"
    return (f"it is for {count(len(found), 'pod')} of {namespace} ({whom})",)
