"""Attachments: who names which waypoint, and what comes of that (rules of istio-ambient.md, 2.2 and 2.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from meshtui.mesh import components, pods, raw, service_specs, waypoints
from meshtui.mesh.kinds import (
    NAMESPACE,
    POD,
    SERVICE,
    SERVICE_ENTRY,
    WORKLOAD_ENTRY,
    Kind,
)
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
    return snapshot.once(_by_waypoint, snapshot)


def of_services(snapshot: Snapshot) -> Mapping[str, Binding]:
    """The waypoint that traffic to each Service takes, or should, by "namespace/name"; a Service that needs none is
    not in it."""
    return snapshot.once(_of_services, snapshot)


def _by_waypoint(snapshot: Snapshot) -> Mapping[str, tuple[Attachment, ...]]:
    found: dict[str, list[Attachment]] = {}
    for each in _all(snapshot):
        found.setdefault(each.binding.key, []).append(each)
    return {key: tuple(attached) for key, attached in found.items()}


def _all(snapshot: Snapshot) -> Iterator[Attachment]:
    every = waypoints.of(snapshot)
    for name, it in snapshot.objects.get(NAMESPACE, {}).items():
        binding = waypoints.binding(every, name, strings(it, "metadata", "labels"))
        if binding is not None:
            yield Attachment(NAMESPACE, "", name, binding)
    for key, binding in of_services(snapshot).items():
        namespace, _, name = key.partition("/")
        yield Attachment(SERVICE, namespace, name, binding)
    yield from _entries(snapshot, every, SERVICE_ENTRY, Traffic.SERVICE)
    yield from _entries(snapshot, every, WORKLOAD_ENTRY, Traffic.WORKLOAD)
    yield from _pods(snapshot, every)


def _of_services(snapshot: Snapshot) -> Mapping[str, Binding]:
    found: dict[str, Binding] = {}
    by_namespace = _Inherited(snapshot, waypoints.of(snapshot), Traffic.SERVICE)
    for spec in snapshot.each(SERVICE, service_specs.read):
        if not spec.proxy:
            binding = by_namespace.binding(spec.namespace, spec.labels)
            if binding is not None:
                found[spec.key] = binding
    return found


def _entries(
    snapshot: Snapshot, every: Waypoints, kind: Kind, traffic: Traffic
) -> Iterator[Attachment]:
    by_namespace = _Inherited(snapshot, every, traffic)
    for it in snapshot.raw(kind):
        namespace = raw.namespace(it)
        binding = by_namespace.binding(namespace, strings(it, "metadata", "labels"))
        if binding is not None and _counts(binding):
            yield Attachment(kind, namespace, raw.name(it), binding)


def _pods(snapshot: Snapshot, every: Waypoints) -> Iterator[Attachment]:
    by_namespace = _Inherited(snapshot, every, Traffic.WORKLOAD)
    for pod in pods.of(snapshot).values():
        binding = by_namespace.binding(pod.namespace, pod.labels)
        if (
            binding is not None
            and _counts(binding)
            and not (pod.finished or components.is_waypoint(pod.labels))
        ):
            yield Attachment(POD, pod.namespace, pod.name, binding)


def _counts(binding: Binding) -> bool:
    """Of what addresses a workload: a namespace's waypoint is for services unless it says otherwise, so that pods and
    entries that inherit one are only attached where it takes them."""
    return binding.label_of == "own" or binding.bound is True


class _Inherited:
    """The waypoint of each namespace for one kind of traffic, looked up once."""

    def __init__(self, snapshot: Snapshot, every: Waypoints, traffic: Traffic) -> None:
        self._snapshot, self._every, self._traffic = snapshot, every, traffic
        self._known: dict[str, tuple[Mapping[str, str], Binding | None]] = {}

    def binding(self, namespace: str, own: Mapping[str, str]) -> Binding | None:
        """The waypoint of an object with these labels."""
        known = self._known.get(namespace)
        if known is None:
            it: Raw | None = self._snapshot.find(NAMESPACE, "", namespace)
            labels = strings(it, "metadata", "labels")
            inherited = waypoints.binding(self._every, namespace, labels, None, self._traffic)
            known = self._known[namespace] = (labels, inherited)
        if USE_WAYPOINT in own:
            return waypoints.binding(self._every, namespace, known[0], own, self._traffic)
        return known[1]
