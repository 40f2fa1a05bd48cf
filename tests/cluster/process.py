"""Programs that the test cluster runs: each in a session of its own, ended by its own process id, output in a file."""

from __future__ import annotations

import random
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.authority import LOOPBACK

_GUARD = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()
"""Where Linux has it: a program also ends when whoever started it is killed."""


class Program:
    """A running program. A ctrl-c at the terminal does not reach it: whoever started it ends it."""

    def __init__(self, command: Sequence[str | Path], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*_GUARD, *(str(part) for part in command)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def ended(self) -> bool:
        return self._process.poll() is not None

    def last_words(self, lines: int = 15) -> str:
        """The end of its output, for the message of a failure."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def end(self) -> None:
        """At once: what it holds is thrown away anyhow."""
        self._process.kill()
        self._process.wait()


def free_port() -> int:
    """A port that nobody listens on, below those that outgoing connections are given, so that it stays free."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, port)) != 0:
                return port
