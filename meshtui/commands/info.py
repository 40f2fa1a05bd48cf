"""`meshtui info`: versions, and the files that are read and written. The first thing to put into a bug report."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any

from meshtui import __version__
from meshtui.kube import kubeconfig
from meshtui.settings import Settings, state_path

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def report(settings: Settings, output: str) -> str:
    """The report as "text" or "json". No file's content is in it but what is wrong with the configuration."""
    facts = _facts(settings)
    if output == "json":
        return f"{json.dumps(facts, indent=2)}\n"
    return "".join(f"{label:<12}{line}\n" for label, line in _lines(facts))


def _facts(settings: Settings) -> dict[str, Any]:
    return {
        "meshtui": __version__,
        "python": f"{platform.python_version()} at {sys.executable}",
        "platform": platform.platform(),
        "terminal": {name: os.environ.get(name, "") for name in ("TERM", "COLORTERM", "NO_COLOR")},
        "config": _file(settings.config_file),
        "complaints": list(settings.complaints),
        "state": _file(state_path()),
        "log": _file(settings.log_file),
        "kubeconfig": [_file(path) for path in kubeconfig.paths(settings)],
        "libraries": {name: version(name) for name in sorted(_libraries())},
    }


def _file(path: Path | None) -> dict[str, Any] | None:
    return {"path": str(path), "exists": path.exists()} if path else None


def _libraries() -> Iterator[str]:
    """What this package needs to run, by its own metadata."""
    for requirement in requires("meshtui") or ():
        if "extra ==" not in requirement and (name := _NAME.match(requirement)):
            yield name.group()


def _lines(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The label and the text of each line; a label stands before the first line of what it is about."""
    for label, fact in facts.items():
        texts = [_said(one) for one in fact] if isinstance(fact, list) else _said(fact).splitlines()
        yield from zip((label, *[""] * len(texts)), texts, strict=False)


def _said(fact: Any) -> str:
    if fact is None:
        return "none"
    if not isinstance(fact, dict):
        return str(fact)
    if "path" in fact:
        return f"{fact['path']}{'' if fact['exists'] else ' (not there)'}"
    return "\n".join(f"{name} {value or '–'}" for name, value in fact.items())
