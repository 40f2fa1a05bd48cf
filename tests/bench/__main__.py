"""MeshTUI on a real kube-apiserver with 10,600 pods: how fast, how large, how busy. Run by hand, alone on a machine.

    python -m tests.bench --load load_mesh.py [--json FILE]      (or MESHTUI_LOAD_TOOL; it is not in this repository)

Builds nothing: run tests/cluster/build before. It starts an API server, has the load tool fill it (over a minute),
stands in for its ztunnels, and runs the program in a terminal of 160x48, twice: as it is, and with `--no-sweep`, which
compares with programs that do not read proxies. Everything it prints it also writes as JSON.

    starts          of five starts, each right after a floor of its own: the medians, and all of them
    floor           all pods in pages of 500, read with aiohttp and msgspec and nothing else
    kubectl, k9s    the same of those, where they are installed: see tests/bench/peers.py
    first_paint     from the start of the process to the first character on screen, in seconds
    first_rows      ... to the first pods in the Workloads pane
    all_rows        ... to a list that says it is complete and live
    key             from a key to the first change on screen, in milliseconds: median and worst
    change          from a PATCH of a pod to its new value on screen, in seconds: median and worst
    idle_cpu        percent of one core while nothing happens, over a minute; it hangs on `waking`
    filter          from the last character of a filter to the rows that it keeps, in milliseconds: median and worst
    sort            from a key that sorts all rows to the rows in their order, in milliseconds: median and worst
    switch          from tab to the other pane, in milliseconds: median and worst
    memory          resident MiB: program, children (there should be none), and the program's peak
    quit            from `:q` to the end of the process, in seconds
    storm           1,000 watch events a second for a minute, without the sweep: how many came, keys, percent of a core
    busy_before     of one core, by all of the machine, before each run: it is waited for until that is little
    waking          milliseconds to look at 10,000 objects of this machine's memory, at once and after ten seconds

How it grows with the pods of a cluster: python -m tests.bench.growth
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests.bench import measures, peers, storm
from tests.bench.calm import until_calm, waking
from tests.bench.measures import Figures
from tests.bench.terminal import Terminal, compiled, environment
from tests.cluster.kubeconfig import Api
from tests.cluster.real import Access, RealCluster, kubelet_of, missing

ROOT = Path(__file__).parents[2]
TOUCHED = ("istio-system", "istio-cni-node-00000")
"""The pod that is first in the Workloads pane, so that its row is in view."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--load", type=Path, default=os.environ.get("MESHTUI_LOAD_TOOL"))
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--namespaces", type=int, default=300)
    parser.add_argument("--nodes", type=int, default=300)
    parser.add_argument("--idle", type=float, default=60, help="seconds to watch it do nothing")
    parser.add_argument("--storm", type=float, default=60, help="seconds of 1,000 events each")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    chosen = parser.parse_args()
    if chosen.load is None:
        parser.error("name the load tool with --load or MESHTUI_LOAD_TOOL")
    if why := missing():
        parser.error(why)
    compiled()
    with tempfile.TemporaryDirectory(prefix="meshtui-bench-") as scratch:
        figures = asyncio.run(_bench(Path(scratch), chosen))
    text = json.dumps(figures, indent=2)
    print(text)
    if chosen.json:
        chosen.json.write_text(text + "\n")
    return 0


async def _bench(scratch: Path, chosen: argparse.Namespace) -> Figures:
    directory = scratch / "cluster"
    directory.mkdir()
    async with RealCluster(directory) as access:
        began = time.monotonic()
        sizes = [f"--{name}={getattr(chosen, name)}" for name in ("pods", "namespaces", "nodes")]
        command = [sys.executable, str(chosen.load), "--kubeconfig", str(access.admin), *sizes]
        await asyncio.to_thread(subprocess.run, command, check=True, stdout=subprocess.DEVNULL)
        filled = time.monotonic() - began
        async with Api.connected(access.admin) as api:
            await lead_home(api, access)
            figures: Figures = {
                "python": sys.version.split()[0],
                "fill_seconds": round(filled, 1),
            }
            with ztunnels(access):
                for name, flags in (("no_sweep", ["--no-sweep"]), ("default", [])):
                    figures[name] = {"busy_before": await asyncio.to_thread(until_calm)}
                    figures[name] |= {"starts": await _starts(api, access, scratch, flags)}
                    figures[name] |= {"waking": await asyncio.to_thread(waking)}
                    figures[name] |= await _program(api, access, scratch, flags, chosen.idle)
            pods = figures["default"]["starts"]["pods"]
            figures["kubectl"] = peers.kubectl(access.admin)
            figures["k9s"] = await _peer(api, access, scratch, pods, chosen.idle)
            with storm.front(access.admin, scratch) as ahead:
                figures["storm"] = _stormy(ahead, scratch, chosen.storm)
    return figures


async def lead_home(api: Api, access: Access) -> None:
    """Makes kwok the kubelet of the nodes that the load tool made."""
    nodes = (await api.get("/api/v1/nodes")).body["items"]
    for node in nodes:
        path = f"/api/v1/nodes/{node['metadata']['name']}/status"
        await api.patch(path, {"status": kubelet_of(access)})


async def _starts(
    api: Api, access: Access, scratch: Path, flags: list[str], times: int = 5
) -> Figures:
    """How it starts, beside the floor, and all rows as a multiple of it."""
    found = []
    for _ in range(times):
        pods, floor = await _floor(api)
        with _started(access.admin, scratch, flags) as terminal:
            figures = measures.start(terminal)
            terminal.quiet(0.5, most=5)
            measures.quits(terminal)
        found.append({"floor": floor, **figures, "ratio": round(figures["all_rows"] / floor, 2)})
    medians = {name: statistics.median(each[name] for each in found) for name in found[0]}
    return {"pods": pods, **medians, "each": found}


async def _floor(api: Api) -> tuple[int, float]:
    """How many pods there are, and the seconds of the fastest way to have them all in this language."""
    decoder = msgspec.json.Decoder()
    count, token = 0, ""
    began = time.monotonic()
    while True:
        query = {"limit": "500"} | ({"continue": token} if token else {})
        async with api.http.get("/api/v1/pods", params=query) as answer:
            page = decoder.decode(await answer.read())
        count += len(page["items"])
        token = page["metadata"].get("continue", "")
        if not token:
            break
    return count, round(time.monotonic() - began, 3)


@contextmanager
def ztunnels(access: Access) -> Iterator[None]:
    """Ztunnels that answer, in a process of their own."""
    command = [sys.executable, "-m", "tests.bench.ztunnels", str(access.admin)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            process.stdout.readline()
            yield
        finally:
            process.kill()


async def _program(
    api: Api, access: Access, scratch: Path, flags: list[str], idle: float
) -> Figures:
    """One run of the program: every other figure of it."""
    with _started(access.admin, scratch, flags) as terminal:
        figures: Figures = {}
        measures.start(terminal)
        terminal.quiet(0.5, most=5)
        figures["change"] = await _changes(api, terminal, TOUCHED)
        figures["key"] = {
            "down": measures.keys(terminal, ["j"] * 40),
            "page": measures.keys(terminal, ["\x1b[6~"] * 10 + ["\x1b[5~"] * 10),
        }
        terminal.quiet(0.5, most=5)
        figures["idle_cpu"] = measures.idle(terminal, idle)
        figures["filter"] = measures.filters(terminal, "istio-cni")
        figures["sort"] = measures.sorts(terminal)
        figures["switch"] = measures.switches(terminal)
        figures["memory"] = measures.memory(terminal)
        figures["quit"] = measures.quits(terminal)
    return figures


async def _peer(api: Api, access: Access, scratch: Path, pods: int, idle: float) -> Figures:
    """One run of k9s; {} where it is not installed."""
    started = peers.k9s(access.admin, scratch)
    if started is None:
        return {}
    with started as terminal:
        figures = peers.start(terminal, pods)
        figures["idle_cpu"] = measures.idle(terminal, idle)  # meanwhile it puts them in order
        figures["change"] = await _changes(api, terminal, peers.first(terminal.screen))
        figures["key"] = {"down": measures.keys(terminal, ["j"] * 40)}
        figures["memory"] = measures.memory(terminal)
        figures["quit"] = peers.quits(terminal)
    return figures


def _started(kubeconfig: Path, scratch: Path, flags: list[str]) -> Terminal:
    meshtui = Path(sys.executable).with_name("meshtui")
    command = [str(meshtui), "--kubeconfig", str(kubeconfig), "--pane", "workloads", *flags]
    own = tempfile.mkdtemp(dir=scratch)  # how one run sorts is kept for the next one
    return Terminal(command, environment(Path(own)))


def _stormy(ahead: storm.Front, scratch: Path, seconds: float) -> Figures:
    """One run behind a front that adds events."""
    with _started(ahead.kubeconfig, scratch, ["--no-sweep"]) as terminal:
        measures.start(terminal)
        terminal.quiet(0.5, most=5)
        sent, began, used = ahead.sent(), time.monotonic(), terminal.cpu()
        pressed = measures.keys_for(terminal, seconds)
        took = time.monotonic() - began
        return {
            "events_per_second": round((ahead.sent() - sent) / took),
            "key": pressed,
            "cpu": round(100 * (terminal.cpu() - used) / took, 1),
            "memory": measures.memory(terminal),
        }


async def _changes(api: Api, terminal: Terminal, pod: tuple[str, str], count: int = 10) -> Figures:
    """A pod in view restarts: seconds from the request to its new number of restarts on screen."""
    namespace, name = pod
    path = f"/api/v1/namespaces/{namespace}/pods/{name}"
    status = (await api.get(path)).body["status"]["containerStatuses"][0]
    took = []
    for restarts in range(1001, 1001 + count):
        began = time.monotonic()
        await api.patch(
            f"{path}/status",
            {"status": {"containerStatuses": [status | {"restartCount": restarts}]}},
        )
        seen = terminal.until(lambda screen: str(restarts) in screen.text, 30)  # noqa: B023
        took.append(seen - began)
        terminal.quiet(0.3, most=2)
    return {"median": round(statistics.median(took), 3), "worst": round(max(took), 3)}


if __name__ == "__main__":
    sys.exit(main())
