"""Telemetries: providers that are not there, and selectors that clash (IST0157, IST0101, IST0159, IST0160, IST0002)."""

from __future__ import annotations

from collections.abc import Iterator

from meshtui.mesh import meshconfig
from meshtui.mesh.doctor.configuration import clashes
from meshtui.mesh.doctor.configuration.deprecation import DEPRECATED
from meshtui.mesh.doctor.configuration.objects import (
    ERROR,
    WARNING,
    analyzer,
    every,
    found,
    listed,
    mesh,
    ref,
)
from meshtui.mesh.doctor.configuration.references import NOT_FOUND
from meshtui.mesh.doctor.findings import Found, Rule
from meshtui.mesh.kinds import POD, TELEMETRY
from meshtui.mesh.raw import Raw, dig, entries, name, namespace, text
from meshtui.mesh.snapshot import Snapshot

NO_PROVIDER = Rule(
    "IST0157",
    "a Telemetry asks for access logs and names no provider",
    WARNING,
    why="The mesh has no default provider either: nothing is logged.",
    remedy="name a provider, such as envoy, or set defaultProviders.accessLogging in mesh config",
    link="docs/reference/config/analysis/ist0157/",
)
SAME_PODS = Rule(
    "IST0159",
    "several Telemetries select one pod",
    ERROR,
    why="Only one of them holds for the pod, and which one is not defined.",
    remedy="make their selectors exclude each other, or merge them",
    link="docs/reference/config/analysis/ist0159/",
)
SAME_NAMESPACE = Rule(
    "IST0160",
    "several Telemetries of a namespace have no selector",
    ERROR,
    why="Only one of them holds for the namespace, and which one is not defined.",
    remedy="keep one for the namespace, and give the others a selector",
    link="docs/reference/config/analysis/ist0160/",
)

_SELECTOR = ("spec", "selector", "matchLabels")


def providers(snapshot: Snapshot) -> Iterator[Found]:
    if dig(mesh(snapshot), "defaultProviders", "accessLogging"):
        return
    for it in every(snapshot, TELEMETRY):
        if any(_names_nobody(each) for each in entries(it, "spec", "accessLogging")):
            says = "accessLogging names no provider, and the mesh has no default one"
            field = "spec.accessLogging[].providers"
            yield found(NO_PROVIDER, TELEMETRY, it, says, field, "–")


def _names_nobody(logging: Raw) -> bool:
    return dig(logging, "disabled") is not True and not entries(logging, "providers")


def selecting(snapshot: Snapshot) -> Iterator[Found]:
    several = clashes.selecting(snapshot, TELEMETRY, _SELECTOR)
    yield from clashes.without_pods(several, TELEMETRY, _SELECTOR)
    for it, others, pod in clashes.clashes(several):
        says = f"pod {pod} is selected by {listed(map(name, others))} too"
        refs = [ref(TELEMETRY, each) for each in others]
        yield found(SAME_PODS, TELEMETRY, it, says, ".".join(_SELECTOR), pod, *refs)


def wide(snapshot: Snapshot) -> Iterator[Found]:
    by_namespace: dict[str, list[Raw]] = {}
    for it in every(snapshot, TELEMETRY):
        if dig(it, "spec", "selector") is None:
            by_namespace.setdefault(namespace(it), []).append(it)
    for several in by_namespace.values():
        for it in several if len(several) > 1 else ():
            says = f"namespace {namespace(it)} has {len(several)} without selector: "
            says += listed(map(name, several))
            yield found(SAME_NAMESPACE, TELEMETRY, it, says, "spec.selector", "–")


def lightstep(snapshot: Snapshot) -> Iterator[Found]:
    old = {
        text(each, "name")
        for each in entries(mesh(snapshot), "extensionProviders")
        if "lightstep" in each
    }
    for it in every(snapshot, TELEMETRY):
        named = [
            text(provider, "name")
            for tracing in entries(it, "spec", "tracing")
            for provider in entries(tracing, "providers")
        ]
        for provider in dict.fromkeys(each for each in named if each in old):
            says = f"provider {provider} is of type lightstep, which gave way to opentelemetry"
            field = "spec.tracing[].providers[].name"
            yield found(DEPRECATED, TELEMETRY, it, says, field, provider)


ANALYZERS = (
    analyzer(
        "telemetry.ProviderAnalyzer",
        (NO_PROVIDER,),
        (TELEMETRY, meshconfig.SCOPE),
        providers,
        looks_up=(meshconfig.SCOPE,),
    ),
    analyzer(
        "telemetry.SelectorAnalyzer",
        (SAME_PODS, NOT_FOUND),
        (TELEMETRY, POD),
        selecting,
        looks_around=(POD,),
    ),
    analyzer("telemetry.DefaultSelectorAnalyzer", (SAME_NAMESPACE,), (TELEMETRY,), wide),
    analyzer(
        "telemetry.LightstepAnalyzer", (DEPRECATED,), (TELEMETRY, meshconfig.SCOPE), lightstep
    ),
)
