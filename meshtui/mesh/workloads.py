"""Workloads: every pod as kubectl shows it and as the mesh sees it, with its verdict and the evidence for that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh import (
    capture,
    components,
    enrollment,
    listings,
    meshconfig,
    nodes,
    peer_authentication,
    pods,
    raw,
    waypoints,
)
from meshtui.mesh.capture import Capture
from meshtui.mesh.derived import derived
from meshtui.mesh.enrollment import YOUNG, Enrollment, Link
from meshtui.mesh.health import Health, Verdict, worst
from meshtui.mesh.kinds import NAMESPACE, PEER_AUTHENTICATION, POD
from meshtui.mesh.listings import Listed
from meshtui.mesh.nodes import Node
from meshtui.mesh.peer_authentication import InForce, Mtls
from meshtui.mesh.pods import Pod
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref, Scope, Snapshot
from meshtui.mesh.waypoints import USE_WAYPOINT, Binding, Traffic

KINDS = (
    POD,
    NAMESPACE,
    Scope(PEER_AUTHENTICATION),
    capture.SCOPE,
    meshconfig.SCOPE,
    *nodes.KINDS,
    *waypoints.KINDS,
)


class Workload(Struct, frozen=True):
    """One pod."""

    key: str
    ref: Ref
    verdict: Verdict
    """The worst of its enrollment and of its containers."""
    pod: Pod
    """Its columns as kubectl has them."""
    enrolled: Enrollment
    identity: str
    """The SPIFFE URI it has, or should have, in the mesh; "" for a pod that is to have none."""
    protocol: str
    """How ztunnels reach it: "HBONE" or "TCP"; "" where none was told, or none was read."""
    waypoint: Binding | None
    """The one in front of it by its own label, or of the services in its namespace."""
    mtls: Mtls


def of(snapshot: Snapshot) -> Sequence[Workload]:
    """Every pod, in no order."""
    return derived(snapshot, _at_now)


def by_pod(snapshot: Snapshot) -> Mapping[str, Workload]:
    """Every pod by "namespace/name"."""
    return snapshot.once(_by_pod, pods.of(snapshot), of(snapshot))


def _by_pod(keys: Iterable[str], every: Sequence[Workload]) -> Mapping[str, Workload]:
    return dict(zip(keys, every, strict=True))


def by_namespace(snapshot: Snapshot) -> Mapping[str, Sequence[Workload]]:
    """The pods of each namespace that has any: the same list as long as they are the same ones."""
    return snapshot.memo.grouped("by namespace", by_pod(snapshot), attrgetter("pod.namespace"))


def by_node(snapshot: Snapshot) -> Mapping[str, Sequence[Workload]]:
    """The same of each node; of "" those that are not scheduled."""
    return snapshot.memo.grouped("by node", by_pod(snapshot), attrgetter("pod.node"))


def chain(snapshot: Snapshot, workload: Workload) -> tuple[Link, ...]:
    """The evidence in full, for the one that is looked at."""
    return enrollment.chain(workload.pod, workload.enrolled, listings.of(snapshot))


class _Setting(Struct, frozen=True, eq=False):
    """What a namespace decides for its pods."""

    labels: Mapping[str, str] | None
    relabelled: datetime | None
    capture: Capture
    trust_domain: str
    policies: InForce
    waypoint: Binding | None


class _Derived(Struct, frozen=True):
    """A row without the time: until `settles` a failure in it is held back."""

    row: Workload
    trouble: Verdict
    settles: datetime | None

    def at(self, now: datetime) -> Workload:
        if self.settles is None or now >= self.settles:
            return self.row
        enrolled = self.row.enrolled.at(now)
        created = self.row.pod.created
        young = created is not None and now < created + YOUNG
        verdicts = [enrolled.verdict] if young else [enrolled.verdict, self.trouble]
        return replace(self.row, enrolled=enrolled, verdict=worst(verdicts))


def _at_now(snapshot: Snapshot) -> Sequence[Workload]:
    """Nearly all pods are past being young: of 10,000 that stand still none is looked at."""
    found, now = derived(snapshot, _each), snapshot.now
    rows, settling = snapshot.once(_settled, found)
    young = {at: row for at in settling if (row := found[at].at(now)) is not rows[at]}
    if not young:
        return rows
    rows = [young.get(at, row) for at, row in enumerate(rows)]
    return snapshot.memo.unchanged("workloads", rows)


def _settled(found: Sequence[_Derived]) -> tuple[list[Workload], Sequence[int]]:
    """The rows of a time when all has settled, and the places of those that had to."""
    settling = [at for at, each in enumerate(found) if each.settles is not None]
    return [each.row for each in found], settling


def _each(snapshot: Snapshot) -> Sequence[_Derived]:
    found, on = pods.of(snapshot), nodes.of(snapshot)
    told, all_waypoints = listings.of(snapshot), waypoints.of(snapshot)
    settings = derived(snapshot, _settings)
    own = {
        pod.key: waypoints.binding(
            all_waypoints,
            pod.namespace,
            settings[pod.namespace].labels or {},
            pod.labels,
            Traffic.WORKLOAD,
        )
        for pod in pods.labelled(snapshot, USE_WAYPOINT)
    }

    def inputs(pod: Pod) -> tuple[object, ...]:
        return settings[pod.namespace], on.get(pod.node), told.of(pod), own.get(pod.key)

    context = (settings, on, told, tuple(own.items()))
    each_pod = snapshot.memo.each("workloads", found, _derived, inputs, context)
    return snapshot.memo.unchanged("each workload", each_pod)


def _settings(snapshot: Snapshot) -> Mapping[str, _Setting]:
    names, all_waypoints = pods.namespaces(snapshot), waypoints.of(snapshot)
    by, domain = capture.of(snapshot), trust_domain(snapshot)
    policies = peer_authentication.in_force(snapshot, root_namespace(snapshot))

    def inputs(name: str) -> tuple[object, ...]:
        it = snapshot.find(NAMESPACE, "", name)
        labels = raw.strings(it, "metadata", "labels")
        waypoint = waypoints.binding(all_waypoints, name, labels)
        return it, by, domain, policies[name], waypoint

    return snapshot.once(
        _by_namespace, tuple(names), *snapshot.memo.each("settings", names, _setting, inputs)
    )


def _by_namespace(names: tuple[str, ...], *settings: _Setting) -> Mapping[str, _Setting]:
    return dict(zip(names, settings, strict=True))


def _setting(
    _: str,
    it: Raw | None,
    by: Capture,
    domain: str,
    policies: InForce,
    waypoint: Binding | None,
) -> _Setting:
    if it is None:
        return _Setting(None, None, by, domain, policies, waypoint)
    edited, _by = raw.last_edit(it)
    labels = raw.strings(it, "metadata", "labels")
    return _Setting(labels, edited or raw.created(it), by, domain, policies, waypoint)


def trust_domain(snapshot: Snapshot) -> str:
    """As the ztunnels have it, else as the mesh config says, else Istio's default."""
    for node in nodes.of(snapshot).values():
        for ztunnel in node.ztunnels:
            if ztunnel.reading.dump is not None and ztunnel.reading.dump.config.trust_domain:
                return ztunnel.reading.dump.config.trust_domain
    configs = meshconfig.of(snapshot)
    return configs[0].trust_domain if configs else meshconfig.DEFAULT_TRUST_DOMAIN


def root_namespace(snapshot: Snapshot) -> str:
    """The namespace whose policies are for the whole mesh: as the mesh config says, else where istiod is."""
    configs = meshconfig.of(snapshot)
    if configs:
        return configs[0].root_namespace
    return next(iter(components.namespaces(snapshot)), "istio-system")


def _derived(
    pod: Pod, setting: _Setting, node: Node | None, listed: Listed, own_waypoint: Binding | None
) -> _Derived:
    enrolled = enrollment.enrollment(
        pod, setting.labels, setting.relabelled, setting.capture, node, listed
    )
    trouble = _trouble(pod)
    row = Workload(
        key=pod.uid or pod.key,
        ref=Ref(POD, pod.namespace, pod.name),
        verdict=worst([enrolled.verdict, trouble]),
        pod=pod,
        enrolled=enrolled,
        identity=_identity(pod, enrolled, node, setting.trust_domain),
        protocol=listed.value if listed in (Listed.HBONE, Listed.TCP) else "",
        waypoint=_waypoint(pod, setting, own_waypoint),
        mtls=peer_authentication.effective(setting.policies, pod.labels),
    )
    settles = [enrolled.settles]
    if trouble.health is not Health.NONE and pod.created is not None:
        settles.append(pod.created + YOUNG)
    return _Derived(row, trouble, max(filter(None, settles), default=None))


def _waypoint(pod: Pod, setting: _Setting, own: Binding | None) -> Binding | None:
    """A waypoint is itself behind none, whatever its namespace says."""
    if components.is_waypoint(pod.labels):
        return None
    return own if USE_WAYPOINT in pod.labels else setting.waypoint


def _trouble(pod: Pod) -> Verdict:
    """What its containers say: a failing application is no failure of the mesh, so no more than a warning."""
    if pod.finished or pod.terminating:
        return Verdict(Health.NONE)
    if pod.status == "Running" and pod.ready == pod.containers:
        return Verdict(Health.NONE)
    return Verdict(Health.WARN, f"{pod.status}: {pod.ready} of {pod.containers} containers ready")


def _identity(pod: Pod, enrolled: Enrollment, node: Node | None, domain: str) -> str:
    if not (enrolled.wanted or pod.redirection or pod.sidecar):
        return ""
    for ztunnel in node.ztunnels if node else ():
        if ztunnel.reading.dump is not None and ztunnel.reading.dump.config.trust_domain:
            domain = ztunnel.reading.dump.config.trust_domain
    return f"spiffe://{domain}/ns/{pod.namespace}/sa/{pod.account}"
