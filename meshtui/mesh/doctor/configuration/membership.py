"""Which pods and namespaces are in a mesh, and which pods a selector takes, as Istio's analyzers see it
(istioctl-analyze.md, 2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from meshtui.mesh.doctor.configuration.objects import LEFT_OUT, every, labels
from meshtui.mesh.kinds import NAMESPACE, POD
from meshtui.mesh.raw import Raw, entries, name, namespace, strings, text
from meshtui.mesh.snapshot import Snapshot

PROXY = "istio-proxy"
INJECT = "sidecar.istio.io/inject"
INJECTION = "istio-injection"
REVISION = "istio.io/rev"
DATAPLANE = "istio.io/dataplane-mode"
GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"


def has_proxy(containers: Iterable[Raw]) -> bool:
    return any(text(each, "name") == PROXY and text(each, "image") for each in containers)


def redirected(pod: Raw) -> bool:
    """Whether a pod is in ambient: the CNI agent says so."""
    return text(pod, "metadata", "annotations", "ambient.istio.io/redirection") == "enabled"


def is_ambient(of_namespace: Mapping[str, str]) -> bool:
    """Whether a namespace with these labels is in ambient."""
    return (
        of_namespace.get(INJECTION) != "enabled"
        and not of_namespace.get(REVISION)
        and of_namespace.get(DATAPLANE) == "ambient"
    )


def in_sidecar_mesh(pod: Raw, containers: Iterable[Raw], of_namespace: Raw | None) -> bool:
    """Whether a pod, or the template of one, is in the sidecar mesh: by its own proxy, its own label, its own
    annotation or the label of its namespace, the first that there is."""
    if has_proxy(containers):
        return True
    for own in (labels(pod), strings(pod, "metadata", "annotations")):
        if INJECT in own:
            return own[INJECT] == "true"
    return of_namespace is not None and labels(of_namespace).get(INJECTION) == "enabled"


def containers(pod: Raw) -> Sequence[Raw]:
    """Those of the pod's work and those that come before."""
    return [*entries(pod, "spec", "containers"), *entries(pod, "spec", "initContainers")]


def namespaces(snapshot: Snapshot) -> Mapping[str, Raw]:
    return {name(raw): raw for raw in every(snapshot, NAMESPACE)}


@dataclass(frozen=True, slots=True)
class Alike:
    """Pods of one namespace that are alike to every selector."""

    labels: frozenset[tuple[str, str]]
    ambient: bool
    pods: list[str] = field(default_factory=list)
    """Their names."""


def pods(snapshot: Snapshot) -> Mapping[str, Sequence[Alike]]:
    """All pods, by namespace."""
    found = snapshot.objects.get(POD)
    return snapshot.memo.kept("analyzed pods", lambda: _alike(snapshot.each(POD, _pod)), (found,))


def members(snapshot: Snapshot) -> Mapping[str, Sequence[Alike]]:
    """The pods that are in ambient or in the sidecar mesh, by namespace."""
    known = namespaces(snapshot)
    found = snapshot.each(POD, _member, lambda pod: (known.get(namespace(pod)),))
    return _alike(each for each in found if each is not None)


class _Pod(NamedTuple):
    namespace: str
    name: str
    labels: frozenset[tuple[str, str]]
    ambient: bool


def _pod(raw: Raw) -> _Pod:
    return _Pod(namespace(raw), name(raw), frozenset(labels(raw).items()), redirected(raw))


def _member(raw: Raw, of_namespace: Raw | None) -> _Pod | None:
    if redirected(raw) or in_sidecar_mesh(raw, containers(raw), of_namespace):
        return _pod(raw)
    return None


def _alike(found: Iterable[_Pod]) -> Mapping[str, Sequence[Alike]]:
    groups: dict[str, dict[tuple[frozenset[tuple[str, str]], bool], Alike]] = {}
    for pod in found:
        if pod.namespace not in LEFT_OUT:
            inside = groups.setdefault(pod.namespace, {})
            alike = inside.get((pod.labels, pod.ambient))
            if alike is None:
                alike = inside[pod.labels, pod.ambient] = Alike(pod.labels, pod.ambient)
            alike.pods.append(pod.name)
    return {where: list(inside.values()) for where, inside in groups.items()}


def selected(selector: Mapping[str, str], among: Iterable[Alike]) -> Iterator[Alike]:
    """Those whose labels hold every pair of a selector."""
    wanted = frozenset(selector.items())
    return (each for each in among if wanted <= each.labels)
