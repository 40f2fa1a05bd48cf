"""A signal ends the program, also where its event loop waits for a thread that is gone."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

STUCK = """
import asyncio, queue, sys
from meshtui import endings

async def main():
    endings.install(asyncio.get_running_loop(), lambda status: None, patience=0.3)
    full = queue.Queue(1)
    full.put(1)
    print("stuck", flush=True)
    full.put(2)

asyncio.run(main())
"""
TURNING = """
import asyncio
from meshtui import endings

async def main():
    left = asyncio.get_running_loop().create_future()
    endings.install(asyncio.get_running_loop(), left.set_result)
    print("turning", flush=True)
    raise SystemExit(await left)

asyncio.run(main())
"""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("script", [STUCK, TURNING], ids=["stuck", "turning"])
def test_it_ends_with_the_status_that_a_shell_knows(script: str, ending: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(ending)
        assert process.wait(timeout=30) == 128 + ending
