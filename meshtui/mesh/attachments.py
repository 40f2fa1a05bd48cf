"""Attachments: who names which waypoint, and what comes of that (rules of istio-ambient.md, 2.2 and 2.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from meshtui.mesh import components, pods, raw, service_specs, waypoints
from meshtui.mesh.derived import derived
from meshtui.mesh.kinds import (
    NAMESPACE,
    POD,
    SERVICE,
    SERVICE_ENTRY,
    WORKLOAD_ENTRY,
    Kind,
)
from meshtui.mesh.pods import Pod
from meshtui.mesh.raw import Raw, strings
from meshtui.mesh.snapshot import Scope, Snapshot
from meshtui.mesh.waypoints import USE_WAYPOINT, Binding, Traffic, Waypoints

KINDS = (NAMESPACE, SERVICE, POD, Scope(SERVICE_ENTRY), Scope(WORKLOAD_ENTRY), *waypoints.KINDS)


class Attachment(NamedTuple):
    """One object for which a label names a waypoint, its own label or that of its namespace."""

    kind: Kind
    namespace: str
    """"" for a namespace."""
    name: str
    binding: Binding

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def of(snapshot: Snapshot) -> Mapping[str, tuple[Attachment, ...]]:
    """By the waypoint's "namespace/name" all that is attached to it, or names it in vain. A pod that inherits from its
    namespace a waypoint that does not take its traffic is neither."""
    return derived(snapshot, _attached)


def of_services(snapshot: Snapshot) -> Mapping[str, Binding]:
    """The waypoint that traffic to each Service takes, or should, by "namespace/name"; a Service that needs none is
    not in it."""
    return derived(snapshot, _of_services)


def of_service_entries(snapshot: Snapshot) -> Mapping[str, Binding]:
    """The same of each ServiceEntry."""
    return derived(snapshot, _of_service_entries)


def _of_service_entries(snapshot: Snapshot) -> Mapping[str, Binding]:
    return {
        each.key: each.binding for each in derived(snapshot, _objects) if each.kind == SERVICE_ENTRY
    }


def _attached(snapshot: Snapshot) -> Mapping[str, tuple[Attachment, ...]]:
    return snapshot.once(_by_waypoint, *derived(snapshot, _objects), *filter(None, _pods(snapshot)))


def _by_waypoint(*every: Attachment) -> Mapping[str, tuple[Attachment, ...]]:
    found: dict[tuple[str, str], list[Attachment]] = {}
    for each in every:
        found.setdefault((each.binding.namespace, each.binding.name), []).append(each)
    return {f"{namespace}/{name}": (*attached,) for (namespace, name), attached in found.items()}


def _objects(snapshot: Snapshot) -> Sequence[Attachment]:
    """All but pods, in the order of kinds."""
    every, services = waypoints.of(snapshot), of_services(snapshot)
    found = [
        *snapshot.each(NAMESPACE, _namespace, lambda it: (_named(every, it),)),
        *snapshot.each(SERVICE, _service, lambda it: (services.get(raw.key(it)),)),
    ]
    for kind, traffic in ((SERVICE_ENTRY, Traffic.SERVICE), (WORKLOAD_ENTRY, Traffic.WORKLOAD)):
        found += snapshot.each(kind, _READERS[kind], derived(snapshot, _bindings, traffic).of_raw)
    return [*filter(None, found)]


def _named(every: Waypoints, namespace: Raw) -> Binding | None:
    """The waypoint that the label of a namespace names, for whatever traffic."""
    labels = strings(namespace, "metadata", "labels")
    return waypoints.binding(every, raw.name(namespace), labels)


def _of_services(snapshot: Snapshot) -> Mapping[str, Binding]:
    found = derived(snapshot, _bindings, Traffic.SERVICE)
    bindings = (
        (spec.key, found.of(spec.namespace, spec.labels))
        for spec in snapshot.each(SERVICE, service_specs.read)
        if not spec.proxy
    )
    return {key: binding for key, binding in bindings if binding is not None}


def _pods(snapshot: Snapshot) -> Sequence[Attachment | None]:
    """None for one that takes no waypoint."""
    bindings, found = derived(snapshot, _bindings, Traffic.WORKLOAD), pods.of(snapshot)
    own = {
        pod.key: bindings.of(pod.namespace, pod.labels)
        for pod in pods.labelled(snapshot, USE_WAYPOINT)
    }

    def inputs(pod: Pod) -> tuple[Binding | None]:
        return (own[pod.key] if pod.key in own else bindings.inherited[pod.namespace],)

    context = (bindings, *own.items())
    return snapshot.memo.each("attached pods", found, _pod, inputs, context)


class _Bindings(Struct, frozen=True, eq=False):
    """The waypoints of objects for one kind of traffic; that of each namespace is looked up once, and is the same
    object for as long as it is the same one."""

    every: Waypoints
    traffic: Traffic
    labels: Mapping[str, Mapping[str, str]]
    """By namespace."""
    inherited: Mapping[str, Binding | None]

    def of(self, namespace: str, own: Mapping[str, str]) -> Binding | None:
        """The waypoint of an object with these labels."""
        if USE_WAYPOINT in own:
            labels = self.labels.get(namespace, {})
            return waypoints.binding(self.every, namespace, labels, own, self.traffic)
        return self.inherited.get(namespace)

    def of_raw(self, it: Raw) -> tuple[Binding | None]:
        return (self.of(raw.namespace(it), strings(it, "metadata", "labels")),)


def _bindings(snapshot: Snapshot, traffic: Traffic) -> _Bindings:
    every, names = waypoints.of(snapshot), pods.namespaces(snapshot)
    labels = {
        name: strings(snapshot.find(NAMESPACE, "", name), "metadata", "labels") for name in names
    }

    def inputs(name: str) -> tuple[Binding | None]:
        return (waypoints.binding(every, name, labels[name], None, traffic),)

    found = snapshot.memo.each(("inherited", traffic), names, _kept, inputs)
    return _Bindings(every, traffic, labels, dict(zip(names, found, strict=True)))


def _kept(_: str, binding: Binding | None) -> Binding | None:
    return binding


def _namespace(it: Raw, binding: Binding | None) -> Attachment | None:
    return Attachment(NAMESPACE, "", raw.name(it), binding) if binding else None


def _service(it: Raw, binding: Binding | None) -> Attachment | None:
    return Attachment(SERVICE, raw.namespace(it), raw.name(it), binding) if binding else None


def _service_entry(it: Raw, binding: Binding | None) -> Attachment | None:
    return Attachment(SERVICE_ENTRY, raw.namespace(it), raw.name(it), binding) if binding else None


def _workload_entry(it: Raw, binding: Binding | None) -> Attachment | None:
    if binding is None or not _counts(binding):
        return None
    return Attachment(WORKLOAD_ENTRY, raw.namespace(it), raw.name(it), binding)


_READERS = {SERVICE_ENTRY: _service_entry, WORKLOAD_ENTRY: _workload_entry}


def _pod(pod: Pod, binding: Binding | None) -> Attachment | None:
    if binding is None or pod.finished or not _counts(binding):
        return None
    if components.is_waypoint(pod.labels):
        return None
    return Attachment(POD, pod.namespace, pod.name, binding)


def _counts(binding: Binding) -> bool:
    """A namespace's waypoint is for services unless it says otherwise, so that pods and entries that inherit one are
    only attached where it takes them."""
    return binding.label_of == "own" or binding.bound is True
