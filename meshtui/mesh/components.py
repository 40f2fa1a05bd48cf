"""Components: the parts that make the mesh (istiod, CNI agent, ztunnel, waypoints, gateways), found by their labels in
any namespace, since distributions rename them (reference istio-ambient.md, 1.8, 2.5, 4.1, 10.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from meshtui.mesh import nodes, pods, versions
from meshtui.mesh.derived import derived
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import DAEMONSET, DEPLOYMENT, POD
from meshtui.mesh.pods import Pod
from meshtui.mesh.raw import Raw, entries, name, namespace, number, strings, table, text
from meshtui.mesh.snapshot import LOADING, Ref, Scope, Snapshot, Source

Labels = Mapping[str, str]

GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
MANAGED = "gateway.istio.io/managed"
"""Which of Istio's controllers made a proxy's Deployment and pods."""
_WAYPOINTS = ("istio.io-mesh-controller", "istio.io-agentgateway-waypoint-controller")

ISTIOD = Scope(DEPLOYMENT, None, labels="app=istiod")
ISTIOD_PODS = Scope(POD, None, labels="app=istiod")
CNI = Scope(DAEMONSET, None, labels="k8s-app=istio-cni-node")
CNI_PODS = Scope(POD, None, labels="k8s-app=istio-cni-node")
ZTUNNEL = Scope(DAEMONSET, None, labels="app.kubernetes.io/name=ztunnel")
ZTUNNEL_PODS = Scope(POD, None, labels="app=ztunnel")
PROXIES = Scope(DEPLOYMENT, None, labels=GATEWAY_NAME)
PROXY_PODS = Scope(POD, None, labels=GATEWAY_NAME)

KINDS = (ISTIOD, ISTIOD_PODS, CNI, CNI_PODS, ZTUNNEL, ZTUNNEL_PODS, PROXIES, PROXY_PODS)


class Component(Struct, frozen=True):
    """One part of the mesh over the whole cluster: how much of it is ready, in which versions."""

    key: str
    title: str
    verdict: Verdict
    ref: Ref | None
    """The Deployment or DaemonSet, where there is just one."""
    ready: int | None
    """None where nothing of it could be read. Pods; of waypoints and gateways, those with a ready pod."""
    wanted: int | None
    versions: tuple[tuple[str, int], ...]
    """Each version with its number of pods, newest first; "" for pods of which neither image nor dump tells."""


class _Part(Struct, frozen=True):
    """How to find a component."""

    title: str
    workloads: Scope
    pods: Scope
    owns: Callable[[Labels], bool]
    """Whether labels of a workload or a pod are this component's."""
    by_proxy: bool = False
    """Counted by Deployment, not by pod: a waypoint with one ready pod works."""
    everywhere: bool = False
    """One that is not ready leaves a node without the mesh, the others do not stand in."""


def is_istiod(labels: Labels) -> bool:
    return labels.get("app") == "istiod"


def is_cni(labels: Labels) -> bool:
    return labels.get("k8s-app") == "istio-cni-node"


def is_ztunnel(labels: Labels) -> bool:
    """Pods have the first label, the DaemonSet only the second."""
    return labels.get("app") == "ztunnel" or labels.get("app.kubernetes.io/name") == "ztunnel"


def is_waypoint(labels: Labels) -> bool:
    return labels.get(MANAGED) in _WAYPOINTS


def is_gateway(labels: Labels) -> bool:
    managed = labels.get(MANAGED, "")
    return managed.startswith("istio.io-") and managed not in _WAYPOINTS


_PARTS = (
    _Part("istiod", ISTIOD, ISTIOD_PODS, is_istiod),
    _Part("istio-cni", CNI, CNI_PODS, is_cni, everywhere=True),
    _Part("ztunnel", ZTUNNEL, ZTUNNEL_PODS, is_ztunnel, everywhere=True),
    _Part("waypoints", PROXIES, PROXY_PODS, is_waypoint, by_proxy=True),
    _Part("gateways", PROXIES, PROXY_PODS, is_gateway, by_proxy=True),
)


def of(snapshot: Snapshot) -> tuple[Component, ...]:
    """The five components, in the order in which one upgrades them."""
    return derived(snapshot, _all)


def _all(snapshot: Snapshot) -> tuple[Component, ...]:
    every, told = running(snapshot), _told(snapshot)
    controls = control_planes(snapshot)
    return tuple(_component(snapshot, part, every, told, controls) for part in _PARTS)


def control_planes(snapshot: Snapshot) -> tuple[str, ...]:
    """The versions of istiod that run, newest first, as far as their images tell."""
    return snapshot.once(_control_planes, running(snapshot))


def _control_planes(running: Sequence[Pod]) -> tuple[str, ...]:
    found = Counter(versions.of_image(pod.image) for pod in running if is_istiod(pod.labels))
    return tuple(version for version, _ in _newest_first(found) if version)


def namespaces(snapshot: Snapshot) -> tuple[str, ...]:
    """Where an istiod is installed or runs."""
    deployed = sorted({namespace(raw) for raw in _workloads(snapshot, _PARTS[0])})
    return snapshot.once(_namespaces, running(snapshot), *deployed)


def _namespaces(running: Sequence[Pod], *deployed: str) -> tuple[str, ...]:
    served = {pod.namespace for pod in running if is_istiod(pod.labels)}
    return tuple(sorted(served.union(deployed)))


def environment(snapshot: Snapshot, variable: str) -> str:
    """The value that istiod's Deployment gives an environment variable; "" where it gives none."""
    for raw in _workloads(snapshot, _PARTS[0]):
        for container in entries(raw, "spec", "template", "spec", "containers"):
            for each in entries(container, "env"):
                if text(each, "name") == variable and text(each, "value"):
                    return text(each, "value")
    return ""


def source(snapshot: Snapshot, scope: Scope) -> Source:
    """The state of a scope, or of all objects of its kind where those are watched anyway."""
    return snapshot.sources.get(scope) or snapshot.sources.get(Scope(scope.kind)) or LOADING


def running(snapshot: Snapshot) -> Sequence[Pod]:
    """The pods of the mesh's own parts that have not ended and are not about to."""
    return derived(snapshot, _running)


def _running(snapshot: Snapshot) -> Sequence[Pod]:
    return snapshot.memo.those("running", pods.of(snapshot), _runs)


def _runs(pod: Pod) -> bool:
    return (
        (MANAGED in pod.labels or not _VALUES.isdisjoint(pod.labels.values()))
        and any(part.owns(pod.labels) for part in _PARTS)
        and not (pod.terminating or pod.finished)
    )


_VALUES = frozenset(("istiod", "istio-cni-node", "ztunnel"))
"""A quick look before the exact one: almost no other pod has a label with one of these values."""


def _workloads(snapshot: Snapshot, part: _Part) -> list[Raw]:
    return [
        raw
        for raw in snapshot.raw(part.workloads.kind)
        if part.owns(strings(raw, "metadata", "labels"))
    ]


def _told(snapshot: Snapshot) -> Mapping[str, str]:
    """The version that each ztunnel tells in its dump, by pod; builds of one's own say "unknown"."""
    return {
        ztunnel.pod.key: ztunnel.current.version.istio
        for node in nodes.of(snapshot).values()
        for ztunnel in node.ztunnels
        if ztunnel.current and versions.minor(ztunnel.current.version.istio)
    }


def _newest_first(found: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(found.items(), key=lambda item: versions.order(item[0]), reverse=True))


def _component(
    snapshot: Snapshot,
    part: _Part,
    every: Sequence[Pod],
    told: Mapping[str, str],
    controls: Sequence[str],
) -> Component:
    sources = [source(snapshot, scope) for scope in (part.workloads, part.pods)]
    if not any(each.complete for each in sources):
        problem = next((each.problem for each in sources if each.problem), None)
        verdict = Verdict(Health.UNKNOWN, problem.text if problem else "not read yet")
        return Component(f"component/{part.title}", part.title, verdict, None, None, None, ())
    workloads = _workloads(snapshot, part) if sources[0].complete else []
    own = [pod for pod in every if part.owns(pod.labels)]
    ready, wanted = _counts(part, workloads, own)
    found = _newest_first(Counter(told.get(pod.key) or versions.of_image(pod.image) for pod in own))
    only = workloads[0] if len(workloads) == 1 else None
    return Component(
        key=f"component/{part.title}",
        title=part.title,
        verdict=_verdict(part, ready, wanted, found, controls),
        ref=Ref(part.workloads.kind, namespace(only), name(only)) if only else None,
        ready=ready,
        wanted=wanted,
        versions=found,
    )


def _counts(part: _Part, workloads: Sequence[Raw], own: Sequence[Pod]) -> tuple[int, int]:
    """Ready and wanted: as the workloads say, or where they could not be read, as the pods do."""
    if not workloads:
        if not part.by_proxy:
            return sum(pod.healthy for pod in own), len(own)
        proxies = {(pod.namespace, pod.labels.get(GATEWAY_NAME)) for pod in own}
        up = {(pod.namespace, pod.labels.get(GATEWAY_NAME)) for pod in own if pod.healthy}
        return len(up), len(proxies)
    counts = [replicas(raw) for raw in workloads]
    if part.by_proxy:
        return sum(ready > 0 for ready, _ in counts), sum(wanted > 0 for _, wanted in counts)
    return sum(ready for ready, _ in counts), sum(wanted for _, wanted in counts)


def replicas(raw: Raw) -> tuple[int, int]:
    """Ready and wanted pods of a Deployment (one where it does not say, as the API server sets it) or a DaemonSet."""
    spec, status = table(raw, "spec"), table(raw, "status")
    if "desiredNumberScheduled" in status:
        return number(status, "numberReady"), number(status, "desiredNumberScheduled")
    return number(status, "readyReplicas"), number(spec, "replicas") if "replicas" in spec else 1


def _verdict(
    part: _Part,
    ready: int,
    wanted: int,
    told: Sequence[tuple[str, int]],
    controls: Sequence[str],
) -> Verdict:
    if not wanted and not told:
        return Verdict(Health.NONE, f"not installed: nothing is labelled {part.pods.labels}")
    if ready < wanted:
        worst = part.everywhere or part.by_proxy or not ready
        return Verdict(Health.BAD if worst else Health.WARN, f"{ready} of {wanted} ready")
    if not wanted:
        return Verdict(Health.WARN, "scaled to nothing")
    behind = [said for version, _ in told if (said := versions.skew(version, controls))]
    if behind and part.title != "istiod":
        return Verdict(Health.WARN, "; ".join(behind))
    if len(told) > 1 and not part.by_proxy:
        mixed = ", ".join(f"{version or 'unknown'} on {count}" for version, count in told)
        return Verdict(Health.WARN, f"more than one version: {mixed}")
    return Verdict(Health.OK, f"{ready} of {wanted} ready")
