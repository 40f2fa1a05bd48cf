"""The doctor on a real kube-apiserver with 10,600 pods: in memory, and as a command. Run by hand, alone on a machine.

    python -m tests.bench.doctor --load load_mesh.py [--json FILE]      (or MESHTUI_LOAD_TOOL; it is not in here)

It builds nothing: run tests/cluster/build before. It prints, and writes as JSON:

    full          all rules over all objects, of which nothing was derived before, in milliseconds of CPU
    one_pod       the same once a pod changed: median and worst
    command       `meshtui doctor --no-evidence`: seconds and resident MiB, reading included
    evidence      `meshtui doctor`, which asks every ztunnel too
    istioctl      `istioctl analyze -A` beside it, where that is installed
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from meshtui.commands import whole
from meshtui.commands.whole import Asked
from meshtui.mesh import certificates, scopes
from meshtui.mesh.doctor import rows
from meshtui.mesh.kinds import POD
from meshtui.mesh.memo import Memo
from meshtui.mesh.snapshot import Snapshot
from meshtui.settings import Settings
from tests.bench.__main__ import lead_home, ztunnels
from tests.cluster.kubeconfig import Api
from tests.cluster.real import RealCluster, missing

Figures = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.doctor",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--load", type=Path, default=os.environ.get("MESHTUI_LOAD_TOOL"))
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--namespaces", type=int, default=300)
    parser.add_argument("--nodes", type=int, default=300)
    parser.add_argument("--json", type=Path, help="write the figures there too")
    chosen = parser.parse_args()
    if chosen.load is None:
        parser.error("name the load tool with --load or MESHTUI_LOAD_TOOL")
    if why := missing():
        parser.error(why)
    with tempfile.TemporaryDirectory(prefix="meshtui-bench-") as scratch:
        text = json.dumps(asyncio.run(_bench(Path(scratch), chosen)), indent=2)
    print(text)
    if chosen.json:
        chosen.json.write_text(text + "\n")
    return 0


async def _bench(scratch: Path, chosen: argparse.Namespace) -> Figures:
    async with RealCluster(scratch) as access:
        sizes = [f"--{name}={getattr(chosen, name)}" for name in ("pods", "namespaces", "nodes")]
        command = [sys.executable, str(chosen.load), "--kubeconfig", str(access.admin), *sizes]
        await asyncio.to_thread(subprocess.run, command, check=True, stdout=subprocess.DEVNULL)
        async with Api.connected(access.admin) as api:
            await lead_home(api, access)
        snapshot = await whole.cluster(Settings(kubeconfig=(access.admin,), sweep=False), _asked)
        doctor = [str(Path(sys.executable).with_name("meshtui")), "doctor", "-o", "json"]
        istioctl = shutil.which("istioctl")
        figures: Figures = {
            "python": sys.version.split()[0],
            "load_average_before": os.getloadavg()[0],
            "pods": len(snapshot.objects[POD]),
            **_in_memory(snapshot),
            "command": await _run([*doctor, "--no-evidence"], access.admin),
        }
        with ztunnels(access):
            figures["evidence"] = await _run(doctor, access.admin)
        if istioctl:
            figures["istioctl"] = await _run([istioctl, "analyze", "-A"], access.admin)
        return figures


def _asked(namespaces: Sequence[str]) -> Asked:
    needs = [*certificates.KINDS, *rows.KINDS]
    return Asked(scopes.of(needs, namespaces), lambda snapshot: (), certificates.refs)


def _in_memory(snapshot: Snapshot, times: int = 20) -> Figures:
    """Milliseconds of CPU, with the collector as the program has it."""
    gc.set_threshold(50_000, 20, 100)
    fresh = replace(snapshot, memo=Memo())
    full = _took(fresh)
    took = []
    for turn in range(times):
        every = fresh.objects[POD]
        key = list(every)[turn * len(every) // times]
        touched = {**every, key: {**every[key], "touched": turn}}
        fresh = replace(fresh, objects={**fresh.objects, POD: touched})
        took.append(_took(fresh))
    return {
        "full": round(full),
        "one_pod": {"median": round(statistics.median(took)), "worst": round(max(took))},
    }


def _took(snapshot: Snapshot) -> float:
    began = time.thread_time()
    rows.examined(snapshot)
    return 1000 * (time.thread_time() - began)


async def _run(command: Sequence[str], kubeconfig: Path) -> Figures:
    """One run of a program; the size is the largest of all children so far."""
    began = time.monotonic()
    environ = os.environ | {"KUBECONFIG": str(kubeconfig)}
    await asyncio.to_thread(
        subprocess.run, command, env=environ, stdout=subprocess.DEVNULL, check=False
    )
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"seconds": round(time.monotonic() - began, 2), "resident_mib_at_most": round(largest)}


if __name__ == "__main__":
    sys.exit(main())
