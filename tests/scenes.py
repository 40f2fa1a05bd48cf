"""Snapshots of the scenes of the built-in cluster, without a server: all that a session would read, at a fixed time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from meshtui.kube.secrets import certificates_only
from meshtui.mesh import certificates, raw, ztunnel_probes
from meshtui.mesh.doctor import analyzer
from meshtui.mesh.doctor.rules import ANALYZERS
from meshtui.mesh.kinds import SECRET, Kind
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
    now = NOW - _BETWEEN
    cluster = scenes.load(name, now=lambda: now)
    first = dict(_answers(cluster, now))
    now = NOW
    cluster.call(_BETWEEN)
    needed = {analyzer.kind_of(need): need for each in ANALYZERS for need in each.needs}
    objects = {kind: _objects(cluster, kind) for kind in needed if kind != SECRET}
    found = Snapshot(
        now,
        objects=objects,
        sources={Scope(kind): Source(Phase.LIVE, len(all_), now) for kind, all_ in objects.items()},
        answers={
            probe: replace(answer, before=first[probe].value, before_at=first[probe].at)
            for probe, answer in _answers(cluster, now)
        },
    )
    secrets = _objects(cluster, SECRET)
    return replace(found, gets={ref: _got(ref, secrets, now) for ref in certificates.refs(found)})


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
