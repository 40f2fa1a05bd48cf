"""Outward: a call to a host that is no Service and no gateway's: what the caller's ztunnel knows of it, and what is
written of what leaves the mesh."""

from __future__ import annotations

from collections.abc import Iterator

from meshtui.mesh import meshconfig, raw
from meshtui.mesh.checks import count
from meshtui.mesh.doctor.findings import Evidence
from meshtui.mesh.kinds import SERVICE_ENTRY
from meshtui.mesh.raw import dig
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.trace import hops
from meshtui.mesh.trace.around import Around
from meshtui.mesh.trace.hops import Hop, Seen
from meshtui.mesh.trace.resolution import TITLE
from meshtui.mesh.traffic.passage import Dataplane
from meshtui.mesh.views import HEALTHY

BEYOND = "beyond the mesh"


def of(around: Around, host: str) -> Iterator[Hop]:
    """As far as anything is known of it."""
    entry = _entry(around.snapshot, host)
    found = {
        it.key: _known(it, host, entry)
        for each in around.source.members
        if each.party.dataplane is Dataplane.ZTUNNEL
        for it in [around.seen(each)]
    }
    if found:
        yield hops.together([*found.values()])
    yield _leaving(around.snapshot, host, entry)


def _entry(snapshot: Snapshot, host: str) -> Ref | None:
    """The ServiceEntry that has the host."""
    for it in snapshot.raw(SERVICE_ENTRY):
        hosts = dig(it, "spec", "hosts")
        if isinstance(hosts, list) and host in hosts:
            return Ref(SERVICE_ENTRY, raw.namespace(it), raw.name(it))
    return None


def _known(it: Seen, host: str, entry: Ref | None) -> Hop:
    if it.view is None:
        words = f"what the caller's ztunnel knows is not known: {it.why}"
        return hops.unknown(TITLE, words, step=hops.READ_DUMP)
    known = it.view.host(host)
    field = f"services[{host}]"
    if known is None and entry is not None:
        said = it.field(field, "absent")
        words = f"{it.key} does not know {host}, which ServiceEntry {entry.key} names"
        step = "look in Ztunnels whether it is connected to istiod, and when it last heard of it"
        return hops.broken(TITLE, words, said, step=step)
    if known is None:
        words = f"{it.key} knows no {host}: to it the call is to any address"
        return hops.well(TITLE, words, it.field(field, "absent"))
    healthy = sum(each.status == HEALTHY for each in known.endpoints)
    said = it.field(f"{field}.endpoints", f"{healthy} of {len(known.endpoints)} healthy")
    where = f", through {known.waypoint}" if known.waypoint else ""
    words = f"{it.key} knows {host} with {count(healthy, 'healthy endpoint')}{where}"
    return hops.well(TITLE, words, said)


def _leaving(snapshot: Snapshot, host: str, entry: Ref | None) -> Hop:
    """Who answers there nobody here can know."""
    if entry is not None:
        said = Evidence(f"ServiceEntry {entry.key}", "spec.hosts", host, entry)
        return hops.unknown(BEYOND, f"who answers for {host} is not looked into", said)
    configs = meshconfig.of(snapshot)
    mode = configs[0].outbound if configs else "not known"
    ref = configs[0].ref if configs else None
    told = f"{mode}, which ztunnels do not enforce"
    shown = Evidence("mesh config", "outboundTrafficPolicy.mode", told, ref)
    words = f"no Service, ServiceEntry or gateway has the host {host}"
    return hops.unknown(BEYOND, f"{words}: who answers there is not known", shown,
                        step="correct the name, or make a ServiceEntry for it")  # fmt: skip
