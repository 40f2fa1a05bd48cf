"""Evidence in words: what several panes say alike of the links of a pod, of how many are captured, of the mTLS mode in
force, and of access logs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from meshtui.mesh.access import switches
from meshtui.mesh.enrollment import Link
from meshtui.mesh.health import Health
from meshtui.mesh.namespaces import Captured
from meshtui.mesh.peer_authentication import Mtls
from meshtui.mesh.pods import Pod
from meshtui.mesh.snapshot import Snapshot
from meshtui.ui import times
from meshtui.ui.bars import coverage
from meshtui.ui.detail import Fact
from meshtui.ui.spans import Cell, Span, Tone, mark, tone


def link(found: Link, now: datetime) -> Fact:
    """One link of the chain, with the age of what says so."""
    when = f" ({times.age(found.at, now)} ago)" if found.at is not None else ""
    words = (mark(found.health), Span(f" {found.text}"), Span(when, Tone.MUTED))
    return Fact(found.title, words)


def mtls_words(mtls: Mtls) -> str:
    """The mode in force, and what decides it."""
    mode = mtls.mode.value
    if mtls.reason:
        return f"{mode}: {mtls.reason}"
    by = f"by PeerAuthentication {mtls.decided_by}" if mtls.decided_by else "Istio's default"
    ports = ", ".join(f"{port} {each.value}" for port, each in mtls.ports.items())
    return f"{mode}, {by}" + (f"; port {ports}" if ports else "")


def access_log(snapshot: Snapshot, proxies: Sequence[Pod]) -> Iterator[Fact]:
    """Whether proxies write what they let through and refuse, and who decides it; nothing where there are none."""
    keys = {pod.key for pod in proxies}
    found = {(each.state, each.says): each for each in switches.of(snapshot) if each.key in keys}
    for state, says in found:
        yield Fact("access log", (mark(state.health), Span(f" {state.word}: {says}")))


def captured(pods: Captured, *, drawn: bool = True) -> Cell:
    """How many of the pods that are wanted in the mesh are in it, and how many are not, or may not be; with a bar where
    it is to be drawn."""
    if not pods.desired:
        return Span("–", Tone.MUTED)
    share = pods.captured / pods.desired
    health = Health.BAD if pods.failing else Health.UNKNOWN if pods.unknown else Health.OK
    colour = Tone.MUTED if health is Health.OK else tone(health)
    counts = Span(f"{pods.captured}/{pods.desired}")
    line = (*coverage(share, colour), Span(" "), counts) if drawn else (counts,)
    if health is Health.OK:
        return line
    return (*line, Span(f" {health.mark} {pods.failing or pods.unknown}", colour))
