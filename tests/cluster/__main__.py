"""Run a real API server by hand: prints its kubeconfig and keeps it running until ctrl-c, or until nobody needs it.

    python -m tests.cluster [--controllers] [--no-crds] [--directory DIR]

The test suite starts it with `--while-locked FILE`: it lives as long as another process holds a lock on that file, so
it ends with the test run even if that is killed. As long as it runs it holds a lock on DIR/running itself.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import signal
import sys
import tempfile
from pathlib import Path

from tests.cluster.real import RealCluster, missing


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster")
    parser.add_argument("--directory", type=Path, help="keep everything here (default: a new one)")
    parser.add_argument("--controllers", action="store_true", help="controllers and scheduler too")
    parser.add_argument("--no-crds", action="store_true", help="without Istio and Gateway API")
    parser.add_argument(
        "--while-locked", type=Path, metavar="FILE", help="live as long as its lock"
    )
    chosen = parser.parse_args()
    if why := missing():
        print(why, file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="meshtui-cluster-") as scratch:
        directory = chosen.directory or Path(scratch)
        directory.mkdir(parents=True, exist_ok=True)
        running = (directory / "running").open("w")
        fcntl.flock(running, fcntl.LOCK_EX)
        cluster = RealCluster(directory, controllers=chosen.controllers, crds=not chosen.no_crds)
        try:
            asyncio.run(cluster.start())
            print(f"KUBECONFIG={cluster.access.admin}", flush=True)
            _wait(chosen.while_locked)
        except KeyboardInterrupt:
            pass
        finally:
            cluster.end()
            running.close()
    return 0


def _wait(locked: Path | None) -> None:
    """Until whoever holds the lock lets go of it, by will or by its end; without a file, for ever."""
    if locked is None:
        signal.pause()
    else:
        with locked.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH)


if __name__ == "__main__":
    sys.exit(main())
