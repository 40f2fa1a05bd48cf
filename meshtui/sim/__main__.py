"""`python -m meshtui.sim --scene NAME`: the built-in cluster, until its standard input ends. See `process`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import sys
import threading

from meshtui.sim import scenes
from meshtui.sim.process import READY
from meshtui.sim.serve import serve


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m meshtui.sim", description=__doc__)
    parser.add_argument("--scene", default="shop", choices=scenes.names())
    parser.add_argument(
        "--pods", type=int, default=0, help="so many more, in namespaces of their own"
    )
    chosen = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        asyncio.run(_serve(chosen.scene, chosen.pods))
    return 0


async def _serve(scene: str, pods: int) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    threading.Thread(target=_wait_for_end, args=(loop, ended), daemon=True).start()
    cluster = scenes.load(scene, pods=pods)
    # What is there now stays; looking through it for garbage again and again takes most of a second.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    async with serve(cluster.store, cluster.kubelet, [cluster.run], name=f"demo-{scene}") as served:
        sys.stdout.write(f"{READY}{served.kubeconfig}\n")
        sys.stdout.flush()
        await ended.wait()


def _wait_for_end(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    """Sets `ended` at the end of the standard input. Reads without a lock that would hold up the interpreter's end."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    with contextlib.suppress(RuntimeError):  # the loop has ended by itself
        loop.call_soon_threadsafe(ended.set)


if __name__ == "__main__":
    sys.exit(main())
