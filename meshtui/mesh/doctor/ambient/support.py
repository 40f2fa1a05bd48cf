"""Support: parts of the mesh, and the Kubernetes under it, older than what the Istio project still supports. The
reference has no number for it: it stands beside AMB-045 to 047."""

from __future__ import annotations

from collections.abc import Iterator

from meshtui.mesh import components, versions
from meshtui.mesh.checks import listed
from meshtui.mesh.doctor.ambient.evidence import SHOWN, grouped, pod_ref, seen
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.findings import Found, Rule, Severity
from meshtui.mesh.health import Health
from meshtui.mesh.pods import Pod
from meshtui.mesh.snapshot import Snapshot

OLD = Rule(
    "SUP-001",
    "a part of the mesh is older than what its project still supports",
    Severity.MEDIUM,
    why="Faults and holes that become known are not mended in it any more.",
    remedy="upgrade, one minor version after the other: CRDs, istiod, istio-cni, ztunnel, then gateways and waypoints",
    link="docs/releases/supported-releases/",
)


def unsupported(snapshot: Snapshot) -> Findings:
    """Anew each day, and where a part or the API server changes."""
    inputs = (components.running(snapshot), snapshot.server.version, snapshot.now.toordinal())
    return snapshot.memo.kept("support", lambda: [*_unsupported(snapshot)], inputs)


def _unsupported(snapshot: Snapshot) -> Iterator[Found]:
    """By what is said of their version."""
    judged = (
        (versions.istio(version, snapshot.now), pod)
        for pod in components.running(snapshot)
        if _is_part(pod) and (version := versions.of_image(pod.image))
    )
    old = [each for each in judged if each[0].health in (Health.WARN, Health.BAD)]
    for verdict, group in grouped(old, lambda each: each[0]).items():
        pods = [pod for _, pod in group]
        says = f"{verdict.reason}: {listed([f'{pod.namespace}/{pod.controller or pod.name}' for pod in pods])}"
        shown = tuple(
            seen(pod_ref(pod), "spec.containers[0].image", pod.image) for pod in pods[:SHOWN]
        )
        severity = Severity.HIGH if verdict.health is Health.BAD else None
        yield Found(OLD, tuple(map(pod_ref, pods)), says, shown, severity=severity)
    yield from _kubernetes(snapshot)


def _is_part(pod: Pod) -> bool:
    found = (components.is_istiod, components.is_cni, components.is_ztunnel)
    proxies = (components.is_waypoint, components.is_gateway)
    return any(owns(pod.labels) for owns in (*found, *proxies))


def _kubernetes(snapshot: Snapshot) -> Iterator[Found]:
    version, controls = snapshot.server.version, components.control_planes(snapshot)
    verdict = versions.kubernetes(version, controls[0] if controls else "")
    istiods = [pod for pod in components.running(snapshot) if components.is_istiod(pod.labels)]
    if istiods and verdict.health is Health.WARN and versions.is_older(version, controls[:1]):
        refs = tuple(map(pod_ref, istiods))
        shown = (seen(refs[0], "the API server's /version", version),)
        yield Found(OLD, refs, verdict.reason, shown, "upgrade Kubernetes before Istio")


ANALYZERS = (Analyzer("parts out of support", (OLD,), components.KINDS, unsupported),)
