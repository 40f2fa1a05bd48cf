"""Waypoint rows: every waypoint, and every one that is named and not there, with how it is and who depends on it
(istio-ambient.md, 2.4 and 2.8; AMB-019 to AMB-023 of doctor-rules.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from meshtui.mesh import attachments, components, pods, raw, versions, waypoints
from meshtui.mesh.attachments import Attachment
from meshtui.mesh.enrollment import YOUNG
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import GATEWAY, NAMESPACE, POD, SERVICE, SERVICE_ENTRY, WORKLOAD_ENTRY
from meshtui.mesh.pods import GATEWAY_NAME, Pod
from meshtui.mesh.raw import Condition, Raw, conditions, entries, text
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.waypoints import State, Waypoints

KINDS = (*waypoints.KINDS, *attachments.KINDS, *components.KINDS)

_CONTROLLERS = ("istio.io/mesh-controller", "istio.io/agentgateway-waypoint-controller")
_SERVICES = (SERVICE, SERVICE_ENTRY)
_WORKLOADS = (POD, WORKLOAD_ENTRY)


@dataclass(frozen=True, slots=True)
class Row:
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
        return tuple(each for each in self.attached if each.kind in _SERVICES)

    @property
    def workloads(self) -> tuple[Attachment, ...]:
        """Pods and WorkloadEntries."""
        return tuple(each for each in self.attached if each.kind in _WORKLOADS)


@dataclass(frozen=True, slots=True, eq=False)
class _Gateway:
    """What of a Gateway is said here and nowhere else."""

    uid: str
    address: str
    hostname: str
    accepted: Condition | None
    programmed: Condition | None
    listeners: tuple[tuple[str, Condition], ...]
    """The conditions of its listeners that are not good, by the listener's name."""
    created: datetime | None


def of(snapshot: Snapshot) -> Sequence[Row]:
    """Every waypoint, by namespace and name."""
    return snapshot.once(_all, snapshot)


def _all(snapshot: Snapshot) -> Sequence[Row]:
    every, attached = waypoints.of(snapshot), attachments.of(snapshot)
    read = dict(
        zip(snapshot.objects.get(GATEWAY, {}), snapshot.each(GATEWAY, _gateway), strict=True)
    )
    own: dict[str, list[Pod]] = {}
    for pod in pods.parts(snapshot):
        if GATEWAY_NAME in pod.labels and not (pod.finished or pod.terminating):
            own.setdefault(f"{pod.namespace}/{pod.labels[GATEWAY_NAME]}", []).append(pod)
    controls = components.control_planes(snapshot)
    rows = []
    for key in sorted({*(k for k in read if _is_waypoint(every, k)), *attached}):
        who = attached.get(key, ())
        gateway = read.get(key)
        if gateway is None:
            rows.append(_missing(key, who))
        else:
            rows.append(_row(snapshot, every, key, gateway, who, tuple(own.get(key, ())), controls))
    return rows


def _is_waypoint(every: Waypoints, key: str) -> bool:
    """By the controller of its class; a custom class may have it too."""
    gateway = every.gateways.get(key)
    if gateway is None:
        return False
    of_class = every.classes.get(gateway.class_name)
    if of_class is None:
        return gateway.class_name == "istio-waypoint"
    return of_class.controller in _CONTROLLERS


def _missing(key: str, who: Sequence[Attachment]) -> Row:
    """A waypoint that is named, and of which nobody has seen the Gateway."""
    namespace, _, name = key.partition("/")
    binding = who[0].binding
    said = f"{binding.reason}; named by {count(who)}"
    verdict = Verdict(binding.health, said)
    return Row(
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
        in_vain=tuple(who),
        orphan=False,
        created=None,
        troubles=(verdict,),
    )


def _row(
    snapshot: Snapshot,
    every: Waypoints,
    key: str,
    gateway: _Gateway,
    who: Sequence[Attachment],
    own: tuple[Pod, ...],
    controls: Sequence[str],
) -> Row:
    it = every.gateways[key]
    managed = waypoints.is_managed(every, it)
    known = (
        bool(own) or not snapshot.unread(POD, it.namespace) or _parts_read(snapshot, it.namespace)
    )
    attached = tuple(each for each in who if each.binding.bound)
    in_vain = tuple(each for each in who if each.binding.bound is False)
    found = _Found(
        gateway=gateway,
        ready=sum(pod.healthy for pod in own) if managed and known else None,
        total=len(own),
        managed=managed,
        versions=tuple(sorted(set(filter(None, (versions.of_image(pod.image) for pod in own))))),
        attached=attached,
        in_vain=in_vain,
        orphan=not who,
        unread=_unread(snapshot) if not who else "",
    )
    young = gateway.created is not None and snapshot.now < gateway.created + YOUNG
    troubles = (
        ()
        if young
        else tuple(sorted(_troubles(found, controls), key=lambda each: -each.health.rank))
    )
    well = Verdict(Health.NONE, "just made") if young else _well(found)
    traffic, traffic_by = waypoints.traffic_of(every, it)
    return Row(
        key=gateway.uid or key,
        ref=Ref(GATEWAY, it.namespace, it.name),
        verdict=troubles[0] if troubles else well,
        namespace=it.namespace,
        name=it.name,
        class_name=it.class_name,
        traffic=traffic,
        traffic_by=traffic_by,
        programmed=gateway.programmed,
        ready=found.ready,
        pods=own,
        address=gateway.address,
        hostname=gateway.hostname,
        versions=found.versions,
        attached=attached,
        in_vain=in_vain,
        orphan=found.orphan and not found.unread,
        created=gateway.created,
        troubles=troubles,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """What the verdict of a waypoint rests on."""

    gateway: _Gateway
    ready: int | None
    total: int
    managed: bool
    versions: tuple[str, ...]
    attached: tuple[Attachment, ...]
    in_vain: tuple[Attachment, ...]
    orphan: bool
    unread: str
    """Why somebody may name it all the same."""


def _parts_read(snapshot: Snapshot, namespace: str) -> bool:
    return snapshot.covering(POD, namespace, GATEWAY_NAME).complete


def _unread(snapshot: Snapshot) -> str:
    kinds = (NAMESPACE, SERVICE, POD, SERVICE_ENTRY, WORKLOAD_ENTRY)
    return next(filter(None, map(snapshot.unread, kinds)), "")


def _well(found: _Found) -> Verdict:
    ready = f", {found.ready} of {found.total} pods ready" if found.ready is not None else ""
    return Verdict(Health.OK, f"{count(found.attached)} attached{ready}")


def _troubles(found: _Found, controls: Sequence[str]) -> Iterator[Verdict]:
    yield from _conditions(found.gateway)
    yield from _pods(found)
    yield from _vain(found.in_vain)
    for version in found.versions:
        behind = versions.skew(version, controls)
        if behind:
            yield Verdict(Health.WARN, behind)
    if found.orphan and found.unread:
        yield Verdict(Health.UNKNOWN, f"whether anybody names it is not known: {found.unread}")
    elif found.orphan:
        yield Verdict(Health.WARN, "an orphan: no namespace, service or workload names it")


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


def _pods(found: _Found) -> Iterator[Verdict]:
    if not found.managed:
        return
    if found.ready is None:
        yield Verdict(Health.UNKNOWN, "its pods could not be read")
    elif not found.ready:
        fails = f"traffic to {count(found.attached)} fails" if found.attached else "nobody needs it"
        health = Health.BAD if found.attached else Health.WARN
        yield Verdict(health, f"0 of {found.total} pods ready: {fails}")
    elif found.ready < found.total:
        yield Verdict(Health.WARN, f"{found.ready} of {found.total} pods ready")


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
        (sum(each.kind in _SERVICES for each in who), "service"),
        (sum(each.kind in _WORKLOADS for each in who), "workload"),
    ]
    said = [f"{number} {noun}{'' if number == 1 else 's'}" for number, noun in named if number]
    return ", ".join(said) or "nobody"


def _gateway(it: Raw) -> _Gateway:
    by_type: dict[str, str] = {}
    for each in entries(it, "status", "addresses"):
        by_type.setdefault(text(each, "type") or "IPAddress", text(each, "value"))
    said = conditions(it)
    return _Gateway(
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
