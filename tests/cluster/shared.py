"""One real API server for a whole test run, started by the first test that wants it, in whichever process that is."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.cluster.real import Access

_ROOT = Path(__file__).parents[2]


class Run:
    """The test run as a whole: the process that pytest was started as. The server lives no longer than this does,
    even if this is killed, because its lock then goes."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="meshtui-tests-"))
        self._lock = (self.directory / "run").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def end(self) -> None:
        """Returns when the server has ended, if there was one."""
        self._lock.close()
        with (
            contextlib.suppress(FileNotFoundError),  # never started, or gone already
            (self.directory / "running").open() as running,
        ):
            fcntl.flock(running, fcntl.LOCK_EX)
        shutil.rmtree(self.directory, ignore_errors=True)


class Shared:
    """The server of a run, as one process of the run reaches it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._access: Access | None = None

    def access(self) -> Access:
        """Starts the server where nobody has yet. RuntimeError where it does not start, to everyone who asks."""
        if self._access is None:
            with (self._directory / "start").open("w") as turn:
                fcntl.flock(turn, fcntl.LOCK_EX)
                if not (self._directory / "keeper.log").exists():
                    self._start()
            if not (self._directory / "access.json").exists():
                said = (self._directory / "keeper.log").read_text()
                raise RuntimeError(f"the real API server did not start:\n{said}")
            self._access = Access.read(self._directory)
        return self._access

    def _start(self) -> None:
        """Returns when it is ready or has failed: it says so, or ends. Spawned, since a Popen
        wants to be waited for, and this process may end long before the server may."""
        log = os.open(self._directory / "keeper.log", os.O_WRONLY | os.O_CREAT, 0o600)
        reader, writer = os.pipe()
        os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "tests.cluster", "--for-run", str(self._directory)],
            os.environ | {"PYTHONPATH": str(_ROOT)},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, writer, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,
        )
        os.close(writer)
        os.close(log)
        with os.fdopen(reader) as said:
            said.readline()
