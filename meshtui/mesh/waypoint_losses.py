"""Waypoint losses: what traffic goes round once a waypoint is not there any more, or is no longer named: the policies
and routes that it alone makes good (derivations C3 and C4 of doctor-rules.md, istio-ambient.md, 7.2 and 7.10)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from meshtui.mesh import (
    attachments,
    policies,
    policy_checks,
    route_checks,
    waypoint_checks,
    waypoints,
    workloads,
)
from meshtui.mesh.attachments import Attachment
from meshtui.mesh.changes import Patch
from meshtui.mesh.checks import Check, failing, listed, unknown, warning, well
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    NAMESPACE,
    POD,
    SERVICE,
    SERVICE_ENTRY,
    WORKLOAD_ENTRY,
)
from meshtui.mesh.moves import patched
from meshtui.mesh.policies import Policies, Policy, Target
from meshtui.mesh.raw import strings, table
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.waypoints import (
    USE_WAYPOINT,
    USE_WAYPOINT_NAMESPACE,
    Binding,
    Traffic,
    Waypoints,
)

_OPEN = "Delete or replace them first, or bind what they are for to another waypoint."


def of_deleted(waypoint: Ref, snapshot: Snapshot) -> Iterator[Check]:
    """Before a waypoint is deleted: which policies and routes it alone makes good, and who names it. Without it their
    traffic goes direct: labels that name a waypoint that is not there fail open."""
    found = attachments.of(snapshot).get(waypoint.key, ())
    attached = [each for each in found if each.binding.bound is not False]
    every, gateway = _policies(snapshot), waypoints.of(snapshot).gateways.get(waypoint.key)
    lost = [
        *every.of_target.get(Target("Gateway", waypoint.namespace, waypoint.name), ()),
        *_targeting(attached, every),
    ]
    if lost:
        yield failing(
            f"{policy_checks.named(_each(lost))} would be enforced nowhere:"
            f" traffic would go round {waypoint.key} (it fails open)",
            _OPEN,
        )
    of_class = Target("GatewayClass", "", gateway.class_name if gateway else "")
    if attached and (of_all := every.of_target.get(of_class, ())):
        said = (
            f"{policy_checks.named(of_all)}, for all waypoints, would not hold for {_who(attached)}"
        )
        yield failing(said, _OPEN)
    keys = [each.key for each in attached if each.kind == SERVICE]
    yield from route_checks.of(keys, snapshot, f"traffic would go round {waypoint.key}")
    if attached:
        said = f"it is named by {_who(attached)}: without it their traffic goes direct"
        yield warning(said, "Clear their labels first, or name another waypoint in them.")
    kinds = (NAMESPACE, SERVICE, POD, SERVICE_ENTRY, WORKLOAD_ENTRY, AUTHORIZATION_POLICY)
    if unread := next(filter(None, map(snapshot.unread, kinds)), ""):
        yield unknown(f"who else depends on it is not known: {unread}")
    elif not lost and not attached:
        yield well("nobody names it, and no policy is for it")


def of_service(change: Patch, snapshot: Snapshot) -> Iterator[Check]:
    """Before a Service names another waypoint, or none of its own; nothing of any other change of a Service."""
    known = strings(change.before, "metadata", "labels")
    labels = table(change.patch, "metadata", "labels")
    if not {USE_WAYPOINT, USE_WAYPOINT_NAMESPACE} & labels.keys():
        return
    target, every = change.target, waypoints.of(snapshot)
    was = _binding(every, target, known, snapshot)
    now = _binding(every, target, patched(known, labels), snapshot)
    if now is not None:
        yield waypoint_checks.of_binding(now)
    if was is not None and was.bound is not False and (now is None or now.key != was.key):
        yield from _unenforced(target, was, now, snapshot)


def _unenforced(
    target: Ref, was: Binding, now: Binding | None, snapshot: Snapshot
) -> Iterator[Check]:
    """What the waypoint that it had did for it, and the one that it gets does not."""
    if unread := snapshot.unread(AUTHORIZATION_POLICY):
        yield unknown(f"which policies would lose who enforces them is not known: {unread}")
        return
    every = _policies(snapshot)
    bypassed = now is None or now.bound is False
    lost = list(every.of_target.get(Target("Gateway", was.namespace, was.name), ()))
    if bypassed:
        lost += every.of_target.get(Target("Service", target.namespace, target.name), ())
    around = f"traffic to {target.name} would go round {was.key}"
    routes = list(route_checks.of([target.key], snapshot, around)) if bypassed else []
    if lost:
        yield failing(
            f"{policy_checks.named(_each(lost))} would not hold any more: {around}", _OPEN
        )
    yield from routes
    if not lost and not routes:
        yield well("no policy and no route would lose who makes it good")


def _binding(
    every: Waypoints, target: Ref, own: Mapping[str, str], snapshot: Snapshot
) -> Binding | None:
    namespace = snapshot.find(NAMESPACE, "", target.namespace)
    inherited = strings(namespace, "metadata", "labels")
    return waypoints.binding(every, target.namespace, inherited, own, Traffic.SERVICE)


def _targeting(attached: Iterable[Attachment], every: Policies) -> Iterator[Policy]:
    for each in attached:
        if each.kind in (SERVICE, SERVICE_ENTRY):
            target = Target(each.kind.title, each.namespace, each.name)
            yield from every.of_target.get(target, ())


def _each(found: Iterable[Policy]) -> Iterable[Policy]:
    """Once each, by name."""
    by_name = {each.ref.key: each for each in found}
    return [by_name[key] for key in sorted(by_name)]


def _who(attached: Iterable[Attachment]) -> str:
    return listed([f"{each.kind.title} {each.key}" for each in attached])


def _policies(snapshot: Snapshot) -> Policies:
    return policies.of(snapshot, workloads.root_namespace(snapshot))
