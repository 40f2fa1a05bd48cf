"""A program in a terminal of its own: what it writes is stamped as it comes, keys are sent, its cost is read."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import queue
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.bench.screen import Screen

_TICK = os.sysconf("SC_CLK_TCK")


def environment(scratch: Path) -> dict[str, str]:
    """The environment of a program in a terminal, whose own files are in a folder of the measurement's."""
    return os.environ | {
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "XDG_CONFIG_HOME": str(scratch),
        "XDG_STATE_HOME": str(scratch),
    }


def compiled() -> None:
    """Compiles the program to bytecode, as its installation does, and a checkout does only as it is used: a third of
    a second of each start otherwise, where nothing may be written beside the sources."""
    package = str(Path(__file__).parents[2] / "meshtui")
    subprocess.run([sys.executable, "-m", "compileall", "-q", package], check=False)


class Terminal:
    """Use it by `with`: the program is ended, by its own process id, when the block is left."""

    def __init__(
        self, command: Sequence[str], environ: Mapping[str, str], width: int = 160, height: int = 48
    ) -> None:
        self.screen = Screen(width, height)
        self._command, self._environ = list(command), dict(environ)
        self._written: queue.Queue[tuple[float, bytes]] = queue.Queue()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.started = 0.0

    def __enter__(self) -> Self:
        ours, theirs = pty.openpty()
        size = struct.pack("HHHH", self.screen.height, self.screen.width, 0, 0)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
        self.started = time.monotonic()
        self._process = subprocess.Popen(
            self._command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,  # where Textual draws
            env=self._environ,
            start_new_session=True,
            preexec_fn=_control_it,
        )
        os.close(theirs)
        self._terminal = ours
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._terminal)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._terminal, 65536)
            except OSError:  # the program has ended
                return
            self._written.put((time.monotonic(), data))

    def press(self, keys: str) -> float:
        """Sends keys; gives the time when they were sent."""
        at = time.monotonic()
        os.write(self._terminal, keys.encode())
        return at

    def output(self, seconds: float) -> float | None:
        """The time when it next writes something; None where it does not within so many seconds."""
        try:
            at, data = self._written.get(timeout=seconds)
        except queue.Empty:
            return None
        self.screen.feed(self._decoder.decode(data))
        return at

    def until(self, condition: Callable[[Screen], bool], seconds: float) -> float:
        """The time of the output after which the screen is so. TimeoutError with the screen where it never is."""
        deadline = time.monotonic() + seconds
        at = time.monotonic()
        while not condition(self.screen):
            came = self.output(max(deadline - time.monotonic(), 0))
            if came is None:
                raise TimeoutError(f"not so within {seconds} s:\n{self.screen.text}")
            at = came
        return at

    def quiet(self, seconds: float, most: float = 10) -> None:
        """Returns when nothing was written for so long, or after `most` seconds: a clock may tick."""
        deadline = time.monotonic() + most
        while time.monotonic() < deadline and self.output(seconds) is not None:
            pass

    def ended(self, seconds: float) -> float:
        """The time when the program ended. TimeoutExpired where it does not within so many seconds."""
        self._process.wait(seconds)
        return time.monotonic()

    def cpu(self) -> float:
        """Seconds of processor that the program and its children have used."""
        return sum(_cpu(pid) for pid in self._family())

    def memory(self) -> dict[str, int]:
        """Resident bytes: of the program, of its children together, and the most that the program ever had."""
        own, *children = self._family()
        return {
            "program": _status(own, "VmRSS"),
            "children": sum(_status(pid, "VmRSS") for pid in children),
            "peak": _status(own, "VmHWM"),
        }

    def _family(self) -> list[int]:
        return list(_descendants(self._process.pid))


def _control_it() -> None:
    """In the new process: its terminal is the one that controls it, which k9s opens as /dev/tty."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _descendants(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _descendants(int(child))


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0
