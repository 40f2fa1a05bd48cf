"""Objects as YAML, and what one analyzer finds in them, for tests that want to say no more than that."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from msgspec.structs import replace

from meshtui.mesh import kinds, manifests
from meshtui.mesh.doctor import examination
from meshtui.mesh.doctor.examination import Examination
from meshtui.mesh.doctor.rules import ANALYZERS
from meshtui.mesh.kinds import CONFIGMAP, Kind
from meshtui.mesh.manifests import Manifest
from meshtui.mesh.memo import Memo
from meshtui.mesh.raw import Raw, key
from meshtui.mesh.snapshot import Phase, Scope, Snapshot, Source
from tests.mesh.made import NOW

Pairs = set[tuple[str, str]]
"""Codes, each with the object that it is found of, as "Kind namespace/name"."""

KINDS = [each for each in vars(kinds).values() if isinstance(each, Kind)]


def cluster(written: str, mesh: str = "", unread: Collection[Kind] = ()) -> Snapshot:
    """A cluster of these objects, with this mesh config; of some kinds not all are read yet, all others are live."""
    objects: dict[Kind, dict[str, Raw]] = {}
    for each in manifests.read(written, "test.yaml"):
        assert isinstance(each, Manifest), each
        objects.setdefault(each.kind, {})[key(each.raw)] = each.raw
    if mesh:
        config = {
            "metadata": {"name": "istio", "namespace": "istio-system"},
            "data": {"mesh": mesh},
        }
        objects.setdefault(CONFIGMAP, {})["istio-system/istio"] = config
    sources = {
        Scope(each): Source(Phase.LOADING if each in unread else Phase.LIVE) for each in KINDS
    }
    return Snapshot(NOW, objects=objects, sources=sources)


def narrowed(snapshot: Snapshot, kind: Kind, namespace: str) -> Snapshot:
    """The same in another session, which asked for no more than one namespace of a kind."""
    sources = {scope: each for scope, each in snapshot.sources.items() if scope.kind != kind}
    sources[Scope(kind, namespace)] = Source(Phase.LIVE)
    return replace(snapshot, sources=sources, memo=Memo())


def examined(analyzer: str, snapshot: Snapshot) -> Examination:
    """What comes of one analyzer, by Istio's name for it."""
    (chosen,) = [each for each in ANALYZERS if each.name == analyzer]
    return examination.of(snapshot, [chosen])


def found(analyzer: str, written: str, mesh: str = "") -> Pairs:
    return pairs(examined(analyzer, cluster(written, mesh)))


def pairs(result: Examination) -> Pairs:
    """Symptoms and causes alike."""
    every = [each for one in result.findings for each in (one.found, *one.symptoms)]
    return {
        (each.rule.code, f"{each.objects[0].kind.title} {each.objects[0].key}") for each in every
    }


def yaml(kind: str, name: str, body: str = "", **metadata: Any) -> str:
    """One document: its metadata, and the rest as YAML."""
    group = _GROUPS.get(kind, "v1")
    return f"---\napiVersion: {group}\nkind: {kind}\nmetadata: {_flow({'name': name, **metadata})}\n{body}\n"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(each)}" for key, each in value.items()) + "}"
    return f'"{value}"'


_GROUPS = {
    each.title: f"{each.group}/{each.versions[0]}"
    for each in KINDS
    if each.group and not each.title.startswith("Istio ")
}
