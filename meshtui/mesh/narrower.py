"""Narrower: what to follow beside lists over the whole cluster that are forbidden, to see what one may see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshtui.mesh import capture, nodes, pods
from meshtui.mesh.kinds import CONFIGMAP, NAMESPACE
from meshtui.mesh.snapshot import LOADING, Phase, Scope, Snapshot, Source, named


def of(snapshot: Snapshot, chosen: Sequence[str]) -> tuple[Scope, ...]:
    """In the namespaces that are looked at the same kinds; those namespaces by name (the context's own, where none are
    chosen); and the configuration of the CNI agents, beside those that are known."""
    return (
        *_kinds(snapshot, chosen),
        *_namespaces(snapshot, chosen),
        *_configurations(snapshot),
    )


def _kinds(snapshot: Snapshot, chosen: Sequence[str]) -> Iterator[Scope]:
    for scope, source in snapshot.sources.items():
        if scope == Scope(scope.kind) and scope.kind.namespaced and _forbidden(source):
            for namespace in chosen:
                yield Scope(scope.kind, namespace)


def _namespaces(snapshot: Snapshot, chosen: Sequence[str]) -> Iterator[Scope]:
    if _forbidden(snapshot.covering(NAMESPACE)):
        own = snapshot.server.namespace
        for name in chosen or ([own] if own else []):
            yield named(NAMESPACE, name)


def _configurations(snapshot: Snapshot) -> Iterator[Scope]:
    if _forbidden(snapshot.sources.get(capture.SCOPE, LOADING)):
        agents = (pod for pod in pods.parts(snapshot) if nodes.is_agent(pod))
        for home in sorted({pod.namespace for pod in agents}):
            yield named(CONFIGMAP, capture.CONFIG, home)


def _forbidden(source: Source) -> bool:
    return source.phase is Phase.FORBIDDEN
