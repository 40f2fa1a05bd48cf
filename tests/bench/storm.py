"""A front of an API server that adds events to what the server tells of its pods, a thousand a second, in a process of
its own: no server on the same machine could change so many objects beside the program that is measured.

Everything else is passed on as it is. The events are of pods that are behind the first few hundred, so that no row in
view changes by itself and what is drawn after a key was drawn for it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count, cycle, islice
from pathlib import Path

from aiohttp import web

from tests.cluster.authority import LOOPBACK
from tests.cluster.kubeconfig import Api, Raw

RATE = 1_000
"""Events a second."""
_IN_VIEW = 300
_PASSED_ON = ("Accept", "Content-Type")
_TICK = 0.05


@dataclass(frozen=True, slots=True)
class Front:
    """Where it listens."""

    kubeconfig: Path
    url: str

    def sent(self) -> int:
        """How many events it has added so far."""
        with urllib.request.urlopen(f"{self.url}/sent") as answer:
            return int(answer.read())


@contextmanager
def front(behind: Path, scratch: Path) -> Iterator[Front]:
    """Runs it before the API server of a kubeconfig, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.storm", str(behind)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            yield Front(_kubeconfig(scratch / "storm.kubeconfig", url), url)
        finally:
            process.kill()


def _kubeconfig(path: Path, url: str) -> Path:
    named = {"cluster": "storm", "user": "storm"}
    config = {
        "current-context": "storm",
        "contexts": [{"name": "storm", "context": named}],
        "clusters": [{"name": "storm", "cluster": {"server": url}}],
        "users": [{"name": "storm", "user": {}}],
    }
    path.write_text(json.dumps(config))
    return path


class _Storm:
    """Passes requests on, and adds events to the watch of all pods."""

    def __init__(self, api: Api, pods: list[Raw], version: int) -> None:
        self._api = api
        self._events = _events(pods, version)
        self._sent = 0

    async def tell(self, _: web.Request) -> web.Response:
        return web.Response(text=str(self._sent))

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        async with self._api.http.request(
            request.method, request.path_qs, headers=headers, data=await request.read() or None
        ) as found:
            answer = web.StreamResponse(status=found.status)
            answer.content_type = found.content_type
            await answer.prepare(request)
            if _of_all_pods(request):
                async with self._blowing(answer):
                    async for line in found.content:  # whole ones: events must not be mixed
                        await answer.write(line)
            else:
                async for piece in found.content.iter_any():
                    await answer.write(piece)
            return answer

    @asynccontextmanager
    async def _blowing(self, answer: web.StreamResponse) -> AsyncIterator[None]:
        task = asyncio.create_task(self._blow(answer))
        try:
            yield
        finally:
            task.cancel()

    async def _blow(self, answer: web.StreamResponse) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await answer.write(b"".join(islice(self._events, int(RATE * _TICK))))
            self._sent += int(RATE * _TICK)
            due += _TICK
            await asyncio.sleep(max(0, due - loop.time()))


def _of_all_pods(request: web.Request) -> bool:
    """Whether it is a watch of all pods."""
    asked = request.query
    return request.path == "/api/v1/pods" and "watch" in asked and "labelSelector" not in asked


def _events(pods: list[Raw], version: int) -> Iterator[bytes]:
    """Each pod in turn restarts once more, and is newer than all before."""
    written = [json.dumps(_restarting(pod)).encode() for pod in pods]
    for number, pod in zip(count(version + 1), cycle(written), strict=False):
        yield (
            pod.replace(b'"VERSION"', b'"%d"' % number).replace(b'"RESTARTS"', b"%d" % number)
            + b"\n"
        )


def _restarting(pod: Raw) -> Raw:
    containers = [
        each | {"restartCount": "RESTARTS"} for each in pod["status"]["containerStatuses"]
    ]
    it = pod | {
        "metadata": pod["metadata"] | {"resourceVersion": "VERSION"},
        "status": pod["status"] | {"containerStatuses": containers},
    }
    return {"type": "MODIFIED", "object": it}


async def _serve(behind: Path) -> None:
    async with Api.connected(behind) as api:
        found = (await api.get("/api/v1/pods")).body
        items = sorted(found["items"], key=lambda pod: pod["metadata"]["namespace"])
        running = [pod for pod in items[_IN_VIEW:] if pod["status"].get("containerStatuses")]
        storm = _Storm(api, running, int(found["metadata"]["resourceVersion"]))
        del found, items
        app = web.Application(client_max_size=2**24)
        app.router.add_get("/sent", storm.tell)
        app.router.add_route("*", "/{path:.*}", storm.pass_on)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, LOOPBACK, 0).start()
        print(f"http://{LOOPBACK}:{runner.addresses[0][1]}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
