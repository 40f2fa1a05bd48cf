"""The control plane: whether istiod reaches the ztunnels, and whether versions go together (doctor-rules.md, D7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshtui.mesh import components, nodes, revisions, versions, ztunnels
from meshtui.mesh.checks import count
from meshtui.mesh.components import (
    CNI,
    CNI_PODS,
    GATEWAY_NAME,
    ISTIOD,
    ISTIOD_PODS,
    PROXY_PODS,
    ZTUNNEL,
    ZTUNNEL_PODS,
)
from meshtui.mesh.doctor.ambient import capture
from meshtui.mesh.doctor.ambient.evidence import (
    SHOWN,
    crowd,
    grouped,
    in_state,
    older,
    pod_ref,
    ref_of,
    seen,
)
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.findings import Evidence, Found, Rule, Severity, Unsure
from meshtui.mesh.enrollment import State
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import DAEMONSET, DEPLOYMENT, GATEWAY, NAMESPACE, POD, SERVICE, WEBHOOK
from meshtui.mesh.pods import Pod
from meshtui.mesh.raw import conditions, created, label
from meshtui.mesh.revisions import Revision
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.ztunnels import Ztunnel

LOST = Rule(
    "AMB-041",
    "ztunnels have lost istiod",
    Severity.CRITICAL,
    why="What they know is frozen: it goes on serving, and no change, new pod or certificate arrives.",
    remedy="see that istiod is ready, its Service has endpoints, and TCP 15012 to it is open",
    link="docs/ambient/usage/troubleshoot-ztunnel/",
)
LAGGING = Rule(
    "AMB-044",
    "istiod has told no ztunnel of captured pods",
    Severity.MEDIUM,
    why="Callers do not know that they are in the mesh, and reach them in plain text or not at all.",
    remedy="see how busy istiod is, and whether its log tells of these pods",
    link="docs/ambient/usage/troubleshoot-ztunnel/",
)
ORDER = Rule(
    "AMB-045",
    "versions of the mesh's parts do not go together",
    Severity.HIGH,
    why="Connections may be refused, and pods may not start, while the parts do not understand each other.",
    remedy="upgrade in this order: CRDs, istiod, istio-cni, ztunnel, then gateways and waypoints",
    link="docs/ambient/upgrade/helm/",
)
MIXED = Rule(
    "AMB-046",
    "a DaemonSet of the mesh runs several versions",
    Severity.MEDIUM,
    why="Nodes behave differently, and its rollout does not go on.",
    remedy="finish the rollout, or roll it back",
    link="docs/ambient/upgrade/helm/",
)
BEHIND = Rule(
    "AMB-047",
    "a waypoint or gateway is of another version than istiod",
    Severity.MEDIUM,
    why="Proxies may be one minor behind istiod and not ahead of it; beyond that nobody tests them.",
    remedy="restart its Deployment: new pods get the version of istiod",
    link="docs/ambient/upgrade/helm/",
)


def lost(snapshot: Snapshot) -> Findings:
    down = [each for each in revisions.of(snapshot) if _is_down(snapshot, each)]
    rows = [each for each in ztunnels.of(snapshot) if each.ref is not None]
    cut = [
        each for each in rows if each.connected.health is Health.BAD and _is_settled(each, snapshot)
    ]
    if down:
        yield _down(down, cut)
    elif cut and len(cut) == len(rows) > 1:
        yield _cut(f"all {len(cut)} ztunnels", cut)
    else:
        yield from (_cut(f"ztunnel of node {each.node}", [each]) for each in cut)
    unknown = [each for each in rows if each.connected.health is Health.UNKNOWN]
    for why, group in grouped(unknown, lambda each: each.connected.reason).items():
        yield Unsure(LOST, why, group[0].ref)


def _is_down(snapshot: Snapshot, revision: Revision) -> bool:
    """Whether none of its pods was ready for a minute."""
    if revision.ref is None or not revision.wanted or revision.ready:
        return False
    it = snapshot.find(DEPLOYMENT, revision.ref.namespace, revision.ref.name) or {}
    available = conditions(it).get("Available")
    since = available.since if available is not None else None
    return older(since or created(it), snapshot.now, 60)


def _is_settled(row: Ztunnel, snapshot: Snapshot) -> bool:
    return row.pod is not None and older(row.pod.started or row.pod.created, snapshot.now, 60)


def _down(down: Sequence[Revision], cut: Sequence[Ztunnel]) -> Found:
    """All ztunnels have the same cause then."""
    refs = tuple(each.ref for each in down if each.ref is not None)
    who = ", ".join(f"revision {each.name}: 0 of {each.wanted} ready" for each in down)
    tried = f"; {count(len(cut), 'ztunnel')} tried in vain to reach it" if cut else ""
    shown = (*(seen(ref, "status.readyReplicas", "0") for ref in refs), *_counters(cut))
    found = (*refs, *(each.ref for each in cut if each.ref is not None))
    return Found(
        LOST, found, f"istiod is down ({who}){tried}", shown, "see why its pods are not ready"
    )


def _cut(who: str, cut: Sequence[Ztunnel]) -> Found:
    refs = tuple(each.ref for each in cut if each.ref is not None)
    return Found(LOST, refs, f"{who}: {cut[0].connected.reason}", tuple(_counters(cut)))


def _counters(cut: Sequence[Ztunnel]) -> Iterator[Evidence]:
    for each in cut[:SHOWN]:
        if each.ref is not None:
            yield seen(
                each.ref, "metrics: istio_xds_connection_terminations_total", each.connected.reason
            )


def lagging(snapshot: Snapshot) -> Findings:
    found = in_state(snapshot, State.NOT_LISTED)
    if not found:
        return
    says = f"{crowd([each.pod for each in found])}: {found[0].enrolled.reason}"
    shown = tuple(
        seen(each.ref, "workloads[] of the dumps", each.enrolled.links[2].text)
        for each in found[:SHOWN]
    )
    served = dict.fromkeys(each.enrolled.ztunnel for each in found if each.enrolled.ztunnel)
    causes = tuple(("AMB-041", Ref(POD, *key.split("/", 1))) for key in served)
    yield Found(LAGGING, tuple(each.ref for each in found), says, shown, symptom_of=causes)


def order(snapshot: Snapshot) -> Findings:
    """CNI agents and ztunnels against istiod."""
    controls = components.control_planes(snapshot)
    for each in components.of(snapshot):
        if each.title not in ("istio-cni", "ztunnel"):
            continue
        wrong = [said for version, _ in each.versions if (said := versions.skew(version, controls))]
        pods = _pods(snapshot, each.title)
        refs = (each.ref,) if each.ref else tuple(pod_ref(pod) for pod in pods)
        if wrong and refs:
            images = dict.fromkeys(pod.image for pod in pods)
            shown = [seen(refs[0], "image", image) for image in list(images)[:SHOWN]]
            shown += [seen(ref, "image", image) for ref, image in _istiods(snapshot)]
            yield Found(ORDER, refs, f"{each.title} {'; '.join(wrong)}", tuple(shown))
        unclear = any(not version for version, _ in each.versions) or not controls
        if each.versions and unclear:
            yield Unsure(
                ORDER,
                f"the images of {each.title} and istiod do not all tell their version",
                each.ref,
            )


def _istiods(snapshot: Snapshot) -> Sequence[tuple[Ref, str]]:
    return [
        (pod_ref(pod), pod.image)
        for pod in components.running(snapshot)
        if components.is_istiod(pod.labels)
    ][:SHOWN]


def _pods(snapshot: Snapshot, title: str) -> Sequence[Pod]:
    owns = components.is_cni if title == "istio-cni" else components.is_ztunnel
    return [pod for pod in components.running(snapshot) if owns(pod.labels)]


def mixed(snapshot: Snapshot) -> Findings:
    """A rollout of which no new pod came for ten minutes."""
    for title in ("istio-cni", "ztunnel"):
        ready = [pod for pod in _pods(snapshot, title) if pod.healthy]
        for controller, pods in grouped(
            ready, lambda pod: f"{pod.namespace}/{pod.controller}"
        ).items():
            images = grouped(pods, lambda pod: pod.image)
            rolling = any(not older(pod.created, snapshot.now, 600) for pod in pods)
            if len(images) < 2 or rolling or "/DaemonSet/" not in controller:
                continue
            namespace, _, name = controller.split("/", 2)
            ref = Ref(DAEMONSET, namespace, name)
            said = ", ".join(
                f"{image} on {count(len(own), 'node')}" for image, own in images.items()
            )
            shown = tuple(
                seen(pod_ref(own[0]), "spec.containers[0].image", image)
                for image, own in images.items()
            )
            yield Found(
                MIXED, (ref, *map(pod_ref, pods)), f"DaemonSet {ref.key} runs {said}", shown
            )


def behind(snapshot: Snapshot) -> Findings:
    controls = components.control_planes(snapshot)
    proxies = [
        pod
        for pod in components.running(snapshot)
        if components.is_waypoint(pod.labels) or components.is_gateway(pod.labels)
    ]
    unclear = [pod for pod in proxies if not versions.of_image(pod.image)]
    if proxies and (unclear or not controls):
        about = pod_ref((unclear or proxies)[0])
        yield Unsure(
            BEHIND, "the images of istiod and of all proxies do not tell their version", about
        )
    for said, pods in grouped(
        proxies, lambda pod: versions.skew(versions.of_image(pod.image), controls)
    ).items():
        if said:
            gateways = dict.fromkeys(
                Ref(GATEWAY, pod.namespace, pod.labels[GATEWAY_NAME])
                for pod in pods
                if GATEWAY_NAME in pod.labels
            )
            shown = tuple(
                seen(pod_ref(pod), "spec.containers[0].image", pod.image) for pod in pods[:SHOWN]
            )
            yield Found(BEHIND, (*gateways, *map(pod_ref, pods)), f"{crowd(pods)}: {said}", shown)
    yield from _removed_revisions(snapshot)


def _removed_revisions(snapshot: Snapshot) -> Iterator[Found]:
    """Namespaces that name a revision of which there is neither an istiod nor a tag."""
    tags_unread = not (snapshot.source(WEBHOOK).complete and snapshot.source(SERVICE).complete)
    if tags_unread or not components.source(snapshot, components.ISTIOD).complete:
        return
    known = {each.name for each in revisions.of(snapshot)} | set(revisions.tags(snapshot))
    if not known:
        return
    for it in snapshot.raw(NAMESPACE):
        named = label(it, revisions.REVISION)
        if named and named not in known:
            ref = ref_of(NAMESPACE, it)
            says = f"namespace {ref.name} names revision {named}, of which there is no istiod and no tag"
            shown = (seen(ref, f"metadata.labels[{revisions.REVISION}]", named),)
            yield Found(BEHIND, (ref,), says, shown, "name a revision that is there", Severity.HIGH)


ANALYZERS = (
    Analyzer("ztunnels without istiod", (LOST,), (*nodes.KINDS, ISTIOD, ISTIOD_PODS), lost),
    Analyzer("pods that no ztunnel was told of", (LAGGING,), capture.NEEDS, lagging),
    Analyzer(
        "versions of CNI agent and ztunnel",
        (ORDER,),
        (ISTIOD_PODS, CNI, CNI_PODS, ZTUNNEL, ZTUNNEL_PODS),
        order,
    ),
    Analyzer("DaemonSets of several versions", (MIXED,), (CNI_PODS, ZTUNNEL_PODS), mixed),
    Analyzer(
        "versions of waypoints and gateways",
        (BEHIND,),
        (PROXY_PODS, NAMESPACE, *revisions.KINDS),
        behind,
    ),
)
