"""Log levels on the built-in cluster, through a port-forward as any: set, told in the audit, and set back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from meshtui.kube import audit, kubeconfig, levels
from meshtui.kube.audit import Audit
from meshtui.kube.levels import Leveled
from meshtui.kube.live import LiveSession
from meshtui.kube.road import State
from meshtui.mesh import log_levels, raw
from meshtui.mesh.kinds import POD
from meshtui.mesh.log_levels import PORT, QUESTION, LevelChange, Proxy
from meshtui.mesh.snapshot import Ref, Scope, Server
from meshtui.settings import Settings
from meshtui.sim.process import running
from tests.kube.eventually import snapshot_where

WHERE = Server(context="shop", url="https://shop.example")


@pytest.fixture(scope="module")
def shop() -> Iterator[Path]:
    with running("shop") as path:
        yield path


@pytest.fixture
async def session(shop: Path) -> AsyncIterator[LiveSession]:
    settings = Settings(kubeconfig=(shop,), sweep=False)
    async with LiveSession(kubeconfig.load(settings), "", settings) as opened:
        yield opened


async def pod(session: LiveSession, labels: str) -> raw.Raw:
    scope = Scope(POD, None, labels)
    session.want([scope])
    seen = await snapshot_where(
        session.snapshots(),
        lambda it: it.covering(POD, None, labels).complete and bool(it.raw(POD)),
    )
    return sorted(seen.raw(POD), key=raw.name)[0]


@pytest.mark.parametrize(
    ("proxy", "labels", "told"),
    [
        (Proxy.ZTUNNEL, "app=ztunnel", b"current log level is hickory_server::server=off,debug\n"),
        (Proxy.ENVOY, "gateway.istio.io/managed=istio.io-mesh-controller", b"  misc: debug\n"),
    ],
)
async def test_a_level_is_set_and_set_back_to_what_it_was(
    session: LiveSession, proxy: Proxy, labels: str, told: bytes, tmp_path: Path
) -> None:
    found = await pod(session, labels)
    target = Ref(POD, raw.namespace(found), raw.name(found))
    change = LevelChange(target=target, uid=raw.uid(found), proxy=proxy, level="debug")
    file = Audit(tmp_path / "audit.jsonl")
    before = await session.admin(target, PORT, QUESTION)
    assert told not in before

    async def made(change: LevelChange, undoes: str = "") -> Leveled:
        async def agreed(_: LevelChange) -> bool:
            return True

        return await levels.perform(
            change, session, agreed, file, server=WHERE, read_only=lambda: "", undoes=undoes
        )

    done = await made(change)
    assert (done.state, done.unaudited) == (State.APPLIED, "")
    assert told in await session.admin(target, PORT, QUESTION)
    [left] = log_levels.left(audit.read(file.path), WHERE)
    assert left.id == done.id
    assert (await made(left.change, done.id)).state is State.APPLIED
    assert await session.admin(target, PORT, QUESTION) == before
    assert log_levels.left(audit.read(file.path), WHERE) == []
    assert audit.verify(file.path).problems == ()


async def test_another_pod_of_that_name_keeps_its_level(
    session: LiveSession, tmp_path: Path
) -> None:
    found = await pod(session, "app=ztunnel")
    target = Ref(POD, raw.namespace(found), raw.name(found))
    change = LevelChange(target=target, uid="another", proxy=Proxy.ZTUNNEL, level="debug")

    async def never(_: LevelChange) -> bool:
        raise AssertionError("nobody is asked")

    file = Audit(tmp_path / "audit.jsonl")
    done = await levels.perform(change, session, never, file, server=WHERE, read_only=lambda: "")
    assert (done.state, done.gone) == (State.FAILED, True)
    assert b"debug" not in await session.admin(target, PORT, QUESTION)
