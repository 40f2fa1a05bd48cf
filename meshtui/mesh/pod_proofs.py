"""Pod proofs: what says that one pod was captured, released or replaced since a change was made, link by link
(derivation C2 of doctor-rules.md)."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from meshtui.mesh import nodes
from meshtui.mesh.dumps import HBONE
from meshtui.mesh.enrollment import Link, State
from meshtui.mesh.health import OK, Health, Verdict
from meshtui.mesh.injection import INJECT
from meshtui.mesh.nodes import Ztunnel
from meshtui.mesh.pods import REDIRECTION, Pod
from meshtui.mesh.revisions import REVISION
from meshtui.mesh.snapshot import Snapshot
from meshtui.mesh.workloads import Workload


class Proof(Struct, frozen=True):
    """How far one object is."""

    key: str
    """ "namespace/name"."""
    name: str
    verdict: Verdict
    """OK where it is as it was to become; unknown while that is under way or cannot be read; failing where it is
    broken."""
    missing: str = ""
    """The link that is not there yet: "wanted", "annotated", "proxied", "listed", "sidecar", "replaced", "ready",
    "bound", or of a waypoint "there", "accepted", "programmed", "address", "pods" or "deleted"."""
    links: tuple[Link, ...] = ()
    """What was seen of it, in order; empty for what has no such chain."""
    remedy: str = ""

    @property
    def done(self) -> bool:
        return self.verdict.health is Health.OK


def captured(workload: Workload, started: datetime) -> Proof:
    """That the ztunnel of its node proxies it, by a dump that was read after the change."""
    pod, enrolled = workload.pod, workload.enrolled
    links = tuple(_fresh(link, started) for link in enrolled.links)
    wanted, annotated, listed, proxied = links
    missing = next(
        (link for link in (wanted, annotated, proxied, listed) if link.health is not Health.OK),
        None,
    )
    if missing is None:
        return Proof(pod.key, pod.name, OK, links=links)
    broken = enrolled.state.health is Health.BAD and missing.health is Health.BAD
    verdict = Verdict(Health.BAD if broken else Health.UNKNOWN, missing.text)
    return Proof(
        pod.key, pod.name, verdict, missing.title, links, _remedy(missing, enrolled.state, pod)
    )


def left_out(workload: Workload) -> Proof:
    """That a pod is not to be captured at all, and what keeps it out."""
    pod, enrolled = workload.pod, workload.enrolled
    if pod.sidecar:
        remedy = f"Take the injection label away and restart {pod.controller or pod.name}."
    elif pod.host_network:
        remedy = "It cannot be captured: nothing on the network of its node can."
    else:
        remedy = "Change what leaves it out: its own label, or EXCLUDE_NAMESPACES or the selectors of the CNI agent."
    verdict = Verdict(Health.BAD, enrolled.links[0].text)
    return Proof(pod.key, pod.name, verdict, "wanted", enrolled.links, remedy)


def released(workload: Workload, started: datetime, snapshot: Snapshot) -> Proof:
    """That no annotation calls it captured, and the ztunnel of its node, asked after the change, neither proxies it nor
    was told to reach it by HBONE."""
    pod = workload.pod
    links = (workload.enrolled.links[0], _unannotated(pod), *_let_go(pod, started, snapshot))
    missing = next((link for link in links[1:] if link.health is not Health.OK), None)
    if missing is None:
        return Proof(pod.key, pod.name, OK, links=links)
    verdict = Verdict(Health.UNKNOWN, missing.text)
    unasked = missing.title != "annotated" and (missing.at is None or missing.at <= started)
    remedy = _AWAITED if unasked else _RELEASE[missing.title].format(node=pod.node or "its node")
    return Proof(pod.key, pod.name, verdict, missing.title, links, remedy)


def replaced(workload: Workload, old: frozenset[str], started: datetime) -> Proof:
    """That a pod is none of the `old` ones, is ready, and in the mesh where it is wanted there."""
    pod = workload.pod
    if pod.uid in old:
        said = Verdict(Health.UNKNOWN, "it is still to be replaced")
        return Proof(pod.key, pod.name, said, "replaced", remedy=_ROLLOUT)
    if not pod.healthy or pod.terminating:
        said = Verdict(
            Health.UNKNOWN, f"{pod.status}: {pod.ready} of {pod.containers} containers ready"
        )
        return Proof(pod.key, pod.name, said, "ready", remedy=_ROLLOUT)
    if workload.enrolled.wanted is False:
        return Proof(pod.key, pod.name, OK, links=workload.enrolled.links)
    return captured(workload, started)


def with_sidecar(workload: Workload, *, anew: bool) -> Proof:
    """That a pod still has a sidecar, so that no ztunnel takes it; `anew` where it was made since the change."""
    pod = workload.pod
    if anew or pod.labels.get(INJECT) == "true":
        said = f"it got a sidecar: its template asks for one (label {INJECT} or {REVISION})"
        remedy = f"Take that label off the template of {pod.controller or pod.name}."
    else:
        said = "it still has the sidecar that it was made with"
        remedy = f"Restart {pod.controller or pod.name}: its new pods get none."
    verdict = Verdict(Health.BAD, said)
    return Proof(pod.key, pod.name, verdict, "sidecar", workload.enrolled.links, remedy)


def _fresh(link: Link, started: datetime) -> Link:
    """What a ztunnel said before the change proves nothing of what came after it."""
    if link.title != "proxied" or link.health is not Health.OK:
        return link
    if link.at is not None and link.at > started:
        return link
    said = "the dump of its ztunnel was read before the change"
    return Link(link.title, Health.UNKNOWN, said, link.at)


def _unannotated(pod: Pod) -> Link:
    if pod.redirection:
        return Link("annotated", Health.UNKNOWN, f"annotation {REDIRECTION}={pod.redirection}")
    return Link("annotated", Health.OK, f"no annotation {REDIRECTION}")


def _let_go(pod: Pod, started: datetime, snapshot: Snapshot) -> tuple[Link, Link]:
    """The links "listed" and "proxied", by the ztunnels of its node."""
    node = nodes.of(snapshot).get(pod.node)
    if node is None or not node.ztunnels:
        unread = node.unread if node else ""
        health = Health.UNKNOWN if unread else Health.OK
        said = unread or f"no ztunnel runs on {pod.node or 'its node'}"
        return Link("listed", health, said), Link("proxied", health, said)
    found = [_let_go_by(pod, each, started) for each in node.ztunnels]
    return max(found, key=lambda pair: max(link.health.rank for link in pair))


def _let_go_by(pod: Pod, ztunnel: Ztunnel, started: datetime) -> tuple[Link, Link]:
    name, dump, at = ztunnel.pod.name, ztunnel.current, ztunnel.reading.at
    if dump is None or dump.proxied is None or at is None or at <= started:
        problem = ztunnel.reading.problem
        said = (
            f"{name} could not be read: {problem.text}"
            if problem is not None
            else f"{name} was not read since the change"
        )
        return Link("listed", Health.UNKNOWN, said, at), Link("proxied", Health.UNKNOWN, said, at)
    mine = dump.proxied.get(pod.uid)
    proxied = (
        Link("proxied", Health.OK, f"absent from workloadState of {name}", at)
        if mine is None
        else Link("proxied", Health.UNKNOWN, f"still {mine.state} in workloadState of {name}", at)
    )
    protocol = dump.protocol(pod.namespace, pod.name)
    if protocol == HBONE:
        return Link("listed", Health.UNKNOWN, f"still HBONE in the dump of {name}", at), proxied
    return Link(
        "listed", Health.OK, f"{protocol or 'not listed'} in the dump of {name}", at
    ), proxied


def _remedy(missing: Link, state: State, pod: Pod) -> str:
    node = pod.node or "its node"
    match missing.title:
        case "wanted":
            return "Read access to namespaces would tell; `meshtui rbac` prints the rights needed."
        case "annotated" if state is State.PENDING:
            return f"The ztunnel of {node} has not taken it over: see its log."
        case "annotated":
            return f"See the log of the CNI agent of {node}; a restart of the pod has it captured anew."
        case "proxied" if missing.health is Health.UNKNOWN:
            return _AWAITED
        case "proxied":
            return f"Restart the pod; where that does not help, the ztunnel of {node}."
    return "See the log of istiod: it tells the ztunnels of each pod."


_AWAITED = "Its ztunnel's dump is awaited; where it may not be read, `meshtui rbac evidence` prints the rights."
_RELEASE = {
    "annotated": "See the log of the CNI agent of {node}: it takes the annotation away last.",
    "proxied": "See the log of the ztunnel of {node}, or restart the pod.",
    "listed": "See the log of istiod: it tells the ztunnels of each pod.",
}
_ROLLOUT = "See its events and the rollout of its controller: quota, image, probes."
