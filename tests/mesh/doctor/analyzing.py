"""Analyzers of configuration, each run alone over objects made for a test. Expectations are those of
istioctl-analyze.md, section 3, under the analyzer's name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from meshtui.mesh import kinds
from meshtui.mesh.doctor import examination
from meshtui.mesh.doctor.examination import Examination
from meshtui.mesh.doctor.rules import ANALYZERS
from meshtui.mesh.kinds import POD, SERVICE, Kind
from meshtui.mesh.raw import Raw, key
from meshtui.mesh.snapshot import Answer, Phase, Ref, Scope, Snapshot, Source
from tests.mesh.made import NOW

Thing = tuple[Kind, Raw]

LIVE = {Scope(kind): Source(Phase.LIVE) for kind in vars(kinds).values() if isinstance(kind, Kind)}


def thing(kind: Kind, name: str, namespace: str = "shop", /, **parts: Any) -> Thing:
    """An object; `labels`, `annotations` and `status` have their places, all else is of its spec."""
    metadata: dict[str, Any] = {"name": name, "namespace": namespace}
    beside: dict[str, Any] = {}
    for part in ("labels", "annotations", "status", "data", "stringData"):
        if part in parts:
            holder = metadata if part in ("labels", "annotations") else beside
            holder[part] = parts.pop(part)
    return kind, {"metadata": metadata, "spec": parts, **beside}


def pod(name: str = "p", namespace: str = "shop", node: str = "", /, **labels: str) -> Thing:
    return thing(POD, name, namespace, labels=labels, nodeName=node)


def service(name: str, *ports: int, namespace: str = "shop", **parts: Any) -> Thing:
    numbered = [{"port": port, "protocol": "TCP"} for port in ports]
    return thing(SERVICE, name, namespace, **{"ports": numbered, **parts})


def cluster(
    *things: Thing,
    sources: Mapping[Scope, Source] | None = None,
    gets: Mapping[Ref, Answer] | None = None,
    now: datetime = NOW,
) -> Snapshot:
    """These objects and no others; all of them are known, as far as `sources` say nothing else."""
    objects: dict[Kind, dict[str, Raw]] = {}
    for kind, raw in things:
        objects.setdefault(kind, {})[key(raw)] = raw
    return Snapshot(now, objects=objects, sources={**LIVE, **(sources or {})}, gets=gets or {})


def examined(analyzer: str, snapshot: Snapshot) -> Examination:
    (chosen,) = (each for each in ANALYZERS if each.name == analyzer)
    return examination.of(snapshot, [chosen])


def found(analyzer: str, *things: Thing) -> set[tuple[str, str]]:
    """The code of each finding, and the object that it is about."""
    return told(examined(analyzer, cluster(*things)))


def told(result: Examination) -> set[tuple[str, str]]:
    return {
        (each.found.rule.code, "/".join(ref.key for ref in each.found.objects[:1]))
        for each in result.findings
    }
