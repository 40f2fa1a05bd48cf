#!/usr/bin/env python3
"""The gate: everything that a change must pass, in this environment, one step after the other.

    python tests/gate.py              all steps; what README.md and .ci/run call
    python tests/gate.py types tests  some of them

A step that fails ends the run with its own output and exit status 1.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

_WORKERS = str((os.cpu_count() or 1) + 2)
"""More than there are cores: many tests wait for what a cluster does."""


class Failed(Exception):  # noqa: N818 - reads as what it is
    """What is wrong, in words."""


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a command with its output on ours."""
    done = subprocess.run(command, cwd=cwd, check=False)
    if done.returncode:
        words = " ".join(str(word) for word in command)
        raise Failed(f"exit status {done.returncode} of: {words}")


def module(*words: str | Path) -> Callable[[], None]:
    """A step that runs a module of this environment."""
    return lambda: run(sys.executable, "-m", *words)


def imports() -> None:
    run(Path(sys.executable).with_name("lint-imports"))


def tests() -> None:
    """Compiled first, as in an installation: where no bytecode may be written, every process that a test starts would
    compile what it imports, for longer than most of them run."""
    run(sys.executable, "-m", "compileall", "-q", "meshtui")
    run(sys.executable, "-m", "pytest", "-n", _WORKERS, "-q", "-rs")


def package() -> None:
    """Build the sdist, the wheel from it, and use the wheel in an environment of its own, away from the checkout."""
    with tempfile.TemporaryDirectory(prefix="meshtui-package-") as name:
        directory = Path(name)
        run(sys.executable, "-m", "build", "--outdir", directory / "dist", ROOT)
        [wheel] = (directory / "dist").glob("*.whl")
        complete(wheel)
        run(sys.executable, "-m", "venv", directory / "venv")
        python = directory / "venv" / "bin" / "python"
        run(python, "-m", "pip", "install", "--quiet", wheel)
        run(python.with_name("meshtui"), "--version", cwd=directory)
        run(python.with_name("meshtui"), "demo", "--list", cwd=directory)
        run(python, "-c", _SCREEN, cwd=directory)


_SCREEN = "import meshtui.app; from meshtui.ui.styles import STYLESHEETS; assert STYLESHEETS"
"""What the screen needs is there: its libraries, its modules, its stylesheets."""


def complete(wheel: Path) -> None:
    """Nothing that the program reads at run time may be left out of the wheel: code, scenes, stylesheets, types."""
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    missing = sorted(set(wanted()) - packed)
    if missing:
        raise Failed(f"{wheel.name} is without {', '.join(missing)}")


def wanted() -> Iterable[str]:
    """The files of the package as the wheel names them."""
    for file in (ROOT / "meshtui").rglob("*"):
        if file.is_file() and file.suffix != ".pyc":
            yield file.relative_to(ROOT).as_posix()
    for file in (ROOT / "styles").glob("*.tcss"):
        yield f"meshtui/styles/{file.name}"
    yield "meshtui/py.typed"


STEPS: dict[str, Callable[[], None]] = {
    "format": module("ruff", "format", "--check", "."),
    "lint": module("ruff", "check", "."),
    "types": module("mypy"),
    "imports": imports,
    "tests": tests,
    "package": package,
}


def main(names: list[str]) -> int:
    unknown = set(names) - set(STEPS)
    if unknown:
        print(f"no such step: {', '.join(unknown)}; there are {', '.join(STEPS)}", file=sys.stderr)
        return 2
    began = time.monotonic()
    for name in names or STEPS:
        print(f"== {name}", flush=True)
        started = time.monotonic()
        try:
            STEPS[name]()
        except Failed as failure:
            print(f"== {name} FAILED: {failure}", file=sys.stderr, flush=True)
            return 1
        print(f"== {name} passed in {time.monotonic() - started:.1f} s", flush=True)
    print(f"== all passed in {time.monotonic() - began:.0f} s, Python {sys.version.split()[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
