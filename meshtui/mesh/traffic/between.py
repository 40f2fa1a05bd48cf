"""Between two parties of a cluster: what becomes of a call from one to the other, pod by pod where they differ; and the
matrix, who may call a workload, and whom it may call, by service account."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh.service_specs import Port
from meshtui.mesh.snapshot import Snapshot
from meshtui.mesh.traffic import parties, passage
from meshtui.mesh.traffic.calls import Http
from meshtui.mesh.traffic.parties import Member, Named
from meshtui.mesh.traffic.passage import Dataplane, Passage, Place, Result, Rulebook
from meshtui.mesh.traffic.verdicts import Outcome

HTTP = ("http", "http2", "grpc", "grpc-web", "kubernetes.io/h2c", "kubernetes.io/ws")
"""Protocols of a Service's port that an Envoy reads as HTTP; one that names none is found out from the traffic."""


class Judgement(Struct, frozen=True):
    """What becomes of a call, for pods that are alike in it."""

    callers: tuple[str, ...]
    """By "namespace/name"; "" for one outside the mesh."""
    called: tuple[str, ...]
    result: Result
    depends: str = ""
    """Why it is unknown, where that is no policy's doing."""


class Row(Struct, frozen=True):
    """One service account of the matrix."""

    account: str
    """ "namespace/name", or "outside"."""
    outcome: Outcome
    judgements: tuple[Judgement, ...]


def judge(
    snapshot: Snapshot, source: Named, called: Named, port: int | None, http: Http | None = None
) -> tuple[Judgement, ...]:
    """A call to a port: the Service's where a Service is called, else the pod's. `http` is what is known of a request;
    where it is None, the port tells whether it is one. Raises ValueError where a Service has no such port."""
    return tuple(_judged(snapshot, source, called, port, http, parties.rulebook(snapshot)))


def outcome(judgements: tuple[Judgement, ...]) -> Outcome:
    """What all come to: UNKNOWN where they differ, or there are none."""
    found = {each.result.outcome for each in judgements}
    return found.pop() if len(found) == 1 else Outcome.UNKNOWN


def callers(
    snapshot: Snapshot, called: Named, port: int | None, http: Http | None = None
) -> tuple[Row, ...]:
    """Who may call it: every service account that has pods, then a caller outside the mesh."""
    every = [*parties.accounts(snapshot), parties.named(snapshot, parties.OUTSIDE, called=False)]
    book = parties.rulebook(snapshot)
    return tuple(
        _row(each, tuple(_judged(snapshot, each, called, port, http, book))) for each in every
    )


def callees(snapshot: Snapshot, source: Named, http: Http | None = None) -> tuple[Row, ...]:
    """Whom it may call, on ports that are not known: the pods of every service account, by their addresses."""
    book = parties.rulebook(snapshot)
    return tuple(
        _row(each, tuple(_judged(snapshot, source, each, None, http, book)))
        for each in parties.accounts(snapshot)
    )


def _row(account: Named, judgements: tuple[Judgement, ...]) -> Row:
    name = account.title.removeprefix("ServiceAccount ")
    if not account.members[0].pod:
        name = parties.OUTSIDE
    return Row(name, outcome(judgements), judgements)


def _judged(
    snapshot: Snapshot,
    source: Named,
    called: Named,
    port: int | None,
    http: Http | None,
    book: Rulebook,
) -> Iterator[Judgement]:
    found: dict[tuple[Result, str], tuple[list[str], list[str]]] = {}
    of_service = _port(called, port)
    protocols = _protocols(of_service, http)
    callers = _alike(source.members, lambda each: _told_as_caller(each, book))
    destinations = _alike(
        called.members,
        lambda each: (_told_as_called(each, book), _own_port(snapshot, each, of_service, port)),
    )
    for alike in callers:
        for members in destinations:
            own = _passage(snapshot, alike[0], called, members[0], of_service, port)
            judged = _whatever(own, protocols, book)
            whose, whom = found.setdefault(judged, ([], []))
            whose += [each.pod for each in alike]
            whom += [each.pod for each in members]
    for (result, depends), (whose, whom) in found.items():
        yield Judgement(tuple(dict.fromkeys(whose)), tuple(dict.fromkeys(whom)), result, depends)


def _alike(members: Iterable[Member], told: Callable[[Member], Hashable]) -> list[list[Member]]:
    """The members by what tells them apart."""
    found: dict[Hashable, list[Member]] = {}
    for each in members:
        found.setdefault(told(each), []).append(each)
    return [*found.values()]


def _told_as_caller(each: Member, book: Rulebook) -> Hashable:
    """What proxies see of a caller: its identity, and its address where any rule asks for one."""
    it = each.party
    address = it.address if book.addressed else None
    return it.namespace, it.account, it.dataplane, address


def _told_as_called(each: Member, book: Rulebook) -> Hashable:
    """By what policies are for a pod that is called, and its address where any rule asks for one."""
    it = each.party
    address = it.address if book.addressed else None
    return it.namespace, it.dataplane, frozenset(it.labels.items()), each.waypoint, address


def _whatever(own: Passage, protocols: Sequence[Http | None], book: Rulebook) -> tuple[Result, str]:
    """What becomes of it whatever is sent, and why that is not known, where it depends on it."""
    first, *others = protocols
    result = passage.judge(replace(own, http=first), book)
    if all(each.place is Place.ZTUNNEL for each in result.judged):
        return result, ""
    for each in others:
        if passage.judge(replace(own, http=each), book).outcome is not result.outcome:
            why = "it depends on whether what is sent is HTTP, which the port does not say"
            return replace(result, outcome=Outcome.UNKNOWN), why
    return result, ""


def _own_port(
    snapshot: Snapshot, member: Member, of_service: Port | None, port: int | None
) -> int | None:
    """The port of a pod that is called."""
    return port if of_service is None else parties.target_port(snapshot, of_service, member.pod)


def _passage(
    snapshot: Snapshot,
    caller: Member,
    called: Named,
    member: Member,
    of_service: Port | None,
    port: int | None,
) -> Passage:
    spec = called.service
    source = caller.party
    if source.dataplane is Dataplane.GATEWAY:
        source = replace(source, uses_waypoints=called.from_gateways)
    before = called.waypoint if spec else member.waypoint
    return Passage(
        source=source,
        destination=member.party,
        port=_own_port(snapshot, member, of_service, port),
        service=spec.target if spec else None,
        service_port=of_service.number if of_service else None,
        waypoint=parties.waypoint(snapshot, before),
    )


def _port(called: Named, port: int | None) -> Port | None:
    """The port of the Service that is called; None where none is called."""
    if called.service is None or port is None:
        return None
    ports = called.service.ports
    found = next((each for each in ports if each.number == port), None)
    if found is None:
        has = ", ".join(str(each.number) for each in ports) or "none"
        raise ValueError(f"{called.title} has no port {port}; its ports: {has}")
    return found


def _protocols(port: Port | None, http: Http | None) -> tuple[Http | None, ...]:
    """What may be sent: a request, of which nothing need be known, or, as None, something that is none."""
    if http is not None:
        return (http,)
    said = port.app_protocol if port else ""
    if said in HTTP:
        return (Http(),)
    return (None,) if said else (Http(), None)
