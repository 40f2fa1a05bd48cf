"""Waypoint rows: every waypoint, and every one that is named and not there, with how it is and who depends on it
(istio-ambient.md, 2.4 and 2.8; AMB-019 to AMB-023 of doctor-rules.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh import attachments, components, pods, raw, versions, waypoints
from meshtui.mesh.attachments import Attachment
from meshtui.mesh.derived import derived
from meshtui.mesh.enrollment import YOUNG
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import GATEWAY, NAMESPACE, POD, SERVICE, SERVICE_ENTRY, WORKLOAD_ENTRY
from meshtui.mesh.pods import GATEWAY_NAME, Pod
from meshtui.mesh.raw import Condition, Raw, conditions, entries, text
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.waypoints import State, Waypoint, Waypoints

KINDS = (*waypoints.KINDS, *attachments.KINDS, *components.KINDS)

SERVICES = (SERVICE, SERVICE_ENTRY)
WORKLOADS = (POD, WORKLOAD_ENTRY)


class Row(Struct, frozen=True):
    """One waypoint."""

    key: str
    ref: Ref | None
    """None for one that is named and does not exist."""
    verdict: Verdict
    """The worst of its troubles, or how well it is."""
    namespace: str
    name: str
    class_name: str
    traffic: str
    """What it takes: "service", "workload", "all" or "none"."""
    traffic_by: str
    """Who says so: "its own label", "its class" or "Istio's default"."""
    programmed: Condition | None
    ready: int | None
    """Its pods that are ready; None where it has no pods of istiod's making, or they could not be read."""
    pods: tuple[Pod, ...]
    address: str
    hostname: str
    versions: tuple[str, ...]
    """Of its pods, as far as their images tell."""
    attached: tuple[Attachment, ...]
    """Who is bound to it."""
    in_vain: tuple[Attachment, ...]
    """Who names it and is not bound."""
    unsure: tuple[Attachment, ...]
    """Who names it, where it is not known whether they are bound."""
    orphan: bool
    """Nobody names it."""
    created: datetime | None
    troubles: tuple[Verdict, ...]
    """All that is wrong or not known, the worst first."""

    @property
    def waypoint(self) -> str:
        """ "namespace/name"."""
        return f"{self.namespace}/{self.name}"

    @property
    def namespaces(self) -> tuple[Attachment, ...]:
        return tuple(each for each in self.attached if each.kind == NAMESPACE)

    @property
    def services(self) -> tuple[Attachment, ...]:
        """Services and ServiceEntries."""
        return tuple(each for each in self.attached if each.kind in SERVICES)

    @property
    def workloads(self) -> tuple[Attachment, ...]:
        """Pods and WorkloadEntries."""
        return tuple(each for each in self.attached if each.kind in WORKLOADS)


class _Gateway(Struct, frozen=True, eq=False):
    """What of a Gateway is said here and nowhere else."""

    key: str
    """ "namespace/name", as waypoints have it."""
    uid: str
    address: str
    hostname: str
    accepted: Condition | None
    programmed: Condition | None
    listeners: tuple[tuple[str, Condition], ...]
    """The conditions of its listeners that are not good, by the listener's name."""
    created: datetime | None


class _Around(NamedTuple):
    """What is known of a waypoint beside its Gateway. A tuple, so that it counts as a value where it is an input."""

    it: Waypoint
    traffic: str
    traffic_by: str
    managed: bool
    """istiod deploys its pods."""
    pods: tuple[Pod, ...]
    pods_read: bool
    who: tuple[Attachment, ...]
    """All who name it."""
    who_unread: str
    """Why there may be more of them; "" where there are not."""
    controls: tuple[str, ...]
    """The versions of istiod."""


class _Derived(Struct, frozen=True):
    """A row without the time: until `settles` istiod may not have got to it."""

    row: Row
    settles: datetime | None

    def at(self, now: datetime) -> Row:
        if self.settles is None or now >= self.settles:
            return self.row
        return replace(self.row, verdict=Verdict(Health.NONE, "just made"), troubles=())


def of(snapshot: Snapshot) -> Sequence[Row]:
    """Every waypoint, by namespace and name."""
    return derived(snapshot, _all)


def _all(snapshot: Snapshot) -> Sequence[Row]:
    rows = [each.at(snapshot.now) for each in derived(snapshot, _each)]
    return snapshot.memo.unchanged("waypoint rows", rows)


def _each(snapshot: Snapshot) -> Sequence[_Derived]:
    every, attached = waypoints.of(snapshot), attachments.of(snapshot)
    read = dict(
        zip(snapshot.objects.get(GATEWAY, {}), snapshot.each(GATEWAY, _gateway), strict=True)
    )
    own = _own_pods(snapshot)
    unread, controls = _unread(snapshot), components.control_planes(snapshot)

    def around(gateway: _Gateway) -> tuple[_Around]:
        key = gateway.key
        it, who = every.gateways[key], attached.get(key, ())
        by_traffic = waypoints.traffic_of(every, it)
        managed, pods_of = waypoints.is_managed(every, it), own.get(key, ())
        whole = bool(pods_of) or snapshot.covering(POD, it.namespace, GATEWAY_NAME).complete
        about = _Around(it, *by_traffic, managed, pods_of, whole, who, unread, controls)
        return (about,)

    here = {
        key: gateway
        for key, gateway in read.items()
        if gateway.key in attached or _is_waypoint(every, gateway.key)
    }
    known = {gateway.key for gateway in here.values()}
    found = snapshot.memo.each("waypoints", here, _row, around)
    found += [_missing(key, who) for key, who in attached.items() if key not in known]
    return sorted(found, key=attrgetter("row.namespace", "row.name"))


def _own_pods(snapshot: Snapshot) -> Mapping[str, tuple[Pod, ...]]:
    """The pods of each Gateway, by "namespace/name"."""
    found: dict[str, list[Pod]] = {}
    for pod in pods.parts(snapshot):
        if GATEWAY_NAME in pod.labels and not (pod.finished or pod.terminating):
            found.setdefault(f"{pod.namespace}/{pod.labels[GATEWAY_NAME]}", []).append(pod)
    return {key: tuple(own) for key, own in found.items()}


def _is_waypoint(every: Waypoints, key: str) -> bool:
    gateway = every.gateways.get(key)
    if gateway is None:
        return False
    of_class = every.classes.get(gateway.class_name)
    return waypoints.is_waypoint(gateway.class_name, of_class.controller if of_class else "")


def _missing(key: str, who: Sequence[Attachment]) -> _Derived:
    """A waypoint that is named, and of which nobody has seen the Gateway."""
    namespace, _, name = key.partition("/")
    binding = who[0].binding
    said = f"{binding.reason}; named by {count(who)}"
    verdict = Verdict(binding.health, said)
    row = Row(
        key=f"named/{key}",
        ref=None,
        verdict=verdict,
        namespace=namespace,
        name=name,
        class_name="",
        traffic="",
        traffic_by="",
        programmed=None,
        ready=None,
        pods=(),
        address="",
        hostname="",
        versions=(),
        attached=(),
        in_vain=tuple(each for each in who if each.binding.bound is False),
        unsure=tuple(each for each in who if each.binding.bound is None),
        orphan=False,
        created=None,
        troubles=(verdict,),
    )
    return _Derived(row, None)


def _row(gateway: _Gateway, around: _Around) -> _Derived:
    it, own = around.it, around.pods
    known = around.managed and around.pods_read
    row = Row(
        key=gateway.uid or gateway.key,
        ref=Ref(GATEWAY, it.namespace, it.name),
        verdict=Verdict(Health.NONE),
        namespace=it.namespace,
        name=it.name,
        class_name=it.class_name,
        traffic=around.traffic,
        traffic_by=around.traffic_by,
        programmed=gateway.programmed,
        ready=sum(pod.healthy for pod in own) if known else None,
        pods=own,
        address=gateway.address,
        hostname=gateway.hostname,
        versions=tuple(sorted(set(filter(None, (versions.of_image(pod.image) for pod in own))))),
        attached=tuple(each for each in around.who if each.binding.bound),
        in_vain=tuple(each for each in around.who if each.binding.bound is False),
        unsure=tuple(each for each in around.who if each.binding.bound is None),
        orphan=not around.who and not around.who_unread,
        created=gateway.created,
        troubles=(),
    )
    troubles = tuple(sorted(_troubles(row, gateway, around), key=lambda each: -each.health.rank))
    verdict = troubles[0] if troubles else _well(row)
    settles = gateway.created + YOUNG if gateway.created is not None else None
    return _Derived(replace(row, verdict=verdict, troubles=troubles), settles)


def _unread(snapshot: Snapshot) -> str:
    kinds = (NAMESPACE, SERVICE, POD, SERVICE_ENTRY, WORKLOAD_ENTRY)
    return next(filter(None, map(snapshot.unread, kinds)), "")


def _well(row: Row) -> Verdict:
    ready = f", {row.ready} of {len(row.pods)} pods ready" if row.ready is not None else ""
    return Verdict(Health.OK, f"{count(row.attached)} attached{ready}")


def _troubles(row: Row, gateway: _Gateway, around: _Around) -> Iterator[Verdict]:
    yield from _conditions(gateway)
    if around.managed:
        yield from _pods(row)
    yield from _vain(row.in_vain)
    if row.unsure:
        said = (
            f"whether {count(row.unsure)} may use it is not known: {row.unsure[0].binding.reason}"
        )
        yield Verdict(Health.UNKNOWN, said)
    for version in row.versions:
        behind = versions.skew(version, around.controls)
        if behind:
            yield Verdict(Health.WARN, behind)
    if row.orphan:
        yield Verdict(Health.WARN, "an orphan: no namespace, service or workload names it")
    elif not around.who:
        said = f"whether anybody names it is not known: {around.who_unread}"
        yield Verdict(Health.UNKNOWN, said)


def _conditions(gateway: _Gateway) -> Iterator[Verdict]:
    """A Gateway without an address is as good as none: what names it goes direct."""
    accepted, programmed = gateway.accepted, gateway.programmed
    without = not (gateway.address or gateway.hostname)
    if accepted is not None and accepted.status != "True":
        yield Verdict(Health.BAD, f"not accepted: {accepted.reason}: {accepted.message}")
    if programmed is None:
        yield Verdict(Health.BAD, "istiod has not programmed it: nobody wrote its condition")
    elif programmed.status != "True":
        health = Health.BAD if without else Health.WARN
        yield Verdict(health, f"not programmed: {programmed.reason}: {programmed.message}")
    elif without:
        yield Verdict(Health.BAD, "it has no address: traffic to what names it goes direct")
    for name, said in gateway.listeners:
        words = f"listener {name}: {said.type}={said.status} ({said.reason}: {said.message})"
        yield Verdict(Health.WARN, words)


def _pods(row: Row) -> Iterator[Verdict]:
    total = len(row.pods)
    if row.ready is None:
        yield Verdict(Health.UNKNOWN, "its pods could not be read")
    elif not row.ready:
        fails = f"traffic to {count(row.attached)} fails" if row.attached else "nobody needs it"
        health = Health.BAD if row.attached else Health.WARN
        yield Verdict(health, f"0 of {total} pods ready: {fails}")
    elif row.ready < total:
        yield Verdict(Health.WARN, f"{row.ready} of {total} pods ready")


def _vain(who: Sequence[Attachment]) -> Iterator[Verdict]:
    """One line for each reason. That it has no address was said of itself."""
    for state in (State.NOT_ADMITTED, State.NOT_FOR):
        found = [each for each in who if each.binding.state is state]
        if found:
            said = f"named in vain by {count(found)}: {found[0].binding.reason}"
            yield Verdict(_worst(found), said)


def _worst(found: Sequence[Attachment]) -> Health:
    return max((each.binding.health for each in found), key=lambda each: each.rank)


def count(who: Sequence[Attachment]) -> str:
    """How many of each kind, in words: "1 namespace, 7 services"."""
    named = [
        (sum(each.kind == NAMESPACE for each in who), "namespace"),
        (sum(each.kind in SERVICES for each in who), "service"),
        (sum(each.kind in WORKLOADS for each in who), "workload"),
    ]
    said = [f"{number} {noun}{'' if number == 1 else 's'}" for number, noun in named if number]
    return ", ".join(said) or "nobody"


def _gateway(it: Raw) -> _Gateway:
    by_type: dict[str, str] = {}
    for each in entries(it, "status", "addresses"):
        by_type.setdefault(text(each, "type") or "IPAddress", text(each, "value"))
    said = conditions(it)
    return _Gateway(
        key=f"{raw.namespace(it)}/{raw.name(it)}",
        uid=raw.uid(it),
        address=by_type.get("IPAddress", ""),
        hostname=by_type.get("Hostname", ""),
        accepted=said.get("Accepted"),
        programmed=said.get("Programmed"),
        listeners=tuple(_listeners(it)),
        created=raw.created(it),
    )


def _listeners(it: Raw) -> Iterator[tuple[str, Condition]]:
    """Conflicted is the one condition that is good where it is False."""
    for listener in entries(it, "status", "listeners"):
        for each in conditions(listener, "conditions").values():
            if each.status == ("True" if each.type == "Conflicted" else "False"):
                yield text(listener, "name"), each
