"""Which pods and namespaces are in a mesh, and which pods a selector takes, as Istio's analyzers see it
(istioctl-analyze.md, 2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

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


def own_choice(pod: Raw, containers: Iterable[Raw]) -> bool | None:
    """Whether a pod, or the template of one, is in the sidecar mesh by its own proxy, else its own label, else its own
    annotation; None where it leaves that to its namespace."""
    if has_proxy(containers):
        return True
    for own in (labels(pod), strings(pod, "metadata", "annotations")):
        if INJECT in own:
            return own[INJECT] == "true"
    return None


def injecting(snapshot: Snapshot) -> Collection[str]:
    """The namespaces that put pods without a choice of their own into the sidecar mesh."""
    return {
        where
        for where, it in namespaces(snapshot).items()
        if labels(it).get(INJECTION) == "enabled"
    }


def containers(pod: Raw) -> Sequence[Raw]:
    """Those of the pod's work and those that come before."""
    return [*entries(pod, "spec", "containers"), *entries(pod, "spec", "initContainers")]


def namespaces(snapshot: Snapshot) -> Mapping[str, Raw]:
    return {name(raw): raw for raw in every(snapshot, NAMESPACE)}


class Alike(NamedTuple):
    """Pods of one namespace that are alike to every selector."""

    labels: frozenset[tuple[str, str]]
    ambient: bool
    sidecar: bool | None
    """In the sidecar mesh by their own choice; None where that is left to their namespace."""
    gateway: str
    """The Gateway whose pods they are; "" for none."""
    pods: list[str]
    """Their names."""

    def is_member(self, *, injecting: bool) -> bool:
        """Whether they are in a mesh, where their namespace injects sidecars or does not."""
        return self.ambient or (injecting if self.sidecar is None else self.sidecar)


def pods(snapshot: Snapshot) -> Mapping[str, Sequence[Alike]]:
    """All pods, by namespace; those of a namespace are the same list until one of them changes."""
    found = snapshot.objects.get(POD)
    return snapshot.memo.kept("analyzed pods", lambda: _pods(snapshot), (found,))


class _Pod(NamedTuple):
    namespace: str
    name: str
    labels: frozenset[tuple[str, str]]
    ambient: bool
    sidecar: bool | None
    gateway: str


def _pods(snapshot: Snapshot) -> Mapping[str, Sequence[Alike]]:
    read = dict(zip(snapshot.objects.get(POD, {}), snapshot.each(POD, _pod), strict=True))
    inside = snapshot.memo.grouped("members", read, itemgetter(0))
    alike = snapshot.memo.mapped("alike", inside, _alike)
    each = zip(inside, alike, strict=True)
    return {where: several for where, several in each if where not in LEFT_OUT}


def _pod(raw: Raw) -> _Pod:
    own = labels(raw)
    return _Pod(
        namespace(raw),
        name(raw),
        frozenset(own.items()),
        redirected(raw),
        own_choice(raw, containers(raw)),
        own.get(GATEWAY_NAME, ""),
    )


def _alike(several: Sequence[_Pod]) -> Sequence[Alike]:
    groups: dict[tuple[Any, ...], Alike] = {}
    for pod in several:
        key = pod[2:]
        if key not in groups:
            groups[key] = Alike(*key, [])
        groups[key].pods.append(pod.name)
    return list(groups.values())


def selected(selector: Mapping[str, str], among: Iterable[Alike]) -> Iterator[Alike]:
    """Those whose labels hold every pair of a selector."""
    wanted = frozenset(selector.items())
    return (each for each in among if wanted <= each.labels)
