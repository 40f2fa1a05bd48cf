"""Applied policies: which AuthorizationPolicies are for a Service, and who enforces each, if anybody does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from meshtui.mesh import policies
from meshtui.mesh.enrollment import State
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.policies import Policy
from meshtui.mesh.snapshot import Ref
from meshtui.mesh.waypoints import Binding
from meshtui.mesh.workloads import Workload


class Applied(Struct, frozen=True):
    """A policy as it is for one Service."""

    ref: Ref
    action: str
    at: str
    """Who enforces it: "waypoint", "ztunnel", "sidecar" or "nowhere"."""
    verdict: Verdict


def at_waypoint(targeting: Iterable[Policy], waypoint: Binding | None) -> Iterator[Applied]:
    """Those that target a Service or its waypoint, which is in force where that one is bound and nowhere else."""
    for each in targeting:
        at, verdict = _at_waypoint(each, waypoint)
        yield Applied(each.ref, each.action, at, verdict)


def at_pods(for_pods: Iterable[Policy], found: Sequence[Workload]) -> Iterator[Applied]:
    """Of policies for pods, those that select any of these."""
    for each in policies.selecting(for_pods, [pod.pod.labels for pod in found]):
        at, verdict = _at_pods(each, found)
        yield Applied(each.ref, each.action, at, verdict)


def _at_waypoint(policy: Policy, waypoint: Binding | None) -> tuple[str, Verdict]:
    if waypoint is None:
        return "nowhere", Verdict(Health.BAD, "is not enforced: the Service has no waypoint")
    if waypoint.fails == "open":
        why = f"is not enforced: traffic goes round {waypoint.key} ({waypoint.state.value})"
        return "nowhere", Verdict(Health.BAD, why)
    return "waypoint", policy.verdict


def _at_pods(policy: Policy, found: Sequence[Workload]) -> tuple[str, Verdict]:
    """A ztunnel enforces nothing for pods that it does not proxy."""
    states = {each.enrolled.state for each in found}
    if any(each.enrolled.wanted is not False for each in found) or State.CAPTURED in states:
        return "ztunnel", policy.verdict
    if State.SIDECAR in states:
        return "sidecar", Verdict(Health.NONE, "is for its sidecars")
    return "nowhere", Verdict(Health.NONE, "is not enforced: its pods are outside the mesh")
