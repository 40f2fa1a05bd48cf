"""Listening: what the access logs of all ztunnels tell is in the snapshots while that is wanted, whatever happens to
the streams; what was not heard is a gap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from meshtui.kube import kubeconfig
from meshtui.kube.live import LiveSession
from meshtui.mesh import denial_watch
from meshtui.mesh.access import reasons
from meshtui.mesh.denial_watch import Heard
from meshtui.mesh.kinds import POD
from meshtui.mesh.snapshot import Ref, Scope, Snapshot
from meshtui.settings import Settings
from tests.kube.eventually import snapshot_where, until
from tests.kube.scripted import QUICK, Scripted, Watched, answer, event, pod, status

PODS = "/api/v1/pods"
HOME = "istio-system"
A, B = (f"{HOME}/ztunnel-{name}" for name in "ab")


class Log:
    """A container's log, as a kubelet serves it: from a second on, and as it grows. A test may cut its streams."""

    def __init__(self) -> None:
        self.lines: list[tuple[datetime, str]] = []
        self.open = 0
        self.opened = 0
        self._grown = asyncio.Condition()
        self._cuts = 0

    async def write(self, *texts: str) -> None:
        async with self._grown:
            self.lines += [(datetime.now(UTC), text) for text in texts]
            self._grown.notify_all()

    async def cut(self) -> None:
        async with self._grown:
            self._cuts += 1
            self._grown.notify_all()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        response, cuts = web.StreamResponse(), self._cuts
        await response.prepare(request)
        self.open += 1
        self.opened += 1
        begin = _begin(request)
        given = sum(at < begin for at, _ in self.lines)
        try:
            while cuts == self._cuts:
                for at, text in self.lines[given:]:
                    await response.write(f"{at:%Y-%m-%dT%H:%M:%S.%f}000Z {text}\n".encode())
                given = len(self.lines)
                async with self._grown:
                    if given == len(self.lines) and cuts == self._cuts:
                        await self._grown.wait()
        finally:
            self.open -= 1
        return response


def _begin(request: web.Request) -> datetime:
    if since := request.query.get("sinceTime"):
        return datetime.fromisoformat(since)
    return datetime.now(UTC) - timedelta(seconds=int(request.query["sinceSeconds"]))


def line(side: str, error: str, *, number: int = 1) -> str:
    """As a ztunnel writes it (recording `shop`)."""
    return (
        f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}\terror\taccess\tconnection complete\t"
        f'src.addr=10.244.0.12:{1000 + number} src.workload="storefront-1" src.namespace="shop" '
        'src.identity="spiffe://cluster.local/ns/shop/sa/storefront" '
        "dst.addr=10.244.0.20:15008 dst.hbone_addr=10.244.0.20:8080 "
        'dst.workload="ledger-1" dst.namespace="payments" '
        'dst.identity="spiffe://cluster.local/ns/payments/sa/ledger" '
        f'direction="{side}" bytes_sent=0 bytes_recv=0 duration="0ms" error="{error}"'
    )


def refused(number: int = 1) -> str:
    words = "connection closed due to policy rejection: allow policies exist, but none allowed"
    return line("inbound", words, number=number)


def path(proxy: str) -> str:
    namespace, _, name = proxy.partition("/")
    return f"/api/v1/namespaces/{namespace}/pods/{name}"


def ztunnel(name: str, version: int = 1) -> dict[str, object]:
    return {
        **pod(f"ztunnel-{name}", version, HOME, app="ztunnel"),
        "spec": {"containers": [{"name": "istio-proxy"}]},
        "status": {"phase": "Running"},
    }


@pytest.fixture
def logs(scripted: Scripted) -> dict[str, Log]:
    """Of two ztunnels that are there."""
    found = {proxy: Log() for proxy in (A, B)}
    for proxy, log in found.items():
        scripted.on(f"{path(proxy)}/log", log)
        scripted.on(path(proxy), answer({"status": {"phase": "Running"}}))
    return found


@pytest.fixture
def pods(scripted: Scripted) -> Watched:
    found = Watched(ztunnel("a"), ztunnel("b"))
    scripted.on(PODS, found)
    return found


@asynccontextmanager
async def listening(
    config: Path, *, denials: bool = True
) -> AsyncIterator[tuple[LiveSession, AsyncIterator[Snapshot]]]:
    settings = Settings(kubeconfig=(config,), request_timeout=2.0, sweep=False)
    async with LiveSession(kubeconfig.load(settings), "", settings, pace=QUICK) as session:
        session.want([Scope(POD)], denials=denials)
        yield session, session.snapshots()


async def heard_where(snapshots: AsyncIterator[Snapshot], condition: object) -> Heard:
    assert callable(condition)
    seen = await snapshot_where(snapshots, lambda it: it.heard is not None and condition(it.heard))
    assert seen.heard is not None
    return seen.heard


def counts(heard: Heard) -> dict[str, int]:
    return {row.reason.code: row.count for row in heard.rows}


async def test_nothing_is_read_before_anybody_wants_to_know(
    scripted: Scripted, pods: Watched, logs: dict[str, Log], config: Path
) -> None:
    async with listening(config, denials=False) as (_, snapshots):
        seen = await snapshot_where(snapshots, lambda it: len(it.objects.get(POD, ())) == 2)
        assert seen.heard is None
        assert not scripted.asked(f"{path(A)}/log")


async def test_both_sides_of_a_refusal_are_one_row_with_what_each_has_written(
    pods: Watched, logs: dict[str, Log], config: Path
) -> None:
    inbound, outbound = refused(), line("outbound", "http status: 401 Unauthorized")
    await logs[A].write(inbound)
    async with listening(config) as (_, snapshots):
        await heard_where(snapshots, lambda it: counts(it) == {"no-allow": 1})
        await logs[B].write(outbound)
        heard = await heard_where(snapshots, lambda it: len(it.rows[0].samples[0].lines) == 2)
    (row,) = heard.rows
    assert (row.source, row.destination, row.port) == (
        "shop/storefront-1",
        "payments/ledger-1",
        "8080",
    )
    assert (row.reason, row.count) == (reasons.NO_ALLOW, 1)
    assert row.caller == Ref(POD, "shop", "storefront-1")
    assert row.ref == Ref(POD, "payments", "ledger-1")
    assert row.samples[0].lines == ((A, inbound), (B, outbound))
    assert denial_watch.following(heard) == "following 2 of 2 ztunnels"


async def test_a_stream_that_is_cut_goes_on_where_it_ended(
    pods: Watched, logs: dict[str, Log], config: Path
) -> None:
    async with listening(config) as (_, snapshots):
        await logs[A].write(refused(1))
        await heard_where(snapshots, lambda it: counts(it) == {"no-allow": 1})
        await logs[A].cut()
        heard = await heard_where(snapshots, lambda it: any(not gap.until for gap in it.gaps))
        (gap,) = heard.gaps
        assert (gap.proxy, gap.until) == (A, None)
        assert "the stream ended" in gap.why
        await logs[A].write(refused(2))
        heard = await heard_where(snapshots, lambda it: counts(it) == {"no-allow": 2})
        await logs[A].write(refused(3))
        heard = await heard_where(snapshots, lambda it: counts(it) == {"no-allow": 3})
        assert all(gap.until is not None for gap in heard.gaps)
        assert logs[A].opened == 2


async def test_while_the_api_server_is_away_there_is_a_gap(
    scripted: Scripted, pods: Watched, logs: dict[str, Log], config: Path
) -> None:
    async with listening(config) as (_, snapshots):
        await logs[A].write(refused(1))
        await heard_where(snapshots, lambda it: counts(it) == {"no-allow": 1})
        for proxy in (A, B):
            scripted.on(f"{path(proxy)}/log", status(500, "etcd is away"))
            scripted.on(path(proxy), status(500, "etcd is away"))
        await asyncio.gather(*(log.cut() for log in logs.values()))
        heard = await heard_where(snapshots, lambda it: {gap.proxy for gap in it.gaps} == {A, B})
        assert counts(heard) == {"no-allow": 1}, "what was known stays"
        await logs[A].write(refused(2))
        for proxy in (A, B):
            scripted.on(f"{path(proxy)}/log", logs[proxy])
        heard = await heard_where(snapshots, lambda it: counts(it) == {"no-allow": 2})
        assert {gap.proxy for gap in heard.gaps if gap.until is None} <= {B}, "which is quiet"


async def test_a_ztunnel_that_is_replaced_is_followed_by_the_next(
    scripted: Scripted, pods: Watched, logs: dict[str, Log], config: Path
) -> None:
    async with listening(config) as (_, snapshots):
        await logs[A].write(refused(1))
        await heard_where(snapshots, lambda it: counts(it) == {"no-allow": 1})
        new = Log()
        await new.write(refused(2))
        scripted.on(f"{path(f'{HOME}/ztunnel-c')}/log", new)
        scripted.on(path(A), status(404, "gone"))
        scripted.on(f"{path(A)}/log", status(404, "gone"))
        pods.send(event("DELETED", ztunnel("a", 2)) + event("ADDED", ztunnel("c", 3)))
        await logs[A].cut()
        heard = await heard_where(snapshots, lambda it: counts(it) == {"no-allow": 2})
        followed = {f"{HOME}/ztunnel-{name}" for name in "bc"}
        heard = await heard_where(
            snapshots,
            lambda it: (
                {ref.key for ref in it.followed} == followed
                and all(gap.until for gap in it.gaps if gap.proxy == A)
            ),
        )
        assert heard.problems == {}


async def test_who_may_not_read_logs_hears_which_right_is_missing_and_again_once_it_is_there(
    scripted: Scripted, pods: Watched, logs: dict[str, Log], config: Path
) -> None:
    review = {"status": {"allowed": False}}
    scripted.on("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", answer(review))
    for proxy in (A, B):
        scripted.on(f"{path(proxy)}/log", status(403, "forbidden"))
    async with listening(config) as (session, snapshots):
        heard = await heard_where(snapshots, lambda it: len(it.problems) == 2)
        assert {each.text for each in heard.problems.values()} == {
            "u may not get pods/log in istio-system"
        }
        assert heard.followed == frozenset()
        await logs[A].write(refused(1))
        scripted.on(f"{path(A)}/log", logs[A])
        session.refresh()
        heard = await heard_where(snapshots, lambda it: counts(it) == {"no-allow": 1})
        assert {ref.key for ref in heard.problems} == {B}


async def test_it_ends_a_while_after_nobody_wants_to_know_and_goes_on_where_it_ended(
    pods: Watched, logs: dict[str, Log], config: Path
) -> None:
    async with listening(config) as (session, snapshots):
        await logs[A].write(refused(1))
        await heard_where(snapshots, lambda it: counts(it) == {"no-allow": 1})
        session.want([Scope(POD)])
        await until(lambda: logs[A].open == logs[B].open == 0)
        await logs[A].write(refused(2))
        session.want([Scope(POD)], denials=True)
        heard = await heard_where(snapshots, lambda it: counts(it) == {"no-allow": 2})
        assert logs[A].opened == 2
        assert all(gap.until is None and gap.proxy == B for gap in heard.gaps)
