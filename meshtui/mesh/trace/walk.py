"""Walk: all hops from A to B, in order; the first that is broken is why A does not reach B (doctor-rules.md, G1)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh import gateways, services, workloads, ztunnel_probes
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import NETWORK_POLICY, Kind
from meshtui.mesh.snapshot import Probe, Scope, Snapshot, Tail
from meshtui.mesh.trace import (
    backends,
    capture,
    ends,
    gateway,
    identity,
    last_calls,
    network,
    outward,
    resolution,
    routing,
    rules,
    waypoint,
)
from meshtui.mesh.trace.around import Around
from meshtui.mesh.trace.ends import Ends, Question
from meshtui.mesh.trace.gateway import Entry
from meshtui.mesh.trace.hops import Hop, seen
from meshtui.mesh.traffic import parties
from meshtui.mesh.traffic.calls import Http
from meshtui.mesh.traffic.parties import Named

KINDS: tuple[Kind | Scope, ...] = tuple(
    dict.fromkeys((*parties.KINDS, *services.KINDS, *gateways.KINDS, Scope(NETWORK_POLICY)))
)


class Trace(Struct, frozen=True):
    """What is between A and B."""

    source: str
    called: str
    hops: tuple[Hop, ...]
    notes: tuple[str, ...] = ()
    """What was left out."""

    @property
    def headline(self) -> Hop | None:
        """The first hop that is broken, else the first that is not known; None where all are well."""
        for health in (Health.BAD, Health.UNKNOWN):
            for each in self.hops:
                if each.verdict.health is health:
                    return each
        return None

    @property
    def verdict(self) -> Verdict:
        """The headline in words."""
        first = self.headline
        if first is None:
            return Verdict(Health.OK, "nothing is in the way")
        about = f" ({first.about})" if first.about else ""
        sign = "" if first.verdict.health is Health.BAD else "not known: "
        return Verdict(first.verdict.health, f"{sign}{first.title}{about}: {first.verdict.reason}")


def of(snapshot: Snapshot, asked: Question) -> Trace:
    """Raises ValueError, with words for people, where an end is nothing or more than one thing."""
    found = ends.of(snapshot, asked)
    if found.called is not None:
        around = Around(snapshot, found.source, found.called, found.port, found.http)
        return Trace(*found.titles, tuple(_between(around)), found.left_out)
    return Trace(*found.titles, tuple(_from_outside(snapshot, found)), found.left_out)


def probes(snapshot: Snapshot, asked: Question) -> tuple[Probe, ...]:
    """The dumps, with their lists, of the ztunnels of both ends; none where those are not known."""
    try:
        found = ends.of(snapshot, asked)
    except ValueError:
        return ()
    known = {each.pod.key: each for each in workloads.of(snapshot)}
    names = ends.nodes_of([found.source, *_answering(snapshot, found)], known)
    on = (seen(snapshot, node).ztunnel for node in names)
    return tuple(
        ztunnel_probes.detail(it.pod.namespace, it.pod.name) for it in on if it is not None
    )


def tails(snapshot: Snapshot, asked: Question) -> tuple[Tail, ...]:
    """The logs in which such calls are written; none where the ends are not known."""
    try:
        found = ends.of(snapshot, asked)
    except ValueError:
        return ()
    ways = (last_calls.logs(around, beyond) for around, beyond in _ways(snapshot, found))
    return tuple(dict.fromkeys(each for way in ways for each in way))


def _ways(snapshot: Snapshot, found: Ends) -> Iterator[tuple[Around, Around]]:
    """The call to each of those that may answer, as it is made and as it is behind the waypoint."""
    if found.called is not None:
        around = Around(snapshot, found.source, found.called, found.port, found.http)
        yield around, backends.beyond(around, routing.at_waypoint(around)[1])
        return
    assert found.address is not None
    entry = gateway.of(snapshot, found.address, found.http)
    at = _pods_of(snapshot, entry)
    if at is not None:
        for each in backends.of(snapshot, entry.rules):
            around = Around(snapshot, at, each.named, each.port, found.http)
            yield around, backends.beyond(around, routing.at_waypoint(around)[1])


def _answering(snapshot: Snapshot, found: Ends) -> list[Named]:
    """Who may answer in the end."""
    if found.called is not None:
        around = Around(snapshot, found.source, found.called, found.port, found.http)
        return [backends.beyond(around, routing.at_waypoint(around)[1]).called]
    assert found.address is not None
    entry = gateway.of(snapshot, found.address, found.http)
    return [each.named for each in backends.of(snapshot, entry.rules)]


def _between(around: Around) -> Iterator[Hop]:
    """From pods to pods."""
    yield capture.of(around.snapshot, "capture of A", around.source.members, around.pods)
    if (wrong := resolution.no_port(around)) is not None:
        yield wrong
    else:
        yield from _inside(around)


def _inside(around: Around) -> Iterator[Hop]:
    """All behind the capture of the caller."""
    route, taken = routing.at_waypoint(around)
    beyond = backends.beyond(around, taken)
    yield capture.of(around.snapshot, "capture of B", beyond.called.members, around.pods)
    yield resolution.of(around)
    yield waypoint.of(around)
    yield network.of(beyond)
    yield identity.of(beyond)
    yield rules.at_ztunnel(beyond)
    yield rules.at_waypoint(around)
    yield route
    yield routing.endpoints_of(around, taken)
    if (written := last_calls.of(around, beyond)) is not None:
        yield written


def _from_outside(snapshot: Snapshot, found: Ends) -> Iterator[Hop]:
    """Through a gateway, and from there to each of the backends that a rule names."""
    assert found.address is not None
    entry = gateway.of(snapshot, found.address, found.http)
    known = {each.pod.key: each for each in workloads.of(snapshot)}
    if found.source.members and found.source.members[0].pod:
        yield capture.of(snapshot, "capture of A", found.source.members, known)
        if entry.gateway is None:
            around = Around(snapshot, found.source, found.source, None, found.http)
            yield from outward.of(around, found.address.host)
            return
    yield from entry.hops
    at = _pods_of(snapshot, entry)
    if at is None:
        return
    yield rules.at_gateway(
        Around(snapshot, found.source, at, found.address.port, found.http or Http())
    )
    for each in backends.of(snapshot, entry.rules):
        around = Around(snapshot, at, each.named, each.port, found.http)
        yield from (replace(hop, about=each.about) for hop in _inside(around))


def _pods_of(snapshot: Snapshot, entry: Entry) -> Named | None:
    """The pods of the gateway as callers."""
    row = entry.gateway
    if row is None or not row.pods:
        return None
    members = [
        member
        for pod in row.pods
        for member in parties.named(
            snapshot, f"{pod.namespace}/pod/{pod.name}", called=False
        ).members
    ]
    return Named(f"{row.ref.kind.title} {row.ref.key}", tuple(members))
