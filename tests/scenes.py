"""Snapshots of the scenes of the built-in cluster, without a server: all that a session would read, at a fixed time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from meshtui.kube.secrets import certificates_only
from meshtui.mesh import certificates, raw, ztunnel_probes
from meshtui.mesh.denial_watch import Watch
from meshtui.mesh.doctor import analyzer
from meshtui.mesh.doctor.rules import ANALYZERS
from meshtui.mesh.kinds import EVENT, POD, SECRET, Kind
from meshtui.mesh.logs import LogLine
from meshtui.mesh.snapshot import (
    Answer,
    Phase,
    Probe,
    Problem,
    Ref,
    Scope,
    Snapshot,
    Source,
    Trouble,
)
from meshtui.sim import scenes
from meshtui.sim.behaviour.cluster import Cluster
from meshtui.sim.kinds import KINDS

NOW = datetime(2026, 11, 25, 14, 2, tzinfo=UTC)
_BETWEEN = timedelta(minutes=3)
"""Between the two readings of each ztunnel."""


def snapshot(name: str) -> Snapshot:
    """All of a scene that the doctor needs; its ztunnels were read twice, three minutes apart."""
    cluster, first = _played(name)
    kinds = {analyzer.kind_of(need) for each in ANALYZERS for need in each.needs}
    return _read(cluster, first, kinds, map(Scope, kinds))


def watched(name: str, scopes: Collection[Scope]) -> Snapshot:
    """A scene as the program has it that watches these and followed the logs of its ztunnels all the time."""
    cluster, first = _played(name)
    at = _read(cluster, first, {EVENT, *(scope.kind for scope in scopes)}, scopes)
    watch = Watch(600)
    watch.see(at)
    for each in cluster.ztunnels:
        pod = Ref(POD, raw.namespace(each.pod), raw.name(each.pod))
        for line in each.log.lines:
            watch.take(pod, LogLine(raw.moment(line.text.partition("\t")[0]), line.text))
        watch.take_up(pod, NOW)
    return replace(at, heard=watch.heard(watch.proxies(NOW), {}))


def _played(name: str) -> tuple[Cluster, Mapping[Probe, Answer]]:
    """The cluster at `NOW`, and what its ztunnels answered a while before."""
    now = NOW - _BETWEEN
    cluster = scenes.load(name, now=lambda: now)
    first = dict(_answers(cluster, now))
    now = NOW
    cluster.call(_BETWEEN)
    return cluster, first


def _read(
    cluster: Cluster,
    first: Mapping[Probe, Answer],
    kinds: Collection[Kind],
    scopes: Iterable[Scope],
) -> Snapshot:
    objects = {kind: _objects(cluster, kind) for kind in kinds if kind != SECRET}
    found = Snapshot(
        NOW,
        objects=objects,
        sources={
            scope: Source(Phase.LIVE, len(objects.get(scope.kind, ())), NOW) for scope in scopes
        },
        answers={
            probe: replace(answer, before=first[probe].value, before_at=first[probe].at)
            for probe, answer in _answers(cluster, NOW)
        },
    )
    secrets = _objects(cluster, SECRET)
    return replace(found, gets={ref: _got(ref, secrets, NOW) for ref in certificates.refs(found)})


def _objects(cluster: Cluster, kind: Kind) -> dict[str, raw.Raw]:
    """What there is of a kind; nothing of one that the built-in cluster does not serve."""
    served = (each for each in KINDS if (each.group, each.plural) == (kind.group, kind.plural))
    return {raw.key(it): it for each in served for it in cluster.store.list(each)}


def _answers(cluster: Cluster, now: datetime) -> Iterable[tuple[Probe, Answer]]:
    for each in cluster.ztunnels:
        where = raw.namespace(each.pod), raw.name(each.pod)
        dump, counters = ztunnel_probes.dump(*where), ztunnel_probes.metrics(*where)
        yield dump, Answer(dump.read(each.dump()), now)
        yield counters, Answer(counters.read(each.metrics().encode()), now)


def _got(ref: Ref, secrets: Mapping[str, raw.Raw], now: datetime) -> Answer:
    """A Secret, as the session keeps it."""
    if ref.key not in secrets:
        return Answer(problem=Problem(Trouble.GONE, f'secrets "{ref.name}" not found'))
    return Answer(certificates_only(secrets[ref.key]), now)
