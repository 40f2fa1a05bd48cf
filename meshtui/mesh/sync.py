"""Sync: whether proxies have what istiod sent them, as its replicas tell (`/debug/syncz`, port 15014; reference
istio-ambient.md, 3.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from meshtui.mesh import components
from meshtui.mesh.health import OK, Health, Verdict, worst
from meshtui.mesh.raw import table, text
from meshtui.mesh.snapshot import Answer, Probe, Ref, Snapshot

_PORT = 15014
_SHORT = {
    "envoy.config.cluster.v3.Cluster": "clusters",
    "envoy.config.endpoint.v3.ClusterLoadAssignment": "endpoints",
    "envoy.config.listener.v3.Listener": "listeners",
    "envoy.config.route.v3.RouteConfiguration": "routes",
    "envoy.config.core.v3.TypedExtensionConfig": "extensions",
    "envoy.extensions.transport_sockets.tls.v3.Secret": "secrets",
    "istio.workload.Address": "workloads",
    "istio.security.Authorization": "policies",
}


class Synced(Struct, frozen=True):
    """One proxy, as the istiod that serves it tells."""

    type: str
    version: str
    states: Mapping[str, str]
    """By what is sent, "clusters": "synced", "stale", "not sent", or "refused: " and why."""


def read_syncz(body: bytes) -> Mapping[str, Synced]:
    """By "pod.namespace". Raises ValueError where it is no JSON list."""
    try:
        found = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the answer is cut off or no JSON ({error})") from error
    if not isinstance(found, list):
        raise ValueError("the answer is no list of proxies")
    return {
        text(each, "proxy"): Synced(
            text(each, "proxy_type"),
            text(each, "istio_version"),
            {_short(url): _state(it) for url, it in table(each, "resources").items()},
        )
        for each in found
        if isinstance(each, dict)
    }


def _short(url: str) -> str:
    name = url.rpartition("/")[2]
    return _SHORT.get(name, name)


def _state(it: object) -> str:
    if error := text(it, "lastError"):
        return f"refused: {error}"
    sent, acked = text(it, "sent"), text(it, "acked")
    if not sent:
        return "not sent"
    return "synced" if sent == acked else "stale"


def probes(snapshot: Snapshot) -> tuple[Probe, ...]:
    """One of each istiod: a proxy is connected to one of them."""
    return tuple(
        Probe(pod.namespace, pod.name, _PORT, "/debug/syncz", read_syncz)
        for pod in components.running(snapshot)
        if components.is_istiod(pod.labels) and pod.healthy
    )


def verdict(pod: Ref, snapshot: Snapshot) -> Verdict:
    """Whether a proxy has all that istiod sent it. That none knows it is told only where all were asked."""
    asked = probes(snapshot)
    answers = [snapshot.answers.get(probe, Answer()) for probe in asked]
    for answer in answers:
        if answer.value is not None and (found := answer.value.get(f"{pod.name}.{pod.namespace}")):
            return _verdict(found)
    if not asked:
        return Verdict(Health.UNKNOWN, "no istiod is seen that could tell")
    problems = [answer.problem.text for answer in answers if answer.problem is not None]
    if problems:
        return Verdict(Health.UNKNOWN, f"istiod does not tell: {problems[0]}")
    if any(answer.at is None for answer in answers):
        return Verdict(Health.UNKNOWN, "istiod is being asked")
    count = "istiod" if len(asked) == 1 else f"none of {len(asked)} istiods"
    says = "does not know" if len(asked) == 1 else "knows"
    return Verdict(Health.BAD, f"{count} {says} it: it is not connected")


def _verdict(found: Synced) -> Verdict:
    told = [
        Verdict(_HEALTH.get(state, Health.BAD), f"{name} {state}")
        for name, state in sorted(found.states.items())
        if state not in ("synced", "not sent")
    ]
    synced = sorted(name for name, state in found.states.items() if state == "synced")
    return worst([*told, _well(synced)])


_HEALTH = {"stale": Health.WARN}


def _well(synced: Sequence[str]) -> Verdict:
    return Verdict(
        OK.health, f"synced: {', '.join(synced)}" if synced else "nothing was sent to it yet"
    )
