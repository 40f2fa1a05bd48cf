"""Reading scenes: from YAML to steps of a past and to behaviour."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from importlib.resources import files
from string import Template
from typing import Any

import yaml
from msgspec import Struct, field

from meshtui.sim.behaviour.cluster import Behaviour
from meshtui.sim.behaviour.scaling import Swing
from meshtui.sim.behaviour.traffic import Flow
from meshtui.sim.objects import Raw
from meshtui.sim.store import Key

_WART = "wart"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # seven times as fast
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


class App(Struct, frozen=True):
    """A workload with its Service and its service account, all of one name."""

    namespace: str
    name: str
    replicas: int = 1
    port: int = 8080
    service: int = 80
    protocol: str = "http"
    labels: Mapping[str, str] = field(default_factory=dict)


class ServerCertificate(Struct, frozen=True):
    """A Secret with a certificate for some hosts."""

    secret: Key
    hosts: Sequence[str]
    life: timedelta
    left: timedelta


class Restart(Struct, frozen=True):
    """Pods that were deleted, so that their controllers made them anew."""

    labels: Mapping[str, str]
    nodes: Sequence[str]
    """None named: on all."""


class Step(Struct, frozen=True):
    """What was done at one moment, in this order."""

    age: timedelta
    nodes: int
    namespaces: Mapping[str, Mapping[str, str]]
    objects: Sequence[Raw]
    certificates: Sequence[ServerCertificate]
    apps: Sequence[App]
    restart: Restart | None
    missed: Sequence[str] = ()
    """Workloads (namespace/name) of which the CNI agent overlooked a pod that started then."""
    lost: Sequence[str] = ()
    """Workloads of which it annotated a pod that started then, and told no ztunnel."""
    new_authority: bool = False
    """Whether istiod was given a CA with another root."""
    architecture: str = "amd64"
    """That of the new nodes."""
    patches: Sequence[Raw] = ()
    """Objects that were there, each by kind and name with the fields that were changed."""


class Scene(Struct, frozen=True):
    """A cluster's past, oldest first, and how it behaves."""

    about: str
    past: Sequence[Step]
    behaviour: Behaviour

    @property
    def age(self) -> timedelta:
        return max((step.age for step in self.past), default=timedelta())


def read(name: str) -> Scene:
    """A scene by name, on top of the one that it extends; its calls are made besides those of that one. With `warts:
    false` what that one marks as a wart is left out."""
    raw = _document(name)
    about, past, behaviour = raw["about"], list(raw.get("past", ())), dict(raw.get("behaviour", {}))
    warts = raw.get("warts", True)
    while base := raw.get("extends"):
        raw = _document(base)
        past = [*raw.get("past", ()), *past]
        below = raw.get("behaviour", {})
        calls = [*below.get("traffic", ()), *behaviour.get("traffic", ())]
        behaviour = {**below, **behaviour, "traffic": calls}
    past, behaviour = _marked(past, warts), _marked(behaviour, warts)
    steps = sorted(map(_step, past), key=lambda step: step.age, reverse=True)
    return Scene(about, steps, _behaviour(behaviour))


def _marked(it: Any, warts: bool) -> Any:
    """With the items of lists that are marked as warts, or without them; without the mark in either case."""
    if isinstance(it, list):
        return [_marked(each, warts) for each in it if warts or not _is_wart(each)]
    if isinstance(it, dict):
        return {key: _marked(value, warts) for key, value in it.items() if key != _WART}
    return it


def _is_wart(it: Any) -> bool:
    return isinstance(it, dict) and it.get(_WART) is True


def duration(text: str) -> timedelta:
    """41d, 2h, 90s. Raises ValueError for anything else."""
    found = re.fullmatch(r"(\d+)([dhms])", text)
    if found is None:
        raise ValueError(f'"{text}" is no duration such as 41d or 2h')
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _document(name: str, **values: str) -> Raw:
    text = files("meshtui.sim.scenes").joinpath(f"{name}.yaml").read_text()
    found: Raw = yaml.load(Template(text).safe_substitute(values), Loader=_LOADER)
    return found


def _step(raw: Raw) -> Step:
    included = raw.get("include")
    objects = _document(f"parts/{included.pop('file')}", **included)["objects"] if included else []
    restart = raw.get("restart")
    return Step(
        duration(raw["age"]),
        raw.get("nodes", 0),
        raw.get("namespaces", {}),
        [*objects, *raw.get("objects", ())],
        [_certificate(each) for each in raw.get("certificates", ())],
        [_app(**each) for each in raw.get("apps", ())],
        Restart(restart["labels"], restart.get("nodes", ())) if restart else None,
        raw.get("missed", ()),
        raw.get("lost", ()),
        raw.get("new_authority", False),
        raw.get("architecture", "amd64"),
        raw.get("patches", ()),
    )


def _app(name: str, **rest: Any) -> App:
    return App(*_key(name), **rest)


def _certificate(raw: Raw) -> ServerCertificate:
    lives = duration(raw["life"]), duration(raw["left"])
    return ServerCertificate(_key(raw["secret"]), raw["hosts"], *lives)


def _behaviour(raw: Raw) -> Behaviour:
    return Behaviour(
        raw.get("load_balancer", ""),
        [
            Swing(_key(each["deployment"]), each["replicas"], each["every"])
            for each in raw.get("swings", ())
        ],
        [_flow(each) for each in raw.get("traffic", ())],
    )


def _flow(raw: Raw) -> Flow:
    ends = _key(raw["from"]), _key(raw["to"])
    return Flow(*ends, raw["port"], raw["every"], raw.get("lasting", 0.0))


def _key(text: str) -> Key:
    space, _, name = text.partition("/")
    return space, name
