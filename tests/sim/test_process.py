"""The built-in cluster's process lives as long as the one that wanted it, and leaves nothing behind."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from meshtui.sim.process import NotStarted, running
from tests.cluster.kubeconfig import Api

PARENT = """
import sys
from meshtui.sim.process import running
with running("shop") as kubeconfig:
    print(kubeconfig, flush=True)
    sys.stdin.read()
"""


def eventually(true: Callable[[], bool], seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def children(pid: int) -> list[int]:
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in found.stdout.split()]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return bool(state.stdout.strip()) and not state.stdout.startswith("Z")


async def test_it_is_reached_by_its_kubeconfig_alone_and_goes_with_it() -> None:
    with running("shop") as kubeconfig:
        assert stat.S_IMODE(kubeconfig.stat().st_mode) == 0o600
        assert stat.S_IMODE(kubeconfig.parent.stat().st_mode) == 0o700
        async with Api.connected(kubeconfig) as api:
            assert (await api.get("/readyz")).body == "ok"
            namespaces = (await api.get("/api/v1/namespaces")).body["items"]
            assert "shop" in [item["metadata"]["name"] for item in namespaces]
    assert not kubeconfig.parent.exists()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_when_its_parent_is_killed(how: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    with parent.stdin, parent.stdout:
        kubeconfig = Path(parent.stdout.readline().strip())
        assert kubeconfig.exists()
        [child] = children(parent.pid)
        parent.send_signal(how)
        parent.wait()
        assert eventually(lambda: not alive(child)), "the cluster outlived its parent"
        assert eventually(lambda: not kubeconfig.parent.exists())


def test_it_ends_when_it_is_told_to() -> None:
    command = [sys.executable, "-m", "meshtui.sim", "--scene", "shop"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        kubeconfig = Path(process.stdout.readline().strip().removeprefix("KUBECONFIG="))
        process.terminate()
        assert process.wait(10) == 0
    assert not kubeconfig.parent.exists()


def test_what_does_not_start_says_why() -> None:
    with pytest.raises(NotStarted, match="invalid choice: 'nowhere'"), running("nowhere"):
        pass


def test_the_parents_side_loads_nothing_heavy() -> None:
    code = "import sys, meshtui.sim.process; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    heavy = {"aiohttp", "cryptography", "asyncio", "msgspec", "yaml"}
    assert heavy.isdisjoint(loaded.stdout.split())
