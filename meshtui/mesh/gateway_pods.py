"""Gateway pods: which pods serve a Gateway: those that carry its name, or those that an Istio Gateway selects, in any
namespace (reference istio-ambient.md, 8.6)."""

from __future__ import annotations

from collections.abc import Mapping

from meshtui.mesh import components, pods, raw
from meshtui.mesh.derived import derived
from meshtui.mesh.kinds import ISTIO_GATEWAY
from meshtui.mesh.pods import GATEWAY_NAME, Pod
from meshtui.mesh.raw import Raw, strings
from meshtui.mesh.snapshot import Snapshot

Labels = tuple[tuple[str, str], ...]


def named(snapshot: Snapshot) -> Mapping[str, tuple[Pod, ...]]:
    """By "namespace/name" of a Gateway the pods that istiod made for it."""
    found: dict[str, tuple[Pod, ...]] = {}
    for pod in pods.parts(snapshot):
        if name := pod.labels.get(GATEWAY_NAME):
            key = f"{pod.namespace}/{name}"
            found[key] = (*found.get(key, ()), pod)
    return found


def selected(snapshot: Snapshot) -> Mapping[str, tuple[Pod, ...]]:
    """By "namespace/name" of an Istio Gateway the pods that it selects."""
    return derived(snapshot, _selected)


def _selected(snapshot: Snapshot) -> Mapping[str, tuple[Pod, ...]]:
    wanted = {raw.key(it): _labels(it) for it in snapshot.raw(ISTIO_GATEWAY)}
    selectors = tuple(sorted(set(wanted.values())))
    if not selectors:
        return {}
    found = pods.of(snapshot)
    per_pod = snapshot.memo.each(
        "selected as gateways", found, _selecting, lambda pod: selectors, selectors
    )
    by_selector: dict[Labels, list[Pod]] = {}
    for pod, selecting in zip(found.values(), per_pod, strict=True):
        for selector in selecting:
            by_selector.setdefault(selector, []).append(pod)
    return {key: tuple(by_selector.get(selector, ())) for key, selector in wanted.items()}


def _labels(it: Raw) -> Labels:
    return tuple(sorted(strings(it, "spec", "selector").items()))


def _selecting(pod: Pod, *selectors: Labels) -> tuple[Labels, ...]:
    """The selectors that take a pod. An empty one takes all gateways."""
    if pod.finished:
        return ()
    return tuple(
        selector
        for selector in selectors
        if (set(selector) <= pod.labels.items() if selector else components.is_gateway(pod.labels))
    )
