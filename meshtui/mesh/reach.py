"""Reach: whom a change of labels concerns: pods, their controllers, services, and the connections that ztunnels know
of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from meshtui.mesh import moves, nodes, raw
from meshtui.mesh.changes import Change
from meshtui.mesh.checks import count
from meshtui.mesh.kinds import NAMESPACE, SERVICE
from meshtui.mesh.moves import Move, Way
from meshtui.mesh.pods import Pod
from meshtui.mesh.snapshot import Snapshot


def of(change: Change, snapshot: Snapshot) -> tuple[str, ...]:
    """A line each; none for a change that is not about labels of a namespace or of a pod template. That connections
    which are open stay plain is among the warnings of a change that enrolls."""
    move = moves.of(change, snapshot)
    return () if move is None else tuple(_lines(move, snapshot))


def _lines(move: Move, snapshot: Snapshot) -> Iterator[str]:
    pods = [each.workload.pod for each in move.pods]
    if move.unread:
        yield f"how many pods it reaches is not known: {move.unread}"
    else:
        controllers = {pod.controller for pod in pods if pod.controller}
        yield f"{count(len(pods), 'pod')} of {count(len(controllers), 'controller')}"
    if move.target.kind == NAMESPACE:
        yield _services(move.namespace, snapshot)
    if move.leaves:
        leaving = [each.pod for each in move.going(Way.LEAVES, Way.UNKNOWN)]
        yield _connections(leaving, snapshot)


def _services(namespace: str, snapshot: Snapshot) -> str:
    if unread := snapshot.unread(SERVICE, namespace):
        return f"how many services it reaches is not known: {unread}"
    return count(sum(raw.namespace(it) == namespace for it in snapshot.raw(SERVICE)), "service")


def _connections(leaving: Sequence[Pod], snapshot: Snapshot) -> str:
    """What ztunnels hold open for these pods, as far as their dumps tell."""
    inbound, outbound, unread = _counted(leaving, snapshot)
    said = f"{count(inbound, 'connection')} in and {outbound} out are open through ztunnels"
    return f"{said}; those on {', '.join(unread)} are not known" if unread else said


def _counted(leaving: Iterable[Pod], snapshot: Snapshot) -> tuple[int, int, Sequence[str]]:
    """Connections in and out, and the nodes of which no dump tells."""
    on = nodes.of(snapshot)
    inbound = outbound = 0
    unread: set[str] = set()
    for pod in leaving:
        node = on.get(pod.node)
        dumps = [each.current for each in node.ztunnels] if node else []
        known = [dump.proxied for dump in dumps if dump is not None and dump.proxied is not None]
        if not known and pod.node:
            unread.add(pod.node)
        for proxied in known:
            if (mine := proxied.get(pod.uid)) is not None:
                inbound, outbound = inbound + mine.inbound, outbound + mine.outbound
    return inbound, outbound, sorted(unread)
