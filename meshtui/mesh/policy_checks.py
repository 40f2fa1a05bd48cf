"""Policy checks: whom STRICT would refuse after a change, and which policies and routes nobody would heed any more
(istio-ambient.md, 2.4, 7.2 and 7.6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from meshtui.mesh import (
    attachments,
    peer_authentication,
    policies,
    route_checks,
    service_specs,
    workloads,
)
from meshtui.mesh.checks import Check, count, failing, listed, unknown, warning, well
from meshtui.mesh.enrollment import State
from meshtui.mesh.kinds import AUTHORIZATION_POLICY, NAMESPACE, POD, SERVICE
from meshtui.mesh.moves import Move, Way
from meshtui.mesh.peer_authentication import Mode, Mtls
from meshtui.mesh.policies import Policies, Policy, Target
from meshtui.mesh.service_specs import ServiceSpec
from meshtui.mesh.snapshot import Snapshot
from meshtui.mesh.waypoints import USE_WAYPOINT, USE_WAYPOINT_NAMESPACE


def of(move: Move, snapshot: Snapshot) -> Iterator[Check]:
    """In the order of importance."""
    if move.joins:
        yield from _refused(move, snapshot)
    if move.leaves:
        yield from _refusing(move, snapshot)
    if move.leaves or (move.rebinds and (move.before or {}).get(USE_WAYPOINT)):
        yield from _unenforced(move, snapshot)


def _refused(move: Move, snapshot: Snapshot) -> Iterator[Check]:
    """Callers outside the mesh, whose plain text pods that join would no longer take."""
    modes = [each.mtls for each in move.going(Way.JOINS)]
    if not modes:
        root = workloads.root_namespace(snapshot)
        in_force = peer_authentication.in_force(snapshot, root).get(move.namespace)
        modes = [peer_authentication.effective(in_force)] if in_force else []
    if why := next((each.reason for each in modes if each.mode is Mode.UNKNOWN), ""):
        yield unknown(f"whether STRICT would refuse anybody is not known: {why}")
        return
    strict = [each for each in modes if _is_strict(each)]
    if not strict:
        yield well("no STRICT is in force there: callers outside the mesh stay welcome")
        return
    who = sorted({each.decided_by for each in strict})
    said = f"STRICT is in force (PeerAuthentication {', '.join(who)})"
    unread = snapshot.unread(POD)
    outside = _outside(move, snapshot)
    if outside:
        yield warning(
            f"{said}: pods of {listed(outside)} are outside the mesh and would be refused",
            "Enroll those that call it first, or set PERMISSIVE until they are.",
        )
    elif unread:
        yield unknown(f"{said}; who is outside the mesh is not known: {unread}")
    else:
        yield well(f"{said}, and no pod is outside the mesh")


def _outside(move: Move, snapshot: Snapshot) -> list[str]:
    """The other namespaces with pods that speak plain text; the mesh's own parts do not."""
    return [
        each.pod.namespace
        for each in workloads.of(snapshot)
        if each.enrolled.state is State.OUTSIDE
        and each.pod.namespace != move.namespace
        and not each.pod.part
    ]


def _refusing(move: Move, snapshot: Snapshot) -> Iterator[Check]:
    """Whom pods that leave could call no more."""
    unread = snapshot.unread(POD)
    strict = sorted(
        {
            each.pod.namespace
            for each in workloads.of(snapshot)
            if each.enrolled.wanted
            and each.pod.namespace != move.namespace
            and _is_strict(each.mtls)
        }
    )
    reasons = [
        each.mtls.reason for each in workloads.of(snapshot) if each.mtls.mode is Mode.UNKNOWN
    ]
    if strict:
        yield warning(
            f"STRICT is in force in {listed(strict)}, which would refuse the pods of {move.namespace} then",
            "Make sure that nothing of it calls them, or set PERMISSIVE there first.",
        )
    elif why := unread or next(iter(reasons), ""):
        yield unknown(f"whether STRICT elsewhere would refuse its pods is not known: {why}")
    else:
        yield well("no STRICT in the mesh would refuse its pods")


def _is_strict(mtls: Mtls) -> bool:
    return mtls.mode is Mode.STRICT or Mode.STRICT in mtls.ports.values()


def _unenforced(move: Move, snapshot: Snapshot) -> Iterator[Check]:
    root = workloads.root_namespace(snapshot)
    unread = (
        snapshot.unread(AUTHORIZATION_POLICY, move.namespace)
        or snapshot.unread(AUTHORIZATION_POLICY, root)
        or snapshot.unread(SERVICE, move.namespace)
    )
    if unread:
        yield unknown(f"which policies would lose who enforces them is not known: {unread}")
        return
    every, bypassed = policies.of(snapshot, root), _bypassed(move, snapshot)
    around = f"traffic to {move.namespace} would go round the waypoint"
    lost = _at_waypoint(move, bypassed, every)
    if lost and _keeps_waypoint(move):
        yield failing(
            f"{named(lost)} would be enforced for callers in ambient alone: all others, and what"
            f" calls from {move.namespace} itself, would go round the waypoint",
            "Delete or replace them first, or see that nobody else calls.",
        )
    elif lost:
        yield failing(
            f"{named(lost)} would be enforced nowhere: {around}",
            "Delete or replace them first, or keep the waypoint.",
        )
    unfollowed = () if move.leaves else (spec.key for spec in bypassed)  # clients in ambient stay
    routes = list(route_checks.of(unfollowed, snapshot, around))
    yield from routes
    by_ztunnel: list[Policy] = []
    if move.leaves:
        labels = [each.pod.labels for each in move.going(Way.LEAVES)]
        by_ztunnel = list(policies.selecting(every.for_pods(move.namespace), labels))
    if by_ztunnel:
        yield failing(
            f"{named(by_ztunnel)} would be enforced nowhere: no ztunnel would stand before its pods",
            "Make sure that something else protects them, such as a NetworkPolicy.",
        )
    if not lost and not by_ztunnel and not routes:
        yield well("no policy would lose who enforces it, and no route who follows it")


def _keeps_waypoint(move: Move) -> bool:
    """Whether the namespace names a waypoint after the change: clients in ambient go on using it then, wherever its
    pods are (istio-ambient.md, 2.3)."""
    return (move.after or {}).get(USE_WAYPOINT, "none") != "none"


def _bypassed(move: Move, snapshot: Snapshot) -> Sequence[ServiceSpec]:
    """The Services of the namespace that traffic goes round their waypoint to, after the change."""
    stays = _keeps_waypoint(move) and not move.leaves
    if stays or move.target.kind != NAMESPACE:
        return ()
    bindings = attachments.of_services(snapshot)
    return [
        spec
        for spec in snapshot.each(SERVICE, service_specs.read)
        if spec.namespace == move.namespace
        and (binding := bindings.get(spec.key)) is not None
        and binding.bound is not False
        and (move.leaves or binding.label_of == "namespace")
    ]


def _at_waypoint(move: Move, bypassed: Iterable[ServiceSpec], every: Policies) -> list[Policy]:
    """Those for Services of the namespace, or for its waypoint, that traffic goes round after the change."""
    before = move.before or {}
    found: dict[str, Policy] = {}
    for spec in bypassed:
        found |= {each.ref.key: each for each in every.of_target.get(spec.target, ())}
    name = before.get(USE_WAYPOINT, "")
    if name and name != "none" and move.target.kind == NAMESPACE:
        where = before.get(USE_WAYPOINT_NAMESPACE) or move.namespace
        targeting = every.of_target.get(Target("Gateway", where, name), ())
        found |= {each.ref.key: each for each in targeting}
    return [found[key] for key in sorted(found)]


def named(found: Iterable[Policy]) -> str:
    """How many policies, and the first of them by name."""
    keys = [each.ref.key for each in found]
    return f"{count(len(keys), 'policy').replace('policys', 'policies')} ({listed(keys)})"
