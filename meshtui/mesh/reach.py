"""Reach: whom a change concerns: pods, their controllers, services, and the connections that ztunnels know of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from meshtui.mesh import (
    attachments,
    components,
    endpoints,
    nodes,
    pods,
    raw,
    waypoint_proofs,
    waypoint_rows,
)
from meshtui.mesh.checks import count
from meshtui.mesh.kinds import (
    ENDPOINT_SLICE,
    NAMESPACE,
    POD,
    SERVICE,
    SERVICE_ENTRY,
    WORKLOAD_ENTRY,
)
from meshtui.mesh.pods import Pod
from meshtui.mesh.snapshot import Ref, Snapshot


def of_namespace(namespace: str, snapshot: Snapshot, *, leaving: bool = False) -> tuple[str, ...]:
    """A line each; with what is open through ztunnels now where its pods are `leaving` the mesh."""
    there = [pod for pod in _alive(snapshot) if pod.namespace == namespace]
    lines = [_pods(namespace, there, snapshot), _services(namespace, snapshot)]
    if leaving:
        lines.append(_connections(there, snapshot))
    return tuple(lines)


def of_controller(target: Ref, snapshot: Snapshot) -> tuple[str, ...]:
    """A line each, for the pods that a controller replaces."""
    controller = f"{target.kind.title}/{target.name}"
    there = [
        pod
        for pod in _alive(snapshot)
        if pod.namespace == target.namespace and pod.controller == controller
    ]
    pods_of_it = _pods(target.namespace, there, snapshot)
    if there and all(components.is_ztunnel(pod.labels) for pod in there):
        return (pods_of_it, *_cut(there, snapshot))
    return pods_of_it, _connections(there, snapshot)


def of_service(target: Ref, snapshot: Snapshot) -> tuple[str, ...]:
    """A line each, for one Service."""
    if unread := snapshot.unread(ENDPOINT_SLICE, target.namespace):
        return (f"how many pods it reaches is not known: {unread}",)
    found = endpoints.of(snapshot).get(target.key, endpoints.NONE)
    return (f"traffic to {count(len(found.pods), 'pod')} through this Service",)


def of_waypoint(target: Ref, snapshot: Snapshot) -> tuple[str, ...]:
    """A line each, for who names a waypoint, there or not, and what was made for it."""
    kinds = (NAMESPACE, SERVICE, POD, SERVICE_ENTRY, WORKLOAD_ENTRY)
    unread = next(filter(None, map(snapshot.unread, kinds)), "")
    named = f"named by {waypoint_rows.count(attachments.of(snapshot).get(target.key, ()))}"
    if unread:
        named += f"; who else is not known: {unread}"
    return named, f"{count(len(waypoint_proofs.own_pods(target, snapshot)), 'pod')} of it"


def _alive(snapshot: Snapshot) -> Iterable[Pod]:
    return (pod for pod in pods.of(snapshot).values() if not pod.finished)


def _pods(namespace: str, there: Sequence[Pod], snapshot: Snapshot) -> str:
    if unread := snapshot.unread(POD, namespace):
        return f"how many pods it reaches is not known: {unread}"
    controllers = {pod.controller for pod in there if pod.controller}
    return f"{count(len(there), 'pod')} of {count(len(controllers), 'controller')}"


def _services(namespace: str, snapshot: Snapshot) -> str:
    if unread := snapshot.unread(SERVICE, namespace):
        return f"how many services it reaches is not known: {unread}"
    return count(sum(raw.namespace(it) == namespace for it in snapshot.raw(SERVICE)), "service")


_NAMED = 8
"""So many owners of connections are named."""


def _cut(ztunnels: Sequence[Pod], snapshot: Snapshot) -> Iterator[str]:
    """The connections that end with these ztunnels, by the owner of the pod that has them."""
    on, every = nodes.of(snapshot), pods.of(snapshot)
    open_, unread = Counter[str](), []
    for ztunnel in ztunnels:
        node = on.get(ztunnel.node)
        held = [it.current for it in node.ztunnels if it.pod.key == ztunnel.key] if node else []
        proxied = next((dump.proxied for dump in held if dump is not None), None)
        if proxied is None:
            unread.append(ztunnel.node or ztunnel.name)
            continue
        for each in proxied.values():
            pod = every.get(f"{each.namespace}/{each.name}")
            owner = pod.controller.partition("/")[2] if pod is not None else ""
            count_ = each.inbound + each.outbound
            open_[f"{each.namespace}/{owner or each.name}"] += count_
    total = +open_
    yield f"{count(total.total(), 'open connection')} of {count(len(total), 'workload')} would be cut"
    most = sorted(total.items(), key=lambda each: (-each[1], each[0]))[:_NAMED]
    named = [f"{owner} {number:,}" for owner, number in most]
    if named:
        more = len(total) - len(named)
        yield ", ".join(named) + (f" and {more} more" if more > 0 else "")
    if unread:
        yield f"those on {', '.join(sorted(unread))} are not known: what its ztunnel holds was not read"


def _connections(there: Iterable[Pod], snapshot: Snapshot) -> str:
    """What ztunnels hold open for these pods, as far as their dumps tell."""
    inbound, outbound, unread = _counted(there, snapshot)
    said = f"{count(inbound, 'connection')} in and {outbound} out are open through ztunnels"
    return f"{said}; those on {', '.join(unread)} are not known" if unread else said


def _counted(there: Iterable[Pod], snapshot: Snapshot) -> tuple[int, int, Sequence[str]]:
    """Connections in and out, and the nodes of which no dump tells."""
    on = nodes.of(snapshot)
    inbound = outbound = 0
    unread: set[str] = set()
    for pod in there:
        node = on.get(pod.node)
        dumps = [each.current for each in node.ztunnels] if node else []
        known = [dump.proxied for dump in dumps if dump is not None and dump.proxied is not None]
        if not known and pod.node:
            unread.add(pod.node)
        for proxied in known:
            if (mine := proxied.get(pod.uid)) is not None:
                inbound, outbound = inbound + mine.inbound, outbound + mine.outbound
    return inbound, outbound, sorted(unread)
