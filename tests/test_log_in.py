"""A log-in on the terminal: a plugin that asks gets it from the program, and gives it back."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from meshtui import places
from meshtui.places import Left
from meshtui.sim import process

QUESTION = "wants to ask on the terminal"


@dataclass
class Terminal:
    """The program on a terminal of its own: what it drew there, and hands at its keys."""

    ours: int
    its: int
    running: subprocess.Popen[bytes]
    drawn: bytes = field(default=b"", repr=False)

    def until(self, words: str) -> None:
        """Waits until these words were drawn, since the last that were waited for."""
        while words.encode() not in self.drawn:
            assert select.select([self.ours], [], [], 60)[0], (words, self.drawn)
            self.drawn += os.read(self.ours, 65536)
        self.drawn = self.drawn.partition(words.encode())[2]

    def press(self, keys: str) -> None:
        os.write(self.ours, keys.encode())

    def ends(self) -> int:
        """Its exit status, once it has ended."""
        while self.running.poll() is None:
            if select.select([self.ours], [], [], 0.05)[0]:
                self.drawn += os.read(self.ours, 65536)
        return self.running.returncode

    @property
    def flags(self) -> int:
        """Whether it echoes, waits for whole lines, and so on."""
        found: int = termios.tcgetattr(self.its)[3]
        return found


@contextmanager
def terminal(kubeconfig: Path) -> Iterator[Terminal]:
    ours, its = pty.openpty()
    running = subprocess.Popen(
        # the terminal becomes that of its session, so that ctrl-c on it is a signal to all there
        [
            *(sys.executable, "-c"),
            "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
            "from meshtui.cli import main; main()",
            *("--kubeconfig", str(kubeconfig), "--pane", "namespaces"),
        ],
        env={
            **os.environ,
            "TERM": "xterm-256color",
            "COLUMNS": "80",
            "LINES": "24",
            "XDG_STATE_HOME": str(kubeconfig.parent),
        },
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    try:
        yield Terminal(ours, its, running)
    finally:
        running.kill()
        running.wait()
        os.close(ours)
        os.close(its)


@pytest.fixture(scope="module")
def served() -> Iterator[Path]:
    with process.running("ghost") as kubeconfig:
        yield kubeconfig


@pytest.fixture
def asking(served: Path, tmp_path: Path) -> Path:
    """A kubeconfig whose token comes from a plugin that asks for a word on the terminal."""
    config = yaml.safe_load(served.read_text())
    token = config["users"][0]["user"].pop("token")
    kind = '"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"'
    plugin = tmp_path / "log-in"
    plugin.write_text(
        "#!/bin/sh\n"
        'printf "The word: " >&2; read word\n'
        '[ "$word" = mesh ] || { echo "That is not it." >&2; exit 3; }\n'
        f"""echo '{{{kind}, "status": {{"token": "{token}"}}}}'\n"""
    )
    plugin.chmod(0o700)
    config["users"][0]["user"]["exec"] = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": str(plugin),
        "interactiveMode": "Always",
    }
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config))
    return path


def test_the_word_is_typed_and_the_mesh_is_there(asking: Path) -> None:
    with terminal(asking) as at:
        cooked = at.flags
        at.until(QUESTION)
        assert at.flags != cooked
        at.press("\r")
        at.until("The word: ")
        assert at.flags == cooked
        at.press("wrong\n")
        at.until("That is not it.")
        at.until("failed with status 3")
        assert at.flags != cooked
        at.press("\x12")
        at.until(QUESTION)
        at.press("\r")
        at.until("The word: ")
        at.press("mesh\n")
        at.until("permissive")
        at.press(":q\r")
        assert at.ends() == 0
        assert at.flags == cooked
    left = places.load(asking.parent / "meshtui" / "places.json", "demo-ghost")
    assert left == Left("namespaces"), "where the next run begins"


def test_ctrl_c_ends_the_plugin_and_not_the_program(asking: Path) -> None:
    with terminal(asking) as at:
        cooked = at.flags
        at.until(QUESTION)
        at.press("\r")
        at.until("The word: ")
        at.press("\x03")
        at.until("ctrl-c ended")
        at.press(":q\r")
        assert at.ends() == 0
        assert at.flags == cooked


def test_a_signal_to_the_program_ends_both_and_leaves_the_terminal_as_it_was(asking: Path) -> None:
    with terminal(asking) as at:
        cooked = at.flags
        at.until(QUESTION)
        at.press("\r")
        at.until("The word: ")
        at.running.send_signal(signal.SIGTERM)
        assert at.ends() == 128 + signal.SIGTERM
        assert at.flags == cooked
        left, entered = at.drawn.rfind(b"\x1b[?1049l"), at.drawn.rfind(b"\x1b[?1049h")
        assert left > entered, "xterm's own screen again, not the alternate one"
