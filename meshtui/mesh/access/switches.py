"""Switches: whether a proxy writes access lines at all, and such as can be read. A ztunnel does by default; of a
waypoint or a gateway Telemetry and mesh config decide, and by default it does not (istio-ambient.md, 4.7 and 5.5):
nothing is known then of what it refuses, and that is not zero."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

from msgspec import Struct

from meshtui.mesh import components, meshconfig, pods, raw
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import CONFIGMAP, POD, TELEMETRY
from meshtui.mesh.meshconfig import MeshConfig
from meshtui.mesh.pods import GATEWAY_NAME, Pod
from meshtui.mesh.raw import Raw, dig, entries, strings, text
from meshtui.mesh.snapshot import Ref, Scope, Snapshot

KINDS = (Scope(TELEMETRY), meshconfig.SCOPE, components.ZTUNNEL_PODS, components.PROXY_PODS)

_STANDARD = ("/dev/stdout", "/dev/stderr")
_BUILT_IN = "envoy"
"""The provider that every mesh has."""


class State(Enum):
    ON = ("on", Health.OK)
    PART = ("in part", Health.UNKNOWN)
    """On, but not for everything, or in a form of its own."""
    OFF = ("off", Health.UNKNOWN)
    UNKNOWN = ("unknown", Health.UNKNOWN)

    def __init__(self, word: str, health: Health) -> None:
        self.word = word
        self.health = health


class Switch(Struct, frozen=True):
    """Whether one proxy writes access lines."""

    ref: Ref
    part: str
    """ "ztunnel", "waypoint" or "gateway"."""
    state: State
    says: str
    """Who decides it, or why it is not known."""

    @property
    def key(self) -> str:
        return self.ref.key

    @property
    def verdict(self) -> Verdict:
        return Verdict(self.state.health, f"access log {self.state.word}: {self.says}")


def of(snapshot: Snapshot) -> tuple[Switch, ...]:
    """One for each pod of a ztunnel, waypoint or gateway that has not ended, ztunnels first."""
    return snapshot.once(_of, snapshot)


def _of(snapshot: Snapshot) -> tuple[Switch, ...]:
    found = list(_switches(snapshot))
    return tuple(sorted(found, key=lambda each: (each.part != "ztunnel", each.key)))


def _switches(snapshot: Snapshot) -> Iterator[Switch]:
    configs = {config.revision: config for config in meshconfig.of(snapshot)}
    for pod in pods.parts(snapshot):
        if pod.finished:
            continue
        ref = Ref(POD, pod.namespace, pod.name)
        if pod.labels.get("app") == "ztunnel":
            yield Switch(ref, "ztunnel", *_ztunnel(snapshot.objects[POD].get(pod.key)))
        elif GATEWAY_NAME in pod.labels:
            part = "waypoint" if components.is_waypoint(pod.labels) else "gateway"
            unread = snapshot.unread(TELEMETRY) or snapshot.unread(
                CONFIGMAP, labels=meshconfig.SCOPE.labels
            )
            config = configs.get(pod.labels.get("istio.io/rev", "")) or next(
                iter(configs.values()), None
            )
            if unread or config is None or config.problem:
                why = unread or (config.problem if config else "there is no mesh config")
                yield Switch(ref, part, State.UNKNOWN, why)
            else:
                yield Switch(ref, part, *_envoy(snapshot, pod, config, waypoint=part == "waypoint"))


def _ztunnel(pod: Raw | None) -> tuple[State, str]:
    """By RUST_LOG: failures are lines of the level error, all others of info."""
    level = ""
    for container in entries(pod, "spec", "containers"):
        for variable in entries(container, "env"):
            if text(variable, "name") == "RUST_LOG":
                level = text(variable, "value")
    levels = dict(re.findall(r"(?:^|,)\s*(?:([\w:]+)=)?(\w+)", level))
    of_access = (levels.get("access") or levels.get("") or "info").lower()
    if of_access == "off":
        return State.OFF, f"RUST_LOG is {level}"
    if of_access in ("error", "warn"):
        return State.ON, f"of failures only: RUST_LOG is {level}"
    return State.ON, "a ztunnel writes it at level info"


def _envoy(
    snapshot: Snapshot, pod: Pod, config: MeshConfig, *, waypoint: bool
) -> tuple[State, str]:
    mesh = config.written
    providers: Sequence[str] = _names(dig(mesh, "defaultProviders", "accessLogging"))
    by = "defaultProviders of mesh config" if providers else ""
    narrowed = ""
    for telemetry in _applicable(snapshot, pod, config.root_namespace, waypoint=waypoint):
        for logging in entries(telemetry, "spec", "accessLogging"):
            by = f"Telemetry {raw.key(telemetry)}"
            named = [text(each, "name") for each in entries(logging, "providers")]
            if dig(logging, "disabled") is True:
                providers = [each for each in providers if named and each not in named]
                continue
            providers = named or providers
            if text(logging, "filter", "expression") or text(logging, "match", "mode") in _HALVES:
                narrowed = f"{by} has it write only what it selects"
    if not by:
        return _by_file(mesh)
    written = [each for each in providers if _is_standard(mesh, each)]
    if not written:
        return (
            State.OFF,
            f"by {by}" if not providers else f"{by} sends it to {', '.join(providers)}",
        )
    own = [each for each in written if _has_own_form(mesh, each)]
    if own:
        return State.PART, f"in a form of its own, which is not read here ({by})"
    return (State.PART, narrowed) if narrowed else (State.ON, f"by {by}")


_HALVES = ("CLIENT", "SERVER")


def _by_file(mesh: Raw) -> tuple[State, str]:
    file = text(mesh, "accessLogFile")
    if not file:
        return State.OFF, "neither a Telemetry nor accessLogFile of mesh config asks for it"
    if file not in _STANDARD:
        return State.OFF, f"it is written to {file} in the container"
    if text(mesh, "accessLogFormat"):
        return State.PART, "in the form of accessLogFormat, which is not read here"
    return State.ON, "by accessLogFile of mesh config"


def _names(found: object) -> list[str]:
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _is_standard(mesh: Raw, provider: str) -> bool:
    """Whether a provider writes to the log of the container."""
    if provider == _BUILT_IN:
        return True
    own = _provider(mesh, provider)
    return "envoyFileAccessLog" in own and text(own, "envoyFileAccessLog", "path") in (
        "",
        *_STANDARD,
    )


def _has_own_form(mesh: Raw, provider: str) -> bool:
    if provider == _BUILT_IN:
        return bool(text(mesh, "accessLogFormat"))
    return bool(raw.table(_provider(mesh, provider), "envoyFileAccessLog", "logFormat"))


def _provider(mesh: Raw, name: str) -> Raw:
    found = (each for each in entries(mesh, "extensionProviders") if text(each, "name") == name)
    return next(found, {})


def _applicable(snapshot: Snapshot, pod: Pod, root: str, *, waypoint: bool) -> Sequence[Raw]:
    """The Telemetries for a proxy: of the mesh, of its namespace, and its own, each level outweighing the one before.
    Of several at one level the oldest holds."""
    levels: dict[int, Raw] = {}
    for it in sorted(snapshot.raw(TELEMETRY), key=_age):
        level = _level(it, pod, root, waypoint=waypoint)
        if level is not None:
            levels.setdefault(level, it)
    return [levels[level] for level in sorted(levels)]


def _age(it: Raw) -> tuple[str, str]:
    return text(it, "metadata", "creationTimestamp"), raw.key(it)


def _level(it: Raw, pod: Pod, root: str, *, waypoint: bool) -> int | None:
    """0 for the mesh, 1 for the namespace, 2 for the proxy itself; None where it is for others. A selector does not
    take waypoints."""
    spec, where = raw.table(it, "spec"), raw.namespace(it)
    targets = [*entries(spec, "targetRefs"), *filter(None, [raw.table(spec, "targetRef")])]
    selector: Mapping[str, str] = strings(spec, "selector", "matchLabels")
    if targets:
        named = {(text(each, "kind"), text(each, "name")) for each in targets}
        own = where == pod.namespace and ("Gateway", pod.labels.get(GATEWAY_NAME, "")) in named
        by_class = where == root and waypoint and ("GatewayClass", "istio-waypoint") in named
        return 2 if own or by_class else None
    if selector:
        own = where == pod.namespace and not waypoint and selector.items() <= pod.labels.items()
        return 2 if own else None
    if where == root:
        return 0
    return 1 if where == pod.namespace else None
