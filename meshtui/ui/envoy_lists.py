"""What the Envoy of a waypoint or a gateway holds: first what fails, then all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from meshtui.mesh import envoy, sync
from meshtui.mesh.envoy import Certificate, Cluster, Listener, ServerInfo
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import POD
from meshtui.mesh.pods import Pod
from meshtui.mesh.snapshot import Answer, Probe, Ref, Snapshot
from meshtui.ui import notices, times
from meshtui.ui.columns import Column
from meshtui.ui.detail import Fact, Grid, Section
from meshtui.ui.spans import Cell, Line, Span, Tone, mark

T = TypeVar("T")

MOST = 60
"""So many rows of a list are drawn; the number of all of them is said."""

_CLUSTERS = (
    Column("", 1, 1, 0),
    Column("CLUSTER", 16, 50, 0),
    Column("PORT", 4, 5, 2, right=True),
    Column("READY", 5, 9, 0, right=True),
    Column("", 10, 400, 1),
)
_LISTENERS = (Column("LISTENER", 16, 40, 0), Column("ADDRESS", 10, 60, 0))
_CERTIFICATES = (
    Column("CERTIFICATE OF", 20, 70, 0),
    Column("EXPIRES", 7, 9, 0, right=True),
    Column("SERIAL", 8, 34, 2),
)


def chosen(pods: Sequence[Pod]) -> Ref | None:
    """The pod whose Envoy is asked: a healthy one, the first by name."""
    found = min(pods, key=lambda pod: (not pod.healthy, pod.name), default=None)
    return Ref(POD, found.namespace, found.name) if found is not None else None


def probes(pods: Sequence[Pod], snapshot: Snapshot) -> tuple[Probe, ...]:
    pod = chosen(pods)
    return (*envoy.probes(pod).all, *sync.probes(snapshot)) if pod is not None else ()


def sections(pods: Sequence[Pod], snapshot: Snapshot) -> Iterable[Section]:
    """As the Envoy of one of the pods tells, and istiod of it."""
    pod = chosen(pods)
    if pod is None:
        return
    asked, now = envoy.probes(pod), snapshot.now
    answers = {probe: snapshot.answers.get(probe, Answer()) for probe in asked.all}
    of_all = f", 1 of {len(pods)}" if len(pods) > 1 else ""
    synced = sync.verdict(pod, snapshot)
    facts = [Fact("istiod", (mark(synced.health), Span(f" {synced.reason}")))]
    facts += _server(answers[asked.server], now)
    yield Section(f"Envoy of {pod.name}{of_all}", facts)
    yield _list("Clusters", answers[asked.clusters], _CLUSTERS, _clusters)
    yield _list("Listeners", answers[asked.listeners], _LISTENERS, _listeners)
    yield _list(
        "Certificates in use",
        answers[asked.certificates],
        _CERTIFICATES,
        partial(_certificates, now=now),
    )


def _server(answer: Answer, now: datetime) -> list[Fact]:
    """A failure stands here, and once: each list is asked for the same way."""
    if not isinstance(answer.value, ServerInfo):
        words: Cell = "being asked"
        if answer.problem is not None:
            words = (mark(Health.UNKNOWN), Span(f" {notices.sentences(answer.problem)}"))
        return [Fact("state", words)]
    found = answer.value
    live = found.state == "LIVE"
    state: Cell = found.state.lower() if live else Span(f"! {found.state.lower()}", Tone.WARN)
    facts = [Fact("state", state), Fact("Envoy", found.version)]
    if found.level:
        facts.append(Fact("log level", f"{found.level} at its start; m sets it for a while"))
    if answer.problem is not None:
        facts.append(Fact("since then", (mark(Health.UNKNOWN), Span(f" {answer.problem.text}"))))
    return [*facts, Fact("read", times.ago(answer.at, now))]


def _list(
    title: str,
    answer: Answer,
    columns: Sequence[Column],
    rows_of: Callable[[Sequence[T]], Sequence[Sequence[Cell]]],
) -> Section:
    """None before it was read: how that goes stands above."""
    if answer.value is None:
        return Section(title, ())
    rows = rows_of(answer.value)
    if not rows:
        return Section(f"{title} (0)", [(Span("none", Tone.MUTED),)])
    more: list[Line] = []
    if len(rows) > MOST:
        more.append((Span(f"and {len(rows) - MOST:,} more", Tone.MUTED),))
    return Section(f"{title} ({len(rows)})", [Grid(columns, rows[:MOST]), *more])


def _clusters(found: Sequence[Cluster]) -> Sequence[Sequence[Cell]]:
    """Those with endpoints that fail first, then those without any."""
    ordered = sorted(found, key=lambda each: (not each.unhealthy, bool(each.endpoints), each.told))
    return [_cluster(each) for each in ordered]


def _cluster(it: Cluster) -> Sequence[Cell]:
    host, port = it.told
    failing, total = it.unhealthy, len(it.endpoints)
    health = Health.OK if total else Health.NONE
    if failing:
        health = Health.BAD if len(failing) == total else Health.WARN
    why = "; ".join(f"{each.address} {each.why}" for each in failing[:3])
    more = f" and {len(failing) - 3} more" if len(failing) > 3 else ""
    return mark(health), host, port, f"{total - len(failing)}/{total}", f"{why}{more}"


def _listeners(found: Sequence[Listener]) -> Sequence[Sequence[Cell]]:
    return [(each.name, ", ".join(each.addresses) or "internal") for each in found]


def _certificates(found: Sequence[Certificate], now: datetime) -> Sequence[Sequence[Cell]]:
    return [
        (
            "a CA that it trusts" if each.trusted else ", ".join(each.names) or "no name",
            _expires(each, now),
            each.serial,
        )
        for each in found
    ]


def _expires(it: Certificate, now: datetime) -> Cell:
    if it.not_after is None:
        return times.NONE
    if it.not_after <= now:
        return Span("✗ expired", Tone.BAD)
    return times.duration(it.not_after - now)
