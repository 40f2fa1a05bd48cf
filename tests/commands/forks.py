"""`python -m tests.commands.forks`: has imported what the commands need, and runs each in a fork of itself: half of the
time of a short one goes into imports.

A line of JSON on standard input is an order; its exit status comes back as a line, once it has ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import meshtui.commands.certs
import meshtui.commands.denials
import meshtui.commands.doctor
import meshtui.commands.explain
import meshtui.commands.status
import meshtui.commands.verdict
import meshtui.kube.live  # noqa: F401 - all of these are for the forks
from meshtui.cli import main

LONGEST = 100
"""Seconds that a command may take."""


def run(order: dict[str, Any]) -> NoReturn:
    """Becomes `meshtui` with the words, the environment and the files of an order."""
    signal.alarm(LONGEST)
    os.environ.clear()
    os.environ.update(order["environment"])
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY
        os.dup2(os.open(Path(order["files"]) / name, flags), number)
        setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))
    sys.argv = ["meshtui", *order["words"]]
    main()
    raise AssertionError("it ends with a status")


if __name__ == "__main__":
    for line in sys.stdin:
        if (child := os.fork()) == 0:
            run(json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
