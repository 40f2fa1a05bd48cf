"""How much following access logs takes, from the API server's streams to the rows of the screen. Run by hand, alone on
a machine.

    python -m tests.bench.followed_logs [--seconds N] [--ztunnels N] [--json FILE]

A server in a process of its own has the logs of so many ztunnels (20), which together write 5,000 lines a second: those
of the recorded mesh, as in `access_lines`. A session follows them for so many seconds. It prints, and writes as JSON:

    following          how many logs at once, at the end

    lines_per_second   what came
    share_of_a_core    what this process took meanwhile
    memory_mib         by how much it has grown at its largest
    turn_milliseconds  the longest that its event loop worked without a turn for others
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from aiohttp import web

from meshtui.kube import kubeconfig
from meshtui.kube.live import LiveSession
from meshtui.mesh.denial_watch import following
from meshtui.mesh.kinds import POD
from meshtui.mesh.snapshot import Scope
from meshtui.settings import Settings
from tests.bench.access_lines import ASKED, lines, peak
from tests.kube import configs
from tests.kube.scripted import Scripted, Watched, answer, pod, serving

_TICK = 0.1


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.followed_logs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--ztunnels", type=int, default=20)
    parser.add_argument("--json", type=Path, help="write the figures there too")
    chosen = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    held, given = context.Pipe()
    server = context.Process(target=_serve, args=(given, chosen.ztunnels), daemon=True)
    server.start()
    try:
        text = json.dumps(asyncio.run(_bench(held.recv(), chosen.seconds)), indent=2)
    finally:
        server.kill()
        server.join()
    print(text)
    if chosen.json:
        chosen.json.write_text(text + "\n")
    return 0


async def _bench(url: str, seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        config = configs.write(Path(scratch) / "config", url)
        settings = Settings(kubeconfig=(config,), sweep=False)
        before = peak()
        async with LiveSession(kubeconfig.load(settings), "", settings) as session:
            session.want([Scope(POD)], denials=True)
            snapshots = session.snapshots()
            async for snapshot in snapshots:
                if snapshot.heard is not None and snapshot.heard.counts.access:
                    break
            turns: list[float] = []
            waking = asyncio.create_task(_wake(turns))
            began, worked = time.perf_counter(), time.process_time()
            first = last = snapshot.heard.counts.access if snapshot.heard else 0
            async with asyncio.timeout(seconds + 30):
                async for snapshot in snapshots:
                    passed = time.perf_counter() - began
                    last = snapshot.heard.counts.access if snapshot.heard else 0
                    if passed > seconds:
                        break
            worked = time.process_time() - worked
            waking.cancel()
            return {
                "seconds": round(passed, 1),
                "following": following(snapshot.heard) if snapshot.heard else "",
                "gaps": len(snapshot.heard.gaps) if snapshot.heard else 0,
                "rows": len(snapshot.heard.rows) if snapshot.heard else 0,
                "unread": snapshot.heard.counts.unread if snapshot.heard else 0,
                "lines_per_second": round((last - first) / passed),
                "share_of_a_core": round(worked / passed, 3),
                "memory_mib": round((peak() - before) / 1024, 1),
                "turn_milliseconds": round(max(turns) * 1000, 1),
            }


async def _wake(longest: list[float]) -> None:
    """Finds out how long the event loop works without a turn for others."""
    while True:
        began = time.process_time()
        await asyncio.sleep(0)
        longest.append(time.process_time() - began)
        await asyncio.sleep(0.001)


def _serve(given: Any, ztunnels: int) -> None:
    asyncio.run(_served(given, ztunnels))


async def _served(given: Any, ztunnels: int) -> None:
    async with serving() as server:
        pods = [
            {
                **pod(f"ztunnel-{number}", 1, "istio-system", app="ztunnel"),
                "status": {"phase": "Running"},
            }
            for number in range(ztunnels)
        ]
        server.on("/api/v1/pods", Watched(*pods))
        every = lines()
        for it in pods:
            _log(server, it["metadata"]["name"], every, ASKED // ztunnels)
        given.send(server.url)
        await asyncio.Event().wait()


def _log(server: Scripted, name: str, every: Iterator[Any], rate: int) -> None:
    path = f"/api/v1/namespaces/istio-system/pods/{name}"
    server.on(path, answer({"status": {"phase": "Running"}}))

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        share = max(1, int(rate * _TICK))
        due = time.perf_counter()
        while True:
            now = datetime.now(UTC)
            stamp = f"{now:%Y-%m-%dT%H:%M:%S.%f}000Z"
            text = "".join(f"{stamp} {line.text}\n" for _, line in islice(every, share))
            await response.write(text.encode())
            due += _TICK
            await asyncio.sleep(max(0.0, due - time.perf_counter()))

    server.on(f"{path}/log", handle)


if __name__ == "__main__":
    raise SystemExit(main())
