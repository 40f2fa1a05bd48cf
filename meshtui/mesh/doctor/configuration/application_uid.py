"""Applications that run as the user that belongs to the proxy (IST0144)."""

from __future__ import annotations

from collections.abc import Iterator

from meshtui.mesh.doctor.configuration.objects import (
    WARNING,
    analyzer,
    every,
    found,
    judged,
    of_control_plane,
)
from meshtui.mesh.doctor.findings import Found, Rule
from meshtui.mesh.kinds import DEPLOYMENT, POD, Kind
from meshtui.mesh.raw import Raw, entries, number, table, text
from meshtui.mesh.snapshot import Snapshot

RESERVED = Rule(
    "IST0144",
    "an application runs as user 1337, which is the proxy's",
    WARNING,
    why="What user 1337 sends is taken for the proxy's own: it goes round the sidecar, in plain text.",
    remedy="run the application as another user: change runAsUser",
    link="docs/reference/config/analysis/ist0144/",
)

_UID = 1337
_PROXIES = ("istio-proxy", "istio-operator")


def reserved(snapshot: Snapshot) -> Iterator[Found]:
    yield from judged(snapshot, POD, _pod)
    for deployment in every(snapshot, DEPLOYMENT):
        yield from _judged(DEPLOYMENT, deployment, table(deployment, "spec", "template", "spec"))


def _pod(raw: Raw) -> tuple[Found, ...]:
    return _judged(POD, raw, table(raw, "spec"))


def _judged(kind: Kind, raw: Raw, spec: Raw) -> tuple[Found, ...]:
    who = _who(spec)
    if not who or of_control_plane(raw):
        return ()
    says = f"{who} runs as user {_UID}"
    field = f"securityContext.runAsUser of {who}"
    return (found(RESERVED, kind, raw, says, field, str(_UID)),)


def _who(spec: Raw) -> str:
    """Who runs as that user; "" where nobody does. Init containers may: they end before traffic begins."""
    if number(spec, "securityContext", "runAsUser") == _UID:
        return "the pod"
    for container in entries(spec, "containers"):
        own = number(container, "securityContext", "runAsUser") == _UID
        if own and text(container, "name") not in _PROXIES:
            return f"container {text(container, 'name')}"
    return ""


ANALYZERS = (analyzer("applicationUID.Analyzer", (RESERVED,), (POD, DEPLOYMENT), reserved),)
