"""The log: what changed from one snapshot to the next, and nothing of what did not."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from meshtui.journal import changes
from meshtui.mesh.kinds import GATEWAY, POD
from meshtui.mesh.snapshot import (
    Answer,
    Phase,
    Probe,
    Problem,
    Scope,
    Server,
    Snapshot,
    Source,
    Trouble,
)

NOW = datetime(2026, 11, 25, 14, 2, tzinfo=UTC)
SERVER = Server(
    context="kind-kind",
    url="https://127.0.0.1:6443",
    user="admin",
    version="v1.36.3",
    answered=NOW,
)
PODS = Scope(POD, "shop", labels="app=ztunnel")
DUMP = Probe("istio-system", "ztunnel-x2j2k", 15000, "/config_dump", bytes.decode)
REFUSED = Problem(Trouble.REFUSED, "127.0.0.1:6443 refuses the connection", "Is it running?")
LIVE = Snapshot(NOW, SERVER, sources={PODS: Source(Phase.LIVE, 1200, NOW)})


def test_a_start_says_where_it_leads() -> None:
    assert list(changes(None, Snapshot(NOW, Server(context="kind-kind")))) == [
        "kind-kind: connecting"
    ]
    assert list(changes(None, LIVE)) == [
        "kind-kind: https://127.0.0.1:6443 answers, v1.36.3, as admin",
        "pods in shop where app=ztunnel: live, 1,200 objects",
    ]


def test_what_stays_as_it_is_is_not_told_again() -> None:
    later = replace(LIVE, sources={PODS: Source(Phase.LIVE, 1300, NOW)})
    assert list(changes(LIVE, later)) == []


def test_a_server_that_goes_away_and_comes_back_is_told_with_its_reason() -> None:
    stale = Source(Phase.STALE, 1200, NOW, REFUSED)
    gone = replace(LIVE, server=replace(SERVER, problem=REFUSED), sources={PODS: stale})
    words = "connection refused: 127.0.0.1:6443 refuses the connection"
    assert list(changes(LIVE, gone)) == [
        f"kind-kind: {words}",
        f"pods in shop where app=ztunnel: stale, 1,200 objects, {words}",
    ]
    assert len(list(changes(gone, LIVE))) == 2


def test_kinds_and_proxies_that_cannot_be_read() -> None:
    absent = Source(Phase.ABSENT, problem=Problem(Trouble.ABSENT, "no Gateway API"))
    refused = Answer(problem=Problem(Trouble.FORBIDDEN, "pods/portforward: create is missing"))
    now = replace(LIVE, sources={**LIVE.sources, Scope(GATEWAY): absent}, answers={DUMP: refused})
    where = "istio-system/ztunnel-x2j2k:15000/config_dump"
    assert list(changes(LIVE, now)) == [
        "gateways.gateway.networking.k8s.io: not installed, 0 objects, not installed: no Gateway API",
        f"{where}: forbidden: pods/portforward: create is missing",
    ]
    [line] = changes(now, replace(now, answers={DUMP: Answer("…", NOW)}))
    assert line == f"{where}: answers"
