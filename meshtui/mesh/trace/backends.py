"""Backends: the Services to which the rules of routes send a call, and the pods that answer it in the end."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh.snapshot import Snapshot
from meshtui.mesh.trace import ends
from meshtui.mesh.trace.around import Around
from meshtui.mesh.trace.routing import Taken
from meshtui.mesh.traffic import parties
from meshtui.mesh.traffic.parties import Named

_MOST = 4
"""So many backends are followed, those with the most requests first."""
_MOST_PODS = 4
"""Of each of several."""


class Backend(Struct, frozen=True):
    """One Service that requests are sent to."""

    named: Named
    port: int | None
    about: str
    """Its part of the requests, where that is known, and its name; "" where it is the only one."""


def of(snapshot: Snapshot, taken: Sequence[Taken]) -> tuple[Backend, ...]:
    """Those of all rules that may take a request. One that does not exist is left out: the route says so."""
    found: dict[tuple[str, int | str], float] = {}
    for rule in taken:
        for each in rule.backends:
            if each.ref.kind == "Service" and each.ref.weight > 0:
                backend = (each.ref.key, each.ref.port)
                found[backend] = found.get(backend, 0) + (each.share or 0)
    told = []
    for (key, port), share in sorted(found.items(), key=lambda each: -each[1])[:_MOST]:
        namespace, _, name = key.rpartition("/")
        try:
            named = parties.named(snapshot, f"{namespace}/service/{name}", called=True)
        except ValueError:
            continue
        alone = len(found) == 1
        about = "" if alone else f"{share:.0%} {key}" if len(taken) == 1 else key
        kept, _ = ends.narrowed(snapshot, named, ends.MOST if alone else _MOST_PODS)
        told.append(Backend(kept, _number(named, port), about))
    return tuple(told)


def _number(named: Named, port: int | str) -> int | None:
    """The port of a Service by its number or name; where none is named, a single one."""
    ports = named.service.ports if named.service else ()
    wanted = (each.number for each in ports if port in (each.number, each.name))
    return next(wanted, ports[0].number if len(ports) == 1 and not port else None)


def beyond(around: Around, taken: Sequence[Taken]) -> Around:
    """The same call as it is behind the waypoint: to the pods of the Services that the rules there send it to, where
    any does."""
    members, ports = {}, {}
    for backend in of(around.snapshot, taken):
        spec = backend.named.service
        port = next((p for p in spec.ports if p.number == backend.port), None) if spec else None
        for each in backend.named.members:
            members[each.pod] = each
            ports[each.pod] = parties.target_port(around.snapshot, port, each.pod) if port else None
    if not members:
        return around
    called = replace(around.called, members=tuple(members.values()))
    return replace(around, called=called, pod_ports=ports)
