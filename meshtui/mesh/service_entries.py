"""Service entries: hosts that the mesh is told of by a ServiceEntry, where they are, who answers as far as that is
written, and which waypoint stands before them (Istio's networking/v1 ServiceEntry; istio-ambient.md, 2.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from meshtui.mesh import attachments, namespaces, raw, services, workloads
from meshtui.mesh.derived import derived
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import SERVICE_ENTRY
from meshtui.mesh.namespaces import Captured
from meshtui.mesh.raw import Raw, dig, entries, number, strings, text
from meshtui.mesh.services import Service
from meshtui.mesh.snapshot import Ref, Scope, Snapshot
from meshtui.mesh.waypoints import Binding
from meshtui.mesh.workloads import Workload

KINDS = (*services.KINDS, Scope(SERVICE_ENTRY))


class ServiceEntry(Struct, frozen=True):
    """One ServiceEntry."""

    key: str
    ref: Ref
    verdict: Verdict
    hosts: tuple[str, ...]
    ports: tuple[str, ...]
    """Such as "443 TLS"."""
    inside: bool
    """It is said to be part of the mesh."""
    resolution: str
    """How a proxy comes to an address: "NONE", "STATIC", "DNS", …"""
    addresses: tuple[str, ...]
    """Those that it takes traffic for, beside its hosts."""
    endpoints: tuple[str, ...]
    """Where it leads, as written: addresses, or names to look up; whether anything answers there is not known."""
    selector: Mapping[str, str]
    """The labels of the pods and WorkloadEntries that answer; empty where it selects none."""
    pods: tuple[Workload, ...]
    """Those of them that are pods."""
    captured: Captured
    waypoint: Binding | None
    created: datetime | None

    @property
    def called(self) -> str:
        """A host to call it by, with its port where it has one alone; "" where it has none but wildcards."""
        host = next((each for each in self.hosts if not each.startswith("*")), "")
        return f"{host}:{self.ports[0].split()[0]}" if host and len(self.ports) == 1 else host


def of(snapshot: Snapshot) -> Sequence[ServiceEntry]:
    """Every ServiceEntry, by namespace and name."""
    return derived(snapshot, _all)


def with_services(snapshot: Snapshot) -> Sequence[Service | ServiceEntry]:
    """All that can be called by a name: Services and ServiceEntries, by namespace and name."""
    own = of(snapshot)
    return snapshot.once(_merged, services.of(snapshot), own) if own else services.of(snapshot)


def _merged(
    known: Sequence[Service], own: Sequence[ServiceEntry]
) -> Sequence[Service | ServiceEntry]:
    return sorted((*known, *own), key=lambda row: (row.ref.namespace, row.ref.name))


def _all(snapshot: Snapshot) -> Sequence[ServiceEntry]:
    if not snapshot.raw(SERVICE_ENTRY):
        return ()
    bindings = attachments.of_service_entries(snapshot)
    pods = workloads.by_namespace(snapshot)

    def inputs(it: Raw) -> tuple[object, ...]:
        selector = strings(it, "spec", "workloadSelector", "labels")
        found = pods.get(raw.namespace(it), ()) if selector else ()
        return bindings.get(raw.key(it)), *(each for each in found if _selects(selector, each))

    found = snapshot.each(SERVICE_ENTRY, _entry, inputs)
    return sorted(found, key=lambda row: row.ref.key)


def _selects(selector: Mapping[str, str], it: Workload) -> bool:
    return selector.items() <= it.pod.labels.items()


def _entry(it: Raw, waypoint: Binding | None, *pods: Workload) -> ServiceEntry:
    captured = namespaces.captured(pods)
    troubles = sorted(_troubles(waypoint, pods), key=lambda each: -each.health.rank)
    inside = text(it, "spec", "location") == "MESH_INTERNAL"
    where = "inside the mesh" if inside else "outside the mesh"
    return ServiceEntry(
        key=raw.uid(it) or f"serviceentries/{raw.key(it)}",
        ref=Ref(SERVICE_ENTRY, raw.namespace(it), raw.name(it)),
        verdict=troubles[0] if troubles else Verdict(Health.NONE, f"hosts {where}, as it says"),
        hosts=_texts(it, "hosts"),
        ports=tuple(map(_port, entries(it, "spec", "ports"))),
        inside=inside,
        resolution=text(it, "spec", "resolution") or "NONE",
        addresses=_texts(it, "addresses"),
        endpoints=tuple(
            filter(None, (text(each, "address") for each in entries(it, "spec", "endpoints")))
        ),
        selector=strings(it, "spec", "workloadSelector", "labels"),
        pods=pods,
        captured=captured,
        waypoint=waypoint,
        created=raw.created(it),
    )


def _troubles(waypoint: Binding | None, pods: Sequence[Workload]) -> Iterator[Verdict]:
    if waypoint is not None and waypoint.health is not Health.OK:
        yield waypoint.verdict
    for health, words in ((Health.BAD, "not"), (Health.UNKNOWN, "perhaps not")):
        such = [each for each in pods if each.enrolled.state.health is health]
        if such:
            first = min(such, key=lambda each: each.pod.name)
            said = f"{len(such)} of {len(pods)} pods {words} in the mesh: {first.pod.name}: "
            yield Verdict(health, said + first.enrolled.reason)


def _texts(it: Raw, field: str) -> tuple[str, ...]:
    found = dig(it, "spec", field)
    return tuple(each for each in found if isinstance(each, str)) if isinstance(found, list) else ()


def _port(it: Raw) -> str:
    return f"{number(it, 'number')} {text(it, 'protocol')}".rstrip()
