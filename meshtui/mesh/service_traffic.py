"""Service traffic: how much goes to each Service and how much of it fails, over the time that proxies were watched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh import components, rates, service_counters, ztunnel_probes
from meshtui.mesh.metrics import Metrics
from meshtui.mesh.pods import Pod
from meshtui.mesh.rates import Rise
from meshtui.mesh.service_counters import OPENED, Connections, Requests
from meshtui.mesh.snapshot import Answer, Probe, Snapshot

_GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
BUCKETS = 20
WIDTH = timedelta(seconds=30)
"""A sparkline has so many bars, each of so much time."""


class Traffic(Struct, frozen=True):
    """Of one Service. Rates are a second; None is not known."""

    through: bool
    """There is a pod of a waypoint before it, which counts requests."""
    requests: float | None
    """That its waypoint counted."""
    errors: float | None
    """The share of them that was answered with 5xx; None where there was none."""
    requested: tuple[float | None, ...]
    """Requests in the last BUCKETS times of this WIDTH, oldest first."""
    opened: float | None
    """Connections that ztunnels saw begin."""
    failures: Mapping[str, float]
    """Connections that failed, by the ztunnels' flag; what a destination denies its caller counts as CONNECT."""
    failing: float | None
    """Those that failed, each once."""
    failed: tuple[float | None, ...]
    """The same in time."""
    watched: timedelta
    """Over how long."""
    unread: str
    """What of all this is not known, and why; "" where nothing is."""
    uncounted: str
    """Why no proxy counts anything of it; "" where one does, or where that is not known."""


def waypoint_pods(snapshot: Snapshot, waypoint: str) -> Sequence[Pod]:
    """The pods of a waypoint, "namespace/name"."""
    return snapshot.once(_by_gateway, components.running(snapshot)).get(waypoint, ())


def _by_gateway(pods: Sequence[Pod]) -> Mapping[str, Sequence[Pod]]:
    found: dict[str, list[Pod]] = {}
    for pod in pods:
        if name := pod.labels.get(_GATEWAY_NAME):
            found.setdefault(f"{pod.namespace}/{name}", []).append(pod)
    return found


def probes(snapshot: Snapshot, waypoints: Sequence[str]) -> tuple[Probe, ...]:
    """What is asked of these waypoints."""
    return tuple(
        service_counters.requests_probe(pod.namespace, pod.name)
        for waypoint in dict.fromkeys(waypoints)
        for pod in waypoint_pods(snapshot, waypoint)
    )


_FEW = 8
"""So many ztunnels are asked as often as what is on screen; of more the sweep tells, once a minute."""
_MOST_WAYPOINTS = 16


def wanted(snapshot: Snapshot, waypoints: Sequence[str]) -> tuple[Probe, ...]:
    """What is to be asked for Services on screen, with these waypoints before them."""
    ztunnels = [pod for pod in components.running(snapshot) if pod.labels.get("app") == "ztunnel"]
    asked = [ztunnel_probes.metrics(pod.namespace, pod.name) for pod in ztunnels]
    of_waypoints = probes(snapshot, waypoints)[:_MOST_WAYPOINTS]
    return (*of_waypoints, *(asked if len(asked) <= _FEW else ()))


Own = Sequence[Sequence[Rise[Connections]]]
"""What each ztunnel counted of one Service."""


class Counted(Struct, frozen=True):
    """All that ztunnels counted, by Service."""

    own: Mapping[tuple[str, str], Own]
    """By namespace and name; only of ztunnels that counted something of it."""
    none: Own
    """The same of a Service of which nothing was counted while they were watched: as of one ztunnel, since there may be
    hundreds, and as many such Services."""
    watched: timedelta
    """Over how long."""
    seen: frozenset[tuple[str, str]]
    """Services of which any of them ever saw a connection."""
    total: int
    read: int


def counted(snapshot: Snapshot) -> Counted:
    """Remembered as long as no ztunnel is read anew."""
    return snapshot.once(_counted, snapshot.answers, components.running(snapshot))


def _counted(answers: Mapping[Probe, Answer], pods: Sequence[Pod]) -> Counted:
    found = [
        answers.get(ztunnel_probes.metrics(pod.namespace, pod.name), Answer())
        for pod in pods
        if pod.labels.get("app") == "ztunnel"
    ]
    own: dict[tuple[str, str], list[Sequence[Rise[Connections]]]] = {}
    risen = [tuple(rates.rises(answer.kept or ())) for answer in found]
    for rises in risen:
        for service in {(key.namespace, key.service) for rise in rises for key in rise.counters}:
            own.setdefault(service, []).append(_of(rises, service))
    values = [each.value for each in found if isinstance(each.value, Metrics)]
    return Counted(
        own=own,
        none=[rates.coverage(risen)],
        watched=rates.watched(risen),
        seen=frozenset((key.namespace, key.service) for it in values for key in it.connections),
        total=len(found),
        read=len(values),
    )


def _of(
    rises: Sequence[Rise[Connections]], service: tuple[str, str]
) -> Sequence[Rise[Connections]]:
    return [
        replace(
            rise,
            counters={
                key: count
                for key, count in rise.counters.items()
                if (key.namespace, key.service) == service
            },
        )
        for rise in rises
    ]


def of(snapshot: Snapshot, namespace: str, service: str, waypoint: str | None) -> Traffic:
    """`waypoint` is the one that traffic to the Service takes, "namespace/name"."""
    by_ztunnels = counted(snapshot)
    asked = probes(snapshot, [waypoint] if waypoint else [])
    answers = [snapshot.answers.get(probe, Answer()) for probe in asked]
    by_waypoint = [tuple(rates.rises(each.kept or ())) for each in answers]

    def requested(key: Requests) -> bool:
        return (key.namespace, key.service) == (namespace, service)

    def broken(key: Requests) -> bool:
        return requested(key) and key.code.startswith("5")

    requests = rates.a_second(by_waypoint, requested)
    errors = rates.a_second(by_waypoint, broken)
    own = by_ztunnels.own.get((namespace, service), by_ztunnels.none)
    unread = [*_unread("ztunnel", by_ztunnels.total, by_ztunnels.read)]
    unread += _unread("waypoint pod", len(asked), sum(each.value is not None for each in answers))
    return Traffic(
        through=bool(asked),
        requests=requests,
        errors=errors / requests if requests and errors is not None else None,
        requested=rates.series(by_waypoint, requested, snapshot.now, buckets=BUCKETS, width=WIDTH),
        opened=_once(own, _is_opened),
        failures=_by_reason(own),
        failing=_once(own, _is_failed),
        failed=rates.series(own, _is_failed_once, snapshot.now, buckets=BUCKETS, width=WIDTH),
        watched=max(rates.watched(by_waypoint), by_ztunnels.watched),
        unread="; ".join(unread),
        uncounted=_uncounted(by_ztunnels, (namespace, service), waypoint),
    )


def _is_opened(key: Connections) -> bool:
    return key.flag == OPENED


def _is_failed(key: Connections) -> bool:
    return key.flag != OPENED


def _is_failed_once(key: Connections) -> bool:
    """What a destination denies in mTLS is counted by its caller's ztunnel too."""
    return _is_failed(key) and (key.reporter == "source" or key.plain)


def _once(own: Own, wanted: Callable[[Connections], bool]) -> float | None:
    """Each connection once, though both of its ztunnels may count it: those in mTLS by the side that saw more of them,
    those in plain text, whose callers have no ztunnel, at their destination."""

    def side(reporter: str, *, plain: bool) -> float | None:
        return rates.a_second(
            own,
            lambda key: wanted(key) and key.reporter == reporter and key.plain is plain,
        )

    source, destination = side("source", plain=False), side("destination", plain=False)
    bare, sent_bare = side("destination", plain=True), side("source", plain=True)
    if source is None or destination is None or bare is None or sent_bare is None:
        return None
    return max(source, destination) + max(bare, sent_bare)


def _by_reason(own: Own) -> Mapping[str, float]:
    flags = {key.flag for each in own for rise in each for key in rise.counters} - {OPENED}
    found = {}
    for flag in sorted(flags):
        rate = _once(own, partial(_has_flag, flag))
        if rate:
            found[flag] = rate
    return found


def _has_flag(flag: str, key: Connections) -> bool:
    return key.flag == flag


def _unread(what: str, total: int, read: int) -> Sequence[str]:
    if read == total:
        return ()
    return (f"{total - read} of {total} {what}{'s' if total > 1 else ''} not read",)


def _uncounted(by: Counted, service: tuple[str, str], waypoint: str | None) -> str:
    if waypoint or by.read < by.total or service in by.seen:
        return ""
    ztunnels = "no ztunnel runs" if not by.total else "no ztunnel has seen a connection to it"
    return f"no proxy counts it: it has no waypoint, and {ztunnels}"
