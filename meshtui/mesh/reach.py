"""Reach: whom a change concerns: pods, their controllers, services, and the connections that ztunnels know of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from meshtui.mesh import (
    attachments,
    components,
    endpoints,
    gateways,
    nodes,
    pods,
    raw,
    waypoint_proofs,
    waypoint_rows,
)
from meshtui.mesh.checks import count
from meshtui.mesh.gateways import Gateway
from meshtui.mesh.kinds import (
    ENDPOINT_SLICE,
    GATEWAY,
    NAMESPACE,
    POD,
    SERVICE,
    SERVICE_ENTRY,
    WORKLOAD_ENTRY,
)
from meshtui.mesh.pods import GATEWAY_NAME, Pod
from meshtui.mesh.snapshot import Ref, Snapshot


def of_namespace(namespace: str, snapshot: Snapshot, *, leaving: bool = False) -> tuple[str, ...]:
    """A line each, without the gateways and waypoints there, which neither join nor leave; with what is open through
    ztunnels now where its pods are `leaving` the mesh."""
    there = [pod for pod in _alive(snapshot) if pod.namespace == namespace and not pod.part]
    lines = [_pods(namespace, there, snapshot), _services(namespace, snapshot)]
    if leaving:
        lines.append(_connections(there, snapshot))
    return tuple(lines)


def of_controller(target: Ref, snapshot: Snapshot) -> tuple[str, ...]:
    """A line each, for the pods that a controller replaces, and for what goes through them."""
    controller = f"{target.kind.title}/{target.name}"
    there = [
        pod
        for pod in _alive(snapshot)
        if pod.namespace == target.namespace and pod.controller == controller
    ]
    return _pods(target.namespace, there, snapshot), *_through(there, snapshot)


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


def _through(there: Sequence[Pod], snapshot: Snapshot) -> Iterator[str]:
    """What breaks with pods, a line each: of a ztunnel what all pods of its node have open, of a waypoint or a gateway
    what is bound to it, since no ztunnel tells of their connections."""
    labels = there[0].labels if there else {}
    if components.is_ztunnel(labels):
        on = {pod.node for pod in there}
        served = [pod for pod in _alive(snapshot) if pod.node in on and pod.redirection]
        yield f"{count(len(served), 'pod')} of the mesh on {count(len(on), 'node')}"
        yield from _cut(there, snapshot)
    elif components.is_waypoint(labels):
        yield of_waypoint(Ref(GATEWAY, there[0].namespace, labels.get(GATEWAY_NAME, "")), snapshot)[
            0
        ]
    elif routed := [each for each in gateways.of(snapshot) if _serves(there, each)]:
        for each in routed:
            taken = (
                "routes that are not all known"
                if each.routes is None
                else count(each.accepted, "route")
            )
            yield f"{each.ref.kind.title} {each.ref.key}: {count(len(each.listeners), 'listener')}, {taken}"
    else:
        yield _connections(there, snapshot)


def _serves(there: Iterable[Pod], gateway: Gateway) -> bool:
    return not {pod.uid for pod in there}.isdisjoint(pod.uid for pod in gateway.pods or ())


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
    there = (it for it in snapshot.raw(SERVICE) if raw.namespace(it) == namespace)
    return count(sum(not raw.label(it, GATEWAY_NAME) for it in there), "service")


_NAMED = 8
"""So many owners of connections are named."""


def _cut(ztunnels: Sequence[Pod], snapshot: Snapshot) -> Iterator[str]:
    """The connections that end with these ztunnels, by the owner of the pod that has them."""
    on, every = nodes.of(snapshot), pods.of(snapshot)
    open_, unread = Counter[str](), []
    inbound = outbound = 0
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
            inbound, outbound = inbound + each.inbound, outbound + each.outbound
            open_[f"{each.namespace}/{owner or each.name}"] += each.inbound + each.outbound
    total = +open_
    what = f"{count(inbound, 'connection')} in and {outbound:,} out"
    yield f"{what}, of {count(len(total), 'workload')}, would be cut"
    most = sorted(total.items(), key=lambda each: (-each[1], each[0]))[:_NAMED]
    named = [f"{owner} {number:,}" for owner, number in most]
    if named:
        more = len(total) - len(named)
        yield ", ".join(named) + (f" and {more} more" if more > 0 else "")
    if unread:
        yield f"those on {', '.join(sorted(unread))} are not known: their ztunnels were not read"


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
