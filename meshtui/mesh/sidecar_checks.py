"""Sidecar checks: what there is to say before a namespace goes from sidecars into ambient: which pods keep theirs until
they are restarted, and what sidecars do today that no ztunnel does (istio-ambient.md, 1.5, 7.5 and 7.10)."""

from __future__ import annotations

from collections.abc import Iterator

from meshtui.mesh import (
    attachments,
    injection,
    policies,
    policy_checks,
    raw,
    revisions,
    route_targets,
    service_specs,
    workloads,
)
from meshtui.mesh.apis import API_KINDS
from meshtui.mesh.checks import Check, count, failing, listed, unknown, warning, well
from meshtui.mesh.kinds import AUTHORIZATION_POLICY, GATEWAY, SERVICE
from meshtui.mesh.moves import Move
from meshtui.mesh.pods import Pod
from meshtui.mesh.snapshot import Snapshot

_UNSEEN = (
    "requestauthentications",
    "destinationrules",
    "envoyfilters",
    "telemetries",
    "wasmplugins",
)
"""Kinds that sidecars heed, ztunnels do not, and nobody here reads."""


def of(move: Move, snapshot: Snapshot) -> Iterator[Check]:
    """In the order of importance, for a move that takes the label for sidecars away."""
    with_one = [each.workload.pod for each in move.pods if each.workload.pod.sidecar]
    yield from _kept(move, with_one)
    if with_one or move.unread:
        yield from _policies(move, with_one, snapshot)
        yield from _routes(move, snapshot)
        yield from _unseen(snapshot)
    yield from _gateways(move, snapshot)


def _kept(move: Move, with_one: list[Pod]) -> Iterator[Check]:
    asking = [pod.name for pod in with_one if pod.labels.get(injection.INJECT) == "true"]
    if asking:
        yield failing(
            f"{count(len(asking), 'pod')} would get a sidecar again, by the own label"
            f" {injection.INJECT}=true: {listed(asking)}",
            "Take that label off the template of their controllers too.",
        )
    if with_one:
        names = listed([pod.name for pod in with_one])
        yield warning(
            f"{count(len(with_one), 'pod')} with a sidecar, outside ambient until restarted: {names}",
            "Restart their controllers after it: `m` offers both, one after the other.",
        )
    if move.unread:
        yield unknown(f"which pods have sidecars is not known: {move.unread}")
    elif not with_one:
        yield well("no pod has a sidecar")


def _policies(move: Move, with_one: list[Pod], snapshot: Snapshot) -> Iterator[Check]:
    """L7 policies for its pods: sidecars enforce them, and waypoints only those with targetRefs."""
    root = workloads.root_namespace(snapshot)
    unread = snapshot.unread(AUTHORIZATION_POLICY, move.namespace) or snapshot.unread(
        AUTHORIZATION_POLICY, root
    )
    if unread:
        yield unknown(f"which policies need a waypoint is not known: {unread}")
        return
    here = policies.of(snapshot, root).for_pods(move.namespace)
    labels = [pod.labels for pod in with_one]
    found = [each for each in policies.selecting(here, labels) if each.l7]
    if found:
        yield failing(
            f"{policy_checks.named(found)}: sidecars enforce the rules about HTTP, ztunnels do not:"
            " an ALLOW would refuse what it is to let in, a DENY would not hold",
            "Give them targetRefs, and the namespace a waypoint, before the pods are restarted.",
        )
    elif not move.unread:
        yield well("no policy that its sidecars enforce needs a waypoint")


def _routes(move: Move, snapshot: Snapshot) -> Iterator[Check]:
    """Routes for traffic to its Services, where no waypoint follows them in place of the sidecars."""
    targets, bindings = route_targets.of(snapshot), attachments.of_services(snapshot)
    found = {
        each.route
        for spec in snapshot.each(SERVICE, service_specs.read)
        if spec.namespace == move.namespace
        and not ((binding := bindings.get(spec.key)) and binding.bound)
        for each in targets.get(spec.key, ())
        if each.before
    }
    if found:
        names = listed([f"{each.kind.title} {each.key}" for each in found])
        yield warning(
            f"{count(len(found), 'route')} ({names}) would have no effect without a waypoint",
            "Give their Services a waypoint first.",
        )
    if unread := route_targets.unread(snapshot) or snapshot.unread(SERVICE, move.namespace):
        yield unknown(f"which routes need a waypoint is not known: {unread}")


def _unseen(snapshot: Snapshot) -> Iterator[Check]:
    served = snapshot.server.kinds
    found = [kind.title for kind in API_KINDS if kind.plural in _UNSEEN and kind in served]
    if found:
        names = ", ".join(sorted(found))
        yield unknown(f"whether sidecars here heed one of {names}, as ztunnels do not, is not read")


def _gateways(move: Move, snapshot: Snapshot) -> Iterator[Check]:
    """A namespace's revision is also that of its Gateways (istio-ambient.md, 1.7)."""
    revision = (move.before or {}).get(revisions.REVISION, "")
    if not revision or revisions.REVISION in (move.after or {}):
        return
    found = [
        raw.name(it)
        for it in snapshot.raw(GATEWAY)
        if raw.namespace(it) == move.namespace and not raw.label(it, revisions.REVISION)
    ]
    if found:
        yield warning(
            f"label {revisions.REVISION}={revision} also chose the istiod of Gateway {listed(found)}",
            f"Label them {revisions.REVISION}={revision} themselves where the default is not to have them.",
        )
