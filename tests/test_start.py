"""What holds before the screen starts, by the terminal that it starts on."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import click
from meshtui import start

@click.group()
def meshtui(): pass

with click.Context(meshtui):
    found = start.settings({given})
print(found.theme_of("prod"), found.ascii)
"""


def started(given: str = "{}", **environment: str) -> str:
    """The theme and whether only ASCII is drawn, as a process on a terminal of its own finds them."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    ours, its = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", CODE.replace("{given}", given)],
            env={**kept, "MESHTUI_CONFIG_DIR": "/nonexistent", **environment},
            stdin=its,
            stdout=subprocess.PIPE,
            stderr=its,
            text=True,
            check=True,
        )
    finally:
        os.close(its)
        os.close(ours)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}, "False"),
        ({"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}, "False"),
        ({"TERM": "linux", "LC_ALL": "C.UTF-8"}, "ansi-dark False"),
        ({"TERM": "screen", "LC_ALL": "POSIX"}, "ansi-dark True"),
        ({"TERM": "xterm", "COLORTERM": "truecolor", "LC_ALL": "POSIX"}, "True"),
    ],
)
def test_a_terminal_gets_what_it_can_show(environment: dict[str, str], found: str) -> None:
    assert started(**environment) == found


def test_what_is_asked_for_outweighs_that() -> None:
    asked = '{"theme": "light", "ascii": False}'
    assert started(asked, TERM="linux", LC_ALL="POSIX") == "light False"


def test_themes_of_the_configuration_outweigh_neither_a_flag_nor_the_terminal(
    tmp_path: Path,
) -> None:
    (tmp_path / "config.toml").write_text(
        'theme = "light"\n[contexts.prod]\ntheme = "high-contrast"\n'
    )
    own = {"MESHTUI_CONFIG_DIR": str(tmp_path), "LC_ALL": "C.UTF-8"}
    assert started(TERM="linux", **own) == "ansi-dark False"
    flag = '{"theme": "tritanopia"}'
    assert started(flag, TERM="xterm-256color", **own) == "tritanopia False"
