"""One Service in several clusters that is not the same everywhere (IST0170)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from meshtui.mesh.doctor.configuration.objects import WARNING, every, ref, suppressed
from meshtui.mesh.doctor.findings import Evidence, Found, Rule
from meshtui.mesh.kinds import SERVICE
from meshtui.mesh.raw import Raw, entries, key, text
from meshtui.mesh.snapshot import Snapshot

ANALYZER = "services.MultiClusterServiceAnalyzer"
"""Istio's name for it. It is none of the analyzers of one snapshot."""
INCONSISTENT = Rule(
    "IST0170",
    "a Service differs between clusters",
    WARNING,
    why="Istio takes them for one Service, and whose ports and type count is not defined.",
    remedy="make type, clusterIP: None and ports the same in all clusters",
    link="docs/ops/configuration/traffic-management/multicluster/",
)


def inconsistent(clusters: Mapping[str, Snapshot]) -> Iterator[Found]:
    """Of snapshots by the name of their cluster."""
    services: dict[str, dict[str, Raw]] = {}
    for cluster, snapshot in clusters.items():
        for it in every(snapshot, SERVICE):
            services.setdefault(key(it), {})[cluster] = it
    for named, by_cluster in sorted(services.items()):
        shapes = {cluster: _shape(it) for cluster, it in by_cluster.items()}
        first, *others = shapes.values()
        differs = [part for part in first if any(other[part] != first[part] for other in others)]
        if not differs:
            continue
        about = ref(SERVICE, next(iter(by_cluster.values())))
        says = f"{', '.join(differs)} of {named} differ between {', '.join(sorted(by_cluster))}"
        seen = tuple(
            Evidence(f"Service {named} in {cluster}", part, str(shape[part]))
            for cluster, shape in sorted(shapes.items())
            for part in differs
        )
        told = Found(INCONSISTENT, (about,), says, seen)
        if not any(suppressed(clusters[cluster], told) for cluster in by_cluster):
            yield told


def _shape(it: Raw) -> Mapping[str, object]:
    ports = sorted(entries(it, "spec", "ports"), key=lambda port: text(port, "name"))
    return {
        "being headless": text(it, "spec", "clusterIP") == "None",
        "type": text(it, "spec", "type"),
        "ports": ports,
    }
