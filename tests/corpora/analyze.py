"""Istio's analyzer suite (`analyze/open`; its README says how a case is run and compared)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from meshtui.mesh import kinds, manifests
from meshtui.mesh.doctor import examination
from meshtui.mesh.doctor.analyzer import Analyzer
from meshtui.mesh.doctor.configuration import multicluster
from meshtui.mesh.doctor.rules import ANALYZERS
from meshtui.mesh.kinds import CONFIGMAP, POD, SERVICE, Kind
from meshtui.mesh.manifests import Manifest
from meshtui.mesh.raw import Raw, key
from meshtui.mesh.snapshot import Phase, Ref, Scope, Snapshot, Source

HOME = Path(os.environ.get("MESHTUI_CORPORA", "."), "analyze", "open")

Pair = tuple[str, str]
"""A code, and the resource that it is reported on."""


class Agreement(Struct, frozen=True):
    """One case: what was expected of it, and what was found."""

    case: str
    analyzer: str
    expected: frozenset[Pair]
    found: frozenset[Pair]
    there: bool
    """Whether there is such an analyzer here."""
    failed: tuple[str, ...] = ()
    """The words of an analyzer that failed itself."""

    @property
    def missed(self) -> frozenset[Pair]:
        return self.expected - self.found

    @property
    def extra(self) -> frozenset[Pair]:
        return self.found - self.expected


def cases() -> list[Raw]:
    """None where there is no such folder."""
    file = HOME / "cases.json"
    found: list[Raw] = json.loads(file.read_bytes())["cases"] if file.is_file() else []
    return found


def agreement(case: Raw) -> Agreement:
    """Runs the one analyzer of a case."""
    if case["suite"] == "multicluster":
        return _agreement_of_clusters(case)
    chosen = [each for each in ANALYZERS if each.name == case["analyzer"]]
    result = examination.of(cluster(case, chosen), chosen)
    found = [each.found for each in result.findings]
    return Agreement(
        case["id"],
        case["analyzer"],
        expected(case),
        frozenset((each.rule.code, resource(each.objects[0])) for each in found if each.objects),
        bool(chosen),
        tuple(each.says for each in found if not each.objects),
    )


def _agreement_of_clusters(case: Raw) -> Agreement:
    snapshots = {
        named: snapshot(manifest for file in files for manifest in _read(file))
        for named, files in case["clusters"].items()
    }
    there = case["analyzer"] == multicluster.ANALYZER
    found = multicluster.inconsistent(snapshots) if there else ()
    return Agreement(
        case["id"],
        case["analyzer"],
        expected(case),
        frozenset((each.rule.code, resource(each.objects[0])) for each in found),
        there,
    )


def expected(case: Raw) -> frozenset[Pair]:
    return frozenset((each["code"], each["resource"]) for each in case["expected"])


def cluster(case: Raw, analyzers: list[Analyzer]) -> Snapshot:
    """The objects of a case, all of them read."""
    return snapshot(_manifests(case, {need for each in analyzers for need in each.needs}))


def snapshot(found: Iterable[Manifest]) -> Snapshot:
    """A cluster of these objects and no others."""
    objects: dict[Kind, dict[str, Raw]] = {}
    for manifest in found:
        objects.setdefault(manifest.kind, {})[key(manifest.raw)] = manifest.raw
    every = [each for each in vars(kinds).values() if isinstance(each, Kind)]
    return Snapshot(
        datetime.now(UTC),  # the suite's good certificates hold until 2122
        objects=objects,
        sources={Scope(kind): Source(Phase.LIVE) for kind in every},
    )


def _manifests(case: Raw, needed: set[Any]) -> Iterator[Manifest]:
    for file in case["input_files"]:
        yield from _read(file)
    for manifest in _read("default_resources.yaml"):
        if manifest.kind in (POD, SERVICE) and manifest.kind in needed:
            yield manifest
    if case["mesh_config"] or case["mesh_networks"]:
        yield Manifest(CONFIGMAP, _mesh(case), "", 1)


def _read(file: str) -> Iterator[Manifest]:
    for each in manifests.read((HOME / file).read_text(), file):
        if isinstance(each, Manifest):
            yield each


def _mesh(case: Raw) -> Raw:
    """The ConfigMap that mesh config and mesh networks are in."""
    parts = {"mesh": case["mesh_config"], "meshNetworks": case["mesh_networks"]}
    data = {key: (HOME / file).read_text() for key, file in parts.items() if file}
    labels = {"operator.istio.io/component": "Pilot"}
    meta = {"name": "istio", "namespace": "istio-system", "labels": labels}
    return {"metadata": meta, "data": data}


def resource(ref: Ref) -> str:
    """As the suites name it; what is found in the mesh's ConfigMap is always its networks."""
    if ref.kind == CONFIGMAP:
        return "MeshNetworks istio-system/meshnetworks"
    return f"{ref.kind.title.removeprefix('Istio ')} {ref.key}"
