"""Namespaces by their labels, and pods that should have a sidecar (IST0102, IST0103, IST0123, IST0148)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from meshtui.mesh import meshconfig
from meshtui.mesh.doctor.configuration.membership import (
    DATAPLANE,
    INJECT,
    INJECTION,
    REVISION,
    containers,
    has_proxy,
)
from meshtui.mesh.doctor.configuration.objects import (
    INFO,
    ISTIO_SYSTEM,
    LEFT_OUT,
    WARNING,
    analyzer,
    every,
    found,
    labels,
)
from meshtui.mesh.doctor.findings import Found, Rule
from meshtui.mesh.kinds import CONFIGMAP, NAMESPACE, POD
from meshtui.mesh.raw import Raw, annotation, dig, name, namespace, text
from meshtui.mesh.snapshot import Snapshot

OUTSIDE = Rule(
    "IST0102",
    "a namespace has no label that says whether it is in the mesh",
    INFO,
    why="Pods that are not labelled one by one are outside the mesh there: neither mTLS nor policies reach them.",
    remedy="label it istio.io/dataplane-mode=ambient, or istio-injection=disabled where it is to stay outside",
    link="docs/reference/config/analysis/ist0102/",
)
BARE = Rule(
    "IST0103",
    "a pod has no sidecar, in a namespace whose pods get one",
    WARNING,
    why="The pod is outside the mesh: its traffic is plain text, and no policy holds for it.",
    remedy="restart its workload; where it comes back without, look at the webhook istio-sidecar-injector",
    link="docs/reference/config/analysis/ist0103/",
)
SEVERAL = Rule(
    "IST0123",
    "a namespace has labels for more than one way into the mesh",
    WARNING,
    why="Which of the ways its pods take is not defined: they may get a sidecar where ambient was meant.",
    remedy="keep one of the labels and remove the others",
    link="docs/ambient/usage/add-workloads/",
)
BY_DEFAULT = Rule(
    "IST0148",
    "a namespace gets sidecars without any label",
    INFO,
    why="Istio was installed with enableNamespacesByDefault: new pods get a sidecar unless their namespace refuses.",
    remedy="label it istio-injection=disabled, or istio.io/dataplane-mode=ambient, where sidecars are not meant",
    link="docs/setup/additional-setup/sidecar-injection/",
)

INJECTOR = "istio-sidecar-injector"
"""The name of the ConfigMap; another revision's has "-" and the revision behind it."""


def injected(snapshot: Snapshot) -> Iterator[Found]:
    by_default = _by_default(every(snapshot, CONFIGMAP))
    for it in every(snapshot, NAMESPACE):
        if name(it) != ISTIO_SYSTEM:
            yield from _labelled(it, by_default)
    injecting = {
        name(it)
        for it in every(snapshot, NAMESPACE)
        if labels(it).get(INJECTION) == "enabled"
        and labels(it).get(DATAPLANE) != "ambient"
        and name(it) != ISTIO_SYSTEM
    }
    for bare in snapshot.each(POD, _bare) if injecting else ():
        if bare is not None and bare.objects[0].namespace in injecting:
            yield bare


def _by_default(configs: Sequence[Raw]) -> bool:
    """Whether namespaces without labels get sidecars: by the injector without a revision, or by any where there is no
    such one."""
    injectors = [each for each in configs if name(each).startswith(INJECTOR)]
    plain = [each for each in injectors if name(each) == INJECTOR]
    return any(
        dig(values(each), "sidecarInjectorWebhook", "enableNamespacesByDefault") is True
        for each in plain or injectors
    )


def _labelled(it: Raw, by_default: bool) -> Iterator[Found]:
    own = labels(it)
    ways = _ways(own)
    if len(ways) > 1:
        told = ", ".join(f"{key}={value}" for key, value in ways.items())
        yield found(SEVERAL, NAMESPACE, it, f"it has {told}", "metadata.labels", told)
    if own.get(DATAPLANE) == "ambient" or own.get(INJECTION) or REVISION in own:
        return
    if by_default:
        says = f"namespace {name(it)} has no label, and Istio injects by default"
        yield found(BY_DEFAULT, NAMESPACE, it, says, "metadata.labels", "–")
    else:
        says = f"namespace {name(it)} has no label of Istio"
        yield found(OUTSIDE, NAMESPACE, it, says, "metadata.labels", "–")


def _ways(own: Mapping[str, str]) -> Mapping[str, str]:
    """The labels that choose a way into the mesh; one that says no to sidecars leaves room for the others."""
    chosen = {INJECTION: own[INJECTION]} if INJECTION in own else {}
    if own.get(INJECTION, "enabled") == "enabled":
        chosen |= {key: own[key] for key in (REVISION, DATAPLANE) if key in own}
    return chosen


def _bare(pod: Raw) -> Found | None:
    if namespace(pod) in LEFT_OUT or has_proxy(containers(pod)):
        return None
    said = labels(pod).get(INJECT, annotation(pod, INJECT))
    if said.lower() == "false" or dig(pod, "spec", "hostNetwork") is True:
        return None
    says = f"pod {name(pod)} has no istio-proxy, and its namespace has istio-injection=enabled"
    return found(BARE, POD, pod, says, "spec.containers", "no istio-proxy")


def values(injector: Raw) -> Raw:
    """What the injector was installed with; empty where it cannot be read."""
    try:
        read = json.loads(text(injector, "data", "values") or "{}")
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


ANALYZERS = (
    analyzer(
        "injection.Analyzer",
        (OUTSIDE, BARE, SEVERAL, BY_DEFAULT),
        (NAMESPACE, POD, meshconfig.SCOPE),
        injected,
        looks_up=(meshconfig.SCOPE,),
    ),
)
