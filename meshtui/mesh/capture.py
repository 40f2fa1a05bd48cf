"""Capture: which pods the CNI agent is to take into the mesh, by its own configuration (derivation C1 of
doctor-rules.md, algorithm of istio-ambient.md, 1.2)."""

from __future__ import annotations

from collections.abc import Mapping

import yaml
from msgspec import Struct

from meshtui.mesh import raw, selectors
from meshtui.mesh.kinds import CONFIGMAP
from meshtui.mesh.pods import SIDECAR_STATUS, Pod
from meshtui.mesh.raw import Raw, strings
from meshtui.mesh.selectors import EVERYTHING, Selector
from meshtui.mesh.snapshot import LOADING, Phase, Snapshot, Source, named

DATAPLANE_MODE = "istio.io/dataplane-mode"
CONFIG = "istio-cni-config"
"""The ConfigMap of the CNI agent."""

SCOPE = named(CONFIGMAP, CONFIG)

_AMBIENT = Selector({DATAPLANE_MODE: "ambient"})
_NOT_NONE = Selector({}, ((DATAPLANE_MODE, "NotIn", frozenset({"none"})),))
_DEFAULT_SELECTORS = ((_AMBIENT, EVERYTHING), (_NOT_NONE, _AMBIENT))
_DEFAULT_EXCLUDED = frozenset({"kube-system"})


class Capture(Struct, frozen=True, eq=False):
    """What the CNI agent selects by. Compared by identity."""

    selectors: tuple[tuple[Selector, Selector], ...]
    """A pod is captured by any of them; each selects by its own labels and by those of its namespace."""
    excluded: frozenset[str]
    """Namespaces that it leaves alone."""
    source: str
    """Where that is from, for sentences: "ConfigMap istio-system/istio-cni-config", "the default"."""
    assumed: str = ""
    """Why it is Istio's default and not what the agent really has; "" where its ConfigMap was read."""
    agents: str = ""
    """The namespace of the agent; "" where it is not known."""


class Wanted(Struct, frozen=True):
    """Whether a pod is to be captured, and what decides it."""

    answer: bool | None
    """None where the labels of its namespace are not known and would decide."""
    reason: str


def of(snapshot: Snapshot) -> Capture:
    """What the agent is configured to capture; Istio's default where its ConfigMap is not there or may not be read."""
    found = [it for it in snapshot.raw(CONFIGMAP) if raw.name(it) == CONFIG]
    config = min(found, key=raw.key, default=None)
    source = snapshot.sources.get(SCOPE) or snapshot.covering(CONFIGMAP)
    return snapshot.once(_capture, config, _unread(source) if config is None else "")


def _unread(source: Source) -> str:
    if source.problem is not None and source.phase is not Phase.LIVE:
        return source.problem.text
    if source is LOADING or not source.complete:
        return f"ConfigMap {CONFIG} was not read yet"
    return f"there is no ConfigMap {CONFIG}"


def _capture(config: Raw | None, unread: str) -> Capture:
    if config is None:
        return Capture(_DEFAULT_SELECTORS, _DEFAULT_EXCLUDED, "the default", unread)
    data = strings(config, "data")
    source = f"ConfigMap {raw.key(config)}"
    excluded = data.get("EXCLUDE_NAMESPACES")
    try:
        found = _selectors(data.get("AMBIENT_ENABLEMENT_SELECTOR", ""))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        first = (str(error).splitlines() or ["unreadable"])[0]
        found, problem = _DEFAULT_SELECTORS, f"AMBIENT_ENABLEMENT_SELECTOR of {source}: {first}"
    else:
        problem = ""
    return Capture(
        selectors=found,
        excluded=_DEFAULT_EXCLUDED
        if excluded is None
        else frozenset(filter(None, (each.strip() for each in excluded.split(",")))),
        source="the default" if problem else source,
        assumed=problem,
        agents=raw.namespace(config),
    )


def _selectors(written: str) -> tuple[tuple[Selector, Selector], ...]:
    """The YAML list in the ConfigMap; Istio's default where it has none. Raises ValueError or YAMLError."""
    found = yaml.load(written, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    if found is None:
        return _DEFAULT_SELECTORS
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError("not a list of selectors")
    read = tuple(
        (selectors.read(each.get("podSelector")), selectors.read(each.get("namespaceSelector")))
        for each in found
    )
    return _DEFAULT_SELECTORS if read == _DEFAULT_SELECTORS else read


def wanted(pod: Pod, namespace: Mapping[str, str] | None, capture: Capture) -> Wanted:
    """Whether the agent is to capture the pod. `namespace` are the labels of its namespace, None where not known."""
    if pod.host_network:
        return Wanted(False, "it is on the network of its node (hostNetwork)")
    if pod.sidecar:
        return Wanted(False, f"it has a sidecar (annotation {SIDECAR_STATUS})")
    if pod.labels.get("app") == "ztunnel" and pod.namespace == capture.agents:
        return Wanted(False, "it is a ztunnel")
    if pod.namespace in capture.excluded:
        return Wanted(False, f"namespace {pod.namespace} is excluded by {capture.source}")
    unknown = False
    for position, (own, of_namespace) in enumerate(capture.selectors, 1):
        if not own.matches(pod.labels):
            continue
        if namespace is None and of_namespace:
            unknown = True
        elif of_namespace.matches(namespace or {}):
            return Wanted(True, _matched(own, of_namespace, position, pod, capture))
    if unknown:
        return Wanted(None, f"the labels of namespace {pod.namespace} could not be read")
    return Wanted(False, _unmatched(pod, namespace or {}, capture))


def _matched(
    own: Selector, of_namespace: Selector, position: int, pod: Pod, capture: Capture
) -> str:
    if of_namespace.labels:
        return f"label {of_namespace} of namespace {pod.namespace}"
    if own.labels:
        return f"its own label {own}"
    return f"selector {position} of {capture.source}"


def _unmatched(pod: Pod, namespace: Mapping[str, str], capture: Capture) -> str:
    own = pod.labels.get(DATAPLANE_MODE)
    if own == "none":
        return f"opted out by its own label {DATAPLANE_MODE}=none"
    if capture.selectors is _DEFAULT_SELECTORS:
        return f"namespace {pod.namespace} is not labelled {DATAPLANE_MODE}=ambient"
    return f"no selector of {capture.source} takes it"
