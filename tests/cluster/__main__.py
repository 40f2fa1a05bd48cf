"""Run a real API server by hand: prints its kubeconfig and keeps it running until ctrl-c.

    python -m tests.cluster [--controllers] [--no-crds] [--directory DIR]

The test suite starts it with `--for-run DIR`. It then lives as long as another process holds a lock on DIR/run, so it
ends with the test run even if that is killed; as long as it runs it holds a lock on DIR/running itself.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import shutil
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
    parser.add_argument("--for-run", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if why := missing():
        print(why, file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if chosen.for_run:
        _for_run(chosen.for_run)
    elif chosen.directory:
        chosen.directory.mkdir(parents=True, exist_ok=True)
        _by_hand(chosen.directory, chosen.controllers, not chosen.no_crds)
    else:
        with tempfile.TemporaryDirectory(prefix="meshtui-cluster-") as scratch:
            _by_hand(Path(scratch), chosen.controllers, not chosen.no_crds)
    return 0


def _by_hand(directory: Path, controllers: bool, crds: bool) -> None:
    cluster = RealCluster(directory, controllers=controllers, crds=crds)
    try:
        asyncio.run(cluster.start())
        print(f"KUBECONFIG={cluster.access.admin}", flush=True)
        signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        cluster.end()


def _for_run(directory: Path) -> None:
    """Until whoever holds the lock lets go of it, by will or by its end."""
    with (directory / "running").open("w") as running, (directory / "run").open() as run:
        fcntl.flock(running, fcntl.LOCK_EX)
        cluster = RealCluster(directory)
        try:
            asyncio.run(cluster.start())
            print("ready", flush=True)
            fcntl.flock(run, fcntl.LOCK_SH)
        finally:
            cluster.end()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
