"""The ends of logs: what a trace reads of them, again and again, and what of it fails."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from meshtui.kube import kubeconfig
from meshtui.kube.live import LiveSession
from meshtui.mesh.access import tails
from meshtui.mesh.kinds import POD
from meshtui.mesh.snapshot import Ref
from meshtui.settings import Settings
from tests.kube.eventually import snapshot_where
from tests.kube.scripted import QUICK, Scripted, status
from tests.kube.test_listening import A, path, refused

MINE = tails.of(Ref(POD, *A.split("/")))


async def test_a_wanted_log_is_read_to_its_end_again_and_again_until_it_may_not(
    scripted: Scripted, config: Path
) -> None:
    lines, queries = [refused(1), refused(2)[:90], "something else"], []

    async def log(request: web.Request) -> web.StreamResponse:
        queries.append(dict(request.query))
        return web.Response(text="".join(f"2026-11-26T01:00:00.5Z {each}\n" for each in lines))

    scripted.on(f"{path(A)}/log", log)
    settings = Settings(kubeconfig=(config,), request_timeout=2.0, sweep=False)
    async with LiveSession(kubeconfig.load(settings), "", settings, pace=QUICK) as session:
        session.want([], tails=[MINE])
        snapshots = session.snapshots()
        found = (await snapshot_where(snapshots, lambda it: MINE in it.tails)).tails[MINE]
        assert [told.line.source.workload for told in found.value.told] == ["storefront-1"]
        assert found.value.unread == 1
        asked = {"timestamps": "true", "container": "istio-proxy", "tailLines": "1000"}
        assert queries[0] == {**asked, "sinceSeconds": "600"}
        lines.append(refused(3))
        seen = await snapshot_where(snapshots, lambda it: len(it.tails[MINE].value.told) == 2)
        scripted.on(f"{path(A)}/log", status(403, "pods is forbidden"))
        seen = await snapshot_where(snapshots, lambda it: it.tails[MINE].problem is not None)
        assert len(seen.tails[MINE].value.told) == 2
        session.want([])
        await snapshot_where(snapshots, lambda it: not it.tails)
